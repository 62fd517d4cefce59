"""The forms in which an SMSC writes one message_id.

A submit_sm_resp and the receipt often name one message differently: in hexadecimal here and decimal there, padded with
zeros or not, in another case, with or without the dashes of a UUID. Nothing in SMPP 3.4 forbids it (5.2.23: the
message_id is opaque), so a receipt is looked for under every form, the literal one first.

To index, keep a submitted message_id under `key`; to find, look every one of `keys(receipted)` up, in order. One SMSC
writes all its receipts in one form, and `Learner` finds out which: then a receipt is looked for under that form first,
and "16" is no longer taken for the "16" that is another message's in hexadecimal.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

# message_id has at most 64 characters (SMPP 3.4, 5.2.23); a longer one is compared only as it stands, so that a hostile
# one costs no arithmetic.
_LONGEST: Final = 64
# A shorter number has no more than `_LONGEST` digits in decimal if it is read as hexadecimal.
_SURELY_SHORT: Final = 50
_UUID: Final = re.compile(r"\{?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}?")
_UUID_LENGTHS: Final = (36, 38)
_DECIMAL: Final = re.compile(r"[0-9]+")
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]+")


class Form(StrEnum):
    """How an SMSC writes in the receipt the message_id that it gave in the response."""

    LITERAL = "literal"
    """The same, but for case, leading zeros, padding and the dashes of a UUID."""
    HEX_DECIMAL = "hex-decimal"
    """Hexadecimal in the response, decimal in the receipt."""
    DECIMAL_HEX = "decimal-hex"
    """Decimal in the response, hexadecimal in the receipt."""


_LITERALLY: Final = (Form.LITERAL,)


def key(message_id: str) -> str:
    """The message_id without what SMSCs change freely: case, leading zeros, padding, the dashes of a UUID."""
    if message_id.isdecimal() and len(message_id) <= _LONGEST:  # as most are: there is but one thing to change
        return message_id.lstrip("0") or message_id[:1]
    folded = message_id.strip(" \0").lower()
    if len(folded) > _LONGEST:
        return folded
    if len(folded) in _UUID_LENGTHS and (uuid := _UUID.fullmatch(folded)):
        folded = "".join(uuid.groups())
    return folded.lstrip("0") or folded[:1]


def keys(message_id: str) -> tuple[str, ...]:
    """The keys under which the same message may have been submitted, the likeliest first.

    The first is the message_id's own key; then it read as decimal and written in hexadecimal, and the reverse.
    """
    own = key(message_id)
    length = len(own)
    if 1 < length < _SURELY_SHORT and own.isdecimal() and own.isascii():  # as most are; from 10 on, no two are alike
        return own, f"{int(own):x}", str(int(own, 16))
    return _read_in_every_form(own) if length <= _LONGEST else (own,)


@lru_cache(maxsize=4096)  # a receipt often has its id twice; a hostile one is too long to be remembered
def _read_in_every_form(own: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys([one for _, one in _readings(own)])) if own else ()


def submitted_key(receipted: str, form: Form) -> str:
    """The `key` under which the message was submitted; the receipt's own, if it cannot be of that form."""
    own = key(receipted)
    return own if form is Form.LITERAL else dict(_readings(own)).get(form, own)


def forms_between(submitted: str, receipted: str) -> tuple[Form, ...]:
    """The forms in which both name one message: none, one, or several, as for "7" and "07"."""
    one, other = key(submitted), key(receipted)
    if one == other and len(one) > 1:
        return _LITERALLY  # from 10 on, no number is written alike in decimal and in hexadecimal
    return tuple(form for form, read in _readings(other) if read == one) if one else ()


def _readings(own: str) -> Iterator[tuple[Form, str]]:
    """What a receipt's key may have been in the response, in each form that its characters allow."""
    yield Form.LITERAL, own
    if len(own) > _LONGEST:
        return
    if _DECIMAL.fullmatch(own):
        yield Form.HEX_DECIMAL, f"{int(own):x}"
    if _HEXADECIMAL.fullmatch(own) and len(read := str(int(own, 16))) <= _LONGEST:
        yield Form.DECIMAL_HEX, read


def matches(submitted: str, receipted: str) -> bool:
    """Whether both may name one message; two empty ones never do."""
    return bool(forms_between(submitted, receipted))


class Learner(msgspec.Struct, frozen=True):
    """Which form one link's receipts write their message_ids in: as the profile says, or as they have shown.

    Only what can mean nothing else counts, and it counts in a row: one receipt in another form, and the learner begins
    anew. An SMSC that mixes forms is never taken to have one.

    Attributes:
        pinned: the form that the profile names, which nothing changes; None leaves it to be learned.
        leading: the form of the last receipt that told one.
        agreeing: how many receipts in a row were of it.
    """

    pinned: Form | None = None
    leading: Form | None = None
    agreeing: int = 0

    @staticmethod
    def of(message_ids: str) -> Learner:
        """What to begin with under a profile whose `message_ids` is this."""
        return Learner() if message_ids == "learn" else Learner(Form(message_ids))

    @property
    def form(self) -> Form | None:
        """The form to go by; None while nobody knows."""
        return self.pinned or (self.leading if self.agreeing >= ENOUGH else None)

    @property
    def confidence(self) -> float:
        """How likely the next receipt is of the leading form, 0 to 1: n in a row make n / (n + 1)."""
        return 1.0 if self.pinned else self.agreeing / (self.agreeing + 1)

    def seen(self, submitted: str, receipted: str) -> Learner:
        """What is known after a receipt whose message was found, and whose number is right as well."""
        if submitted == receipted and self.agreeing == _MOST and self.leading is Form.LITERAL:
            return self  # nothing can be added to that
        told = () if self.pinned else forms_between(submitted, receipted)
        if len(told) != 1:
            return self
        agreeing = self.agreeing + 1 if told[0] is self.leading else 1
        return Learner(leading=told[0], agreeing=min(agreeing, _MOST))

    def certain(self, message_id: str, text_message_id: str = "") -> tuple[str, ...]:
        """The keys under which the message of a receipt is known, if at all; they need no further proof.

        Args:
            message_id: the receipt's.
            text_message_id: the one in its text, which is often of another form than the TLV's (SMPP 3.4, 5.3.2.12).
        """
        form = self.form
        if form is None or not message_id:
            if text_message_id and text_message_id != message_id:
                return tuple(dict.fromkeys(own for one in (message_id, text_message_id) if (own := key(one))))
            form = Form.LITERAL
        found = submitted_key(message_id, form)
        return (found,) if found else ()

    def possible(self, message_id: str, text_message_id: str = "") -> tuple[str, ...]:
        """Further keys that it may be known under, the likeliest first; the subscriber's number has to agree as well.

        A converted id meets strangers: "10" is "16" in hexadecimal.
        """
        if self.pinned:
            return ()
        if message_id == text_message_id or not text_message_id:
            if (form := self.form) is None or form is Form.LITERAL:
                return keys(message_id)[1:]  # the first of them is certain
            certain = self.certain(message_id)
            return tuple([one for one in keys(message_id) if one not in certain])
        own = (one for written in (message_id, text_message_id) if (one := key(written)))
        found = dict.fromkeys((*own, *keys(message_id), *keys(text_message_id)))
        for one in self.certain(message_id, text_message_id):
            found.pop(one, None)
        return tuple(found)


#: So many receipts of one form in a row show that the SMSC writes all in it.
ENOUGH: Final = 20
# More tell no more.
_MOST: Final = 1000
