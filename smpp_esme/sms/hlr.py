"""The answer to an HLR lookup as a record, and what smsc-centre's delivery error codes mean.

The answer comes as a receipt whose text goes on after `err:` with `imsi: msc: mcc: mnc: cn: net: rcn: rnet:`. Its names
are URL-encoded, any value may be empty.
"""

from __future__ import annotations

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
        imsi: the SIM's number.
        msc: the number of the switch that serves the subscriber.
        mcc: mobile country code of the home network.
        mnc: mobile network code of the home network.
        country: where the number is registered.
        operator: with whom it is registered.
        roaming_country: where the subscriber roams.
        roaming_operator: whose network the subscriber roams in.
        ported: whether the number moved from the operator of its range; None unless somebody who knows the ranges says.
        raw: the answer's text.
    """

    msisdn: str
    message_id: str
    stat: str
    error: str
    error_meaning: str
    reachable: bool | None
    imsi: str = ""
    msc: str = ""
    mcc: str = ""
    mnc: str = ""
    country: str = ""
    operator: str = ""
    roaming_country: str = ""
    roaming_operator: str = ""
    ported: bool | None = None
    raw: str = ""

    @property
    def roaming(self) -> bool | None:
        """True if a roaming country or operator is named, False if not and an IMSI is known, None otherwise."""
        if self.roaming_country or self.roaming_operator:
            return True
        return False if self.imsi else None

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


def record(fields: Mapping[str, str], state: MessageState | None, *, msisdn: str, raw: str) -> HlrRecord:
    """The record in an answer's fields, keyed as in its text: `id`, `stat`, `err` and `KEYS`."""
    error = fields.get("err", "")
    return HlrRecord(
        msisdn=msisdn,
        message_id=fields.get("id", ""),
        stat=fields.get("stat", ""),
        error=error,
        error_meaning=meaning(error),
        reachable=_reachable(state, decimal(error)),
        imsi=fields.get("imsi", ""),
        msc=fields.get("msc", ""),
        mcc=fields.get("mcc", ""),
        mnc=fields.get("mnc", ""),
        country=unquoted(fields.get("cn", "")),
        operator=unquoted(fields.get("net", "")),
        roaming_country=unquoted(fields.get("rcn", "")),
        roaming_operator=unquoted(fields.get("rnet", "")),
        raw=raw,
    )


def unquoted(value: str) -> str:
    """A URL-encoded name in clear: UTF-8, or the provider's older windows-1251 where it is not UTF-8."""
    octets = unquote_to_bytes(value.replace("+", " "))
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("cp1251", "replace")


def _reachable(state: MessageState | None, error: int | None) -> bool | None:
    if state == MessageState.DELIVERED:
        return None if error is None else error == 0
    return False if state in _ABSENT else None
