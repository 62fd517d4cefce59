"""The answer to an HLR lookup as a record, and what smsc-centre's delivery error codes mean.

The answer comes as a receipt whose text goes on after `err:` with `imsi: msc: mcc: mnc: cn: net: rcn: rnet:`. Its names
are URL-encoded, any value may be empty. The answer to a Ping-SMS is of the same form, or an ordinary receipt.

What the answer says is a fact. What follows from it only by a rule of thumb is a hint, and is listed among the record's
`hints` with the rule.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

import msgspec

from smpp_esme.protocol.parameters import MessageState

if TYPE_CHECKING:
    from collections.abc import Mapping

# The provider's table of delivery errors, its meanings in our words.
ERRORS: Final = {
    0: "no error",
    1: "the subscriber does not exist",
    2: "the mailbox is full",
    3: "the recipient's mail server was not found",
    4: "the mailbox is blocked",
    6: "the subscriber is off or out of coverage",
    11: "the service is not enabled for the subscriber",
    12: "the subscriber's handset or SIM reports an error",
    13: "the subscriber is blocked",
    21: "the handset does not support the service",
    200: "virtual sending: the account is in test mode",
    219: "the SIM card was replaced within a day",
    220: "the operator's queue is full",
    237: "the subscriber does not answer the call",
    238: "no operator's template fits the text",
    239: "the sender's IP address is not allowed",
    240: "the subscriber is busy or rejected the call",
    241: "the sound cannot be converted, or segments are missing",
    242: "an answering machine took the call",
    243: "no contract for this kind of traffic",
    244: "this mailing is forbidden",
    245: "the operator gave no status within a day",
    246: "outside the allowed hours",
    247: "the limit of messages is exceeded",
    248: "no route to this number",
    249: "the number's length does not fit its code",
    250: "the number is forbidden by the account's settings",
    251: "the limit of messages to one number is exceeded",
    252: "the number is forbidden",
    253: "forbidden by the spam filter",
    254: "the sender is not registered",
    255: "rejected by the operator without a code",
}
KEYS: Final = ("imsi", "msc", "mcc", "mnc", "cn", "net", "rcn", "rnet")

_ABSENT: Final = frozenset({MessageState.UNDELIVERABLE, MessageState.EXPIRED})
# ITU-T E.164: 1 and 7 are country codes by themselves, some have two digits, and all others three.
_CALLING_CODE: Final = re.compile(r"[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-9][0-9]{2}")
# No shorter number is one of international form.
_LEAST_DIGITS: Final = 8


class HlrRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What an HLR said of one MSISDN. Texts the answer lacks are empty.

    Attributes:
        msisdn: the number that was asked about.
        message_id: the lookup's own, as in the answer.
        stat: its status, as in the answer.
        error: the error, as in the answer.
        error_meaning: what the error means; empty where it is not in the provider's table.
        reachable: True if DELIVRD with error 0; False if DELIVRD with another error, UNDELIV or EXPIRED; None if the
            answer does not tell, for it is not final, was rejected, or has no error code.
        reachable_rule: which of these it was, as in "DELIVERED with error 0".
        imsi: the SIM's number.
        msc: the number of the switch that serves the subscriber.
        mcc: mobile country code of the home network.
        mnc: mobile network code of the home network.
        country: where the number is registered.
        operator: with whom it is registered.
        roaming_country: where the subscriber roams.
        roaming_operator: whose network the subscriber roams in.
        roaming: True if a roaming country or operator is named; False if not and an IMSI is known; None otherwise.
            Where none is named, a switch whose country code is not the number's hints that the subscriber is abroad.
        ported: a hint whether the number moved to another operator: its range belongs to another network than the IMSI.
            None where the profile does not know the range (`number_ranges`), or the answer has no home network.
        hints: which of these fields are hints, each with what it was concluded from.
        raw: the answer's text.
    """

    msisdn: str
    message_id: str
    stat: str
    error: str
    error_meaning: str
    reachable: bool | None
    reachable_rule: str = ""
    imsi: str = ""
    msc: str = ""
    mcc: str = ""
    mnc: str = ""
    country: str = ""
    operator: str = ""
    roaming_country: str = ""
    roaming_operator: str = ""
    roaming: bool | None = None
    ported: bool | None = None
    hints: dict[str, str] = {}
    raw: str = ""

    def __repr__(self) -> str:
        """How the lookup ended; never the number or the IMSI."""
        return f"HlrRecord(message_id={self.message_id!r}, stat={self.stat!r}, reachable={self.reachable})"


def meaning(error: int | str | None) -> str:
    """What a delivery error code means; empty where it is not in the provider's table."""
    code = error if isinstance(error, int) else decimal(error or "")
    return "" if code is None else ERRORS.get(code, "")


def decimal(error: str) -> int | None:
    """An error as a number, if it is one of up to nine decimal digits."""
    return int(error) if error.isascii() and error.isdigit() and len(error) <= 9 else None


def record(
    fields: Mapping[str, str],
    state: MessageState | None,
    *,
    msisdn: str,
    raw: str,
    number_ranges: Mapping[str, str] | None = None,
) -> HlrRecord:
    """The record in an answer's fields.

    Args:
        fields: keyed as in its text: `id`, `stat`, `err` and `KEYS`.
        state: what `stat` means.
        msisdn: the number that was asked about.
        raw: the answer's text.
        number_ranges: what numbers begin with, and the network (MCC and MNC) that such a range was given to.
    """
    error = fields.get("err", "")
    reachable, reachable_rule = _reachable(state, decimal(error))
    imsi, msc, mcc, mnc = (fields.get(key, "") for key in ("imsi", "msc", "mcc", "mnc"))
    roaming_country, roaming_operator = unquoted(fields.get("rcn", "")), unquoted(fields.get("rnet", ""))
    hints: dict[str, str] = {}
    return HlrRecord(
        msisdn=msisdn,
        message_id=fields.get("id", ""),
        stat=fields.get("stat", ""),
        error=error,
        error_meaning=meaning(error),
        reachable=reachable,
        reachable_rule=reachable_rule,
        imsi=imsi,
        msc=msc,
        mcc=mcc,
        mnc=mnc,
        country=unquoted(fields.get("cn", "")),
        operator=unquoted(fields.get("net", "")),
        roaming_country=roaming_country,
        roaming_operator=roaming_operator,
        roaming=True if roaming_country or roaming_operator else _abroad(imsi, msc, msisdn, hints),
        ported=_ported(imsi, mcc + mnc if mcc and mnc else "", _range(msisdn, number_ranges or {}), hints),
        hints=hints,
        raw=raw,
    )


def calling_code(number: str) -> str:
    """The country code that a number in international form begins with (ITU-T E.164); "" if it is none."""
    if not (number.isascii() and number.isdigit() and len(number) >= _LEAST_DIGITS):
        return ""
    match = _CALLING_CODE.match(number)
    return match[0] if match else ""


def _abroad(imsi: str, msc: str, msisdn: str, hints: dict[str, str]) -> bool | None:
    here, home = calling_code(msc), calling_code(msisdn.lstrip("+"))
    if here and home and here != home:
        hints["roaming"] = f"the switch's country code is {here}, the number's {home}"
        return True
    return False if imsi else None


def _ported(imsi: str, home: str, range_network: str, hints: dict[str, str]) -> bool | None:
    if not range_network or not (imsi or home):
        return None
    at_home = home == range_network if home else imsi.startswith(range_network)
    hints["ported"] = f"the number's range is of network {range_network}, the subscriber of {home or imsi[:5]}"
    return not at_home


def _range(msisdn: str, number_ranges: Mapping[str, str]) -> str:
    """The network that the number's range was given to: the longest beginning counts."""
    if not number_ranges:
        return ""
    digits = msisdn.lstrip("+")
    return next((number_ranges[digits[:end]] for end in range(len(digits), 0, -1) if digits[:end] in number_ranges), "")


def unquoted(value: str) -> str:
    """A URL-encoded name in clear: UTF-8, or the provider's older windows-1251 where it is not UTF-8."""
    value = value.replace("+", " ")
    if "%" not in value and value.isascii():
        return value
    octets = unquote_to_bytes(value)
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("cp1251", "replace")


def _reachable(state: MessageState | None, error: int | None) -> tuple[bool | None, str]:
    if state is None:
        return None, "no known state"
    if state == MessageState.DELIVERED:
        if error is None:
            return None, "DELIVERED without an error code"
        return error == 0, f"DELIVERED with error {error}"
    return (False if state in _ABSENT else None), state.name
