"""Messages by what is known of them, page by page.

A client_reference and a status have an index. Everything else is looked for among the messages in the order in which
they were kept, so many at a time and no more: a page may have few messages, or none, and still not be the last. An
index for each question would have to be kept by every message, and cost the traffic more than it saves whoever asks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Integer, String, bindparam, func, select

from smpp_esme.errors import UnknownReference
from smpp_esme.store import records
from smpp_esme.store.batches import fetch, packed
from smpp_esme.store.tables import EPOCH, Key, Moment, message

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from smpp_esme.message.message import Message
    from smpp_esme.message.wanted import Wanted

#: How many messages are looked at for one page.
SPAN: Final = 50_000
#: How far messages may be out of the order of their time: they are kept in groups, by several daemons' clocks.
_DISORDER: Final = timedelta(minutes=1)


_of_reference = select(message.c.id).where(message.c.reference == bindparam("reference"))
_reference_of = select(message.c.reference).where(message.c.id == bindparam("id"))
_of_client_reference = (
    select(message.c.id)
    .where(message.c.client_reference == bindparam("client_reference"), message.c.id > bindparam("after", type_=Key))
    .order_by(message.c.id)
    .limit(bindparam("limit", type_=Integer))
)
_first_from: Select[Any] = (
    select(message.c.id, message.c.created_at)
    .where(message.c.id >= bindparam("id", type_=Key))
    .order_by(message.c.id)
    .limit(1)
)
_largest = select(func.max(message.c.id))

_CONDITIONS: Final[dict[str, Any]] = {
    "link": lambda row: row.link == bindparam("link", type_=String),
    "numbers": lambda row: row.destination_addr.in_(bindparam("numbers", expanding=True)),
    "since": lambda row: row.created_at >= bindparam("since", type_=Moment),
    "until": lambda row: row.created_at < bindparam("until", type_=Moment),
}


def search(
    connection: Connection, wanted: Wanted, *, after: str | None, limit: int
) -> tuple[list[Message], str | None]:
    """A page of messages, and after which reference the next one begins; see `Store.search`."""
    first = 0 if after is None else _id_of(connection, after)
    if wanted.client_reference is not None:
        return _named(connection, wanted, first, limit)
    first = max(first, _before(connection, wanted.since)) if wanted.since else first
    span = _span(wanted)
    given = _parameters(wanted) | {"after": first, "span": SPAN, "limit": limit}
    last, looked_at = connection.execute(select(func.max(span.c.id), func.count()).select_from(span), given).one()
    if not looked_at:
        return [], None
    found = sorted(row[0] for row in fetch(connection, _matches(span, wanted), given))
    ended = looked_at < SPAN and len(found) < limit
    if len(found) == limit:
        last = found[-1]
    page = records.load(connection, found)
    if ended or _is_past(connection, last, wanted.until):
        return page, None
    return page, connection.execute(_reference_of, {"id": last}).scalar_one()


def _span(wanted: Wanted) -> Any:
    """The messages that are looked at for one page."""
    rows = select(message.c.id, message.c.link, message.c.destination_addr, message.c.created_at).where(
        message.c.id > bindparam("after", type_=Key)
    )
    if wanted.status is not None:
        rows = rows.where(message.c.status == bindparam("status"))
    return rows.order_by(message.c.id).limit(bindparam("span", type_=Integer)).subquery("span")


def _matches(span: Any, wanted: Wanted) -> Select[str]:
    asked = _parameters(wanted)
    conditions = [condition(span.c) for name, condition in _CONDITIONS.items() if name in asked]
    rows = select(span.c.id).where(*conditions).order_by(span.c.id).limit(bindparam("limit", type_=Integer))
    return packed(rows)


def _parameters(wanted: Wanted) -> dict[str, Any]:
    given: dict[str, Any] = {
        "status": None if wanted.status is None else wanted.status.value,
        "link": None if wanted.link is None else records.harmless(wanted.link),
        "numbers": None if wanted.destination_addr is None else [records.harmless(each) for each in wanted.numbers()],
        "since": wanted.since,
        "until": wanted.until,
    }
    return {name: value for name, value in given.items() if value is not None}


def _named(connection: Connection, wanted: Wanted, first: int, limit: int) -> tuple[list[Message], str | None]:
    """The messages that their callers have called so: each has one at most."""
    given = {"client_reference": records.harmless(wanted.client_reference or ""), "after": first, "limit": limit + 1}
    keys = list(connection.execute(_of_client_reference, given).scalars())
    found = records.load(connection, keys[:limit])
    following = found[-1].reference if len(keys) > limit else None
    return [one for one in found if wanted.includes(one)], following


def _before(connection: Connection, at: datetime) -> int:
    """An id before that of the first message that was kept then: ids grow with time, so it is halved towards."""
    low, high = 0, connection.execute(_largest).scalar_one() or 0
    limit = max(at, EPOCH) - _DISORDER
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(_first_from, {"id": middle + 1}).one_or_none()
        if row is not None and row.created_at < limit:
            low = row.id
        else:
            high = middle
    return low


def _is_past(connection: Connection, key: int, until: datetime | None) -> bool:
    if until is None:
        return False
    row = connection.execute(_first_from, {"id": key}).one_or_none()
    return row is not None and row.created_at - _DISORDER >= until


def _id_of(connection: Connection, reference: str) -> int:
    found: int | None = connection.execute(_of_reference, {"reference": reference}).scalar_one_or_none()
    if found is None:
        raise UnknownReference(reference)
    return found
