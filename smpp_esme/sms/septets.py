"""GSM 7-bit septets packed eight into seven octets, behind a user data header or without one (3GPP TS 23.038, 6.1.2).

Most SMSCs take a septet in an octet of its own; some take them as they go on the air. A packed text begins on the next
septet's edge after the header, so up to six fill bits stand between the two (TS 23.040, 9.2.3.24).
"""

from __future__ import annotations

from typing import Final

# Eight septets at a time, as one number of 64 bits in which the first septet stands lowest; each step closes the gaps
# between neighbours: 8 septets, 4 pairs, 2 fours, 1 eight. All groups of a text are done at once, for Python's integers
# have as many bits as they are asked for.
_STEPS: Final = (
    (0x007F007F007F007F, 0x7F007F007F007F00, 1),
    (0x00003FFF00003FFF, 0x3FFF00003FFF0000, 2),
    (0x000000000FFFFFFF, 0x0FFFFFFF00000000, 4),
)
# As many groups as the longest short message has; a longer text gets masks of its own.
_USUAL: Final = 32

PADDING: Final = b"\x00\r"
#: Of a segment that others follow: it is full, so where it ends with an `@` that is text, in an address most likely.
PADDING_OF_A_SEGMENT: Final = b"\r"


def fill_bits(header: int) -> int:
    """How many bits stand between a user data header of so many octets and the first septet."""
    return -header % 7


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Septets, one an octet, as packed octets behind so many fill bits.

    Who reads them has only the number of octets, so seven bits to spare would be read as an `@`. They are filled with a
    carriage return, as TS 23.038, 6.1.2.3.1 asks where the same doubt arises.
    """
    if not septets:
        return b""
    if (len(septets) * 7 + fill) % 8 == 1:
        septets += b"\r"
    groups = -(-len(septets) // 8)
    number = int.from_bytes(septets, "little")
    for low, high, shift in _masks(groups):
        number = number & low | (number & high) >> shift
    spread = bytearray(number.to_bytes(groups * 8, "little"))
    del spread[7::8]
    packed = int.from_bytes(spread, "little") << fill
    return packed.to_bytes(-(-(len(septets) * 7 + fill) // 8), "little")


def unpack(octets: bytes, fill: int = 0, padding: bytes = PADDING) -> bytes:
    """The septets, one an octet, that packed octets hold behind so many fill bits.

    A carriage return or an `@` whose bits end with the last octet is taken for padding, as far as `padding` has it:
    senders fill seven spare bits with the one or the other, and a text that ends so is far rarer.
    """
    number = int.from_bytes(octets, "little") >> fill
    bits = len(octets) * 8 - fill
    count = max(bits, 0) // 7
    groups = -(-count // 8)
    packed = (number & (1 << count * 7) - 1).to_bytes(groups * 7, "little")
    spread = bytearray(groups * 8)
    for place in range(7):
        spread[place::8] = packed[place::7]
    number = int.from_bytes(spread, "little")
    for low, high, shift in reversed(_masks(groups)):
        number = number & low | number << shift & high
    septets = number.to_bytes(groups * 8, "little")[:count]
    # In some national tables an escape and the code of the `@` are a pair.
    if count and bits % 7 == 0 and septets[-1] in padding and septets[-2:-1] != b"\x1b":
        return septets[:-1]
    return septets


def _masks(groups: int) -> tuple[tuple[int, int, int], ...]:
    return _USUAL_MASKS if groups <= _USUAL else _repeated(groups)


def _repeated(groups: int) -> tuple[tuple[int, int, int], ...]:
    return tuple((_repeat(low, groups), _repeat(high, groups), shift) for low, high, shift in _STEPS)


def _repeat(mask: int, groups: int) -> int:
    return int.from_bytes(mask.to_bytes(8, "little") * groups, "little")


_USUAL_MASKS: Final = _repeated(_USUAL)
