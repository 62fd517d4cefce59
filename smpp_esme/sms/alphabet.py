"""GSM 7-bit default alphabet and its extension table, one septet an octet (3GPP TS 23.038, 6.2.1).

SMPP carries the alphabet unpacked: every septet stands in an octet of its own, its top bit zero. Characters of the
extension table take two: the escape, then a code.
"""

import codecs
import re
from typing import Final

from smpp_esme.errors import EncodingError

ESCAPE: Final = 0x1B

# TS 23.038, table 6.2.1.1, sixteen septets a row. The escape stands for itself, so that both halves of a pair survive
# one pass of the codec.
DEFAULT_ALPHABET: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)

# TS 23.038, table 6.2.1.1 extension: septet after the escape -> character.
EXTENSION: Final = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

# Octets past 0x7F are no septets.
_REPLACED: Final = DEFAULT_ALPHABET + "\ufffd" * 128

# All but the Greek letters and the euro sign are in ISO-8859-1, and bytes.translate is ten times faster than a charmap.
# 0xFF is no septet, so it marks what the alphabet does not have.
_NO_SEPTET: Final = 0xFF
_OF_LATIN1: Final = bytes(
    DEFAULT_ALPHABET.index(character) if (character := chr(code)) in DEFAULT_ALPHABET and code != ESCAPE else _NO_SEPTET
    for code in range(256)
)
# What else there is goes through a charmap, fast only where NUL alone stands at 0: so the septets stand past 0x7F.
_PAST_127: Final = codecs.charmap_build("\0" + "\ufffe" * 127 + DEFAULT_ALPHABET)
_SEPTET_OF: Final = bytes([_NO_SEPTET, *range(1, 128), *range(128)])

_PAIRS: Final = {character: f"\x1b{DEFAULT_ALPHABET[septet]}" for septet, character in EXTENSION.items()}
_CHARACTERS: Final = frozenset(DEFAULT_ALPHABET) - {"\x1b"} | frozenset(_PAIRS)

# Pairs are read by way of octets that are no septets: one for each, the usual ones first.
_USUAL_FIRST: Final = "€[]{}|~^\\\f"
_CODES: Final = {character: septet for septet, character in EXTENSION.items()}
_STAND_INS: Final = {f"\x1b{chr(_CODES[one])}": chr(0x80 + place) for place, one in enumerate(_USUAL_FIRST)}
_WITH_STAND_INS: Final = DEFAULT_ALPHABET + _USUAL_FIRST + "\ufffd" * (128 - len(_USUAL_FIRST))
# An escape is shown as a space when nothing follows it, and so is the escape of an escape, which 23.038 reserves.
_ESCAPED: Final = {pair: character for character, pair in _PAIRS.items()} | {"\x1b": " ", "\x1b\x1b": " "}
_PAIR: Final = re.compile("\x1b.?", re.DOTALL)
# A refusal names so many characters; a longer list helps nobody.
_NAMED: Final = 5


def gsm_encode(text: str) -> bytes:
    """The text's septets, one an octet.

    Raises:
        EncodingError: names the characters outside the alphabet and their positions.
    """
    octets = gsm_octets(text)
    if octets is None:
        problem = f"{named(foreign(text))} not in the GSM 7-bit default alphabet"
        raise EncodingError("text", problem, "only characters of the GSM 7-bit default alphabet")
    return octets


def gsm_octets(text: str) -> bytes | None:
    """The text's septets, one an octet, or None where the alphabet cannot carry the text."""
    try:
        octets = text.encode("latin-1").translate(_OF_LATIN1)
    except UnicodeEncodeError as error:
        return _with_pairs(text) if text[error.start] in _CHARACTERS else None
    return octets if _NO_SEPTET not in octets else _with_pairs(text)


def gsm_decode(octets: bytes) -> str:
    """The text that these septets, one an octet, stand for; it never raises.

    A pair that the extension table does not define is shown as the default alphabet's own character (TS 23.038,
    6.2.1.1), a lone escape as a space; an octet past 0x7F becomes U+FFFD.
    """
    table = _REPLACED
    if ESCAPE in octets and octets.isascii():
        octets, table = _with_stand_ins(octets), _WITH_STAND_INS
    text: str = codecs.charmap_decode(octets, "strict", table)[0]
    return _PAIR.sub(_unescaped, text) if "\x1b" in text else text


def foreign(text: str) -> tuple[tuple[int, str], ...]:
    """The characters that the alphabet does not have, each with its position."""
    return tuple((at, character) for at, character in enumerate(text) if character not in _CHARACTERS)


def named(places: tuple[tuple[int, str], ...]) -> str:
    """The first of these characters, with their positions, in words."""
    names = ", ".join(f"{character!r} at {at}" for at, character in places[:_NAMED])
    more = len(places) - _NAMED
    return f"{names} and {more} more" if more > 0 else names


def _with_pairs(text: str) -> bytes | None:
    if "\x1b" in text:
        return None
    for character, pair in _PAIRS.items():
        if character in text:
            text = text.replace(character, pair)
    try:
        octets = codecs.charmap_encode(text, "strict", _PAST_127)[0].translate(_SEPTET_OF)
    except UnicodeEncodeError:
        return None
    return None if _NO_SEPTET in octets else octets


def _with_stand_ins(octets: bytes) -> bytes:
    text = octets.decode("ascii")  # searched six times as fast
    if "\x1b\x1b" not in text:  # or a pair might seem to begin in the middle of another
        for pair, stand_in in _STAND_INS.items():
            if pair in text:
                text = text.replace(pair, stand_in)
                if "\x1b" not in text:
                    break
    return text.encode("latin-1")


def _unescaped(pair: re.Match[str]) -> str:
    found = pair[0]
    return _ESCAPED.get(found, found[-1])
