import random
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from smpp_esme.errors import EncodingError, InvalidValue
from smpp_esme.protocol.pdus import DeliverSm
from smpp_esme.protocol.tlvs import Tag
from smpp_esme.sms.coding import Coding, decode, encode
from smpp_esme.sms.national import Language, Shifts
from smpp_esme.sms.profile import Profile, profile_names
from smpp_esme.sms.reassembly import Reassembly
from smpp_esme.sms.received import text_of
from smpp_esme.sms.segments import segment, segment_octets
from smpp_esme.sms.septets import fill_bits
from smpp_esme.sms.udh import Concatenation, Element

FIXTURES = Path(__file__).parents[2] / "fixtures" / "texts"
LONG = tomllib.loads((FIXTURES / "segments.toml").read_text(encoding="utf-8"))["text"]
STANDARD = Profile.named("standard")
SMSC_CENTRE = Profile.named("smsc-centre")
PROFILES = [
    replace(each, concatenation=concatenation)
    for each in (*map(Profile.named, profile_names()), SMSC_CENTRE.bound_with("ISO"))
    for concatenation in ("udh8", "udh16", "sar", "payload")
]
WRITERS = st.builds(
    replace,
    st.sampled_from(PROFILES),
    packed=st.booleans(),
    languages=st.sampled_from([(), tuple(Language), (Language.TURKISH,), (Language.HINDI, Language.PORTUGUESE)]),
    transliterate=st.booleans(),
    user_data=st.integers(48, 140),
)
HEADERS = st.sampled_from([(), (Element(0x05, bytes.fromhex("0b8423f0")),), (Element(0x70, b"xy"), Element(0x24, b""))])

GSM_EDGES = st.lists(st.sampled_from(["a", "€", "[", "Δ"]), min_size=140, max_size=400).map("".join)
UCS2_EDGES = st.lists(st.sampled_from(["ж", "😀", "a"]), min_size=60, max_size=200).map("".join)
LATIN1_EDGES = st.lists(st.sampled_from(["ç", "a", "`"]), min_size=130, max_size=300).map("".join)
NATIONAL_EDGES = st.lists(st.sampled_from(["ş", "ğ", "न", "ते", "ã", "a", "€"]), min_size=60, max_size=200).map("".join)
CLUSTERS = ["👍🏽", "👩‍👩‍👧", "🇰🇿", "и\u0306", "ж", "क्षि", "\r\n"]
CLUSTER_EDGES = st.lists(st.sampled_from(CLUSTERS), min_size=30, max_size=100).map("".join)
PACKED_EDGES = st.lists(st.sampled_from("a@\r[क"), min_size=100, max_size=340).map("".join)
TEXTS = PACKED_EDGES | st.text() | NATIONAL_EDGES | CLUSTER_EDGES | GSM_EDGES | UCS2_EDGES | LATIN1_EDGES


def runs(pieces):
    return "".join(character * count for character, count in pieces)


def texts(segments, profile):
    return [text_of(one.short_message, one.esm_class, one.data_coding, profile)[0] for one in segments.segments]


@pytest.mark.parametrize("case", LONG, ids=lambda case: f"{case['why']} ({case['coding']})")
def test_a_long_text_is_cut_where_the_specification_says(case):
    profile = replace(STANDARD, concatenation=case["concatenation"])
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


def test_a_coding_may_be_asked_for_by_its_name():
    assert segment("hi", STANDARD, reference=1, coding="ucs2") == segment(
        "hi", STANDARD, reference=1, coding=Coding.UCS2
    )
    assert len(segment("€" * 100, STANDARD, reference=1, coding="gsm7").segments) == 2
    with pytest.raises(EncodingError, match="'ж' at 0"):
        segment("ж", STANDARD, reference=1, coding="gsm7")
    with pytest.raises(InvalidValue, match="coding: 'klingon' is not known; one of gsm7"):
        segment("hi", STANDARD, reference=1, coding="klingon")


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
    profile = replace(STANDARD, concatenation=concatenation)
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


def test_a_text_too_long_is_told_how_long_it_may_be():
    with pytest.raises(InvalidValue) as refused:
        segment("a" * 40_000, STANDARD, reference=1)
    assert (refused.value.field, refused.value.problem) == ("text", "takes 262 segments")
    assert refused.value.allowed == "at most 255 segments: 39015 septets"


def test_the_place_of_a_segment_may_stand_in_tlvs():
    cut = segment("a" * 161, replace(STANDARD, concatenation="sar"), reference=0x1FF)
    assert [(len(one.short_message), one.esm_class) for one in cut.segments] == [(153, 0), (8, 0)]
    places = [[tlv.octets.hex() for tlv in one.tlvs] for one in cut.segments]
    assert places == [["00ff", "02", "01"], ["00ff", "02", "02"]]
    assert [tlv.tag for tlv in cut.segments[0].tlvs] == [0x020C, 0x020E, 0x020F]
    assert segment("a" * 160, replace(STANDARD, concatenation="sar"), reference=1).segments[0].tlvs == ()


def test_a_long_text_may_go_whole_in_message_payload():
    profile = replace(STANDARD, concatenation="payload")
    (whole,) = segment("я" * 500, profile, reference=1).segments
    assert (whole.short_message, [tlv.tag for tlv in whole.tlvs]) == (b"", [Tag.MESSAGE_PAYLOAD])
    assert whole.tlvs[0].octets == ("я" * 500).encode("utf-16-be")
    assert segment("я" * 70, profile, reference=1).segments[0].tlvs == ()
    with pytest.raises(InvalidValue, match="at most 255 segments"):
        segment("a" * (153 * 255 + 1), profile, reference=1)


def test_a_packed_text_stands_behind_fill_bits():
    profile = replace(STANDARD, packed=True)
    first, second = segment("a" * 160 + "b", profile, reference=0x42).segments
    assert len(first.short_message) == 140
    assert first.short_message[:7] == bytes.fromhex("050003420201 c2")  # one fill bit, then 0x61
    assert text_of(second.short_message, 0x40, 0, profile)[0] == "a" * 7 + "b"
    assert segment("Hello", profile, reference=1).segments[0].short_message == bytes.fromhex("C8329BFD06")


def test_every_segment_names_the_national_tables():
    profile = replace(STANDARD, languages=("turkish",))
    cut = segment("ş" * 200, profile, reference=7)
    assert cut.shifts == Shifts(locking="turkish")
    assert [one.short_message[:10].hex() for one in cut.segments] == [
        "08000307020125010" + "11d",
        "08000307020225010" + "11d",
    ]
    assert {one.esm_class for one in cut.segments} == {0x40}
    assert [len(one.short_message) - 9 for one in cut.segments] == [149, 51]


def test_elements_of_the_callers_stand_beside_concatenation_and_tables():
    profile = replace(STANDARD, languages=("turkish",))
    ports = Element(0x05, bytes.fromhex("0b8423f0"))
    cut = segment("ş" * 200, profile, reference=7, header=(ports,))
    assert cut.segments[0].short_message[:15].hex() == "0e000307020105040b8423f0250101"
    assert [len(one.short_message) - 15 for one in cut.segments] == [142, 58]
    assert segment("hi", STANDARD, reference=1, header=(ports,)).segments[0].short_message[:7].hex() == "0605040b8423f0"


def test_a_header_cannot_name_tables_that_the_text_is_not_written_by():
    with pytest.raises(InvalidValue, match="header: names national tables"):
        segment("hi", STANDARD, reference=1, header=Shifts(locking="turkish").elements())


@pytest.mark.parametrize(
    "cluster",
    ["и\u0306", "👍🏽", "👩‍👩‍👧", "🇰🇿", "❤️", "1️⃣", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "क्षि", "மி"],
    ids=["marks", "colour", "family", "flag", "variation", "keycap", "subdivision", "conjunct", "vowel sign"],
)
def test_what_a_reader_sees_as_one_character_stays_whole_where_that_costs_nothing(cluster):
    for before in range(50, 68):
        text = "я" * before + cluster + "я" * 20
        pieces = texts(segment(text, STANDARD, reference=1, coding=Coding.UCS2), STANDARD)
        assert sum(cluster in piece for piece in pieces) == 1
        assert "".join(pieces) == text


def test_flags_in_a_row_are_cut_between_two_of_them():
    pieces = texts(segment("я" + "🇰🇿" * 30, STANDARD, reference=1), STANDARD)
    assert pieces == ["я" + "🇰🇿" * 16, "🇰🇿" * 14]


def test_a_whole_character_that_costs_a_segment_is_cut():
    text = "я" * 66 + "и\u0306" + "я" * 66  # 134 units: 67 and 67, or 66, 67 and 1
    cut = segment(text, STANDARD, reference=1)
    assert [len(piece) for piece in texts(cut, STANDARD)] == [67, 67]


def test_marks_without_an_end_are_cut_somewhere():
    text = "a" + "\u0301" * 300
    assert "".join(texts(segment(text, STANDARD, reference=1), STANDARD)) == text


def test_a_line_end_is_not_cut_in_half():
    pieces = texts(segment("a" * 152 + "\r\n" + "a" * 20, STANDARD, reference=1), STANDARD)
    assert pieces == ["a" * 152, "\r\n" + "a" * 20]
    pieces = texts(segment("ç" * 133 + "\r\n" + "ç`" * 20, STANDARD, reference=1), STANDARD)
    assert pieces == ["ç" * 133, "\r\n" + "ç`" * 20]


# smpplib 2.2.4 sends each of these wrong.


def test_smpplib_a_euro_sign_across_two_segments():
    first, second = texts(segment("a" * 152 + "€" + "b" * 20, STANDARD, reference=1), STANDARD)
    assert (first, second) == ("a" * 152, "€" + "b" * 20)


def test_smpplib_a_backtick_that_becomes_a_section_sign():
    assert segment("`§", SMSC_CENTRE, reference=1).segments[0].short_message == b"`\xa7"
    assert segment("§", SMSC_CENTRE, reference=1).segments[0].short_message == b"\x5f"
    with pytest.raises(EncodingError, match="'`' at 0"):
        segment("`", STANDARD, reference=1, coding=Coding.GSM7)


def test_smpplib_an_emoji_cut_in_half():
    first, second = texts(segment("я" * 66 + "😀" + "я" * 20, STANDARD, reference=1), STANDARD)
    assert (first, second) == ("я" * 66, "😀" + "я" * 20)


def fewest(text, profile):
    """By the plain rules: the codings one after another, as many whole pairs in each segment as there is room for."""
    counts = []
    for coding in profile.auto:
        try:
            widths = [len(encode(character, coding)) for character in text]
        except EncodingError:
            continue
        if sum(widths) <= {Coding.GSM7: 160}.get(coding, 140):
            return 1
        wide = profile.concatenation == "udh16"
        room = {Coding.GSM7: 152 if wide else 153, Coding.UCS2: 132 if wide else 134}.get(coding, 133 if wide else 134)
        segments, used = 1, 0
        for width in widths:
            segments, used = (segments, used + width) if used + width <= room else (segments + 1, width)
        counts.append(segments)
    return min(counts)


@given(TEXTS, st.sampled_from(PROFILES))
def test_a_text_never_takes_more_segments_than_the_plain_rules_give(text, profile):
    plain = fewest(text, profile)
    assert len(segment(text, profile, reference=1).segments) == (1 if profile.concatenation == "payload" else plain)
    for more in (replace(profile, languages=tuple(Language)), replace(profile, transliterate=True)):
        assert len(segment(text, more, reference=1).segments) <= plain


def content(one):
    """A segment's octets, wherever they stand."""
    return next((tlv.octets for tlv in one.tlvs if tlv.tag == Tag.MESSAGE_PAYLOAD), one.short_message)


@given(TEXTS, WRITERS, st.integers(0, 0xFFFF), HEADERS)
@example("a" * 152 + "€" + "b" * 200, STANDARD, 1, ())
def test_no_segment_exceeds_the_octets_of_one_short_message(text, profile, reference, header):
    cut = segment(text, profile, reference=reference, header=header)
    if profile.concatenation == "payload":
        return
    for one in cut.segments:
        front = 1 + one.short_message[0] if one.esm_class & 0x40 else 0
        concatenation = 6 if one.tlvs else 0  # the SMSC will write that header
        header_on_the_air = front + concatenation - bool(front and concatenation)
        body = len(one.short_message) - front
        seven_bits = cut.coding is Coding.GSM7 and not profile.packed
        on_the_air = -(-(body * 7 + fill_bits(header_on_the_air)) // 8) if seven_bits else body
        assert header_on_the_air + on_the_air <= profile.user_data
        assert len(one.short_message) <= 254


def without_edges(text, profile, header):
    """The text without what the end of a packed segment makes of it: padding, where its last septet ends an octet."""
    whole = segment(text, replace(profile, packed=False), reference=1, header=header)
    pieces = []
    for one in whole.segments:
        octets = content(one)
        front = 1 + octets[0] if one.esm_class & 0x40 else 0
        piece = octets[front:]
        ends_an_octet = (7 * len(piece) + fill_bits(front)) % 8 == 0
        is_last = one.sequence == one.total
        if ends_an_octet and piece[-2:-1] != b"\x1b" and piece.endswith((b"\r", b"\0") if is_last else b"\r"):
            piece = piece[:-1]
        pieces.append(piece)
    return decode(b"".join(pieces), Coding.GSM7, whole.shifts)


@given(TEXTS, WRITERS, st.randoms(use_true_random=False), st.integers(0, 0xFFFF), HEADERS)
@example("a" * 152 + "€" + "b" * 200, STANDARD, random.Random(1), 1, ())
@example("я" * 66 + "😀" + "я" * 66, STANDARD, random.Random(1), 1, ())
def test_any_segments_in_any_order_with_any_duplicates_are_the_same_text(text, profile, shuffle, reference, header):
    cut = segment(text, profile, reference=reference, header=header)
    pdus = [
        DeliverSm(
            source_addr="79990000001",
            esm_class=one.esm_class,
            data_coding=one.data_coding,
            short_message=one.short_message,
            tlvs=one.tlvs,
        )
        for one in cut.segments
    ]
    expected = without_edges(text, profile, header) if profile.packed and cut.coding is Coding.GSM7 else cut.text
    pdus += shuffle.choices(pdus, k=3)
    shuffle.shuffle(pdus)
    reassembly = Reassembly()
    joined = [found for pdu in pdus for found in reassembly.add(pdu, profile, link="a", now=0.0)]
    if len(cut.segments) == 1:  # one PDU is not known from its repeat
        joined = joined[:1]
    assert [one.text for one in joined] == [expected]
    assert profile.transliterate or cut.text == text


def test_no_repr_shows_a_text():
    assert "secret" not in repr(segment("my secret " * 20, STANDARD, reference=1))
