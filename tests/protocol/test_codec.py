from __future__ import annotations

import contextlib
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.errors import EncodingError, MalformedPdu, RemoteProtocolError
from smpp_esme.protocol.codec import DEFAULT_LIMIT, Framer, decode, encode
from smpp_esme.protocol.commands import CommandId, CommandStatus
from smpp_esme.protocol.layout import HEADER
from smpp_esme.protocol.pdus import (
    PDUS,
    AlertNotification,
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BroadcastSm,
    BroadcastSmResp,
    CancelBroadcastSm,
    CancelBroadcastSmResp,
    CancelSm,
    CancelSmResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    DistributionList,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    QueryBroadcastSm,
    QueryBroadcastSmResp,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    ReplaceSmResp,
    SmeAddress,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
    UnsuccessSme,
)
from smpp_esme.protocol.structures import (
    BroadcastAreaIdentifier,
    BroadcastContentType,
    BroadcastFrequencyInterval,
    CallbackNum,
    CallbackNumAtag,
    NetworkErrorCode,
)
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv

if TYPE_CHECKING:
    from collections.abc import Callable

ACME = {"source_addr_ton": 5, "source_addr": "ACME"}
HANDSET = {"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": "79991234567"}
FROM_HANDSET = {"source_addr_ton": 1, "source_addr_npi": 1, "source_addr": "79991234567"}
TO_ACME = {"dest_addr_ton": 5, "destination_addr": "ACME", "esm_class": 4}
NORTH, SOUTH = (
    TLVS.tlv(Tag.BROADCAST_AREA_IDENTIFIER, BroadcastAreaIdentifier(0, name)) for name in (b"north", b"south")
)
RECEIPT = {**FROM_HANDSET, **TO_ACME, "short_message": b"id:1 stat:DELIVRD"}

#: What stands in fixtures/pdus: read so, and written so, octet for octet.
GOLDEN: dict[str, Pdu] = {
    "bind_transceiver": BindTransceiver(1, system_id="acme", password="s3cret!", system_type="ISO"),
    "bind_receiver": BindReceiver(
        2, system_id="acme", password="s3cret!", system_type="VMA", addr_ton=3, address_range="^2020"
    ),
    "bind_transmitter_longest": BindTransmitter(
        0x7FFF_FFFF,
        system_id="fifteen-octets!",
        password="8-octets",
        system_type="twelve-octet",
        interface_version=255,
        addr_ton=255,
        addr_npi=255,
        address_range="^[0-9]{11}$|^[A-Za-z0-9]{1,11}$|^7......",
    ),
    "bind_transceiver_resp": BindTransceiverResp(1, system_id="SMSC", tlvs=(TLVS.tlv(Tag.SC_INTERFACE_VERSION, 0x34),)),
    "bind_transceiver_resp_refused_with_body": BindTransceiverResp(1, CommandStatus.ESME_RINVPASWD, system_id="SMSC"),
    "bind_receiver_resp_refused_without_body": BindReceiverResp(2, CommandStatus.ESME_RALYBND),
    "outbind": Outbind(1, system_id="smsc", password="open"),
    "unbind": Unbind(40),
    "unbind_resp": UnbindResp(40),
    "enquire_link": EnquireLink(41),
    "enquire_link_resp": EnquireLinkResp(41),
    "generic_nack_of_nothing": GenericNack(0, CommandStatus.ESME_RINVCMDLEN),
    "generic_nack_unknown_command": GenericNack(77, CommandStatus.ESME_RINVCMDID),
    "submit_sm": SubmitSm(
        7,
        **ACME,
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr="994501234567",
        registered_delivery=1,
        short_message=b"hi",
    ),
    "submit_sm_ucs2_segment": SubmitSm(
        8,
        **ACME,
        **HANDSET,
        esm_class=0x40,
        validity_period="000001000000000R",
        registered_delivery=1,
        data_coding=8,
        short_message=b"\x05\x00\x03\xa1\x02\x01" + "Привет".encode("utf-16-be"),
    ),
    "submit_sm_scheduled": SubmitSm(
        9,
        service_type="WAP",
        source_addr_ton=2,
        source_addr_npi=8,
        source_addr="5550001",
        dest_addr_ton=3,
        dest_addr_npi=9,
        destination_addr="4040",
        esm_class=3,
        protocol_id=0x7F,
        priority_flag=3,
        schedule_delivery_time="261231235959048+",
        validity_period="261231235959048-",
        registered_delivery=0x1F,
        replace_if_present_flag=1,
        data_coding=4,
        sm_default_msg_id=255,
        short_message=b"\x00\xff\x10",
    ),
    "submit_sm_message_payload": SubmitSm(
        10,
        **HANDSET,
        tlvs=(
            TLVS.tlv(Tag.USER_MESSAGE_REFERENCE, 258),
            TLVS.tlv(Tag.MESSAGE_PAYLOAD, b"a text of any length"),
        ),
    ),
    "submit_sm_254_octets": SubmitSm(11, **HANDSET, short_message=bytes(range(254))),
    "submit_sm_resp": SubmitSmResp(7, message_id="855469"),
    "submit_sm_resp_longest_message_id": SubmitSmResp(7, message_id="0123456789abcdef" * 4),
    "submit_sm_resp_throttled": SubmitSmResp(8, CommandStatus.ESME_RTHROTTLED),
    "submit_sm_resp_vendor_status": SubmitSmResp(9, 0x4FF),
    "submit_sm_resp_refused_with_tlv": SubmitSmResp(
        9, CommandStatus.ESME_RSUBMITFAIL, tlvs=(TLVS.tlv(Tag.ADDITIONAL_STATUS_INFO_TEXT, "no route"),)
    ),
    "deliver_sm_receipt": DeliverSm(
        3,
        **FROM_HANDSET,
        **TO_ACME,
        short_message=b"id:855469 stat:DELIVRD err:000",
        tlvs=(
            TLVS.tlv(Tag.RECEIPTED_MESSAGE_ID, "855469"),
            TLVS.tlv(Tag.MESSAGE_STATE, 2),
            TLVS.tlv(Tag.NETWORK_ERROR_CODE, NetworkErrorCode(3, 0)),
        ),
    ),
    "deliver_sm_mo": DeliverSm(
        4,
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr="4915112345678",
        dest_addr_ton=3,
        destination_addr="2020",
        data_coding=3,
        short_message="Grüße".encode("latin-1"),
    ),
    "deliver_sm_unknown_tlvs": DeliverSm(
        5, **FROM_HANDSET, **TO_ACME, tlvs=(Tlv(0x1401, b"\0\1"), Tlv(0x1400, b"1101"), Tlv(0x1401, b""))
    ),
    "deliver_sm_resp": DeliverSmResp(3),
    "data_sm": DataSm(
        12,
        source_addr_ton=5,
        source_addr_npi=14,
        source_addr="https://handset.example/inbox",
        **HANDSET,
        registered_delivery=1,
        data_coding=8,
        tlvs=(TLVS.tlv(Tag.MESSAGE_PAYLOAD, "Да".encode("utf-16-be")),),
    ),
    "data_sm_resp": DataSmResp(12, message_id="a-1", tlvs=(TLVS.tlv(Tag.DELIVERY_FAILURE_REASON, 1),)),
    "query_sm": QuerySm(13, message_id="855469", **ACME),
    "query_sm_resp": QuerySmResp(13, message_id="855469", final_date="261115120000012+", message_state=2),
    "cancel_sm": CancelSm(14, service_type="WAP", **ACME, **HANDSET),
    "cancel_sm_resp": CancelSmResp(14),
    "replace_sm": ReplaceSm(
        15,
        message_id="855469",
        **ACME,
        validity_period="000000010000000R",
        registered_delivery=1,
        short_message=b"ho",
    ),
    "replace_sm_resp": ReplaceSmResp(15, CommandStatus.ESME_RREPLACEFAIL),
    "alert_notification": AlertNotification(
        6,
        **FROM_HANDSET,
        esme_addr_ton=5,
        esme_addr="ACME",
        tlvs=(TLVS.tlv(Tag.MS_AVAILABILITY_STATUS, 0),),
    ),
    "submit_multi": SubmitMulti(
        33,
        **ACME,
        dest_address=(SmeAddress(1, 1, "79991234567"), DistributionList("staff")),
        registered_delivery=1,
        short_message=b"hi",
    ),
    "submit_multi_resp": SubmitMultiResp(
        33,
        message_id="m-7",
        unsuccess_sme=(
            UnsuccessSme(1, 1, "79990000001", CommandStatus.ESME_RINVDSTADR),
            UnsuccessSme(1, 1, "79990000002", 0x4FF),
        ),
    ),
    "submit_multi_resp_all_reached": SubmitMultiResp(34, message_id="m-8"),
    "submit_sm_callback_nums": SubmitSm(
        42,
        **ACME,
        **HANDSET,
        tlvs=(
            TLVS.tlv(Tag.CALLBACK_NUM, CallbackNum(1, 1, 1, b"7812")),
            TLVS.tlv(Tag.CALLBACK_NUM_ATAG, CallbackNumAtag(3, b"shop")),
            TLVS.tlv(Tag.CALLBACK_NUM_PRES_IND, 0b0101),
            TLVS.tlv(Tag.CALLBACK_NUM, CallbackNum(0, 1, 1, b"\x87\x21\xf3\x00")),
            TLVS.tlv(Tag.CALLBACK_NUM_ATAG, CallbackNumAtag(3, b"home")),
            TLVS.tlv(Tag.CALLBACK_NUM_PRES_IND, 0b1011),
        ),
    ),
    "broadcast_sm": BroadcastSm(
        38,
        service_type="CBS",
        **ACME,
        priority_flag=1,
        validity_period="000001000000000R",
        data_coding=4,
        tlvs=(
            NORTH,
            SOUTH,
            TLVS.tlv(Tag.BROADCAST_CONTENT_TYPE, BroadcastContentType(0, 1)),
            TLVS.tlv(Tag.BROADCAST_REP_NUM, 4),
            TLVS.tlv(Tag.BROADCAST_FREQUENCY_INTERVAL, BroadcastFrequencyInterval(9, 31)),
            TLVS.tlv(Tag.MESSAGE_PAYLOAD, b"flood"),
        ),
    ),
    "broadcast_sm_resp": BroadcastSmResp(
        38,
        message_id="b-1",
        tlvs=(TLVS.tlv(Tag.BROADCAST_ERROR_STATUS, CommandStatus.ESME_RINVBCASTALIAS_NAME), SOUTH),
    ),
    "query_broadcast_sm": QueryBroadcastSm(
        39, message_id="b-1", **ACME, tlvs=(TLVS.tlv(Tag.USER_MESSAGE_REFERENCE, 7),)
    ),
    "query_broadcast_sm_resp": QueryBroadcastSmResp(
        39,
        message_id="b-1",
        tlvs=(
            TLVS.tlv(Tag.MESSAGE_STATE, 2),
            NORTH,
            TLVS.tlv(Tag.BROADCAST_AREA_SUCCESS, 90),
            SOUTH,
            TLVS.tlv(Tag.BROADCAST_AREA_SUCCESS, 255),
            TLVS.tlv(Tag.BROADCAST_END_TIME, "261115120000012+"),
        ),
    ),
    "cancel_broadcast_sm": CancelBroadcastSm(40, service_type="CBS", message_id="b-1", **ACME),
    "cancel_broadcast_sm_resp": CancelBroadcastSmResp(40),
}

#: What SMSCs send that they should not, and what a patient reader makes of it.
ODD: dict[str, Pdu] = {
    "odd_stray_nul": DeliverSm(20, **RECEIPT, oddities=("1 stray octets after the last parameter",)),
    "odd_truncated_tlv": DeliverSm(
        21,
        **RECEIPT,
        tlvs=(TLVS.tlv(Tag.MESSAGE_STATE, 2),),
        oddities=("TLV receipted_message_id declares 65 octets and 4 are there",),
    ),
    "odd_no_message_id": SubmitSmResp(22, oddities=("message_id is missing",)),
    "odd_message_id_without_nul": SubmitSmResp(23, message_id="855469", oddities=("message_id runs past the end",)),
    "odd_service_type": DeliverSm(
        25,
        service_type="handset",
        source_addr="1",
        destination_addr="2",
        oddities=("service_type: 'handset' has 7 characters, where at most 5 is allowed",),
    ),
    "odd_query_sm_resp_ends_early": QuerySmResp(
        27, message_id="855469", oddities=("message_state is missing", "error_code is missing")
    ),
    "odd_long_message_id": SubmitSmResp(
        24,
        message_id="0123456789" * 7,
        oddities=(f"message_id: '{'0123456789' * 7}' has 70 characters, where at most 64 is allowed",),
    ),
    "odd_receipted_message_id_without_nul": DeliverSm(
        26, **RECEIPT, tlvs=(Tlv(Tag.RECEIPTED_MESSAGE_ID, b"ABC0"), Tlv(Tag.MESSAGE_STATE, b"\0\2"))
    ),
    "odd_number_of_dests_0": SubmitMulti(
        35, **ACME, short_message=b"hi", oddities=("dest_address: there are 0, where 1 to 255 is allowed",)
    ),
    "odd_no_unsuccess_too_high": SubmitMultiResp(
        36,
        message_id="m-9",
        unsuccess_sme=(UnsuccessSme(1, 1, "79990000001", CommandStatus.ESME_RINVDSTADR),),
        oddities=("unsuccess_sme runs past the end",),
    ),
    "odd_network_error_code_in_ascii": DeliverSm(
        41, **RECEIPT, tlvs=(Tlv(Tag.NETWORK_ERROR_CODE, b"042"), Tlv(Tag.MESSAGE_STATE, b"\0\0\2"))
    ),
    "odd_short_message_of_255": DeliverSm(28, source_addr="1", destination_addr="2", short_message=b"a" * 255),
}

#: What no patience can read: (the answer it deserves, the word about it).
BAD: dict[str, tuple[CommandStatus, str]] = {
    "bad_unknown_command": (CommandStatus.ESME_RINVCMDID, "unknown command_id"),
    "bad_unknown_response": (CommandStatus.ESME_RINVCMDID, "unknown command_id"),
    "bad_short_message_past_the_end": (CommandStatus.ESME_RINVCMDLEN, "short_message at offset 43 runs past the end"),
    "bad_no_end_of_source_addr": (CommandStatus.ESME_RINVCMDLEN, "source_addr at offset 19 runs past the end"),
    "bad_dest_flag": (CommandStatus.ESME_RINVDESTFLAG, "dest_address at offset 24: dest_flag 3 is unknown"),
    "bad_empty_submit_sm": (CommandStatus.ESME_RINVCMDLEN, "service_type at offset 16 runs past the end"),
}

golden = pytest.mark.parametrize(("name", "pdu"), GOLDEN.items(), ids=GOLDEN)
odd = pytest.mark.parametrize(("name", "pdu"), ODD.items(), ids=ODD)


def test_every_fixture_is_expected_to_be_something(request: pytest.FixtureRequest):
    fixtures = {path.stem for path in (request.config.rootpath / "fixtures" / "pdus").glob("*.hex")}
    assert fixtures == GOLDEN.keys() | ODD.keys() | BAD.keys()


def test_every_pdu_has_a_golden_vector_or_its_twin_has():
    twins = {BindReceiver, BindReceiverResp, BindTransceiver, BindTransceiverResp, BindTransmitter}
    covered = {type(pdu) for pdu in GOLDEN.values()}
    assert {record.__name__ for record in PDUS.values()} - {record.__name__ for record in covered | twins} == {
        "BindTransmitterResp"
    }


@golden
def test_a_golden_vector_is_read(name: str, pdu: Pdu, read_hex: Callable[[str], bytes]):
    assert decode(read_hex(name)) == pdu


@golden
def test_a_golden_vector_is_written(name: str, pdu: Pdu, read_hex: Callable[[str], bytes]):
    assert encode(pdu) == read_hex(name)


@golden
def test_a_golden_vector_is_framed_whole_octet_by_octet_and_with_a_tail(
    name: str, pdu: Pdu, read_hex: Callable[[str], bytes]
):
    octets, tail = read_hex(name), read_hex("enquire_link")
    assert Framer().feed(octets) == [octets]
    framer = Framer()
    assert [frame for octet in octets for frame in framer.feed(bytes([octet]))] == [octets]
    framer = Framer()
    assert framer.feed(octets + tail[:-1]) == [octets]
    assert framer.feed(tail[-1:]) == [tail]


@golden
def test_a_vector_cut_anywhere_is_an_error_of_the_peers_or_a_response_read_with_patience(
    name: str, pdu: Pdu, read_hex: Callable[[str], bytes]
):
    octets = read_hex(name)
    for end in range(len(octets)):
        with pytest.raises(MalformedPdu):
            decode(octets[:end])
    for end in range(16, len(octets)):
        with contextlib.suppress(MalformedPdu):
            cut = decode(end.to_bytes(4, "big") + octets[4:end])
            assert cut.is_response or pdu.tlvs
            assert type(cut) is type(pdu)


@odd
def test_an_odd_pdu_is_read_and_the_oddity_told(name: str, pdu: Pdu, read_hex: Callable[[str], bytes]):
    assert decode(read_hex(name)) == pdu


def test_a_tlv_of_an_unusual_form_keeps_its_value(read_hex: Callable[[str], bytes]):
    receipt = decode(read_hex("odd_receipted_message_id_without_nul"))
    assert receipt.tlv(Tag.RECEIPTED_MESSAGE_ID) == "ABC0"
    assert receipt.tlv(Tag.MESSAGE_STATE) == 2
    receipt = decode(read_hex("odd_network_error_code_in_ascii"))
    assert receipt.tlv(Tag.NETWORK_ERROR_CODE) == NetworkErrorCode(0, 42)
    assert receipt.tlv(Tag.MESSAGE_STATE) == 2


def test_all_tlvs_of_one_tag_are_given_in_their_order(read_hex: Callable[[str], bytes]):
    submit_sm = decode(read_hex("submit_sm_callback_nums"))
    assert [number.digit_mode for number in submit_sm.tlv_values(Tag.CALLBACK_NUM)] == [1, 0]
    assert [atag.display for atag in submit_sm.tlv_values(Tag.CALLBACK_NUM_ATAG)] == [b"shop", b"home"]
    assert submit_sm.tlv_values(Tag.CALLBACK_NUM_PRES_IND) == [0b0101, 0b1011]
    areas = decode(read_hex("broadcast_sm")).tlv_values(Tag.BROADCAST_AREA_IDENTIFIER)
    assert [area.area for area in areas] == [b"north", b"south"]


def test_a_string_that_is_not_ascii_is_kept_and_told_of():
    pdu = decode(encode(SubmitSmResp(1, message_id="ol.")).replace(b".", b"\xe9"))
    assert pdu.message_id == "ol\xe9"
    problem = "message_id: 'ol\xe9' holds a character that a C-octet string cannot carry"
    assert pdu.oddities == (f"{problem}, where ASCII without NUL is allowed",)


def test_255_octets_of_text_are_ordinary_beside_what_is_odd(read_hex: Callable[[str], bytes]):
    octets = bytearray(read_hex("odd_short_message_of_255") + b"\0")
    octets[3] += 1
    assert decode(bytes(octets)).oddities == ("1 stray octets after the last parameter",)


@pytest.mark.parametrize("length", [0, 16, 36, 0xFFFF_FFFF])
def test_a_length_that_is_not_that_of_the_octets_is_malformed(length: int):
    octets = length.to_bytes(4, "big") + encode(SubmitSm(7))[4:]
    with pytest.raises(MalformedPdu, match=f"command_length {length} where {len(octets)} octets are there") as error:
        decode(octets)
    assert error.value.command_status == CommandStatus.ESME_RINVCMDLEN
    assert (error.value.command_id, error.value.sequence_number) == (CommandId.SUBMIT_SM, 7)


def test_encode_knows_what_a_peers_version_allows():
    pdu = SubmitSm(1, short_message=bytes(255))
    assert decode(encode(pdu, version=0x50)) == pdu
    with pytest.raises(EncodingError, match="0 to 254 octets"):
        encode(pdu)


@pytest.mark.parametrize(("name", "status", "problem"), [(name, *rest) for name, rest in BAD.items()], ids=BAD)
def test_what_cannot_be_read_is_refused_with_its_number_its_status_and_a_word(
    name: str, status: CommandStatus, problem: str, read_hex: Callable[[str], bytes]
):
    octets = read_hex(name)
    with pytest.raises(MalformedPdu, match=problem) as malformed:
        decode(octets)
    _, command_id, _, sequence_number = HEADER.unpack_from(octets)
    assert malformed.value.command_status == status
    assert (malformed.value.command_id, malformed.value.sequence_number) == (command_id, sequence_number)


@pytest.mark.parametrize("record", [record for record in PDUS.values() if record().is_response])
@pytest.mark.parametrize("status", [CommandStatus.ESME_RSYSERR, 0x4FF])
def test_a_refusal_is_read_with_a_body_and_without_one(record: type[Pdu], status: int):
    refusal = record(1, status)
    assert len(encode(refusal)) == 16
    assert decode(encode(refusal)) == refusal
    body = encode(record(1))[16:]
    assert decode(HEADER.pack(16 + len(body), record.command_id, status, 1) + body) == refusal


def test_a_refusal_with_the_shortest_of_bodies_has_its_body_read():
    octets = HEADER.pack(17, SubmitSmResp.command_id, CommandStatus.ESME_RSYSERR, 1) + b"7"
    assert decode(octets).message_id == "7"


@given(testing.pdus())
def test_every_pdu_comes_back_from_its_octets(pdu: Pdu):
    octets = encode(pdu)
    assert int.from_bytes(octets[:4], "big") == len(octets)
    assert decode(octets) == pdu


@given(testing.pdus(), st.integers(0, 0xFFFF_FFFF))
def test_a_number_given_goes_before_the_pdus_own(pdu: Pdu, number: int):
    assert decode(encode(pdu, number)).sequence_number == number


@given(testing.pdus(), testing.pdus())
def test_pdus_are_read_out_of_a_stream_one_by_one(first: Pdu, second: Pdu):
    frames = Framer().feed(encode(first) + encode(second))
    assert [decode(frame) for frame in frames] == [first, second]


@given(
    command_id=st.sampled_from(CommandId) | st.integers(0, 0xFFFF_FFFF),
    status=testing.statuses(),
    number=st.integers(0, 0xFFFF_FFFF),
    body=st.binary(max_size=120),
)
def test_hostile_octets_raise_nothing_but_ours(command_id: int, status: int, number: int, body: bytes):
    try:
        pdu = decode(HEADER.pack(16 + len(body), command_id, status, number) + body)
    except RemoteProtocolError:
        return
    assert (pdu.command_id, pdu.command_status, pdu.sequence_number) == (command_id, status, number)
    assert repr(pdu)


@given(st.binary(max_size=40))
def test_octets_without_a_header_raise_nothing_but_ours(octets: bytes):
    try:
        pdu = decode(octets)
    except RemoteProtocolError:
        return
    assert pdu.command_id == int.from_bytes(octets[4:8], "big")


@given(testing.pdus(), st.data())
def test_a_pdu_with_flipped_octets_raises_nothing_but_ours(pdu: Pdu, data: st.DataObject):
    octets = bytearray(encode(pdu))
    for at in data.draw(st.lists(st.integers(0, len(octets) - 1), min_size=1, max_size=5)):
        octets[at] ^= data.draw(st.integers(1, 255))
    try:
        found = decode(bytes(octets))
    except RemoteProtocolError:
        return
    assert found.command_id == int.from_bytes(octets[4:8], "big")


def sliced(octets: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    return [octets[start:end] for start, end in pairwise(edges)]


@given(st.lists(testing.pdus(), max_size=6), st.lists(st.integers(0, 5000), max_size=30))
def test_framing_is_independent_of_slicing(pdus: list[Pdu], cuts: list[int]):
    frames = [encode(pdu) for pdu in pdus]
    framer = Framer()
    assert [frame for piece in sliced(b"".join(frames), cuts) for frame in framer.feed(piece)] == frames
    assert framer.broken is None


@given(st.binary(max_size=200), st.lists(st.integers(0, 5000), max_size=10))
def test_any_octets_are_framed_alike_however_they_are_sliced(octets: bytes, cuts: list[int]):
    whole, piecemeal = Framer(60), Framer(60)
    frames = whole.feed(octets)
    assert [frame for piece in sliced(octets, cuts) for frame in piecemeal.feed(piece)] == frames
    assert str(whole.broken) == str(piecemeal.broken)
    assert octets.startswith(b"".join(frames))


@pytest.mark.parametrize("length", [0, 1, 15, DEFAULT_LIMIT + 1, 0x4745_5420, 0xFFFF_FFFF])
def test_a_length_that_cannot_be_breaks_the_stream_at_once(length: int):
    framer = Framer()
    good = encode(EnquireLink(1))
    assert framer.feed(good + length.to_bytes(4, "big") + bytes(12) + good) == [good]
    assert framer.broken is not None
    assert framer.broken.command_length == length


def test_a_broken_stream_is_not_listened_to_any_more():
    framer = Framer()
    framer.feed(bytes(16))
    assert framer.feed(encode(EnquireLink(1))) == []
    assert not framer._rest


def test_the_longest_pdu_is_taken_and_one_octet_more_is_not():
    longest = HEADER.pack(100, CommandId.GENERIC_NACK, 0, 1) + bytes(84)
    framer = Framer(100)
    assert framer.feed(longest) == [longest]
    framer.feed(HEADER.pack(101, CommandId.GENERIC_NACK, 0, 1))
    assert framer.broken is not None


def test_a_message_payload_of_the_greatest_length_fits_the_limit():
    pdu = DataSm(1, source_addr="a" * 64, destination_addr="b" * 64, tlvs=(Tlv(Tag.MESSAGE_PAYLOAD, bytes(65_535)),))
    octets = encode(pdu)
    assert [decode(frame) for frame in Framer().feed(octets)] == [pdu]


def test_no_more_than_one_incomplete_pdu_is_kept():
    framer = Framer()
    octets = encode(SubmitSm(1, short_message=bytes(200)))
    framer.feed(octets * 1000 + octets[:-1])
    assert len(framer._rest) == len(octets) - 1


def test_octet_by_octet_costs_time_in_proportion():
    def seconds(length: int) -> float:
        octets = HEADER.pack(length, CommandId.GENERIC_NACK, 0, 1) + bytes(length - 16)
        framer, started = Framer(), time.process_time()
        assert sum(len(framer.feed(octets[i : i + 1])) for i in range(length)) == 1
        return time.process_time() - started

    # A quadratic framer needs 64 times as long for eight times the octets.
    assert min(seconds(64_000) for _ in range(3)) < 30 * min(seconds(8_000) for _ in range(3))
