"""Which data_coding a text needs under a profile, and text as octets both ways.

Reading never raises: every octet becomes a character. Writing refuses what the coding cannot carry.
"""

from __future__ import annotations

import codecs
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from smpp_esme.errors import EncodingError, InvalidValue
from smpp_esme.sms.alphabet import foreign, gsm_decode, gsm_octets, named
from smpp_esme.sms.national import DEFAULT, Replaced, Shifts, alphabet
from smpp_esme.sms.septets import fill_bits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smpp_esme.sms.profile import Profile

# TP-UD is 140 octets, which packed are 160 septets (TS 23.040, 9.2.3.24).
USER_DATA: Final = 140


class Coding(StrEnum):
    """How the characters of a text stand in its octets."""

    GSM7 = "gsm7"
    ASCII = "ascii"
    LATIN1 = "latin1"
    UCS2 = "ucs2"
    BINARY = "binary"


def coding_named(name: str) -> Coding:
    """The coding of this name.

    Raises:
        InvalidValue: there is none.
    """
    try:
        return Coding(name)
    except ValueError:
        raise InvalidValue("coding", f"{name!r} is not known", f"one of {', '.join(Coding)}") from None


# UCS2 is UTF-16BE in all networks of today: characters past U+FFFF go as surrogate pairs. Binary has no characters; its
# octets are kept one to one. IA5 is ASCII since 1992.
_WRITERS: Final = {
    Coding.ASCII: "ascii",
    Coding.LATIN1: "latin-1",
    Coding.UCS2: "utf-16-be",
    Coding.BINARY: "latin-1",
}
# Senders that say ASCII and mean ISO-8859-1 lose nothing by it: the first half is the same.
_READERS: Final = _WRITERS | {Coding.ASCII: "latin-1"}
NAMES: Final = {
    Coding.GSM7: "the GSM 7-bit default alphabet",
    Coding.ASCII: "ASCII",
    Coding.LATIN1: "ISO-8859-1",
    Coding.UCS2: "UTF-16",
    Coding.BINARY: "octets",
}
_BEYOND: Final = {
    Coding.ASCII: re.compile("[^\x00-\x7f]"),
    Coding.LATIN1: re.compile("[^\x00-\xff]"),
    Coding.UCS2: re.compile("[\ud800-\udfff]"),  # half a pair is no character
    Coding.BINARY: re.compile("[^\x00-\xff]"),
}
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")


def encode(text: str, coding: Coding, shifts: Shifts = DEFAULT) -> bytes:
    """The text's octets in this coding; GSM 7-bit goes one septet an octet, by the tables of `shifts`.

    Raises:
        EncodingError: names the characters that the coding does not have, and their positions.
    """
    octets = octets_in(coding, text, shifts)
    if octets is None:
        problem = f"{named(lacking(text, coding, shifts))} not in {NAMES[coding]}"
        raise EncodingError("text", problem, f"only characters of {NAMES[coding]}")
    return octets


def lacking(text: str, coding: Coding, shifts: Shifts = DEFAULT) -> tuple[tuple[int, str], ...]:
    """The characters that the coding does not have, each with its position."""
    if coding is Coding.GSM7:
        return foreign(text) if shifts == DEFAULT else alphabet(shifts).foreign(text)
    beyond = _BEYOND[coding]
    return tuple((found.start(), found[0]) for found in beyond.finditer(text))


def octets_in(coding: Coding, text: str, shifts: Shifts = DEFAULT) -> bytes | None:
    """As `encode`, but None where the coding cannot carry the text."""
    if coding is Coding.GSM7:
        return gsm_octets(text) if shifts == DEFAULT else alphabet(shifts).encode(text)
    try:
        return text.encode(_WRITERS[coding])
    except UnicodeEncodeError:
        return None


def decode(octets: bytes, coding: Coding, shifts: Shifts = DEFAULT) -> str:
    """The text of these octets; what has no meaning in the coding is replaced, and nothing raises.

    See `replaced` for what that was.
    """
    if coding is Coding.GSM7:
        return gsm_decode(octets) if shifts == DEFAULT else alphabet(shifts).decode(octets)
    return octets.decode(_READERS[coding], "replace")


def replaced(octets: bytes, coding: Coding, shifts: Shifts = DEFAULT) -> tuple[Replaced, ...]:
    """Which octets `decode` finds no meaning for, and what it shows for them, in order."""
    match coding:
        case Coding.GSM7:
            return alphabet(shifts).replaced(octets)
        case Coding.ASCII:
            found = _NOT_ASCII.finditer(octets)
            return tuple(Replaced(one.start(), one[0], one[0].decode("latin-1")) for one in found)
        case Coding.UCS2:
            return tuple(_half_pairs(octets))
        case _:
            return ()


def _half_pairs(octets: bytes) -> Iterator[Replaced]:
    rest = memoryview(octets)
    at = 0
    while at < len(octets):
        try:
            codecs.utf_16_be_decode(rest[at:], "strict", True)
        except UnicodeDecodeError as error:
            yield Replaced(at + error.start, octets[at + error.start : at + error.end], "\ufffd")
            at += error.end
        else:
            return


def capacity(coding: Coding, header: int = 0, user_data: int = USER_DATA) -> int:
    """How many octets of text one short_message holds beside a user data header of so many octets.

    The header takes whole octets of the user data; GSM 7-bit text is counted as if it were packed into the rest, for
    that is how it travels on the air (TS 23.040, 9.2.3.24): 160, or 153 beside six octets.
    """
    room = user_data - header
    match coding:
        case Coding.GSM7:
            return (room * 8 - fill_bits(header)) // 7
        case Coding.UCS2:
            return room - room % 2
        case _:
            return room


def data_coding_of(coding: Coding, profile: Profile, *, flash: bool = False) -> int:
    """The data_coding that this SMSC understands as the coding (SMPP 3.4, 5.2.19).

    Raises:
        InvalidValue: the SMSC has no data_coding for it.
    """
    table = profile.flash if flash else profile.data_coding
    if coding not in table:
        of = "flash" if flash else "coding"
        raise InvalidValue(of, f"{coding} is not offered by profile {profile.name}", f"one of {', '.join(table)}")
    return table[coding]


def coding_of(data_coding: int, profile: Profile) -> Coding:
    """The coding that a received data_coding stands for; an unknown value gets its best reading."""
    return profile.codings[data_coding & 0xFF]


# SMPP 3.4, 5.2.19. JIS, Cyrillic, Hebrew and the like have no coding here: their octets are kept as they are.
_SMPP_TABLE: Final = {0x00: Coding.GSM7, 0x01: Coding.ASCII, 0x03: Coding.LATIN1, 0x08: Coding.UCS2}
# TS 23.038, clause 4: bits 3 and 2 of the general groups.
_ALPHABET_BITS: Final = (Coding.GSM7, Coding.BINARY, Coding.UCS2, Coding.GSM7)


def by_the_book(data_coding: int) -> Coding:
    """What a data_coding stands for where no profile says otherwise (SMPP 3.4, 5.2.19; TS 23.038, clause 4)."""
    group = data_coding >> 4
    if group == 0:
        return _SMPP_TABLE.get(data_coding, Coding.BINARY)
    if group < 0x8:
        return _ALPHABET_BITS[data_coding >> 2 & 3]
    if group == 0xE:
        return Coding.UCS2
    if group == 0xF:
        return Coding.BINARY if data_coding & 4 else Coding.GSM7
    # Message waiting groups are 7-bit, and reserved ones "shall be assumed to be the GSM 7 bit default alphabet".
    return Coding.GSM7
