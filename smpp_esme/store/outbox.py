"""How far each endpoint has been told of events, and what it could not be told: its dead letters.

The events themselves are the outbox; an endpoint is one row, which says up to which of them it is done. Of several
daemons on one database one delivers to an endpoint: the one that holds the lease, and only it moves the row on.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import BigInteger, Integer, String, Text, bindparam, delete, func, insert, literal, or_, select, update

from smpp_esme.message.notice import LinkData, LinkFact, Notice
from smpp_esme.store import feed
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.tables import Key, dead_letter, event, microseconds, moment, webhook

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy import Connection

#: No page is longer, whatever is asked for.
LONGEST_PAGE: Final = 1_000


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """How an endpoint stands.

    Attributes:
        name: its name.
        event: the last event that it is done with.
        disabled_at: when it said that it wants no more; None if it did not.
        dead_letters: how many events it could not be told.
    """

    name: str
    event: int
    disabled_at: datetime | None = None
    dead_letters: int = 0


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that an endpoint could not be told.

    Attributes:
        id: the store's own key.
        at: when it was given up.
        attempts: how often it was tried.
        reason: why the last attempt failed.
        replay_at: since when it is to be tried again; None if it is not.
        event: the event.
    """

    id: int
    at: datetime
    attempts: int
    reason: str
    replay_at: datetime | None
    event: Notice


_endpoint = bindparam("name", type_=String)
_mine = (webhook.c.endpoint == _endpoint) & (webhook.c.lease_owner == bindparam("owner", type_=String))

_begin = insert(webhook).from_select(
    ["endpoint", "event"],
    select(_endpoint, bindparam("start", type_=BigInteger)).where(
        ~select(webhook.c.endpoint).where(webhook.c.endpoint == _endpoint).exists()
    ),
)
_claim = (
    update(webhook)
    .where(
        webhook.c.endpoint == _endpoint,
        or_(
            webhook.c.lease_owner.is_(None),
            webhook.c.lease_owner == bindparam("owner"),
            webhook.c.lease_until <= bindparam("now"),
        ),
    )
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until"))
    .returning(webhook.c.event, webhook.c.disabled_at)
)
_advance = update(webhook).where(_mine).values(event=bindparam("event"), lease_until=bindparam("until"))
_release = update(webhook).where(_mine).values(lease_owner=None, lease_until=None)
_disable = update(webhook).where(_mine).values(disabled_at=bindparam("at"))
_enable = update(webhook).where(webhook.c.endpoint == _endpoint).values(disabled_at=None)

_standings = select(webhook.c.endpoint, webhook.c.event, webhook.c.disabled_at).order_by(webhook.c.endpoint)
_dead = select(dead_letter.c.endpoint, func.count()).group_by(dead_letter.c.endpoint)

_of_endpoint = (
    select(
        dead_letter.c.id,
        dead_letter.c.at,
        dead_letter.c.attempts,
        dead_letter.c.reason,
        dead_letter.c.replay_at,
        dead_letter.c.event,
    )
    .where(dead_letter.c.endpoint == _endpoint)
    .order_by(dead_letter.c.id)
    .limit(bindparam("limit", type_=Integer))
)
_letters = packed(_of_endpoint.where(dead_letter.c.id > bindparam("after", type_=BigInteger)))
_to_replay = packed(_of_endpoint.where(dead_letter.c.replay_at.is_not(None)))

# Only while its event is there: retention may have been quicker.
_bury = insert(dead_letter).from_select(
    ["event", "endpoint", "at", "attempts", "reason"],
    select(
        event.c.id,
        _endpoint,
        bindparam("at", type_=BigInteger),
        bindparam("attempts", type_=Integer),
        bindparam("reason", type_=String),
    ).where(event.c.id == bindparam("event", type_=BigInteger)),
)
_dig_up = delete(dead_letter).where(
    dead_letter.c.endpoint == _endpoint, dead_letter.c.event == bindparam("event", type_=BigInteger)
)

_facts = Batch(link=String(), at=BigInteger(), status=String(), detail=Text())
_announce = insert(event).from_select(
    ["link", "at", "status", "detail"],
    select(_facts.c.link, _facts.c.at, _facts.c.status, _facts.c.detail).select_from(_facts.rows),
)

_ids = Batch(id=Key)
_chosen = dead_letter.c.id.in_(select(_ids.c.id).select_from(_ids.rows))
_replay = update(dead_letter).where(dead_letter.c.endpoint == _endpoint).values(replay_at=bindparam("now"))
_replayed = delete(dead_letter).where(dead_letter.c.id == bindparam("letter", type_=BigInteger))
_failed_again = (
    update(dead_letter)
    .where(dead_letter.c.id == bindparam("letter", type_=BigInteger))
    .values(at=bindparam("now"), reason=bindparam("why"), attempts=dead_letter.c.attempts + literal(1), replay_at=None)
)


class Outbox:
    """What endpoints have been told.

    Everything that a method reports is committed when it returns; cancellation is as with `Store`.

    Args:
        read: asks the database a question.
        write: makes a change in a transaction.
    """

    def __init__(self, read: Callable[..., Awaitable[Any]], write: Callable[..., Awaitable[Any]]) -> None:
        self._read = read
        self._write = write

    async def claim(self, name: str, *, owner: str, start: int, at: datetime, until: datetime) -> Endpoint | None:
        """Take an endpoint, to be the one who delivers to it.

        Args:
            name: the endpoint's.
            owner: who takes it: the same name after a restart.
            start: the event behind which an endpoint begins that there was not.
            at: now.
            until: when others may take its owner for dead.

        Returns:
            How it stands, or None: another has it.
        """
        found: Endpoint | None = await self._write(_take, name, owner, start=start, at=at, until=until)
        return found

    async def advance(self, name: str, event: int, *, owner: str, until: datetime) -> bool:
        """Write down that an endpoint is done with an event and all before; False if it is another's by now."""
        parameters = {"name": name, "event": event, "owner": owner, "until": until}
        moved: bool = await self._write(_change, _advance, parameters)
        return moved

    async def bury(self, name: str, event: int, *, attempts: int, reason: str, at: datetime) -> None:
        """Keep an event as a dead letter; if it is one, the later story counts."""
        await self._write(_buried, name, event, attempts=attempts, reason=reason, at=at)

    async def disable(self, name: str, *, owner: str, at: datetime) -> bool:
        """Write down that an endpoint wants no more; False if it is another's by now."""
        done: bool = await self._write(_change, _disable, {"name": name, "owner": owner, "at": at})
        return done

    async def enable(self, name: str) -> bool:
        """Let an endpoint be told again, from where it was; False if nobody ever delivered to it."""
        done: bool = await self._write(_change, _enable, {"name": name})
        return done

    async def release(self, name: str, *, owner: str) -> None:
        """Give an endpoint back, so that another need not wait for the lease to end."""
        await self._write(_change, _release, {"name": name, "owner": owner})

    async def announce(self, facts: Sequence[LinkFact]) -> None:
        """Keep what happened to links as events, in this order."""
        if facts:
            await self._write(_announced, facts)

    async def endpoints(self) -> list[Endpoint]:
        """How every endpoint stands to which anybody ever delivered, by name."""
        found: list[Endpoint] = await self._read(_all)
        return found

    async def dead_letters(self, name: str, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
        """A page of an endpoint's dead letters, oldest first.

        Args:
            name: the endpoint's.
            after: the id of the last one of the page before.
            limit: how many at most; never more than `LONGEST_PAGE`.
        """
        parameters = {"name": name, "after": after, "limit": min(limit, LONGEST_PAGE)}
        found: list[DeadLetter] = await self._read(_look, _letters, parameters)
        return found

    async def replay(self, name: str, letters: Sequence[int] | None, *, at: datetime) -> int:
        """Have dead letters tried again, all of them if none is named; how many it concerns."""
        count: int = await self._write(_marked, name, letters, at=at)
        return count

    async def to_replay(self, name: str, *, limit: int = 100) -> list[DeadLetter]:
        """The dead letters that are to be tried again, oldest first."""
        found: list[DeadLetter] = await self._read(_look, _to_replay, {"name": name, "limit": limit})
        return found

    async def replayed(self, letter: int, *, failure: str | None, at: datetime) -> None:
        """Write down how that went: it is no dead letter any more, or it stays one and says why."""
        if failure is None:
            await self._write(_change, _replayed, {"letter": letter})
        else:
            await self._write(_change, _failed_again, {"letter": letter, "now": at, "why": failure})


def _announced(connection: Connection, facts: Sequence[LinkFact]) -> None:
    rows = [(each.data.link, each.at, each.state, _told(each.data)) for each in facts]
    connection.execute(_announce, _facts.parameters([(link, microseconds(at), *rest) for link, at, *rest in rows]))


def _told(data: LinkData) -> str:
    """The facts; the link has a column of its own."""
    told = msgspec.to_builtins(data)
    del told["link"]
    return msgspec.json.encode(told).decode()


def _take(
    connection: Connection, name: str, owner: str, *, start: int, at: datetime, until: datetime
) -> Endpoint | None:
    connection.execute(_begin, {"name": name, "start": start})
    row = connection.execute(_claim, {"name": name, "owner": owner, "now": at, "until": until}).one_or_none()
    return None if row is None else Endpoint(name=name, event=row.event, disabled_at=row.disabled_at)


def _change(connection: Connection, statement: Any, parameters: dict[str, Any]) -> bool:
    return bool(connection.execute(statement, parameters).rowcount)


def _buried(connection: Connection, name: str, event: int, *, attempts: int, reason: str, at: datetime) -> None:
    letter = {"name": name, "event": event}
    connection.execute(_dig_up, letter)
    connection.execute(_bury, letter | {"attempts": attempts, "reason": reason, "at": microseconds(at)})


def _all(connection: Connection) -> list[Endpoint]:
    dead = {name: count for name, count in connection.execute(_dead)}  # noqa: C416 - rows, which dict() is not typed for
    return [
        Endpoint(name=name, event=event, disabled_at=disabled_at, dead_letters=dead.get(name, 0))
        for name, event, disabled_at in connection.execute(_standings)
    ]


def _look(connection: Connection, statement: Any, parameters: dict[str, Any]) -> list[DeadLetter]:
    rows = fetch(connection, statement, parameters)
    events = feed.load(connection, [row[-1] for row in rows])
    return [
        DeadLetter(
            id=key,
            at=moment(at),
            attempts=attempts,
            reason=reason,
            replay_at=None if replay_at is None else moment(replay_at),
            event=events[event],
        )
        for key, at, attempts, reason, replay_at, event in rows
        if event in events
    ]


def _marked(connection: Connection, name: str, letters: Sequence[int] | None, *, at: datetime) -> int:
    parameters: dict[str, Any] = {"name": name, "now": at}
    if letters is None:
        return connection.execute(_replay, parameters).rowcount
    chosen = _ids.parameters([[each] for each in letters])
    return connection.execute(_replay.where(_chosen), parameters | chosen).rowcount
