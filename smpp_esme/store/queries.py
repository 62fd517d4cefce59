"""What is asked of the store without changing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import BigInteger, String, bindparam, cast, column, func, literal, select, table, union_all, update

from smpp_esme.errors import UnknownReference
from smpp_esme.message.doubt import Policy
from smpp_esme.message.message import Event
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import records, schema
from smpp_esme.store.batches import fetch, packed
from smpp_esme.store.tables import Key, event, message, moment, segment, tally

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from smpp_esme.message.message import Message

_revision = table(schema.REVISION_TABLE, column("version_num"))

_touch = update(_revision).values(version_num=_revision.c.version_num)

_by_reference = select(message.c.id).where(message.c.reference == bindparam("reference"))

_after = select(message.c.id).where(message.c.id > bindparam("after")).order_by(message.c.id).limit(bindparam("limit"))

_page = packed(_after)

_page_of_status = packed(_after.where(message.c.status == bindparam("status")))

_counts = packed(
    select(tally.c.status, cast(func.sum(tally.c.number), BigInteger).label("number")).group_by(tally.c.status)
)

_duplicates = packed(_after.where(message.c.duplicates > literal(0, literal_execute=True)))


def _awaiting(status: MessageStatus) -> Select[Any]:
    return (
        select(message.c.id, message.c.link, message.c.submitted_at)
        .where(
            message.c.status == literal(status.value, literal_execute=True),
            message.c.id > bindparam("after", type_=Key),
        )
        .order_by(message.c.id)
        .limit(bindparam("limit"))
    )


# One index range for each status: what has its verdict is not even looked at.
_unreported = packed(
    select(
        union_all(
            *[
                select(_awaiting(status).subquery(f"awaiting_{status.lower()}"))
                for status in (MessageStatus.SUBMITTED, MessageStatus.ACCEPTED)
            ]
        ).subquery("awaiting")
    )
)

_partly_known = packed(
    select(message.c.id)
    .where(
        message.c.status == literal(MessageStatus.IN_DOUBT.value, literal_execute=True),
        message.c.id > bindparam("after", type_=Key),
        message.c.link == bindparam("link"),
        func.coalesce(message.c.resubmit, bindparam("default", type_=String)) == Policy.QUERY.value,
        select(segment.c.id)
        .where(
            segment.c.message == message.c.id,
            segment.c.message_id_key.is_not(None),
            segment.c.status.in_([MessageStatus.SUBMITTED.value, MessageStatus.ACCEPTED.value]),
        )
        .exists(),
    )
    .order_by(message.c.id)
    .limit(bindparam("limit"))
)

_events: Select[Any] = packed(
    select(event.c.id, event.c.segment, event.c.at, event.c.previous, event.c.status, event.c.detail)
    .where(event.c.message == bindparam("message"))
    .order_by(event.c.id)
)


def touch(connection: Connection) -> None:
    """Write what is there already; see `Store.probe`."""
    connection.execute(_touch)


def message_by(connection: Connection, reference: str) -> Message:
    """One message; see `Store.message`."""
    return records.load(connection, [_id_of(connection, reference)])[0]


def duplicates(connection: Connection, *, after: str | None, limit: int) -> list[Message]:
    """A page of the messages that were sent again in doubt; see `Store.duplicates`."""
    wanted = {"after": 0 if after is None else _id_of(connection, after), "limit": limit}
    return records.load(connection, sorted(row[0] for row in fetch(connection, _duplicates, wanted)))


def messages(connection: Connection, *, status: MessageStatus | None, after: str | None, limit: int) -> list[Message]:
    """A page of messages; see `Store.messages`."""
    wanted = {"after": 0 if after is None else _id_of(connection, after), "limit": limit}
    if status is None:
        rows = fetch(connection, _page, wanted)
    else:
        rows = fetch(connection, _page_of_status, wanted | {"status": status.value})
    return records.load(connection, sorted(row[0] for row in rows))


def overdue(
    connection: Connection, link: str, after: int, *, since: datetime, before: datetime, limit: int
) -> tuple[list[Message], int]:
    """Some messages that wait for a verdict too long; see `Store.overdue`."""
    rows = sorted(fetch(connection, _unreported, {"after": after, "limit": limit}))
    found: list[int] = []
    last = after
    for key, name, submitted_at in rows[:limit]:  # beyond that a row of one status may hide others of the other
        if name == link and submitted_at is not None:
            if moment(submitted_at) > before:
                break
            if moment(submitted_at) >= since:
                found.append(key)
        last = key
    return records.load(connection, found), last


def partly_known(
    connection: Connection, link: str, after: int, *, asks: bool, limit: int
) -> tuple[list[Message], int | None]:
    """Some messages in doubt of which other segments have ids; see `OpenEnds.partly_known`."""
    wanted = {"link": link, "after": after, "default": Policy.QUERY.value if asks else "", "limit": limit}
    found = [row[0] for row in fetch(connection, _partly_known, wanted)]
    return records.load(connection, found), found[-1] if len(found) == limit else None


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
