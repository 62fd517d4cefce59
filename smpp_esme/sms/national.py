"""National languages of the GSM 7-bit alphabet: 13 single shift and 12 locking shift tables (3GPP TS 23.038, Annex A).

A locking shift table takes the place of the default alphabet, a single shift table that of its extension table. Which
are in use stands in the user data header of every segment (TS 23.040, 9.2.3.24.15 and 9.2.3.24.16).
"""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.alphabet import DEFAULT_ALPHABET, ESCAPE, EXTENSION
from smpp_esme.sms.udh import Element

SINGLE_SHIFT: Final = 0x24
LOCKING_SHIFT: Final = 0x25

_ESCAPE: Final = chr(ESCAPE)
_RESERVED: Final = "\ufffd"
# A pair, or a lone escape at the end; what stands between.
_TOKEN: Final = re.compile(rb"\x1b.?|[^\x1b]+", re.DOTALL)


class Language(StrEnum):
    """A language that has tables of its own."""

    TURKISH = "turkish"
    SPANISH = "spanish"
    PORTUGUESE = "portuguese"
    BENGALI = "bengali"
    GUJARATI = "gujarati"
    HINDI = "hindi"
    KANNADA = "kannada"
    MALAYALAM = "malayalam"
    ORIYA = "oriya"
    PUNJABI = "punjabi"
    TAMIL = "tamil"
    TELUGU = "telugu"
    URDU = "urdu"


def language_named(name: str) -> Language:
    """The language of this name.

    Raises:
        InvalidValue: it has no tables.
    """
    try:
        return Language(name)
    except ValueError:
        raise InvalidValue("language", f"{name!r} has no tables", f"one of {', '.join(Language)}") from None


class Shifts(msgspec.Struct, frozen=True, gc=False):
    """Which tables the septets of a text are read by.

    Attributes:
        locking: the language in place of the default alphabet; None for that alphabet.
        single: the language in place of its extension table; None for that table.
    """

    locking: Language | None = None
    single: Language | None = None

    def elements(self) -> tuple[Element, ...]:
        """The information elements that say so; none for the default alphabet and its extension table."""
        named = ((SINGLE_SHIFT, self.single), (LOCKING_SHIFT, self.locking))
        return tuple(Element(kind, bytes((_tables()[one].identifier,))) for kind, one in named if one is not None)


DEFAULT: Final = Shifts()


class Replaced(msgspec.Struct, frozen=True, gc=False):
    """Octets that have no meaning in their coding, and what they are read as.

    Attributes:
        at: the offset of the first of them.
        octets: these.
        shown: the characters in their place.
    """

    at: int
    octets: bytes
    shown: str


class Alphabet:
    """A locking and a single shift table: text <-> septets, one an octet."""

    def __init__(self, locking: str, single: Mapping[int, str]) -> None:
        self._locking = locking + _RESERVED * 128
        self._single = single
        # The Kannada table has one letter twice, and the first place is a misprint; so the last one is written.
        self._written = {
            character: chr(septet) for septet, character in enumerate(locking) if character not in {_RESERVED, _ESCAPE}
        }
        for septet, character in single.items():
            if character not in locking:
                self._written[character] = f"{_ESCAPE}{chr(septet)}"
        self._table = str.maketrans(self._written)
        self._characters = frozenset(self._written)

    def encode(self, text: str) -> bytes | None:
        """The text's septets, or None where the tables lack one of its characters."""
        if not self._characters.issuperset(text):
            return None
        return text.translate(self._table).encode("latin-1")

    def decode(self, octets: bytes) -> str:
        """The text of these septets; it never raises.

        A pair that the single shift table does not define is shown as the other table's character, a lone escape as a
        space; a reserved septet and an octet past 0x7F become U+FFFD.
        """
        return "".join([self._read(token) for token in _TOKEN.findall(octets)])

    def foreign(self, text: str) -> tuple[tuple[int, str], ...]:
        """The characters that the tables do not have, each with its position."""
        return tuple((at, character) for at, character in enumerate(text) if character not in self._characters)

    def replaced(self, octets: bytes) -> tuple[Replaced, ...]:
        """What of these octets the tables do not define, in order."""
        found: list[Replaced] = []
        for token in _TOKEN.finditer(octets):
            at, piece = token.start(), token[0]
            if piece[0] != ESCAPE:
                found += [
                    Replaced(at + place, piece[place : place + 1], _RESERVED)
                    for place, character in enumerate(self._read(piece))
                    if character == _RESERVED
                ]
            elif piece[1:] == b"" or piece[1] not in self._single:
                found.append(Replaced(at, piece, self._read(piece)))
        return tuple(found)

    def _read(self, token: bytes) -> str:
        if token[0] != ESCAPE:
            characters: str = codecs.charmap_decode(token, "strict", self._locking)[0]
            return characters
        # The escape of an escape is reserved for a further table (TS 23.038, 6.2.1.1), shown as a space meanwhile.
        code = token[1] if len(token) > 1 else ESCAPE
        return " " if code == ESCAPE else self._single.get(code) or self._locking[code]


@cache
def alphabet(shifts: Shifts) -> Alphabet:
    """The alphabet of these tables."""
    locking = _tables()[shifts.locking].locking if shifts.locking else None
    single = _tables()[shifts.single].single if shifts.single else None
    return Alphabet(locking or DEFAULT_ALPHABET, single or EXTENSION)


@cache
def shifts_for(language: Language) -> tuple[Shifts, ...]:
    """The ways to write a language, the one with the shortest header and the most Latin letters first."""
    single, locking = Shifts(single=language), Shifts(locking=language)
    return (single, locking, Shifts(language, language)) if _tables()[language].locking else (single,)


def shifts_of(elements: tuple[Element, ...]) -> Shifts:
    """The tables that a header's elements name; the last of a kind counts, and an unknown language is none."""
    named = {one.identifier: one.data for one in elements if one.identifier in {SINGLE_SHIFT, LOCKING_SHIFT}}
    if not named:
        return DEFAULT
    return Shifts(_language(named.get(LOCKING_SHIFT, b"")), _language(named.get(SINGLE_SHIFT, b"")))


class _Tables(msgspec.Struct, frozen=True):
    identifier: int
    single: Mapping[int, str]
    locking: str | None


@cache
def _tables() -> dict[Language, _Tables]:
    source = resources.files("smpp_esme.sms") / "national.toml"
    written = tomllib.loads(source.read_text(encoding="utf-8"))
    return {Language(name): _of_rows(**rows) for name, rows in written.items()}


def _of_rows(identifier: int, single: str, locking: str | None = None) -> _Tables:
    characters = enumerate(_characters(single))
    pairs = {septet: character for septet, character in characters if character not in {_RESERVED, _ESCAPE}}
    return _Tables(identifier, pairs, locking and _characters(locking))


def _characters(rows: str) -> str:
    marks = {"....": _RESERVED, "====": _ESCAPE}
    return "".join([marks.get(cell) or chr(int(cell, 16)) for cell in rows.split()])


def _language(data: bytes) -> Language | None:
    if len(data) != 1:
        return None
    return next((language for language, tables in _tables().items() if tables.identifier == data[0]), None)
