"""An annotated dump of a PDU: every octet, the parameter it belongs to, its value, and what the value means.

It walks the same wire types as the codec does, but with construct's own engine, whose `RawCopy` tells where each value
began and ended. So it also shows what the codec must refuse, as far as it can be read, and it is slow.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import construct
import msgspec

from smpp_esme.errors import MalformedPdu
from smpp_esme.protocol import codec, reference
from smpp_esme.protocol.commands import is_response
from smpp_esme.protocol.composites import Flagged, Several
from smpp_esme.protocol.layout import HEADER
from smpp_esme.protocol.meanings import command_name, meaning
from smpp_esme.protocol.parameters import EsmClass
from smpp_esme.protocol.pdus import PDUS
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.protocol.wire import Privacy, Record, UInt

if TYPE_CHECKING:
    from collections.abc import Callable

    from smpp_esme.protocol.composites import Composite
    from smpp_esme.protocol.tlvs import TlvTable
    from smpp_esme.protocol.wire import Checked, WireType

    #: What a text says, from its octets, esm_class and data_coding.
    Reading = Callable[[bytes, int, int], str]

_HEADER: Final = ("command_length", "command_id", "command_status", "sequence_number")
_U8, _U32 = UInt(1), UInt(4)
_NO_END: Final = "runs past the end"


class Line(msgspec.Struct, frozen=True):
    """One parameter of a PDU.

    Attributes:
        offset: where its first octet stands in the PDU.
        octets: its octets in hexadecimal, dots where they are hidden.
        parameter: its name; empty if nobody knows whose these octets are.
        value: what it holds, the octets where that is a structure; None if it is hidden, or could not be read.
        meaning: what that says to a person; empty if there is nothing to add.
    """

    offset: int
    octets: str
    parameter: str
    value: int | str | bytes | None
    meaning: str = ""


class Dump(msgspec.Struct, frozen=True):
    """What could be read of one PDU.

    Attributes:
        name: the operation, in the specification's words, or its number.
        lines: every octet of the PDU, in order.
        oddities: sentences about what a patient reader puts up with.
        problem: why the PDU cannot be used; empty if it can.
    """

    name: str
    lines: tuple[Line, ...]
    oddities: tuple[str, ...] = ()
    problem: str = ""

    @property
    def is_whole(self) -> bool:
        """True if every octet was understood."""
        return not self.problem and all(line.parameter for line in self.lines)


def dump(octets: bytes, *, show_secrets: bool = False, table: TlvTable = TLVS, reading: Reading | None = None) -> Dump:
    """The annotated octets of one PDU, or of the beginning of one; never raises for what they hold.

    Args:
        octets: what should be one PDU.
        show_secrets: show passwords.
        table: the TLVs that are known.
        reading: (short_message or message_payload, esm_class, data_coding) -> what the text says; None guesses.
    """
    walk = _Walk(octets, show_secrets=show_secrets, table=table, reading=reading or _guess)
    for name in _HEADER:
        walk.parameter(name, _U32)
    command_id = int.from_bytes(octets[4:8], "big")
    record = PDUS.get(command_id) if len(octets) >= HEADER.size else None
    if record:
        for name, wire_type in record.layout.fields:
            walk.parameter(name, wire_type, may_lack=is_response(command_id))
        walk.tlvs()
    walk.rest()
    oddities, problem = _judgement(octets)
    return Dump(command_name(command_id), tuple(walk.lines), oddities, problem)


class _Walk:
    """One way through a PDU, parameter by parameter."""

    def __init__(self, octets: bytes, *, show_secrets: bool, table: TlvTable, reading: Reading) -> None:
        self.octets = octets
        self.stream = io.BytesIO(octets)
        self.lines: list[Line] = []
        self.read: dict[str, Any] = {}
        self.lost = False
        self.show_secrets = show_secrets
        self.table = table
        self.reading = reading

    def parameter(self, name: str, wire_type: WireType, *, may_lack: bool = False) -> None:
        """Read one mandatory parameter; after one that could not be read there are no more."""
        start = self.stream.tell()
        if self.lost or (may_lack and start == len(self.octets)):
            return
        if isinstance(wire_type, Several):
            self._several(wire_type, may_lack=may_lack)
            return
        try:
            copy = construct.RawCopy(reference.parameter(wire_type)).parse_stream(self.stream)
        except construct.ConstructError:
            self.stream.seek(start)
            if may_lack:  # read as patiently as the codec does
                left = self.stream.read()
                self._add(name, wire_type, start=start, octets=left, value=wire_type.from_octets(left), note=_NO_END)
            else:
                self._lose(name, wire_type)
        else:
            self._add(name, wire_type, start=start, octets=copy.data, value=copy.value)

    def _several(self, several: Several, *, may_lack: bool) -> None:
        """Read a list, parameter by parameter."""
        self.parameter(several.count, _U8, may_lack=may_lack)
        for _ in range(self.read.get(several.count, 0)):
            composite = self._kind(several.element, may_lack=may_lack)
            for name, part in composite.fields if composite else ():
                self.parameter(name, part, may_lack=may_lack)

    def _kind(self, element: Composite | Flagged, *, may_lack: bool) -> Composite | None:
        """The next element, whose flag is read if it has one; None if it cannot be told."""
        if not isinstance(element, Flagged):
            return element
        self.read.pop(element.flag, None)
        self.parameter(element.flag, _U8, may_lack=may_lack)
        kind = element.kinds.get(self.read.get(element.flag, 0))
        self.lost = self.lost or kind is None
        return kind

    def tlvs(self) -> None:
        """Read TLVs for as long as there are whole ones."""
        while not self.lost and self.stream.tell() < len(self.octets):
            start = self.stream.tell()
            try:
                copy = construct.RawCopy(reference.TLV).parse_stream(self.stream)
            except construct.ConstructError:
                self.stream.seek(start)
                return
            tlv = Tlv(copy.value.tag, copy.value.octets)
            name, wire_type = self.table.name(tlv.tag), self.table.wire_type(tlv.tag)
            note = "" if self.table.knows(tlv.tag) else "unknown tag"
            value = self.table.value(tlv)
            told = meaning(name, value) if isinstance(value, Record) else note
            value = tlv.octets if isinstance(value, Record) else value
            self._add(name, wire_type, start=start, octets=copy.data, value=value, note=told)

    def rest(self) -> None:
        """What is left belongs to nobody."""
        start = self.stream.tell()
        if left := self.stream.read():
            self.lines.append(Line(start, left.hex(" "), "", None, "could not be read"))

    def _lose(self, name: str, wire_type: Checked) -> None:
        """The octets of a parameter that runs past the end; a password's are hidden even so."""
        self.lost = True
        start = self.stream.tell()
        if start < len(self.octets) and self._hides(wire_type):
            self.lines.append(Line(start, _dots(self.stream.read()), "", None, f"{name} {_NO_END}; hidden"))

    def _add(self, name: str, wire_type: Checked, *, start: int, octets: bytes, value: Any, note: str = "") -> None:
        self.read[name] = value
        if self._hides(wire_type):
            self.lines.append(Line(start, _dots(octets), name, None, "hidden"))
        else:
            told = note or self._text(name, value) or meaning(name, value)
            self.lines.append(Line(start, octets.hex(" "), name, value, told))

    def _hides(self, wire_type: Checked) -> bool:
        return wire_type.privacy is Privacy.SECRET and not self.show_secrets

    def _text(self, name: str, value: Any) -> str:
        """What a text reads like under its data_coding."""
        if name not in {"short_message", Tag.MESSAGE_PAYLOAD.name.lower()} or not value:
            return ""
        return self.reading(value, self.read.get("esm_class", 0), self.read.get("data_coding", 0))


def _guess(octets: bytes, esm_class: int, data_coding: int) -> str:
    return text_guess(octets[1 + octets[0] :] if esm_class & EsmClass.UDHI else octets, data_coding)


def text_guess(octets: bytes, data_coding: int) -> str:
    """The text in `octets`: UCS2 where data_coding says so (3GPP TS 23.038, 4), else read as ISO-8859-1.

    A guess, for what data_coding 0 means is between ESME and SMSC (SMPP 3.4, 5.2.19).
    """
    if data_coding & 0xCC == 0x08:
        return f"UCS2? {octets.decode('utf-16-be', 'replace')!r}"
    return f"ISO-8859-1? {octets.decode('latin-1')!r}"


def _judgement(octets: bytes) -> tuple[tuple[str, ...], str]:
    """What the codec says of it: (oddities, problem)."""
    try:
        return codec.decode(octets).oddities, ""
    except MalformedPdu as error:
        return (), error.problem


def _dots(octets: bytes) -> str:
    return " ".join(".." for _ in octets)
