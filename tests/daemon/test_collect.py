from __future__ import annotations

import asyncio
import logging

import pytest

from smpp_esme.daemon.collect import Collect
from smpp_esme.errors import StoreOutage, StoreUnusable
from smpp_esme.message.status import MessageStatus as Status
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import EsmClass
from smpp_esme.protocol.pdus import AlertNotification, CancelSm, DataSm, DeliverSm, GenericNack
from smpp_esme.sms.envelope import Hlr
from smpp_esme.sms.message_id import ENOUGH, Form
from smpp_esme.sms.profile import Profile

TO = "+79161234567"
OK, AGAIN = CommandStatus.ESME_ROK, CommandStatus.ESME_RX_T_APPN
RECEIPT = b"id:%s sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:%s err:%s text:"
CENTRE = Profile.named("smsc-centre")


async def until(smsc, condition):
    async with asyncio.timeout(20):
        await smsc.until(condition)


async def turns(count=50):
    """Lets whatever is ready happen; an answer that was written has crossed the loopback by then."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_receipt_is_recorded_and_then_answered(start, smsc, store, taken):
    daemon = await start()
    answered_at = {}

    async def not_yet():
        await turns()
        answered_at["before the transaction"] = (smsc.counts.receipts_answered, list(taken))

    async def still_not():
        # The transaction has committed; whoever looks into the store finds the receipt there.
        answered_at["status in the store"] = [one.status for one in await store.messages()]
        await turns()
        answered_at["after the commit"] = (smsc.counts.receipts_answered, list(taken))

    store.before_receipts, store.after_receipts = not_yet, still_not
    await daemon.submit(TO, "hello")
    await store.until_final()
    await until(smsc, lambda smsc: smsc.counts.receipts_answered == 1)
    assert answered_at == {
        "before the transaction": (0, []),
        "status in the store": [Status.DELIVERED],
        "after the commit": (0, []),
    }
    assert taken == [OK]


async def test_a_receipt_before_its_response_finds_its_message(start, smsc, store, taken):
    smsc.script.receipt_first()
    daemon = await start()
    for number in range(5):
        await daemon.submit(TO, f"number {number}")
    messages = await store.until_final()
    assert {one.status for one in messages} == {Status.DELIVERED}
    assert await store.limbo() == []
    await until(smsc, lambda _: len(taken) == 5)  # kept first, answered then
    assert taken == [OK] * 5


async def test_a_receipt_that_comes_twice_moves_nothing_twice(start, smsc, store, taken):
    smsc.script.receipt_twice()
    daemon = await start()
    message = await daemon.submit(TO, "hello")
    await until(smsc, lambda smsc: smsc.counts.receipts_answered == 2)
    (found,) = await store.until_final()
    assert found.status is Status.DELIVERED
    history = [event.status for event in await store.events(message.reference)]
    assert history.count(Status.DELIVERED) == 1
    assert await store.limbo() == []
    assert taken == [OK, OK]


@pytest.mark.parametrize("form", ["hex", "padded"])
async def test_a_receipt_that_writes_the_id_otherwise_finds_its_message(start, smsc, store, form):
    smsc.script.receipt_ids(form)
    daemon = await start()
    await daemon.submit(TO, "hello")
    (message,) = await store.until_final()
    assert message.status is Status.DELIVERED


async def test_the_form_of_the_ids_is_learned_and_told_once(start, smsc, store, caplog):
    caplog.set_level(logging.INFO, "smpp_esme.daemon.collect")
    smsc.script.receipt_ids("hex")
    daemon = await start()
    # A receipt that overtakes the record of its response teaches nothing, so there are more than enough.
    for number in range(5 * ENOUGH):
        await daemon.submit(TO, f"number {number}")
        await until(smsc, lambda smsc, number=number: smsc.counts.receipts_answered == number + 1)
    assert {one.status for one in await store.until_final()} == {Status.DELIVERED}
    (told,) = [one for one in caplog.records if one.message == "collect.message_ids_learned"]
    assert (told.form, told.confidence) == (Form.DECIMAL_HEX, ENOUGH / (ENOUGH + 1))


@pytest.mark.parametrize(
    ("ending", "status", "error"),
    [
        ("001", Status.EXPIRED, "006"),
        ("002", Status.UNDELIVERABLE, "001"),
        ("005", Status.UNDELIVERABLE, "013"),
        ("006", Status.UNDELIVERABLE, "012"),
        ("010", Status.UNDELIVERABLE, "011"),
    ],
)
async def test_what_the_network_says_is_what_we_say(start, smsc, store, ending, status, error):
    daemon = await start()
    await daemon.submit(f"+79161230{ending}", "hello")
    (message,) = await store.until_final()
    assert (message.status, message.error) == (status, error)
    assert message.error_meaning


async def test_a_lookup_ends_with_its_record(start, smsc, store):
    daemon = await start()
    await daemon.submit("+79161230009", Hlr())  # ported and roaming
    (message,) = await store.until_final()
    record, handset = message.hlr, smsc.handsets.handset("79161230009")
    assert record["imsi"] == handset.imsi
    assert (record["country"], record["operator"]) == (handset.country, handset.operator)  # url-decoded
    assert record["roaming_country"] == handset.roaming_country != ""


async def test_what_the_smsc_says_in_its_own_tlvs_is_kept(start, smsc, store):
    daemon = await start()
    await daemon.submit(TO, "x" * 300)
    (message,) = await store.until_final()
    assert [set(one.vendor) for one in message.segments] == [{"cost", "flags", "parts"}] * 2
    assert {one.vendor["parts"] for one in message.segments} == {2}


async def test_a_message_is_delivered_when_all_of_its_segments_are(start, smsc, store):
    smsc.script.receipt_first(after=1, times=1)
    daemon = await start()
    await daemon.submit(TO, "x" * 450)
    (message,) = await store.until_final()
    assert [one.status for one in message.segments] == [Status.DELIVERED] * 3


async def test_a_receipt_for_a_message_nobody_knows_is_kept_and_answered(start, smsc, store, taken):
    await start()
    smsc._centre.fates.deliver("demo", receipt(b"424242"))
    await until(smsc, lambda _: taken)
    assert taken == [OK]
    (kept,) = await store.limbo()
    assert kept.fact.message_id == "424242"


async def test_a_receipt_that_came_in_an_outage_is_asked_for_again_and_taken_then(start, smsc, store, taken):
    daemon = await start()
    outages = [StoreOutage("database or disk is full")]

    async def fail():
        if outages:
            raise outages.pop()

    store.before_receipts = fail
    await daemon.submit(TO, "hello")
    (message,) = await store.until_final()
    assert message.status is Status.DELIVERED
    await until(smsc, lambda smsc: smsc.counts.receipts_answered == 1)
    assert taken == [AGAIN, OK]


async def test_what_is_kept_is_not_asked_for_again_because_something_else_was_not(start, smsc, store, taken):
    await start()

    async def fail():
        raise StoreOutage("database or disk is full")

    store.before_receipts = fail
    smsc._centre.fates.deliver("demo", receipt(b"424242"))
    await smsc.deliver("Yes", source="79160000001", destination="1234")
    store.before_receipts = None
    await until(smsc, lambda smsc: smsc.counts.receipts_answered == 1)
    assert [one.text for one in await store.inbox.messages()] == ["Yes"]


async def test_a_receipt_that_could_not_be_written_is_asked_for_again_and_the_daemon_stops_loudly(
    start, smsc, store, taken
):
    daemon = await start()

    async def fail():
        raise StoreUnusable("the disk is full")

    store.before_receipts = fail
    await daemon.submit(TO, "hello")
    with pytest.raises(ExceptionGroup) as ended:
        await daemon.ended()
    assert ended.group_contains(StoreUnusable, match="the disk is full")
    await until(smsc, lambda smsc: not smsc.binds)
    assert taken == [AGAIN]
    # The SMSC kept it, and the next life of the daemon takes it.
    store.before_receipts = None
    await start()
    (message,) = await store.until_final()
    assert message.status is Status.DELIVERED
    await until(smsc, lambda smsc: smsc.counts.receipts_answered == 1)
    assert taken == [AGAIN, OK]


async def test_a_message_and_a_receipt_that_come_together_are_both_kept_and_taken(store):
    assert await collected(store, DeliverSm(source_addr="79160000001", short_message=b"hi"), receipt(b"1")) == [
        ("DeliverSmResp", OK),
        ("DeliverSmResp", OK),
    ]
    assert [one.text for one in await store.inbox.messages()] == ["hi"]
    assert len(await store.limbo()) == 1


@pytest.mark.parametrize("octets", [b"", b"id:", b"\xff\xfe\x00", b"id:1 stat:WHAT err:xyz", b"id:" + b"9" * 250])
async def test_a_receipt_that_cannot_be_read_ends_nothing(start, smsc, store, taken, octets):
    daemon = await start()
    smsc._centre.fates.deliver("demo", DeliverSm(esm_class=EsmClass.DELIVERY_RECEIPT, short_message=octets))
    await until(smsc, lambda _: taken)
    assert taken[0] in {OK, AGAIN}
    await daemon.submit(TO, "hello")
    (message,) = await store.until_final()
    assert message.status is Status.DELIVERED


def receipt(message_id, stat=b"DELIVRD", error=b"000"):
    return DeliverSm(
        source_addr="79161234567",
        destination_addr="DEMO",
        esm_class=EsmClass.DELIVERY_RECEIPT,
        short_message=RECEIPT % (message_id, stat, error),
    )


class Heard:
    """A session that notes what it was told to answer."""

    def __init__(self):
        self.responses = []

    def respond_all(self, answers):
        self.responses += answers


class Named:
    name = "main"


async def collected(store, *requests):
    session = Heard()
    await Collect(store, Named(), CENTRE)._collect(session, list(requests))
    return [(type(response).__name__, response.command_status) for _, response in session.responses]


async def test_requests_are_answered_each_by_its_own_response(store):
    answers = await collected(
        store,
        receipt(b"1"),
        DataSm(esm_class=EsmClass.DELIVERY_RECEIPT),
        DeliverSm(short_message=b"hi"),
        CancelSm(),
    )
    assert answers == [
        ("DeliverSmResp", OK),
        ("DataSmResp", OK),
        ("DeliverSmResp", OK),
        ("CancelSmResp", CommandStatus.ESME_RINVCMDID),
    ]


async def test_an_alert_notification_is_never_answered(store):
    # It has no response (SMPP 3.4, 4.12.1), and a generic_nack would call it an error.
    assert await collected(store, AlertNotification(), receipt(b"1")) == [("DeliverSmResp", OK)]


async def test_a_request_without_a_response_of_its_own_gets_a_generic_nack(store):
    assert await collected(store, GenericNack()) == [("GenericNack", CommandStatus.ESME_RINVCMDID)]


async def test_receipts_that_come_together_are_one_transaction(store):
    writes = []

    async def note():
        writes.append(1)

    store.before_receipts = note
    await collected(store, *[receipt(b"%d" % number) for number in range(50)])
    assert writes == [1]
    assert len(await store.limbo()) == 50


async def test_a_state_that_nobody_knows_is_no_better_than_unknown(start, smsc, store, taken):
    daemon = await start()
    await daemon.submit("+79161230007", "hello")  # the silent one: no receipt but ours
    (message,) = await store.until(lambda found: found[0].status is Status.SUBMITTED)
    message_id = message.segments[0].message_id.encode()
    smsc._centre.fates.deliver("demo", receipt(message_id, stat=b"BEAMED"))
    (message,) = await store.until(lambda found: found[0].status is not Status.SUBMITTED)
    assert message.status is Status.UNKNOWN
    smsc._centre.fates.deliver("demo", receipt(message_id))
    (message,) = await store.until(lambda found: found[0].status is not Status.UNKNOWN)
    assert message.status is Status.DELIVERED
