"""A message that a subscriber sent: what an application gets once all its segments are there, or once they are late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from smpp_esme.protocol.parameters import MESSAGE_TYPE_MASK
from smpp_esme.protocol.pdus import DataSm, DeliverSm, SubmitSm
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv, TlvTable
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.ports import Ports, ports_in
from smpp_esme.sms.received import Body, Place, text_of_all
from smpp_esme.sms.udh import Element

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class MoMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message from a subscriber (MO), whole, or as much of it as came.

    Attributes:
        link: the link it came over.
        source_addr: who sent it.
        source_addr_ton: the type of that number, as it stood in the PDU.
        source_addr_npi: its numbering plan.
        destination_addr: whom it was sent to.
        dest_addr_ton: the type of that number.
        dest_addr_npi: its numbering plan.
        text: what it says; of an incomplete message the segments that are there, in order. "" if it is binary.
        octets: the same as it came, headers left out; this is what a binary message says.
        coding: how the text stood in the octets.
        data_coding: the parameter that said so.
        esm_class: as it came; `is_acknowledgement` reads it.
        service_type: as it came, often "".
        protocol_id: as it came (3GPP TS 23.040, 9.2.3.9); 0 in a data_sm, which has none.
        elements: the user data header's information elements, those of concatenation left out; `ports` reads them.
        carrier: what said where its segments belong: "udh8", "udh16" or "sar"; None for a message of one PDU.
        reference: the number that its segments share; None for a message of one PDU.
        total: how many segments it has.
        missing: the sequence numbers of the segments that did not come in time.
        tlvs: the TLVs, those of the content and of concatenation left out; `tlv` reads them.
        oddities: what was odd about its PDUs, as sentences.

    Where segments differ in anything but their content, the first of them speaks.
    """

    link: str
    source_addr: str
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    destination_addr: str
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    text: str
    octets: bytes
    coding: Coding
    data_coding: int
    esm_class: int = 0
    service_type: str = ""
    protocol_id: int = 0
    elements: tuple[Element, ...] = ()
    carrier: str | None = None
    reference: int | None = None
    total: int = 1
    missing: tuple[int, ...] = ()
    tlvs: tuple[Tlv, ...] = ()
    oddities: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every segment came."""
        return not self.missing

    @property
    def is_acknowledgement(self) -> bool:
        """Whether the subscriber's handset or hand acknowledges a message of ours (SMPP 3.4, 5.2.12)."""
        return self.esm_class & MESSAGE_TYPE_MASK != 0

    @property
    def ports(self) -> Ports | None:
        """Between which applications it goes: as the header says or, where it does not, the TLVs; None if neither."""
        destination, source = self.tlv(Tag.DESTINATION_PORT), self.tlv(Tag.SOURCE_PORT)
        if found := ports_in(self.elements):
            return found
        return None if destination is None else Ports(destination, source or 0)

    @property
    def user_message_reference(self) -> int | None:
        """The ESME's number for the message that this one answers (SMPP 3.4, 5.3.2.17); None if it does not say."""
        found: int | None = self.tlv(Tag.USER_MESSAGE_REFERENCE)
        return found

    def tlv(self, tag: int, table: TlvTable = TLVS) -> Any:
        """The value of the first TLV with this tag, as the table has it; None if there is none."""
        return next((table.value(tlv) for tlv in self.tlvs if tlv.tag == tag), None)

    def __repr__(self) -> str:
        """What came and what is missing; never the text or the numbers."""
        return (
            f"MoMessage({self.coding}, {len(self.octets)} octets, {self.total} segments, missing={self.missing},"
            f" link={self.link!r})"
        )


class Part(msgspec.Struct, frozen=True):
    """One PDU of a message.

    Attributes:
        pdu: as it came.
        body: what it carries.
        place: which segment it is, if it is one.
    """

    pdu: SubmitSm | DeliverSm | DataSm
    body: Body
    place: Place | None

    @property
    def size(self) -> int:
        """How many octets of memory it takes, about."""
        return len(self.body.octets) + sum([len(tlv.octets) for tlv in self.pdu.tlvs])


def message_of(link: str, parts: Mapping[int, Part]) -> MoMessage:
    """The message of these parts, which are known by their sequence numbers; at least one."""
    ordered = [part for _, part in sorted(parts.items())]
    first = ordered[0]
    pdu, place = first.pdu, first.place
    bodies = [part.body for part in ordered]
    total = place.total if place else 1
    return MoMessage(
        link=link,
        source_addr=pdu.source_addr,
        source_addr_ton=pdu.source_addr_ton,
        source_addr_npi=pdu.source_addr_npi,
        destination_addr=pdu.destination_addr,
        dest_addr_ton=pdu.dest_addr_ton,
        dest_addr_npi=pdu.dest_addr_npi,
        text="" if first.body.coding is Coding.BINARY else text_of_all(bodies),
        octets=b"".join([body.octets for body in bodies]),
        coding=first.body.coding,
        data_coding=pdu.data_coding,
        esm_class=pdu.esm_class,
        service_type=pdu.service_type,
        protocol_id=getattr(pdu, "protocol_id", 0),
        elements=first.body.elements,
        carrier=place.carrier if place else None,
        reference=place.reference if place else None,
        total=total,
        missing=tuple([number for number in range(1, total + 1) if number not in parts]) if place else (),
        tlvs=tuple([tlv for tlv in pdu.tlvs if tlv.tag not in _SAID_ELSEWHERE]),
        oddities=_once(ordered),
    )


_SAID_ELSEWHERE: Final = frozenset(
    {Tag.MESSAGE_PAYLOAD, Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM}
)


def _once(parts: Iterable[Part]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(oddity for part in parts for oddity in part.pdu.oddities))
