"""How a message was ordered, as far as it takes that to compose it anew for another SMSC.

The octets of a message are those of one link's profile. Another profile may write the same text by another data_coding,
in other alphabets, cut elsewhere, or in Latin letters; what it was made of has to be known then. Most of that stands in
the message: its kind, its numbers, and its text, envelope and comment included. The rest is a `Wish`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.binary import BinaryHex
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.content import KINDS, OctetContent
from smpp_esme.sms.envelope import COMMENT, Sms, parse
from smpp_esme.sms.national import Language

if TYPE_CHECKING:
    from smpp_esme.sms.content import Content


class Wish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a caller asked for beside what the message itself tells.

    Attributes:
        source: who sends it, as the caller wrote it; None takes the link's own.
        comment: how many characters of the text are its comment, at the end; None: it has none.
        coding: the coding to use.
        flash: whether to show it at once and not keep it.
        transliterate: whether it may go in Latin letters; None leaves it to the profile.
        languages: in whose national tables it may be written; None leaves it to the profile.
        text: the whole text, where it goes out in other letters than it was written in; None: it is the message's.
    """

    source: str | None = None
    comment: int | None = None
    coding: Coding | None = None
    flash: bool = False
    transliterate: bool | None = None
    languages: tuple[Language, ...] | None = None
    text: str | None = None

    def __repr__(self) -> str:  # never the text, never a number
        return f"<Wish, {len(self.__struct_fields__)} fields>"

    def content(self, kind: str, text: str) -> tuple[Content, str | None]:
        """What was to be delivered, and the comment.

        Args:
            kind: the message's.
            text: the message's, as it goes out.

        Raises:
            InvalidValue: the text is not (any more) that of a message of this kind.
        """
        whole, comment = text if self.text is None else self.text, None
        if self.comment is not None:
            end = len(whole) - self.comment
            whole, comment = whole[: end - len(COMMENT)], whole[end:]
        return _content(kind, whole), comment


_PLAIN: Final = Wish()
_PLAIN_WORDS: Final = "{}"
_written: Final = msgspec.json.Encoder()
_read: Final = msgspec.json.Decoder(Wish)


def to_words(wish: Wish) -> str:
    """A wish as it is kept."""
    return _PLAIN_WORDS if wish == _PLAIN else _written.encode(wish).decode()


def from_words(words: str) -> Wish:
    """A wish from what is kept of it.

    Raises:
        InvalidValue: it cannot be read.
    """
    try:
        return _read.decode(words)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidValue("wish", "cannot be read", "what an order left behind") from error


def _content(kind: str, whole: str) -> Content:
    if issubclass(KINDS.get(kind, Sms), OctetContent):
        return BinaryHex(whole)  # a text of octets is their digits, whatever they were made from
    content = Sms(whole) if kind == Sms.kind else parse(whole)
    if content.kind != kind or content.text() != whole:
        raise InvalidValue("text", f"is not that of a {kind}", "the text that it was kept with")
    return content
