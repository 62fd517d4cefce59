"""Every PDU that we encode is dissected by tshark to the same values.

Wireshark's dissector is a reading of SMPP that owes nothing to ours. What it is known not to read is left out here by
name, each with its reason; everything else must agree, parameter by parameter and in the order of the wire. Hundreds of
PDUs go into one capture, for starting tshark takes longer than dissecting them.
"""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.protocol.codec import decode, encode
from smpp_esme.protocol.commands import CommandId, CommandStatus, is_response
from smpp_esme.protocol.composites import Several
from smpp_esme.protocol.parameters import EsmClass
from smpp_esme.protocol.pdus import (
    PDUS,
    BindTransceiver,
    BroadcastSm,
    DataSm,
    EnquireLink,
    Pdu,
    SubmitMulti,
    SubmitSm,
    SubmitSmResp,
)
from smpp_esme.protocol.structures import MsValidity
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from xml.etree.ElementTree import Element

pytestmark = pytest.mark.interop

GOLDEN = Path(__file__).parents[2] / "fixtures" / "pdus"
PORT = 2775
MOST_IN_A_PACKET = 1400
EACH = 25

#: TLVs that tshark misreads, or cannot be asked for.
LEFT_OUT: dict[Tag, str] = {
    Tag.BROADCAST_REP_NUM: "takes its two octets for one and loses step with what follows (SMPP 5.0, 4.8.4.13)",
    Tag.BROADCAST_END_TIME: "reads on past its 16 octets for a NUL, which it does not have",
    Tag.MS_VALIDITY: "takes the first of the four octets that 5.0 allows for all; the one octet of 3.4 is compared",
}

#: TLVs of which PDML shows where they stand and how long they are, but not what they hold.
WITHOUT_VALUE = {Tag.CALLBACK_NUM, Tag.CALLBACK_NUM_ATAG}

#: Operations that have no optional parameters in the specification, so tshark looks for none.
WITHOUT_TLVS = {
    CommandId.BIND_RECEIVER, CommandId.BIND_TRANSMITTER, CommandId.BIND_TRANSCEIVER, CommandId.OUTBIND,
    CommandId.UNBIND, CommandId.UNBIND_RESP, CommandId.ENQUIRE_LINK, CommandId.ENQUIRE_LINK_RESP,
    CommandId.GENERIC_NACK, CommandId.QUERY_SM, CommandId.QUERY_SM_RESP, CommandId.CANCEL_SM, CommandId.CANCEL_SM_RESP,
    CommandId.REPLACE_SM_RESP, CommandId.CANCEL_BROADCAST_SM_RESP,
}  # fmt: skip

#: Golden PDUs that it misreads.
GOLDEN_LEFT_OUT = {
    "broadcast_sm": "has a broadcast_rep_num, which it misreads",
}

#: What tshark calls differently, or shows bit by bit.
NAMES = (
    (re.compile(r"esm\.submit\..*"), "esm_class"),
    (re.compile(r"regdel\..*"), "registered_delivery"),
    (re.compile(r"(schedule_delivery_time|validity_period)_r"), r"\1"),
    (re.compile(r"message"), "short_message"),
)


class Read(NamedTuple):
    """A PDU as it was read.

    Attributes:
        header: command_length, command_id, command_status, sequence_number.
        parameters: name and octets, in wire order.
        tlvs: tag, name (None for one that it does not know), and octets; only their number where they are not shown.
    """

    header: tuple[int, int, int, int]
    parameters: list[tuple[str, bytes]]
    tlvs: list[tuple[int, str | None, bytes | int]]


# What we mean


def meant(pdu: Pdu) -> Read:
    """What tshark should say of a PDU that we encoded."""
    header = (len(encode(pdu)), pdu.command_id, pdu.command_status, pdu.sequence_number)
    if pdu.command_status:
        return Read(header, [], [])  # of a refusal it reads the header only
    tlvs = [] if pdu.command_id in WITHOUT_TLVS else pdu.tlvs
    return Read(header, list(filled(parameters(pdu))), [meant_tlv(tlv) for tlv in tlvs])


def meant_tlv(tlv: Tlv) -> tuple[int, str | None, bytes | int]:
    name = TLVS.name(tlv.tag) if TLVS.knows(tlv.tag) else None
    return tlv.tag, name, len(tlv.octets) if tlv.tag in WITHOUT_VALUE else tlv.octets


def parameters(record: Any) -> Iterator[tuple[str, bytes]]:
    """Each parameter and its octets, those of a list's elements one by one."""
    layout = record.layout.fields if isinstance(record, Pdu) else record_fields(record)
    for name, wire_type in layout:
        value = getattr(record, name)
        if isinstance(wire_type, Several):
            for element in value:
                yield from parameters(element)
        elif isinstance(value, bytes):
            yield name, value
        elif isinstance(value, str):
            yield name, value.encode("ascii") + b"\0"
        else:
            yield name, value.to_bytes(wire_type.size, "big")


def filled(several: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Without the empty strings that are NUL only: which of those it shows is a matter of the dissector's mood."""
    integers = {"esm_class", "registered_delivery", "protocol_id", "priority_flag"}
    for name, octets in several:
        if octets and (octets != b"\0" or name in integers or name.endswith(INTEGERS)):
            yield name, octets
