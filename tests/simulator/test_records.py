from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from smpp_esme.protocol.parameters import EsmClass, MessageState
from smpp_esme.protocol.pdus import DataSm, SubmitSm
from smpp_esme.protocol.tlvs import TLVS, Tag
from smpp_esme.simulator.handsets import Verdict
from smpp_esme.simulator.records import Journal, Message, moment
from smpp_esme.sms import udh
from smpp_esme.sms.binary import Binary, BinaryHex
from smpp_esme.sms.compose import compose
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.segments import segment
from smpp_esme.sms.wap import WapPush

CENTRE = Profile.named("smsc-centre")
NOW = moment(1_700_000_000)
TO_A_PORT = bytes.fromhex("060504158A0000")


def submitted(octets, *, at=0.0, esm_class=EsmClass.UDHI, message_id="1", source="ACME", data_coding=0):
    request = SubmitSm(
        source_addr=source,
        destination_addr="79161234567",
        esm_class=esm_class,
        data_coding=data_coding,
        short_message=octets,
    )
    return Message(message_id=message_id, system_id="demo", profile=CENTRE, request=request, at=at)


def part(sequence, total, text, reference=1):
    return bytes((5, 0, 3, reference, total, sequence)) + text


@given(text=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=800), order=st.randoms())
def test_segments_make_their_text_in_any_order(text, order):
    journal = Journal()
    segments = list(segment(text, CENTRE, reference=300).segments)
    order.shuffle(segments)
    messages = [
        submitted(one.short_message, esm_class=one.esm_class, data_coding=one.data_coding, message_id=str(number))
        for number, one in enumerate(segments)
    ]
    taken = [received for message in messages if (received := journal.take(message, NOW))]
    assert len(taken) == 1
    whole = taken[0].text if taken[0].comment is None else f"{taken[0].text}\n~~~\n{taken[0].comment}"
    assert whole == text
    assert taken[0].message_ids == tuple(message.message_id for message in messages)
    assert not journal.is_waiting


def test_the_same_segment_twice_is_one_segment_with_two_message_ids():
    journal = Journal()
    assert journal.take(submitted(part(1, 2, b"one "), message_id="1"), NOW) is None
    assert journal.take(submitted(part(1, 2, b"one "), message_id="2"), NOW) is None
    received = journal.take(submitted(part(2, 2, b"two"), message_id="3"), NOW)
    assert (received.text, received.message_ids) == ("one two", ("1", "2", "3"))


def test_a_whole_text_that_comes_again_under_its_reference_is_a_duplicate():
    journal = Journal()
    for _ in range(2):
        journal.take(submitted(part(1, 2, b"one ")), NOW)
        journal.take(submitted(part(2, 2, b"two")), NOW)
    assert journal.submits == {"one two": 2}
    assert journal.counts.duplicates == 1


def test_senders_with_one_reference_are_kept_apart():
    journal = Journal()
    journal.take(submitted(part(1, 2, b"A1"), source="A"), NOW)
    journal.take(submitted(part(1, 2, b"B1"), source="B"), NOW)
    journal.take(submitted(part(2, 2, b"B2"), source="B"), NOW)
    journal.take(submitted(part(2, 2, b"A2"), source="A"), NOW)
    assert [received.text for received in journal.received] == ["B1B2", "A1A2"]


def test_another_segment_under_the_same_number_begins_another_text():
    journal = Journal()
    journal.take(submitted(part(1, 2, b"old")), NOW)
    journal.take(submitted(part(1, 2, b"new ")), NOW)
    journal.take(submitted(part(2, 2, b"text")), NOW)
    assert [(one.text, one.incomplete) for one in journal.received] == [("old", True), ("new text", False)]
    assert journal.counts.incomplete == 1


def test_a_text_is_given_up_after_a_minute():
    journal = Journal()
    journal.take(submitted(part(2, 3, b"two"), at=100.0), NOW)
    journal.take(submitted(part(1, 2, b"later", reference=2), at=130.0), NOW)
    journal.give_up(159.9, NOW)
    assert not journal.received
    journal.give_up(160.0, NOW)
    assert [(one.text, one.missing, one.segments) for one in journal.received] == [("two", (1, 3), 3)]
    assert journal.is_waiting


def test_a_late_segment_of_a_mail_makes_all_of_them_mail():
    journal = Journal()
    first = submitted(part(1, 2, b"\x11\x11MAIL\x11\x11: body"))
    journal.take(first, NOW)
    assert first.kind == "sms"
    journal.take(submitted(part(2, 2, b"\nsubj:subject")), NOW)
    assert (first.kind, first.parts) == ("mail", 2)


PUSH = WapPush("Привет", "https://www.example.com/" + "a" * 200)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(Binary(b"\1\2", TO_A_PORT), "binary"), (PUSH, "wap-push"), (BinaryHex(PUSH.text()), "wap-push")],
)
@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar", "payload"])
def test_octets_for_an_application_are_kept_as_octets(content, kind, concatenation):
    journal = Journal()
    profile = replace(CENTRE, concatenation=concatenation)
    pdus = compose(content, "79161234567", source="", profile=profile, reference=1).pdus()
    messages = [
        Message(message_id=str(number), system_id="demo", profile=profile, request=pdu, at=0.0)
        for number, pdu in enumerate(pdus)
    ]
    for message in messages[::-1]:
        journal.take(message, NOW)
    [received] = journal.received
    assert (received.text, received.kind, received.segments) == (content.text(), kind, len(pdus))
    assert received.content == Binary(content.body(), udh.build(content.elements()))
    assert {message.kind for message in messages} == {kind}


def test_octets_of_no_kind_are_invalid():
    journal = Journal()
    header = bytes((200, 5, 4, 0, 1, 0, 2, 0x70, 192)) + b"a" * 192
    request = DataSm(esm_class=0x40, data_coding=4, tlvs=(TLVS.tlv(Tag.MESSAGE_PAYLOAD, header + b"\1\2"),))
    received = journal.take(Message(message_id="1", system_id="demo", profile=CENTRE, request=request, at=0.0), NOW)
    assert (received.text, received.kind, received.content) == ("0102", "invalid", None)


def test_different_texts_are_counted_up_to_a_limit():
    journal = Journal(keep_counts=2)
    for number in (1, 2, 3, 1):
        journal.take(submitted(b"text %d" % number, esm_class=0), NOW)
    assert journal.submits == {"text 1": 2, "text 2": 1}
    assert (journal.counts.messages, journal.counts.uncounted) == (4, 1)


def test_segments_that_wait_are_bounded(monkeypatch):
    monkeypatch.setattr("smpp_esme.simulator.records._WAITING_LIMIT", 2)
    journal = Journal()
    for reference in (1, 2, 3):
        journal.take(submitted(part(1, 2, b"half", reference=reference)), NOW)
    assert [received.incomplete for received in journal.received] == [True]


def test_the_verdict_is_told_when_it_falls():
    message = submitted(b"hello", esm_class=0)
    message.verdict, message.due = Verdict(MessageState.DELIVERED), 10.0
    assert (message.state(9.9), message.state(10.0)) == (MessageState.ENROUTE, MessageState.DELIVERED)
