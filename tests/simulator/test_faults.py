"""Each verb of the script, as an ESME meets it; in virtual time, so that waiting costs nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from smpp_esme.errors import BindRefused, ResponseTimeout, SessionClosed
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import MessageState, RegisteredDelivery
from smpp_esme.protocol.pdus import DataSm, DeliverSm, DeliverSmResp, EnquireLink, GenericNack, SubmitSm
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.endpoint import parse_url
from smpp_esme.session.session import Session
from smpp_esme.simulator.forms import ReceiptForm
from smpp_esme.simulator.limits import Guards, Limits
from smpp_esme.simulator.malformed import MALFORMED
from smpp_esme.sms import receipt as reader
from smpp_esme.sms.profile import Profile

CENTRE = Profile.named("smsc-centre")
CALM = Timers(enquire_link=0.0, response=1000.0)
OK = CommandStatus.ESME_ROK

pytestmark = [pytest.mark.usefixtures("virtual_time"), pytest.mark.smsc(timers=CALM, receipt_delay=1.0)]


def receipts_in(pdus):
    return [reader.parse(pdu, CENTRE) for pdu in pdus]


async def statuses(esme, count, **parameters):
    return [(await esme.submit(b"hello %d" % number, **parameters)).command_status for number in range(count)]


async def together(esme, count):
    responses = await asyncio.gather(*[esme.submit(b"hello %d" % number) for number in range(count)])
    return [response.command_status for response in responses]


# Which submits a rule takes


async def test_a_rule_takes_only_what_it_names(smsc, bind):
    smsc.script.refuse("ESME_RTHROTTLED", to="7916", source="ACME", system_id="demo", after=1, times=1)
    esme, other = await bind(smsc), await bind(smsc, system_id="other")
    assert (await esme.submit(b"1", "79031234567")).command_status == OK
    assert (await esme.submit(b"2", source_addr="OTHER")).command_status == OK
    assert (await other.submit(b"3")).command_status == OK
    assert await statuses(esme, 3) == [OK, CommandStatus.ESME_RTHROTTLED, OK]


async def test_chance_is_decided_by_the_seed(smsc, bind):
    esme, told = await bind(smsc), []
    for seed in (1, 1, 2):
        smsc.script.clear().seeded(seed).refuse(0x45, chance=0.5)
        told.append(await statuses(esme, 30))
    assert told[0] == told[1] != told[2]
    assert 0 < sum(map(bool, told[0])) < 30


# Responses


async def test_a_nack_refuses(smsc, bind):
    smsc.script.nack("ESME_RSYSERR")
    response = await (await bind(smsc)).submit(b"hello")
    assert isinstance(response, GenericNack)
    assert response.command_status == CommandStatus.ESME_RSYSERR
    assert smsc.counts.refused == 1


async def test_a_late_response_comes_late(smsc, bind, virtual_time):
    smsc.script.delay(3600.0)
    session = await Session.connect(parse_url(smsc.url), timers=Timers(enquire_link=0.0, response=10_000.0))
    await session.bind(parse_url(smsc.url).bind_request())
    response = await session.request(SubmitSm(destination_addr="79161234567", short_message=b"hello"))
    assert response.command_status == OK
    assert virtual_time.time() == pytest.approx(3600.0, abs=1)
    await session.unbind()


async def test_a_lost_response_leaves_the_message_taken(smsc, bind):
    smsc.script.drop_response()
    esme = await bind(smsc)
    with pytest.raises(ResponseTimeout):
        await esme.session.request(SubmitSm(destination_addr="79161234567", short_message=b"hello"))
    assert smsc.count("hello") == 1


@pytest.mark.parametrize(
    ("where", "taken", "answered"), [("before", 0, 0), ("instead", 1, 0), ("within", 1, 0), ("behind", 1, 1)]
)
async def test_a_connection_is_cut_where_the_script_says(smsc, bind, where, taken, answered):
    smsc.script.close(where, times=1)
    esme = await bind(smsc)
    responses = []
    with suppress(SessionClosed):
        responses.append(await esme.submit(b"hello"))
    await esme.session.wait_closed()
    assert (smsc.count("hello"), len(responses)) == (taken, answered)
    assert esme.session.errors == 0  # half a PDU is not a malformed one


async def test_what_was_said_before_a_cut_within_a_response_comes_before_it(smsc, bind):
    smsc.script.close("within", after=1, times=1)
    esme = await bind(smsc)
    first, second = [asyncio.ensure_future(esme.submit(b"hello %d" % number)) for number in range(2)]
    assert (await first).message_id == smsc.received[0].message_ids[0]
    with pytest.raises(SessionClosed):
        await second
    assert esme.session.errors == 0


async def test_no_receipt_runs_into_half_a_response(smsc, bind):
    smsc.script.receipt_first().close("within", times=1)
    esme = await bind(smsc)
    with pytest.raises(SessionClosed):
        await esme.submit(b"hello", registered_delivery=1)
    assert esme.session.errors == 0


@pytest.mark.parametrize("kind", list(MALFORMED))
async def test_each_malformed_pdu_is_survived_or_ends_the_session_with_a_word(smsc, bind, kind):
    smsc.script.malform(kind, times=1)
    esme = await bind(smsc)
    outcome = None
    try:
        outcome = await esme.submit(b"hello")
    except (ResponseTimeout, SessionClosed, TimeoutError) as error:
        outcome = error
    assert smsc.count("hello") == 1
    if MALFORMED[kind].is_fatal:
        assert isinstance(outcome, SessionClosed)
    else:
        assert (await esme.submit(b"next")).command_status == OK
        assert esme.session.is_bound


async def test_a_connection_that_goes_dead_stays_open_and_says_nothing(smsc, bind, virtual_time):
    smsc.script.silence()
    session = await Session.connect(parse_url(smsc.url), timers=Timers(enquire_link=30.0, response=10.0))
    await session.bind(parse_url(smsc.url).bind_request())
    with pytest.raises((ResponseTimeout, SessionClosed)):
        await session.request(SubmitSm(destination_addr="79161234567", short_message=b"hello"))
    closed = await session.wait_closed()
    assert "no response to EnquireLink" in closed.reason
    assert virtual_time.time() == pytest.approx(40.0, abs=1)
    assert smsc.count("hello") == 1


async def test_a_connection_may_come_to_life_again(smsc, bind):
    smsc.script.silence(5.0, times=1)
    esme = await bind(smsc)
    lost = asyncio.ensure_future(esme.submit(b"hello"))
    await asyncio.sleep(6)
    assert (await esme.submit(b"hello again")).command_status == OK
    assert not lost.done()
    lost.cancel()


# Limits


@pytest.mark.smsc(limits=Limits(throughput=5))
async def test_more_than_so_many_a_second_are_throttled(smsc, bind):
    esme = await bind(smsc)
    assert await together(esme, 8) == [OK] * 5 + [CommandStatus.ESME_RTHROTTLED] * 3
    await asyncio.sleep(1.01)
    assert await together(esme, 6) == [OK] * 5 + [CommandStatus.ESME_RTHROTTLED]


@pytest.mark.smsc(limits=Limits(throughput=5))
async def test_the_binds_of_an_account_share_its_throughput_and_accounts_do_not(smsc, bind):
    first, second, other = await bind(smsc), await bind(smsc), await bind(smsc, system_id="other")
    counted = [await together(esme, 5) for esme in (first, second, other)]
    assert counted == [[OK] * 5, [CommandStatus.ESME_RTHROTTLED] * 5, [OK] * 5]


@pytest.mark.smsc(limits=Limits(window=3, throttled=0x500), latency=1.0)
async def test_more_than_a_window_at_a_time_is_refused(smsc, bind):
    esme = await bind(smsc)
    assert sorted(await together(esme, 5)) == [OK] * 3 + [0x500] * 2
    assert await together(esme, 3) == [OK] * 3


@pytest.mark.smsc(limits=Limits(queue=2), receipt_delay=10.0)
async def test_a_queue_is_full_until_handsets_have_their_messages(smsc, bind):
    esme = await bind(smsc)
    assert await statuses(esme, 3, registered_delivery=0) == [OK, OK, CommandStatus.ESME_RMSGQFUL]
    await asyncio.sleep(16)
    assert await statuses(esme, 3) == [OK, OK, CommandStatus.ESME_RMSGQFUL]


@pytest.mark.smsc(limits=Limits(binds=1, bound_for=60.0))
async def test_a_lost_connection_counts_as_bound_for_a_while(smsc, bind):
    esme = await bind(smsc)
    esme.session.abort("the network failed")
    await smsc.until(lambda smsc: not smsc.binds)
    with pytest.raises(BindRefused) as refused:
        await bind(smsc)
    assert refused.value.command_status == CommandStatus.ESME_RALYBND
    await asyncio.sleep(61)
    esme = await bind(smsc)
    with pytest.raises(BindRefused):
        await bind(smsc)
    await esme.session.unbind()
    await bind(smsc)


# Receipts


async def test_a_receipt_is_late(smsc, bind, virtual_time):
    smsc.script.receipt_late(3 * 86_400.0)
    esme = await bind(smsc)
    await esme.submit(b"hello")
    requests = await esme.session.requests()
    assert len(receipts_in(requests)) == 1
    assert virtual_time.time() >= 3 * 86_400


async def test_receipts_overtake_each_other(smsc, bind):
    smsc.script.receipt_late(spread=5.0)
    esme = await bind(smsc)
    submitted = [(await esme.submit(b"%d" % number)).message_id for number in range(20)]
    receipted = [receipt.message_id for receipt in receipts_in(await esme.take(20))]
    assert receipted != submitted
    assert sorted(receipted) == sorted(submitted)


async def test_a_receipt_that_never_comes(smsc, bind):
    smsc.script.receipt_never(times=1)
    esme = await bind(smsc)
    first, second = await esme.submit(b"1"), await esme.submit(b"2")
    await asyncio.sleep(100)
    receipts = receipts_in(await esme.take())
    assert [receipt.message_id for receipt in receipts] == [second.message_id] != [first.message_id]


async def test_a_receipt_comes_over_another_session_of_the_account(smsc, bind):
    smsc.script.receipt_elsewhere()
    first, stranger, second = await bind(smsc), await bind(smsc, system_id="other"), await bind(smsc)
    for number in range(5):
        await first.submit(b"%d" % number)
    assert len(await second.take(5)) == 5
    for esme in (first, stranger):
        with pytest.raises(TimeoutError):
            await esme.take()


async def test_a_receipt_with_nowhere_else_to_go_comes_back(smsc, bind):
    smsc.script.receipt_elsewhere()
    esme = await bind(smsc)
    await esme.submit(b"hello")
    assert len(await esme.take()) == 1


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("hex", "{:x}"),
        ("upper hex", "{:X}"),
        ("padded hex", "{:08X}"),
        ("padded", "{:010}"),
        ("same", "{}"),
        ("lettered", "SAR-{:x}.1/A"),
    ],
)
async def test_a_receipt_writes_the_id_in_its_own_form(smsc, bind, form, written):
    smsc.script.receipt_ids(form, tlv="decimal")
    esme = await bind(smsc)
    message_id = (await esme.submit(b"hello")).message_id
    [receipt] = receipts_in(await esme.take())
    assert (receipt.message_id, receipt.text_message_id) == (message_id, written.format(int(message_id)))


@pytest.mark.smsc(response_ids="hex", form=ReceiptForm(ids="padded"))
async def test_a_response_may_write_the_id_in_hexadecimal_and_all_receipts_in_decimal(smsc, bind):
    esme = await bind(smsc)
    message_id = (await esme.submit(b"hello")).message_id
    [receipt] = receipts_in(await esme.take())
    assert (receipt.message_id, receipt.text_message_id) == (message_id, f"{int(message_id, 16):010}")


@pytest.mark.parametrize("carrier", ["message_payload", "data_sm", "tlvs"])
async def test_a_receipt_in_another_place_that_lies_about_itself(smsc, bind, carrier):
    smsc.script.receipt_form(carrier=carrier, data_coding=8, esm_class=0, dialect="minimal")
    esme = await bind(smsc)
    message_id = (await esme.submit(b"hello")).message_id
    [pdu] = await esme.take()
    assert isinstance(pdu, DataSm if carrier == "data_sm" else DeliverSm)
    assert (pdu.esm_class, pdu.data_coding) == (0, 8)
    assert reader.parse(pdu, CENTRE).message_id == message_id


async def test_a_state_on_the_way_is_told_before_the_last(smsc, bind):
    smsc.script.intermediate("ACCEPTED").intermediate("enroute", esm_class=32)
    esme = await bind(smsc)
    await esme.submit(b"hello")
    pdus = await esme.take(3)
    states = [receipt.message_state for receipt in receipts_in(pdus)]
    assert states == [MessageState.ACCEPTED, MessageState.ENROUTE, MessageState.DELIVERED]
    assert [pdu.esm_class for pdu in pdus] == [32, 32, 4]


async def test_an_intermediate_notification_comes_to_whoever_asks(smsc, bind):
    esme = await bind(smsc)
    await esme.submit(b"hello", registered_delivery=RegisteredDelivery.INTERMEDIATE_NOTIFICATION | 1)
    pdus = await esme.take(2)
    assert [pdu.esm_class for pdu in pdus] == [0x20, 4]


async def test_the_outcome_is_what_the_script_says(smsc, bind):
    smsc.script.outcome("REJECTD", 255)
    esme = await bind(smsc)
    await esme.submit(b"hello")
    [receipt] = receipts_in(await esme.take())
    assert (receipt.message_state, receipt.error_code) == (MessageState.REJECTED, 255)


async def test_a_handset_answers_what_it_has_got(smsc, bind):
    smsc.script.reply("STOP " * 60)
    esme = await bind(smsc)
    await esme.submit(b"hello", source_addr="1234", registered_delivery=0)
    pdus = await esme.take(2)
    assert {(pdu.source_addr, pdu.destination_addr) for pdu in pdus} == {("79161234567", "1234")}
    assert b"".join(pdu.short_message[6:] for pdu in pdus) == b"STOP " * 60


async def test_a_message_from_nobody_is_not_answered(smsc, bind):
    smsc.script.reply("who are you?")
    esme = await bind(smsc)
    await esme.submit(b"hello", source_addr="")
    assert len(await esme.take()) == 1
    assert smsc.counts.replies_dropped == 1


# Binds and connections


async def test_a_bind_is_refused_so_often(smsc, bind):
    smsc.script.refuse_bind("ESME_RALYBND", times=2)
    for _ in range(2):
        with pytest.raises(BindRefused) as refused:
            await bind(smsc)
        assert refused.value.command_status == CommandStatus.ESME_RALYBND
    await bind(smsc)
    assert smsc.counts.binds_refused == 2


async def test_a_bind_that_is_never_answered(smsc, bind):
    smsc.script.ignore_bind()
    with pytest.raises(ResponseTimeout):
        await bind(smsc)


async def test_pdus_come_in_pieces(smsc, bind, virtual_time):
    smsc.script.split_writes(3)
    reads = []
    virtual_time.network.slices = lambda length: reads.append(length) or length
    esme = await bind(smsc)
    reads.clear()
    await esme.submit_text("hello", CENTRE)
    assert len([length for length in reads if length <= 6]) >= 5
    assert len(await esme.take()) == 1


async def test_pdus_come_all_at_once(smsc, bind, virtual_time):
    smsc.script.join_writes(2.0)
    esme = await bind(smsc)
    began = virtual_time.time()
    assert await together(esme, 8) == [OK] * 8
    assert virtual_time.time() - began == pytest.approx(2.0)


async def test_an_smsc_that_reads_slowly_is_waited_for(smsc, bind, virtual_time):
    smsc.script.read_slowly(1.0)
    esme = await bind(smsc)
    began = virtual_time.time()
    assert await statuses(esme, 5) == [OK] * 5
    assert 4.0 <= virtual_time.time() - began <= 6.0


@pytest.mark.parametrize(("verb", "orderly"), [("disconnect", False), ("unbind", True)])
async def test_a_session_ends_so_long_after_its_bind(smsc, bind, virtual_time, verb, orderly):
    getattr(smsc.script, verb)(50.0)
    esme = await bind(smsc)
    closed = await esme.session.wait_closed()
    assert closed.orderly is orderly
    assert virtual_time.time() == pytest.approx(50.0, abs=1)


async def test_a_session_falls_silent_so_long_after_its_bind(smsc, bind):
    smsc.script.fall_silent(50.0)
    esme = await bind(smsc)
    await asyncio.sleep(49)
    assert (await esme.request(EnquireLink())).command_status == OK
    await asyncio.sleep(2)
    with pytest.raises((TimeoutError, ResponseTimeout, SessionClosed)):
        await esme.request(EnquireLink())
    assert len(smsc.binds) == 1


async def test_an_esme_that_listens_is_asked_to_bind(smsc, virtual_time):
    asked = asyncio.Queue()

    async def listen(reader, writer):
        await asked.put((await reader.readexactly(16), writer))

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    await smsc.outbind("127.0.0.1", server.sockets[0].getsockname()[1], system_id="centre")
    header, writer = await asked.get()
    assert int.from_bytes(header[4:8]) == 0x0B
    writer.close()
    await asyncio.sleep(1)


async def test_an_smsc_unbinds_when_told(smsc, bind):
    esme = await bind(smsc)
    await smsc.unbind()
    assert (await esme.session.wait_closed()).orderly


# Guards


@pytest.mark.smsc(guards=Guards(repeat_within=60.0))
async def test_the_same_text_to_the_same_number_is_refused_for_a_minute(smsc, bind):
    esme = await bind(smsc)
    assert (await esme.submit(b"hello")).command_status == OK
    await asyncio.sleep(59)
    assert (await esme.submit(b"hello")).command_status == CommandStatus.ESME_RSUBMITFAIL
    assert (await esme.submit(b"hello", "79161234568")).command_status == OK
    assert (await esme.submit(b"hello!")).command_status == OK
    await asyncio.sleep(1.1)
    assert (await esme.submit(b"hello")).command_status == OK
    for _ in range(2):
        assert (await esme.submit(b"__HLR__")).command_status == OK
    assert smsc.count("hello") == 3


@pytest.mark.smsc(guards=Guards(flood=50, flood_gap=30.0))
async def test_a_flood_to_one_number_is_blocked_and_ends_with_a_pause(smsc, bind):
    esme = await bind(smsc)
    errors = []
    for number in range(51):
        await esme.submit(b"hello %d" % number)
        errors += [receipt.error_code for receipt in receipts_in(await esme.take())]
        await asyncio.sleep(27)
    await asyncio.sleep(3)
    await esme.submit(b"after a pause")
    errors += [receipt.error_code for receipt in receipts_in(await esme.take())]
    assert errors == [0] * 50 + [251, 0]


@pytest.mark.smsc(guards=Guards(segments_within=60.0))
async def test_a_text_whose_segments_do_not_come_within_a_minute_is_undeliverable(smsc, bind):
    esme = await bind(smsc)
    await esme.submit(b"\x05\x00\x03\x01\x02\x01first", esm_class=0x40)
    await asyncio.sleep(61)
    [receipt] = receipts_in(await esme.take())
    assert (receipt.message_state, receipt.error_code) == (MessageState.UNDELIVERABLE, 241)
    assert smsc.counts.incomplete == 1
    await esme.submit(b"\x05\x00\x03\x02\x02\x01first", esm_class=0x40)
    await asyncio.sleep(50)
    await esme.submit(b"\x05\x00\x03\x02\x02\x02second", esm_class=0x40)
    assert [receipt.error_code for receipt in receipts_in(await esme.take(2))] == [0, 0]


@pytest.mark.smsc(guards=Guards(silence=120.0), timers=None)
async def test_a_connection_over_which_nothing_comes_is_cut(smsc, bind, virtual_time):
    esme = await bind(smsc)
    session = await Session.connect(parse_url(smsc.url), timers=Timers(enquire_link=0.0))
    await session.bind(parse_url(smsc.url).bind_request())
    await session.wait_closed()
    assert virtual_time.time() == pytest.approx(120.0, abs=1)
    await asyncio.sleep(600)
    assert esme.session.is_bound  # it sends enquire_link


@pytest.mark.smsc(guards=Guards(digits=True, sender=True))
@pytest.mark.parametrize(
    ("to", "source", "ton", "status"),
    [
        ("79161234567", "ACME", 5, OK),
        ("79161234567", "123456789012345", 1, OK),
        ("79161234567", "ACMEACMEACME", 5, CommandStatus.ESME_RINVSRCADR),
        ("79161234567", "1234567890123456", 1, CommandStatus.ESME_RINVSRCADR),
        ("7916", "ACME", 5, CommandStatus.ESME_RINVDSTADR),
        ("+79161234567", "ACME", 5, CommandStatus.ESME_RINVDSTADR),
    ],
)
async def test_addresses_that_the_provider_does_not_take(smsc, bind, to, source, ton, status):
    esme = await bind(smsc)
    assert (await esme.submit(b"hello", to, source_addr=source, source_addr_ton=ton)).command_status == status


async def test_envelopes_and_comments_are_read_in_ascii_too(smsc, bind):
    esme = await bind(smsc)
    for octets in (b"__HLR__", b"__CALL__: hi\nvoice:w", b"hello\n~~~\norder 17", b"__init__", "§ü".encode("latin-1")):
        await esme.submit(octets, data_coding=0)
    kinds = [(received.kind, received.text, received.comment) for received in smsc.received]
    assert kinds[:3] == [
        ("hlr", "__HLR__", None),
        ("call", "__CALL__: hi\nvoice:w", None),
        ("sms", "hello", "order 17"),
    ]
    assert kinds[3][1] == "§§init§§"  # no envelope: 0x5F is what it is in GSM 7-bit


async def test_the_wait_for_a_response_is_not_confused_by_what_the_smsc_asks(smsc, bind):
    esme = await bind(smsc)
    delivering = asyncio.ensure_future(smsc.deliver("hi", source="79161234567", destination="1234"))
    assert (await esme.submit(b"hello", registered_delivery=0)).command_status == OK
    for request in await esme.session.requests():
        esme.session.respond(request, DeliverSmResp())
    await delivering
