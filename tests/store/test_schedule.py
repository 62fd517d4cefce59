"""A clock that was ahead and is set back: the queue does not wait until it is as late again."""

from datetime import timedelta

from smpp_esme.message.message import Answer, Refused

THROTTLED = Refused(0x58, "ESME_RTHROTTLED", "throttled", retryable=True)


async def due(store, clock):
    """Which of the queued may be claimed now."""
    until = clock.now + timedelta(minutes=1)
    return {each.reference for each in await store.claim(2000, link="main", owner="daemon", lease_until=until)}


async def test_what_was_kept_while_the_clock_was_ahead_is_due_when_it_is_set_back(store, new, clock):
    kept = await store.add([new() for _ in range(1200)])
    clock.pass_(hours=-1)
    assert await due(store, clock) == set()
    assert await store.housekeeping.hasten_misdated(clock.now) == 1200
    assert await due(store, clock) == {each.reference for each in kept}


async def test_what_was_put_off_while_the_clock_was_ahead_is_due_as_well(store, new, clock, claim):
    (first,) = await store.add([new()])
    clock.pass_(hours=1)
    [claimed] = await claim()
    await store.record_answers([Answer(claimed.id, 1, THROTTLED, claimed.attempts)], clock.now)
    clock.pass_(hours=-1)
    assert await store.housekeeping.hasten_misdated(clock.now) == 1
    assert await due(store, clock) == {first.reference}


async def test_what_is_scheduled_or_put_off_as_it_should_be_stays(store, new, clock, claim):
    later = clock.now + timedelta(hours=2)
    await store.add([new(), new(next_attempt_at=later)])
    [claimed] = await claim()
    await store.record_answers([Answer(claimed.id, 1, THROTTLED, claimed.attempts)], clock.now)
    assert await store.housekeeping.hasten_misdated(clock.now) == 0
    assert await due(store, clock) == set()
    clock.pass_(seconds=-5)
    assert (
        await store.housekeeping.hasten_misdated(clock.now) == 1
    )  # the one that was put off; its time is further away than it ever was
