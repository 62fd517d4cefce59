"""WAP push: a link with a text, which the handset shows as such.

A service indication (WAP-167-ServiceInd-20010731-a) in binary XML (WAP-192-WBXML), behind the header of a
connectionless push (WAP-230-WSP), from port 9200 to port 2948.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final, Literal, get_args

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.binary import Octets
from smpp_esme.sms.ports import Ports

if TYPE_CHECKING:
    from smpp_esme.sms.udh import Element

Action = Literal["signal-none", "signal-low", "signal-medium", "signal-high", "delete"]

#: Connectionless push, and connectionless WSP, where it comes from (WAP-259-WDP).
PORTS: Final = Ports(2948, 9200)
#: A transaction id that nobody reads, the PDU type Push, one octet of headers: application/vnd.wap.sic.
_PUSH: Final = bytes.fromhex("DC 06 01 AE")
#: WBXML 1.2, public id of SI 1.0, UTF-8, an empty string table.
_PROLOGUE: Final = bytes.fromhex("02 05 6A 00")

# Global tokens of WBXML.
_END: Final = b"\x01"
_STR_I: Final = b"\x03"
_OPAQUE: Final = 0xC3
# Tag tokens of WAP-167, with their bits for content (0x40) and for attributes (0x80).
_SI: Final = b"\x45"
_INDICATION: Final = b"\xc6"
# Attribute tokens; of those for href the longest that fits is taken.
_ACTIONS: Final[dict[Action, bytes]] = {name: bytes((5 + place,)) for place, name in enumerate(get_args(Action))}
_CREATED: Final = 0x0A
_SI_EXPIRES: Final = 0x10
_SI_ID: Final = b"\x11"
_HREF: Final = {"https://www.": b"\x0f", "http://www.": b"\x0d", "https://": b"\x0e", "http://": b"\x0c", "": b"\x0b"}
# Tokens for pieces of a value.
_ENDINGS: Final = {".com/": b"\x85", ".edu/": b"\x86", ".net/": b"\x87", ".org/": b"\x88"}
_ENDING: Final = re.compile(r"(\.(?:com|edu|net|org)/)")

_YEARS: Final = (1970, 2199)
_TIME: Final = "a time from 1970 to 2199 with its zone, as in 2026-11-21T12:00:00Z"
# An inline string ends at a NUL; halves of a surrogate pair have no UTF-8.
_NO_CHARACTER: Final = re.compile("[\0\ud800-\udfff]")
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


class WapPush(Octets, frozen=True, tag="wap-push"):
    """A link that the handset shows with a text, and opens at a touch (service indication).

    Attributes:
        message: the text.
        url: the link, in ASCII; `https://`, `www.` and `.com/` take one octet instead of eight, four and five.
        action: how much the handset makes of it; "delete" removes the one with the same `si_id`.
        si_id: the link's name for later; without one, its URL is its name.
        created: when the content was; a link that came before replaces no later one.
        expires: when the handset is to throw it away.
    """

    kind: ClassVar[str] = "wap-push"
    message: str
    url: str
    action: Action = "signal-medium"
    si_id: str | None = None
    created: datetime | None = None
    expires: datetime | None = None

    def __post_init__(self) -> None:
        _check_string("message", self.message)
        if not _URL.fullmatch(self.url):
            raise InvalidValue(
                "url", "is no URL", "scheme and address in ASCII without spaces, as in https://example.com/"
            )
        if self.action not in _ACTIONS:
            raise InvalidValue("action", "is not known", f"one of {', '.join(_ACTIONS)}")
        if self.si_id is not None:
            _check_string("si_id", self.si_id)
        elif self.action == "delete":
            raise InvalidValue("si_id", "is missing", "with action delete, the name under which the link was sent")
        for field, time in (("created", self.created), ("expires", self.expires)):
            if time is not None and (time.utcoffset() is None or not _YEARS[0] <= time.year <= _YEARS[1]):
                raise InvalidValue(field, "has no zone or is out of range", _TIME)
        if self.created and self.expires and self.expires <= self.created:
            raise InvalidValue("expires", "is not after created", "a later time, or none")

    def elements(self) -> tuple[Element, ...]:
        """The ports."""
        return (PORTS.element(),)

    def body(self) -> bytes:
        """The push header and the service indication."""
        return _PUSH + self.service_indication()

    def service_indication(self) -> bytes:
        """The document in binary XML: ``<si><indication href="..." ...>message</indication></si>``."""
        # A default is not written (in WAP-167 it is "signal-medium").
        action = b"" if self.action == "signal-medium" else _ACTIONS[self.action]
        attributes = (
            _href(self.url),
            b"" if self.si_id is None else _SI_ID + _inline(self.si_id),
            b"" if self.created is None else _date(_CREATED, self.created),
            b"" if self.expires is None else _date(_SI_EXPIRES, self.expires),
            action,
        )
        content = _inline(self.message) + _END + _END
        return _PROLOGUE + _SI + _INDICATION + b"".join(attributes) + _END + content


def _check_string(field: str, value: str) -> None:
    if not value:
        raise InvalidValue(field, "is empty", "one character or more")
    if strange := _NO_CHARACTER.search(value):
        raise InvalidValue(field, f"has {strange[0]!r} at {strange.start()}", "characters of Unicode, but for U+0000")


def _inline(value: str) -> bytes:
    return _STR_I + value.encode() + b"\0"


def _href(url: str) -> bytes:
    beginning = next(beginning for beginning in _HREF if url.startswith(beginning))
    pieces = _ENDING.split(url[len(beginning) :])
    return _HREF[beginning] + b"".join([_ENDINGS.get(piece) or _inline(piece) for piece in pieces if piece])


def _date(token: int, time: datetime) -> bytes:
    """A time as digits, two an octet, without the zeros at its end."""
    digits = bytes.fromhex(time.astimezone(UTC).strftime("%Y%m%d%H%M%S")).rstrip(b"\0")
    return bytes((token, _OPAQUE, len(digits))) + digits
