"""A connection that is lost while PostgreSQL commits: the database itself is asked what became of the transaction."""

import asyncio
import contextlib

import pytest

from smpp_esme.errors import StoreOutage
from smpp_esme.message.doubt import Decision
from smpp_esme.message.message import Answer, Unanswered
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import Store

S = MessageStatus
COMMIT = b"COMMIT"


class Wire:
    """Stands between a store and the server, and cuts the connection at a commit when it is told to."""

    def __init__(self, host, port):
        self._server = host, port
        self._open = set()
        self.cut = None  # "before" the commit is passed on, "after" it was answered
        self.refuses = False
        self.cuts = 0

    @contextlib.asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1")
        yield server.sockets[0].getsockname()[1]
        server.close()
        for each in self._open:
            each.cancel()
        await asyncio.gather(*self._open)

    async def _serve(self, reader, writer):
        self._open.add(asyncio.current_task())
        if self.refuses:
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection(*self._server)
        there = asyncio.create_task(self._there(reader, far_writer))
        back = asyncio.create_task(self._back(far_reader, writer))
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
        for task in (there, back):
            task.cancel()
        await asyncio.wait([there, back])
        writer.close()
        far_writer.close()

    async def _there(self, reader, writer):
        while octets := await reader.read(1 << 16):
            if self.cut and COMMIT in octets:
                self.cuts += 1
                if self.cut == "before":
                    self.cut = None
                    break
            writer.write(octets)

    async def _back(self, reader, writer):
        while octets := await reader.read(1 << 16):
            if self.cut and self.cuts:
                self.cut = None
                break
            writer.write(octets)


@pytest.fixture
async def wire(postgres_url):
    host, _, port = postgres_url.rpartition("@")[2].partition("/")[0].partition(":")
    return Wire(host, int(port or 5432))


@pytest.fixture
async def store(wire, postgres_url, clock):
    async with wire.listening() as port:
        before, _, rest = postgres_url.rpartition("@")
        url = f"{before}@127.0.0.1:{port}/{rest.partition('/')[2]}" if before else None
        url = url or f"postgresql://127.0.0.1:{port}/{rest.rpartition('/')[2]}"
        async with await Store.open(url, now=clock) as opened:
            yield opened


both = pytest.mark.parametrize("how", ["before", "after"])


@both
async def test_a_claim_is_told_of_once_and_nothing_comes_in_doubt(store, wire, new, claim, clock, how):
    await store.add([new() for _ in range(5)])
    wire.cut = how
    claimed = await claim(5)
    assert wire.cuts == 1
    assert [each.attempts for each in claimed] == [1] * 5
    assert (await store.counts())[S.SUBMITTING] == 5
    await store.record_answers([Answer(each.id, 1, Unanswered(written=False), 1) for each in claimed], clock.now)
    assert await store.recover("daemon", clock.now) == 0


@both
async def test_a_decision_says_what_it_did(store, wire, new, claim, clock, how):
    [kept] = await store.add([new()])
    [claimed] = await claim()
    await store.record_answers([Answer(claimed.id, 1, Unanswered(written=True))], clock.now)
    wire.cut = how
    [resolved] = await store.resolve([kept.reference], Decision.RESEND, clock.now)
    assert (wire.cuts, resolved.moved, resolved.status) == (1, True, S.QUEUED)
    assert (await store.message(kept.reference)).duplicates == 1


@both
async def test_a_cancellation_says_what_it_did(store, wire, new, clock, how):
    [kept] = await store.add([new()])
    wire.cut = how
    assert await store.open_ends.cancel(kept.reference, clock.now)
    assert wire.cuts == 1
    assert [each.status for each in await store.events(kept.reference)] == [S.QUEUED, S.CANCELLED]


@both
async def test_a_message_without_any_key_is_kept_once(store, wire, new, how):
    wire.cut = how
    [kept] = await store.add([new()])
    assert wire.cuts == 1
    assert (await store.counts())[S.QUEUED] == 1
    assert (await store.message(kept.reference)).status is S.QUEUED


@both
async def test_whoever_shares_a_transaction_is_told_of_its_own_part(store, wire, new, claim, how):
    await store.add([new() for _ in range(3)])
    wire.cut = how
    kept, claimed = await asyncio.gather(store.add([new()]), claim(2))
    assert wire.cuts == 1
    assert (len(kept), len(claimed)) == (1, 2)
    assert (await store.counts()) | {} == dict.fromkeys(S, 0) | {S.QUEUED: 2, S.SUBMITTING: 2}


@pytest.fixture
def impatient(store, monkeypatch):
    monkeypatch.setattr(store._database, "_patience", 0.3)


@pytest.mark.usefixtures("impatient")
async def test_what_cannot_be_known_in_time_is_not_guessed(store, wire, new, clock):
    [kept] = await store.add([new()])
    wire.cut, wire.refuses = "after", True
    with pytest.raises(StoreOutage, match="during a commit"):
        await store.open_ends.cancel(kept.reference, clock.now)
    wire.refuses = False
    assert (await store.message(kept.reference)).status is S.CANCELLED


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("parts", [1, 2])
async def test_a_claim_that_nobody_was_told_of_is_handed_back_before_the_next(store, wire, new, claim, clock, parts):
    """Its messages never left: nobody had them."""
    await store.add([new(parts=parts)])
    wire.cut, wire.refuses = "after", True
    with pytest.raises(StoreOutage, match="during a commit"):
        await claim()
    wire.refuses = False
    assert (await store.counts())[S.SUBMITTING] == 1
    clock.pass_(seconds=10)
    [claimed] = await claim()
    assert claimed.attempts == 1
    assert [each.status for each in claimed.segments] == [S.SUBMITTING] * parts
    steps = [each.status for each in await store.events(claimed.reference) if each.segment is None]
    assert steps == [S.QUEUED, S.SUBMITTING, S.QUEUED, S.SUBMITTING]


@pytest.mark.usefixtures("impatient")
async def test_a_claim_that_may_have_been_made_and_was_not_is_no_obstacle(store, wire, new, claim):
    await store.add([new()])
    wire.cut, wire.refuses = "before", True
    with pytest.raises(StoreOutage, match="during a commit"):
        await claim()
    wire.refuses = False
    assert [each.attempts for each in await claim()] == [1]


async def test_a_transaction_that_the_server_has_never_heard_of_was_not_committed(store):
    assert await store._database._outcome((1 << 40) + 1_000) == "aborted"
