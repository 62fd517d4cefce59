import json
import os
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.sms.alphabet import DEFAULT_ALPHABET, EXTENSION, gsm_decode, gsm_octets
from smpp_esme.sms.national import DEFAULT, Language, Replaced, Shifts, alphabet, shifts_for, shifts_of
from smpp_esme.sms.septets import unpack
from smpp_esme.sms.udh import Element

FOLDER = Path(os.environ.get("SMPP_ESME_VECTORS") or Path(__file__).parents[3] / "shared" / "vectors")
VECTORS = json.loads((FOLDER / "gsm-tables.json").read_text()) if (FOLDER / "gsm-tables.json").is_file() else None
IDENTIFIERS = {language: number for number, language in enumerate(Language, start=1)}
WAYS = [shifts for language in Language for shifts in shifts_for(language)]
MIXED = st.builds(Shifts, st.none() | st.sampled_from(Language), st.none() | st.sampled_from(Language))

# One language's script a name, and its digits; what its tables add to the Latin ones lies there.
SCRIPTS = {
    Language.BENGALI: ("BENGALI", "০১২৩৪৫৬৭৮৯"),
    Language.GUJARATI: ("GUJARATI", "૦૧૨૩૪૫૬૭૮૯"),
    Language.HINDI: ("DEVANAGARI", "०१२३४५६७८९"),
    Language.KANNADA: ("KANNADA", "೦೧೨೩೪೫೬೭೮೯"),
    Language.MALAYALAM: ("MALAYALAM", "൦൧൨൩൪൫൬൭൮൯"),
    Language.ORIYA: ("ORIYA", "୦୧୨୩୪୫୬୭୮୯"),
    Language.PUNJABI: ("GURMUKHI", "੦੧੨੩੪੫੬੭੮੯"),
    Language.TAMIL: ("TAMIL", "௦௧௨௩௪௫௬௭௮௯"),
    Language.TELUGU: ("TELUGU", "౦౧౨౩౪౫౬౭౮౯"),
    Language.URDU: ("ARABIC", "۰۱۲۳۴۵۶۷۸۹"),
}


def locking_table(shifts):
    return [alphabet(shifts).decode(bytes([septet])) for septet in range(128) if septet != 0x1B]


def test_all_13_languages_have_tables_and_all_but_spanish_a_locking_one():
    assert len(Language) == 13
    assert [language for language in Language if len(shifts_for(language)) == 1] == [Language.SPANISH]


@pytest.mark.parametrize("shifts", WAYS, ids=str)
def test_each_septet_and_each_pair_goes_both_ways(shifts):
    tables = alphabet(shifts)
    rows = [bytes([septet]) for septet in range(128) if septet != 0x1B] + [bytes([0x1B, code]) for code in range(128)]
    defined = [row for row in rows if not tables.replaced(row)]
    assert len(defined) > 100
    for row in defined:
        character = tables.decode(row)
        written = tables.encode(character)
        assert tables.decode(written) == character
        # A character that the tables have twice is written as one of the two, and in one octet if that can be.
        assert len(written) <= len(row)


@pytest.mark.parametrize("shifts", WAYS, ids=str)
def test_a_table_has_no_character_twice_but_for_known_ones(shifts):
    found = [character for character in locking_table(shifts) if character != "\ufffd"]
    assert sorted({one for one in found if found.count(one) > 1}) == (["ಪ"] if shifts.locking == "kannada" else [])


@pytest.mark.parametrize("language", SCRIPTS)
def test_what_a_table_adds_is_of_its_script(language):
    script, digits = SCRIPTS[language]
    for shifts in shifts_for(language):
        pairs = "".join(alphabet(shifts).decode(bytes([0x1B, code])) for code in range(128))
        added = (
            set("".join(locking_table(shifts)) + pairs) - set(DEFAULT_ALPHABET) - set(EXTENSION.values()) - {"\ufffd"}
        )
        foreign = {one for one in added if script not in unicodedata.name(one)}
        assert foreign <= {"।", "॥"}, "the danda is shared"
    assert all(digit in pairs for digit in digits)


@pytest.mark.parametrize("language", [one for one in SCRIPTS if one is not Language.URDU])
def test_the_letters_of_a_locking_table_stand_in_the_order_of_their_script(language):
    letters = [one for one in locking_table(Shifts(locking=language)) if one > "\u0900" and one != "\ufffd"]
    backwards = [(one, other) for one, other in pairwise(letters) if other < one]
    # The specification prints a letter out of its place.
    assert backwards == ([("ಪ", "ಢ")] if language is Language.KANNADA else [])


@pytest.mark.parametrize(
    ("text", "shifts", "octets"),
    [
        ("Buenos días", Shifts(single=Language.SPANISH), b"Buenos d\x1b\x69as"),
        ("şğı", Shifts(locking=Language.TURKISH), b"\x1d\x0c\x07"),
        ("şğı", Shifts(single=Language.TURKISH), b"\x1bs\x1bg\x1bi"),
        ("é, ê", Shifts(single=Language.PORTUGUESE), b"\x05, \x1b\x05"),
        ("ã`", Shifts(locking=Language.PORTUGUESE), b"\x7b\x7d"),
        ("नमस्ते", Shifts(locking=Language.HINDI), bytes.fromhex("2f 42 4c 5f 27 59")),
    ],
)
def test_a_text_is_written_by_its_tables(text, shifts, octets):
    written = alphabet(shifts).encode(text)
    assert alphabet(shifts).decode(written) == text
    assert written == octets


@pytest.mark.parametrize(
    ("packed", "text", "shifts"),
    [
        ("B2E86F4301", "2ਿ?^", Shifts(locking=Language.PUNJABI)),
        ("E0F1BBBD7983CA73FA263CFF01", "¿comó estás?", Shifts(single=Language.SPANISH)),
        ("A21129B4D903", "ಟಠಪ!ã", Shifts(Language.KANNADA, Language.PORTUGUESE)),
    ],
)
def test_packed_texts_in_national_tables_are_read(packed, text, shifts):
    assert alphabet(shifts).decode(unpack(bytes.fromhex(packed))) == text


@pytest.mark.parametrize(
    ("shifts", "octets", "text", "replaced"),
    [
        (DEFAULT, b"a\x1b", "a ", [Replaced(1, b"\x1b", " ")]),
        (DEFAULT, b"\x1b\x1be", " e", [Replaced(0, b"\x1b\x1b", " ")]),
        (DEFAULT, b"a\x1bbc\x80", "abc\ufffd", [Replaced(1, b"\x1bb", "b"), Replaced(4, b"\x80", "\ufffd")]),
        (DEFAULT, b"\x1b\xff", "\ufffd", [Replaced(0, b"\x1b\xff", "\ufffd")]),
        (Shifts(locking=Language.TAMIL), b"\x01\x00\x02", "ஂ\ufffdஃ", [Replaced(1, b"\x00", "\ufffd")]),
        (Shifts(single=Language.TURKISH), b"\x1bs\x1bS\x1bt", "şŞt", [Replaced(4, b"\x1bt", "t")]),
        (Shifts(Language.TAMIL), b"\x1b\x00", "\ufffd", [Replaced(0, b"\x1b\x00", "\ufffd")]),
    ],
)
def test_what_the_tables_do_not_define_is_shown_and_told(shifts, octets, text, replaced):
    assert alphabet(shifts).decode(octets) == text
    assert list(alphabet(shifts).replaced(octets)) == replaced


@given(st.binary())
def test_the_default_tables_read_as_the_fast_path_does(octets):
    assert alphabet(DEFAULT).decode(octets) == gsm_decode(octets)


@given(st.text(st.sampled_from([*DEFAULT_ALPHABET, *EXTENSION.values(), "`", "я"])))
def test_the_default_tables_write_as_the_fast_path_does(text):
    assert alphabet(DEFAULT).encode(text) == gsm_octets(text)


@given(st.binary(), MIXED)
def test_octets_of_which_nothing_is_replaced_come_back(octets, shifts):
    tables = alphabet(shifts)
    text = tables.decode(octets)
    if not tables.replaced(octets):
        assert tables.decode(tables.encode(text)) == text
    else:
        assert sum(len(one.octets) for one in tables.replaced(octets)) <= len(octets)


@given(st.data(), MIXED)
def test_any_text_of_the_tables_survives(data, shifts):
    tables = alphabet(shifts)
    characters = [one for septet in range(128) for one in tables.decode(bytes([septet])) if one != "\ufffd"]
    text = data.draw(st.text(st.sampled_from([one for one in characters if tables.encode(one)])))
    assert tables.decode(tables.encode(text)) == text
    assert tables.foreign(text) == ()


def test_a_header_names_the_tables():
    both = Shifts(Language.TURKISH, Language.PORTUGUESE)
    assert both.elements() == (Element(0x24, b"\x03"), Element(0x25, b"\x01"))
    assert DEFAULT.elements() == ()


@pytest.mark.parametrize("shifts", WAYS, ids=str)
def test_what_a_header_names_is_read_back(shifts):
    assert shifts_of((Element(0x05, b"\0\1\0\2"), *shifts.elements())) == shifts
    assert {element.data[0] for element in shifts.elements()} == {IDENTIFIERS[shifts.locking or shifts.single]}


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x0e", b"\xff", b"\x01\x01"])
def test_a_language_that_nobody_knows_is_none(data):
    assert shifts_of((Element(0x25, data), Element(0x24, data))) == DEFAULT


@pytest.mark.skipif(VECTORS is None, reason=f"gsm-tables.json is not in {FOLDER}: SMPP_ESME_VECTORS names its folder")
@pytest.mark.parametrize("language", [None, *Language])
def test_every_row_is_that_of_the_public_tables(language):
    number = str(IDENTIFIERS.get(language, 0))
    for name, escape in (("locking", b""), ("single", b"\x1b")):
        rows = VECTORS[name].get(number, {})
        shifts = Shifts(**{name: language}) if rows else DEFAULT
        tables = alphabet(shifts)
        for code in range(128):
            octets = escape + bytes([code])
            known = f"{code:02x}" in rows
            if rows and octets != b"\x1b":
                assert (not tables.replaced(octets)) is known
            if known:
                assert tables.decode(octets) == chr(int(rows[f"{code:02x}"], 16))
