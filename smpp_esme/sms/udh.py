"""User data header: what stands before the text of a short message (3GPP TS 23.040, 9.2.3.24).

One length octet, then information elements: identifier, length, data. Reading ignores what is broken and keeps what is
not understood, as the clause asks.
"""

from __future__ import annotations

from typing import Final

import msgspec

from smpp_esme.errors import InvalidValue

CONCATENATION_8BIT: Final = 0x00
CONCATENATION_16BIT: Final = 0x08


class Element(msgspec.Struct, frozen=True, gc=False):
    """One information element.

    Attributes:
        identifier: what it is, 0x00 to 0xFF.
        data: its octets.
    """

    identifier: int
    data: bytes


class Concatenation(msgspec.Struct, frozen=True, gc=False):
    """Which segment of which concatenated message this is (TS 23.040, 9.2.3.24.1 and 9.2.3.24.8).

    Attributes:
        reference: the message's number, the same in all its segments.
        total: how many segments there are, 1 to 255.
        sequence: which one this is, 1 to total.
        wide: whether the reference has 16 bits.
    """

    reference: int
    total: int
    sequence: int
    wide: bool = False

    def element(self) -> Element:
        """The information element that says so."""
        if self.wide:
            octets = self.reference.to_bytes(2, "big") + bytes((self.total, self.sequence))
            return Element(CONCATENATION_16BIT, octets)
        return Element(CONCATENATION_8BIT, bytes((self.reference, self.total, self.sequence)))


def length(elements: tuple[Element, ...]) -> int:
    """How many octets these elements take in a header, its length octet left out."""
    return sum([2 + len(element.data) for element in elements]) if elements else 0


def build(elements: tuple[Element, ...]) -> bytes:
    """The header of these elements, its length octet first; nothing for no elements.

    Raises:
        InvalidValue: the header is longer than the 140 octets of a short message.
    """
    if not elements:
        return b""
    body = b"".join(bytes((element.identifier, len(element.data))) + element.data for element in elements)
    if len(body) >= 140:
        raise InvalidValue("user data header", f"takes {len(body) + 1} octets", "fewer than 140 octets")
    return bytes((len(body),)) + body


def split(octets: bytes) -> tuple[tuple[Element, ...], bytes]:
    """The elements of the header at the front, and the octets after it.

    A header that claims more octets than there are is no header: all octets are text then. An element that claims more
    than the header holds ends the reading of elements.
    """
    end = 1 + octets[0] if octets else 0
    if not octets or end > len(octets):
        return (), octets
    elements = []
    at = 1
    while at + 2 <= end and (after := at + 2 + octets[at + 1]) <= end:
        elements.append(Element(octets[at], octets[at + 2 : after]))
        at = after
    return tuple(elements), octets[end:]


def concatenation(elements: tuple[Element, ...]) -> Concatenation | None:
    """What the elements say of concatenation; the last that makes sense counts (TS 23.040, 9.2.3.24)."""
    for element in reversed(elements):
        if found := _concatenation(element):
            return found
    return None


def _concatenation(element: Element) -> Concatenation | None:
    data = element.data
    if element.identifier == CONCATENATION_8BIT and len(data) == 3:
        found = Concatenation(data[0], data[1], data[2])
    elif element.identifier == CONCATENATION_16BIT and len(data) == 4:
        found = Concatenation(data[0] << 8 | data[1], data[2], data[3], wide=True)
    else:
        return None
    return found if 1 <= found.sequence <= found.total else None
