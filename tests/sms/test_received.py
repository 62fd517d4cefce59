import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from smpp_esme.protocol.pdus import DataSm, DeliverSm
from smpp_esme.protocol.tlvs import TLVS, Tag
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.received import Body, Place, octets_of, read, text_of
from smpp_esme.sms.udh import Element

STANDARD = Profile.named("standard")
SMSC_CENTRE = Profile.named("smsc-centre")
PROFILES = [STANDARD, SMSC_CENTRE, SMSC_CENTRE.bound_with("ISO"), replace(STANDARD, packed=True)]
PAYLOAD = TLVS.tlv(Tag.MESSAGE_PAYLOAD, b"payload")


@pytest.mark.parametrize(
    ("pdu", "octets"),
    [
        (DataSm(tlvs=(PAYLOAD,)), b"payload"),
        (DeliverSm(tlvs=(PAYLOAD,)), b"payload"),
        (DeliverSm(short_message=b"short", tlvs=(PAYLOAD,)), b"short"),
        (DeliverSm(), b""),
    ],
    ids=["data_sm", "an empty short_message", "both", "neither"],
)
def test_the_content_is_the_short_message_or_else_the_payload(pdu, octets):
    assert octets_of(pdu) == octets


@given(
    st.binary(max_size=300) | st.binary(max_size=150).map(b"\x06\x25\x01\x06\x24\x01\x0d".__add__),
    st.integers(0, 255),
    st.integers(0, 255),
    st.sampled_from(PROFILES),
)
def test_any_octets_are_a_text(octets, esm_class, data_coding, profile):
    text, _ = text_of(octets, esm_class, data_coding, profile)
    assert isinstance(text, str)


def test_a_body_comes_without_what_says_its_place():
    ports = Element(0x05, bytes.fromhex("0b8423f0"))
    header = bytes.fromhex("0b 05040b8423f0 0003070201")
    pdu = DeliverSm(esm_class=0x40, data_coding=0x08, short_message=header + "я".encode("utf-16-be"))
    assert read(pdu, STANDARD) == (Body(b"\x04\x4f", Coding.UCS2, (ports,)), Place("udh8", 7, 2, 1))


def test_the_header_has_the_last_word_on_the_place():
    sar = {Tag.SAR_MSG_REF_NUM: 9, Tag.SAR_TOTAL_SEGMENTS: 3, Tag.SAR_SEGMENT_SEQNUM: 3}
    tlvs = tuple(TLVS.tlv(tag, value) for tag, value in sar.items())
    header = bytes.fromhex("06 0804000702 01")
    assert read(DeliverSm(esm_class=0x40, short_message=header, tlvs=tlvs), STANDARD)[1] == Place("udh16", 7, 2, 1)
    assert read(DeliverSm(tlvs=tlvs), STANDARD)[1] == Place("sar", 9, 3, 3)
