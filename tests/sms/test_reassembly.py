import random
import re

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smpp_esme.protocol.pdus import DataSm, DeliverSm
from smpp_esme.protocol.tlvs import TLVS, Tag
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.reassembly import Reassembly
from smpp_esme.sms.segments import segment

STANDARD = Profile.named("standard")
SMSC_CENTRE = Profile.named("smsc-centre")
PROFILES = [
    profile
    for each in (STANDARD, SMSC_CENTRE, SMSC_CENTRE.bound_with("ISO"))
    for profile in (each, msgspec.structs.replace(each, concatenation="udh16"))
]
# Long enough for segments, and rich in what must not be cut: escape pairs and surrogate pairs.
TEXTS = st.text() | st.lists(st.sampled_from("a€ж😀"), min_size=60, max_size=400).map("".join)


def deliveries(segments, source="79990000001", destination="ACME"):
    return [
        DeliverSm(
            source_addr=source,
            destination_addr=destination,
            esm_class=one.esm_class,
            data_coding=one.data_coding,
            short_message=one.short_message,
            tlvs=one.tlvs,
        )
        for one in segments.segments
    ]


@given(TEXTS, st.sampled_from(PROFILES), st.randoms(use_true_random=False), st.integers(0, 0xFFFF))
@example("a" * 152 + "€" + "b" * 200, STANDARD, random.Random(1), 1)
@example("я" * 66 + "😀" + "я" * 66, STANDARD, random.Random(1), 1)
def test_any_text_comes_back_from_its_segments_in_any_order_with_any_repeats(text, profile, shuffled, reference):
    pdus = deliveries(segment(text, profile, reference=reference))
    if len(pdus) > 1:
        pdus += shuffled.choices(pdus, k=3)
    shuffled.shuffle(pdus)
    waiting = Reassembly()
    came = [message for pdu in pdus for message in waiting.add(pdu, profile, link="a", now=0.0)]
    assert [message.text for message in came] == [text]
    assert came[0].is_complete
    assert waiting.drain() == []


@pytest.mark.parametrize("concatenation", ["udh8", "udh16", "sar"])
def test_an_at_sign_that_ends_a_packed_segment_is_no_padding(concatenation):
    profile = msgspec.structs.replace(STANDARD, packed=True, concatenation=concatenation)
    text = "@" * 400 + "a"
    waiting = Reassembly()
    pdus = deliveries(segment(text, profile, reference=7))
    assert [one.text for pdu in pdus for one in waiting.add(pdu, profile, link="a", now=0.0)] == [text]


def part(sequence, text, *, reference=7, total=3, source="79990000001", data_coding=0):
    """One segment with an 8-bit reference, its text in GSM 7-bit."""
    header = bytes((5, 0, 3, reference, total, sequence))
    octets = text if isinstance(text, bytes) else text.encode("ascii")
    return DeliverSm(
        source_addr=source,
        esm_class=0x40,
        data_coding=data_coding,
        short_message=header + octets,
        destination_addr="ACME",
    )


def add(waiting, *pdus, link="a", now=0.0):
    return [message for pdu in pdus for message in waiting.add(pdu, STANDARD, link=link, now=now)]


def test_a_message_that_is_no_segment_is_complete_at_once():
    (joined,) = add(Reassembly(), DeliverSm(source_addr="1", destination_addr="2", short_message=b"hi"))
    assert (joined.text, joined.is_complete, joined.source_addr, joined.destination_addr) == ("hi", True, "1", "2")


def test_a_text_in_message_payload_counts_like_one_in_short_message():
    payload = DataSm(source_addr="1", destination_addr="2", tlvs=(TLVS.tlv(Tag.MESSAGE_PAYLOAD, b"hi"),))
    assert add(Reassembly(), payload)[0].text == "hi"


def test_segments_wait_for_one_another():
    waiting = Reassembly()
    assert add(waiting, part(3, "c"), part(1, "a")) == []
    (joined,) = add(waiting, part(2, "b"))
    assert (joined.text, joined.total, joined.missing) == ("abc", 3, ())


def test_segments_are_ordered_by_number_and_not_as_strings():
    pdus = [part(number, chr(ord("a") + number - 1), total=12) for number in range(1, 13)]
    assert add(Reassembly(), *reversed(pdus))[0].text == "abcdefghijkl"


@pytest.mark.parametrize("other", ["source", "reference", "total", "link"])
def test_texts_that_differ_in_anything_are_not_mixed(other):
    waiting = Reassembly()
    difference = {"source": "79990000002", "reference": 8, "total": 2}
    theirs = {} if other == "link" else {other: difference[other]}
    assert add(waiting, part(1, "A", **theirs), link="b" if other == "link" else "a") == []
    assert add(waiting, part(2, "b"), part(3, "c")) == []
    assert add(waiting, part(1, "a"))[0].text == "abc"


def test_a_segment_that_comes_again_changes_nothing():
    waiting = Reassembly()
    (joined,) = add(waiting, part(1, "a"), part(1, "a"), part(3, "c"), part(2, "b"), part(2, "b"), part(1, "a"))
    assert joined.text == "abc"
    assert waiting.expired(1e9) == []


def test_a_reference_that_is_used_again_begins_another_text():
    waiting = Reassembly()
    (old,) = add(waiting, part(1, "a"), part(2, "b"), part(1, "x"))
    assert (old.text, old.missing, old.is_complete) == ("ab", (3,), False)
    (new,) = add(waiting, part(2, "y"), part(3, "z"))
    assert new.text == "xyz"


def test_a_reference_that_is_used_again_after_completion_begins_another_text():
    waiting = Reassembly()
    assert [one.text for one in add(waiting, part(1, "a", total=2), part(2, "b", total=2))] == ["ab"]
    assert [one.text for one in add(waiting, part(1, "x", total=2), part(2, "b", total=2))] == ["xb"]


def test_an_incomplete_text_is_handed_over_at_its_deadline():
    waiting = Reassembly(deadline=60)
    add(waiting, part(1, "a"), now=100.0)
    add(waiting, part(3, "c"), now=150.0)
    assert waiting.expired(159.9) == []
    (joined,) = waiting.expired(160.0)
    assert (joined.text, joined.missing, joined.is_complete) == ("ac", (2,), False)
    assert len(waiting) == 0


def test_the_next_deadline_is_the_oldest_messages():
    waiting = Reassembly(deadline=60)
    assert waiting.next_deadline() is None
    add(waiting, part(1, "a", reference=1), now=100.0)
    add(waiting, part(1, "b", reference=2), now=110.0)
    assert waiting.next_deadline() == 160.0
    assert [message.reference for message in waiting.expired(165.0)] == [1]
    assert waiting.next_deadline() == 170.0


def test_what_waits_is_handed_over_when_it_is_asked_for():
    waiting = Reassembly()
    add(waiting, part(2, "b", reference=1), part(1, "x", reference=2))
    assert [(message.text, message.missing) for message in waiting.drain()] == [("b", (1, 3)), ("x", (2, 3))]
    assert len(waiting) == 0
    assert waiting.drain() == []


def test_a_message_that_was_complete_is_known_for_a_while():
    waiting = Reassembly(repeats_known_for=60)
    whole = [part(1, "a", total=2), part(2, "b", total=2)]
    assert [message.text for message in add(waiting, *whole, now=0.0)] == ["ab"]
    waiting.expired(59.9)
    assert add(waiting, *whole, now=59.9) == []
    waiting.expired(60.0)
    assert [message.text for message in add(waiting, *whole, now=60.0)] == ["ab"]


def test_repeats_may_be_taken_for_another_message():
    waiting = Reassembly(repeats_known_for=0)
    whole = [part(1, "a", total=2), part(2, "b", total=2)]
    assert [message.text for message in add(waiting, *whole, *whole)] == ["ab", "ab"]


def test_messages_that_were_complete_take_no_room_from_those_that_wait():
    waiting = Reassembly(limit=4)
    add(waiting, part(1, "a", reference=0))
    for reference in range(1, 9):
        pdus = [part(number, "b", reference=reference, total=2) for number in (1, 2)]
        assert [message.is_complete for message in add(waiting, *pdus)] == [True]
    assert len(waiting) == 1


def test_when_there_is_no_room_the_oldest_text_is_handed_over():
    waiting = Reassembly(limit=2)
    assert add(waiting, part(1, "a", reference=1), part(1, "b", reference=2)) == []
    (joined,) = add(waiting, part(1, "c", reference=3))
    assert (joined.text, joined.missing) == ("a", (2, 3))
    assert len(waiting) == 2


def test_a_segment_in_message_payload_waits_like_any_other():
    first, second = (bytes((5, 0, 3, 7, 2, number)) + b"a" * 5_000 for number in (1, 2))
    waiting = Reassembly()
    assert add(waiting, in_payload(second)) == []
    (message,) = add(waiting, in_payload(first))
    assert (message.text, message.total, message.reference) == ("a" * 10_000, 2, 7)


def test_many_octets_are_not_held_however_few_their_segments():
    waiting = Reassembly(octets_limit=150_000)
    payloads = [in_payload(bytes((5, 0, 3, reference, 3, 1)) + b"a" * 60_000) for reference in (1, 2, 3)]
    assert add(waiting, payloads[0]) == []
    handed_over = add(waiting, *payloads[1:])
    assert [(message.reference, message.missing) for message in handed_over] == [(1, (2, 3)), (2, (2, 3))]
    assert len(waiting) == 1


def in_payload(octets):
    return DataSm(esm_class=0x40, tlvs=(TLVS.tlv(Tag.MESSAGE_PAYLOAD, octets),))


def by_sar(sequence, text, *, reference=7, total=2):
    values = {
        Tag.SAR_MSG_REF_NUM: reference,
        Tag.SAR_TOTAL_SEGMENTS: total,
        Tag.SAR_SEGMENT_SEQNUM: sequence,
    }
    tlvs = tuple(TLVS.tlv(tag, value) for tag, value in values.items())
    return DeliverSm(source_addr="79990000001", destination_addr="ACME", short_message=text, tlvs=tlvs)


def test_segments_may_say_their_place_in_tlvs():
    waiting = Reassembly()
    assert add(waiting, by_sar(2, b"b", reference=0x1234)) == []
    (message,) = add(waiting, by_sar(1, b"a", reference=0x1234))
    assert (message.text, message.carrier, message.reference, message.tlvs) == ("ab", "sar", 0x1234, ())


@pytest.mark.parametrize("place", [{"total": 0}, {"sequence": 0}, {"sequence": 3}])
def test_a_place_that_makes_no_sense_is_none(place):
    (message,) = add(Reassembly(), by_sar(**{"sequence": 1, "text": b"a"} | place))
    assert (message.reference, message.total) == (None, 1)


def test_a_reference_counts_by_itself_in_each_way_of_writing_it():
    waiting = Reassembly()
    wide = DeliverSm(
        source_addr="79990000001",
        destination_addr="ACME",
        esm_class=0x40,
        short_message=bytes((6, 8, 4, 0, 7, 2, 2)) + b"B",
    )
    assert add(waiting, part(1, "a", total=2), by_sar(1, b"x"), wide) == []
    assert [message.text for message in add(waiting, part(2, "b", total=2), by_sar(2, b"y"))] == ["ab", "xy"]


def test_a_pair_that_a_careless_sender_cut_heals():
    ucs2 = "я😀".encode("utf-16-be")
    cut = [part(1, ucs2[:4], total=2, data_coding=8), part(2, ucs2[4:], total=2, data_coding=8)]
    assert add(Reassembly(), *cut)[0].text == "я😀"
    cut = [part(1, b"a\x1b", total=2), part(2, b"e", total=2)]
    assert add(Reassembly(), *cut)[0].text == "a€"


def test_segments_of_different_codings_are_decoded_each_by_its_own():
    mixed = [part(1, b"abc", total=2), part(2, "жюя".encode("utf-16-be"), total=2, data_coding=8)]
    assert add(Reassembly(), *mixed)[0].text == "abcжюя"


def test_no_repr_shows_a_text_or_a_number():
    cut = segment("my secret " * 20, STANDARD, reference=1)
    waiting = Reassembly()
    joined = add(waiting, *deliveries(cut))
    shown = repr(cut) + repr(joined)
    assert "secret" not in shown
    assert "7999" not in shown


ARRIVALS = st.lists(
    st.tuples(st.sampled_from("12"), st.integers(0, 1), st.integers(0, 4), st.integers(0, 4), st.floats(0, 4)),
    max_size=60,
)


@given(ARRIVALS, st.integers(1, 6))
def test_every_segment_is_handed_over_once_and_no_more_are_held_than_allowed(arrivals, limit):
    waiting = Reassembly(limit=limit, deadline=5.0)
    handed_over, now = [], 0.0
    for number, (source, reference, total, sequence, pause) in enumerate(arrivals):
        now += pause
        handed_over += waiting.expired(now)
        # Each segment differs, so none is a repeat.
        pdu = part(sequence, f"<{number}>", reference=reference, total=total, source=source)
        handed_over += add(waiting, pdu, now=now)
        assert len(waiting) <= limit
    handed_over += waiting.expired(now + 5.0)
    numbers = re.findall("<([0-9]+)>", "".join(message.text for message in handed_over))
    assert sorted(map(int, numbers)) == list(range(len(arrivals)))
    assert len(waiting) == 0


def test_a_segment_that_waits_is_known_by_its_key_and_a_repeat_of_it_is_not():
    waiting = Reassembly()
    first, again, last = part(1, "a", total=2), part(1, "a", total=2), part(2, "b", total=2)
    assert waiting.add(first, STANDARD, link="main", now=0.0) == []
    assert waiting.add(again, STANDARD, link="main", now=0.0) == []
    key = ("main", "79990000001", "ACME", "udh8", 7, 2)
    assert [waiting.waits_as(one, STANDARD, link="main") for one in (first, again, last)] == [key, None, None]
    assert waiting.waits_as(DeliverSm(short_message=b"a"), STANDARD, link="main") is None
    (whole,) = waiting.add(last, STANDARD, link="main", now=0.0)
    assert whole.text == "ab"
    assert waiting.waits_as(first, STANDARD, link="main") is None
