"""Limbo can be looked through and tidied; nothing in it is dropped."""

import pytest

from smpp_esme.errors import UnknownReference
from smpp_esme.message.message import Accepted, Answer, Unanswered
from smpp_esme.message.status import MessageStatus

S = MessageStatus


async def ids(store, **wanted):
    return [each.fact.message_id for each in await store.limbo(**wanted)]


@pytest.fixture
async def orphans(store, receipt, clock):
    facts = [receipt(f"m{number}", link="main") for number in range(3)] + [receipt("o", link="other")]
    await store.record_receipts(facts, clock.now)
    return await store.limbo()


async def test_it_comes_in_pages_and_by_link(store, orphans):
    assert await ids(store, limit=2) == ["m0", "m1"]
    assert await ids(store, limit=2, after=orphans[1].id) == ["m2", "o"]
    assert await ids(store, link="other") == ["o"]
    assert await ids(store, link="main", after=orphans[0].id) == ["m1", "m2"]
    assert await ids(store, link="none") == []


async def test_what_is_dismissed_stays_and_is_no_longer_counted(store, orphans, clock):
    chosen = [orphans[0].id, orphans[3].id]
    assert await store.open_ends.dismiss(chosen, clock.now) == 2
    assert await store.open_ends.dismiss([*chosen, 999], clock.now) == 0
    assert await ids(store, dismissed=False) == ["m1", "m2"]
    assert [each.dismissed_at for each in await store.limbo()] == [clock.now, None, None, clock.now]
    assert (await store.backlog([])).limbo == 2


async def test_a_dismissed_receipt_that_comes_again_is_not_kept_again(store, orphans, receipt, clock):
    await store.open_ends.dismiss([orphans[0].id], clock.now)
    await store.record_receipts([receipt("m0")], clock.now)
    assert await ids(store, dismissed=False) == ["m1", "m2", "o"]
    assert len(await store.limbo()) == 4


async def test_a_late_response_still_finds_a_dismissed_receipt(store, orphans, new, claim, clock):
    await store.open_ends.dismiss([orphans[0].id], clock.now)
    await store.add([new(destination_addr="79990000000")])
    [message] = await claim()
    [recorded] = await store.record_answers([Answer(message.id, 1, Accepted("m0"))], clock.now)
    assert recorded.status is S.DELIVERED


async def test_a_person_gives_a_receipt_to_a_message_in_doubt(store, orphans, new, claim, clock):
    await store.add([new()])
    [message] = await claim()
    await store.record_answers([Answer(message.id, 1, Unanswered(written=True))], clock.now)
    attached = await store.open_ends.attach(orphans[0].id, message.reference, clock.now)
    assert (attached.reference, attached.moved, attached.status) == (message.reference, True, S.DELIVERED)
    kept = await store.message(message.reference)
    assert (kept.status, kept.segments[0].message_id) == (S.DELIVERED, "m0")
    assert [event.detail.get("decided") for event in await store.events(message.reference)][-2:] == ["operator"] * 2
    assert await ids(store) == ["m1", "m2", "o"]


async def test_a_person_gives_a_receipt_to_a_message_that_waits_for_one(store, orphans, new, claim, clock):
    await store.add([new(parts=2)])
    [message] = await claim()
    await store.record_answers([Answer(message.id, number, Accepted(f"x{number}")) for number in (1, 2)], clock.now)
    for orphan, status in zip(orphans, (S.SUBMITTED, S.DELIVERED), strict=False):
        assert (await store.open_ends.attach(orphan.id, message.reference, clock.now)).status is status
    attached = await store.open_ends.attach(orphans[2].id, message.reference, clock.now)
    assert (attached.moved, attached.status) == (False, S.DELIVERED)
    assert await ids(store) == ["m2", "o"]  # it told nothing new, so it is still there


async def test_a_message_that_was_not_sent_takes_no_receipt(store, orphans, new, clock):
    [message] = await store.add([new()])
    assert (await store.open_ends.attach(orphans[0].id, message.reference, clock.now)).moved is False
    assert len(await store.limbo()) == 4


async def test_what_is_not_there_is_said_to_be_unknown(store, orphans, new, clock):
    [message] = await store.add([new()])
    with pytest.raises(UnknownReference, match="999"):
        await store.open_ends.attach(999, message.reference, clock.now)
    with pytest.raises(UnknownReference, match="nobody"):
        await store.open_ends.attach(orphans[0].id, "nobody", clock.now)
