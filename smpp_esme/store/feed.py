"""Every event in the order in which it was written, for whoever tells the outside: nothing is left out.

An event is given out only once every event with a smaller id is there to be read. SQLite has one writer, so that is
always so. On PostgreSQL several daemons write at once, and the one that took its ids first may commit last; whoever
writes events holds a lock on their table until it commits, so the events up to an id are all there once nobody who held
the lock when that id was the newest holds it any more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import BigInteger, Integer, String, bindparam, func, literal, or_, select, text

from smpp_esme.errors import InvalidValue, UnknownReference
from smpp_esme.message.notice import (
    EVERYTHING,
    LinkData,
    LinkNotice,
    Notice,
    ReceivedData,
    ReceivedEvent,
    Selection,
    StatusData,
    StatusEvent,
    type_of,
)
from smpp_esme.message.status import VERDICTS, MessageStatus
from smpp_esme.store import inbox
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.tables import Key, event, message, moment, received

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

#: How many events one look goes through for those that are wanted.
STRIDE: Final = 2_000

#: No page is longer, whatever is asked for.
LONGEST_PAGE: Final = 1_000

#: Seconds until PostgreSQL is asked again whether everything up to an id is there.
_SOON: Final = 0.01

_beyond = (event.c.id > bindparam("after", type_=BigInteger)) & (event.c.id <= bindparam("end", type_=BigInteger))

# Patterns, as in "|QUEUED|FAILED|", so that a statement's text does not depend on what is wanted.
_wanted = or_(
    event.c.segment.is_(None)
    & bindparam("statuses", type_=String).like(literal("%|") + event.c.status + literal("|%")),
    event.c.segment.is_not(None)
    & bindparam("segments", type_=String).like(literal("%|") + event.c.status + literal("|%")),
) & or_(
    bindparam("link", type_=String).is_(None),
    func.coalesce(message.c.link, received.c.link, event.c.link) == bindparam("link", type_=String),
)


def _events(condition: ColumnElement[bool]) -> Select[str]:
    return packed(
        select(
            event.c.id,
            event.c.segment,
            event.c.at,
            event.c.previous,
            event.c.status,
            event.c.detail,
            event.c.received,
            message.c.reference,
            message.c.client_reference,
            message.c.kind,
            message.c.link,
            message.c.source_addr,
            message.c.destination_addr,
            message.c.hlr,
            event.c.link.label("of_link"),
        )
        .select_from(
            event.outerjoin(message, message.c.id == event.c.message).outerjoin(
                received, received.c.id == event.c.received
            )
        )
        .where(condition, _beyond, _wanted)
        .order_by(event.c.id)
        .limit(bindparam("limit", type_=Integer))
    )


_of_all = _events(literal(value=True))
_of_message = _events(event.c.message == bindparam("owner", type_=BigInteger))
_of_received = _events(event.c.received == bindparam("owner", type_=BigInteger))

_ids = Batch(id=Key)
_with_ids = _events(event.c.id.in_(select(_ids.c.id).select_from(_ids.rows)))

_stride = select(event.c.id).where(_beyond).order_by(event.c.id).limit(STRIDE).subquery("stride")
_reach = select(func.count(), func.max(_stride.c.id))

_message_by = select(message.c.id).where(message.c.reference == bindparam("reference"))
_received_by = select(received.c.id).where(received.c.reference == bindparam("reference"))

_newest_on_sqlite = text("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
_newest_on_postgresql = text("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM event_id_seq")
_writers = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND relation = 'event'::regclass"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND mode = 'RowExclusiveLock' AND granted"
)


class Page(msgspec.Struct, frozen=True):
    """Some events in their order.

    Attributes:
        events: those that were wanted.
        after: where the next page begins: after this id; also where there were none.
        more: whether there is more to read by now.
    """

    events: list[Notice]
    after: int
    more: bool


class Feed:
    """Reads events.

    Args:
        read: asks the database a question.
    """

    def __init__(self, read: Callable[..., Awaitable[Any]]) -> None:
        self._read = read
        self._looking = asyncio.Lock()
        self._complete: int | None = None
        self._pending: tuple[int, frozenset[str]] | None = None
        self._waiting: list[asyncio.Future[None]] = []

    async def end(self) -> int:
        """The id up to which every event is there; no event after it has been given out to anybody.

        Raises:
            StoreUnusable: the database failed.
        """
        async with self._looking:
            while True:
                if (complete := await self._look()) is not None:
                    return complete
                await asyncio.sleep(_SOON)

    async def page(self, after: int, selection: Selection = EVERYTHING, *, limit: int = 100) -> Page:
        """The events after one of them; with a selection that few fit, a page may be empty and not the last.

        Args:
            after: the id of the last event that was read, or `Page.after`; 0 for the beginning.
            selection: which.
            limit: how many at most; never more than `LONGEST_PAGE`.

        Raises:
            InvalidValue: `after` is beyond every event there ever was, so it is another database's.
            UnknownReference: the selection names a message that is not kept.
        """
        end = await self.end()
        page: Page = await self._read(_page, after, end, selection, limit=min(limit, LONGEST_PAGE))
        return page

    async def news(self, within: float) -> None:
        """Wait until something is committed here, or for so many seconds: other daemons may have written."""
        woken = asyncio.get_running_loop().create_future()
        self._waiting.append(woken)
        await asyncio.wait([woken], timeout=within)
        woken.cancel()

    def committed(self, rows: int, seconds: float) -> None:
        """A transaction has ended; wakes whoever waits for news, and costs nothing where nobody does."""
        del rows, seconds
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                if not one.done():
                    one.set_result(None)

    async def _look(self) -> int | None:
        newest, writers = await self._read(_newest)
        if not writers:
            self._complete, self._pending = newest, None
            return self._complete
        if self._pending is None or not self._pending[1] & writers:
            if self._pending:
                self._complete = self._pending[0]
            self._pending = newest, writers
        return self._complete


def _newest(connection: Connection) -> tuple[int, frozenset[str]]:
    """The newest id that was given to an event, and then who writes events."""
    if connection.dialect.name == "sqlite":
        return connection.execute(_newest_on_sqlite).scalar_one_or_none() or 0, frozenset()
    newest = connection.execute(_newest_on_postgresql).scalar_one()
    return newest, frozenset(connection.execute(_writers).scalars())


def _page(connection: Connection, after: int, end: int, selection: Selection, *, limit: int) -> Page:
    if after > end and after > _newest(connection)[0]:
        raise InvalidValue("after", "is beyond every event there is", "the id of an event of this daemon")
    statement, owner = _of_all, None
    if selection.reference is not None:
        statement, owner = _owned(connection, selection.reference)
    bounds = {"after": after, "end": end}
    reach = end if owner else _reached(connection, bounds)
    wanted = _wanting(selection) | {"after": after, "end": reach, "limit": limit}
    rows = fetch(connection, statement, wanted if owner is None else wanted | {"owner": owner})
    read = max(after, reach if len(rows) < limit else rows[-1][0])
    return Page(_notices(connection, rows), read, more=read < end)


def load(connection: Connection, ids: Sequence[int]) -> dict[int, Notice]:
    """The events with these ids; one that is not kept is left out."""
    if not ids:
        return {}
    bounds = {"after": min(ids) - 1, "end": max(ids), "limit": len(ids)}
    rows = fetch(connection, _with_ids, _wanting(EVERYTHING) | bounds | _ids.parameters([[each] for each in ids]))
    return {one.id: one for one in _notices(connection, rows)}


def _wanting(selection: Selection) -> dict[str, str | None]:
    return {
        "statuses": _pattern(selection.statuses),
        "segments": _pattern(selection.segments),
        "link": selection.link,
    }


def _reached(connection: Connection, bounds: dict[str, int]) -> int:
    """How far one look goes."""
    count, last = connection.execute(_reach, bounds).one()
    return last if count == STRIDE else bounds["end"]


def _owned(connection: Connection, reference: str) -> tuple[Select[str], int]:
    """The statement for one message's events, ours or a subscriber's, and its key."""
    for by, statement in ((_message_by, _of_message), (_received_by, _of_received)):
        if (key := connection.execute(by, {"reference": reference}).scalar_one_or_none()) is not None:
            return statement, key
    raise UnknownReference(reference)


def _pattern(statuses: frozenset[str]) -> str:
    return f"|{'|'.join(sorted(statuses))}|"


def _notices(connection: Connection, rows: list[list[Any]]) -> list[Notice]:
    came = {one.id: one for one in inbox.load(connection, [row[6] for row in rows if row[6] is not None])}
    notices: list[Notice] = []
    for row in rows:
        key, segment, at, _, status, _, arrival, *_ = row
        kind, when = type_of(status, segment=segment), moment(at)
        if row[-1] is not None:
            notices.append(LinkNotice(id=key, type=kind, timestamp=when, data=_link_data(row)))
        elif arrival is None:
            notices.append(StatusEvent(id=key, type=kind, timestamp=when, data=_data(row)))
        elif arrival in came:
            told = ReceivedData.of(came[arrival])
            notices.append(ReceivedEvent(id=key, type=kind, timestamp=when, data=told))
    return notices


#: What the history tells of a step, by the same names.
_DETAILS: Final = (
    "message_id",
    "command_status",
    "error",
    "error_meaning",
    "done_at",
    "vendor",
    "decided",
    "from_link",
    "to_link",
)


def _link_data(row: list[Any]) -> LinkData:
    told = msgspec.json.decode(row[5]) if row[5] else {}
    return msgspec.convert(told | {"link": row[-1]}, LinkData)


def _data(row: list[Any]) -> StatusData:
    _, segment, _, previous, status, detail, _, reference, client_reference, kind, link, source, to, hlr, _ = row
    known = msgspec.json.decode(detail) if detail else {}
    return StatusData(
        reference=reference,
        client_reference=client_reference,
        kind=kind,
        link=link,
        source=source,
        to=to,
        status=MessageStatus(status),
        previous=None if previous is None else MessageStatus(previous),
        segment=segment,
        # It came with the verdict; what is told of earlier steps must not change because of it.
        record=msgspec.json.decode(hlr) if hlr and status in VERDICTS else None,
        **{name: known[name] for name in _DETAILS if name in known},
    )
