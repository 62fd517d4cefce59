"""What a text will become, told before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.sms import udh
from smpp_esme.sms.alphabet import named
from smpp_esme.sms.choice import Choice, choose, codings_for, cuts_of, room
from smpp_esme.sms.coding import Coding, data_coding_of, lacking, octets_in
from smpp_esme.sms.envelope import Sms, wire_text
from smpp_esme.sms.national import DEFAULT, Language
from smpp_esme.sms.segments import check_length

if TYPE_CHECKING:
    from smpp_esme.sms.profile import Profile

_UNITS: Final = {Coding.GSM7: "septets", Coding.UCS2: "UTF-16 units"}


class Character(msgspec.Struct, frozen=True, gc=False):
    """A character of a text and its position, from 0."""

    at: int
    character: str


class Saving(msgspec.Struct, frozen=True):
    """What the text would cost if it were written otherwise.

    Attributes:
        segments: how many short messages it would take.
        saves: how many fewer that is.
        text: the text as it would be read.
        languages: whose national tables it would be written by.
    """

    segments: int
    saves: int
    text: str
    languages: tuple[Language, ...] = ()


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What a text becomes under a profile.

    Attributes:
        text: the text as it goes out, the comment included and transliterated if it is.
        coding: how its characters stand in the octets.
        data_coding: how the SMSC is told so.
        languages: whose national tables it is written by: that of the locking shift, then that of the single shift.
        why: what decided the coding, in words.
        forced: the characters that leave no coding but UCS2; none for any other coding.
        unit: what is counted: septets, octets, or UTF-16 units.
        units: how many of them the text takes.
        room: how many stand in one short message, or in each segment where there are several.
        left: how many more would fit before there is another.
        segments: how many short messages reach the subscriber.
        submits: how many submit_sm carry them; one where the SMSC cuts the text itself.
        billed: how many short messages there are without the comment, which no subscriber gets.
        transliteration: what Latin letters would save; None if nothing, or if it goes in them.
        national: what national tables would save; None if nothing, or if it is written by them.
    """

    text: str
    coding: Coding
    data_coding: int
    languages: tuple[Language, ...]
    why: str
    forced: tuple[Character, ...]
    unit: str
    units: int
    room: int
    left: int
    segments: int
    submits: int
    billed: int
    transliteration: Saving | None
    national: Saving | None

    def __repr__(self) -> str:
        """Its size; never the text."""
        return f"Explanation({self.coding}, {self.units} {self.unit}, {self.segments} segments)"


def explain(
    text: str,
    profile: Profile,
    *,
    comment: str | None = None,
    coding: Coding | None = None,
    flash: bool = False,
) -> Explanation:
    """What `submit` would make of this text.

    Args:
        text: what the subscriber is to read.
        profile: the SMSC it is for, as bound; `Profile.writing` changes how it writes texts.
        comment: a note for the sender's own records at the provider.
        coding: the coding to use; None takes the cheapest that carries the text.
        flash: whether it is to be shown at once and not kept.

    Raises:
        InvalidValue, EncodingError: as `submit` would, and for the same reasons.
    """
    written = wire_text(Sms(text), profile, comment=comment)
    choice = choose(written, profile, coding=coding, flash=flash)
    in_latin = profile.writing(transliterate=True)
    in_tables = profile.writing(languages=tuple(Language))
    header = udh.length(choice.shifts.elements())
    check_length(choice, profile, header)
    several = choice.segments > 1
    whole = room(choice.coding, profile, header, concatenated=several)
    last = choice.cuts[-1] - (0, *choice.cuts)[-2]
    width = 2 if choice.coding is Coding.UCS2 else 1
    return Explanation(
        text=choice.text,
        coding=choice.coding,
        data_coding=data_coding_of(choice.coding, profile, flash=flash),
        languages=_languages(choice),
        why=_why(written, choice, profile, coding, flash=flash),
        forced=_forced(choice, codings_for(profile, coding, flash=flash)),
        unit=_UNITS.get(choice.coding, "octets"),
        units=len(choice.octets) // width,
        room=whole // width,
        left=(whole - last) // width,
        segments=choice.segments,
        submits=1 if profile.concatenation == "payload" else choice.segments,
        billed=choice.segments if comment is None else _billed(text, choice, profile, flash=flash),
        transliteration=_saving(choice, choose(written, in_latin, coding=coding, flash=flash)),
        national=_saving(choice, choose(written, in_tables, coding=coding, flash=flash)),
    )


def _billed(text: str, choice: Choice, profile: Profile, *, flash: bool) -> int:
    """Without the comment, but in the coding that carries it too: the SMSC takes the text as it is."""
    if choice.shifts == DEFAULT and (octets := octets_in(choice.coding, text)) is not None:
        return len(cuts_of(octets, choice.coding, profile))
    return choose(text, profile, coding=choice.coding, flash=flash).segments


def _why(text: str, choice: Choice, profile: Profile, coding: Coding | None, *, flash: bool) -> str:
    if coding is not None:
        return f"{coding} was asked for"
    otherwise = choice.shifts != DEFAULT or choice.text != text
    before = profile.auto if otherwise else profile.auto[: profile.auto.index(choice.coding)]
    reasons = [_against(other, text, profile, flash=flash) for other in before]
    if choice.shifts != DEFAULT:
        reasons.append(f"national tables take {_counted(choice.segments)}")
    if choice.text != text:
        reasons.append("the profile lets it go in Latin letters")
    return "; ".join(reasons) or f"{choice.coding} is what the profile names first"


def _against(coding: Coding, text: str, profile: Profile, *, flash: bool) -> str:
    if flash and coding not in profile.flash:
        return f"{coding} cannot be flash"
    octets = octets_in(coding, text)
    if octets is None:
        return f"{coding} lacks {named(lacking(text, coding))}"
    return f"{coding} takes {_counted(len(cuts_of(octets, coding, profile)))}"


def _counted(segments: int) -> str:
    return f"{segments} segment{'s' if segments > 1 else ''}"


def _forced(choice: Choice, codings: tuple[Coding, ...]) -> tuple[Character, ...]:
    narrower = [lacking(choice.text, one) for one in codings if one is not Coding.UCS2]
    if choice.coding is not Coding.UCS2 or not narrower:
        return ()
    return tuple(Character(*place) for place in min(narrower, key=len))


def _saving(choice: Choice, other: Choice) -> Saving | None:
    saves = choice.segments - other.segments
    if saves <= 0:
        return None
    return Saving(other.segments, saves, other.text, _languages(other))


def _languages(choice: Choice) -> tuple[Language, ...]:
    return tuple(one for one in (choice.shifts.locking, choice.shifts.single) if one)
