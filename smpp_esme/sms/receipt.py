"""Delivery receipts, from TLVs and from text (SMPP 3.4, 2.11, 5.2.12.1 and Appendix B).

The text of a receipt is "SMSC vendor specific" by Appendix B, and its data_coding is often wrong, so it is read as
octets, by its keys: in any order and case, with any of them missing. TLVs win where both speak.

Whether a deliver_sm is a receipt is for esm_class to say, or for the TLV receipted_message_id, which nothing else has.
A text alone does not make a receipt: any subscriber can write `id:1 stat:DELIVRD` and mark a message delivered. A
profile whose SMSC sends nothing but the text says so (`receipts_by_text`), and then the text must have an id, a done
date and a known state.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.protocol.parameters import MESSAGE_TYPE_MASK, EsmClass, MessageState
from smpp_esme.protocol.tlvs import Tag
from smpp_esme.sms import hlr, receipt_text
from smpp_esme.sms.received import body_of, octets_of

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import DataSm, DeliverSm
    from smpp_esme.sms.profile import Profile

# By 5.2.28 ACCEPTED is final too, but SMSCs send it on the way, and a final state after it.
FINAL: Final = frozenset(MessageState) - {MessageState.SCHEDULED, MessageState.ENROUTE, MessageState.ACCEPTED}
_STATE_OF: Final[dict[int, MessageState]] = {int(state): state for state in MessageState}


class DeliveryKind(StrEnum):
    """What a deliver_sm or data_sm brings, by the message type in its esm_class (SMPP 3.4, 5.2.12)."""

    MESSAGE = "message"
    """What a subscriber wrote, unless the PDU shows in another way that it is a receipt."""
    RECEIPT = "receipt"
    """What became of a message of ours."""
    INTERMEDIATE_NOTIFICATION = "intermediate notification"
    """How a message of ours stands before that is known."""
    DELIVERY_ACKNOWLEDGEMENT = "delivery acknowledgement"
    """The subscriber's device says that it was read."""
    USER_ACKNOWLEDGEMENT = "user acknowledgement"
    """The subscriber answers it by hand."""
    CONVERSATION_ABORT = "conversation abort"
    """The subscriber's side of an interactive session ends it (Korean CDMA)."""
    RESERVED = "reserved"
    """A message type that SMPP does not define."""


_UDHI: Final = int(EsmClass.UDHI)
_RECEIPTS: Final = frozenset({DeliveryKind.MESSAGE, DeliveryKind.RECEIPT, DeliveryKind.INTERMEDIATE_NOTIFICATION})
_KINDS: Final = {
    int(EsmClass.DEFAULT): DeliveryKind.MESSAGE,
    int(EsmClass.DELIVERY_RECEIPT): DeliveryKind.RECEIPT,
    int(EsmClass.INTERMEDIATE_NOTIFICATION): DeliveryKind.INTERMEDIATE_NOTIFICATION,
    int(EsmClass.DELIVERY_ACKNOWLEDGEMENT): DeliveryKind.DELIVERY_ACKNOWLEDGEMENT,
    int(EsmClass.USER_ACKNOWLEDGEMENT): DeliveryKind.USER_ACKNOWLEDGEMENT,
    int(EsmClass.CONVERSATION_ABORT): DeliveryKind.CONVERSATION_ABORT,
}


def kind_of(esm_class: int) -> DeliveryKind:
    """What the PDU brings, as far as esm_class tells."""
    return _KINDS.get(esm_class & MESSAGE_TYPE_MASK, DeliveryKind.RESERVED)


# Not kw_only: it is built for every receipt, and by position in a quarter of the time.
class Receipt(msgspec.Struct, frozen=True):
    """What an SMSC reported of one submitted message. Texts the receipt lacks are empty.

    Attributes:
        message_id: whose receipt it is: the TLV's message_id, or else the text's.
        text_message_id: the message_id in the text, which is often written in another form than the TLV's.
        message_state: the state: the TLV's, or else the text's; None if neither has one that is known.
        stat: the text's word for it.
        error: the text's error, as it stands.
        error_code: the error as a number: the text's if it is decimal, or else the network's.
        sub: the text's number of submitted messages, as it stands.
        dlvrd: the text's number of delivered messages, as it stands.
        submit_date_raw: when it was submitted, as it stands.
        done_date_raw: when it reached its state, as it stands.
        submit_date: the same in UTC, taking the profile's zone; None if it is absent or no date.
        done_date: likewise.
        text: the beginning of the message, as octets read as ISO-8859-1.
        hlr: the record, if the receipt answers an HLR lookup.
        source_addr: who the receipt says it is from: the subscriber.
        destination_addr: whom it is for: the message's source.
        network_error_code: the TLV's octets (SMPP 3.4, 5.3.2.31).
        kind: a receipt, or an intermediate notification.
        vendor: what the SMSC's own TLVs say, by the names that the profile gives them.
        raw: all octets of its text.
    """

    message_id: str
    text_message_id: str = ""
    message_state: MessageState | None = None
    stat: str = ""
    error: str = ""
    error_code: int | None = None
    sub: str = ""
    dlvrd: str = ""
    submit_date_raw: str = ""
    done_date_raw: str = ""
    submit_date: datetime | None = None
    done_date: datetime | None = None
    text: str = ""
    hlr: hlr.HlrRecord | None = None
    source_addr: str = ""
    destination_addr: str = ""
    network_error_code: bytes = b""
    kind: DeliveryKind = DeliveryKind.RECEIPT
    vendor: Mapping[str, str | int | bytes] = {}
    raw: bytes = b""

    @property
    def is_final(self) -> bool:
        """Whether no other state is to follow; a word for the state that nobody knows is taken for the last one."""
        if self.kind is not DeliveryKind.RECEIPT:
            return False
        return bool(self.stat) if self.message_state is None else self.message_state in FINAL

    def __repr__(self) -> str:
        """Whose receipt it is and what it says; never numbers or text."""
        state = self.message_state.name if self.message_state is not None else None
        return (
            f"Receipt(message_id={self.message_id!r}, message_state={state}, stat={self.stat!r}, error={self.error!r})"
        )


def parse(pdu: DeliverSm | DataSm, profile: Profile) -> Receipt | None:
    """The receipt that a deliver_sm or data_sm carries, or None if it is a message from a subscriber; it never raises.

    A PDU that esm_class calls a receipt is one even if its text cannot be read: its message_id is empty then.
    Acknowledgements by the subscriber's device or hand are no receipts (SMPP 3.4, 5.2.12); `kind_of` tells them.
    """
    kind = _KINDS.get(pdu.esm_class & MESSAGE_TYPE_MASK)
    if kind not in _RECEIPTS:
        return None
    told = _told(pdu, profile)
    is_told = kind is not DeliveryKind.MESSAGE or bool(told[0])
    if not is_told and not profile.receipts_by_text:
        return None
    raw = octets_of(pdu)
    if pdu.esm_class & _UDHI:
        raw, _ = body_of(raw, pdu.esm_class)
    written = receipt_text.read(receipt_text.characters(raw), profile)
    if not is_told and not _is_whole(written, profile):
        return None
    return _receipt(written, told, raw, profile, kind=kind, source=pdu.source_addr, destination=pdu.destination_addr)


def parse_text(text: bytes | str, profile: Profile) -> Receipt | None:
    """The receipt in a text alone, or None if it is none; it never raises.

    It is one if it has `id:` and another key of a receipt, or if it fits the profile's `receipt_pattern`.
    """
    raw = text if isinstance(text, bytes) else text.encode("latin-1", "replace")
    written = receipt_text.read(receipt_text.characters(raw) if isinstance(text, bytes) else text, profile)
    values, answer, is_formed = written
    if not is_formed and not (values[receipt_text.ID] and (answer or any(values[1:]))):
        return None
    return _receipt(written, ("", None, b"", {}), raw, profile, kind=DeliveryKind.RECEIPT, source="", destination="")


def _is_whole(written: receipt_text.Written, profile: Profile) -> bool:
    values = written[0]
    return (
        bool(values[receipt_text.ID] and values[receipt_text.DONE_DATE])
        and _state(values[receipt_text.STAT], profile) is not None
    )


def _receipt(
    written: receipt_text.Written,
    told: _Told,
    raw: bytes,
    profile: Profile,
    *,
    kind: DeliveryKind,
    source: str,
    destination: str,
) -> Receipt:
    (message_id, sub, dlvrd, submit_date, done_date, stat, error, text), answer, _ = written
    receipted, state, network_error, vendor = told
    if state is None:
        state = _state(stat, profile)
    error_code = 0 if error == "000" else hlr.decimal(error)  # as most are
    zone = profile.receipt_zone
    return Receipt(
        receipted or message_id,
        message_id,
        state,
        stat,
        error,
        _network_code(network_error) if error_code is None else error_code,
        sub,
        dlvrd,
        submit_date,
        done_date,
        receipt_text.date_of(submit_date, zone),
        receipt_text.date_of(done_date, zone),
        text,
        _record(answer, state, msisdn=source, raw=raw, profile=profile) if answer else None,
        source,
        destination,
        network_error,
        kind,
        vendor,
        raw,
    )


def _record(
    answer: Mapping[str, str], state: MessageState | None, *, msisdn: str, raw: bytes, profile: Profile
) -> hlr.HlrRecord:
    return hlr.record(
        answer, state, msisdn=msisdn, raw=receipt_text.characters(raw), number_ranges=profile.number_ranges
    )


def _state(stat: str, profile: Profile) -> MessageState | None:
    word = stat.upper()
    return profile.own_states.get(word, receipt_text.STATES.get(word))


# What the TLVs say: receipted_message_id, message_state, network_error_code, and the SMSC's own by their names.
_Told = tuple[str, MessageState | None, bytes, "dict[str, str | int | bytes]"]
_RECEIPTED_MESSAGE_ID: Final = int(Tag.RECEIPTED_MESSAGE_ID)
_MESSAGE_STATE: Final = int(Tag.MESSAGE_STATE)
_NETWORK_ERROR_CODE: Final = int(Tag.NETWORK_ERROR_CODE)


def _told(pdu: DeliverSm | DataSm, profile: Profile) -> _Told:
    receipted: str | None = None
    state: MessageState | None = None
    network_error: bytes | None = None
    vendor: dict[str, str | int | bytes] = {}
    own = profile.own_tlvs
    for tlv in pdu.tlvs:
        tag, octets = tlv.tag, tlv.octets
        if tag == _RECEIPTED_MESSAGE_ID and receipted is None:
            receipted = octets.partition(b"\0")[0].decode("latin-1")
        elif tag == _MESSAGE_STATE and state is None:
            state = _STATE_OF.get(int.from_bytes(octets[-8:], "big"))
        elif tag == _NETWORK_ERROR_CODE and network_error is None:
            network_error = octets
        elif tag in own:
            name, vendor_tlv = own[tag]
            vendor.setdefault(name, vendor_tlv.value(octets))
    return receipted or "", state, network_error or b"", vendor


def _network_code(octets: bytes) -> int | None:
    """The error in a network_error_code: two octets after the network's type, or three ASCII digits in all."""
    if len(octets) != 3:
        return None
    return int(octets) if octets.isdigit() else int.from_bytes(octets[1:], "big")
