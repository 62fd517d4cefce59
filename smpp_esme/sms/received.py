"""What stands in the short message of a PDU that came: its octets, its text and its place among the segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from smpp_esme.protocol.parameters import EsmClass
from smpp_esme.protocol.tlvs import Tag
from smpp_esme.sms import udh
from smpp_esme.sms.coding import Coding, coding_of, decode
from smpp_esme.sms.national import shifts_of
from smpp_esme.sms.septets import PADDING, PADDING_OF_A_SEGMENT, fill_bits, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smpp_esme.protocol.pdus import DataSm, DeliverSm, SubmitSm
    from smpp_esme.sms.profile import Profile
    from smpp_esme.sms.udh import Concatenation, Element

_UDHI: Final = int(EsmClass.UDHI)


class TextPdu(Protocol):
    """What a submit_sm, deliver_sm and data_sm have in common."""

    @property
    def source_addr(self) -> str:
        """Who sent it."""

    @property
    def destination_addr(self) -> str:
        """Whom it is for."""

    @property
    def esm_class(self) -> int:
        """Whether a header precedes the text, among others."""

    @property
    def data_coding(self) -> int:
        """What the octets are."""

    def tlv(self, tag: int, /) -> Any:
        """The value of the first TLV with this tag, or None."""

    def tlv_octets(self, tag: int, /) -> bytes | None:
        """Its octets, or None."""


def octets_of(pdu: TextPdu) -> bytes:
    """The content of a PDU: its short_message or, where that is empty or absent, its message_payload."""
    short_message: bytes = getattr(pdu, "short_message", b"")
    return short_message or pdu.tlv(Tag.MESSAGE_PAYLOAD) or b""


def text_of(
    short_message: bytes, esm_class: int, data_coding: int, profile: Profile
) -> tuple[str, Concatenation | None]:
    """The text in a short message, and where it belongs if it is a segment; it never raises."""
    coding = coding_of(data_coding, profile)
    if not esm_class & _UDHI:
        return decode(_unpacked(short_message, 0, coding, profile), coding), None
    elements, octets = udh.split(short_message)
    place = udh.concatenation(elements)
    octets = _unpacked(octets, len(short_message) - len(octets), coding, profile, place=place)
    return decode(octets, coding, shifts_of(elements)), place


def body_of(short_message: bytes, esm_class: int) -> tuple[bytes, Concatenation | None]:
    """The octets behind the user data header, if esm_class announces one, and what it says of concatenation."""
    if not esm_class & _UDHI:
        return short_message, None
    elements, octets = udh.split(short_message)
    return octets, udh.concatenation(elements)


def _unpacked(
    octets: bytes, header: int, coding: Coding, profile: Profile, *, place: Place | Concatenation | None = None
) -> bytes:
    """The same, one septet an octet where they are packed behind so many octets of header."""
    if not profile.packed or coding is not Coding.GSM7:
        return octets
    is_last = place is None or place.sequence == place.total
    return unpack(octets, fill_bits(header), PADDING if is_last else PADDING_OF_A_SEGMENT)


class Place(NamedTuple):
    """Which segment of which message a PDU carries.

    Attributes:
        carrier: what says so: "udh8", "udh16" or "sar"; each counts its references by itself.
        reference: the message's number.
        total: how many segments it has, from 1.
        sequence: which one this is, 1 to total.
    """

    carrier: str
    reference: int
    total: int
    sequence: int


class Body(NamedTuple):
    """What one PDU carries, without its place.

    Attributes:
        octets: the content behind the user data header; GSM 7-bit one septet an octet.
        coding: what they are.
        elements: the header's information elements, those of concatenation left out.
    """

    octets: bytes
    coding: Coding
    elements: tuple[Element, ...]


def read(pdu: SubmitSm | DeliverSm | DataSm, profile: Profile) -> tuple[Body, Place | None]:
    """What a PDU carries, and its place if it is a segment; it never raises.

    The user data header says where a segment belongs or, where it does not, the TLVs sar_msg_ref_num,
    sar_total_segments and sar_segment_seqnum (SMPP 3.4, 5.3.2.22 to 5.3.2.24).
    """
    octets = octets_of(pdu)
    coding = coding_of(pdu.data_coding, profile)
    if not pdu.esm_class & _UDHI:
        place = _sar(pdu)
        return Body(_unpacked(octets, 0, coding, profile, place=place), coding, ()), place
    elements, content = udh.split(octets)
    place = _place(udh.concatenation(elements)) or _sar(pdu)
    content = _unpacked(content, len(octets) - len(content), coding, profile, place=place)
    others = tuple([one for one in elements if one.identifier not in _CONCATENATIONS])
    return Body(content, coding, others), place


def text_of_all(bodies: Sequence[Body]) -> str:
    """The text that these bodies have together, in this order; it never raises."""
    if len({body[1:] for body in bodies}) == 1:
        # Joined before decoding: a careless sender's cut through a pair heals.
        return decode(b"".join([body.octets for body in bodies]), bodies[0].coding, shifts_of(bodies[0].elements))
    return "".join([decode(body.octets, body.coding, shifts_of(body.elements)) for body in bodies])


_CONCATENATIONS: Final = frozenset({udh.CONCATENATION_8BIT, udh.CONCATENATION_16BIT})
_SAR: Final = (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)


def _place(found: Concatenation | None) -> Place | None:
    if found is None:
        return None
    return Place("udh16" if found.wide else "udh8", found.reference, found.total, found.sequence)


def _sar(pdu: TextPdu) -> Place | None:
    reference, total, sequence = map(pdu.tlv, _SAR)
    # All three, or they are to be ignored; and so are those that make no sense (5.3.2.22).
    if reference is None or not total or not sequence or sequence > total:
        return None
    return Place("sar", reference, total, sequence)
