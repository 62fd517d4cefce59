"""Hypothesis strategies for PDUs, for the tests of whoever uses smpp_esme; needs hypothesis.

Nothing is listed here twice: what a parameter may hold is asked of its wire type, so a parameter that is added to a PDU
is generated from then on::

    from hypothesis import given
    from smpp_esme import testing

    @given(testing.pdu(SubmitSm, data_coding=st.just(8)))
    def test_my_handler_takes_any_submit_sm(submit_sm): ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import strategies as st

from smpp_esme.protocol.commands import CommandStatus, is_response
from smpp_esme.protocol.composites import Composite, Flagged, Several
from smpp_esme.protocol.pdus import PDUS, Pdu
from smpp_esme.protocol.structures import Structure
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.protocol.window import HIGHEST_SEQUENCE_NUMBER
from smpp_esme.protocol.wire import CString, Octets, Text, UInt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hypothesis.strategies import SearchStrategy

    from smpp_esme.protocol.tlvs import TlvTable
    from smpp_esme.protocol.wire import Checked

P = TypeVar("P", bound=Pdu)

_ASCII = st.characters(min_codepoint=0x01, max_codepoint=0x7F)


def values(wire_type: Checked) -> SearchStrategy[Any]:  # noqa: PLR0911 - a table of the wire types
    """Values that a parameter of this wire type can carry to a peer of SMPP 3.4: all of them, and no others."""
    match wire_type:
        case UInt():
            return st.integers(0, wire_type.limit)
        case CString(exact=True):
            return st.just("") | st.text(_ASCII, min_size=wire_type.limit - 1, max_size=wire_type.limit - 1)
        case CString():
            return st.text(_ASCII, max_size=wire_type.limit - 1)
        case Octets():
            return st.binary(min_size=wire_type.least, max_size=wire_type.limit)
        case Text():
            return st.text(_ASCII, min_size=wire_type.least, max_size=wire_type.limit)
        case Several():
            several = st.lists(values(wire_type.element), min_size=wire_type.least, max_size=wire_type.limit)
            return several.map(tuple)
        case Flagged():
            return st.one_of([values(kind) for kind in wire_type.kinds.values()])
        case Composite() | Structure():
            return st.builds(wire_type.record, **{name: values(part) for name, part in wire_type.fields})
    raise TypeError(f"{type(wire_type).__name__} is no wire type")


def statuses() -> SearchStrategy[int]:
    """command_status of a response: ESME_ROK, the specification's, a vendor's, or any other number."""
    return st.sampled_from(sorted(CommandStatus)) | st.integers(0, 0xFFFF_FFFF)


def tlv(*tags: int, table: TlvTable = TLVS) -> SearchStrategy[Tlv]:
    """A TLV that its tag allows; with tags given, one of these, else any the specification knows or does not."""
    known = st.sampled_from(tags or sorted(Tag)).flatmap(
        lambda tag: values(table.wire_type(tag)).map(lambda value: table.tlv(tag, value))
    )
    return known if tags else known | st.builds(Tlv, st.integers(0, 0xFFFF), st.binary(max_size=300))


def tlvs(*tags: int, table: TlvTable = TLVS, max_size: int = 5) -> SearchStrategy[tuple[Tlv, ...]]:
    """The optional parameters of a PDU, in any order, some repeated."""
    return st.lists(tlv(*tags, table=table), max_size=max_size).map(tuple)


def pdu(record: type[P], **parameters: SearchStrategy[Any]) -> SearchStrategy[P]:
    """A PDU of this class that can be sent; `parameters` replace the strategies of single fields."""
    chosen: dict[str, SearchStrategy[Any]] = {
        "sequence_number": st.integers(1, HIGHEST_SEQUENCE_NUMBER),
        "tlvs": tlvs(),
        **{name: values(wire_type) for name, wire_type in record.layout.fields},
    }
    if is_response(record.command_id):
        chosen["command_status"] = statuses()
    return st.builds(record, **(chosen | parameters))


def pdus(records: Iterable[type[Pdu]] = tuple(PDUS.values())) -> SearchStrategy[Pdu]:
    """A PDU of any class, or of one of these."""
    return st.one_of([pdu(record) for record in records])
