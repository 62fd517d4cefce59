from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smpp_esme.errors import BindRefused, CommandRefused, InvalidValue, SessionClosed
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import EsmClass, MessageState
from smpp_esme.protocol.pdus import (
    BindTransceiver,
    CancelSm,
    CancelSmResp,
    DataSm,
    DeliverSmResp,
    DistributionList,
    QuerySm,
    ReplaceSm,
    ReplaceSmResp,
    SmeAddress,
    SubmitMulti,
    SubmitSm,
)
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.session.endpoint import parse_url
from smpp_esme.session.session import Session
from smpp_esme.simulator.handsets import Condition, Handsets
from smpp_esme.simulator.script import Script
from smpp_esme.simulator.smsc import Smsc
from smpp_esme.sms import receipt as receipts
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.received import text_of
from smpp_esme.sms.segments import segment

CENTRE = Profile.named("smsc-centre")
STANDARD = Profile.named("standard")
FOREVER = 3600.0

ACCOUNTS = pytest.mark.smsc(accounts={"acme": "secret"})


@ACCOUNTS
async def test_an_account_binds_in_all_three_ways(smsc, bind):
    for how in ("transceiver", "transmitter", "receiver"):
        await bind(smsc, how)
    assert [one.how for one in smsc.binds] == ["transceiver", "transmitter", "receiver"]
    assert smsc.counts.binds == 3


async def test_the_bind_response_names_the_version_to_those_who_can_read_it(smsc):
    for version, told in ((0x34, 0x34), (0x33, None)):
        session = await Session.connect(parse_url(smsc.url))
        response = await session.bind(BindTransceiver(system_id="demo", interface_version=version))
        assert response.tlv(Tag.SC_INTERFACE_VERSION) == told
        await session.unbind()


@ACCOUNTS
@pytest.mark.parametrize(
    ("account", "status"),
    [
        ({"password": "wrong"}, CommandStatus.ESME_RINVPASWD),
        ({"system_id": "nobody"}, CommandStatus.ESME_RINVSYSID),
        ({"system_id": ""}, CommandStatus.ESME_RINVSYSID),
    ],
)
async def test_a_stranger_is_refused(smsc, bind, account, status):
    with pytest.raises(BindRefused) as refused:
        await bind(smsc, **account)
    assert refused.value.command_status is status
    assert smsc.counts.binds_refused == 1
    assert not smsc.binds


async def test_a_bind_ends_with_its_unbind(smsc, bind):
    esme = await bind(smsc)
    await esme.session.unbind()
    await smsc.until(lambda smsc: not smsc.binds)
    assert (await esme.session.wait_closed()).orderly


async def test_message_ids_are_decimal_and_grow_from_a_start_that_the_seed_gives(bind):
    firsts = []
    for seed in (1, 1, 2):
        async with Smsc(seed=seed) as smsc:
            esme = await bind(smsc)
            first, second = [(await esme.submit(b"hello")).message_id for _ in range(2)]
            assert int(second) == int(first) + 1
            firsts.append(first)
    assert firsts[0] == firsts[1] != firsts[2]


async def test_a_long_text_with_a_euro_on_the_edge_arrives_whole(smsc, bind):
    esme = await bind(smsc)
    text = "a" * 152 + "€" + "b" * 150 + "€€" + "c" * 40
    responses = await esme.submit_text(text, CENTRE)
    [received] = smsc.received
    assert received.text == text
    assert received.segments == len(responses) == 3
    assert received.message_ids == tuple(response.message_id for response in responses)
    assert not received.incomplete


async def test_an_emoji_on_the_edge_arrives_whole(smsc, bind):
    esme = await bind(smsc)
    text = "я" * 66 + "😀" + "ж" * 66
    await esme.submit_text(text, CENTRE)
    assert [received.text for received in smsc.received] == [text]
    assert smsc.received[0].data_coding == 0x08


async def test_a_pair_that_a_careless_sender_cut_heals(smsc, bind):
    esme = await bind(smsc)
    await esme.submit(b"\x05\x00\x03\x01\x02\x01costs 5\x1b", esm_class=EsmClass.UDHI)
    await esme.submit(b"\x05\x00\x03\x01\x02\x02\x65", esm_class=EsmClass.UDHI)
    assert smsc.received[0].text == "costs 5€"


async def test_segments_may_come_in_any_order_and_say_their_place_in_tlvs(smsc, bind):
    esme = await bind(smsc)
    for sequence, text in ((3, b"three"), (1, b"one "), (2, b"two ")):
        place = zip(
            (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM), (9, 3, sequence), strict=True
        )
        await esme.submit(text, tlvs=tuple(TLVS.tlv(tag, value) for tag, value in place))
    assert smsc.received[0].text == "one two three"


async def test_a_message_payload_is_a_text_too(smsc, bind):
    esme = await bind(smsc)
    await esme.submit(b"", tlvs=(Tlv(Tag.MESSAGE_PAYLOAD, b"x" * 1000),))
    response = await esme.request(
        DataSm(
            destination_addr="79161234567",
            tlvs=(Tlv(Tag.MESSAGE_PAYLOAD, "привет".encode("utf-16-be")),),
            data_coding=8,
        )
    )
    assert [received.text for received in smsc.received] == ["x" * 1000, "привет"]
    assert smsc.received[1].message_ids == (response.message_id,)


async def test_data_coding_0_is_latin_1_to_those_who_bound_with_iso(smsc, bind):
    for system_type, text in (("", "¿"), ("ISO", "`")):
        esme = await bind(smsc, system_type=system_type)
        await esme.submit(b"\x60", data_coding=0)
        assert smsc.received[-1].text == text


async def test_the_comment_is_kept_and_not_delivered(smsc, bind):
    esme = await bind(smsc)
    await esme.submit_text("hello\n~~~\norder 17", CENTRE)
    received = smsc.received[0]
    assert (received.text, received.comment, received.kind) == ("hello", "order 17", "sms")


@pytest.mark.smsc(profile="standard")
async def test_a_standard_smsc_knows_no_envelopes(smsc, bind):
    esme = await bind(smsc)
    await esme.submit_text("__TGM__: 1234\n~~~\nx", STANDARD)
    received = smsc.received[0]
    assert (received.text, received.comment, received.kind) == ("__TGM__: 1234\n~~~\nx", None, "sms")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("__MAIL__: body\nsubj:subject", "mail"),
        ("__CALL__: speak\nvoice:w,fr\n~~~\n22,20,5", "call"),
        ("__VIBER__: hi", "viber"),
        ("__SOC__: hi", "soc"),
        ("__TGM__: 1234", "tgm"),
        ("__BOT__: hi\nbot:@some_bot", "bot"),
        ("__HLR__", "hlr"),
        ("__PING__", "ping"),
        ("__TGM__: no code", "invalid"),
        ("__init__", "sms"),
    ],
)
async def test_envelopes_are_read(smsc, bind, text, kind):
    esme = await bind(smsc)
    await esme.submit_text(text, CENTRE)
    received = smsc.received[0]
    assert (received.text, received.kind, received.comment) == (text, kind, None)
    assert (received.content is None) == (kind == "invalid")


async def test_a_broken_envelope_is_rejected_by_its_receipt(smsc, bind):
    esme = await bind(smsc)
    await esme.submit_text("__TGM__: no code", CENTRE)
    receipt = receipts.parse((await esme.take())[0], CENTRE)
    assert receipt.message_state is MessageState.REJECTED


async def test_a_receipt_comes_back_with_the_addresses_the_other_way_round(smsc, bind):
    esme = await bind(smsc)
    response = await esme.submit(b"hello", source_addr_ton=5, dest_addr_ton=1, dest_addr_npi=1)
    [pdu] = await esme.take()
    assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == ("79161234567", 1, 1)
    assert (pdu.destination_addr, pdu.dest_addr_ton) == ("ACME", 5)
    assert pdu.esm_class == EsmClass.DELIVERY_RECEIPT
    receipt = receipts.parse(pdu, CENTRE)
    assert (receipt.message_id, receipt.text_message_id) == (response.message_id,) * 2
    assert (receipt.message_state, receipt.stat, receipt.error_code) == (MessageState.DELIVERED, "DELIVRD", 0)
    assert receipt.text == "hello"


@pytest.mark.smsc(profile="standard")
async def test_a_standard_smsc_adds_no_vendor_tlvs(smsc, bind):
    esme = await bind(smsc)
    await esme.submit(b"hello")
    tags = [tlv.tag for tlv in (await esme.take())[0].tlvs]
    assert tags == [Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE, Tag.NETWORK_ERROR_CODE]


async def test_every_segment_has_a_receipt_of_its_own(smsc, bind):
    esme = await bind(smsc)
    responses = await esme.submit_text("a" * 400, CENTRE)
    receipted = {pdu.tlv(Tag.RECEIPTED_MESSAGE_ID) for pdu in await esme.take(3)}
    assert receipted == {response.message_id for response in responses}


async def test_a_lookup_is_answered_in_the_providers_grammar(smsc, bind):
    esme = await bind(smsc)
    await esme.submit_text("__HLR__", CENTRE, to="79261234004")
    record = receipts.parse((await esme.take())[0], CENTRE).hlr
    handset = smsc.handsets.handset("79261234004")
    assert record.reachable
    assert (record.imsi, record.msc, record.mcc, record.mnc) == (handset.imsi, handset.msc, "250", "02")
    assert (record.country, record.operator) == ("Russian Federation", "MegaFON open Joint Stock Company")
    assert (record.roaming_country, record.roaming_operator) == (handset.roaming_country, handset.roaming_operator)


@pytest.mark.parametrize(
    ("suffix", "stat", "error"), [("001", "EXPIRED", 6), ("002", "UNDELIV", 1), ("005", "UNDELIV", 13)]
)
async def test_a_handset_decides_the_receipt(smsc, bind, suffix, stat, error):
    esme = await bind(smsc)
    await esme.submit(b"hello", to=f"79161234{suffix}")
    receipt = receipts.parse((await esme.take())[0], CENTRE)
    assert (receipt.stat, receipt.error_code) == (stat, error)
    assert receipt.network_error_code == bytes((3, 0, error))


@pytest.mark.parametrize(
    ("registered_delivery", "to", "comes"),
    [(0, "79161234567", False), (2, "79161234567", False), (2, "79161234002", True), (3, "79161234002", False)],
)
async def test_a_receipt_comes_only_if_it_was_asked_for(smsc, bind, registered_delivery, to, comes):
    esme = await bind(smsc)
    await esme.submit(b"first", to=to, registered_delivery=registered_delivery)
    if not comes:
        await esme.submit(b"second")
    text = receipts.parse((await esme.take())[0], CENTRE).text
    assert text == ("first" if comes else "second")
    assert smsc.counts.receipts == 1


async def test_a_silent_handset_never_answers(smsc, bind):
    esme = await bind(smsc)
    silent = await esme.submit(b"first", to="79161234007")
    await esme.submit(b"second")
    await esme.take()
    state = await esme.request(QuerySm(message_id=silent.message_id))
    assert (state.message_state, state.final_date) == (MessageState.ENROUTE, "")
    assert smsc.counts.receipts == 1


async def test_receipts_wait_until_somebody_binds_to_receive(smsc, bind):
    transmitter = await bind(smsc, "transmitter")
    submitted = [(await transmitter.submit(b"hello")).message_id for _ in range(3)]
    await smsc.until(lambda smsc: smsc.counts.receipts == 3)
    await transmitter.session.unbind()
    receiver = await bind(smsc, "receiver")
    assert sorted(pdu.tlv(Tag.RECEIPTED_MESSAGE_ID) for pdu in await receiver.take(3)) == submitted


async def test_receipts_go_to_their_own_account(smsc, bind):
    acme = await bind(smsc, system_id="acme")
    other = await bind(smsc, system_id="other")
    await acme.submit(b"of acme")
    await other.submit(b"of other")
    assert receipts.parse((await other.take())[0], CENTRE).text == "of other"
    assert receipts.parse((await acme.take())[0], CENTRE).text == "of acme"


async def test_a_receipt_that_is_refused_for_now_comes_again(smsc, bind):
    esme = await bind(smsc)
    await esme.submit(b"hello")
    first = await esme.take(status=CommandStatus.ESME_RX_T_APPN)
    second = await esme.take()
    assert first[0].short_message == second[0].short_message
    await smsc.until(lambda smsc: smsc.counts.receipts_answered == 1)
    assert smsc.counts.receipts_repeated == 1


async def test_a_receipt_that_is_refused_for_good_is_dropped_and_counted(smsc, bind):
    esme = await bind(smsc)
    await esme.submit(b"hello")
    await esme.take(status=CommandStatus.ESME_RX_P_APPN)
    await smsc.until(lambda smsc: smsc.counts.receipts_dropped == 1)
    assert smsc.counts.receipts_answered == smsc.counts.receipts_repeated == 0


async def test_a_receipt_whose_session_ended_comes_over_the_next(smsc, bind):
    first = await bind(smsc)
    await first.submit(b"hello")
    [unanswered] = await first.session.requests()
    first.session.abort("killed")
    second = await bind(smsc)
    assert (await second.take())[0].short_message == unanswered.short_message
    await smsc.until(lambda smsc: smsc.counts.receipts_answered == 1)


@pytest.mark.smsc(window=2)
async def test_no_more_deliveries_are_outstanding_than_the_window_holds(smsc, bind):
    esme = await bind(smsc)
    for _ in range(5):
        await esme.submit(b"hello")
    await smsc.until(lambda smsc: smsc.counts.receipts == 5)
    received = await esme.session.requests()
    while len(received) < 2:
        received += await esme.session.requests()
    assert smsc.binds[0].session.connection.outstanding == len(received) == 2
    for request in received:
        esme.session.respond(request, DeliverSmResp())
    await esme.take(3)


async def test_a_text_that_comes_again_is_counted(smsc, bind):
    esme = await bind(smsc)
    for to in ("79161234567", "79161234568", "79161234567"):
        await esme.submit(b"number 1", to=to)
    await esme.submit_text("x" * 200, CENTRE)
    await esme.submit_text("x" * 200, CENTRE)
    assert smsc.submits == {"number 1": 3, "x" * 200: 2}
    assert smsc.count("number 1") == 3
    assert smsc.counts.duplicates == 2
    assert [received.text for received in smsc.inbox("79161234568")] == ["number 1"]


async def test_two_lookups_are_no_duplicates(smsc, bind):
    esme = await bind(smsc)
    for _ in range(2):
        await esme.submit_text("__HLR__", CENTRE)
    assert smsc.counts.duplicates == 0


async def test_a_malformed_pdu_is_refused_and_the_session_goes_on(smsc, bind):
    esme = await bind(smsc)
    transport = esme.session._transport
    transport.write(bytes.fromhex("00000012 00000004 00000000 00000077 4141"))  # submit_sm cut short
    transport.write(bytes.fromhex("00000010 00000021 00000000 00000078"))  # submit_multi, which is not offered
    assert (await esme.submit(b"hello")).command_status == 0
    assert (smsc.counts.malformed, smsc.counts.submits) == (2, 1)
    esme.session.abort()
    await smsc.until(lambda smsc: not smsc.binds)
    assert smsc.counts.malformed == 2


async def test_a_condition_that_fails_says_so_where_it_is_awaited(smsc, bind):
    waiting = asyncio.ensure_future(smsc.until(lambda smsc: smsc.counts.submits and 1 / 0))
    await asyncio.sleep(0)
    await (await bind(smsc)).submit(b"hello")
    with pytest.raises(ZeroDivisionError):
        await waiting


async def test_a_destination_that_is_none_is_refused(smsc, bind):
    esme = await bind(smsc)
    assert (await esme.submit(b"hello", to="")).status is CommandStatus.ESME_RINVDSTADR
    long = await esme.request(DataSm(destination_addr="7" * 30))
    assert long.status is CommandStatus.ESME_RINVDSTADR
    assert (smsc.counts.submits, smsc.counts.refused, len(smsc.received)) == (2, 2, 0)


async def test_query_sm_tells_the_state(smsc, bind):
    esme = await bind(smsc)
    response = await esme.submit(b"hello", to="79161234005")
    await esme.take()
    state = await esme.request(QuerySm(message_id=response.message_id))
    assert (state.message_id, state.message_state, state.error_code) == (response.message_id, 5, 13)
    assert len(state.final_date) == 16


async def test_what_belongs_to_another_account_is_not_known(smsc, bind):
    mine, yours = await bind(smsc, system_id="mine"), await bind(smsc, system_id="yours")
    message_id = (await mine.submit(b"hello")).message_id
    assert (await yours.request(QuerySm(message_id=message_id))).status is CommandStatus.ESME_RQUERYFAIL
    assert (await yours.request(CancelSm(message_id=message_id))).status is CommandStatus.ESME_RCANCELFAIL


@pytest.mark.smsc(receipt_delay=FOREVER)
async def test_cancel_sm_deletes_what_is_on_its_way_once(smsc, bind):
    esme = await bind(smsc)
    message_id = (await esme.submit(b"hello")).message_id
    assert isinstance(await esme.request(CancelSm(message_id=message_id)), CancelSmResp)
    assert receipts.parse((await esme.take())[0], CENTRE).message_state is MessageState.DELETED
    assert (await esme.request(QuerySm(message_id=message_id))).message_state == MessageState.DELETED
    assert (await esme.request(CancelSm(message_id=message_id))).status is CommandStatus.ESME_RCANCELFAIL


@pytest.mark.smsc(receipt_delay=FOREVER)
async def test_cancel_sm_without_an_id_deletes_all_of_a_kind(smsc, bind):
    esme = await bind(smsc)
    other = [await esme.submit(b"x", to="79030000000"), await esme.submit(b"x", source_addr="OTHER")]
    mine = [await esme.submit(b"hello"), await esme.submit(b"hello again")]
    kind = CancelSm(source_addr="ACME", destination_addr="79161234567")
    assert isinstance(await esme.request(kind), CancelSmResp)
    told = {receipts.parse(one, CENTRE).message_id for one in await esme.take(2)}
    assert told == {one.message_id for one in mine}
    for one in other:
        assert (await esme.request(QuerySm(message_id=one.message_id))).message_state == MessageState.ENROUTE
    assert (await esme.request(kind)).status is CommandStatus.ESME_RCANCELFAIL


@pytest.mark.smsc(receipt_delay=FOREVER)
async def test_another_source_than_the_message_s_own_is_none_of_it(smsc, bind):
    esme = await bind(smsc)
    of = {"message_id": (await esme.submit(b"hello")).message_id, "source_addr": "OTHER"}
    assert (await esme.request(QuerySm(**of))).status is CommandStatus.ESME_RQUERYFAIL
    assert (await esme.request(CancelSm(**of))).status is CommandStatus.ESME_RCANCELFAIL
    assert (await esme.request(ReplaceSm(**of))).status is CommandStatus.ESME_RREPLACEFAIL


@pytest.mark.smsc(receipt_delay=FOREVER)
async def test_replace_sm_gives_what_is_on_its_way_another_text(smsc, bind):
    esme = await bind(smsc)
    message_id = (await esme.submit(b"hello")).message_id
    new = ReplaceSm(message_id=message_id, source_addr="ACME", short_message=b"good bye", registered_delivery=1)
    assert isinstance(await esme.request(new), ReplaceSmResp)
    assert [(one.text, one.message_ids) for one in smsc.received] == [("good bye", (message_id,))]
    assert (smsc.count("hello"), smsc.count("good bye"), smsc.counts.messages) == (0, 1, 1)
    await esme.request(CancelSm(message_id=message_id))
    assert (await esme.request(new)).status is CommandStatus.ESME_RREPLACEFAIL


@pytest.mark.smsc(receipt_delay=3600.0)
@pytest.mark.parametrize(("first", "second"), [(1, 0), (0, 1), (1, 1)])
async def test_a_replaced_message_has_the_receipt_that_was_asked_for_last(virtual_time, smsc, bind, first, second):
    esme = await bind(smsc)
    message_id = (await esme.submit(b"hello", registered_delivery=first)).message_id
    await esme.request(ReplaceSm(message_id=message_id, short_message=b"new", registered_delivery=second))
    await asyncio.sleep(7200)
    assert smsc.counts.receipts == second


@pytest.mark.smsc(receipt_delay=FOREVER)
async def test_a_segment_and_an_unknown_message_cannot_be_replaced(smsc, bind):
    esme = await bind(smsc)
    [segment, *_] = await esme.submit_text("x" * 200, CENTRE)
    for message_id in (segment.message_id, "1", ""):
        response = await esme.request(ReplaceSm(message_id=message_id, short_message=b"new"))
        assert response.status is CommandStatus.ESME_RREPLACEFAIL


async def test_sessions_that_are_over_are_forgotten(smsc, bind):
    stays = await bind(smsc)
    gone = []
    for _ in range(3):
        esme = await bind(smsc)
        gone.append(weakref.ref(smsc.binds[-1].session))
        esme.session.abort()
        await smsc.until(lambda smsc: len(smsc.binds) == 1)
    await asyncio.sleep(0)
    gc.collect()
    assert [one() for one in gone] == [None] * 3
    assert (await stays.submit(b"hello")).message_id


# submit_multi


def several(*dests, **parameters):
    return SubmitMulti(
        dest_address=dests, source_addr="ACME", registered_delivery=1, short_message=b"hello", **parameters
    )


def sme(number):
    return SmeAddress(dest_addr_ton=1, dest_addr_npi=1, destination_addr=number)


@pytest.mark.smsc(profile="standard", receipt_delay=0.01)
async def test_submit_multi_reaches_every_destination_and_each_has_its_receipt(smsc, bind):
    esme = await bind(smsc)
    response = await esme.request(several(sme("79161234567"), sme("79161230002")))
    assert (response.status, response.unsuccess_sme) == (CommandStatus.ESME_ROK, ())
    read = [receipts.parse(one, STANDARD) for one in await esme.take(2)]
    assert {(one.source_addr, one.message_id, one.stat) for one in read} == {
        ("79161234567", response.message_id, "DELIVRD"),
        ("79161230002", response.message_id, "UNDELIV"),
    }
    assert [one.destination_addr for one in smsc.received] == ["79161234567", "79161230002"]
    assert smsc.counts.submits == 2


@pytest.mark.smsc(profile="standard", receipt_delay=0.01)
async def test_submit_multi_names_the_destinations_that_it_did_not_reach(smsc, bind):
    smsc.script.refuse("ESME_RINVDSTADR", to="7903")
    esme = await bind(smsc)
    response = await esme.request(several(sme("79161234567"), sme("79030000000")))
    [failed] = response.unsuccess_sme
    assert (failed.destination_addr, failed.error_status_code) == ("79030000000", CommandStatus.ESME_RINVDSTADR)
    assert response.message_id
    refused = await esme.request(several(sme("79030000000")))
    assert refused.status is CommandStatus.ESME_RINVDSTADR


@pytest.mark.smsc(profile="standard", receipt_delay=0.01)
async def test_a_distribution_list_is_not_known(smsc, bind):
    esme = await bind(smsc)
    response = await esme.request(several(DistributionList(dl_name="all")))
    assert response.status is CommandStatus.ESME_RINVDLNAME
    assert not smsc.received


@pytest.mark.smsc(profile="standard", receipt_delay=0.01)
@pytest.mark.parametrize("first", [True, False])
async def test_a_script_holds_for_submit_multi_too(smsc, bind, first):
    smsc.script.delay(0.01)
    if first:
        smsc.script.receipt_first()
    esme = await bind(smsc)
    assert (await esme.request(several(sme("79161234567")))).message_id
    assert len(await esme.take()) == 1


async def test_a_subscribers_text_is_delivered_in_segments(smsc, bind):
    esme = await bind(smsc, "receiver")
    text = "длинный ответ " * 10
    delivering = asyncio.ensure_future(smsc.deliver(text, source="+7 916 123-45-67", destination="1234"))
    pdus = await esme.take(3)
    await delivering
    assert {(pdu.source_addr, pdu.destination_addr) for pdu in pdus} == {("79161234567", "1234")}
    whole = sorted((text_of(pdu.short_message, pdu.esm_class, pdu.data_coding, CENTRE) for pdu in pdus), key=_sequence)
    assert "".join(piece for piece, _ in whole) == text


def _sequence(piece):
    return piece[1].sequence


async def test_a_subscribers_text_waits_for_its_account_to_bind(smsc, bind):
    delivering = asyncio.ensure_future(smsc.deliver("hi", source="79161234567", destination="1", system_id="demo"))
    esme = await bind(smsc)
    await esme.take()
    await delivering
    assert smsc.counts.binds == 1


async def test_a_subscribers_text_that_is_refused_for_good_says_so(smsc, bind):
    esme = await bind(smsc)
    delivering = asyncio.ensure_future(smsc.deliver("hi", source="79161234567", destination="1"))
    await esme.take(status=CommandStatus.ESME_RX_R_APPN)
    with pytest.raises(CommandRefused, match="ESME_RX_R_APPN"):
        await delivering


async def test_a_subscribers_text_needs_to_know_whom_it_is_for(smsc):
    with pytest.raises(InvalidValue, match="system_id"):
        await smsc.deliver("hi", source="79161234567", destination="1")


async def test_memory_is_bounded_and_counts_go_on(bind):
    async with Smsc(keep=2, receipt_delay=FOREVER) as smsc:
        esme = await bind(smsc)
        ids = [(await esme.submit(b"message %d" % number)).message_id for number in range(3)]
        assert [received.text for received in smsc.received] == ["message 1", "message 2"]
        assert len(smsc.submit_sms) == 2
        assert smsc.counts.messages == len(smsc.submits) == 3
        assert (await esme.request(QuerySm(message_id=ids[0]))).status is CommandStatus.ESME_RQUERYFAIL
        assert (await esme.request(QuerySm(message_id=ids[1]))).status is CommandStatus.ESME_ROK


async def test_handsets_may_change_while_it_runs(bind):
    async with Smsc(handsets=Handsets(suffixes={}), receipt_delay=0.0) as smsc:
        esme = await bind(smsc)
        await esme.submit(b"hello", to="79161234002")
        assert receipts.parse((await esme.take())[0], CENTRE).stat == "DELIVRD"
        smsc.handsets.numbers["79161234002"] = Condition.BLOCKED
        await esme.submit(b"hello", to="79161234002")
        assert receipts.parse((await esme.take())[0], CENTRE).error_code == 13


@pytest.mark.smsc(latency=0.02)
async def test_a_response_takes_as_long_as_the_latency(smsc, bind):
    esme = await bind(smsc)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await esme.submit(b"hello")
    assert loop.time() - began >= 0.019


async def test_disconnect_cuts_one_account_and_leaves_the_others(smsc, bind):
    mine, yours = await bind(smsc, system_id="mine"), await bind(smsc, system_id="yours")
    smsc.disconnect("mine")
    assert not (await mine.session.wait_closed()).orderly
    assert (await yours.submit(b"hello")).command_status == 0


async def test_closing_ends_every_session(bind):
    async with Smsc() as smsc:
        esme = await bind(smsc)
        stranger = await Session.connect(parse_url(smsc.url))
    await esme.session.wait_closed()
    await stranger.wait_closed()
    with pytest.raises(SessionClosed):
        await bind(smsc)


async def test_a_fault_in_a_script_is_raised_where_the_smsc_ends(bind):
    script = Script().refuse(8, when=lambda _: 1 / 0)
    smsc = Smsc(script=script)
    await smsc.start()
    esme = await bind(smsc)
    with pytest.raises(SessionClosed):
        await esme.submit(b"hello")
    with pytest.raises(ZeroDivisionError):
        await smsc.__aexit__(None, None, None)


async def test_nothing_personal_is_in_a_repr(smsc, bind):
    esme = await bind(smsc)
    await esme.submit(b"a private text")
    shown = repr((smsc, smsc.binds, smsc.received, smsc.submit_sms, smsc.handsets.handset("79161234567")))
    assert "private" not in shown
    assert "79161234567" not in shown


async def test_the_url_names_the_first_account(bind):
    async with Smsc(accounts={"a@b": "p:w"}) as smsc:
        assert parse_url(smsc.url).password == "p:w"
        await bind(smsc)


async def test_the_standard_profile_reads_its_own_data_coding(bind):
    async with Smsc("standard") as smsc:
        esme = await bind(smsc)
        await esme.submit(b"\xe9", data_coding=STANDARD.data_coding[Coding.LATIN1])
        assert smsc.received[0].text == "é"


async def test_what_is_sent_behind_a_bind_that_is_not_answered_yet_is_refused(smsc):
    from smpp_esme.protocol import codec

    reader, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
    hasty = (BindTransceiver(system_id="demo"), SubmitSm(destination_addr="7"), BindTransceiver(system_id="demo"))
    writer.write(b"".join(codec.encode(pdu, number) for number, pdu in enumerate(hasty, start=1)))
    answers = {}
    async with asyncio.timeout(10):
        while len(answers) < 3:
            header = await reader.readexactly(4)
            answer = codec.decode(header + await reader.readexactly(int.from_bytes(header, "big") - 4))
            answers[answer.sequence_number] = answer.status.name
    writer.close()
    await writer.wait_closed()
    assert answers == {1: "ESME_ROK", 2: "ESME_RINVBNDSTS", 3: "ESME_RALYBND"}
    assert smsc.counts.binds == 1


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=300).filter(
    lambda text: "~~~" not in text and not text.startswith("__")
)


@settings(max_examples=30)
@given(texts=st.lists(TEXTS, min_size=1, max_size=10))
def test_every_text_arrives_as_it_was_written(texts):
    assert asyncio.run(_arrived(texts)) == texts


async def _arrived(texts):
    """What a simulator has got after these were submitted to it."""
    async with Smsc() as smsc:
        endpoint = parse_url(smsc.url)
        session = await Session.connect(endpoint)
        await session.bind(endpoint.bind_request())
        for reference, text in enumerate(texts):
            for one in segment(text, CENTRE, reference=reference).segments:
                pdu = SubmitSm(
                    destination_addr="79161234567",
                    esm_class=one.esm_class,
                    data_coding=one.data_coding,
                    short_message=one.short_message,
                )
                await session.request(pdu)
        await session.unbind()
        return [received.text for received in smsc.received]
