"""The move from one link's queue to another's: guarded, bounded, and told in the history."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from smpp_esme.errors import InvalidValue
from smpp_esme.message.doubt import Decision
from smpp_esme.message.message import Accepted, Answer, Refused, Segment, Unanswered
from smpp_esme.message.status import MessageStatus as Status
from smpp_esme.store import Store
from smpp_esme.store.reroute import BEGINNING, Place

THROTTLED = Refused(0x58, "ESME_RTHROTTLED", "throttled", retryable=True)


@pytest.fixture
def queue(store):
    """Everything that may be moved from a link, and how much may not."""

    async def found(link="main", **options: Any):
        free, pinned, begun, after = [], 0, 0, BEGINNING
        while after is not None:
            step = await store.reroute.waiting(link, after, **options)
            free += step.free
            pinned, begun, after = pinned + step.pinned, begun + step.begun, step.after
        return free, pinned, begun

    return found


@pytest.fixture
def move(store, clock):
    """Moves messages to the link "spare", as other octets."""

    async def moved(waiting, *, link="main", octets=(b"new",), **fields: Any):
        segments = [Segment(number=number, short_message=each) for number, each in enumerate(octets, 1)]
        messages = [replace(one.message, link="spare", segments=segments, **fields) for one in waiting]
        return await store.reroute.move(messages, from_link=link, decided="failover", at=clock.now)

    return moved


async def test_a_message_goes_as_it_was_composed_anew_and_its_history_says_so(store, new, queue, move, claim, clock):
    [kept] = await store.add([new(wish="{}")])
    free, *_ = await queue()
    assert [(one.message.reference, one.wish) for one in free] == [(kept.reference, "{}")]
    clock.pass_(seconds=5)
    fields = {"text": "other", "data_coding": 8, "source_addr": "SPARE", "wish": '{"flash":true}'}
    assert await move(free, **fields) == {kept.reference}
    found = await store.message(kept.reference)
    assert (found.link, found.status, found.text, found.data_coding) == ("spare", Status.QUEUED, "other", 8)
    assert [(one.short_message, one.status) for one in found.segments] == [(b"new", Status.QUEUED)]
    event = (await store.events(kept.reference))[-1]
    assert (event.previous, event.status, event.at) == (Status.QUEUED, Status.QUEUED, clock.now)
    assert event.detail == {"from_link": "main", "to_link": "spare", "decided": "failover"}
    assert (await store.counts())[Status.QUEUED] == 1
    assert await claim() == []
    [claimed] = await claim(link="spare")
    assert claimed.source_addr == "SPARE"
    [waiting] = (await queue("spare"))[0] or [None]
    assert waiting is None


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (2, 3)])
async def test_it_may_take_another_number_of_segments(store, new, queue, move, claim, clock, before, after):
    [kept] = await store.add([new(parts=before)])
    free, *_ = await queue()
    octets = [bytes([each]) for each in range(after)]
    assert await move(free, octets=octets) == {kept.reference}
    found = await store.message(kept.reference)
    assert [one.short_message for one in found.segments] == octets
    [claimed] = await claim(link="spare")
    answers = [Answer(claimed.id, one.number, Accepted(f"id {one.number}")) for one in claimed.segments]
    recorded = await store.record_answers(answers, clock.now)
    assert recorded[-1].status is Status.SUBMITTED
    assert (await store.counts())[Status.SUBMITTED] == 1


async def test_what_was_refused_for_now_may_go_elsewhere(store, new, queue, move, claim, clock):
    await store.add([new()])
    [claimed] = await claim()
    await store.record_answers([Answer(claimed.id, 1, THROTTLED, claimed.attempts)], clock.now)
    free, *_ = await queue()
    assert len(await move(free)) == 1
    found = await store.message(claimed.reference)
    assert (found.error, found.attempts, found.segments[0].command_status) == (None, 1, None)


async def test_what_was_begun_stays(store, new, queue, claim, clock):
    await store.add([new(parts=2), new(), new()])
    parts, doubtful, back = await claim()
    await store.record_answers(
        [
            Answer(parts.id, 1, Accepted("A")),
            Answer(parts.id, 2, Unanswered(written=False)),
            Answer(doubtful.id, 1, Unanswered(written=True)),
            Answer(back.id, 1, Unanswered(written=False)),
        ],
        clock.now,
    )
    await store.resolve([doubtful.reference], Decision.RESEND, clock.now)
    assert (await store.counts())[Status.QUEUED] == 3
    free, pinned, begun = await queue()
    assert ([one.message.id for one in free], pinned, begun) == ([back.id], 0, 2)


@pytest.mark.parametrize("parts", [1, 2])
async def test_what_was_begun_after_the_look_stays_as_well(store, new, queue, move, claim, clock, parts):
    """However far it came in between, and though it is queued again."""
    made = await store.add([new(parts=2) for _ in range(5)])
    free, *_ = await queue()
    assert len(free) == 5
    one, two, three, four = await claim(4)
    answers = [Answer(one.id, number, Unanswered(written=False)) for number in (1, 2)]
    answers += [Answer(two.id, 1, Accepted("A")), Answer(two.id, 2, Unanswered(written=False))]
    answers += [Answer(three.id, number, Unanswered(written=True)) for number in (1, 2)]
    await store.record_answers(answers, clock.now)
    await store.resolve([three.reference], Decision.RESEND, clock.now)
    assert (await store.message(four.reference)).status is Status.SUBMITTING
    assert await move(free, octets=[b"new"] * parts) == {made[4].reference}
    for each in (one, two, three, four):
        found = await store.message(each.reference)
        assert (found.link, len(found.segments)) == ("main", 2)


async def test_what_is_pinned_stays_unless_that_is_asked_for(store, new, queue, move):
    kept = await store.add([new(pinned=True), new()])
    free, pinned, begun = await queue()
    assert ([one.message.id for one in free], pinned, begun) == ([kept[1].id], 1, 0)
    free, pinned, begun = await queue(pinned=True)
    assert (len(free), pinned) == (2, 0)
    assert len(await move(free)) == 2


async def test_a_queue_is_gone_through_in_steps_the_urgent_first(store, new, queue, clock):
    later = clock.now + timedelta(hours=1)
    made = await store.add(
        [new(priority=number % 4, next_attempt_at=later if number > 35 else None) for number in range(40)]
    )
    ids = [one.id for one in sorted(made, key=lambda one: (-one.priority, one.next_attempt_at, one.id))]
    for limit in (1, 7, 200):
        free, *_ = await queue(limit=limit)
        assert [one.message.id for one in free] == ids
        due, *_ = await queue(limit=limit, until=clock.now)
        assert [one.message.id for one in due] == [key for key in ids if key not in {one.id for one in made[36:]}]


async def test_a_place_in_a_queue_can_be_written_down(store, new, queue):
    await store.add([new() for _ in range(3)])
    step = await store.reroute.waiting("main", limit=2)
    rest = await store.reroute.waiting("main", Place.read(str(step.after)), limit=2)
    assert (len(step.free), len(rest.free), rest.after) == (2, 1, None)
    for wrong in ("", "4-1-1", "0-1", "0-1-1-1", "0-x-1", "0-9999999999999999999-1"):
        with pytest.raises(InvalidValue, match="after"):
            Place.read(wrong)


async def test_the_links_that_are_no_more_are_found(store, new):
    await store.add([new(link="old"), new(link="main"), new(link="older")])
    assert await store.reroute.stranded(["main", "spare"]) == ["old", "older"]


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_of_a_claim_and_a_move_at_once_each_message_sees_one(store, url, new, clock, queue):
    """Two daemons on one database: one claims, the other moves."""
    made = await store.add([new() for _ in range(300)])
    free, *_ = await queue()
    until = clock.now + timedelta(minutes=1)
    async with await Store.open(url, now=clock) as other:

        async def claiming():
            claimed = []
            while batch := await other.claim(20, link="main", owner="other", lease_until=until):
                claimed += batch
            return {one.reference for one in claimed}

        async def moving():
            moved = set()
            for begin in range(280, -1, -20):
                messages = [replace(one.message, link="spare") for one in free[begin : begin + 20]]
                moved |= await store.reroute.move(messages, from_link="main", decided="failover", at=clock.now)
            return moved

        claimed, moved = await asyncio.gather(claiming(), moving())
    assert claimed.isdisjoint(moved)
    assert claimed | moved == {one.reference for one in made}
    counts = await store.counts()
    assert (counts[Status.SUBMITTING], counts[Status.QUEUED]) == (len(claimed), len(moved))
    for one in await store.messages(limit=1000):
        assert (one.status is Status.QUEUED) == (one.link == "spare")
