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

# What the codecs module takes for "no such code"; octets past 0x7F are no septets.
_UNDEFINED: Final = "\ufffe"
_REPLACED: Final = DEFAULT_ALPHABET + "\ufffd" * 128
_CHARMAP: Final = codecs.charmap_build(DEFAULT_ALPHABET + _UNDEFINED * 128)

# All but the Greek letters and the euro sign are in ISO-8859-1, and bytes.translate is ten times faster than a charmap.
# 0xFF is no septet, so it marks what the alphabet does not have.
_NO_SEPTET: Final = 0xFF
_ESCAPES_PASS: Final = bytes(
    DEFAULT_ALPHABET.index(character) if (character := chr(code)) in DEFAULT_ALPHABET else _NO_SEPTET
    for code in range(256)
)
_NO_ESCAPES: Final = _ESCAPES_PASS[:ESCAPE] + bytes([_NO_SEPTET]) + _ESCAPES_PASS[ESCAPE + 1 :]

_PAIRS: Final = {character: f"\x1b{DEFAULT_ALPHABET[septet]}" for septet, character in EXTENSION.items()}
# An escape is shown as a space when nothing follows it, and so is the escape of an escape, which 23.038 reserves.
_ESCAPED: Final = {pair: character for character, pair in _PAIRS.items()} | {"\x1b": " ", "\x1b\x1b": " "}
_PAIR: Final = re.compile("\x1b.?", re.DOTALL)
_CHARACTERS: Final = frozenset(DEFAULT_ALPHABET) - {"\x1b"} | frozenset(_PAIRS)
# A refusal names so many characters; a longer list helps nobody.
_NAMED: Final = 5


def gsm_encode(text: str) -> bytes:
    """The text's septets, one an octet.

    Raises:
        EncodingError: names the characters outside the alphabet and their positions.
    """
    octets = gsm_octets(text)
    if octets is None:
        raise EncodingError("text", _named(foreign(text)), "only characters of the GSM 7-bit default alphabet")
    return octets


def gsm_octets(text: str) -> bytes | None:
    """The text's septets, one an octet, or None where the alphabet cannot carry the text."""
    try:
        octets = text.encode("latin-1").translate(_NO_ESCAPES)
    except UnicodeEncodeError as error:
        return None if text[error.start] not in _CHARACTERS else _with_pairs(text)
    return octets if _NO_SEPTET not in octets else _with_pairs(text)


def gsm_decode(octets: bytes) -> str:
    """The text that these septets, one an octet, stand for; it never raises.

    A pair that the extension table does not define is shown as the default alphabet's own character (TS 23.038,
    6.2.1.1), a lone escape as a space; an octet past 0x7F becomes U+FFFD.
    """
    text: str = codecs.charmap_decode(octets, "strict", _REPLACED)[0]
    return _PAIR.sub(_unescaped, text) if "\x1b" in text else text


def foreign(text: str) -> tuple[tuple[int, str], ...]:
    """The characters that the alphabet does not have, each with its position."""
    return tuple((at, character) for at, character in enumerate(text) if character not in _CHARACTERS)


def _with_pairs(text: str) -> bytes | None:
    if "\x1b" in text:
        return None
    for character, pair in _PAIRS.items():
        if character in text:
            text = text.replace(character, pair)
    try:
        octets = text.encode("latin-1").translate(_ESCAPES_PASS)
    except UnicodeEncodeError:
        return _with_greek(text)
    return None if _NO_SEPTET in octets else octets


def _with_greek(text: str) -> bytes | None:
    try:
        return codecs.charmap_encode(text, "strict", _CHARMAP)[0]
    except UnicodeEncodeError:
        return None


def _unescaped(pair: re.Match[str]) -> str:
    found = pair[0]
    return _ESCAPED.get(found, found[-1])


def _named(places: tuple[tuple[int, str], ...]) -> str:
    names = ", ".join(f"{character!r} at {at}" for at, character in places[:_NAMED])
    more = len(places) - _NAMED
    return f"{names}{f' and {more} more' if more > 0 else ''} not in the GSM 7-bit default alphabet"
