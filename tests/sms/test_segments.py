import random
import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smpp_esme.errors import EncodingError, InvalidValue
from smpp_esme.protocol.pdus import DataSm, DeliverSm
from smpp_esme.protocol.tlvs import TLVS, Tag
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.segments import Reassembly, octets_of, segment, segment_octets, text_of
from smpp_esme.sms.udh import Concatenation, Element

FIXTURES = Path(__file__).parents[2] / "fixtures" / "texts"
LONG = tomllib.loads((FIXTURES / "segments.toml").read_text(encoding="utf-8"))["text"]
STANDARD = Profile.named("standard")
SMSC_CENTRE = Profile.named("smsc-centre")
PROFILES = [
    profile
    for each in (STANDARD, SMSC_CENTRE, SMSC_CENTRE.bound_with("ISO"))
    for profile in (each, msgspec.structs.replace(each, concatenation="udh16"))
]

GSM_EDGES = st.lists(st.sampled_from(["a", "€", "[", "Δ"]), min_size=140, max_size=400).map("".join)
UCS2_EDGES = st.lists(st.sampled_from(["ж", "😀", "a"]), min_size=60, max_size=200).map("".join)
LATIN1_EDGES = st.lists(st.sampled_from(["ç", "a", "`"]), min_size=130, max_size=300).map("".join)
TEXTS = st.text() | GSM_EDGES | UCS2_EDGES | LATIN1_EDGES


def runs(pieces):
    return "".join(character * count for character, count in pieces)


def deliveries(segments, source="79990000001", destination="ACME"):
    return [
        DeliverSm(
            source_addr=source,
            destination_addr=destination,
            esm_class=one.esm_class,
            data_coding=one.data_coding,
            short_message=one.short_message,
        )
        for one in segments.segments
    ]


def texts(segments, profile):
    return [text_of(one.short_message, one.esm_class, one.data_coding, profile)[0] for one in segments.segments]


@pytest.mark.parametrize("case", LONG, ids=lambda case: f"{case['why']} ({case['coding']})")
def test_a_long_text_is_cut_where_the_specification_says(case):
    profile = msgspec.structs.replace(STANDARD, concatenation=case["concatenation"])
    cut = segment(runs(case["text"]), profile, reference=0x42, coding=Coding(case["coding"]))
    headers = [bytes.fromhex(one["header"]) for one in case["segments"]]
    assert [one.short_message[: len(header)] for one, header in zip(cut.segments, headers, strict=True)] == headers
    assert [one.esm_class for one in cut.segments] == [0x40 if header else 0 for header in headers]
    assert texts(cut, profile) == [runs(one["text"]) for one in case["segments"]]
    assert [(one.sequence, one.total) for one in cut.segments] == [
        (sequence, len(headers)) for sequence in range(1, len(headers) + 1)
    ]


def test_an_escape_pair_is_never_split():
    for before in range(140, 165):
        for piece in texts(segment("a" * before + "€" * 40, STANDARD, reference=1), STANDARD):
            assert set(piece) <= {"a", "€"}, "a lone half is shown as a space or an e"


def test_an_emoji_is_never_cut_in_half():
    for before in range(60, 75):
        cut = segment("я" * before + "😀" * 20, STANDARD, reference=1)
        for piece in texts(cut, STANDARD):
            assert "\ufffd" not in piece


def test_a_text_with_a_backtick_does_not_go_as_gsm():
    assert segment("a`b", STANDARD, reference=1).coding is Coding.LATIN1


def test_the_coding_may_be_chosen():
    sent = segment("Hello", STANDARD, reference=1, coding=Coding.UCS2)
    assert (sent.coding, sent.data_coding) == (Coding.UCS2, 0x08)
    with pytest.raises(EncodingError):
        segment("ж", STANDARD, reference=1, coding=Coding.GSM7)


def test_a_flash_text_says_so_in_every_segment():
    cut = segment("ж" * 100, SMSC_CENTRE, reference=1, flash=True)
    assert [one.data_coding for one in cut.segments] == [0x18, 0x18]


def test_an_empty_text_is_one_empty_short_message():
    (only,) = segment("", STANDARD, reference=1).segments
    assert (only.short_message, only.esm_class) == (b"", 0)


@pytest.mark.parametrize(
    ("concatenation", "expected"),
    [("udh8", Concatenation(0xC5, 2, 1)), ("udh16", Concatenation(0x23C5, 2, 1, wide=True))],
)
def test_a_counter_of_any_size_is_a_reference(concatenation, expected):
    profile = msgspec.structs.replace(STANDARD, concatenation=concatenation)
    one = segment("a" * 161, profile, reference=0x1_23C5).segments[0]
    _, found = text_of(one.short_message, one.esm_class, one.data_coding, profile)
    assert found == expected


def test_255_segments_are_the_most():
    assert len(segment("a" * 153 * 255, STANDARD, reference=1).segments) == 255
    with pytest.raises(InvalidValue, match="at most 255 segments"):
        segment("a" * (153 * 255 + 1), STANDARD, reference=1)
    with pytest.raises(InvalidValue, match="takes 257 segments"):
        segment("€" * 19_507, STANDARD, reference=1)  # pairs leave an octet of each segment unused


def test_binary_content_goes_behind_a_header_of_its_own():
    ports = Element(0x05, bytes.fromhex("0b8423f0"))
    (only,) = segment_octets(b"\x01\x02", STANDARD, reference=1, header=(ports,)).segments
    assert only.short_message == bytes.fromhex("06 05040b8423f0 0102")
    assert (only.esm_class, only.data_coding) == (0x40, 0x04)


def test_a_header_of_its_own_stands_in_every_segment():
    ports = Element(0x05, bytes.fromhex("0b8423f0"))
    cut = segment_octets(bytes(range(200)), STANDARD, reference=7, header=(ports,))
    assert [len(one.short_message) for one in cut.segments] == [140, 140 - 128 + 72]
    assert cut.segments[1].short_message[:12] == bytes.fromhex("0b 0003070202 05040b8423f0")


def test_a_header_that_leaves_no_room_is_refused():
    with pytest.raises(InvalidValue, match="no room"):
        segment_octets(b"x" * 50, STANDARD, reference=1, header=(Element(0x70, b"x" * 130),))


@given(TEXTS, st.sampled_from(PROFILES), st.integers(0, 0xFFFF))
@example("a" * 152 + "€" + "b" * 200, STANDARD, 1)
def test_no_segment_exceeds_140_octets_on_the_air(text, profile, reference):
    cut = segment(text, profile, reference=reference)
    for one in cut.segments:
        header = 1 + one.short_message[0] if one.esm_class & 0x40 else 0
        body = len(one.short_message) - header
        packed = -(-body * 7 // 8) if cut.coding is Coding.GSM7 else body
        # A header is filled up to a septet's edge.
        assert header + packed <= 140
        assert len(one.short_message) <= 254


@given(TEXTS, st.sampled_from(PROFILES), st.randoms(use_true_random=False), st.integers(0, 0xFFFF))
@example("a" * 152 + "€" + "b" * 200, STANDARD, random.Random(1), 1)
@example("я" * 66 + "😀" + "я" * 66, STANDARD, random.Random(1), 1)
def test_any_text_comes_back_from_its_segments_in_any_order_with_any_repeats(text, profile, shuffled, reference):
    pdus = deliveries(segment(text, profile, reference=reference))
    if len(pdus) > 1:
        pdus += shuffled.choices(pdus, k=3)
    shuffled.shuffle(pdus)
    waiting = Reassembly()
    came = [joined for pdu in pdus if (joined := waiting.add(pdu, profile, link="a", now=0.0))]
    assert [joined.text for joined in came] == [text]
    assert came[0].complete
    assert waiting.expired(1e9) == []


@given(st.binary(max_size=300), st.integers(0, 255), st.integers(0, 255), st.sampled_from(PROFILES))
def test_any_octets_are_a_text(octets, esm_class, data_coding, profile):
    text, _ = text_of(octets, esm_class, data_coding, profile)
    assert isinstance(text, str)


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
    return [joined for pdu in pdus if (joined := waiting.add(pdu, STANDARD, link=link, now=now))]


def test_a_message_that_is_no_segment_is_complete_at_once():
    (joined,) = add(Reassembly(), DeliverSm(source_addr="1", destination_addr="2", short_message=b"hi"))
    assert (joined.text, joined.complete, joined.source_addr, joined.destination_addr) == ("hi", True, "1", "2")


def test_a_text_in_message_payload_counts_like_one_in_short_message():
    payload = DataSm(source_addr="1", destination_addr="2", tlvs=(TLVS.tlv(Tag.MESSAGE_PAYLOAD, b"hi"),))
    assert octets_of(payload) == b"hi"
    assert add(Reassembly(), payload)[0].text == "hi"
    assert octets_of(DeliverSm()) == b""


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
    assert (old.text, old.missing, old.complete) == ("ab", (3,), False)
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
    assert (joined.text, joined.missing, joined.complete) == ("ac", (2,), False)
    assert len(waiting) == 0


def test_when_there_is_no_room_the_oldest_text_is_handed_over():
    waiting = Reassembly(limit=2)
    assert add(waiting, part(1, "a", reference=1), part(1, "b", reference=2)) == []
    (joined,) = add(waiting, part(1, "c", reference=3))
    assert (joined.text, joined.missing) == ("a", (2, 3))
    assert len(waiting) == 2


def test_an_endless_segment_is_not_held():
    long = DataSm(esm_class=0x40, tlvs=(TLVS.tlv(Tag.MESSAGE_PAYLOAD, bytes.fromhex("050003070301") + b"a" * 60_000),))
    waiting = Reassembly()
    (joined,) = add(waiting, long)
    assert len(joined.text) == 60_000
    assert len(waiting) == 0


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
    joined = [one for pdu in deliveries(cut) if (one := waiting.add(pdu, STANDARD, link="a", now=0.0))]
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
    numbers = re.findall("<([0-9]+)>", "".join(joined.text for joined in handed_over))
    assert sorted(map(int, numbers)) == list(range(len(arrivals)))
    assert len(waiting) == 0
