"""Which data_coding a text needs under a profile, and text as octets both ways.

Reading never raises: every octet becomes a character. Writing refuses what the coding cannot carry.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from smpp_esme.errors import EncodingError, InvalidValue
from smpp_esme.sms.alphabet import gsm_decode, gsm_encode, gsm_octets

if TYPE_CHECKING:
    from smpp_esme.sms.profile import Profile

# TP-UD is 140 octets, which packed are 160 septets (TS 23.040, 9.2.3.24).
USER_DATA: Final = 140


class Coding(StrEnum):
    """How the characters of a text stand in its octets."""

    GSM7 = "gsm7"
    LATIN1 = "latin1"
    UCS2 = "ucs2"
    BINARY = "binary"


# UCS2 is UTF-16BE in all networks of today: characters past U+FFFF go as surrogate pairs. Binary has no characters; its
# octets are kept one to one.
_CODECS: Final = {Coding.LATIN1: "latin-1", Coding.UCS2: "utf-16-be", Coding.BINARY: "latin-1"}
_NAMES: Final = {
    Coding.GSM7: "the GSM 7-bit default alphabet",
    Coding.LATIN1: "ISO-8859-1",
    Coding.UCS2: "UTF-16",
    Coding.BINARY: "octets",
}


def encode(text: str, coding: Coding) -> bytes:
    """The text's octets in this coding; GSM 7-bit goes one septet an octet.

    Raises:
        EncodingError: names the first character that the coding does not have, and its position.
    """
    if coding is Coding.GSM7:
        return gsm_encode(text)
    try:
        return text.encode(_CODECS[coding])
    except UnicodeEncodeError as error:
        problem = f"{text[error.start]!r} at {error.start} not in {_NAMES[coding]}"
        raise EncodingError("text", problem, f"only characters of {_NAMES[coding]}") from None


def decode(octets: bytes, coding: Coding) -> str:
    """The text of these octets; what has no meaning in the coding becomes U+FFFD, and nothing raises."""
    if coding is Coding.GSM7:
        return gsm_decode(octets)
    return octets.decode(_CODECS[coding], "replace")


def capacity(coding: Coding, header: int = 0) -> int:
    """How many octets of text one short_message holds beside a user data header of so many octets.

    The header takes whole octets of the 140; GSM 7-bit text is counted as if it were packed into the rest, for that is
    how it travels on the air (TS 23.040, 9.2.3.24): 160, or 153 beside six octets.
    """
    room = USER_DATA - header
    match coding:
        case Coding.GSM7:
            return room * 8 // 7
        case Coding.UCS2:
            return room - room % 2
        case _:
            return room


def coding_for(text: str, profile: Profile, *, flash: bool = False) -> Coding:
    """The coding that carries the text in the fewest segments; of equals, the one the profile names first.

    Raises:
        EncodingError: no coding that the profile chooses from carries the text.
    """
    return cheapest(text, profile, flash=flash)[0]


def cheapest(text: str, profile: Profile, *, flash: bool = False) -> tuple[Coding, bytes]:
    """As `coding_for`, with the text's octets in that coding."""
    found: tuple[Coding, bytes] | None = None
    fewest = 0
    for coding in profile.auto:
        octets = None if flash and coding not in profile.flash else _octets(text, coding)
        if octets is None:
            continue
        segments = _segments(len(octets), coding, profile.concatenation_header)
        if segments == 1:
            return coding, octets
        if found is None or segments < fewest:
            found, fewest = (coding, octets), segments
    if found is None:
        raise EncodingError("text", f"no coding of profile {profile.name} carries it", _choices(profile, flash=flash))
    return found


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
_SMPP_TABLE: Final = {0x00: Coding.GSM7, 0x01: Coding.LATIN1, 0x03: Coding.LATIN1, 0x08: Coding.UCS2}
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


def _octets(text: str, coding: Coding) -> bytes | None:
    if coding is Coding.GSM7:
        return gsm_octets(text)
    try:
        return text.encode(_CODECS[coding])
    except UnicodeEncodeError:
        return None


def _segments(length: int, coding: Coding, header: int) -> int:
    return 1 if length <= capacity(coding) else -(-length // capacity(coding, header))


def _choices(profile: Profile, *, flash: bool) -> str:
    names = [_NAMES[coding] for coding in profile.auto if not flash or coding in profile.flash]
    return f"only characters of {' or '.join(names)}" if names else "no coding is offered"
