"""Octets to PDUs and back, and where one PDU ends in a stream."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from smpp_esme.errors import BrokenStream, MalformedPdu
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.layout import HEADER
from smpp_esme.protocol.pdus import PDUS, Pdu
from smpp_esme.protocol.wire import SMPP_3_4

if TYPE_CHECKING:
    from collections.abc import Callable

#: A message_payload TLV holds up to 65,535 octets; nothing lawful is much longer.
DEFAULT_LIMIT: Final = 70_000

#: The decode function of each command_id that has come so far.
_DECODERS: Final[dict[int, Callable[[bytes, int, int], Any]]] = {}
_read_header: Final = HEADER.unpack_from
_read_length: Final = struct.Struct(">I").unpack_from


def encode(pdu: Pdu, sequence_number: int | None = None, version: int = SMPP_3_4) -> bytes:
    """The octets of one whole PDU.

    Args:
        pdu: what to send.
        sequence_number: overrides the PDU's own.
        version: the peer's interface_version. From 0x50 short_message may have 255 octets instead of 254; below 0x34
            there are no TLVs: a request that has some is refused, a response goes out without them.

    Raises:
        EncodingError: a value does not fit its parameter; names PDU, parameter, problem and limit.
    """
    return pdu.layout.encode(pdu, pdu.sequence_number if sequence_number is None else sequence_number, version)


def decode(octets: bytes) -> Pdu:
    """The PDU in `octets`, which hold exactly one, as `Framer` gives them.

    Raises:
        MalformedPdu: no whole header, a command_length of another number of octets, unknown command_id, or a mandatory
            parameter runs past the end.
    """
    try:
        length, command_id, command_status, sequence_number = _read_header(octets)
    except struct.error:
        raise _bad_length(f"{len(octets)} octets are too few for a header", 0, 0) from None
    if length != len(octets):
        problem = f"command_length {length} where {len(octets)} octets are there"
        raise _bad_length(problem, command_id, sequence_number)
    decoder = _DECODERS.get(command_id) or _first_decoder(command_id, sequence_number)
    return decoder(octets, command_status, sequence_number)  # type: ignore[no-any-return]  # compiled functions give Any


def _first_decoder(command_id: int, sequence_number: int) -> Callable[[bytes, int, int], Any]:
    """The decode function of a PDU that comes for the first time."""
    record = PDUS.get(command_id)
    if record is None:
        raise MalformedPdu(
            "unknown command_id",
            command_id=command_id,
            sequence_number=sequence_number,
            command_status=CommandStatus.ESME_RINVCMDID,
        )
    decoder = _DECODERS[command_id] = record.layout.decode
    return decoder


def _bad_length(problem: str, command_id: int, sequence_number: int) -> MalformedPdu:
    return MalformedPdu(
        problem,
        command_id=command_id,
        sequence_number=sequence_number,
        command_status=CommandStatus.ESME_RINVCMDLEN,
    )


class Framer:
    """Splits a stream into PDUs by their command_length (SMPP 3.4, 3.2); any slicing gives the same PDUs.

    Linear in time however the stream is sliced, and never keeps more than one incomplete PDU.

    Attributes:
        broken: why the stream cannot be split any further; everything fed after that is ignored.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.limit = limit
        self.broken: BrokenStream | None = None
        self._rest = bytearray()

    def feed(self, octets: bytes) -> list[bytes]:
        """The PDUs that these octets complete, in order."""
        if self._rest:
            self._rest += octets
            if len(self._rest) < self._wanted():
                return []
            octets = bytes(self._rest)
            self._rest.clear()
        frames, at = self._split(octets)
        if at < len(octets) and not self.broken:
            self._rest += octets[at:]
        return frames

    def _wanted(self) -> int:
        """How many octets must be there before a look at them can give a PDU."""
        if len(self._rest) < HEADER.size:
            return HEADER.size
        length = int.from_bytes(self._rest[:4], "big")
        return length if length <= self.limit else 0

    def _split(self, octets: bytes) -> tuple[list[bytes], int]:
        frames: list[bytes] = []
        at, end = 0, len(octets)
        while at + HEADER.size <= end and not self.broken:
            (length,) = _read_length(octets, at)
            if not HEADER.size <= length <= self.limit:
                self.broken = BrokenStream(length, self.limit)
            elif at + length > end:
                break
            else:
                frames.append(octets[at : at + length])
                at += length
        return frames, at
