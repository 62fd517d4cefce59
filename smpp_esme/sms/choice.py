"""Which coding a text gets under a profile: the one that carries it in the fewest segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.errors import EncodingError, InvalidValue
from smpp_esme.sms import udh
from smpp_esme.sms.coding import NAMES, Coding, capacity, coding_named, encode, octets_in
from smpp_esme.sms.cuts import cuts
from smpp_esme.sms.national import DEFAULT, Shifts, shifts_for
from smpp_esme.sms.transliteration import transliterated

if TYPE_CHECKING:
    from smpp_esme.sms.profile import Profile

# No text in these takes more octets than characters; UCS2 takes two a character, GSM 7-bit one or two.
_AT_LEAST: Final = {Coding.UCS2: 2}
# A surrogate pair.
_LEAST_ROOM: Final = 4


class Choice(msgspec.Struct, frozen=True):
    """A text as it is to be sent.

    Attributes:
        text: the text, transliterated if that was asked for and did it good.
        coding: how its characters stand in the octets.
        shifts: which national tables they are written by; GSM 7-bit only.
        octets: these; GSM 7-bit one septet an octet.
        cuts: where each of its short messages ends in them.
    """

    text: str
    coding: Coding
    shifts: Shifts
    octets: bytes
    cuts: tuple[int, ...]

    @property
    def segments(self) -> int:
        """How many short messages it takes."""
        return len(self.cuts)

    def __repr__(self) -> str:
        """How it is written; never the text."""
        return f"Choice({self.coding}, {len(self.octets)} octets, {self.segments} segments)"


def coding_for(text: str, profile: Profile, *, flash: bool = False) -> Coding:
    """The coding that carries the text in the fewest segments; of equals, the one the profile names first.

    Raises:
        EncodingError: no coding that the profile chooses from carries the text.
    """
    return choose(text, profile, flash=flash).coding


def choose(
    text: str, profile: Profile, *, coding: Coding | None = None, flash: bool = False, header: int = 0
) -> Choice:
    """The text in the coding that carries it in the fewest segments; of equals, the one the profile names first.

    National tables are used where the profile names languages and they save a segment over the codings it chooses
    from. Where the profile transliterates, a text that would still go as UCS2 goes in Latin letters instead, if all of
    it can.

    Args:
        text: what the subscriber is to read.
        profile: the SMSC it is for.
        coding: the only coding to consider; None for all that the profile chooses from.
        flash: whether it is to be shown at once and not kept.
        header: octets of the elements in its user data header, their length octet left out.

    Raises:
        EncodingError: no coding carries the text; names the characters if one was asked for.
        InvalidValue: binary was asked for, or the header leaves no room.
    """
    codings = codings_for(profile, coding, flash=flash)
    best = _cheapest(text, codings, profile, header)
    if profile.languages and Coding.GSM7 in codings and (best is None or best.segments > 1):
        best = _in_national_tables(text, profile, header, best)
    if profile.transliterate and (best is None or best.coding is Coding.UCS2):
        best = _in_latin(text, codings, profile, header) or best
    if best is not None:
        return best
    if coding:
        encode(text, codings[0])
    raise EncodingError("text", f"no coding of profile {profile.name} carries it", _allowed(codings))


def codings_for(profile: Profile, coding: Coding | None = None, *, flash: bool = False) -> tuple[Coding, ...]:
    """The codings that a text may be given: the one that was asked for, or those that the profile chooses from.

    Raises:
        InvalidValue: binary was asked for, or what is no coding.
    """
    if coding == Coding.BINARY:
        raise InvalidValue("coding", "binary is for octets, and this is a text", "gsm7, ascii, latin1, ucs2, or none")
    if coding:
        return (coding_named(coding),)
    return tuple(one for one in profile.auto if not flash or one in profile.flash)


def _cheapest(text: str, codings: tuple[Coding, ...], profile: Profile, header: int) -> Choice | None:
    best: Choice | None = None
    for coding in codings:
        if best is not None and _fewest(text, coding, profile, header) >= best.segments:
            continue
        octets = octets_in(coding, text)
        if octets is None:
            continue
        ends = cuts_of(octets, coding, profile, header)
        if len(ends) == 1:
            return Choice(text, coding, DEFAULT, octets, ends)
        if best is None or len(ends) < best.segments:
            best = Choice(text, coding, DEFAULT, octets, ends)
    return best


def _in_national_tables(text: str, profile: Profile, header: int, best: Choice | None) -> Choice | None:
    for language in profile.languages:
        for shifts in shifts_for(language):
            octets = octets_in(Coding.GSM7, text, shifts)
            if octets is None:
                continue
            ends = cuts_of(octets, Coding.GSM7, profile, header + udh.length(shifts.elements()))
            if best is None or len(ends) < best.segments:
                best = Choice(text, Coding.GSM7, shifts, octets, ends)
    return best


def _in_latin(text: str, codings: tuple[Coding, ...], profile: Profile, header: int) -> Choice | None:
    latin = transliterated(text)
    if latin is None:
        return None
    return _cheapest(latin, tuple(one for one in codings if one is not Coding.UCS2), profile, header)


def cuts_of(octets: bytes, coding: Coding, profile: Profile, header: int = 0) -> tuple[int, ...]:
    """Where each short message ends that these octets take, beside elements of so many octets in each.

    Raises:
        InvalidValue: the elements leave no room for content.
    """
    if len(octets) <= room(coding, profile, header):
        return (len(octets),)
    return cuts(octets, coding, room(coding, profile, header, concatenated=True))


def room(coding: Coding, profile: Profile, header: int, *, concatenated: bool = False) -> int:
    """How many octets of text stand in one short message, or in each segment of several.

    Raises:
        InvalidValue: the elements leave no room for content.
    """
    if not concatenated:
        return capacity(coding, header and header + 1, profile.user_data)
    found = capacity(coding, header + profile.concatenation_header, profile.user_data)
    if found < _LEAST_ROOM:
        raise InvalidValue("user data header", "leaves no room for content", "a shorter header")
    return found


def _fewest(text: str, coding: Coding, profile: Profile, header: int) -> int:
    """Fewer segments than these the text cannot take in this coding."""
    length = len(text) * _AT_LEAST.get(coding, 1)
    return (
        1 if length <= room(coding, profile, header) else -(-length // room(coding, profile, header, concatenated=True))
    )


def _allowed(codings: tuple[Coding, ...]) -> str:
    names = " or ".join(NAMES[one] for one in codings)
    return f"only characters of {names}" if names else "no coding is offered"
