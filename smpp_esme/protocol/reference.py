"""The same layouts to construct's own engine, which reads and builds them step by step.

It is the reference that the compiled functions are held against, and tells an annotated dump where each value began.
It is apart from the wire types because importing construct takes about as long as importing all of the codec.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import construct

from smpp_esme.protocol.composites import Composite, Flagged, Several
from smpp_esme.protocol.wire import CString, Octets, UInt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.protocol.wire import Part

_INTEGERS: Final = {1: construct.Int8ub, 2: construct.Int16ub, 4: construct.Int32ub}

#: One TLV.
TLV: Final = construct.Struct(
    "tag" / construct.Int16ub, "octets" / construct.Prefixed(construct.Int16ub, construct.GreedyBytes)
)


@cache
def pdu(record: type[Pdu]) -> Any:
    """A whole PDU of this class, header and TLVs included."""
    return construct.Struct(
        "command_length" / construct.Int32ub,
        "command_id" / construct.Int32ub,
        "command_status" / construct.Int32ub,
        "sequence_number" / construct.Int32ub,
        *_named(record.layout.fields),
        "tlvs" / construct.GreedyRange(TLV),
        construct.Terminated,
    )


def parameter(wire_type: Part) -> Any:
    """A parameter of this wire type; it parses to, and builds from, the value that a PDU has there."""
    match wire_type:
        case UInt():
            return _INTEGERS[wire_type.size]
        case CString():
            terminated = construct.NullTerminated(construct.GreedyBytes)
            return construct.ExprAdapter(
                terminated, lambda obj, _: obj.decode("latin-1"), lambda obj, _: obj.encode("ascii")
            )
        case Octets():
            return construct.Prefixed(construct.Int8ub, construct.GreedyBytes)
        case Composite():
            return _composite(wire_type)
        case Flagged():
            return _flagged(wire_type)
        case Several():
            elements = construct.PrefixedArray(construct.Int8ub, parameter(wire_type.element))
            return construct.ExprAdapter(elements, lambda obj, _: tuple(obj), lambda obj, _: list(obj))
    raise TypeError(f"{type(wire_type).__name__} is no wire type")


def _composite(composite: Composite) -> Any:
    names = [name for name, _ in composite.fields]
    return construct.ExprAdapter(
        construct.Struct(*_named(composite.fields)),
        lambda obj, _: composite.record(**{name: obj[name] for name in names}),
        lambda obj, _: {name: getattr(obj, name) for name in names},
    )


def _flagged(flagged: Flagged) -> Any:
    flags = {kind.record: number for number, kind in flagged.kinds.items()}
    kinds = {number: parameter(kind) for number, kind in flagged.kinds.items()}
    return construct.ExprAdapter(
        construct.Struct(
            "flag" / construct.Int8ub, "record" / construct.Switch(construct.this.flag, kinds, construct.Error)
        ),
        lambda obj, _: obj.record,
        lambda obj, _: {"flag": flags[type(obj)], "record": obj},
    )


def _named(fields: Iterable[tuple[str, Part]]) -> list[Any]:
    return [name / parameter(wire_type) for name, wire_type in fields]
