"""Events as the API's description has them: their schemas, from the records themselves, and an example of each kind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from smpp_esme.message.notice import (
    LINK_STATES,
    TYPES,
    LinkData,
    LinkNotice,
    Notice,
    ReceivedData,
    ReceivedEvent,
    StatusData,
    StatusEvent,
)
from smpp_esme.message.status import MessageStatus
from smpp_esme.web.contents import described

MEDIA_TYPE: Final = "text/event-stream"
_REFERENCE: Final = "#/components/schemas/{name}"


class EventPage(msgspec.Struct):
    """A page of events.

    Attributes:
        events: in the order in which they happened.
        after: where the next page begins, even if this one has no events.
        more: whether there is more to read by now.
    """

    events: list[Any]  # of Notice, a union that msgspec writes, but has no schema of
    after: int
    more: bool


#: The schema of one event.
EVENT: Final = {
    "anyOf": [{"$ref": _REFERENCE.format(name=one.__name__)} for one in (StatusEvent, ReceivedEvent, LinkNotice)]
}

_RECORDS: Final = (EventPage, StatusEvent, StatusData, ReceivedEvent, ReceivedData, LinkNotice, LinkData)

_AT: Final = datetime(2026, 11, 21, 8, 38, 56, 955925, tzinfo=UTC)

#: One of each kind, to be shown.
EXAMPLES: Final[dict[str, Notice]] = {
    "a receipt": StatusEvent(
        id=1057,
        type="message.delivered",
        timestamp=_AT,
        data=StatusData(
            reference="01M7YM4C37RJR9Z2C3G18QMWFE",
            client_reference="order 1057",
            kind="sms",
            link="main",
            source="ACME",
            to="79161234567",
            status=MessageStatus.DELIVERED,
            previous=MessageStatus.SUBMITTED,
            error="000",
            error_meaning="no error",
            done_at="2026-11-21T08:38:56Z",
        ),
    ),
    "a message from a subscriber": ReceivedEvent(
        id=1058,
        type="message.received",
        timestamp=_AT,
        data=ReceivedData(
            reference="01M7YZK176XQD2HS6XXSG3CF6D",
            link="main",
            source="79161234567",
            to="1234",
            text="Yes, tomorrow at seven",
            coding="gsm7",
            data_coding=0,
            esm_class=0,
            segments=1,
            missing=(),
            detail={},
        ),
    ),
    "a link that was lost": LinkNotice(
        id=1059,
        type="link.lost",
        timestamp=_AT,
        data=LinkData(link="main", bind="transceiver 1", reason="the peer closed the connection"),
    ),
}


def components() -> dict[str, Any]:
    """The schemas of events, by name."""
    _, schemas = msgspec.json.schema_components(_RECORDS, ref_template=_REFERENCE)
    for record in _RECORDS:
        described(schemas[record.__name__], record)
    received = "message.received"
    schemas["EventPage"]["properties"]["events"]["items"] = EVENT
    schemas["ReceivedEvent"]["properties"]["type"]["enum"] = [received]
    links = [f"link.{state.lower()}" for state in LINK_STATES]
    schemas["LinkNotice"]["properties"]["type"]["enum"] = links
    schemas["StatusEvent"]["properties"]["type"]["enum"] = [one for one in TYPES if one not in {received, *links}]
    return schemas


def webhooks() -> dict[str, Any]:
    """What a webhook is posted, as OpenAPI describes it."""
    shown = {name: {"value": msgspec.to_builtins(one)} for name, one in EXAMPLES.items()}
    headers = {
        "webhook-id": "the same at every attempt",
        "webhook-timestamp": "of this attempt, in seconds since 1970",
        "webhook-signature": "v1, a comma, and base64 of HMAC-SHA256 of id.timestamp.body; one for each secret",
    }
    return {
        "event": {
            "post": {
                "summary": "Be told of an event",
                "parameters": [
                    {"name": name, "in": "header", "required": True, "description": told, "schema": {"type": "string"}}
                    for name, told in headers.items()
                ],
                "requestBody": {"content": {"application/json": {"schema": EVENT, "examples": shown}}},
                "responses": {
                    "2XX": {"description": "It is taken"},
                    "410": {"description": "No more is wanted"},
                    "default": {"description": "It is tried again later; Retry-After says how much later"},
                },
            }
        }
    }


def _page() -> dict[str, Any]:
    page = EventPage(list(EXAMPLES.values()), after=1059, more=False)
    return {"schema": {"$ref": _REFERENCE.format(name="EventPage")}, "example": msgspec.to_builtins(page)}


def _stream() -> dict[str, Any]:
    (first, *_) = EXAMPLES.values()
    frame = f"id: {first.id}\nevent: {first.type}\ndata: {msgspec.json.encode(first).decode()}\n\n"
    return {"schema": {"type": "string"}, "example": frame}


#: What a question for events may be answered with.
CONTENT: Final[dict[str, Any]] = {"application/json": _page(), MEDIA_TYPE: _stream()}
