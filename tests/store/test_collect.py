"""Receipts find their message, or wait for it; none is dropped."""

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from smpp_esme.message.message import Accepted, Answer
from smpp_esme.message.status import MessageStatus
from smpp_esme.sms import message_id

S = MessageStatus


async def claimed(store, claim, *messages):
    await store.add(messages)
    return await claim()


async def answer(store, clock, message, *ids):
    answers = [Answer(message.id, number, Accepted(each)) for number, each in enumerate(ids, 1)]
    return await store.record_answers(answers, clock.now)


async def test_a_receipt_ends_its_message(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new())
    await answer(store, clock, message, "855469")
    at = clock.pass_(seconds=9)
    hlr = {"mcc": "250", "cn": "Russian Federation", "net": "\0"}
    vendor = {"cost": "1.05", "parts": 1, "note": "\0"}
    fact = receipt("855469", error="000", error_meaning="none", hlr=hlr, vendor=vendor)
    [recorded] = await store.record_receipts([fact], at)
    assert (recorded.reference, recorded.moved, recorded.status) == (message.reference, True, S.DELIVERED)
    assert recorded.submitted_at == at - timedelta(seconds=9)
    kept = await store.message(message.reference)
    assert (kept.status, kept.final_at, kept.error, kept.error_meaning) == (S.DELIVERED, at, "000", "none")
    assert kept.hlr == hlr
    assert kept.segments[0].vendor == vendor
    assert (await store.events(message.reference))[-1].detail["vendor"] == vendor
    assert kept.segments[0].final_at == at


async def test_the_same_receipt_twice_moves_nothing(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new())
    await answer(store, clock, message, "7")
    recorded = await store.record_receipts([receipt("7"), receipt("7")], clock.now)
    recorded += await store.record_receipts([receipt("7")], clock.pass_(days=1))
    assert [each.moved for each in recorded] == [True, False, False]
    assert {each.reference for each in recorded} == {message.reference}
    assert len(await store.events(message.reference)) == 4
    assert await store.limbo() == []


async def test_a_long_message_is_delivered_with_its_last_segment(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new(parts=3))
    await answer(store, clock, message, "1", "2", "3")
    recorded = await store.record_receipts([receipt("3"), receipt("1")], clock.now)
    assert {each.status for each in recorded} == {S.SUBMITTED}
    [last] = await store.record_receipts([receipt("2")], clock.now)
    assert last.status is S.DELIVERED


async def test_delivered_after_expired_is_believed(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new())
    await answer(store, clock, message, "7")
    await store.record_receipts([receipt("7", S.EXPIRED, error="11")], clock.now)
    [late] = await store.record_receipts([receipt("7")], clock.pass_(hours=1))
    assert (late.moved, late.status) == (True, S.DELIVERED)
    [earlier] = await store.record_receipts([receipt("7", S.EXPIRED)], clock.now)
    assert (earlier.moved, earlier.status) == (False, S.DELIVERED)


async def test_en_route_says_nothing_new(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new())
    await answer(store, clock, message, "7")
    [recorded] = await store.record_receipts([receipt("7", S.SUBMITTED, final=False)], clock.now)
    assert (recorded.reference, recorded.moved) == (message.reference, False)
    assert await store.limbo() == []


# --- whose receipt it is ------------------------------------------------------------------------------------------


async def test_another_form_of_the_id_is_believed_if_the_subscriber_is_right(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new(destination_addr="79991234567"))
    await answer(store, clock, message, "1d305b4c")
    fact = receipt("0489708364", forms=("489708364", "1d305b4c"), source_addr="+79991234567")
    [recorded] = await store.record_receipts([fact], clock.now)
    assert recorded.reference == message.reference


async def test_another_form_of_the_id_proves_nothing_by_itself(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new(destination_addr="79991234567"))
    await answer(store, clock, message, "16")
    fact = receipt("10", forms=("16",), source_addr="79997654321")
    [recorded] = await store.record_receipts([fact], clock.now)
    assert recorded.reference is None
    assert len(await store.limbo()) == 1


async def test_the_literal_id_goes_before_any_other_form(store, new, claim, clock, receipt):
    one, other = await claimed(store, claim, new(destination_addr="79991234567"), new(destination_addr="79991234567"))
    await answer(store, clock, one, "10")
    await answer(store, clock, other, "16")
    fact = receipt("10", forms=("16",), source_addr="79991234567")
    [recorded] = await store.record_receipts([fact], clock.now)
    assert recorded.reference == one.reference


async def test_a_literal_id_is_believed_even_if_the_smsc_rewrote_the_addresses(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new())
    await answer(store, clock, message, "7")
    fact = receipt("7", source_addr="", destination_addr="12345")
    [recorded] = await store.record_receipts([fact], clock.now)
    assert recorded.reference == message.reference


async def test_an_id_that_the_smsc_uses_again_means_the_newest_message(store, new, claim, clock, receipt):
    old, young = await claimed(store, claim, new(), new())
    await answer(store, clock, old, "7")
    await answer(store, clock, young, "7")
    fact = receipt("7", source_addr="elsewhere")
    [recorded] = await store.record_receipts([fact], clock.now)
    assert recorded.reference == young.reference


async def test_of_two_messages_with_one_id_the_subscriber_decides(store, new, claim, clock, receipt):
    old, young = await claimed(store, claim, new(), new())
    await answer(store, clock, old, "7")
    await answer(store, clock, young, "7")
    fact = receipt("7", source_addr=old.destination_addr)
    [recorded] = await store.record_receipts([fact], clock.now)
    assert recorded.reference == old.reference


async def test_an_id_means_something_only_within_its_link(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new())
    await answer(store, clock, message, "7")
    [recorded] = await store.record_receipts([receipt("7", link="other")], clock.now)
    assert recorded.reference is None
    assert (await store.message(message.reference)).status is S.SUBMITTED


async def test_an_empty_id_belongs_to_nobody(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new())
    await answer(store, clock, message, "")
    [recorded] = await store.record_receipts([receipt("")], clock.now)
    assert recorded.reference is None


# --- limbo --------------------------------------------------------------------------------------------------------


async def test_a_receipt_that_overtakes_its_response_waits_for_it(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new())
    [early] = await store.record_receipts([receipt("7", error="000")], clock.now)
    assert (early.reference, early.moved, early.status) == (None, False, None)
    assert [each.fact.message_id for each in await store.limbo()] == ["7"]
    [recorded] = await answer(store, clock, message, "7")
    assert (recorded.moved, recorded.status) == (True, S.DELIVERED)
    assert await store.limbo() == []
    kept = await store.message(message.reference)
    assert (kept.status, kept.error) == (S.DELIVERED, "000")
    story = [event.status for event in await store.events(message.reference)]
    assert story == [S.QUEUED, S.SUBMITTING, S.SUBMITTED, S.DELIVERED]


async def test_receipts_that_overtake_only_some_segments_are_not_lost(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new(parts=2))
    await store.record_receipts([receipt("2"), receipt("2", S.EXPIRED)], clock.now)
    await answer(store, clock, message, "1", "2")
    kept = await store.message(message.reference)
    assert [part.status for part in kept.segments] == [S.SUBMITTED, S.DELIVERED]
    assert await store.limbo() == []
    [last] = await store.record_receipts([receipt("1")], clock.now)
    assert last.status is S.DELIVERED


async def test_an_early_receipt_in_another_form_needs_the_right_subscriber(store, new, claim, clock, receipt):
    one, other = await claimed(store, claim, new(), new())
    early = receipt("16", forms=("0x10", "10"), source_addr=other.destination_addr)
    await store.record_receipts([early], clock.now)
    await answer(store, clock, one, "10")
    assert (await store.message(one.reference)).status is S.SUBMITTED
    await answer(store, clock, other, "10")
    assert (await store.message(other.reference)).status is S.DELIVERED


async def test_an_old_orphan_does_not_end_a_message_that_is_given_its_id(store, new, claim, clock, receipt):
    await store.record_receipts([receipt("7")], clock.now)
    clock.pass_(days=2)
    [message] = await claimed(store, claim, new())
    [recorded] = await answer(store, clock, message, "7")
    assert recorded.status is S.SUBMITTED
    assert len(await store.limbo()) == 1


async def test_an_orphan_that_comes_again_and_again_is_kept_once(store, clock, receipt):
    for _ in range(3):
        await store.record_receipts([receipt("7"), receipt("7")], clock.pass_(seconds=1))
    assert len(await store.limbo()) == 1


async def test_limbo_keeps_all_that_a_receipt_told(store, clock, receipt):
    fact = receipt(
        "7",
        S.UNDELIVERABLE,
        forms=("07", "0x7"),
        final=False,
        error="255",
        error_meaning="none such",
        done_at=clock.now - timedelta(hours=3),
        hlr={"mcc": "250"},
        vendor={"cost": "1.05"},
        raw=bytes(range(256)),
    )
    await store.record_receipts([fact, receipt("8", raw=b"")], clock.now)
    first, second = await store.limbo()
    assert first.fact == fact
    assert second.fact.raw == b""
    assert [each.fact.message_id for each in await store.limbo(1, after=first.id)] == ["8"]


@pytest.mark.parametrize("nasty", ["\0", "\ud83d", "'; DROP TABLE message; --", '"]', "😀" * 100])
async def test_hostile_receipts_are_kept_without_harm(store, clock, receipt, nasty):
    fact = receipt(nasty, forms=(nasty,), source_addr=nasty, destination_addr=nasty, error=nasty, error_meaning=nasty)
    [recorded] = await store.record_receipts([fact], clock.now)
    assert recorded.reference is None
    [kept] = await store.limbo()
    assert kept.fact.raw == fact.raw


async def test_a_receipt_with_a_thousand_forms_is_looked_up_by_a_few(store, clock, receipt):
    await store.record_receipts([receipt("7", forms=tuple(str(each) for each in range(1000)))], clock.now)
    [kept] = await store.limbo()
    assert len(kept.fact.forms) <= 16


SAME = tomllib.loads((Path(__file__).parents[2] / "fixtures/message_ids.toml").read_text())["same"]


@pytest.mark.parametrize("early", [False, True], ids=["after the response", "before the response"])
@pytest.mark.parametrize("pair", SAME, ids=lambda pair: pair["why"])
async def test_a_receipt_finds_its_message_however_either_id_is_written(store, new, claim, clock, receipt, pair, early):
    [message] = await claimed(store, claim, new(destination_addr="79991234567"))
    fact = receipt(pair["receipted"], forms=message_id.keys(pair["receipted"]), source_addr="79991234567")
    if early:
        await store.record_receipts([fact], clock.now)
    await answer(store, clock, message, pair["submitted"])
    if not early:
        await store.record_receipts([fact], clock.now)
    assert (await store.message(message.reference)).status is MessageStatus.DELIVERED
    assert await store.limbo() == []


async def test_an_early_receipt_is_not_swallowed_by_another_subscribers_old_message(store, new, claim, clock, receipt):
    one, other = await claimed(store, claim, new(destination_addr="79991111111"), new(destination_addr="79992222222"))
    await answer(store, clock, one, "100")
    await store.record_receipts([receipt("100", source_addr="79991111111")], clock.now)
    await store.record_receipts([receipt("100", source_addr="79992222222")], clock.now)
    await answer(store, clock, other, "100")
    assert (await store.message(other.reference)).status is MessageStatus.DELIVERED


async def test_of_one_subscribers_messages_the_one_that_needs_no_conversion_is_meant(store, new, claim, clock, receipt):
    number = "79991234567"
    meant, other = await claimed(store, claim, new(destination_addr=number), new(destination_addr=number))
    await answer(store, clock, meant, "0010")
    await answer(store, clock, other, "16")
    await store.record_receipts([receipt("10", forms=message_id.keys("10"), source_addr=number)], clock.now)
    statuses = [(await store.message(one.reference)).status for one in (meant, other)]
    assert statuses == [MessageStatus.DELIVERED, MessageStatus.SUBMITTED]


async def test_a_receipt_tells_under_which_id_its_message_was_submitted(store, new, claim, clock, receipt):
    [message] = await claimed(store, claim, new(destination_addr="79991234567"))
    await answer(store, clock, message, "00B8BE19")
    ours, strangers, nobodys = await store.record_receipts(
        [
            receipt("12107289", forms=message_id.keys("12107289"), source_addr="79991234567"),
            receipt("00B8BE19", MessageStatus.EXPIRED, source_addr="79990000000"),
            receipt("1"),
        ],
        clock.now,
    )
    assert [each.submitted_id for each in (ours, strangers, nobodys)] == ["00B8BE19", None, None]
