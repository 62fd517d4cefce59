"""Where the octets of a long text may be cut into segments.

A cut never goes through an escape pair of the GSM alphabet or through a surrogate pair. What a reader sees as one
character (a letter with its marks, an emoji with its colour, a flag) stays whole wherever that costs no segment.
"""

from __future__ import annotations

import codecs
import unicodedata
from typing import TYPE_CHECKING, Final

from smpp_esme.sms.alphabet import ESCAPE
from smpp_esme.sms.coding import Coding, octets_in
from smpp_esme.sms.national import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smpp_esme.sms.choice import Choice


#: What no cut goes through: how many octets its first half has, and how the first of them is known by some of its bits.
_PAIRS: Final = {Coding.GSM7: (1, 0xFF, ESCAPE), Coding.UCS2: (2, 0xFC, 0xD8)}
_NO_PAIRS: Final = (1, 0x00, 0xFF)


def cuts(octets: bytes, coding: Coding, room: int, *, start: int = 0) -> tuple[int, ...]:
    """Where each segment ends that has room for so many octets, the last of them at the end of all octets.

    Between pairs only, and as late as can be: no other cuts make fewer segments.
    """
    width, mask, first_half = _PAIRS.get(coding, _NO_PAIRS)
    ends = []
    while start + room < len(octets):
        start += room
        if octets[start - width] & mask == first_half:
            start -= width
        ends.append(start)
    return (*ends, len(octets))


def readable_cuts(choice: Choice, room: int) -> Sequence[int]:
    """The choice's cuts, moved between whole characters as a reader sees them where that costs no segment."""
    # The default alphabet and ISO-8859-1 have no marks.
    if choice.coding is not Coding.UCS2 and choice.shifts == DEFAULT and "\r\n" not in choice.text:
        return choice.cuts
    octets, text = choice.octets, choice.text
    width, mask, first_half = _PAIRS.get(choice.coding, _NO_PAIRS)
    ends: list[int] = []
    start = first = 0  # of the segment, in octets and in characters
    while len(octets) - start > room:
        end = start + room
        if octets[end - width] & mask == first_half:
            end -= width
        after = first + _characters(choice, start, end)
        if first < (before := _cluster_begins(text, after, first)) < after:
            earlier = end - _octets(choice, before, after)
            # Cut earlier, the rest must still fit the segments that are left.
            if _fits(choice, room, earlier, choice.segments - len(ends) - 1):
                end, after = earlier, before
        ends.append(end)
        start, first = end, after
    return [*ends, len(octets)]


def _fits(choice: Choice, room: int, start: int, segments: int) -> bool:
    """Whether the octets from `start` on fit so many segments."""
    rest = len(choice.octets) - start
    # No segment is left with more than an octet or a unit of its room unused, so most cases need no counting.
    if not segments * (room - 2) < rest <= segments * room:
        return rest <= segments * room
    return len(cuts(choice.octets, choice.coding, room, start=start)) <= segments


def _cluster_begins(text: str, at: int, first: int) -> int:
    """Where what a reader sees as one character begins, of which `at` is in the middle; `first` if before that."""
    while at > first and joins(text, at):
        at -= 1
    return at


def _characters(choice: Choice, start: int, end: int) -> int:
    """How many characters these octets are."""
    if choice.coding is Coding.UCS2:
        if len(choice.octets) == 2 * len(choice.text):
            return (end - start) // 2
        return len(codecs.utf_16_be_decode(choice.octets[start:end])[0])
    pairs = choice.octets.count(ESCAPE, start, end) if choice.coding is Coding.GSM7 else 0
    return end - start - pairs


def _octets(choice: Choice, start: int, end: int) -> int:
    """How many octets these characters are."""
    return len(octets_in(choice.coding, choice.text[start:end], choice.shifts) or b"")


_JOINER: Final = "\u200d"
# Emoji modifiers, the tags of subdivision flags; the non-joiner, Thai and Lao am, voiced sound marks of half width.
_EXTENDING: Final = frozenset(
    map(chr, [*range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080), 0x200C, 0x0E33, 0x0EB3, 0xFF9E, 0xFF9F])
)
_MARKS: Final = frozenset({"Mn", "Me", "Mc"})
# The letters of most scripts, digits, spaces, punctuation: the usual case, and no mark among them.
_APART: Final = frozenset({"Lu", "Ll", "Nd", "Zs", "Po", "Pd"})
_CONTROLS: Final = frozenset({"Cc", "Zl", "Zp"})
_VIRAMA: Final = 9


def joins(text: str, at: int) -> bool:
    """Whether a reader sees the characters on both sides of `at` as one.

    The rules are those of extended grapheme clusters (Unicode Standard Annex 29) with three simplifications, each on
    the side of keeping together: whatever follows a joiner belongs to it, and so does any letter that follows a virama;
    and all spacing marks extend.
    """
    before, after = text[at - 1], text[at]
    if after < "\u0300":
        return (before, after) == ("\r", "\n") or before == _JOINER
    kind = unicodedata.category(after)
    if kind in _APART:
        return before == _JOINER
    if unicodedata.category(before) in _CONTROLS:
        return False
    if kind in _MARKS or after in _EXTENDING or _JOINER in {before, after}:
        return True
    if _is_regional(after):
        return _is_regional(before) and _regionals_before(text, at) % 2 == 1
    return _are_conjunct(before, after) or _are_jamo(before, after)


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _regionals_before(text: str, at: int) -> int:
    first = at
    while first and _is_regional(text[first - 1]):
        first -= 1
    return at - first


def _are_conjunct(before: str, after: str) -> bool:
    return unicodedata.combining(before) == _VIRAMA and unicodedata.category(after) == "Lo"


def _are_jamo(before: str, after: str) -> bool:
    # Syllables stand composed in nearly every text, so it is not asked which of these go together.
    if _is_jamo(before):
        return _is_jamo(after) or _is_syllable(after)
    return _is_syllable(before) and _is_jamo(after)


def _is_jamo(character: str) -> bool:
    return "\u1100" <= character <= "\u11ff"


def _is_syllable(character: str) -> bool:
    return "\uac00" <= character <= "\ud7a3"
