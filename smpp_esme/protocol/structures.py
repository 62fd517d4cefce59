"""The values of TLVs that hold more than one thing, as records (SMPP 3.4, 5.3.2; 5.0, 4.8.4)."""

# ruff: noqa: D102 - what the methods mean is said once, in wire.TlvType

from typing import Annotated, Any, cast

from smpp_esme.protocol.wire import SMPP_3_4, Octets, Privacy, Record, UInt, parameters

U8 = Annotated[int, UInt(1)]
U16 = Annotated[int, UInt(2)]


class Structure:
    """A TLV's value of integers and, at the end, perhaps octets, as a record.

    Read whatever its length: what is missing is 0 or empty, what is too much is passed over. Sent as a record whose
    fields fit, or as octets of a length that is allowed.

    Args:
        record: the record.
        short: how many octets the value may be cut down to where the rest of it is not used.
        digits: whether the octets may also be the last integer alone, in ASCII, as some SMSCs write it.
    """

    privacy = Privacy.PERSONAL

    def __init__(self, record: type[Record], *, short: int | None = None, digits: bool = False) -> None:
        self.record = record
        self.fields = cast("tuple[tuple[str, UInt | Octets], ...]", parameters(record))
        self.default = record()
        self.short = short
        self.digits = digits
        *_, (_, last) = self.fields
        self._integers = [wire_type for _, wire_type in self.fields if isinstance(wire_type, UInt)]
        self._size = sum(integer.size for integer in self._integers)
        self._tail = last if isinstance(last, Octets) else None
        self.least = self._size + (self._tail.least if self._tail else 0)
        self.limit = self._size + (self._tail.limit if self._tail else 0)

    def problem(self, value: Any, version: int = SMPP_3_4) -> tuple[str, str] | None:
        if isinstance(value, bytes):
            allowed = self.least <= len(value) <= self.limit or len(value) == self.short
            return None if allowed else (f"{len(value)} octets", f"{self.least} to {self.limit} octets")
        if not isinstance(value, self.record):
            return f"{type(value).__name__} is none", f"a {self.record.__name__}, or its octets"
        for name, wire_type in self.fields:
            if trouble := wire_type.problem(getattr(value, name), version):
                return f"{name}: {trouble[0]}", trouble[1]
        return None

    def to_octets(self, value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        octets = b"".join(wire_type.to_octets(getattr(value, name)) for name, wire_type in self.fields)
        return octets if self.short is None or any(octets[self.short :]) else octets[: self.short]

    def from_octets(self, octets: bytes) -> Any:
        if self.digits and len(octets) <= 5 and octets.isdigit():
            return self.record(*(0 for _ in self._integers[1:]), int(octets))
        values: list[Any] = []
        at = 0
        for integer in self._integers:
            values.append(integer.from_octets(octets[at : at + integer.size]))
            at += integer.size
        return self.record(*values, octets[at:]) if self._tail else self.record(*values)


class NetworkErrorCode(Record, frozen=True, gc=False):
    """Why a network did not deliver, in its own numbers (SMPP 3.4, 5.3.2.31).

    Attributes:
        network_type: a `NetworkType`; 0 if the SMSC does not say whose numbers these are.
        error_code: the network's number.
    """

    network_type: U8 = 0
    error_code: U16 = 0


class Subaddress(Record, frozen=True, gc=False):
    """What stands behind a number: an extension, an NSAP address (SMPP 3.4, 5.3.2.15)."""

    subaddress_type: U8 = 0
    subaddress: Annotated[bytes, Octets(22, least=1)] = b""


class CallbackNum(Record, frozen=True, gc=False):
    """A number to call back (SMPP 3.4, 5.3.2.36).

    Attributes:
        digit_mode: 1 if the digits are ASCII, 0 if they are DTMF in TBCD.
        addr_ton: its type of number.
        addr_npi: its numbering plan.
        digits: the number, as digit_mode has it.
    """

    digit_mode: U8 = 0
    addr_ton: U8 = 0
    addr_npi: U8 = 0
    digits: Annotated[bytes, Octets(16, least=1)] = b""


class CallbackNumAtag(Record, frozen=True, gc=False):
    """What to show for a number to call back (SMPP 3.4, 5.3.2.38): its data_coding, and the text in it."""

    data_coding: U8 = 0
    display: Annotated[bytes, Octets(64)] = b""


class MsValidity(Record, frozen=True, gc=False):
    """How long a handset keeps a message (SMPP 3.4, 5.3.2.27); unit and number are of 5.0 and left out if unused."""

    behaviour: U8 = 0
    unit: U8 = 0
    number: U16 = 0


class ItsSessionInfo(Record, frozen=True, gc=False):
    """Where in a dialogue a message stands (SMPP 3.4, 5.3.2.43)."""

    session_number: U8 = 0
    dialogue_unit: U8 = 0

    @property
    def dialogue_number(self) -> int:
        """The message's number in the dialogue."""
        return self.dialogue_unit >> 1

    @property
    def is_last(self) -> bool:
        """True if the dialogue ends with it."""
        return bool(self.dialogue_unit & 1)


class BroadcastAreaIdentifier(Record, frozen=True, gc=False):
    """An area: its alias, or its shape as 3GPP TS 23.032 has it (SMPP 5.0, 4.8.4.4)."""

    area_format: U8 = 0
    area: Annotated[bytes, Octets(100, privacy=Privacy.OPEN)] = b""


class BroadcastContentType(Record, frozen=True, gc=False):
    """What a broadcast is about, in the numbers of a network, or of all (SMPP 5.0, 4.8.4.8)."""

    network: U8 = 0
    content_type: U16 = 0


class BroadcastFrequencyInterval(Record, frozen=True, gc=False):
    """How often a broadcast is repeated (SMPP 5.0, 4.8.4.11)."""

    unit: U8 = 0
    number: U16 = 0


class BillingIdentification(Record, frozen=True, gc=False):
    """Who pays, in a vendor's own form (SMPP 5.0, 4.8.4.3)."""

    billing_format: U8 = 0
    billing: Annotated[bytes, Octets(1023)] = b""
