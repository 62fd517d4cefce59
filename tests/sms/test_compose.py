from __future__ import annotations

import pytest
from msgspec.structs import replace

from smpp_esme.errors import EncodingError, InvalidValue
from smpp_esme.protocol.codec import decode, encode
from smpp_esme.protocol.parameters import EsmClass, Npi, RegisteredDelivery, Ton
from smpp_esme.protocol.tlvs import Tag
from smpp_esme.sms.binary import Binary, BinaryHex
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.compose import compose
from smpp_esme.sms.envelope import Bot, Hlr, Mail, Sms, Telegram
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.reassembly import Reassembly
from smpp_esme.sms.received import text_of
from smpp_esme.sms.references import References
from smpp_esme.sms.wap import PORTS, WapPush

# The second segment of two.
SEGMENT = bytes.fromhex("05 0003070202")
PUSH = WapPush("a", "https://example.com/")
STANDARD = Profile.named("standard")
CENTRE = Profile.named("smsc-centre")
NUMBER = "79161234567"


def composed(content, to=NUMBER, **options):
    asked = {"source": "ACME", "profile": STANDARD, "reference": 7} | options
    return compose(content, to, **asked)


def test_what_a_person_writes_becomes_what_a_submit_sm_says():
    [pdu] = composed(Sms("hello"), "+7 (916) 123-45-67").pdus()
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == (Ton.ALPHANUMERIC, Npi.UNKNOWN, "ACME")
    assert (pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr) == (Ton.INTERNATIONAL, Npi.ISDN, NUMBER)
    assert (pdu.short_message, pdu.data_coding, pdu.esm_class) == (b"hello", 0, 0)


def test_every_segment_says_the_same_of_whom_it_is_for_and_asks_for_a_receipt():
    message = composed(Sms("я" * 150), source="")
    pdus = message.pdus()
    assert len(pdus) == len(message.segments.segments) == 3
    assert {(pdu.destination_addr, pdu.source_addr, pdu.data_coding) for pdu in pdus} == {(NUMBER, "", 8)}
    assert {pdu.registered_delivery for pdu in pdus} == {RegisteredDelivery.RECEIPT}
    assert all(pdu.esm_class & EsmClass.UDHI for pdu in pdus)
    pieces = [text_of(pdu.short_message, pdu.esm_class, pdu.data_coding, STANDARD) for pdu in pdus]
    assert "".join(text for text, _ in pieces) == message.text
    assert [(place.reference, place.total, place.sequence) for _, place in pieces] == [(7, 3, 1), (7, 3, 2), (7, 3, 3)]


def test_another_receipt_or_none_may_be_asked_for():
    message = composed(Sms("hello"))
    for asked in (0, RegisteredDelivery.RECEIPT_ON_FAILURE):
        assert [pdu.registered_delivery for pdu in message.pdus(registered_delivery=asked)] == [asked]


def test_every_pdu_can_be_sent():
    for text in ("a" * 160, "a" * 255 * 153, "€" * 200, "я" * 70):
        for pdu in composed(Sms(text)).pdus():
            assert decode(encode(pdu)) == pdu


def test_the_profile_decides_addresses_and_data_coding():
    [pdu] = composed(Sms("ê"), profile=CENTRE).pdus()
    assert (pdu.source_addr_ton, pdu.source_addr_npi) == (5, 1)
    assert (pdu.dest_addr_ton, pdu.dest_addr_npi) == (1, 1)
    assert (pdu.data_coding, pdu.short_message) == (0x04, b"\xea")
    [pdu] = composed(Sms("`"), profile=CENTRE.bound_with("ISO")).pdus()
    assert (pdu.data_coding, pdu.short_message) == (0x00, b"`")


def test_coding_and_flash_may_be_asked_for():
    message = composed(Sms("hello"), coding=Coding.UCS2, flash=True)
    assert message.segments.coding is Coding.UCS2
    assert [pdu.data_coding for pdu in message.pdus()] == [0x18]


def test_an_envelope_is_written_out_with_its_comment_behind_it():
    message = composed(Mail("hello", "about that"), "jo@smsc.example", profile=CENTRE, comment="order 17")
    assert message.text == "__MAIL__: hello\nsubj:about that\n~~~\norder 17"
    assert (message.kind, message.destination.addr) == ("mail", "jo@smsc.example")


@pytest.mark.parametrize(
    ("content", "options", "field"),
    [
        (Sms("hello"), {"to": "nobody"}, "destination"),
        (Sms("hello"), {"to": "jo@smsc.example"}, "destination"),
        (Bot("hello", "acme_bot"), {"to": "jo@smsc.example", "profile": CENTRE}, "destination"),
        (Sms("hello"), {"source": "far too long a name"}, "source"),
        (Sms("hello"), {"comment": "x"}, "comment"),
        (Telegram("1234"), {}, "kind"),
        (Hlr(), {}, "kind"),
        (Sms("__TGM__: 1234"), {"profile": CENTRE}, "message"),
        (Sms("a" * 153 * 256), {}, "text"),
        (Sms("ê"), {"coding": Coding.LATIN1, "flash": True}, "flash"),
        (Sms(""), {}, "message"),
        (Sms("a"), {"coding": Coding.BINARY}, "coding"),
        (Hlr(), {"profile": CENTRE, "flash": True}, "flash"),
        (Mail("a", "b"), {"profile": CENTRE, "flash": True}, "flash"),
        (PUSH, {"flash": True}, "flash"),
        (PUSH, {"comment": "x"}, "comment"),
        (PUSH, {"coding": Coding.UCS2}, "coding"),
        (Binary(b"a" * 140, SEGMENT), {}, "header"),
        (Binary(b"a"), {"profile": replace(STANDARD, data_coding={Coding.UCS2: 8})}, "coding"),
    ],
)
def test_what_cannot_be_composed_names_the_field_and_the_way_out(content, options, field):
    with pytest.raises(InvalidValue) as refused:
        composed(content, **options)
    assert refused.value.field == field
    assert refused.value.allowed


def test_a_coding_that_cannot_carry_the_text_is_refused():
    with pytest.raises(EncodingError, match="'я' at 3"):
        composed(Sms("cafя"), coding=Coding.GSM7)


def test_a_composed_message_shows_neither_text_nor_numbers():
    shown = repr(composed(Sms("confidential " * 20)))
    assert shown == "Composed(sms, 2 segments)"


def test_octets_go_as_binary_behind_their_header():
    [pdu] = composed(BinaryHex("0605040B8423F0DC0601AE")).pdus()
    assert pdu.short_message == bytes.fromhex("0605040B8423F0DC0601AE")
    assert (pdu.esm_class, pdu.data_coding) == (EsmClass.UDHI, 0x04)
    message = composed(Binary(b"\1\2"), flash=True, coding=Coding.BINARY)
    assert (message.kind, message.text, message.pdus()[0].data_coding) == ("binary", "000102", 0xF4)


def test_a_header_that_says_it_is_a_segment_goes_out_as_it_is():
    [pdu] = composed(Binary(b"a" * 134, SEGMENT)).pdus()
    assert pdu.short_message == SEGMENT + b"a" * 134


@pytest.mark.parametrize("concatenation", ["udh8", "udh16"])
def test_a_long_push_goes_in_segments_that_each_name_the_ports(concatenation):
    push = WapPush("т" * 200, "https://www.example.com/")
    profile = replace(CENTRE, concatenation=concatenation)
    pdus = composed(push, profile=profile).pdus()
    waiting = Reassembly()
    assert len(pdus) == 4
    assert all(len(pdu.short_message) <= 140 for pdu in pdus)
    for pdu in pdus[:0:-1]:
        assert waiting.add(pdu, profile, link="a", now=0.0) == []
    [message] = waiting.add(pdus[0], profile, link="a", now=0.0)
    assert (message.octets, message.ports) == (push.body(), PORTS)


def test_references_are_counted_for_the_addresses_as_they_go_out():
    references = References(7)
    for to, reference in (("+7 (916) 123-45-67", 7), (NUMBER, 8), ("79160000000", 9), (NUMBER, 9)):
        [first, _] = composed(Sms("a" * 161), to, reference=references).pdus()
        assert first.short_message[:6] == bytes((5, 0, 3, reference, 2, 1))


def test_the_pdus_carry_the_tlvs_that_tell_the_segments():
    profile = replace(STANDARD, concatenation="sar")
    pdus = composed(Sms("a" * 161), profile=profile).pdus()
    assert [pdu.tlv(Tag.SAR_SEGMENT_SEQNUM) for pdu in pdus] == [1, 2]
    assert decode(encode(pdus[1])) == pdus[1]


def test_what_is_composed_says_what_goes_out():
    profile = STANDARD.writing(transliterate=True)
    assert composed(Sms("Привет"), profile=profile).text == "Privet"
    assert composed(Sms("Привет 😀"), profile=profile).text == "Привет 😀"
