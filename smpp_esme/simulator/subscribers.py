"""What subscribers send: one text as the deliver_sm or data_sm of its segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec.structs import replace

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.pdus import DataSm, DeliverSm
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.sms import address
from smpp_esme.sms.coding import data_coding_of, encode
from smpp_esme.sms.received import body_of
from smpp_esme.sms.segments import segment

if TYPE_CHECKING:
    from smpp_esme.sms.coding import Coding
    from smpp_esme.sms.profile import Profile

#: How a long text travels: in segments behind a user data header with an 8-bit or a 16-bit reference, in segments under
#: the SAR TLVs, or whole in message_payload, of a deliver_sm or a data_sm.
Carriage = Literal["udh8", "udh16", "sar", "payload", "data_sm"]
CARRIAGES: Final[tuple[Carriage, ...]] = ("udh8", "udh16", "sar", "payload", "data_sm")

_REFERENCES: Final = {"udh8": 0x100, "udh16": 0x1_0000, "sar": 0x1_0000}
_SAR: Final = (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)


def pdus_of(
    text: str,
    *,
    source: str,
    destination: str,
    profile: Profile,
    reference: int,
    carriage: Carriage = "udh8",
    coding: Coding | None = None,
) -> list[DeliverSm | DataSm]:
    """A subscriber's text as PDUs, in order.

    Args:
        text: what the subscriber writes.
        source: the subscriber's number.
        destination: the number that the ESME serves.
        profile: the SMSC's.
        reference: a number that the subscriber's next text does not have.
        carriage: how a long text travels.
        coding: how its characters are written; by default as shortly as they can be.

    Raises:
        InvalidValue: a number is none, or the text does not fit.
    """
    if carriage not in CARRIAGES:
        raise InvalidValue("carriage", f"is {carriage!r}", f"one of {', '.join(CARRIAGES)}")
    addresses = _addresses(source, destination)
    number = reference % _REFERENCES.get(carriage, 0x100)
    cut = segment(text, _carried(profile, carriage), reference=number, coding=coding)
    if carriage in ("payload", "data_sm"):
        record = DataSm if carriage == "data_sm" else DeliverSm
        octets = Tlv(Tag.MESSAGE_PAYLOAD, encode(text, cut.coding))
        return [record(**addresses, data_coding=data_coding_of(cut.coding, profile), tlvs=(octets,))]
    return [
        DeliverSm(
            **addresses,
            esm_class=one.esm_class if carriage != "sar" else 0,
            data_coding=one.data_coding,
            short_message=one.short_message if carriage != "sar" else body_of(one.short_message, one.esm_class)[0],
            tlvs=_sar(number, one.total, one.sequence) if carriage == "sar" and one.total > 1 else (),
        )
        for one in cut.segments
    ]


def _addresses(source: str, destination: str) -> dict[str, Any]:
    sender, receiver = address.destination(source), address.source(destination)
    return {
        "source_addr_ton": sender.ton,
        "source_addr_npi": sender.npi,
        "source_addr": sender.addr,
        "dest_addr_ton": receiver.ton,
        "dest_addr_npi": receiver.npi,
        "destination_addr": receiver.addr,
    }


def _carried(profile: Profile, carriage: Carriage) -> Profile:
    return replace(profile, concatenation="udh16" if carriage == "udh16" else "udh8")


def _sar(*place: int) -> tuple[Tlv, ...]:
    return tuple([TLVS.tlv(tag, value) for tag, value in zip(_SAR, place, strict=True)])
