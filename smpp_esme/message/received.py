"""A message that a subscriber sent (MO), as the store keeps it, and the segments that wait for the rest of one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from smpp_esme.sms.coding import Coding

if TYPE_CHECKING:
    from smpp_esme.sms.mo import MoMessage


class Received(msgspec.Struct, kw_only=True, frozen=True):
    """A message from a subscriber.

    Attributes:
        id: the store's own key; 0 until it is kept.
        reference: ours; see `message.new_reference`.
        link: the link it came over.
        source_addr: who sent it.
        destination_addr: whom it was sent to.
        text: what it says; of an incomplete message the segments that came. "" if it is binary.
        octets: what a binary message says; None for a text.
        coding: how the text stood in the octets.
        data_coding: the parameter that said so.
        esm_class: as it came (SMPP 3.4, 5.2.12).
        segments: how many it has.
        missing: the sequence numbers of those that did not come in time.
        detail: what else came, as JSON values: service_type, protocol_id, ports, user_message_reference, elements,
            tlvs, oddities; what is not there was not there, or 0.
        received_at: when it was whole, or given up.
    """

    id: int = 0
    reference: str
    link: str
    source_addr: str
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    destination_addr: str
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    text: str
    octets: bytes | None = None
    coding: str
    data_coding: int
    esm_class: int = 0
    segments: int = 1
    missing: tuple[int, ...] = ()
    detail: dict[str, Any] = {}
    received_at: datetime

    @classmethod
    def of(cls, message: MoMessage, *, reference: str, at: datetime) -> Received:
        """The record of a message that came."""
        return cls(
            reference=reference,
            link=message.link,
            source_addr=message.source_addr,
            source_addr_ton=message.source_addr_ton,
            source_addr_npi=message.source_addr_npi,
            destination_addr=message.destination_addr,
            dest_addr_ton=message.dest_addr_ton,
            dest_addr_npi=message.dest_addr_npi,
            text=message.text,
            octets=message.octets if message.coding is Coding.BINARY else None,
            coding=message.coding,
            data_coding=message.data_coding,
            esm_class=message.esm_class,
            segments=message.total,
            missing=message.missing,
            detail=_detail(message),
            received_at=at,
        )

    def __repr__(self) -> str:  # never the text, never a number
        return f"<Received {self.reference} on {self.link}, {self.segments} segments>"


class SegmentKey(msgspec.Struct, frozen=True):
    """What the segments of one message share.

    Attributes:
        carrier: what says where a segment belongs: "udh8", "udh16" or "sar".
        reference: the message's number.
        total: how many segments it has.
    """

    link: str
    source_addr: str
    destination_addr: str
    carrier: str
    reference: int
    total: int

    def __repr__(self) -> str:  # never a number
        return f"<SegmentKey {self.carrier} {self.reference} of {self.total} on {self.link}>"


class HeldSegment(msgspec.Struct, frozen=True):
    """A segment that waits for the rest of its message.

    Attributes:
        key: of its message.
        pdu: the PDU that brought it, as `daemon.receive` writes it.
        received_at: when it came.
    """

    key: SegmentKey
    pdu: bytes
    received_at: datetime

    def __repr__(self) -> str:  # never the text
        return f"<HeldSegment of {self.key!r}, {len(self.pdu)} octets>"


def key_of(message: MoMessage) -> SegmentKey | None:
    """Under which key the segments of a message waited; None if it came in one PDU."""
    if message.carrier is None or message.reference is None:
        return None
    return SegmentKey(
        message.link,
        message.source_addr,
        message.destination_addr,
        message.carrier,
        message.reference,
        message.total,
    )


def _detail(message: MoMessage) -> dict[str, Any]:
    ports = message.ports
    told = {
        "service_type": message.service_type,
        "protocol_id": message.protocol_id,
        "ports": ports and {"destination": ports.destination, "source": ports.source},
        "user_message_reference": message.user_message_reference,
        "elements": [{"identifier": one.identifier, "octets": one.data.hex()} for one in message.elements],
        "tlvs": [{"tag": one.tag, "octets": one.octets.hex()} for one in message.tlvs],
        "oddities": list(message.oddities),
    }
    # A user_message_reference of 0 is one; everything else that is empty says nothing.
    return {name: value for name, value in told.items() if value or (name == "user_message_reference" and value == 0)}
