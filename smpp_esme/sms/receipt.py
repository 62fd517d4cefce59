"""Delivery receipts, from TLVs and from text (SMPP 3.4, 2.11, 5.2.12.1 and Appendix B).

The text of a receipt is "SMSC vendor specific" by Appendix B, and its data_coding is often wrong, so it is read as
octets, by its keys: in any order and case, with any of them missing. TLVs win where both speak.

Whether a deliver_sm is a receipt is for esm_class to say, or for the TLV receipted_message_id, which nothing else has.
A text alone does not make a receipt: any subscriber can write `id:1 stat:DELIVRD` and mark a message delivered. A
profile whose SMSC sends nothing but the text says so (`receipts_by_text`), and then the text must have an id, a done
date and a known state.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import MESSAGE_TYPE_MASK, EsmClass, MessageState
from smpp_esme.protocol.tlvs import Tag
from smpp_esme.sms import hlr, times
from smpp_esme.sms.segments import body_of, octets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smpp_esme.sms.profile import Profile
    from smpp_esme.sms.segments import TextPdu

# Appendix B's words, SMPP 5.0's, and those that SMSCs use instead.
STATES: Final = {
    "SCHEDLD": MessageState.SCHEDULED,
    "SCHEDULED": MessageState.SCHEDULED,
    "ENROUTE": MessageState.ENROUTE,
    "BUFFRED": MessageState.ENROUTE,
    "BUFFERD": MessageState.ENROUTE,
    "BUFFERED": MessageState.ENROUTE,
    "DELIVRD": MessageState.DELIVERED,
    "DELIVERED": MessageState.DELIVERED,
    "0": MessageState.DELIVERED,
    "EXPIRED": MessageState.EXPIRED,
    "DELETED": MessageState.DELETED,
    "UNDELIV": MessageState.UNDELIVERABLE,
    "UNDELVRD": MessageState.UNDELIVERABLE,
    "UNDELIVERABLE": MessageState.UNDELIVERABLE,
    "FAILED": MessageState.UNDELIVERABLE,
    "ACCEPTD": MessageState.ACCEPTED,
    "ACCEPTED": MessageState.ACCEPTED,
    "ACKED": MessageState.ACCEPTED,
    "UNKNOWN": MessageState.UNKNOWN,
    "REJECTD": MessageState.REJECTED,
    "REJECTED": MessageState.REJECTED,
    "DND_REJECTED": MessageState.REJECTED,
    "SKIPPED": MessageState.SKIPPED,
}
# By 5.2.28 ACCEPTED is final too, but SMSCs send it on the way, and a final state after it.
FINAL: Final = frozenset(MessageState) - {MessageState.SCHEDULED, MessageState.ENROUTE, MessageState.ACCEPTED}
_STATE_OF: Final[dict[int, MessageState]] = {int(state): state for state in MessageState}

_RECEIPT: Final = int(EsmClass.DELIVERY_RECEIPT)
_INTERMEDIATE: Final = int(EsmClass.INTERMEDIATE_NOTIFICATION)


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
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
        intermediate: whether esm_class calls it an intermediate notification.
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
    intermediate: bool = False
    raw: bytes = b""

    @property
    def is_final(self) -> bool:
        """Whether no other state is to follow; a word for the state that nobody knows is taken for the last one."""
        unheard_of = self.message_state is None and bool(self.stat)
        return not self.intermediate and (unheard_of or self.message_state in FINAL)

    def __repr__(self) -> str:
        """Whose receipt it is and what it says; never numbers or text."""
        state = self.message_state.name if self.message_state is not None else None
        return (
            f"Receipt(message_id={self.message_id!r}, message_state={state}, stat={self.stat!r}, error={self.error!r})"
        )


def parse(pdu: TextPdu, profile: Profile) -> Receipt | None:
    """The receipt that a deliver_sm or data_sm carries, or None if it is a message from a subscriber; it never raises.

    A PDU that esm_class calls a receipt is one even if its text cannot be read: its message_id is empty then.
    """
    kind = pdu.esm_class & MESSAGE_TYPE_MASK
    # Acknowledgements by the subscriber's handset or hand are not receipts (5.2.12).
    if kind not in {0, _RECEIPT, _INTERMEDIATE}:
        return None
    told = kind != 0 or bool(pdu.tlv(Tag.RECEIPTED_MESSAGE_ID))
    if not told and not profile.receipts_by_text:
        return None
    raw, _ = body_of(octets_of(pdu), pdu.esm_class)
    values, answer = _read(_characters(raw))
    if not told and not (values[_ID] and values[_DONE_DATE] and values[_STAT].upper() in STATES):
        return None
    return _receipt(values, answer, profile, raw=raw, pdu=pdu)


def parse_text(text: bytes | str, profile: Profile) -> Receipt | None:
    """The receipt in a text alone, or None if it has no `id:` and another key of a receipt; it never raises."""
    raw = text if isinstance(text, bytes) else text.encode("latin-1", "replace")
    values, answer = _read(_characters(raw) if isinstance(text, bytes) else text)
    if not values[_ID] or not (values[_STAT] or answer or any(values[1:])):
        return None
    return _receipt(values, answer, profile, raw=raw)


def _receipt(
    values: _Values, answer: Mapping[str, str], profile: Profile, *, raw: bytes, pdu: TextPdu | None = None
) -> Receipt:
    message_id, sub, dlvrd, submit_date, done_date, stat, error, text = values
    receipted, state, network_error, source_addr, destination_addr, intermediate = _around(pdu) if pdu else _NOTHING
    zone = profile.receipt_zone
    state = STATES.get(stat.upper()) if state is None else state
    error_code = hlr.decimal(error)
    return Receipt(
        message_id=receipted or message_id,
        text_message_id=message_id,
        message_state=state,
        stat=stat,
        error=error,
        error_code=_network_code(network_error) if error_code is None else error_code,
        sub=sub,
        dlvrd=dlvrd,
        submit_date_raw=submit_date,
        done_date_raw=done_date,
        submit_date=_date(submit_date, zone) if len(submit_date) <= _LONGEST_DATE else None,
        done_date=_date(done_date, zone) if len(done_date) <= _LONGEST_DATE else None,
        text=text,
        hlr=hlr.record(answer, state, msisdn=source_addr, raw=_characters(raw)) if answer else None,
        source_addr=source_addr,
        destination_addr=destination_addr,
        network_error_code=network_error,
        intermediate=intermediate,
        raw=raw,
    )


# What a PDU says around the text: receipted_message_id, message_state, network_error_code, the addresses, and whether
# it is an intermediate notification.
_Around = tuple[str, MessageState | None, bytes, str, str, bool]
_NOTHING: Final[_Around] = ("", None, b"", "", "", False)


def _around(pdu: TextPdu) -> _Around:
    return (
        pdu.tlv(Tag.RECEIPTED_MESSAGE_ID) or "",
        _STATE_OF.get(pdu.tlv(Tag.MESSAGE_STATE)),
        pdu.tlv_octets(Tag.NETWORK_ERROR_CODE) or b"",
        pdu.source_addr,
        pdu.destination_addr,
        pdu.esm_class & MESSAGE_TYPE_MASK == _INTERMEDIATE,
    )


# The forms that nearly all receipts have, Appendix B's and the HLR answer's: one match instead of a search for keys.
_APPENDIX_B: Final = re.compile(
    r"id:(\S+)(?: sub:(\S*) dlvrd:(\S*))? submit date:(\S*) done date:(\S*) stat:(\S+)"
    r"(?: err:(\S*)(?: [Tt]ext:(.*))?)?",
    re.DOTALL,
)
_HLR_ANSWER: Final = re.compile(r"id:(\S+) stat:(\S+) err:(\S*)" + "".join(rf" {key}:(\S*)" for key in hlr.KEYS))
# The values of a receipt in the order of Appendix B; those it lacks are empty.
_Values = tuple[str, str, str, str, str, str, str, str]
_KEYS: Final = ("id", "sub", "dlvrd", "submitdate", "donedate", "stat", "err", "text")
_ID, _DONE_DATE, _STAT = 0, 4, 5
_HLR_KEYS: Final = ("id", "stat", "err", *hlr.KEYS)
_NO_ANSWER: Final[Mapping[str, str]] = {}
# A key stands at the front or after a space; `id:` also after a prefix, as in `79990000000#id:`.
_KEY: Final = re.compile(
    r"(?:(?<!\S)|(?<=[^\sA-Z0-9_])(?=id:))"
    rf"(id|sub|dlvrd|submit ?date|done ?date|stat|err|text|{'|'.join(hlr.KEYS)}):",
    re.IGNORECASE,
)


def _characters(raw: bytes) -> str:
    # ISO-8859-1 loses no octet, whatever data_coding says. No receipt in it begins with a NUL or with U+FEFF.
    if raw[:1] == b"\0" or raw[:2] == b"\xfe\xff":
        return raw.decode("utf-16-be", "replace").removeprefix("\ufeff")
    return raw.decode("latin-1")


def _read(text: str) -> tuple[_Values, Mapping[str, str]]:
    """A receipt's values, and its fields by their keys if it answers an HLR lookup."""
    text = text.rstrip("\0")
    if match := _APPENDIX_B.fullmatch(text):
        return cast("_Values", match.groups("")), _NO_ANSWER
    if match := _HLR_ANSWER.fullmatch(text):
        fields = dict(zip(_HLR_KEYS, match.groups(), strict=True))
    else:
        fields = _fields(text)
    values = cast("_Values", tuple(fields.get(key, "") for key in _KEYS))
    return values, fields if "imsi" in fields or "msc" in fields else _NO_ANSWER


def _fields(text: str) -> dict[str, str]:
    """The values by their keys, in lower case without spaces; `text` also for what follows the last value unasked."""
    places = _places(text)
    ends = [*(start for _, start, _ in places), len(text)][1:]
    fields: dict[str, str] = {}
    unasked: list[str] = []
    for (name, _, start), end in zip(places, ends, strict=True):
        value = text[start:end]
        if name == "text":
            fields[name] = value if end == len(text) else value.strip()
            continue
        fields[name], _, rest = value.strip().partition(" ")
        unasked += rest.split()
    return _with_unasked(fields, unasked)


def _places(text: str) -> list[tuple[str, int, int]]:
    """The keys, each with where it begins and ends; `text` is the last, unless id or stat come only after it."""
    places: dict[str, tuple[str, int, int]] = {}
    for match in _KEY.finditer(text):
        name = match[1].lower().replace(" ", "")
        if name not in places:
            places[name] = (name, match.start(), match.end())
        if name == "text" and "id" in places and "stat" in places:
            break
    return list(places.values())


def _with_unasked(fields: dict[str, str], words: list[str]) -> dict[str, str]:
    # Some SMSCs leave out `stat:`, some leave out `text:`, and write the value all the same.
    if fields and "stat" not in fields and (stat := next((word for word in words if word.upper() in STATES), "")):
        words.remove(stat)
        fields["stat"] = stat
    if words and "text" not in fields:
        fields["text"] = " ".join(words)
    return fields


# The longest date is SMPP's absolute time; longer strings are not worth remembering.
_LONGEST_DATE: Final = 16


@lru_cache(maxsize=2048)
def _date(written: str, zone: timezone) -> datetime | None:
    """A receipt's date in UTC, or None if it is none.

    Ten digits are YYMMDDhhmm; twelve YYMMDDhhmmss or, where that is no date, YYYYMMDDhhmm; fourteen YYYYMMDDhhmmss;
    sixteen characters SMPP's absolute time.
    """
    if len(written) == _LONGEST_DATE:
        return _absolute(written)
    if not written.isascii() or not written.isdigit():
        return None
    match len(written):
        case 10:
            return _dated("20" + written, zone)
        case 12:
            return _dated("20" + written, zone) or _dated(written, zone)
        case 14:
            return _dated(written, zone)
    return None


def _absolute(written: str) -> datetime | None:
    if written[-1] == "R":
        return None
    try:
        return times.moment_of(written, datetime.min.replace(tzinfo=UTC))
    except InvalidValue:
        return None


def _dated(digits: str, zone: timezone) -> datetime | None:
    month, day, hour, minute, second = (int(digits[at : at + 2] or 0) for at in range(4, 14, 2))
    try:
        return datetime(int(digits[:4]), month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _network_code(octets: bytes) -> int | None:
    """The error in a network_error_code: two octets after the network's type, or three ASCII digits in all."""
    if len(octets) != 3:
        return None
    return int(octets) if octets.isdigit() else int.from_bytes(octets[1:], "big")
