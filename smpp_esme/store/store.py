"""The store: every message we promised to deliver, and its history."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, Literal, ParamSpec, Self, TypeVar

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from smpp_esme.errors import InvalidValue, StoreUnusable
from smpp_esme.message.retry import Retry
from smpp_esme.store import collect, dispatch, intake, limbo, queries, schema
from smpp_esme.store.sqlite_file import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from sqlalchemy import Connection

    from smpp_esme.message.message import (
        Answer,
        Event,
        LimboReceipt,
        Message,
        ReceiptFact,
        RecordedAnswer,
        RecordedReceipt,
    )
    from smpp_esme.message.status import MessageStatus

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: No page is longer, whatever is asked for.
LONGEST_PAGE: Final = 1000


class _Taken(StoreUnusable):
    """A row with the same unique key is there already."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Store:
    """Messages on disk. Everything that a method reports is committed when it returns.

    Use `Store.open`; a store is also an async context manager that closes itself.

    Cancellation: a method that is cancelled while it waits for its turn has written nothing. Once its transaction has
    begun, the transaction goes on to its end, alone: all of it is committed or none; whoever cancelled it asks the
    store again if he needs to know which.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._turn = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        now: Callable[[], datetime] = _utc_now,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        readers: int = 4,
    ) -> Self:
        """Open a store; a new one is created, an older schema is brought up to ours.

        Args:
            url: `sqlite:///relative/path` or `sqlite:////absolute/path`. The folder must exist.
            now: the clock: when a claim is made, and so what is due.
            synchronous: FULL: what is committed survives a power cut. NORMAL: it survives our own death, but a power
                cut may take back the last moments.
            readers: how many questions may be answered at once.

        Raises:
            InvalidValue: the url names no file.
            StoreUnusable: the file is in use, not ours, damaged, or newer than this program; it was not changed.
        """
        path = _path(url)
        database = await Database.open(path, synchronous=synchronous, readers=readers)
        store = cls(database, now=now)
        try:
            await store._write(schema.migrate)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Wait for the transaction under way, if any, and give everything back; closing twice is harmless.

        Cancelled, it still closes, in the background.
        """
        if not self._closed:
            self._closed = True
            await asyncio.shield(asyncio.create_task(self._close(), name="store.close"))

    async def _close(self) -> None:
        async with self._turn:
            await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def add(self, messages: Sequence[Message]) -> list[Message]:
        """Keep new messages, in one transaction: all of them or none.

        A message whose idempotency_key or client_reference is kept already (or was seen earlier in the batch) is not
        kept again: its place in the result is the message that is kept, under another reference.

        Args:
            messages: QUEUED, with their segments; their `id` is not looked at.

        Raises:
            InvalidValue: a message cannot be kept as it is, or an idempotency_key was used before with another
                idempotency_digest; nothing was kept.
            StoreUnusable: the database failed; nothing was kept.
        """
        if not messages:
            return []
        try:
            return await self._write(intake.add, messages)
        except _Taken:
            # Another process, on PostgreSQL, kept the same key between our look and our insert: look again.
            pass
        try:
            return await self._write(intake.add, messages)
        except _Taken as error:
            raise InvalidValue("reference", "is taken", "a new one for every message") from error

    async def claim(self, limit: int, *, link: str, owner: str, lease_until: datetime) -> list[Message]:
        """Give queued messages that are due to a dispatcher: QUEUED -> SUBMITTING, the most urgent and oldest first.

        Only segments that are SUBMITTING now are to be sent: others of the message may have been sent before.

        Args:
            limit: how many at most.
            link: only messages for this link.
            owner: who takes them: the same name after a restart, so that `recover` knows its own.
            lease_until: when others may take the dispatcher for dead.
        """
        parameters = {
            "limit": limit, "link": link, "owner": owner, "until": lease_until, "now": self._now()
        }  # fmt: skip
        return await self._write(dispatch.claim, parameters)

    async def next_due_at(self, link: str) -> datetime | None:
        """When the next queued message of a link is due (it may be past), or None: none is queued."""
        return await self._read(dispatch.next_due_at, link)

    async def record_answers(
        self, answers: Sequence[Answer], at: datetime, *, retry: Retry | None = None
    ) -> list[RecordedAnswer]:
        """Write down what became of some submit_sm, in one transaction; in the order of the answers.

        A receipt that overtook its response is taken out of limbo and applied in the same transaction.

        Args:
            answers: at most one for each segment that was claimed.
            at: when they came.
            retry: which refusals are tried again, and when; `Retry()` if not given.
        """
        if not answers:
            return []
        return await self._write(dispatch.record_answers, answers, at=at, retry=retry or Retry())

    async def record_receipts(self, facts: Sequence[ReceiptFact], at: datetime) -> list[RecordedReceipt]:
        """Write receipts down, in one transaction; in the order of the facts.

        A repeated receipt moves nothing; one that fits no message is kept in limbo. Once this returns, each may be
        acknowledged.

        Args:
            facts: what the receipts tell.
            at: when they came.
        """
        if not facts:
            return []
        return await self._write(collect.record_receipts, facts, at=at)

    async def hand_back(self, messages: Iterable[Message], at: datetime) -> int:
        """Queue claimed messages again, of which certainly no octet left since; how many there were.

        Args:
            messages: as `claim` gave them.
            at: when that became known.
        """
        return await self._write(dispatch.hand_back, [each.id for each in messages], at=at)

    async def recover(self, owner: str, at: datetime) -> int:
        """Put in doubt whatever a dead dispatcher left SUBMITTING; how many messages there were.

        That is what this owner had claimed in an earlier life, and whatever has outlived its lease. In steps, so that
        traffic goes on; cancelled between two, the rest stays as it was.

        Args:
            owner: the name that is given to `claim`. Do not call this while a dispatcher of that name is at work.
            at: now.
        """
        total = 0
        while recovered := await self._write(dispatch.recover, owner, at=at):
            total += recovered
        return total

    async def message(self, reference: str) -> Message:
        """One message with its segments.

        Raises:
            UnknownReference: no message is kept under this reference.
        """
        return await self._read(queries.message_by, reference)

    async def messages(
        self, *, status: MessageStatus | None = None, after: str | None = None, limit: int = 100
    ) -> list[Message]:
        """A page of messages, in the order in which they were kept.

        Args:
            status: only those with this status.
            after: the reference of the last message of the page before.
            limit: how many at most; never more than `LONGEST_PAGE`.

        Raises:
            UnknownReference: no message is kept under `after`.
        """
        return await self._read(queries.messages, status=status, after=after, limit=min(limit, LONGEST_PAGE))

    async def counts(self) -> dict[MessageStatus, int]:
        """How many messages have each status, 0 included."""
        return await self._read(queries.counts)

    async def limbo(self, limit: int = 100, *, after: int = 0) -> list[LimboReceipt]:
        """A page of the receipts that belong to no message, oldest first.

        Args:
            limit: how many at most; never more than `LONGEST_PAGE`.
            after: the id of the last receipt of the page before.
        """
        return await self._read(limbo.page, after, min(limit, LONGEST_PAGE))

    async def events(self, reference: str) -> list[Event]:
        """A message's history, oldest first.

        Raises:
            UnknownReference: no message is kept under this reference.
        """
        return await self._read(queries.events, reference)

    async def _read(
        self, question: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **options: _P.kwargs
    ) -> _T:
        self._refuse_closed()
        try:
            async with self._database.readers.connect() as connection:
                return await connection.run_sync(question, *args, **options)
        except (DBAPIError, PoolTimeout) as error:
            raise _unusable(error) from error

    async def _write(
        self, change: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **options: _P.kwargs
    ) -> _T:
        self._refuse_closed()
        await self._turn.acquire()
        # A task of its own: who waits may be cancelled, a transaction may not be left half way. It gives up the turn
        # only when it has ended, so `close` waits for it.
        transaction = asyncio.create_task(self._transaction(change, *args, **options), name="store.transaction")
        transaction.add_done_callback(self._ended)
        return await asyncio.shield(transaction)

    def _ended(self, transaction: asyncio.Task[Any]) -> None:
        self._turn.release()
        if not transaction.cancelled():
            transaction.exception()  # it was told to whoever waited; if nobody did, nothing was kept

    async def _transaction(
        self, change: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **options: _P.kwargs
    ) -> _T:
        try:
            async with self._database.writer.begin() as connection:
                return await connection.run_sync(change, *args, **options)
        except IntegrityError as error:
            raise _Taken(str(error.orig)) from error
        except (DBAPIError, PoolTimeout) as error:
            raise _unusable(error) from error

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreUnusable("the store is closed")


def _unusable(error: Exception) -> StoreUnusable:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return StoreUnusable(f"the database failed: {cause}")


def _path(url: str) -> Path:
    """The file that a url names."""
    allowed = "sqlite:///relative/path or sqlite:////absolute/path"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidValue("store url", "is no url", allowed) from error
    if parsed.get_backend_name() != "sqlite":
        raise InvalidValue("store url", f"names {parsed.get_backend_name()}", allowed)
    if parsed.database in {None, "", ":memory:"}:
        raise InvalidValue("store url", "names no file", allowed)
    return Path(str(parsed.database))
