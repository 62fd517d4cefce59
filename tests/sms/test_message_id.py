import tomllib
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.sms.message_id import forms, key, keys, matches

IDS = tomllib.loads((Path(__file__).parents[2] / "fixtures" / "message_ids.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("pair", IDS["same"], ids=lambda pair: pair["why"])
def test_one_message_in_two_forms_matches_either_way(pair):
    assert matches(pair["submitted"], pair["receipted"])
    assert matches(pair["receipted"], pair["submitted"])


@pytest.mark.parametrize("pair", IDS["different"], ids=lambda pair: pair["why"])
def test_two_messages_do_not_match(pair):
    assert not matches(pair["submitted"], pair["receipted"])
    assert not matches(pair["receipted"], pair["submitted"])


def test_the_literal_form_comes_first_and_the_guesses_last():
    assert forms("00B8BE19") == ("00B8BE19", "b8be19", "12107289")
    assert forms("0416342074") == ("0416342074", "416342074", "18d0e03a", "17552384116")
    assert forms("855469") == ("855469", "d0dad", "8737897")
    assert forms("SAR-1") == ("SAR-1", "sar-1")


def test_an_empty_message_id_has_no_key():
    assert keys("") == keys(" \0") == ()
    assert keys("000") == ("0",)


def test_a_message_id_past_64_characters_is_compared_as_it_stands():
    long = "9" * 65
    assert keys(long) == (long,)
    assert len(keys("9" * 64)) == 2


@given(st.integers(0, 10**64 - 1))
def test_hexadecimal_and_decimal_match_at_any_size_and_padding(number):
    assert matches(f"{number:x}", str(number))
    assert matches(str(number), f"{number:X}".zfill(12))
    assert matches(str(number).zfill(10), str(number))


@given(st.uuids())
def test_a_uuid_matches_its_digits(value: uuid.UUID):
    assert matches(str(value), value.hex.upper())


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_texts_are_compared_alike_both_ways(one, other):
    assert matches(one, other) == matches(other, one)
    assert matches(one, one) == bool(key(one))


@given(st.text(max_size=80))
def test_what_is_indexed_by_key_is_found_by_keys(message_id):
    assert keys(message_id)[:1] == ((key(message_id),) if key(message_id) else ())
