"""What happens to a link is in the feed: typed, in order, and never a flood."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.daemon.announce import BURST, PACE, Announcer, Gathered, fact_of
from smpp_esme.errors import StoreOutage
from smpp_esme.message.notice import LinkData, LinkFact, Selection
from smpp_esme.message.status import MessageStatus
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.session import events
from smpp_esme.store import Store

AT = datetime(2026, 1, 1, tzinfo=UTC)
BIND = {"link": "main", "bind": "transceiver 1"}
LOST = events.Lost(**BIND, reason="the peer closed the connection", unanswered=3)


@pytest.mark.parametrize(
    ("event", "state", "data"),
    [
        (
            events.Bound(**BIND, endpoint="smpp://acme@smsc:2775", peer="192.0.2.1:2775", version=0x34, preferred=True),
            "BOUND",
            LinkData(**BIND, endpoint="smpp://acme@smsc:2775"),
        ),
        (LOST, "LOST", LinkData(**BIND, reason="the peer closed the connection")),
        (
            events.Refused(
                **BIND,
                endpoint="smpp://acme@smsc:2775",
                command_status=CommandStatus.ESME_RINVPASWD,
                error="no",
                final=True,
            ),
            "REFUSED",
            LinkData(**BIND, endpoint="smpp://acme@smsc:2775", reason="no"),
        ),
        (
            events.Unreachable(**BIND, endpoint="smpp://acme@smsc:2775", error="refused"),
            "UNREACHABLE",
            LinkData(**BIND, endpoint="smpp://acme@smsc:2775", reason="refused"),
        ),
        (
            events.Slowed(link="main", reason="ESME_RTHROTTLED", rate=25.0),
            "SLOWED",
            LinkData(link="main", reason="ESME_RTHROTTLED", rate=25.0),
        ),
        (events.Stopped(link="main", error=""), "STOPPED", LinkData(link="main")),
    ],
)
def test_what_is_told_of_an_event(event, state, data):
    assert fact_of(event, AT) == LinkFact(state=state, at=AT, data=data)


def test_of_the_rest_nothing_is_told():
    assert fact_of(events.Waiting(**BIND, seconds=1.0, failures=1), AT) is None


def fact(state, bind="transceiver 1"):
    return LinkFact(state=state, at=AT, data=LinkData(link="main", bind=bind))


@given(st.lists(st.tuples(st.sampled_from(["BOUND", "LOST", "SLOWED"]), st.floats(0, 10)), max_size=400))
def test_a_link_that_comes_and_goes_is_told_of_now_and_then_and_nothing_is_forgotten(story):
    gathered, now, told = Gathered(0.0), 0.0, []
    for state, pause in story:
        now += pause
        gathered.add(fact(state))
        told += gathered.due(now)
        assert len(told) <= BURST + now / PACE
    while (wait := gathered.wait()) is not None:
        assert wait <= PACE
        now += max(wait, 0.001)
        told += gathered.due(now)
    for state in {state for state, _ in story}:
        assert sum(one.data.count for one in told if one.state == state) == sum(one == state for one, _ in story)
    if story:
        assert told[-1].state == story[-1][0]


def test_two_binds_are_told_of_apart():
    gathered = Gathered(0.0)
    for _ in range(BURST):
        gathered.add(fact("SLOWED"))
        gathered.due(0.0)
    for bind in ("transceiver 1", "transceiver 2", "transceiver 1"):
        gathered.add(fact("LOST", bind))
    assert gathered.due(0.0) == []
    assert [(one.data.bind, one.data.count) for one in gathered.last()] == [("transceiver 2", 1), ("transceiver 1", 2)]
    assert gathered.wait() is None


# In the feed


@pytest.fixture
async def kept(virtual_time, url):
    async with await Store.open(url, synchronous="NORMAL") as opened:
        yield opened


async def told(store, *types, **selection):
    return (await store.feed.page(0, Selection.of(types, **selection))).events


async def test_it_is_told_in_order_and_kept(kept):
    announcer = Announcer(kept, "main", lambda: AT)
    running = asyncio.create_task(announcer.run())
    for _ in range(BURST + 5):
        announcer.event(LOST)
        await asyncio.sleep(0.1)
    found = await told(kept, "link.lost")
    assert [one.data.count for one in found] == [1] * BURST
    assert {(one.type, one.timestamp, one.data.link) for one in found} == {("link.lost", AT, "main")}
    await asyncio.sleep(PACE)
    assert [one.data.count for one in await told(kept)] == [1] * BURST + [5]
    running.cancel()
    await asyncio.wait([running])
    await announcer.finish()
    assert [one.type for one in await told(kept)][-1] == "link.stopped"


async def test_an_outage_of_the_store_forgets_none_and_tells_none_twice(kept, monkeypatch):
    announcer = Announcer(kept, "main", lambda: AT)
    announce, outages = kept.outbox.announce, [StoreOutage("the disk is full")]

    async def failing(facts):
        if outages:
            raise outages.pop()
        await announce(facts)

    monkeypatch.setattr(kept.outbox, "announce", failing)
    announcer.event(LOST)
    with pytest.raises(StoreOutage):
        await announcer.run()
    running = asyncio.create_task(announcer.run())
    await asyncio.sleep(1)
    running.cancel()
    await asyncio.wait([running])
    await announcer.finish()
    assert [one.type for one in await told(kept)] == ["link.lost", "link.stopped"]


async def test_what_a_store_does_not_take_at_the_end_is_said_to_be_lost(kept, monkeypatch, caplog):
    async def failing(_):
        raise StoreOutage("the disk is full")

    monkeypatch.setattr(kept.outbox, "announce", failing)
    await Announcer(kept, "main", lambda: AT).finish()
    [lost] = [one for one in caplog.records if one.message == "link.events_lost"]
    assert lost.events == 1


async def test_a_daemon_tells_of_its_links(start, smsc, store):
    daemon = await start()
    await daemon.submit("+79161234567", "hello")
    await store.until_all(MessageStatus.DELIVERED)
    [bound] = await told(store, "link.*", link="main")
    assert (bound.type, bound.data.bind) == ("link.bound", "transceiver 1")
    assert "DEMO" not in bound.data.endpoint
    assert await told(store, "link.*", link="other") == []
    await daemon.stopped()
    assert [one.type for one in await told(store, "link.*")] == ["link.bound", "link.stopped"]
