import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from smpp_esme.errors import EncodingError, InvalidValue, SmppError
from smpp_esme.sms.coding import Coding, decode
from smpp_esme.sms.compose import compose
from smpp_esme.sms.envelope import COMMENT, Sms
from smpp_esme.sms.explain import Character, Saving, explain
from smpp_esme.sms.national import Language, Shifts
from smpp_esme.sms.profile import Profile

STANDARD = Profile.named("standard")
CENTRE = Profile.named("smsc-centre")
TEXTS = st.text(max_size=300) | st.lists(
    st.sampled_from(["a", "€", "ж", "ş", "😀", "и\u0306", "ç", "\r\n", "न"]), min_size=30, max_size=400
).map("".join)
WRITERS = st.builds(
    replace,
    st.sampled_from([STANDARD, CENTRE, CENTRE.bound_with("ISO")]),
    concatenation=st.sampled_from(["udh8", "udh16", "sar", "payload"]),
    packed=st.booleans(),
    languages=st.sampled_from([(), (Language.TURKISH, Language.HINDI)]),
    transliterate=st.booleans(),
)


def test_a_plain_text_is_one_segment_with_room_left():
    told = explain("Hello", STANDARD)
    assert (told.coding, told.data_coding, told.why) == ("gsm7", 0, "gsm7 is what the profile names first")
    assert (told.units, told.unit, told.room, told.left) == (5, "septets", 160, 155)
    assert (told.segments, told.submits, told.billed) == (1, 1, 1)
    assert (told.forced, told.transliteration, told.national) == ((), None, None)


def test_the_characters_that_force_ucs2_are_told_with_their_positions():
    told = explain("Hello ж и ç", STANDARD)
    assert (told.coding, told.unit, told.units, told.left) == ("ucs2", "UTF-16 units", 11, 59)
    assert told.forced == (Character(6, "ж"), Character(8, "и"))
    assert told.why == "gsm7 lacks 'ж' at 6, 'и' at 8, 'ç' at 10; latin1 lacks 'ж' at 6, 'и' at 8"


def test_a_coding_by_its_name_is_counted_in_its_units():
    assert explain("hi", STANDARD, coding="ucs2") == explain("hi", STANDARD, coding=Coding.UCS2)


def test_what_fits_the_last_segment_is_told_exactly():
    told = explain("ж" * 100, STANDARD)
    assert (told.segments, told.room, told.left) == (2, 67, 34)
    assert explain("ж" * 134, STANDARD).left == 0
    assert explain("ж" * 135, STANDARD).segments == 3


def test_latin_letters_and_national_tables_are_told_to_save_what_they_would():
    told = explain("ş" * 100, STANDARD)
    assert told.transliteration == Saving(1, 1, "s" * 100)
    assert told.national == Saving(1, 1, "ş" * 100, (Language.TURKISH,))
    assert explain("ş" * 100, STANDARD.writing(transliterate=True)).transliteration is None
    asked = explain("ş" * 100, STANDARD.writing(languages=(Language.TURKISH,)))
    assert (asked.languages, asked.segments, asked.room, asked.national) == ((Language.TURKISH,), 1, 155, None)
    assert asked.why.endswith("ucs2 takes 2 segments; national tables take 1 segment")


def test_a_comment_goes_out_and_is_not_billed():
    told = explain("Hi", CENTRE, comment="c" * 200)
    assert (told.segments, told.billed) == (2, 1)
    assert explain("Hi" * 70, CENTRE, comment="ж").billed == 3, "the comment's letter makes UCS2 of the text"
    with pytest.raises(InvalidValue, match="comment"):
        explain("Hi", STANDARD, comment="c")


def test_a_text_that_the_smsc_cuts_is_one_submit_of_several_segments():
    told = explain("a" * 200, replace(STANDARD, concatenation="payload"))
    assert (told.segments, told.submits, told.billed, told.left) == (2, 1, 2, 106)


def test_a_coding_that_was_asked_for_is_the_reason():
    told = explain("Hello", STANDARD, coding=Coding.UCS2)
    assert (told.coding, told.why, told.forced) == ("ucs2", "ucs2 was asked for", ())
    assert explain("ç", STANDARD, flash=True).why == "gsm7 lacks 'ç' at 0; latin1 cannot be flash"
    assert explain("[" * 81, STANDARD).why == "gsm7 takes 2 segments"
    assert explain("ж", STANDARD.writing(transliterate=True)).why.endswith("the profile lets it go in Latin letters")


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("ж", {"coding": Coding.GSM7}),
        ("a", {"coding": Coding.BINARY}),
        ("\ud83d", {}),
        ("ç", {"coding": Coding.LATIN1, "flash": True}),
        ("a" * 40_000, {}),
    ],
)
def test_what_submit_refuses_is_refused_with_the_same_words(text, options):
    with pytest.raises((InvalidValue, EncodingError)) as told:
        explain(text, STANDARD, **options)
    with pytest.raises(type(told.value)) as refused:
        compose(Sms(text), "79161234567", source="", profile=STANDARD, reference=1, **options)
    assert str(told.value) == str(refused.value)


def test_its_repr_shows_no_text():
    assert repr(explain("secret", STANDARD)) == "Explanation(gsm7, 6 septets, 1 segments)"


@given(TEXTS, WRITERS, st.booleans(), st.none() | st.sampled_from(Coding))
def test_explain_agrees_with_what_submit_does(text, profile, flash, coding):
    options = {"coding": coding, "flash": flash}
    try:
        told = explain(text, profile, **options)
    except SmppError as error:
        with pytest.raises(type(error)):
            compose(Sms(text), "79161234567", source="", profile=profile, reference=1, **options)
        return
    sent = compose(Sms(text), "79161234567", source="", profile=profile, reference=1, **options)
    assert {pdu.data_coding for pdu in sent.pdus()} == {told.data_coding}
    assert len(sent.pdus()) == told.submits
    assert (sent.text, sent.segments.coding) == (told.text, told.coding)
    assert tuple(one for one in (sent.segments.shifts.locking, sent.segments.shifts.single) if one) == told.languages
    assert told.segments == told.billed == (told.submits if profile.concatenation != "payload" else told.segments)
    assert (told.segments - 1) * told.room < told.units + told.segments * 33
    assert 0 <= told.left <= told.room


@given(TEXTS, WRITERS)
def test_what_is_left_fits_and_one_more_does_not(text, profile):
    profile = replace(profile, auto=(Coding.UCS2,), data_coding={Coding.UCS2: 8}, languages=(), transliterate=False)
    text = f"ж{text}"  # which begins no envelope
    assume(COMMENT not in text)
    told = explain(f"{text}ж", profile)
    assert explain(f"{text}ж{'ж' * told.left}", profile).segments == told.segments
    assert explain(f"{text}ж{'ж' * (told.left + 1)}", profile).segments == told.segments + 1


def test_units_are_what_the_octets_hold():
    told = explain("ж€😀", STANDARD)
    assert told.units == len("ж€😀".encode("utf-16-be")) // 2 == 4
    assert decode(b"\x1be", Coding.GSM7, Shifts()) == "€"
    assert explain("€", STANDARD).units == 2
