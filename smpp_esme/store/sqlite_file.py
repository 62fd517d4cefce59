"""The SQLite file itself: whose it is, whether it can be trusted, and its one writer and few readers."""

from __future__ import annotations

import asyncio
import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Self, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, create_engine
from sqlalchemy.exc import DBAPIError

from smpp_esme.errors import StoreUnusable
from smpp_esme.store import dialects, schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection, Engine

_T = TypeVar("_T")

_HEADER: Final = b"SQLite format 3\0"  # https://sqlite.org/fileformat.html, 1.3

#: A file up to this size is checked page by page when it is opened (a fraction of a second); a bigger one would keep
#: the traffic waiting, and SQLite itself notices a damaged page when it meets one.
_CHECKED_UP_TO: Final = 64 * 1024 * 1024

#: Seconds to wait for another program's lock, such as an operator's sqlite3 shell.
BUSY_TIMEOUT: Final = 5.0


class SqliteFile:
    """One SQLite file, opened: one connection that writes, in a thread of its own, and a few that read.

    A transaction is one visit to the thread, however many statements it has: each visit costs two switches between
    threads.

    Attributes:
        writer: an engine of exactly one connection.
        readers: an engine whose connections cannot write.
    """

    def __init__(self, path: Path, lock: int, *, synchronous: str, readers: int) -> None:
        self._lock = lock
        self.writer = _engine(path, "rwc", 1)
        self.readers = _engine(path, "ro", readers)
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="store.write")
        self._reading = ThreadPoolExecutor(readers, thread_name_prefix="store.read")
        pragmas = dialects.WRITER | {"synchronous": synchronous}
        dialects.tell(self.writer, pragmas, begin="BEGIN IMMEDIATE")
        dialects.tell(self.readers, dialects.READER, begin="BEGIN")

    @classmethod
    async def open(cls, path: Path, *, synchronous: str, readers: int) -> Self:
        """Open a file, or create it; nothing is written to one that is refused.

        Args:
            path: where it is; its folder must exist.
            synchronous: SQLite's setting of that name.
            readers: how many connections may read at once.

        Raises:
            StoreUnusable: another process has it, or it is not a database, damaged, not ours, or newer than we are.
        """
        lock = _locked(path)
        try:
            if _is_new(path):
                # Before SQLite does, so that nobody else can read what people write to each other.
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            else:
                await asyncio.to_thread(inspect, path)
        except BaseException:
            os.close(lock)
            raise
        return cls(path, lock, synchronous=synchronous, readers=readers)

    async def write(self, change: Callable[[Connection], _T]) -> _T:
        """Run a change in a transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._writing, self._transaction, change)

    async def read(self, question: Callable[[Connection], _T]) -> _T:
        """Ask a question; the answer is of one moment."""
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._answer, question)

    async def close(self) -> None:
        """Give back every connection and the file's lock; the writer goes last, so that only it checkpoints."""
        try:
            await asyncio.to_thread(self._close)
        finally:
            os.close(self._lock)

    def _transaction(self, change: Callable[[Connection], _T]) -> _T:
        with self.writer.begin() as connection:
            return change(connection)

    def _answer(self, question: Callable[[Connection], _T]) -> _T:
        with self.readers.connect() as connection:
            return question(connection)

    def _close(self) -> None:
        self._reading.shutdown()
        self._writing.shutdown()
        self.readers.dispose()
        self.writer.dispose()


def _locked(path: Path) -> int:
    """Lock a file beside the database: the kernel lets go of it however we end, SIGKILL included.

    The database itself cannot carry the lock: SQLite loses its own when any descriptor of the file is closed.
    """
    try:
        lock = os.open(path.with_name(f"{path.name}-lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise StoreUnusable(f"{path}: cannot be created or opened: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StoreUnusable(f"{path}: another process has it open; one SQLite file serves one daemon") from error
    return lock


def _is_new(path: Path) -> bool:
    """Whether there is nothing yet.

    Raises:
        StoreUnusable: the file is empty and its log is not, which SQLite would remove: what it was made of is lost.
    """
    if path.exists() and not (path.is_file() and path.stat().st_size == 0):
        return False
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise StoreUnusable(f"{path}: is empty or gone, and {log.name} beside it is not; nothing was changed")
    return True


def inspect(path: Path) -> None:
    """Refuse a file that is no store of ours, or one that we must not write to, without having written to it.

    Raises:
        StoreUnusable: it is missing, not a database, damaged, not ours, or newer than we are.
    """
    _check_header(path)
    engine = _engine(path, "ro", 1)
    try:
        with engine.connect() as connection:
            _check(connection, path)
    except DBAPIError as error:
        raise StoreUnusable(f"{path}: {error.orig}; nothing was changed") from error
    except UnicodeDecodeError as error:  # a table's definition, or a value in it, is no text any more
        raise StoreUnusable(f"{path}: the database is damaged ({error.reason}); nothing was changed") from error
    finally:
        engine.dispose()


def _check_header(path: Path) -> None:
    if not path.is_file():
        raise StoreUnusable(f"{path}: is not a file")
    with path.open("rb") as file:
        if file.read(len(_HEADER)) != _HEADER:
            raise StoreUnusable(f"{path}: is not an SQLite database; nothing was changed")


def _check(connection: Connection, path: Path) -> None:
    if path.stat().st_size <= _CHECKED_UP_TO:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            raise StoreUnusable(f"{path}: the database is damaged ({' '.join(found.split())}); nothing was changed")
    schema.refuse_foreign(connection, str(path))


def _engine(path: Path, mode: str, connections: int) -> Engine:
    # An address of SQLite's own kind, because only that can say that a connection must not write.
    address = URL.create(
        "sqlite",
        database=f"file:{quote(str(path.absolute()))}",
        query={"mode": mode, "uri": "true"},
    )
    return create_engine(
        address,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,  # an error must not repeat what people write to each other
        # Connections are closed by another thread than used them, after it has ended.
        connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT, "check_same_thread": False},
    )
