"""How far endpoints have been told, and their dead letters, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest


@pytest.fixture
def claimed(store, clock):
    async def claim(name="shop", *, owner="daemon", start=0):
        until = clock.now + timedelta(minutes=1)
        return await store.outbox.claim(name, owner=owner, start=start, at=clock.now, until=until)

    return claim


@pytest.fixture
def done(store, clock):
    async def advance(event, name="shop", *, owner="daemon"):
        return await store.outbox.advance(name, event, owner=owner, until=clock.now + timedelta(minutes=1))

    return advance


async def test_a_new_endpoint_begins_where_it_is_told_to_and_an_old_one_where_it_was(claimed, done):
    assert (await claimed(start=7)).event == 7
    assert await done(9)
    assert (await claimed(start=100)).event == 9


async def test_one_daemon_delivers_until_it_lets_go_or_its_lease_ends(store, claimed, done, clock):
    assert await claimed()
    assert await claimed(owner="other") is None
    assert not await done(5, owner="other")
    clock.pass_(seconds=50)
    assert await done(6)
    clock.pass_(seconds=50)
    assert await claimed(owner="other") is None
    clock.pass_(seconds=50)
    assert (await claimed(owner="other")).event == 6
    assert not await done(7)
    await store.outbox.release("shop", owner="other")
    assert await claimed()


async def test_an_endpoint_that_wants_no_more_is_told_so_until_it_is_enabled(store, claimed, clock):
    await claimed(start=3)
    assert not await store.outbox.disable("shop", owner="other", at=clock.now)
    assert await store.outbox.disable("shop", owner="daemon", at=clock.now)
    assert (await claimed()).disabled_at == clock.now
    (found,) = await store.outbox.endpoints()
    assert (found.name, found.event, found.disabled_at) == ("shop", 3, clock.now)
    assert await store.outbox.enable("shop")
    assert (await claimed()).disabled_at is None
    assert not await store.outbox.enable("nobody")


async def test_dead_letters_are_kept_with_their_events_and_paged(store, new, clock):
    await store.add([new() for _ in range(3)])
    for number in (1, 2, 3):
        await store.outbox.bury("shop", number, attempts=number, reason="HTTP 500", at=clock.now)
    await store.outbox.bury("other", 1, attempts=9, reason="HTTP 404", at=clock.now)
    first = await store.outbox.dead_letters("shop", limit=2)
    rest = await store.outbox.dead_letters("shop", after=first[-1].id)
    assert [(one.event.id, one.event.type, one.attempts, one.reason, one.at) for one in (*first, *rest)] == [
        (number, "message.queued", number, "HTTP 500", clock.now) for number in (1, 2, 3)
    ]
    assert {one.replay_at for one in first} == {None}


async def test_an_event_that_is_given_up_twice_is_one_dead_letter(store, new, clock):
    await store.add([new()])
    for attempts in (3, 5):
        await store.outbox.bury("shop", 1, attempts=attempts, reason="HTTP 500", at=clock.now)
    assert [one.attempts for one in await store.outbox.dead_letters("shop")] == [5]


async def test_an_event_that_is_kept_no_more_becomes_no_dead_letter(store, clock):
    await store.outbox.bury("shop", 99, attempts=1, reason="HTTP 500", at=clock.now)
    assert await store.outbox.dead_letters("shop") == []


async def test_dead_letters_are_replayed_all_or_those_that_are_named(store, new, clock, claimed):
    await claimed()
    await store.add([new() for _ in range(3)])
    for number in (1, 2, 3):
        await store.outbox.bury("shop", number, attempts=1, reason="HTTP 500", at=clock.now)
    first, second, third = await store.outbox.dead_letters("shop")
    assert await store.outbox.replay("shop", [first.id, 999], at=clock.now) == 1
    assert await store.outbox.replay("other", None, at=clock.now) == 0
    assert [one.event.id for one in await store.outbox.to_replay("shop")] == [1]
    assert await store.outbox.replay("shop", None, at=clock.now) == 3
    await store.outbox.replayed(first.id, failure=None, at=clock.now)
    later = clock.pass_(hours=1)
    await store.outbox.replayed(second.id, failure="HTTP 404", at=later)
    assert [one.event.id for one in await store.outbox.to_replay("shop")] == [3]
    left = await store.outbox.dead_letters("shop")
    assert [(one.event.id, one.attempts, one.reason, one.at) for one in left] == [
        (2, 2, "HTTP 404", later), (3, 1, "HTTP 500", third.at)
    ]  # fmt: skip
    (found,) = await store.outbox.endpoints()
    assert found.dead_letters == 2
