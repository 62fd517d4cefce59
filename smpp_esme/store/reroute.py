"""Moving what is queued from one link to another, a few messages a step, and none that may have left.

Only a message of which nothing was ever submitted on its link may go to another: where a segment was taken, or may
have been, sending the rest elsewhere would tear the text apart, and sending all of it would be a possible duplicate.
The statement that moves says so itself, and that nobody has claimed the message since it was looked at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
from sqlalchemy import (
    BigInteger,
    Integer,
    String,
    bindparam,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from smpp_esme.errors import InvalidValue
from smpp_esme.message.ledger import Move
from smpp_esme.message.message import PRIORITIES, Message
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import records, retention
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.dialects import unindexed
from smpp_esme.store.intake import add_segments, octets_of
from smpp_esme.store.moves import optional, tell
from smpp_esme.store.seal import vault_of
from smpp_esme.store.tables import Key, message, microseconds, segment

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select

#: How many messages one step looks at: composing so many anew keeps the event loop for a few milliseconds.
STEP: Final = 100
#: Later than any moment that is kept.
_FOR_EVER: Final = 2**63 - 1
_WRITTEN_PLACE: Final = re.compile(r"([0-3])-(-?[0-9]{1,19})-([0-9]{1,19})")


class Place(msgspec.Struct, frozen=True, array_like=True):
    """How far through a link's queue a walk has come; the most urgent and longest waiting come first.

    Attributes:
        priority: of the last message.
        due: when that was due, in microseconds since 1970.
        id: the store's key of it.
    """

    priority: int = max(PRIORITIES)
    due: int = -_FOR_EVER
    id: int = 0

    def __str__(self) -> str:
        return f"{self.priority}-{self.due}-{self.id}"

    @classmethod
    def read(cls, words: str) -> Self:
        """The place that `str` wrote.

        Raises:
            InvalidValue: it did not.
        """
        found = _WRITTEN_PLACE.fullmatch(words)
        place = cls(*map(int, found.groups())) if found else None
        if place is None or max(abs(place.due), place.id) > _FOR_EVER:
            raise InvalidValue("after", "is no place in a queue", "the `next` of the answer before")
        return place


#: The beginning of a queue.
BEGINNING: Final = Place()


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """A message that is queued on a link, and what it takes to compose it for another.

    Attributes:
        message: the message.
        wish: see `message.wish`; None: nobody knows.
    """

    message: Message
    wish: str | None


class Queue(msgspec.Struct, frozen=True):
    """Some messages of a queue.

    Attributes:
        free: those that may be moved.
        pinned: how many are to stay on their link.
        begun: how many may have left: a segment was submitted, or all of it was sent again in doubt.
        after: where the next step goes on, or None: at the end.
    """

    free: list[Waiting]
    pinned: int
    begun: int
    after: Place | None


def _exactly(value: str | int) -> Any:
    # Written into the statement, not bound: only so does the planner see that the claim's partial index serves it.
    return literal_column(f"'{value}'" if isinstance(value, str) else str(value))


def _waiting_in(priority: int) -> Select[Any]:
    """The messages of one priority behind a place; two index ranges, as SQLite finds no place within equal times."""
    due, after = bindparam("due", type_=BigInteger), bindparam("after", type_=BigInteger)
    same = _range(priority, message.c.next_attempt_at == due, message.c.id > after)
    later = _range(priority, message.c.next_attempt_at > due)
    both = union_all(select(same.subquery("same")), select(later.subquery("later")))
    return packed(select(both.subquery("waiting")))


def _range(priority: int, *behind: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            message.c.id,
            message.c.next_attempt_at,
            message.c.pinned,
            message.c.wish,
            or_(message.c.duplicates > 0, message.c.submitted_at.is_not(None), _has_begun()).label("begun"),
        )
        .where(
            message.c.status == _exactly(MessageStatus.QUEUED.value),
            message.c.link == bindparam("link", type_=String),
            message.c.priority == _exactly(priority),
            *behind,
            message.c.next_attempt_at <= bindparam("until", type_=BigInteger),
        )
        .order_by(message.c.next_attempt_at, message.c.id)
        .limit(bindparam("limit", type_=Integer))
    )


def _has_begun() -> Any:
    """Whether anything of a message of several segments is not simply waiting."""
    part = segment.alias("part")
    return exists().where(
        part.c.message == message.c.id,
        or_(
            part.c.status != _exactly(MessageStatus.QUEUED.value),
            part.c.message_id.is_not(None),
            part.c.submitted_at.is_not(None),
        ),
    )


_waiting = {priority: _waiting_in(priority) for priority in PRIORITIES}

#: What another link's profile may have otherwise, by column.
_COMPOSED: Final = (
    "link",
    "source_addr",
    "source_addr_ton",
    "source_addr_npi",
    "destination_addr",
    "dest_addr_ton",
    "dest_addr_npi",
    "text",
    "data_coding",
    "wish",
    "sealed",
)
_OWN: Final = ("esm_class", "short_message", "tlvs")
_kinds = {name: message.c[name].type for name in (*_COMPOSED, *_OWN)}

_moved = Batch(id=Key, claimed_at=Key, **_kinds)

_move = (
    update(message)
    .where(
        message.c.id == _moved.c.id,
        unindexed(message.c.status) == _exactly(MessageStatus.QUEUED.value),
        message.c.link == bindparam("from_link", type_=String),
        message.c.duplicates == 0,
        message.c.submitted_at.is_(None),
        # Whoever claimed it meanwhile may have sent some of it.
        func.coalesce(message.c.claimed_at, literal(0, Key)) == func.coalesce(_moved.c.claimed_at, literal(0, Key)),
        ~_has_begun(),
    )
    .values(
        error=None,
        error_meaning=None,
        command_status=None,
        **{name: getattr(_moved.c, name) for name in (*_COMPOSED, *_OWN)},
    )
    .returning(message.c.id)
)

_ids = Batch(id=Key)
_drop_segments = delete(segment).where(segment.c.message.in_(select(_ids.c.id).select_from(_ids.rows)))


def waiting(
    connection: Connection, link: str, after: Place, *, until: datetime | None, limit: int, pinned: bool
) -> Queue:
    """Some messages of a link's queue; see `Reroute.waiting`."""
    rows: list[list[Any]] = []
    place: Place | None = after
    last = _FOR_EVER if until is None else microseconds(until)
    for priority in PRIORITIES:
        if priority > after.priority or len(rows) >= limit:
            continue
        begin = after if priority == after.priority else Place(priority)
        room = limit - len(rows)
        given = {"link": link, "due": begin.due, "after": begin.id, "until": last, "limit": room}
        found = sorted(fetch(connection, _waiting[priority], given), key=lambda row: (row[1], row[0]))
        found = found[:room]
        rows += found
        if found:
            place = Place(priority, found[-1][1], found[-1][0])
    begun = [row for row in rows if row[4]]
    staying = [row for row in rows if row[2] and not row[4] and not pinned]
    wishes = {row[0]: row[3] for row in rows if not row[4] and (pinned or not row[2])}
    return Queue(
        free=_loaded(connection, link, wishes),
        pinned=len(staying),
        begun=len(begun),
        after=place if len(rows) >= limit else None,
    )


def _loaded(connection: Connection, link: str, wishes: dict[int, str | None]) -> list[Waiting]:
    """The messages with these ids that are queued there still, as PostgreSQL reads each statement's own moment."""
    vault = vault_of(connection)
    found = []
    for each in records.load(connection, wishes):
        wish = wishes[each.id]
        if each.link == link and each.status is MessageStatus.QUEUED:
            found.append(Waiting(each, vault.open_wish(wish, each.reference) if vault and wish else wish))
    return found


def move(
    connection: Connection, messages: Sequence[Message], *, from_link: str, decided: str, at: datetime
) -> set[str]:
    """Move messages to the links that they name by now; see `Reroute.move`."""
    vault = vault_of(connection)
    rows = [vault.sealed_alike(each) if vault else each for each in messages]
    given = _moved.parameters([_row(each) for each in rows]) | {"from_link": from_link}
    moved = set(connection.execute(_move, given).scalars())
    gone = [each for each in rows if each.id in moved]
    if not gone:
        return set()
    connection.execute(_drop_segments, _ids.parameters([[each.id] for each in gone]))
    add_segments(connection, gone)
    tell(connection, [_step(each, from_link, decided, at) for each in gone])
    return {each.reference for each in gone}


def _row(each: Message) -> list[Any]:
    return [each.id, optional(each.claimed_at), *[getattr(each, name) for name in _COMPOSED], *octets_of(each)]


def _step(each: Message, from_link: str, decided: str, at: datetime) -> Move:
    detail = {"from_link": from_link, "to_link": each.link, "decided": decided}
    return Move(each.id, None, at, MessageStatus.QUEUED, MessageStatus.QUEUED, detail)


class Reroute:
    """Takes messages from a link's queue to another's.

    Everything that a method reports is committed when it returns; cancellation is as with `Store`.

    Args:
        read: asks the database a question.
        write: makes a change in a transaction.
    """

    def __init__(self, read: Callable[..., Awaitable[Any]], write: Callable[..., Awaitable[Any]]) -> None:
        self._read = read
        self._write = write

    async def waiting(
        self,
        link: str,
        after: Place = BEGINNING,
        *,
        until: datetime | None = None,
        limit: int = STEP,
        pinned: bool = False,
    ) -> Queue:
        """Some messages of a link's queue, the most urgent and longest waiting first.

        Args:
            link: its name.
            after: where the step before left off.
            until: only those that are due by then; None: all of them.
            limit: how many are looked at.
            pinned: whether those that are to stay on their link may be moved as well.
        """
        found: Queue = await self._read(waiting, link, after, until=until, limit=limit, pinned=pinned)
        return found

    async def move(self, messages: Sequence[Message], *, from_link: str, decided: str, at: datetime) -> set[str]:
        """Move messages to another link's queue, in one transaction; the references of those that were moved.

        One that is not as it was when `waiting` gave it stays where it is: it was claimed, cancelled, or moved already.

        Args:
            messages: as they are to be from now on, with the name of their new link and composed for its profile; of
                the rest, nothing is looked at but `id`, `reference`, `claimed_at` and `sealed`.
            from_link: where they are.
            decided: why, for their histories.
            at: now.
        """
        if not messages:
            return set()
        found: set[str] = await self._write(move, list(messages), from_link=from_link, decided=decided, at=at)
        return found

    async def stranded(self, links: Iterable[str]) -> list[str]:
        """The links that messages are queued for and that are not among these."""
        found: list[str] = await self._read(retention.links_beside, list(links))
        return found
