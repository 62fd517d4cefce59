"""Group commit: one transaction at a time, and in it everything that waited for the one before to end.

Many callers write at once: HTTP requests, the answers of a loop turn, receipts, claims. A transaction for each would
spend its time on waiting for the disk. So the parts that wait share the next one, each caller is told of its own part's
outcome after the commit, and a part that fails does not spoil the others: the group is taken apart, and each caller's
part has a transaction to itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from smpp_esme.errors import StoreOutage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

_T = TypeVar("_T")

#: No more rows share a transaction, so that nobody waits long for its end; one caller's batch is never divided.
ROWS_TOGETHER: Final = 2_000


class CommitUnknown(StoreOutage):
    """The connection broke while the database was committing, and it cannot be asked: perhaps it has, perhaps not.

    All who wait are told; a repetition might take for somebody else's what is their own.
    """


class DatabaseAway(StoreOutage):
    """The database has been away for longer than anybody should wait: all who wait are told."""


class Database(Protocol):
    """What a store needs of a database: transactions, one after another, and questions beside them."""

    async def write(self, change: Callable[[Connection], _T]) -> _T:
        """Run `change` in a transaction of its own; called by one task at a time.

        Raises:
            CommitUnknown: whether it was committed is not known.
            DatabaseAway: nothing was changed, and nothing that is tried now will be.
            Exception: whatever `change` and the driver raise; nothing was changed.
        """

    async def read(self, question: Callable[[Connection], _T]) -> _T:
        """Ask; several may at once."""

    async def close(self) -> None:
        """Give everything back."""


class _Part:
    """The part of a transaction in which one statement sequence serves one caller or several."""

    def __init__(self, change: Callable[[Connection, list[Any]], Sequence[Any]], *, last: bool = False) -> None:
        self.change = change
        self.last = last
        self.rows = 0
        self.callers: list[tuple[Any, asyncio.Future[Any]]] = []

    def admit(self, item: Any, caller: asyncio.Future[Any], rows: int) -> None:
        """One caller more."""
        self.callers.append((item, caller))
        self.rows += rows

    def dismiss(self) -> bool:
        """Leave out whoever waits no more; whether anybody is left."""
        self.callers = [(item, caller) for item, caller in self.callers if not caller.done()]
        return bool(self.callers)

    def run(self, connection: Connection) -> Sequence[Any]:
        """What to tell each caller."""
        return self.change(connection, [item for item, _ in self.callers])

    def alone(self) -> list[_Part]:
        """A part for each caller."""
        parts = []
        for item, caller in self.callers:
            part = _Part(self.change, last=self.last)
            part.admit(item, caller, 0)
            parts.append(part)
        return parts

    def tell(self, outcomes: Sequence[Any]) -> None:
        """Tell the callers what became of it; an outcome that is an exception is raised."""
        for (_, caller), outcome in zip(self.callers, outcomes, strict=True):
            if caller.done():
                continue
            if isinstance(outcome, Exception):
                caller.set_exception(outcome)
            else:
                caller.set_result(outcome)


class GroupCommit:
    """Writes to a database in groups.

    Cancellation: who is cancelled while he waits for his turn has written nothing. Once his transaction has begun, it
    goes on to its end: all of his part is committed or none.

    Args:
        database: where to.

    Attributes:
        watchers: told after each transaction how many rows it was about and how many seconds it took.
    """

    def __init__(self, database: Database) -> None:
        self.watchers: list[Callable[[int, float], None]] = []
        self._database = database
        self._waiting: list[_Part] = []
        self._shared: dict[Callable[..., Any], _Part] = {}
        self._writing: asyncio.Task[None] | None = None

    async def write(self, change: Callable[[Connection], _T], *, rows: int = 1, last: bool = False) -> _T:
        """Run a change in some transaction; what it returns is committed.

        Args:
            change: makes the change; run again if the group it was in failed for somebody else's sake.
            rows: how many it is about, roughly.
            last: whether it goes behind whatever else shares its transaction, and so finds what that has changed.
        """
        part = _Part(lambda connection, _: [change(connection)], last=last)
        result: _T = await self._wait(part, None, rows)
        return result

    async def write_together(
        self, change: Callable[[Connection, list[_T]], Sequence[Any]], item: _T, *, rows: int
    ) -> Any:
        """The same for a change that serves several callers with one sequence of statements.

        Args:
            change: the same object for all who are to share; takes the items of all and gives as many outcomes. An
                outcome that is an exception is raised for its caller alone.
            item: this caller's.
            rows: how many it holds, roughly.
        """
        part = self._shared.get(change)
        if part is None or part.rows + rows > ROWS_TOGETHER:
            part = self._shared[change] = _Part(change)
        return await self._wait(part, item, rows)

    async def finish(self) -> None:
        """Wait until everything that waits now is written."""
        while self._writing is not None:
            await asyncio.wait([self._writing])

    async def _wait(self, part: _Part, item: Any, rows: int) -> Any:
        caller = asyncio.get_running_loop().create_future()
        if not part.callers:
            self._waiting.append(part)
        part.admit(item, caller, rows)
        if self._writing is None:
            # A task of its own: whoever waits may be cancelled, a transaction may not be left half way.
            self._writing = asyncio.create_task(self._write(), name="store.write")
        return await caller

    async def _write(self) -> None:
        try:
            while group := self._group():
                await self._commit(group)
        finally:
            self._writing = None

    def _group(self) -> list[_Part]:
        """Take what the next transaction will hold."""
        self._shared.clear()
        group: list[_Part] = []
        rows = 0
        while self._waiting and (not group or rows + self._waiting[0].rows <= ROWS_TOGETHER):
            part = self._waiting.pop(0)
            if part.dismiss():
                group.append(part)
                rows += part.rows
        return sorted(group, key=lambda part: part.last)

    async def _commit(self, group: list[_Part]) -> None:
        """One transaction for a group; if it fails, one for each caller."""
        now = asyncio.get_running_loop().time
        begun = now()
        try:
            outcomes = await self._database.write(lambda connection: [part.run(connection) for part in group])
        except (CommitUnknown, DatabaseAway) as error:
            for part in group:
                part.tell([error for _ in part.callers])
        except Exception as error:  # noqa: BLE001 - it is told to whoever waits
            callers = [alone for part in group for alone in part.alone() if alone.dismiss()]
            if len(group) == len(callers) == 1:
                callers[0].tell([error])
                return
            for alone in callers:
                await self._commit([alone])
        else:
            rows, seconds = sum(part.rows for part in group), now() - begun
            for told in self.watchers:
                told(rows, seconds)
            for part, outcome in zip(group, outcomes, strict=True):
                part.tell(outcome)
