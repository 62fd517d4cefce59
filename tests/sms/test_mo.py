import msgspec
import pytest

from smpp_esme.protocol.pdus import DataSm, DeliverSm
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.mo import MoMessage
from smpp_esme.sms.ports import Ports
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.reassembly import Reassembly
from smpp_esme.sms.udh import Element

STANDARD = Profile.named("standard")
TO_PORT_2948 = Element(0x05, bytes.fromhex("0b8423f0"))
PLAIN = DeliverSm(
    service_type="CMT",
    source_addr_ton=1,
    source_addr_npi=1,
    source_addr="79990000001",
    dest_addr_ton=28,
    dest_addr_npi=29,
    destination_addr="1234",
    protocol_id=0x41,
    short_message=b"STOP",
)


def received(*pdus) -> MoMessage:
    waiting = Reassembly()
    messages = [message for pdu in pdus for message in waiting.add(pdu, STANDARD, link="main", now=0.0)]
    (message,) = messages or waiting.drain()
    return message


def tlvs(**values):
    return tuple(TLVS.tlv(Tag[tag.upper()], value) for tag, value in values.items())


def test_a_message_says_who_sent_what_to_whom():
    assert received(PLAIN) == MoMessage(
        link="main",
        source_addr="79990000001",
        source_addr_ton=1,
        source_addr_npi=1,
        destination_addr="1234",
        dest_addr_ton=28,
        dest_addr_npi=29,
        text="STOP",
        octets=b"STOP",
        coding=Coding.GSM7,
        data_coding=0x00,
        service_type="CMT",
        protocol_id=0x41,
    )


def test_a_binary_message_has_octets_and_no_text():
    message = received(msgspec.structs.replace(PLAIN, data_coding=0x04, short_message=b"\x00\xff"))
    assert (message.text, message.octets, message.coding) == ("", b"\x00\xff", Coding.BINARY)


def test_a_header_is_told_apart_from_the_content():
    header = bytes.fromhex("0b 05040b8423f0 000307 02")
    segments = [
        msgspec.structs.replace(PLAIN, esm_class=0x40, data_coding=0x04, short_message=header + content)
        for content in (b"\x02two", b"\x01one")
    ]
    message = received(*segments)
    assert (message.octets, message.elements, message.ports) == (b"onetwo", (TO_PORT_2948,), Ports(2948, 9200))
    assert (message.reference, message.total, message.missing, message.is_complete) == (7, 2, (), True)


def test_an_incomplete_message_says_what_is_missing():
    message = received(msgspec.structs.replace(PLAIN, esm_class=0x40, short_message=bytes.fromhex("050003070302 62")))
    assert (message.text, message.total, message.missing, message.is_complete) == ("b", 3, (1, 3), False)


@pytest.mark.parametrize(
    ("found", "ports"),
    [
        ({}, None),
        ({"destination_port": 5_000, "source_port": 6_000}, Ports(5_000, 6_000)),
        ({"destination_port": 5_000}, Ports(5_000, 0)),
        ({"source_port": 6_000}, None),
    ],
    ids=["none", "both", "only the destination", "only the source"],
)
def test_ports_may_stand_in_tlvs(found, ports):
    assert received(msgspec.structs.replace(PLAIN, tlvs=tlvs(**found))).ports == ports


def test_the_header_has_the_last_word_on_ports():
    octets = bytes.fromhex("06 05040b8423f0") + b"x"
    pdu = msgspec.structs.replace(PLAIN, esm_class=0x40, short_message=octets, tlvs=tlvs(destination_port=1))
    assert received(pdu).ports == Ports(2948, 9200)


def test_tlvs_are_kept_but_for_those_that_carry_the_content_or_its_place():
    vendor = Tlv(0x1403, b"65")
    pdu = DataSm(
        source_addr="1",
        destination_addr="2",
        tlvs=(
            *tlvs(message_payload=b"hi", sar_msg_ref_num=1, sar_total_segments=1, sar_segment_seqnum=1),
            *tlvs(user_message_reference=513),
            vendor,
        ),
    )
    message = received(pdu)
    assert message.tlvs == (*tlvs(user_message_reference=513), vendor)
    assert (message.user_message_reference, message.tlv(0x1403), message.reference) == (513, b"65", 1)
    assert received(PLAIN).user_message_reference is None


@pytest.mark.parametrize(("esm_class", "acknowledges"), [(0x00, False), (0x43, False), (0x08, True), (0x90, True)])
def test_an_acknowledgement_is_told_from_a_message(esm_class, acknowledges):
    assert received(msgspec.structs.replace(PLAIN, esm_class=esm_class)).is_acknowledgement is acknowledges


def test_what_was_odd_is_told_once():
    header = bytes.fromhex("0500030702")
    odd = msgspec.structs.replace(PLAIN, esm_class=0x40, oddities=("3 stray octets",))
    segments = [msgspec.structs.replace(odd, short_message=header + bytes((number,)) + b"x") for number in (1, 2)]
    assert received(*segments).oddities == ("3 stray octets",)


def test_no_repr_shows_the_text_or_the_numbers():
    assert repr(received(PLAIN)) == "MoMessage(gsm7, 4 octets, 1 segments, missing=(), link='main')"
