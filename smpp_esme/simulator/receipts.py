"""Receipts as the SMSC writes them: SMPP 3.4's Appendix B for texts, smsc-centre's grammar for lookups."""

from __future__ import annotations

from datetime import timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus

from smpp_esme.protocol.parameters import MessageState, NetworkType, RegisteredDelivery
from smpp_esme.protocol.pdus import DataSm, DeliverSm
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.protocol.wire import CString, UInt
from smpp_esme.simulator.forms import DIALECTS, STATS, Facts, write
from smpp_esme.simulator.records import moment
from smpp_esme.sms.times import absolute

if TYPE_CHECKING:
    from smpp_esme.simulator.forms import ReceiptForm
    from smpp_esme.simulator.handsets import Handset, Verdict
    from smpp_esme.simulator.records import Message

#: smsc-centre's own tags, which come with each of its receipts.
COST, FLAGS, PARTS = 0x2000, 0x2001, 0x2002
VENDOR_TLVS: Final = TLVS.extend({COST: ("cost", CString(7)), FLAGS: ("flags", UInt(2)), PARTS: ("parts", UInt(2))})

#: What kind of message it was, in the lowest four bits of flags; kinds that are not published count as texts.
_FLAGS: Final = {"binary": 2, "wap-push": 3, "hlr": 4, "ping": 5, "call": 7, "mail": 8, "viber": 10, "soc": 12}
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


def compose(
    message: Message,
    verdict: Verdict,
    form: ReceiptForm,
    *,
    submitted: float,
    done: float,
    handset: Handset | None,
) -> DeliverSm | DataSm:
    """What reports a verdict, its addresses the other way round than the message's.

    Args:
        message: what was submitted.
        verdict: what became of it.
        form: how it is written.
        submitted: when it came, seconds since 1970.
        done: when the verdict fell, likewise.
        handset: what a lookup answers; None for a text.
    """
    octets = _octets(message, verdict, form, submitted=submitted, done=done, handset=handset)
    carrier = form.carrier
    if len(octets) > _LONGEST and carrier == "short_message":
        carrier = "message_payload"
    tlvs: tuple[Tlv, ...] = ()
    if form.tlvs or carrier == "tlvs":
        message_id = Tlv(Tag.RECEIPTED_MESSAGE_ID, (message.tlv_id or message.message_id).encode() + b"\0")
        vendor = message.profile.envelopes and form.tlvs
        tlvs = (message_id, *_tlvs(verdict.state, verdict.error, form.error_in_ascii))
        tlvs += _vendor_tlvs(message.kind, message.parts) if vendor else ()
    if carrier in _IN_PAYLOAD:
        tlvs += (Tlv(Tag.MESSAGE_PAYLOAD, octets),)
    request = message.request
    receipt = DeliverSm(
        source_addr_ton=request.dest_addr_ton,
        source_addr_npi=request.dest_addr_npi,
        source_addr=request.destination_addr,
        dest_addr_ton=request.source_addr_ton,
        dest_addr_npi=request.source_addr_npi,
        destination_addr=request.source_addr,
        esm_class=form.esm_class,
        data_coding=form.data_coding,
        short_message=octets if carrier == "short_message" else b"",
        tlvs=tlvs,
    )
    return _as_data_sm(receipt) if carrier == "data_sm" else receipt


def _as_data_sm(receipt: DeliverSm) -> DataSm:
    return DataSm(**{name: getattr(receipt, name) for name in (*dict(DataSm.layout.fields), "tlvs")})


_IN_PAYLOAD: Final = frozenset({"message_payload", "data_sm"})


def _octets(
    message: Message, verdict: Verdict, form: ReceiptForm, *, submitted: float, done: float, handset: Handset | None
) -> bytes:
    """The receipt's text."""
    written = message.written or message.message_id
    if handset is not None:
        return lookup_text(written, verdict, handset).encode("ascii", "replace")
    zone = message.profile.receipt_zone
    if form.dialect == "appendix b":  # what nearly all receipts are, at nearly all times
        return _appendix_b(message, verdict, _date(int(submitted) // 60, zone), _date(int(done) // 60, zone))
    submit, end = moment(submitted).astimezone(zone), moment(done).astimezone(zone)
    number = message.request.destination_addr
    facts = Facts(written, verdict.state, verdict.error, submit, end, message.text, number)
    return write(facts, DIALECTS[form.dialect])


def _appendix_b(message: Message, verdict: Verdict, submit: str, done: str) -> bytes:
    """Appendix B's form; dates are in the profile's zone and say so nowhere."""
    delivered = "001" if verdict.state is MessageState.DELIVERED else "000"
    return (
        f"id:{message.written or message.message_id} sub:001 dlvrd:{delivered} submit date:{submit} done date:{done}"
        f" stat:{STATS[verdict.state]} err:{verdict.error:03} text:{message.text}"
    ).encode("ascii", "replace")


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


@lru_cache(maxsize=1024)
def _tlvs(state: MessageState, error: int, ascii_error: bool) -> tuple[Tlv, ...]:  # noqa: FBT001 - a key of the cache
    binary = bytes((NetworkType.GSM,)) + error.to_bytes(2, "big")
    network_error = f"{error:03}"[-3:].encode() if ascii_error else binary
    return TLVS.tlv(Tag.MESSAGE_STATE, int(state)), Tlv(Tag.NETWORK_ERROR_CODE, network_error)


@lru_cache(maxsize=1024)
def _vendor_tlvs(kind: str, parts: int) -> tuple[Tlv, ...]:
    return (
        VENDOR_TLVS.tlv(COST, _COSTS.get(kind, _TEXT_COST)),
        VENDOR_TLVS.tlv(FLAGS, _FLAGS.get(kind, 0)),
        VENDOR_TLVS.tlv(PARTS, parts),
    )


@lru_cache(maxsize=1024)
def _date(minutes: int, zone: timezone) -> str:
    return f"{moment(0) + timedelta(minutes=minutes) + (zone.utcoffset(None) or timedelta()):%y%m%d%H%M}"
