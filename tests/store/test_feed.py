"""Events as the outside is told of them, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from smpp_esme.errors import InvalidValue, UnknownReference
from smpp_esme.message.message import Accepted, Answer
from smpp_esme.message.notice import EVERYTHING, TYPES, ReceivedData, Selection
from smpp_esme.message.received import Received
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import Store, feed


@pytest.fixture
def came(clock):
    def message(number):
        return Received(
            reference=f"CAME{number}", link="other", source_addr="79160000001", destination_addr="1234",
            text="Да", coding="ucs2", data_coding=8, received_at=clock.now,
        )  # fmt: skip

    return message


async def everything(store, selection=EVERYTHING, *, after=0, limit=2):
    """Every event, page by page."""
    found = []
    while True:
        page = await store.feed.page(after, selection, limit=limit)
        assert len(page.events) <= limit
        found += page.events
        after = page.after
        if not page.more:
            return found


async def delivered(store, claim, clock, message, receipt, **facts):
    """A message's whole story."""
    (kept,) = await store.add([message])
    await claim()
    await store.record_answers([Answer(kept.id, one.number, Accepted(f"m{one.number}")) for one in kept.segments],
                               clock.now)  # fmt: skip
    await store.record_receipts([receipt(f"m{one.number}", **facts) for one in kept.segments], clock.now)
    return kept


async def test_a_message_is_told_from_queue_to_verdict(store, claim, clock, new, receipt):
    done = clock.now - timedelta(seconds=1)
    kept = await delivered(
        store, claim, clock, new(client_reference="order 7"), receipt,
        error="000", error_meaning="no error", done_at=done, vendor={"cost": "1.05"},
    )  # fmt: skip
    found = await everything(store)
    assert [one.type for one in found] == [
        "message.queued", "message.submitting", "message.submitted", "message.delivered"
    ]  # fmt: skip
    assert [one.id for one in found] == sorted({one.id for one in found})
    assert {(one.data.reference, one.data.client_reference, one.data.link, one.data.to) for one in found} == {
        (kept.reference, "order 7", "main", kept.destination_addr)
    }
    assert found[2].data.message_id == "m1"
    last = found[-1].data
    assert (last.previous, last.status) == (MessageStatus.SUBMITTED, MessageStatus.DELIVERED)
    assert (last.error, last.error_meaning, last.vendor) == ("000", "no error", {"cost": "1.05"})
    assert last.done_at == "2025-12-31T23:59:59Z"


async def test_what_was_told_before_an_answer_does_not_change_with_it(store, claim, clock, new, receipt):
    (kept,) = await store.add([new(kind="hlr")])
    before = await everything(store)
    await claim()
    await store.record_answers([Answer(kept.id, 1, Accepted("m1"))], clock.now)
    await store.record_receipts([receipt("m1", hlr={"mcc": "250"})], clock.now)
    found = await everything(store)
    assert found[:1] == before
    assert [one.data.record for one in found] == [None, None, None, {"mcc": "250"}]


async def test_segments_are_told_beside_their_message(store, claim, clock, new, receipt):
    await delivered(store, claim, clock, new(parts=2), receipt)
    found = await everything(store, Selection.of(["segment.delivered", "message.delivered"]))
    assert [(one.type, one.data.segment) for one in found] == [
        ("segment.delivered", 1), ("segment.delivered", 2), ("message.delivered", None)
    ]  # fmt: skip


async def test_a_message_from_a_subscriber_is_told_whole(store, came):
    await store.inbox.keep([came(1)])
    (found,) = await everything(store)
    assert (found.type, found.data) == ("message.received", ReceivedData.of(came(1)))


async def test_only_what_is_selected_is_told(store, claim, clock, new, receipt, came):
    await store.inbox.keep([came(1)])
    first = await delivered(store, claim, clock, new(), receipt)
    await store.inbox.keep([came(2)])

    async def told(types=(), **selection):
        return [one.type for one in await everything(store, Selection.of(types, **selection))]

    assert await told(["message.received"]) == ["message.received"] * 2
    assert await told(["message.*"], link="other") == ["message.received"] * 2
    assert len(await told(link="main")) == 4
    assert await told(["message.delivered", "message.received"], reference=first.reference) == ["message.delivered"]
    assert await told(reference="CAME2") == ["message.received"]
    assert await told(link="nowhere") == []
    with pytest.raises(UnknownReference):
        await told(reference="NOBODY")


def test_every_type_can_be_asked_for_and_no_other():
    assert Selection.of(["*"]) == Selection.of(TYPES) == Selection.of() == EVERYTHING
    assert Selection.of(["message.*"]).segments == frozenset()
    for wrong in ("delivered", "message.", "message.DELIVERED", "segment.received", "mess*"):
        with pytest.raises(InvalidValue, match="no type of event"):
            Selection.of([wrong])


async def test_an_event_that_few_want_is_found_behind_many_others(store, new, came, monkeypatch):
    await store.add([new() for _ in range(feed.STRIDE + 10)])
    await store.inbox.keep([came(1)])
    wanted = Selection.of(["message.received"])
    first = await store.feed.page(0, wanted)
    assert (first.events, first.more) == ([], True)
    second = await store.feed.page(first.after, wanted)
    assert ([one.data.reference for one in second.events], second.more) == (["CAME1"], False)


async def test_a_place_that_this_database_never_had_is_refused(store, new):
    await store.add([new()])
    end = await store.feed.end()
    assert (await store.feed.page(end)).events == []
    with pytest.raises(InvalidValue, match="beyond every event"):
        await store.feed.page(end + 1)


async def test_a_place_holds_when_everything_before_it_was_deleted(store, claim, clock, new, receipt):
    await delivered(store, claim, clock, new(), receipt)
    end = await store.feed.end()
    assert await store.housekeeping.delete_old(clock.pass_(days=2)) is None
    assert (await store.feed.page(0)).events == []
    assert (await store.feed.page(end)).after == end
    await store.add([new()])
    assert [one.type for one in (await store.feed.page(end)).events] == ["message.queued"]


async def test_whoever_waits_for_news_is_woken_by_a_commit(store, new):
    async with asyncio.timeout(20):
        waiting = asyncio.create_task(store.feed.news(1000))
        await asyncio.sleep(0)
        assert not waiting.done()
        await store.add([new()])
        await waiting
    assert [one.type for one in (await store.feed.page(0)).events] == ["message.queued"]


# Several daemons on one PostgreSQL database


@pytest.fixture
async def beside(postgres_url, clock):
    """Two stores on one database."""
    async with await Store.open(postgres_url, now=clock) as one, await Store.open(postgres_url, now=clock) as other:
        yield one, other


async def test_an_event_that_is_committed_late_is_not_left_out(beside, new):
    """One daemon takes its ids first and commits last: nothing after them is told before they are there."""
    one, other = beside
    loop = asyncio.get_running_loop()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(change):
        async with one._database.writer.connect() as connection, connection.begin():
            result = await connection.run_sync(change)
            begun.set()
            await go_on.wait()
        return result

    await other.add([new()])
    start = await other.feed.end()
    one._database.write = slowly
    late = loop.create_task(one.add([new(text="late")]))
    await begun.wait()
    await other.add([new(text="early")])
    held_back = await other.feed.page(start)
    assert held_back.events == []
    go_on.set()
    (kept,) = await late
    found = (await other.feed.page(held_back.after)).events
    assert found[0].data.reference == kept.reference
    assert len(found) == 2


async def test_one_that_begins_in_the_middle_of_a_transaction_waits_for_its_end(beside, new):
    one, other = beside
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(change):
        async with one._database.writer.connect() as connection, connection.begin():
            result = await connection.run_sync(change)
            begun.set()
            await go_on.wait()
        return result

    one._database.write = slowly
    late = asyncio.create_task(one.add([new()]))
    await begun.wait()
    looking = asyncio.create_task(other.feed.end())
    await asyncio.sleep(0)
    go_on.set()
    await late
    assert await looking == 1


async def test_notices_do_not_show_what_is_private(store, claim, clock, new, receipt, came):
    kept = await delivered(store, claim, clock, new(), receipt)
    await store.inbox.keep([came(1)])
    shown = repr(await everything(store))
    assert kept.destination_addr not in shown
    assert "79160000001" not in shown
    assert "Да" not in shown


def test_an_empty_selection_is_of_nothing_but_what_it_names():
    assert replace(EVERYTHING, segments=frozenset()) == Selection.of(["message.*", "link.*"])
