import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import EncodingError
from smpp_esme.sms.alphabet import DEFAULT_ALPHABET, EXTENSION, foreign, gsm_decode, gsm_encode, gsm_octets

BASIC = [(septet, character) for septet, character in enumerate(DEFAULT_ALPHABET) if septet != 0x1B]
GSM = st.text(st.sampled_from([character for _, character in BASIC] + list(EXTENSION.values())))


@pytest.mark.parametrize(("septet", "character"), BASIC)
def test_each_septet_of_the_default_alphabet_goes_both_ways(septet, character):
    assert gsm_encode(character) == bytes([septet])
    assert gsm_decode(bytes([septet])) == character


@pytest.mark.parametrize(("septet", "character"), EXTENSION.items())
def test_each_character_of_the_extension_table_takes_an_escape_and_a_code(septet, character):
    assert gsm_encode(character) == bytes([0x1B, septet])
    assert gsm_decode(bytes([0x1B, septet])) == character


def test_the_alphabet_has_128_septets_and_no_character_twice():
    assert len(DEFAULT_ALPHABET) == len(set(DEFAULT_ALPHABET)) == 128
    assert not set(DEFAULT_ALPHABET) & set(EXTENSION.values())


def test_a_backtick_is_refused_and_never_becomes_a_section_sign():
    with pytest.raises(EncodingError, match="'`' at 1"):
        gsm_encode("a`b")
    assert gsm_encode("§") == b"\x5f"


def test_a_refusal_names_the_characters_and_their_positions():
    with pytest.raises(EncodingError) as caught:
        gsm_encode("жшщ a юяф")
    assert caught.value.field == "text"
    assert "'ж' at 0, 'ш' at 1, 'щ' at 2, 'ю' at 6, 'я' at 7 and 1 more" in caught.value.problem
    assert "default alphabet" in caught.value.allowed


@pytest.mark.parametrize("text", ["\x1b", "€\x1b", "a\x1be", "\x1b€"])
def test_a_text_cannot_smuggle_an_escape_in(text):
    assert gsm_octets(text) is None


def test_greek_and_extension_mix_in_one_text():
    assert gsm_encode("Δ[€]Ω") == bytes.fromhex("10 1b3c 1b65 1b3e 15")


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x1b", " "),
        (b"ohai\x1b", "ohai "),
        (b"\x1b\x1b", " "),
        (b"\x1b\x1b\x65", " e"),
        (b"\x1ba", "a"),
        (b"\x1b\x00", "@"),
        (b"\x1b\x0d", "\r"),
        (b"\x80\xff", "\ufffd\ufffd"),
        (b"\x1b\x80", "\ufffd"),
    ],
)
def test_what_the_tables_do_not_define_is_shown_as_the_specification_says(octets, text):
    assert gsm_decode(octets) == text


@given(GSM)
def test_any_text_of_the_alphabet_survives(text):
    assert gsm_decode(gsm_encode(text)) == text


@given(st.text())
def test_a_text_encodes_exactly_if_none_of_its_characters_is_foreign(text):
    octets = gsm_octets(text)
    assert (octets is None) == bool(foreign(text))
    assert octets is None or gsm_decode(octets) == text


def septets_of(text):
    """As the tables say, one character after another."""
    codes = {character: bytes([septet]) for septet, character in BASIC}
    codes |= {character: bytes([0x1B, septet]) for septet, character in EXTENSION.items()}
    return None if set(text) - set(codes) else b"".join([codes[character] for character in text])


def shown(octets):
    """As TS 23.038, 6.2.1.1 says, one octet after another."""
    text, rest = "", list(octets)
    while rest:
        septet = rest.pop(0)
        if septet != 0x1B:
            text += DEFAULT_ALPHABET[septet] if septet < 0x80 else "\ufffd"
        elif not rest or rest[0] == 0x1B:
            text += " "
            del rest[:1]
        else:
            code = rest.pop(0)
            text += EXTENSION.get(code) or (DEFAULT_ALPHABET[code] if code < 0x80 else "\ufffd")
    return text


MIXED = st.text(st.sampled_from([*DEFAULT_ALPHABET, *EXTENSION.values(), "\0", "`", "ç", "ж", "😀"]))
OCTETS = st.lists(st.sampled_from([0x1B, 0x1B, 0x65, 0x3C, 0x00, 0x61, 0x80, 0xFF]) | st.integers(0, 0xFF)).map(bytes)


@given(MIXED | GSM)
def test_a_text_is_written_as_the_tables_say(text):
    assert gsm_octets(text) == septets_of(text)


@given(OCTETS)
def test_any_octets_are_shown_as_the_tables_say(octets):
    assert gsm_decode(octets) == shown(octets)
