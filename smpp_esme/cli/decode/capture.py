"""Capture files: the packets in a pcap (draft-ietf-opsawg-pcap) or pcapng file (draft-ietf-opsawg-pcapng).

What is in the packets dpkt knows (`transport`), but the files are read here: its readers take an unbounded length from
the file, drop the packet's length on the wire, so that one cut short looks whole, and read every packet of a pcapng
file as one of the first interface.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from smpp_esme.cli.decode.frames import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: No interface has longer packets; a longer one means that the file is damaged.
PACKET_LIMIT: Final = 16 * 1024 * 1024
#: A capture has a handful; a hostile one must not fill the memory with them.
INTERFACE_LIMIT: Final = 4096

#: The magic of a pcap file: (byte order, fractions in a second, octets of a packet's header).
_PCAP: Final = {
    bytes.fromhex("a1b2c3d4"): (">", 10**6, 16),
    bytes.fromhex("d4c3b2a1"): ("<", 10**6, 16),
    bytes.fromhex("a1b23c4d"): (">", 10**9, 16),
    bytes.fromhex("4d3cb2a1"): ("<", 10**9, 16),
    bytes.fromhex("a1b2cd34"): (">", 10**6, 24),
    bytes.fromhex("34cdb2a1"): ("<", 10**6, 24),
}
_PCAPNG: Final = bytes.fromhex("0a0d0d0a")
_ORDERS: Final = {bytes.fromhex("1a2b3c4d"): ">", bytes.fromhex("4d3c2b1a"): "<"}
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_TIME_RESOLUTION, _TIME_OFFSET = 9, 14
_NANOSECONDS: Final = 10**9


class Readable(Protocol):
    """What a capture is read from."""

    def read(self, size: int, /) -> bytes:
        """Up to so many octets; fewer only at the end."""


class Packet(msgspec.Struct, frozen=True):
    """One packet as it was captured.

    Attributes:
        time: nanoseconds since 1970, UTC; None if the file does not say.
        link: the type of its outermost header, a LINKTYPE number.
        octets: what was captured of it.
        length: how many octets it had on the wire.
    """

    time: int | None
    link: int
    octets: bytes
    length: int


class _Interface(msgspec.Struct, frozen=True):
    """What a pcapng file says of one interface."""

    link: int
    snaplen: int
    resolution: int = 10**6
    offset: int = 0

    def time(self, high: int, low: int) -> int:
        return (high << 32 | low) * _NANOSECONDS // self.resolution + self.offset * _NANOSECONDS


def is_capture(head: bytes) -> bool:
    """Whether a file that begins so is a capture."""
    return head[:4] in _PCAP or head[:4] == _PCAPNG


def packets(file: Readable) -> Iterator[Packet | Trouble]:
    """The packets of a capture file in its order, one by one, and last what keeps us from reading on."""
    magic = file.read(4)
    try:
        yield from _pcapng_packets(file, magic) if magic == _PCAPNG else _pcap_packets(file, magic)
    except EOFError:
        yield Trouble("the capture ends in the middle of a packet")
    except ValueError as error:
        yield Trouble(str(error))


def _exactly(file: Readable, size: int) -> bytes:
    octets = file.read(size)
    if len(octets) < size:
        raise EOFError
    return octets


def _pcap_packets(file: Readable, magic: bytes) -> Iterator[Packet]:
    if magic not in _PCAP:
        raise ValueError("this is no capture")
    order, fractions, size = _PCAP[magic]
    link = struct.unpack(f"{order}16xI", _exactly(file, 20))[0] & 0xFFFF  # above stands the length of the FCS
    number = 0
    while head := file.read(size):
        number += 1
        if len(head) < size:
            raise EOFError
        seconds, fraction, captured, length = struct.unpack(f"{order}IIII", head[:16])
        _check(captured, f"packet {number}")
        time = seconds * _NANOSECONDS + fraction * _NANOSECONDS // fractions
        yield Packet(time, link, _exactly(file, captured), length)


def _check(octets: int, what: str) -> None:
    if octets > PACKET_LIMIT:
        raise ValueError(f"{what} claims {octets} octets: the capture is damaged from there on")


def _pcapng_packets(file: Readable, magic: bytes) -> Iterator[Packet | Trouble]:
    """The blocks one by one; a section header, which every file begins with, tells the byte order anew."""
    order, interfaces, number = "<", list[_Interface](), 0
    kind = magic
    while kind:
        number += 1
        length = _exactly(file, 4)
        if kind == _PCAPNG:
            byte_order = _exactly(file, 4)
            if byte_order not in _ORDERS:
                raise ValueError(f"block {number} has no byte order: the capture is damaged from there on")
            order, interfaces, done = _ORDERS[byte_order], [], 12
        else:
            done = 8
        body = _block(file, struct.unpack(f"{order}I", length)[0], done, f"block {number}")
        found = _read_block(order, kind, body, interfaces)
        if found:
            yield found if isinstance(found, Packet) else Trouble(f"block {number} {found}")
        kind = file.read(4)
        if kind and len(kind) < 4:
            raise EOFError


def _block(file: Readable, length: int, done: int, what: str) -> bytes:
    """What is left of a block, but for its length at the end."""
    if length % 4 or length < done + 4:
        raise ValueError(f"{what} claims {length} octets: the capture is damaged from there on")
    _check(length, what)
    return _exactly(file, length - done)[:-4]


def _read_block(order: str, kind: bytes, body: bytes, interfaces: list[_Interface]) -> Packet | str | None:
    """The packet in a block, or what is wrong with it; None for a block that has no packet."""
    number = struct.unpack(f"{order}I", kind)[0]
    try:
        if number == _INTERFACE:
            if len(interfaces) >= INTERFACE_LIMIT:
                return "is one interface too many"
            interfaces.append(_interface(order, body))
        elif number in _READERS:
            return _READERS[number](order, body, interfaces)
    except (struct.error, IndexError):
        return "is too short, or names an interface that is not there"
    return None


def _interface(order: str, body: bytes) -> _Interface:
    """An interface, with the options that change the meaning of a time."""
    link, snaplen = struct.unpack_from(f"{order}H2xI", body)
    resolution, offset, at = 10**6, 0, 8
    while at + 4 <= len(body):
        code, length = struct.unpack_from(f"{order}HH", body, at)
        if code == 0:
            break
        if code == _TIME_RESOLUTION:
            exponent = body[at + 4]
            resolution = 2 ** (exponent & 0x7F) if exponent & 0x80 else 10**exponent
        elif code == _TIME_OFFSET:
            offset = struct.unpack_from(f"{order}q", body, at + 4)[0]
        at += 4 + length + -length % 4
    return _Interface(link, snaplen, resolution, offset)


def _packet(order: str, body: bytes, interfaces: list[_Interface]) -> Packet | str:
    index, *fields = struct.unpack_from(f"{order}IIIII", body)
    return _timed(interfaces[index], fields, body)


def _old_packet(order: str, body: bytes, interfaces: list[_Interface]) -> Packet | str:
    index, *fields = struct.unpack_from(f"{order}H2xIIII", body)
    return _timed(interfaces[index], fields, body)


def _timed(interface: _Interface, fields: list[int], body: bytes) -> Packet | str:
    high, low, captured, length = fields
    octets = body[20 : 20 + captured]
    if len(octets) < captured:
        return "is shorter than the packet in it"
    return Packet(interface.time(high, low), interface.link, octets, length)


def _simple_packet(order: str, body: bytes, interfaces: list[_Interface]) -> Packet | str:
    """A packet without a time, of the first interface; how much of it was captured, only the snaplen says."""
    (length,) = struct.unpack_from(f"{order}I", body)
    interface = interfaces[0]
    octets = body[4 : 4 + min(length, interface.snaplen or length)]
    return Packet(None, interface.link, octets, length)


_READERS: Final[dict[int, Callable[[str, bytes, list[_Interface]], Packet | str]]] = {
    _PACKET: _packet,
    _OLD_PACKET: _old_packet,
    _SIMPLE_PACKET: _simple_packet,
}
