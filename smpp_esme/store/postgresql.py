"""A PostgreSQL database: one connection that writes, a few that read, and patience with a server that restarts."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from smpp_esme.errors import InvalidValue, StoreUnusable
from smpp_esme.store import schema
from smpp_esme.store.group_commit import CommitUnknown, DatabaseAway
from smpp_esme.store.outages import is_gone

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL, Connection

_T = TypeVar("_T")

#: Seconds between two tries to reach a server that has gone.
_PAUSE: Final = 0.2

#: serialization_failure and deadlock_detected: another daemon was first, and the same again may well succeed.
_AGAIN: Final = frozenset({"40001", "40P01"})
_TRIES: Final = 10

#: How a transaction that may write is called, and what became of one (PostgreSQL 10 and later): where the connection
#: was lost during a commit, the server knows.
_WHICH: Final = "SELECT txid_current_if_assigned()"
_WHETHER: Final = text("SELECT txid_status(:which)")
#: invalid_parameter_value: a server that took over from the one that was lost has never heard of that transaction.
_NEVER: Final = "22023"
_OUTCOMES: Final = {"committed": True, "aborted": False}

#: A statement of the traffic is about a few rows that it finds by an index, and the same plan is the best one for ever.
#: Planned anew each time, as it would be, half of a small batch's time goes into the planning.
_BY_INDEX: Final = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}

#: Whoever migrates holds this advisory lock, so that daemons that start together do it once.
_MIGRATION: Final = 0x736D7070


class _Lost(Exception):
    """The connection broke during a commit.

    Attributes:
        which: the transaction; None: it wrote nothing.
        result: what it came to, if it was committed.
    """

    def __init__(self, which: int | None, result: Any, cause: str) -> None:
        super().__init__(cause)
        self.which = which
        self.result = result


class PostgresDatabase:
    """One database on a PostgreSQL server; several daemons may share it.

    Attributes:
        writer: an engine of exactly one connection.
        readers: an engine whose connections cannot write.
    """

    def __init__(self, url: URL, *, synchronous: str, readers: int, patience: float) -> None:
        durable = "on" if synchronous == "FULL" else "off"
        self.writer = _engine(url, 1, {"synchronous_commit": durable, **_BY_INDEX})
        self._patience = patience
        self._is_away = False
        self.readers = _engine(url, readers, {"default_transaction_read_only": "on"})

    @classmethod
    async def open(cls, url: URL, *, synchronous: str, readers: int, patience: float) -> Self:
        """Open a database, which must exist; nothing is written to one that is refused.

        Args:
            url: `postgresql://user:password@host:port/name`, with asyncpg's own options as a query.
            synchronous: FULL: commits wait for the server's disk. NORMAL: they do not.
            readers: how many connections may read at once.
            patience: seconds for which a server that has gone is awaited; then whoever waits is told.

        Raises:
            InvalidValue: the driver is not installed, or the url says what the driver does not understand.
            StoreUnusable: the server cannot be reached, or the database is not ours or newer than we are.
        """
        try:
            database = cls(_for_driver(url), synchronous=synchronous, readers=readers, patience=patience)
        except ModuleNotFoundError as error:
            problem = "names PostgreSQL, whose driver is not installed"
            raise InvalidValue("store url", problem, "pip install 'smpp-esme[postgres]'") from error
        try:
            async with database.writer.begin() as connection:
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION})"))
                await connection.run_sync(schema.refuse_foreign, url.database or "postgresql")
        except (OSError, DBAPIError) as error:
            await database.close()
            raise StoreUnusable(f"{url.host}: {_cause(error)}; nothing was changed") from error
        except BaseException:
            await database.close()
            raise
        return database

    async def write(self, change: Callable[[Connection], _T]) -> _T:
        """Run a change in a transaction; once more if another daemon was in its way, or the server was away.

        A server that was away for too long is awaited no more until it is back. Where the connection breaks during the
        commit, the server is asked what became of it.

        Raises:
            CommitUnknown: the connection broke during the commit, and the server could not be asked.
            DatabaseAway: the server has been away for too long.
        """
        now = asyncio.get_running_loop().time
        until, tries = now() + (0.0 if self._is_away else self._patience), _TRIES
        while True:
            try:
                result = await self._transaction(change)
            except _Lost as lost:
                if await self._was_committed(lost):
                    committed: _T = lost.result
                    return committed
            except (OSError, DBAPIError) as error:
                if _is_conflict(error) and tries:
                    tries -= 1
                elif not is_gone(error):
                    raise
                elif now() < until:
                    await asyncio.sleep(_PAUSE)
                else:
                    self._is_away = True
                    raise DatabaseAway(f"the database is away: {_cause(error)}") from error
            else:
                self._is_away = False
                return result

    async def read(self, question: Callable[[Connection], _T]) -> _T:
        """Ask a question; once more if the connection turns out to be stale."""
        try:
            return await self._answer(question)
        except (OSError, DBAPIError) as error:
            if not is_gone(error):
                raise
        return await self._answer(question)

    async def close(self) -> None:
        """Give back every connection."""
        await self.readers.dispose()
        await self.writer.dispose()

    async def _transaction(self, change: Callable[[Connection], _T]) -> _T:
        def made(connection: Connection) -> tuple[_T, int | None]:
            return change(connection), connection.exec_driver_sql(_WHICH).scalar()

        async with self.writer.connect() as connection:
            async with connection.begin() as transaction:
                result, which = await connection.run_sync(made)
                try:
                    await transaction.commit()
                except (OSError, DBAPIError) as error:
                    if is_gone(error):
                        raise _Lost(which, result, _cause(error)) from error
                    raise
            return result

    async def _was_committed(self, lost: _Lost) -> bool:
        """What became of a transaction during whose commit the connection broke.

        Raises:
            CommitUnknown: the server does not come back in time, or has forgotten.
        """
        if lost.which is None:
            return True
        now = asyncio.get_running_loop().time
        until, found = now() + self._patience, "in progress"
        while found == "in progress" and now() < until:
            await asyncio.sleep(_PAUSE)
            with contextlib.suppress(OSError, DBAPIError):
                found = await self._outcome(lost.which)
        if found in _OUTCOMES:
            return _OUTCOMES[found]
        self._is_away = True
        raise CommitUnknown(f"the database went away during a commit: {lost}") from lost

    async def _outcome(self, which: int) -> str:
        """What the server says of a transaction."""
        try:
            async with self.writer.connect() as connection:
                return await connection.scalar(_WHETHER, {"which": which}) or "forgotten"
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _NEVER:
                return "aborted"
            raise

    async def _answer(self, question: Callable[[Connection], _T]) -> _T:
        async with self.readers.connect() as connection:
            return await connection.run_sync(question)


def _for_driver(url: URL) -> URL:
    """The same url in asyncpg's words: what libpq calls sslmode is its ssl."""
    query = {"ssl" if name == "sslmode" else name: value for name, value in url.query.items()}
    return url.set(drivername="postgresql+asyncpg", query=query)


def _engine(url: URL, connections: int, settings: dict[str, str]) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,  # an error must not repeat what people write to each other
        connect_args={"server_settings": {"application_name": "smpp-esme", "jit": "off", **settings}},
    )


def _is_conflict(error: OSError | DBAPIError) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _AGAIN


def _cause(error: OSError | DBAPIError) -> str:
    return str(error.orig if isinstance(error, DBAPIError) else error)
