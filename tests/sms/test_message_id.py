import tomllib
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.sms import message_id
from smpp_esme.sms.message_id import ENOUGH, Form, Learner, forms_between, key, keys, matches, submitted_key

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
    assert keys("00B8BE19") == ("b8be19", "12107289")
    assert keys("0416342074") == ("416342074", "18d0e03a", "17552384116")
    assert keys("855469") == ("855469", "d0dad", "8737897")
    assert keys("SAR-1") == ("sar-1",)


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


@pytest.mark.parametrize("pair", IDS["same"], ids=lambda pair: pair["why"])
def test_a_pair_tells_its_forms(pair):
    assert forms_between(pair["submitted"], pair["receipted"]) == tuple(Form(form) for form in pair["forms"])


@given(st.text("0123456789abcdefABCDEF-", max_size=20), st.text("0123456789abcdefABCDEF-", max_size=20))
def test_a_pair_has_a_form_just_when_it_matches(submitted, receipted):
    forms = forms_between(submitted, receipted)
    assert bool(forms) == matches(submitted, receipted) == (bool(key(submitted)) and key(submitted) in keys(receipted))
    assert {submitted_key(receipted, form) for form in forms} <= {key(submitted)}


def after(*pairs, learner=Learner()):  # noqa: B008 - a value, and frozen
    for submitted, receipted in pairs:
        learner = learner.seen(submitted, receipted)
    return learner


HEX_DECIMAL = [(f"{number:x}", str(number)) for number in range(1000, 1000 + ENOUGH)]
LITERAL = [(str(number), f"{number:010}") for number in range(1000, 1000 + ENOUGH)]


@pytest.mark.parametrize(
    ("pairs", "form"),
    [
        (LITERAL, Form.LITERAL),
        (HEX_DECIMAL, Form.HEX_DECIMAL),
        ([(receipted, submitted) for submitted, receipted in HEX_DECIMAL], Form.DECIMAL_HEX),
    ],
)
def test_a_form_is_known_after_enough_receipts_of_it(pairs, form):
    assert after(*pairs[:-1]).form is None
    assert after(*pairs).form is form
    assert after(*pairs).confidence > 0.95


def test_confidence_grows_with_every_receipt():
    confidences = [after(*LITERAL[:count]).confidence for count in range(ENOUGH)]
    assert confidences[:3] == [0, 1 / 2, 2 / 3]
    assert confidences == sorted(confidences)
    assert after(*LITERAL * 1000).confidence < 1


def test_what_may_be_of_several_forms_tells_nothing():
    learner = after(*HEX_DECIMAL)
    for pair in [("7", "07"), ("0", "0"), ("16", "34"), ("", ""), ("x", "y")]:
        assert learner.seen(*pair) is learner
    assert after(*[("7", "7")] * 100) == Learner()


def test_one_receipt_in_another_form_ends_what_was_known():
    doubtful = after(*HEX_DECIMAL, LITERAL[0])
    assert (doubtful.form, doubtful.confidence) == (None, 0.5)
    assert after(*HEX_DECIMAL, learner=doubtful).form is Form.HEX_DECIMAL


def test_an_smsc_that_mixes_forms_never_has_one():
    mixed = [pair for both in zip(HEX_DECIMAL, LITERAL, strict=True) for pair in both]
    assert after(*mixed * 50).form is None


@pytest.mark.parametrize("form", Form)
def test_a_pinned_form_is_certain_and_stays(form):
    learner = after(*HEX_DECIMAL, *LITERAL, learner=Learner.of(form))
    assert (learner.form, learner.confidence) == (form, 1.0)
    assert learner.possible("1234", "5678") == ()


def test_while_nobody_knows_the_form_the_literal_ids_are_certain_and_others_possible():
    learner = Learner.of("learn")
    assert learner.certain("6AAD5", "0000436949") == ("6aad5", "436949")
    assert learner.possible("6AAD5", "0000436949") == ("4417865",)
    assert learner.certain("", "") == learner.possible("", "") == ()


def test_once_the_form_is_known_it_alone_is_certain():
    learner = after(*HEX_DECIMAL)
    assert learner.certain("16") == ("10",)
    assert learner.possible("16") == ("16", "22")
    assert Learner.of("hex-decimal").certain("16") == ("10",)


def test_an_id_that_cannot_be_of_the_form_stands_for_itself():
    assert Learner.of("hex-decimal").certain("SAR-1") == ("sar-1",)
    assert Learner.of("decimal-hex").certain("xyz") == ("xyz",)
    assert Learner.of("hex-decimal").certain("9" * 65) == ("9" * 65,)


@given(st.text(max_size=70), st.text(max_size=70), st.sampled_from([Learner(), after(*HEX_DECIMAL), after(*LITERAL)]))
def test_no_key_is_lost_by_learning(message_id, text_message_id, learner):
    found = (*learner.certain(message_id, text_message_id), *learner.possible(message_id, text_message_id))
    assert set(found) == {*keys(message_id), *keys(text_message_id)}
    assert len(set(found)) == len(found)


@given(st.integers(0, 10**70).map(str))
def test_the_keys_of_a_number_are_those_of_all_its_readings(number):
    own = key(number)
    assert keys(number) == (message_id._read_in_every_form(own) if len(own) <= 64 else (own,))
