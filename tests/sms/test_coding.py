import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import EncodingError, InvalidValue
from smpp_esme.sms.choice import coding_for
from smpp_esme.sms.coding import Coding, capacity, coding_of, data_coding_of, decode, encode, lacking, replaced
from smpp_esme.sms.profile import Profile, profile_names

FIXTURES = Path(__file__).parents[2] / "fixtures" / "texts"
TEXTS = tomllib.loads((FIXTURES / "codings.toml").read_text(encoding="utf-8"))["text"]
STANDARD = Profile.named("standard")
SMSC_CENTRE = Profile.named("smsc-centre")
ISO = SMSC_CENTRE.bound_with("ISO")


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case["why"])
def test_a_text_gets_the_cheapest_coding_that_carries_it(case):
    assert coding_for(case["text"], SMSC_CENTRE) == case["coding"]
    assert encode(case["text"], Coding(case["coding"])).hex() == case["octets"]
    assert decode(bytes.fromhex(case["octets"]), Coding(case["coding"])) == case["text"]


def test_of_codings_that_all_carry_a_text_the_one_with_fewest_segments_wins():
    assert coding_for("[" * 80, STANDARD) is Coding.GSM7
    assert coding_for("a" * 200, STANDARD) is Coding.GSM7  # two segments either way: the first named
    assert coding_for("[" * 81, STANDARD) is Coding.LATIN1  # 162 septets are two segments, 81 octets one


def test_a_text_that_no_coding_carries_is_refused():
    with pytest.raises(EncodingError, match="smsc-centre"):
        coding_for("half a pair: \ud83d", SMSC_CENTRE)


@pytest.mark.parametrize(
    ("text", "coding", "problem"),
    [
        ("abЖ", Coding.LATIN1, "'Ж' at 2"),
        ("ab\ud83d", Coding.UCS2, "at 2"),
        ("a€", Coding.BINARY, "'€' at 1"),
        ("`", Coding.GSM7, "'`' at 0"),
    ],
)
def test_a_coding_names_the_character_that_it_lacks(text, coding, problem):
    with pytest.raises(EncodingError, match=problem):
        encode(text, coding)


@pytest.mark.parametrize(
    ("coding", "standard", "smsc_centre"),
    [("gsm7", 0x00, 0x00), ("latin1", 0x03, 0x04), ("binary", 0x04, 0x04), ("ucs2", 0x08, 0x08)],
)
def test_data_coding_follows_the_profile(coding, standard, smsc_centre):
    assert data_coding_of(Coding(coding), STANDARD) == standard
    assert data_coding_of(Coding(coding), SMSC_CENTRE) == smsc_centre


@pytest.mark.parametrize(("coding", "data_coding"), [("gsm7", 0x10), ("latin1", 0x14), ("ucs2", 0x18)])
def test_flash_adds_message_class_0_at_smsc_centre(coding, data_coding):
    assert data_coding_of(Coding(coding), SMSC_CENTRE, flash=True) == data_coding


def test_bound_with_iso_0x00_means_iso_8859_1_and_gsm_is_gone():
    assert data_coding_of(Coding.LATIN1, ISO) == 0x00
    assert coding_of(0x00, ISO) is Coding.LATIN1
    assert coding_for("Hello", ISO) is Coding.LATIN1
    with pytest.raises(InvalidValue, match="one of latin1, binary, ucs2"):
        data_coding_of(Coding.GSM7, ISO)


def test_a_flash_text_avoids_codings_that_cannot_be_flash():
    assert coding_for("Français", STANDARD) is Coding.LATIN1
    assert coding_for("Français", STANDARD, flash=True) is Coding.UCS2
    with pytest.raises(InvalidValue, match="flash"):
        data_coding_of(Coding.LATIN1, STANDARD, flash=True)


@pytest.mark.parametrize(
    ("data_coding", "coding"),
    [
        (0x00, "gsm7"),
        (0x01, "ascii"),
        (0x02, "binary"),
        (0x03, "latin1"),
        (0x04, "binary"),
        (0x06, "binary"),  # ISO-8859-5: its octets are kept
        (0x08, "ucs2"),
        (0x09, "binary"),
        (0x11, "gsm7"),
        (0x15, "binary"),
        (0x18, "ucs2"),
        (0x19, "ucs2"),
        (0xC8, "gsm7"),
        (0xE0, "ucs2"),
        (0xF0, "gsm7"),
        (0xF2, "gsm7"),
        (0xF5, "binary"),
        (0xA0, "gsm7"),  # reserved
        (0x108, "ucs2"),  # no octet at all
    ],
)
def test_any_data_coding_is_read_as_best_it_can(data_coding, coding):
    assert coding_of(data_coding, STANDARD) == coding


def test_smsc_centre_reads_0x04_as_text():
    assert coding_of(0x04, SMSC_CENTRE) is Coding.LATIN1
    assert coding_of(0x15, SMSC_CENTRE) is Coding.LATIN1  # message class 1


@pytest.mark.parametrize("name", profile_names())
def test_what_is_written_is_read_as_the_same_characters(name):
    profile = Profile.named(name)
    for flash, table in ((False, profile.data_coding), (True, profile.flash)):
        for coding in table:
            read = coding_of(data_coding_of(coding, profile, flash=flash), profile)
            assert read is coding or {read, coding} == {Coding.LATIN1, Coding.BINARY}


@pytest.mark.parametrize(
    ("coding", "single", "beside_6", "beside_7"),
    [("gsm7", 160, 153, 152), ("latin1", 140, 134, 133), ("binary", 140, 134, 133), ("ucs2", 140, 134, 132)],
)
def test_capacity_is_what_140_octets_leave(coding, single, beside_6, beside_7):
    assert [capacity(Coding(coding), header) for header in (0, 6, 7)] == [single, beside_6, beside_7]


@given(st.binary(), st.sampled_from(Coding))
def test_any_octets_decode_in_any_coding(octets, coding):
    assert isinstance(decode(octets, coding), str)


@given(st.binary())
def test_octets_read_as_binary_are_kept_one_to_one(octets):
    assert encode(decode(octets, Coding.BINARY), Coding.BINARY) == octets


@given(st.text(), st.sampled_from([STANDARD, SMSC_CENTRE, ISO]))
def test_any_text_survives_the_coding_chosen_for_it(text, profile):
    coding = coding_for(text, profile)
    assert decode(encode(text, coding), coding) == text


@pytest.mark.parametrize(
    ("coding", "octets", "text", "found"),
    [
        ("gsm7", b"a\x1b", "a ", [(1, b"\x1b", " ")]),
        ("ascii", b"a\x7f\xe9", "a\x7fé", [(2, b"\xe9", "é")]),
        ("latin1", b"\x00\xe9\xff", "\x00éÿ", []),
        ("ucs2", b"\0a\xd8\x3d\0b", "a\ufffdb", [(2, b"\xd8\x3d", "\ufffd")]),
        ("ucs2", b"\xde\x00\0b\xd8", "\ufffdb\ufffd", [(0, b"\xde\x00", "\ufffd"), (4, b"\xd8", "\ufffd")]),
        ("ucs2", b"\xd8\x3d\xde\x00", "😀", []),
        ("binary", b"\x00\xff", "\x00ÿ", []),
    ],
)
def test_what_has_no_meaning_in_a_coding_is_told_with_its_place(coding, octets, text, found):
    assert decode(octets, Coding(coding)) == text
    assert [(one.at, one.octets, one.shown) for one in replaced(octets, Coding(coding))] == found


@given(st.binary(), st.sampled_from(Coding))
def test_octets_of_which_nothing_is_replaced_come_back(octets, coding):
    text = decode(octets, coding)
    if not replaced(octets, coding):
        assert encode(text, coding) == octets
    elif coding is Coding.UCS2:
        assert text.count("\ufffd") >= len(replaced(octets, coding))


def test_a_half_pair_for_every_unit_of_a_payload_is_told_in_no_time():
    assert len(replaced(b"\xd8\x00" * 32_000, Coding.UCS2)) == 32_000


@given(st.text(), st.sampled_from(Coding))
def test_a_coding_lacks_exactly_what_keeps_it_from_carrying_a_text(text, coding):
    missing = lacking(text, coding)
    assert all(text[at] == character for at, character in missing)
    remaining = "".join(character for at, character in enumerate(text) if at not in dict(missing))
    assert encode(remaining, coding) is not None
    if missing:
        with pytest.raises(EncodingError):
            encode(text, coding)
