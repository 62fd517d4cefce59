"""Receipts as the SMSC writes them: SMPP 3.4's Appendix B for texts, smsc-centre's grammar for lookups."""

from __future__ import annotations

from datetime import timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus

from smpp_esme.protocol.parameters import EsmClass, MessageState, NetworkType, RegisteredDelivery
from smpp_esme.protocol.pdus import DeliverSm
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.protocol.wire import CString, UInt
from smpp_esme.simulator.records import moment
from smpp_esme.sms.times import absolute

if TYPE_CHECKING:
    from collections.abc import Callable

    from smpp_esme.simulator.handsets import Handset, Verdict
    from smpp_esme.simulator.records import Message

#: The words of Appendix B, and of SMPP 5.0 for the states that it adds.
STATS: Final = {
    MessageState.SCHEDULED: "SCHEDLD",
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
    MessageState.SKIPPED: "SKIPPED",
}

#: smsc-centre's own tags, which come with each of its receipts.
COST, FLAGS, PARTS = 0x2000, 0x2001, 0x2002
VENDOR_TLVS: Final = TLVS.extend({COST: ("cost", CString(7)), FLAGS: ("flags", UInt(2)), PARTS: ("parts", UInt(2))})

#: What kind of message it was, in the lowest four bits of flags; kinds that are not published count as texts.
_FLAGS: Final = {"hlr": 4, "ping": 5, "call": 7, "mail": 8, "viber": 10, "soc": 12}
_COSTS: Final = {"hlr": "0.2000", "ping": "0.3000", "call": "4.5000", "mail": "0.1000", "viber": "2.4000"}
_TEXT_COST: Final = "3.1000"
_LOOKUPS: Final = frozenset({"hlr", "ping"})
# short_message holds 254 octets (SMPP 3.4, 5.2.22).
_LONGEST: Final = 254

#: By the lowest two bits of registered_delivery: the outcomes that are reported (SMPP 3.4, 5.2.17; 3 is of 5.0).
_REPORTED: Final = {
    0: frozenset[MessageState](),
    1: frozenset(MessageState),
    2: frozenset(MessageState) - {MessageState.DELIVERED},
    3: frozenset({MessageState.DELIVERED}),
}
_WANTED: Final = int(RegisteredDelivery.RECEIPT | RegisteredDelivery.RECEIPT_ON_FAILURE)


def is_wanted(registered_delivery: int, state: MessageState) -> bool:
    """Whether a receipt for this outcome was asked for."""
    return state in _REPORTED[registered_delivery & _WANTED]


def compose(message: Message, verdict: Verdict, *, submitted: float, done: float, handset: Handset | None) -> DeliverSm:
    """The deliver_sm that reports a verdict, its addresses the other way round than the message's.

    Args:
        message: what was submitted.
        verdict: what became of it.
        submitted: when it came, seconds since 1970.
        done: when the verdict fell, likewise.
        handset: what a lookup answers; None for a text.
    """
    request = message.request
    written_id = _FORMS[message.id_form](message.message_id)
    if handset is not None:
        text = lookup_text(written_id, verdict, handset)
    else:
        text = receipt_text(message, written_id, verdict, submitted=submitted, done=done)
    octets = text.encode("ascii", "replace")
    fits = len(octets) <= _LONGEST
    tlvs = (
        Tlv(Tag.RECEIPTED_MESSAGE_ID, written_id.encode() + b"\0"),
        *_tlvs(verdict.state, verdict.error),
        *(_vendor_tlvs(message.kind, message.parts) if message.profile.envelopes else ()),
        *(() if fits else (Tlv(Tag.MESSAGE_PAYLOAD, octets),)),
    )
    return DeliverSm(
        source_addr_ton=request.dest_addr_ton,
        source_addr_npi=request.dest_addr_npi,
        source_addr=request.destination_addr,
        dest_addr_ton=request.source_addr_ton,
        dest_addr_npi=request.source_addr_npi,
        destination_addr=request.source_addr,
        esm_class=EsmClass.DELIVERY_RECEIPT,
        short_message=octets if fits else b"",
        tlvs=tlvs,
    )


def receipt_text(message: Message, written_id: str, verdict: Verdict, *, submitted: float, done: float) -> str:
    """Appendix B's form; dates are in the profile's zone and say so nowhere."""
    zone = message.profile.receipt_zone
    delivered = "001" if verdict.state is MessageState.DELIVERED else "000"
    return (
        f"id:{written_id} sub:001 dlvrd:{delivered} submit date:{_date(int(submitted) // 60, zone)}"
        f" done date:{_date(int(done) // 60, zone)} stat:{STATS[verdict.state]} err:{verdict.error:03}"
        f" text:{message.text}"
    )


def lookup_text(written_id: str, verdict: Verdict, handset: Handset) -> str:
    """The provider's grammar for `__HLR__` and `__PING__`: names are URL-encoded, and what is not known is empty."""
    return (
        f"id:{written_id} stat:{STATS[verdict.state]} err:{verdict.error:03}"
        f" imsi:{handset.imsi} msc:{handset.msc} mcc:{handset.mcc} mnc:{handset.mnc}"
        f" cn:{quote_plus(handset.country)} net:{quote_plus(handset.operator)}"
        f" rcn:{quote_plus(handset.roaming_country)} rnet:{quote_plus(handset.roaming_operator)}"
    )


def is_lookup(kind: str) -> bool:
    """Whether this kind of message asks and delivers nothing."""
    return kind in _LOOKUPS


def final_date(done: float) -> str:
    """When a verdict fell, as query_sm_resp has it (SMPP 3.4, 7.1.1)."""
    return absolute(moment(done))


_FORMS: Final[dict[str, Callable[[str], str]]] = {
    "same": str,
    "hex": lambda message_id: f"{int(message_id):x}",
    "padded": lambda message_id: message_id.zfill(10),
}


@lru_cache(maxsize=1024)
def _tlvs(state: MessageState, error: int) -> tuple[Tlv, Tlv]:
    network_error = bytes((NetworkType.GSM,)) + error.to_bytes(2, "big")
    return TLVS.tlv(Tag.MESSAGE_STATE, int(state)), TLVS.tlv(Tag.NETWORK_ERROR_CODE, network_error)


@lru_cache(maxsize=1024)
def _vendor_tlvs(kind: str, parts: int) -> tuple[Tlv, Tlv, Tlv]:
    return (
        VENDOR_TLVS.tlv(COST, _COSTS.get(kind, _TEXT_COST)),
        VENDOR_TLVS.tlv(FLAGS, _FLAGS.get(kind, 0)),
        VENDOR_TLVS.tlv(PARTS, parts),
    )


@lru_cache(maxsize=1024)
def _date(minutes: int, zone: timezone) -> str:
    return f"{moment(0) + timedelta(minutes=minutes) + (zone.utcoffset(None) or timedelta()):%y%m%d%H%M}"
