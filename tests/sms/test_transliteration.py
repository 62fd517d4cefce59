import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.sms.alphabet import gsm_octets
from smpp_esme.sms.transliteration import transliterated

FIXTURES = Path(__file__).parents[2] / "fixtures" / "texts"
CASES = tomllib.loads((FIXTURES / "transliterated.toml").read_text(encoding="utf-8"))["text"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_a_text_becomes_latin(case):
    assert transliterated(case["text"]) == case["latin"]
    assert gsm_octets(case["latin"]) is not None


@pytest.mark.parametrize("text", ["Привет 😀", "日本", "שלום", "a\x1b", "\ud83d"])
def test_a_text_that_cannot_all_become_latin_does_not(text):
    assert transliterated(text) is None


@given(st.text())
def test_what_becomes_latin_is_in_the_alphabet_and_stays(text):
    latin = transliterated(text)
    if latin is not None:
        assert gsm_octets(latin) is not None
        assert transliterated(latin) == latin


@pytest.mark.parametrize(
    ("first", "last"), [(0x410, 0x44F), (0x401, 0x401), (0x451, 0x45F), (0x391, 0x3C9), (0xC0, 0x17F), (0x1EA0, 0x1EF9)]
)
def test_every_letter_of_an_alphabet_has_something_to_stand_for_it(first, last):
    letters = [chr(code) for code in range(first, last + 1) if chr(code).isalpha()]
    assert [letter for letter in letters if transliterated(letter) is None] == []
