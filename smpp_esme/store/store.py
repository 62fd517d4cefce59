"""The store: every message we promised to deliver, and its history."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Concatenate, Final, Literal, ParamSpec, Self, TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from smpp_esme.errors import InvalidValue, StoreUnusable
from smpp_esme.message.retry import Retry
from smpp_esme.store import (
    backlog,
    collect,
    dispatch,
    doubt,
    endings,
    intake,
    limbo,
    outages,
    queries,
    schema,
    seal,
    search,
)
from smpp_esme.store.feed import Feed
from smpp_esme.store.group_commit import CommitUnknown, GroupCommit
from smpp_esme.store.housekeeping import Housekeeping
from smpp_esme.store.inbox import Inbox
from smpp_esme.store.open_ends import OpenEnds
from smpp_esme.store.outbox import Outbox
from smpp_esme.store.postgresql import PostgresDatabase
from smpp_esme.store.reroute import Reroute
from smpp_esme.store.sqlite_file import SqliteFile
from smpp_esme.store.urls import parsed, path_in

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from types import TracebackType

    from sqlalchemy import Connection

    from smpp_esme.message.doubt import Decision, Resolved, Resubmit
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
    from smpp_esme.message.wanted import Wanted
    from smpp_esme.store.backlog import Backlog, Census
    from smpp_esme.store.group_commit import Database
    from smpp_esme.store.seal import Vault

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
    begun, the transaction goes on to its end: all of it is committed or none; whoever cancelled it asks the store
    again if he needs to know which.

    Attributes:
        name: the url, without a password.
        schema: the schema's revision before this store was opened (None: it was empty), and now.
        inbox: what subscribers sent.
        feed: every event, for whoever tells the outside.
        open_ends: messages that wait for a verdict, and receipts that wait for a message.
        outbox: what endpoints have been told, and what they could not be told.
        housekeeping: what is old, misdated or stranded.
        reroute: takes messages from one link's queue to another's.
        doubt_watchers: told, after each transaction that ended doubts, how many ended how (`message.ledger.ENDINGS`).
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime], name: str = "") -> None:
        self.name = name
        self._vault: Vault | None = None
        self._intake: Callable[[Connection, list[Sequence[Message]]], Any] = intake.add_all
        self.schema: tuple[str | None, str | None] = (None, None)
        self._database = database
        self._commits = GroupCommit(database)
        self._now = now
        self._closed = False
        self.doubt_watchers: list[Callable[[Mapping[str, int]], None]] = []
        # By owner and link, the leases of claims of which it is not known whether they were made.
        self._unsure: dict[tuple[str, str], list[datetime]] = {}
        self.inbox = Inbox(self._read, self._write)
        self.feed = Feed(self._read)
        self.outbox = Outbox(self._read, self._write)
        self.watch_commits(self.feed.committed)
        self.open_ends = OpenEnds(self._read, self._write)
        self.housekeeping = Housekeeping(self._read, self._write)
        self.reroute = Reroute(self._read, self._write)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        now: Callable[[], datetime] = _utc_now,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        readers: int = 4,
        patience: float = 30.0,
        vault: Vault | None = None,
    ) -> Self:
        """Open a store; a new one is created, an older schema is brought up to ours.

        Args:
            url: `sqlite:///relative/path` or `sqlite:////absolute/path`, whose folder must exist; or
                `postgresql://user:password@host/name`, a database that must exist.
            now: the clock: when a claim is made, and so what is due.
            synchronous: FULL: what is committed survives a power cut. NORMAL: it survives our own death, but a power
                cut may take back the last moments.
            readers: how many questions may be answered at once.
            patience: seconds for which a PostgreSQL server that goes away is awaited; then methods raise.
            vault: how texts are kept, and what opens those that are sealed; None keeps them as they are.

        Raises:
            InvalidValue: the url names neither.
            StoreUnusable: the database is in use, not ours, damaged, away, or newer than this program, or texts in it
                are sealed with a key that the vault does not have; it was not changed.
        """
        named = parsed(url)
        database: Database
        if named.get_backend_name() == "postgresql":
            database = await PostgresDatabase.open(named, synchronous=synchronous, readers=readers, patience=patience)
        else:
            database = await SqliteFile.open(path_in(named), synchronous=synchronous, readers=readers)
        store = cls(database, now=now, name=named.render_as_string(hide_password=True))
        try:
            store.schema = await store._write(schema.migrate)
            await store._write(seal.check, vault, now())
            store._seal(vault)
        except BaseException:
            await store.close()
            raise
        return store

    def _seal(self, vault: Vault | None) -> None:
        """Keep texts so from now on."""
        if vault is not None:
            self._vault = vault
            self._intake = seal.asking(vault, intake.add_all)

    async def close(self) -> None:
        """Wait for what is being written, if anything is, and give everything back; closing twice is harmless.

        Cancelled, it still closes, in the background.
        """
        if not self._closed:
            self._closed = True
            await asyncio.shield(asyncio.create_task(self._close(), name="store.close"))

    async def _close(self) -> None:
        await self._commits.finish()
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def add(self, messages: Sequence[Message]) -> list[Message]:
        """Keep new messages, in one transaction: all of them or none.

        A message whose idempotency_key or client_reference its caller has used already (or earlier in the batch) is not
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
            return await self._add(messages)
        except _Taken:
            # Another process, on PostgreSQL, kept the same key between our look and our insert: look again.
            pass
        try:
            return await self._add(messages)
        except _Taken as error:
            raise InvalidValue("reference", "is taken", "a new one for every message") from error

    async def _add(self, messages: Sequence[Message]) -> list[Message]:
        kept: list[Message] = await self._translated(
            self._commits.write_together(self._intake, messages, rows=len(messages))
        )
        return kept

    async def claim(self, limit: int, *, link: str, owner: str, lease_until: datetime) -> list[Message]:
        """Give queued messages that are due to a dispatcher: QUEUED -> SUBMITTING, the most urgent and oldest first.

        Only segments that are SUBMITTING now are to be sent: others of the message may have been sent before.

        Args:
            limit: how many at most.
            link: only messages for this link.
            owner: who takes them: the same name after a restart, so that `recover` knows its own.
            lease_until: when others may take the dispatcher for dead.

        Raises:
            StoreOutage: the database is away; what may have been claimed all the same, the next claim hands back first.
        """
        parameters = {"limit": limit, "link": link, "owner": owner, "lease_until": lease_until}
        unsure = self._unsure.setdefault((owner, link), [])
        made = dispatch.claim if self._vault is None else seal.changing(self._vault, dispatch.claim)

        def claim(connection: Connection) -> list[Message]:
            # Now, not when it was asked for: what has been kept meanwhile, in this very transaction too, is due.
            return made(connection, parameters | {"now": self._now()}, handing_back=tuple(unsure))

        try:
            claimed = await self._translated(self._commits.write(claim, last=True))
        except CommitUnknown:
            unsure.append(lease_until)
            raise
        unsure.clear()
        return claimed

    async def record_answers(
        self,
        answers: Sequence[Answer],
        at: datetime,
        *,
        retry: Retry | None = None,
        policies: Mapping[str, Resubmit] | None = None,
    ) -> list[RecordedAnswer]:
        """Write down what became of some submit_sm, in one transaction; in the order of the answers.

        A receipt that overtook its response is taken out of limbo and applied in the same transaction.

        Args:
            answers: at most one for each segment that was claimed.
            at: when they came.
            retry: which refusals are tried again, and when; `Retry()` if not given.
            policies: by link, what becomes of messages that come in doubt by this; a link without one holds them.
        """
        if not answers:
            return []
        return await self._write(
            dispatch.record_answers, answers, at=at, retry=retry or Retry(), policies=policies or {}
        )

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

    async def resolve(self, references: Sequence[str], decision: Decision, at: datetime) -> list[Resolved]:
        """Write down what a person decided about messages in doubt; one that is not kept is left out.

        Args:
            references: the messages; nothing happens to one that is not in doubt (any more).
            decision: the same for all of them.
            at: when it was made.
        """
        return await self._write(doubt.resolve, list(dict.fromkeys(references)), decision, at=at)

    async def recover(self, owner: str, at: datetime, *, policies: Mapping[str, Resubmit] | None = None) -> int:
        """Put in doubt whatever a dead dispatcher left SUBMITTING; how many messages there were.

        That is what this owner had claimed in an earlier life, and whatever has outlived its lease. In steps, so that
        traffic goes on; cancelled between two, the rest stays as it was.

        Args:
            owner: the name that is given to `claim`. Do not call this while a dispatcher of that name is at work.
            at: now.
            policies: by link, what becomes of them then; a link without one holds them.
        """
        total = 0
        while recovered := await self._write(dispatch.recover, owner, at=at, policies=policies or {}):
            total += recovered
        return total

    async def probe(self) -> None:
        """Write to the disk, something that changes nothing: whether anything could be kept now.

        Raises:
            StoreOutage: it could not.
        """
        await self._write(queries.touch)

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

    async def search(
        self, wanted: Wanted, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[Message], str | None]:
        """A page of the messages that are looked for, in the order in which they were kept.

        Args:
            wanted: which.
            after: what came with the page before.
            limit: how many at most; never more than `LONGEST_PAGE`. Fewer, or none, may come with more behind them: a
                page takes no longer than looking at `search.SPAN` messages does.

        Returns:
            The messages, and `after` for the next page; None at the end.

        Raises:
            UnknownReference: no message is kept under `after`.
        """
        return await self._read(search.search, wanted, after=after, limit=min(limit, LONGEST_PAGE))

    async def duplicates(self, *, after: str | None = None, limit: int = 100) -> list[Message]:
        """A page of the messages that were sent again in doubt, and so may have arrived twice.

        Args:
            after: the reference of the last message of the page before.
            limit: how many at most; never more than `LONGEST_PAGE`.

        Raises:
            UnknownReference: no message is kept under `after`.
        """
        return await self._read(queries.duplicates, after=after, limit=min(limit, LONGEST_PAGE))

    async def counts(self) -> dict[MessageStatus, int]:
        """How many messages have each status, 0 included."""
        return await self._read(queries.counts)

    async def backlog(self, links: Iterable[str]) -> Backlog:
        """How many messages are queued by link and priority, and how many receipts are in limbo.

        It looks at each of them once, in an index of their own; what is done with is not looked at.

        Args:
            links: the links to count the queue of.
        """
        return await self._read(backlog.backlog, links)

    async def census(self, links: Iterable[str]) -> Census:
        """How many messages stand where, and what waits beside them.

        Args:
            links: the links that there are; what is queued for any other is stranded.
        """
        return await self._read(backlog.census, links)

    def watch_commits(self, committed: Callable[[int, float], None]) -> None:
        """Have `committed` told of each transaction from now on: how many rows it was about, and its seconds."""
        self._commits.watchers.append(committed)

    async def limbo(
        self, limit: int = 100, *, after: int = 0, link: str | None = None, dismissed: bool = True
    ) -> list[LimboReceipt]:
        """A page of the receipts that belong to no message, oldest first.

        Args:
            limit: how many at most; never more than `LONGEST_PAGE`.
            after: the id of the last receipt of the page before.
            link: only those that came in on this link.
            dismissed: whether those are among them for which nobody waits any more.
        """
        return await self._read(limbo.page, after, min(limit, LONGEST_PAGE), link=link, dismissed=dismissed)

    async def events(self, reference: str) -> list[Event]:
        """A message's history, oldest first.

        Raises:
            UnknownReference: no message is kept under this reference.
        """
        return await self._read(queries.events, reference)

    async def _read(
        self, question: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **options: _P.kwargs
    ) -> _T:
        asked = question if self._vault is None else seal.asking(self._vault, question)
        return await self._translated(self._database.read(lambda connection: asked(connection, *args, **options)))

    async def _write(
        self, change: Callable[Concatenate[Connection, _P], _T], *args: _P.args, **options: _P.kwargs
    ) -> _T:
        rows = len(args[0]) if args and isinstance(args[0], list | tuple) else 1
        made = change if self._vault is None else seal.changing(self._vault, change)
        counted = endings.collecting(made)
        result, ended = await self._translated(
            self._commits.write(lambda connection: counted(connection, *args, **options), rows=rows)
        )
        for told in self.doubt_watchers if ended else ():
            told(ended)
        return result

    async def _translated(self, work: Coroutine[Any, Any, _T]) -> _T:
        """What the database says, its errors in our words."""
        if self._closed:
            work.close()
            raise StoreUnusable("the store is closed")
        try:
            return await work
        except IntegrityError as error:
            raise _Taken(str(error.orig)) from error
        except UnicodeDecodeError as error:
            raise StoreUnusable(f"the database is damaged: {error.reason}") from error
        except (DBAPIError, PoolTimeout, OSError) as error:
            raise outages.told(error) from error
