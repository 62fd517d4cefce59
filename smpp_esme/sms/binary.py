"""Messages of octets: with a user data header of their own, or none.

Where the octets take several short messages, each gets the header, and the place of the segment beside it.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from smpp_esme.errors import InvalidValue
from smpp_esme.sms import udh
from smpp_esme.sms.kind import Kind

if TYPE_CHECKING:
    from smpp_esme.sms.udh import Element

_HEX: Final = "pairs of hexadecimal digits, the header's length in the first; 00 where there is none"


class Octets(Kind, frozen=True):
    """A message whose content is octets and no text."""

    @abstractmethod
    def elements(self) -> tuple[Element, ...]:
        """The information elements of the user data header."""

    @abstractmethod
    def body(self) -> bytes:
        """The octets behind the header."""

    def text(self) -> str:
        """The header and the octets in hexadecimal, as a `BinaryHex` has them."""
        return ((udh.build(self.elements()) or b"\0") + self.body()).hex().upper()

    def __repr__(self) -> str:
        """The kind and how much it says; never what."""
        return f"{type(self).__name__}({len(self.body())} octets)"


class Binary(Octets, frozen=True, tag="binary"):
    """Octets for an application on the handset.

    Attributes:
        octets: what the application gets.
        header: the user data header, its length in the first octet; b"" for none. `udh.build` makes one:
            ``udh.build((Ports(2948, 9200).element(),))``.
    """

    kind: ClassVar[str] = "binary"
    octets: bytes
    header: bytes = b""

    def __post_init__(self) -> None:
        if not self.octets and len(self.header) <= 1:
            raise InvalidValue("octets", "are empty", "one octet or more, or a header")
        if self.header and (len(self.header) != 1 + self.header[0] or not _is_whole(self.header)):
            raise InvalidValue("header", "is no user data header", "a length octet and as many octets of elements")

    def elements(self) -> tuple[Element, ...]:
        """The header's information elements."""
        return udh.split(self.header)[0]

    def body(self) -> bytes:
        """The octets."""
        return self.octets


class BinaryHex(Octets, frozen=True, tag="binary-hex"):
    """Octets in hexadecimal, as the provider writes them: `0605040B8423F0DC0601AE...`.

    Attributes:
        digits: the header's length in the first two digits, the header, and the content; `00` stands for no header.
    """

    kind: ClassVar[str] = "binary-hex"
    digits: str

    def __post_init__(self) -> None:
        if strange := next((one for one in self.digits if one not in _DIGITS), None):
            raise InvalidValue("digits", f"have {strange!r} at {self.digits.index(strange)}", _HEX)
        if len(self.digits) % 2:
            raise InvalidValue("digits", f"are {len(self.digits)}, an odd number", _HEX)
        octets = bytes.fromhex(self.digits)
        if octets in {b"", b"\0"}:
            raise InvalidValue("digits", "are empty", _HEX)
        if octets[0] >= len(octets) or not _is_whole(octets[: 1 + octets[0]]):
            raise InvalidValue("digits", "do not begin with a user data header", _HEX)

    def elements(self) -> tuple[Element, ...]:
        """The header's information elements."""
        return udh.split(bytes.fromhex(self.digits))[0]

    def body(self) -> bytes:
        """The octets behind the header."""
        return udh.split(bytes.fromhex(self.digits))[1]


_DIGITS: Final = frozenset("0123456789abcdefABCDEF")


def _is_whole(header: bytes) -> bool:
    """Whether the header's elements fill it exactly; what a patient reader would skip is not sent."""
    elements, _ = udh.split(header)
    return header == (udh.build(elements) or b"\0")
