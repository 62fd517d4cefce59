"""The compiler: a PDU class in, one straight-line encode and one straight-line decode function out.

The compiled functions hold only the ordinary case. Whatever they stumble over is gone through again parameter by
parameter, by `Layout.read` and `Layout.refusal`, which find words for it; so patience costs nothing while nobody errs.

Nobody uses every PDU: each function is compiled when it is first asked for, which takes a quarter of a millisecond.
"""

from __future__ import annotations

import struct
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from smpp_esme.errors import EncodingError, MalformedPdu
from smpp_esme.protocol import tlvs
from smpp_esme.protocol.commands import CommandStatus, is_response
from smpp_esme.protocol.wire import SMPP_3_4, SMPP_5_0, joined, parameters

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER: Final = struct.Struct(">IIII")

#: What the straight-line code raises at a value or at octets that need a closer look.
_STUMBLES: Final = (
    IndexError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    struct.error,
)


class Layout:
    """The parameters of one PDU in wire order, and the functions compiled from them.

    Attributes:
        command_id: the operation.
        fields: (parameter, wire type) in wire order.
    """

    def __init__(self, record: type[Any], command_id: int) -> None:
        self.record = record
        self.command_id = command_id
        self.is_response = is_response(command_id)
        self.fields = parameters(record)

    @cached_property
    def encode(self) -> Callable[..., bytes]:
        """(pdu, sequence_number, the peer's interface_version) -> the whole PDU's octets; compiled when first used."""
        return self._compiled("encode", self._encode_source())

    @cached_property
    def decode(self) -> Callable[[bytes, int, int], Any]:
        """(the whole PDU's octets, command_status, sequence_number) -> the PDU; compiled when first used."""
        return self._compiled("decode", self._decode_source())

    def read(self, octets: bytes, command_status: int, sequence_number: int) -> Any:
        """The PDU, read patiently; what was odd is told in its `oddities`.

        A response may lack trailing parameters, and its last string may lack its NUL: the request was answered all the
        same. A request must be whole.

        Raises:
            MalformedPdu: a mandatory parameter runs past the end, or is none.
        """
        at, values, oddities = HEADER.size, [], []
        for name, wire_type in self.fields:
            if self.is_response and at == len(octets):
                values.append(wire_type.default)
                if not command_status:
                    oddities.append(f"{name} is missing")
                continue
            try:
                value, at = wire_type.read(octets, at)
            except ValueError as error:  # the one octet that can be misunderstood, instead of missed, is dest_flag
                problem = f"{name} at offset {at}: {error}"
                raise self._malformed(problem, sequence_number, CommandStatus.ESME_RINVDESTFLAG) from None
            except IndexError:
                if not self.is_response:
                    problem = f"{name} at offset {at} runs past the end of {len(octets)} octets"
                    raise self._malformed(problem, sequence_number, CommandStatus.ESME_RINVCMDLEN) from None
                value, at = wire_type.from_octets(octets[at:]), len(octets)
                oddities.append(f"{name} runs past the end")
            else:
                if trouble := wire_type.problem(value, SMPP_5_0):
                    oddities.append(f"{name}: {trouble[0]}, where {trouble[1]} is allowed")
            values.append(value)
        tail, odd_tail = tlvs.read(octets, at)
        return self.record(sequence_number, command_status, tail, (*oddities, *odd_tail), *values)

    def refusal(self, pdu: Any, sequence_number: int, version: int) -> EncodingError:
        """Why this PDU cannot be sent: the first parameter whose value does not fit."""
        name = self.record.__name__
        for parameter, wire_type in self.fields:
            if trouble := wire_type.problem(getattr(pdu, parameter), version):
                return EncodingError(f"{name}.{parameter}", *trouble)
        for parameter, value in (
            ("command_status", pdu.command_status),
            ("sequence_number", sequence_number),
        ):
            if not (isinstance(value, int) and 0 <= value <= 0xFFFF_FFFF):
                return EncodingError(f"{name}.{parameter}", f"{value!r} is out of range", "0 to 4294967295")
        if pdu.tlvs and version < SMPP_3_4:
            told = ", ".join(tlvs.name_of(tlv.tag) for tlv in pdu.tlvs)
            return EncodingError(f"{name}.tlvs", f"the peer knows no TLVs, and these are there: {told}", "none")
        return EncodingError(name, "the TLVs cannot be written", "a tuple of Tlv")

    def _malformed(self, problem: str, sequence_number: int, command_status: CommandStatus) -> MalformedPdu:
        return MalformedPdu(
            problem, command_id=self.command_id, sequence_number=sequence_number, command_status=command_status
        )

    def _compiled(self, name: str, source: str) -> Callable[..., Any]:
        namespace: dict[str, Any] = {
            "HEADER": HEADER,
            "STUMBLES": _STUMBLES,
            "EncodingError": EncodingError,
            "layout": self,
            "record": self.record,
            "read_tlvs": tlvs.read,
            "tlvs_to_octets": tlvs.to_octets,
        }
        for _, wire_type in self.fields:
            namespace |= wire_type.namespace
        exec(
            compile(source, f"<{name} {self.record.__name__}>", "exec"), namespace
        )  # our own declarations, never input
        return namespace[name]  # type: ignore[no-any-return]  # exec gives Any

    def _decode_source(self) -> str:
        """The source of `decode`; `at` walks the octets, every parameter becomes a local."""
        names = ", ".join(name for name, _ in self.fields)
        steps = [line for name, wire_type in self.fields for line in wire_type.decode_source(name)]
        if self.is_response and self.fields:  # a refusal without a body is ordinary (SMPP 3.4, 4.4.2)
            defaults = ", ".join(repr(wire_type.default) for _, wire_type in self.fields)
            steps.insert(0, "if command_status and len(octets) == 16:")
            steps.insert(1, f"    return record(sequence_number, command_status, (), (), {defaults})")
        return "\n".join(
            [
                "def decode(octets, command_status, sequence_number):",
                "    try:",
                "        at = 16",
                *(f"        {line}" for line in steps),
                "        if at == len(octets):",
                f"            return record(sequence_number, command_status, (), (), {names})",
                "        tlvs, oddities = read_tlvs(octets, at)",
                f"        return record(sequence_number, command_status, tlvs, oddities, {names})",
                "    except STUMBLES:",
                "        return layout.read(octets, command_status, sequence_number)",
            ]
        )

    def _encode_source(self) -> str:
        """The source of `encode`: check, lay out, prefix the header."""
        checks = " or ".join(check for name, wire_type in self.fields for check in wire_type.encode_checks(name))
        header = f"HEADER.pack(16 + len(body), {self.command_id}, pdu.command_status, sequence_number)"
        lines = [f"{name} = pdu.{name}" for name, _ in self.fields]
        if self.is_response and self.fields:  # a refusal carries no body unless there is something to say
            nothing = " or ".join([*(name for name, _ in self.fields), "pdu.tlvs"])
            lines += [f"if pdu.command_status and not ({nothing}):", "    body = b''", f"    return {header}"]
        if checks:
            lines += [f"if {checks}:", "    raise ValueError"]
        body = joined(piece for name, wire_type in self.fields for piece in wire_type.encode_source(name))
        lines += [f"body = {body}", *self._tlvs_source(), f"return {header} + body"]
        return "\n".join(
            [
                f"def encode(pdu, sequence_number, version={SMPP_3_4}):",
                "    try:",
                *(f"        {line}" for line in lines),
                "    except EncodingError:",
                "        raise",
                "    except STUMBLES:",
                "        raise layout.refusal(pdu, sequence_number, version) from None",
            ]
        )

    def _tlvs_source(self) -> list[str]:
        """Lines that append the TLVs; a peer of SMPP 3.3 or earlier must be sent none (SMPP 3.4, 5.2.4).

        In a request they are what is asked for, the text itself may be one, so it is refused rather than sent without
        them. In a response they only explain, and the request has to be answered: they are left out.
        """
        if self.is_response:
            return [f"if pdu.tlvs and version >= {SMPP_3_4}:", "    body += tlvs_to_octets(pdu.tlvs)"]
        return [
            "if pdu.tlvs:",
            f"    if version < {SMPP_3_4}: raise ValueError",
            "    body += tlvs_to_octets(pdu.tlvs)",
        ]
