"""What goes over HTTP, in both directions: the JSON of requests and answers."""

from __future__ import annotations

import re
from base64 import b64encode
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema

from smpp_esme.daemon.gateway import BATCH_LIMIT
from smpp_esme.daemon.orders import Order
from smpp_esme.errors import InvalidValue
from smpp_esme.message.doubt import Decision, Policy
from smpp_esme.message.status import MessageStatus, aggregates
from smpp_esme.message.wanted import Wanted
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.content import KINDS, content_from
from smpp_esme.sms.envelope import Sms
from smpp_esme.sms.national import Language
from smpp_esme.web.contents import content_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smpp_esme.message.message import Message
    from smpp_esme.message.received import Received
    from smpp_esme.sms.content import Content

#: 255 segments of 153 characters are 39,015; with room for what an envelope adds.
TEXT_LIMIT: Final = 40_000

#: So much of a field that nobody knows is told back.
_LONGEST_NAME: Final = 64


class Body(BaseModel):
    """What every body has in common: no key that it does not know, and no value in its errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Submit(Body):
    """A message to deliver: `text` for a plain one, `content` for any other kind."""

    to: Annotated[str, Field(min_length=1, max_length=64, examples=["+79991234567"])]
    text: Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT, examples=["Привет"])] | None = None
    content: Annotated[dict[str, Any], WithJsonSchema(content_schema())] | None = None
    source: Annotated[str, Field(max_length=20)] | None = None
    comment: Annotated[str, Field(max_length=1000)] | None = None
    client_reference: Annotated[str, Field(max_length=128)] | None = None
    coding: Coding | None = None
    flash: Annotated[bool, Field(strict=True)] = False
    transliterate: Annotated[bool, Field(strict=True)] | None = None
    languages: Annotated[tuple[Language, ...], Field(max_length=len(Language))] | None = None
    priority: Annotated[int, Field(ge=0, le=3, strict=True)] = 0
    link: Annotated[str, Field(max_length=64)] | None = None
    pinned: (
        Annotated[bool, Field(strict=True, description="whether it stays on its link; else as if `link` is given")]
        | None
    ) = None
    schedule_delivery_time: Annotated[AwareDatetime, Field(description="not submitted before this")] | None = None
    validity_period: (
        Annotated[float, Field(gt=0, le=2_678_400, description="seconds after which nobody is to try any more")] | None
    ) = None
    resubmit: Annotated[Policy, Field(description="if it comes in doubt; else the link's")] | None = None

    def to_order(self) -> Order:
        """The gateway's form of it.

        Raises:
            InvalidValue: the content is not what its kind asks for.
        """
        if (self.text is None) == (self.content is None):
            raise InvalidValue("text", "text or content, and not both, says what to deliver", "one of the two")
        return Order(
            to=self.to,
            content=_content(self.content) if self.content is not None else Sms(self.text or ""),
            source=self.source,
            comment=self.comment,
            client_reference=self.client_reference,
            coding=self.coding,
            flash=self.flash,
            transliterate=self.transliterate,
            languages=self.languages,
            priority=self.priority,
            link=self.link,
            resubmit=self.resubmit,
            schedule_delivery_time=self.schedule_delivery_time,
            validity_period=self.validity_period,
        )

    def named(self, field: str) -> str:
        """What the caller calls a field of the message: `text`, or one of `content`."""
        if self.content is None:
            return "text" if field == "message" else field
        names = KINDS[str(self.content.get("kind", "sms"))].__struct_fields__
        if field == "text":  # as a whole, envelope and all
            return f"content.{names[0]}" if names else "content"
        return f"content.{field}" if field in {"kind", *names} else field


@contextmanager
def in_their_words(bodies: Sequence[Submit]) -> Iterator[None]:
    """Let an error name a field as the request did."""
    try:
        yield
    except InvalidValue as error:
        place = _PLACE.fullmatch(error.field)
        if place is None:
            raise
        field = bodies[int(place["number"] or 0)].named(place["field"])
        raise InvalidValue(f"{place['before'] or ''}{field}", error.problem, error.allowed) from error


#: A field of a message, or of one of several.
_PLACE: Final = re.compile(r"(?P<before>messages\.(?P<number>\d+)\.)?(?P<field>\w+)")


class SubmitBatch(Body):
    """Several messages, kept all or none."""

    messages: Annotated[list[Submit], Field(min_length=1, max_length=BATCH_LIMIT)]

    def to_orders(self) -> list[Order]:
        """The gateway's form of them.

        Raises:
            InvalidValue: one is wrong; `field` names it by number.
        """
        orders = []
        for number, one in enumerate(self.messages):
            try:
                orders.append(one.to_order())
            except InvalidValue as error:
                raise InvalidValue(f"messages.{number}.{error.field}", error.problem, error.allowed) from error
        return orders


class Lookup(Body):
    """Numbers to look up in the HLR, or to ping."""

    to: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=BATCH_LIMIT)]
    ping: Annotated[bool, Field(strict=True)] = False
    link: Annotated[str, Field(max_length=64)] | None = None


class Aggregates(Body):
    """What the statuses of a message's segments come to."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)

    all: Annotated[MessageStatus | None, Field(description="the status of every segment; null where they differ")]
    any: Annotated[MessageStatus, Field(description="the best that any segment has come to")]
    worst: Annotated[MessageStatus, Field(description="the one that decides: the message's own status")]


class Stored(Body):
    """A message as it stands."""

    reference: str
    client_reference: str | None
    kind: str
    to: str
    source: str
    link: str
    pinned: Annotated[bool, Field(description="whether it stays on its link, even if that cannot submit")]
    data_coding: int
    segments: int
    message_ids: list[str | None]
    vendor: list[dict[str, Any] | None]
    status: str
    segment_statuses: list[str]
    aggregate: Aggregates
    duplicates: int
    error: str | None
    error_meaning: str | None
    created_at: datetime
    submitted_at: datetime | None
    final_at: datetime | None

    @classmethod
    def of(cls, message: Message) -> Stored:
        """The JSON form of a message; its text stays in the store."""
        return cls(
            reference=message.reference,
            client_reference=message.client_reference,
            kind=message.kind,
            to=message.destination_addr,
            source=message.source_addr,
            link=message.link,
            pinned=message.pinned,
            data_coding=message.data_coding,
            segments=len(message.segments),
            message_ids=[segment.message_id for segment in message.segments],
            vendor=[segment.vendor for segment in message.segments],
            status=message.status,
            segment_statuses=[segment.status for segment in message.segments],
            aggregate=Aggregates.model_validate(aggregates([segment.status for segment in message.segments])),
            duplicates=message.duplicates,
            error=message.error,
            error_meaning=message.error_meaning,
            created_at=message.created_at,
            submitted_at=message.submitted_at,
            final_at=message.final_at,
        )


class LookedUp(Body):
    """A lookup as it stands; `record` is there once the HLR has answered."""

    reference: str
    to: str
    kind: str
    status: str
    error: str | None
    error_meaning: str | None
    created_at: datetime
    final_at: datetime | None
    record: dict[str, Any] | None

    @classmethod
    def of(cls, message: Message) -> LookedUp:
        """The JSON form of a lookup."""
        return cls(
            reference=message.reference,
            to=message.destination_addr,
            kind=message.kind,
            status=message.status,
            error=message.error,
            error_meaning=message.error_meaning,
            created_at=message.created_at,
            final_at=message.final_at,
            record=message.hlr,
        )


class Inbound(Body):
    """A message from a subscriber."""

    reference: str
    link: str
    source: str
    to: str
    text: str
    octets: str | None
    coding: str
    data_coding: int
    esm_class: int
    segments: int
    missing: list[int]
    detail: dict[str, Any]
    received_at: datetime

    @classmethod
    def of(cls, message: Received) -> Inbound:
        """The JSON form of a message from a subscriber; octets are in base64."""
        return cls(
            reference=message.reference,
            link=message.link,
            source=message.source_addr,
            to=message.destination_addr,
            text=message.text,
            octets=None if message.octets is None else b64encode(message.octets).decode(),
            coding=message.coding,
            data_coding=message.data_coding,
            esm_class=message.esm_class,
            segments=message.segments,
            missing=list(message.missing),
            detail=message.detail,
            received_at=message.received_at,
        )


class Inbounds(Body):
    """Several messages from subscribers."""

    received: list[Inbound]


class Kept(Body):
    """Several messages as they stand."""

    messages: list[Stored]


class Search(Body):
    """Which messages are looked for; what is left out does not matter."""

    status: MessageStatus | None = None
    link: Annotated[str, Field(max_length=64)] | None = None
    to: Annotated[str, Field(max_length=64, description="a number, with or without +")] | None = None
    client_reference: Annotated[str, Field(max_length=128)] | None = None
    since: Annotated[AwareDatetime, Field(description="kept then or later")] | None = None
    until: Annotated[AwareDatetime, Field(description="kept before")] | None = None
    after: (
        Annotated[str, Field(max_length=64, description="the `next` of the page before, or any reference")] | None
    ) = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100

    def to_wanted(self) -> Wanted:
        """The gateway's form of it."""
        return Wanted(
            status=self.status,
            link=self.link,
            destination_addr=self.to,
            client_reference=self.client_reference,
            since=self.since,
            until=self.until,
        )


class Page(Body):
    """Several messages as they stand; `next` is the `after` of the page behind them, null at the end."""

    messages: list[Stored]
    next: str | None


class Lookups(Body):
    """Several lookups as they stand."""

    lookups: list[LookedUp]


class Resolution(Body):
    """What is decided about messages in doubt."""

    decision: Annotated[
        Decision,
        Field(description="sent: the SMSC has it; resend: send it again, perhaps twice; fail: give it up"),
    ]
    references: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=1000)]


class ResolvedOne(Body):
    """What a decision did to one message."""

    reference: str
    moved: Annotated[bool, Field(description="whether it was in doubt")]
    status: str


class ResolvedAll(Body):
    """What a decision did; a reference that is not known is left out."""

    resolved: list[ResolvedOne]


class Ready(BaseModel):
    """Whether a message handed in now could be kept and sent."""

    ready: bool
    links: dict[str, bool]
    routes: Annotated[
        dict[str, str | None],
        Field(description="by route the link that would take a message now; null: none can submit"),
    ]
    reasons: list[str]


class Health(Body):
    """Whether the daemon is alive, and which of its links are bound."""

    status: str
    links: dict[str, bool]


def _content(fields: dict[str, Any]) -> Content:
    try:
        return content_from(fields)
    except InvalidValue as error:
        raise InvalidValue(f"content.{error.field[:_LONGEST_NAME]}", error.problem, error.allowed) from error


class Problem(BaseModel):
    """What was wrong with a request (RFC 9457)."""

    model_config = ConfigDict(frozen=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = None
    allowed: str | None = None
