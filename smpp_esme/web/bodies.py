"""What goes over HTTP, in both directions: the JSON of requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from smpp_esme.daemon.gateway import BATCH_LIMIT, Order
from smpp_esme.errors import InvalidValue
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.envelope import Sms, content_from

if TYPE_CHECKING:
    from smpp_esme.message.message import Message
    from smpp_esme.sms.envelope import Content

#: 255 segments of 153 characters are 39,015; with room for what an envelope adds.
_TEXT_LIMIT: Final = 40_000

#: So much of a field that nobody knows is told back.
_LONGEST_NAME: Final = 64


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Submit(_Body):
    """A message to deliver: `text` for a plain one, `content` for any other kind."""

    to: Annotated[str, Field(min_length=1, max_length=64, examples=["+79991234567"])]
    text: Annotated[str, Field(max_length=_TEXT_LIMIT, examples=["Привет"])] | None = None
    content: (
        Annotated[dict[str, Any], Field(examples=[{"kind": "mail", "message": "Hello", "subject": "Greetings"}])] | None
    ) = None
    source: Annotated[str, Field(max_length=20)] | None = None
    comment: Annotated[str, Field(max_length=1000)] | None = None
    client_reference: Annotated[str, Field(max_length=128)] | None = None
    coding: Coding | None = None
    flash: Annotated[bool, Field(strict=True)] = False
    priority: Annotated[int, Field(ge=0, le=3, strict=True)] = 0
    link: Annotated[str, Field(max_length=64)] | None = None

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
            priority=self.priority,
            link=self.link,
        )


class SubmitBatch(_Body):
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


class Lookup(_Body):
    """Numbers to look up in the HLR, or to ping."""

    to: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=BATCH_LIMIT)]
    ping: Annotated[bool, Field(strict=True)] = False
    link: Annotated[str, Field(max_length=64)] | None = None


class Stored(_Body):
    """A message as it stands."""

    reference: str
    client_reference: str | None
    kind: str
    to: str
    source: str
    link: str
    data_coding: int
    segments: int
    message_ids: list[str | None]
    status: str
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
            data_coding=message.data_coding,
            segments=len(message.segments),
            message_ids=[segment.message_id for segment in message.segments],
            status=message.status,
            error=message.error,
            error_meaning=message.error_meaning,
            created_at=message.created_at,
            submitted_at=message.submitted_at,
            final_at=message.final_at,
        )


class LookedUp(_Body):
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


class Kept(_Body):
    """Several messages as they stand."""

    messages: list[Stored]


class Lookups(_Body):
    """Several lookups as they stand."""

    lookups: list[LookedUp]


class Health(_Body):
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
