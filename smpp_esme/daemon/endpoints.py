"""One webhook as it is configured: who is told of events, of which ones, and how often it is tried."""

from __future__ import annotations

from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from smpp_esme.daemon import signing
from smpp_esme.daemon.table import Seconds, Table
from smpp_esme.errors import InvalidValue
from smpp_esme.message.notice import Selection

#: What most applications wait for: how a message ended, or that somebody must look at it, and what subscribers write.
USUAL: Final = (
    "message.delivered",
    "message.undeliverable",
    "message.expired",
    "message.rejected",
    "message.deleted",
    "message.unknown",
    "message.failed",
    "message.cancelled",
    "message.in_doubt",
    "message.received",
)


class WebhookSettings(Table):
    """One endpoint that is told of events.

    Attributes:
        url: where events are posted to, ``https://...``; ``http://`` only where nobody else can listen.
        secret: what each request is signed with, ``whsec_...``; several, with spaces between them, while one replaces
            another. Better from the environment or a file of its own.
        secret_file: a file that holds the same.
        events: which types; ``message.*``, ``segment.*``, ``link.*`` and ``*`` are several.
        link: only of this link, and of messages on it.
        timeout: seconds that an answer may take.
        attempts: how often an event is tried before it is a dead letter.
        shortest: seconds after the first failure; after each further one it is twice as long.
        longest: seconds between two attempts at most, unless the endpoint asks for more (Retry-After).
        concurrency: how many requests may be under way. With 1 events arrive in their order; with more, those of one
            message do.
        ca: a PEM file, or a folder of them, with the authorities to trust instead of the system's.
    """

    url: Annotated[str, Field(repr=False)]  # it may hold what only the two of them know
    secret: SecretStr = SecretStr("")
    secret_file: str = ""
    events: Annotated[tuple[str, ...], Field(min_length=1)] = USUAL
    link: str = ""
    timeout: Seconds = 15.0
    attempts: Annotated[int, Field(ge=1, le=1_000)] = 12
    shortest: Seconds = 2.0
    longest: Seconds = 600.0
    concurrency: Annotated[int, Field(ge=1, le=100)] = 1
    ca: str = ""

    @field_validator("url")
    @classmethod
    def _reachable(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not url.isprintable():
            raise ValueError("is no address; https://HOST/PATH")
        if "@" in parts.netloc:
            raise ValueError("holds a name or a password; the signature says who we are")
        _ = parts.port  # a ValueError of its own if it is none
        return url

    @field_validator("events")
    @classmethod
    def _known(cls, events: tuple[str, ...]) -> tuple[str, ...]:
        try:
            Selection.of(events)
        except InvalidValue as error:
            raise ValueError(f"{error.problem}; {error.allowed}") from None
        return events

    @model_validator(mode="after")
    def _signed(self) -> Self:
        try:
            keys = self.keys()
        except InvalidValue as error:
            raise ValueError(str(error)) from None
        if not keys:
            raise ValueError("secret: there is none; `smpp-esme webhook secret` makes one")
        return self

    @property
    def origin(self) -> str:
        """Where it is, without what may be secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def keys(self) -> tuple[bytes, ...]:
        """What each request is signed with.

        Raises:
            InvalidValue: a secret is none.
        """
        return signing.keys_of(self.secret.get_secret_value())

    def selection(self) -> Selection:
        """Which events it is told of."""
        return Selection.of(self.events, link=self.link or None)
