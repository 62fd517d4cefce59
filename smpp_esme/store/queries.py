"""What is asked of the store without changing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, func, select

from smpp_esme.errors import UnknownReference
from smpp_esme.message.message import Event
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import records
from smpp_esme.store.batches import fetch, packed
from smpp_esme.store.tables import event, message, moment

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

    from smpp_esme.message.message import Message

_by_reference = select(message.c.id).where(message.c.reference == bindparam("reference"))

_after = select(message.c.id).where(message.c.id > bindparam("after")).order_by(message.c.id).limit(bindparam("limit"))

_page = packed(_after)

_page_of_status = packed(_after.where(message.c.status == bindparam("status")))

_counts = packed(select(message.c.status, func.count().label("number")).group_by(message.c.status))

_events: Select[Any] = packed(
    select(event.c.id, event.c.segment, event.c.at, event.c.previous, event.c.status, event.c.detail)
    .where(event.c.message == bindparam("message"))
    .order_by(event.c.id)
)


def message_by(connection: Connection, reference: str) -> Message:
    """One message; see `Store.message`."""
    return records.load(connection, [_id_of(connection, reference)])[0]


def messages(connection: Connection, *, status: MessageStatus | None, after: str | None, limit: int) -> list[Message]:
    """A page of messages; see `Store.messages`."""
    wanted = {"after": 0 if after is None else _id_of(connection, after), "limit": limit}
    if status is None:
        rows = fetch(connection, _page, wanted)
    else:
        rows = fetch(connection, _page_of_status, wanted | {"status": status.value})
    return records.load(connection, sorted(row[0] for row in rows))


def counts(connection: Connection) -> dict[MessageStatus, int]:
    """How many messages have each status; see `Store.counts`."""
    found = {MessageStatus(status): number for status, number in fetch(connection, _counts, {})}
    return {status: found.get(status, 0) for status in MessageStatus}


def events(connection: Connection, reference: str) -> list[Event]:
    """A message's history; see `Store.events`."""
    rows = fetch(connection, _events, {"message": _id_of(connection, reference)})
    return [
        Event(
            id=key,
            reference=reference,
            segment=number,
            at=moment(at),
            previous=None if previous is None else MessageStatus(previous),
            status=MessageStatus(status),
            detail=msgspec.json.decode(detail) if detail else {},
        )
        for key, number, at, previous, status, detail in rows
    ]


def _id_of(connection: Connection, reference: str) -> int:
    found: int | None = connection.execute(_by_reference, {"reference": reference}).scalar_one_or_none()
    if found is None:
        raise UnknownReference(reference)
    return found
