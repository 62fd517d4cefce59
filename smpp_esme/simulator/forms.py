"""How an SMSC writes its message_ids and its receipts: the dialects that are met in the field, as data.

Each dialect is a template and differs from Appendix B of SMPP 3.4 in what its name says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import EsmClass, MessageState
from smpp_esme.sms.times import absolute

if TYPE_CHECKING:
    from datetime import datetime

#: How a message_id is written; "same" in a receipt is as in the response, and decimal there.
IdForm = Literal["same", "decimal", "padded", "hex", "upper hex", "padded hex", "uuid", "lettered"]

#: What holds a receipt.
Carrier = Literal["short_message", "message_payload", "data_sm", "tlvs"]

#: The states' words in Appendix B, and in SMPP 5.0 for those that it adds.
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


def state_of(name: str) -> MessageState:
    """A message_state, from its name or its word in a receipt.

    Raises:
        InvalidValue: nothing is called so.
    """
    for state, word in STATS.items():
        if name.upper() in (state.name, word):
            return state
    raise InvalidValue("state", f"is {name!r}", f"one of {', '.join(state.name for state in STATS)}")


_IDS: Final[dict[str, Callable[[int], str]]] = {
    "decimal": str,
    "padded": lambda number: f"{number:010}",
    "hex": lambda number: f"{number:x}",
    "upper hex": lambda number: f"{number:X}",
    "padded hex": lambda number: f"{number:08X}",
    "uuid": lambda number: str(UUID(int=number)),
    "lettered": lambda number: f"SAR-{number:x}.1/A",
}


class ReceiptForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How receipts are written.

    Attributes:
        dialect: the text: one of `DIALECTS`.
        carrier: what holds the text; "tlvs" sends none, and leaves it to the TLVs.
        ids: how the text writes the message_id.
        tlv_ids: how receipted_message_id writes it.
        tlvs: whether receipted_message_id, message_state and network_error_code come with it.
        error_in_ascii: whether network_error_code holds three digits instead of a network and a number.
        esm_class: how it is marked; 0 makes it look like a subscriber's message.
        data_coding: what it says the text is; it is ASCII whatever this says.
    """

    dialect: str = "appendix b"
    carrier: Carrier = "short_message"
    ids: IdForm = "same"
    tlv_ids: IdForm = "same"
    tlvs: bool = True
    error_in_ascii: bool = False
    esm_class: int = int(EsmClass.DELIVERY_RECEIPT)
    data_coding: int = 0

    def __post_init__(self) -> None:
        if self.dialect not in DIALECTS:
            raise InvalidValue("dialect", f"is {self.dialect!r}", f"one of {', '.join(DIALECTS)}")


class Facts(NamedTuple):
    """What a receipt tells, before it is written; the dates are in the zone that the SMSC writes."""

    id: str
    state: MessageState
    error: int
    submit: datetime
    done: datetime
    text: str
    number: str


class Dialect(msgspec.Struct, frozen=True):
    """A way to write receipts.

    Attributes:
        template: the text: "s" and "d" are the submit and the done date, with as many digits as the number behind them
            says; "sc" has the century and no seconds, "sz" is SMPP's absolute time with its zone.
        words: states that have another word here.
        encoded: makes octets of the text; by default as ASCII.
    """

    template: str
    words: dict[MessageState, str] = {}
    encoded: Callable[[str], bytes] | None = None


def write_id(number: int, form: IdForm, same: str) -> str:
    """A message_id in this form; `same` is how the response wrote it."""
    return same if form == "same" else _IDS[form](number)


def write(facts: Facts, dialect: Dialect) -> bytes:
    """The text of a receipt."""
    delivered = facts.state is MessageState.DELIVERED
    text = dialect.template.format(
        id=facts.id,
        stat=dialect.words.get(facts.state) or STATS[facts.state],
        err=facts.error,
        taken=int(delivered),
        not_taken=int(not delivered),
        text=facts.text,
        number=facts.number,
        **_dates("s", facts.submit),
        **_dates("d", facts.done),
    )
    return dialect.encoded(text) if dialect.encoded else text.encode("ascii", "replace")


def _dates(name: str, moment: datetime) -> dict[str, str]:
    return {
        f"{name}10": f"{moment:%y%m%d%H%M}",
        f"{name}12": f"{moment:%y%m%d%H%M%S}",
        f"{name}14": f"{moment:%Y%m%d%H%M%S}",
        f"{name}c": f"{moment:%Y%m%d%H%M}",
        f"{name}z": absolute(moment),
    }


def _with_utf_16(text: str) -> bytes:
    """The keys in ASCII and the message's text behind them in UTF-16."""
    keys, _, message = text.partition("text:")
    return f"{keys}text:".encode("ascii", "replace") + message.encode("utf-16-be")


_WHOLE_WORDS: Final = {
    MessageState.DELIVERED: "DELIVERED",
    MessageState.UNDELIVERABLE: "UNDELIVERABLE",
    MessageState.REJECTED: "REJECTED",
    MessageState.ACCEPTED: "ACCEPTED",
}
_VENDOR_WORDS: Final = {
    MessageState.UNDELIVERABLE: "UNDELVRD",
    MessageState.REJECTED: "DND_REJECTED",
    MessageState.EXPIRED: "FAILED",
    MessageState.ENROUTE: "BUFFRED",
}
_DATES: Final = "submit date:{s10} done date:{d10}"
_FRONT: Final = "id:{id} sub:001 dlvrd:{taken:03} " + _DATES
_USUAL: Final = _FRONT + " stat:{stat} err:{err:03}"


def _dated(submit: str, done: str) -> str:
    return f"id:{{id}} sub:001 dlvrd:{{taken:03}} {submit} {done} stat:{{stat}} err:{{err:03}} text:{{text}}"


#: By name: what is met in the field, and how our own reading of receipts is tested.
DIALECTS: Final[dict[str, Dialect]] = {
    "appendix b": Dialect(_USUAL + " text:{text}"),
    "capital text": Dialect(_USUAL + " Text:{text}"),
    "capital keys": Dialect(
        "ID:{id} SUB:001 DLVRD:{taken:03} SUBMIT DATE:{s10} DONE DATE:{d10} STAT:{stat} ERR:{err:03} TEXT:{text}"
    ),
    "dates of 12 digits": Dialect(_dated("submit date:{s12}", "done date:{d12}")),
    "dates of 12 digits with the century": Dialect(_dated("submit date:{sc}", "done date:{dc}")),
    "dates of 14 digits": Dialect(_dated("submit date:{s14}", "done date:{d14}")),
    "dates of mixed length": Dialect(_dated("submit date:{s12}", "done date:{d10}")),
    "dates in smpp time": Dialect(_dated("submit date:{sz}", "done date:{dz}")),
    "dates of zeros": Dialect(_dated("submit date:{s12}", "done date:000000000000")),
    "dates without their space": Dialect(_dated("submitdate:{s12}", "donedate:{d12}")),
    "no dates": Dialect("id:{id} sub:001 dlvrd:{taken:03} stat:{stat} err:{err:03} text:{text}"),
    "no sub and dlvrd": Dialect("id:{id} " + _DATES + " stat:{stat} err:{err:03} text:{text}"),
    "no text": Dialect(_USUAL),
    "no text key": Dialect(_USUAL + " {text}"),
    "no err": Dialect(_FRONT + " stat:{stat}"),
    "no stat key": Dialect(_FRONT + " {stat} err:{err:03}"),
    "minimal": Dialect("id:{id} " + _DATES + " stat:{stat}"),
    "id and stat": Dialect("id:{id} stat:{stat}"),
    "id, stat and text": Dialect("id:{id} stat:{stat} text:{text}"),
    "unpadded": Dialect("id:{id} sub:1 dlvrd:{taken} " + _DATES + " stat:{stat} err:{err} text:{text}"),
    "null": Dialect("id:{id} sub:null dlvrd:null " + _DATES + " stat:{stat} err:null text:{text}"),
    "dots": Dialect("id:{id} sub:... dlvrd:... " + _DATES + " stat:{stat} err:{err:03} text:{text}"),
    "contradictory": Dialect(
        "id:{id} sub:{not_taken:03} dlvrd:{not_taken:03} " + _DATES + " stat:{stat} err:{err:03} text:{text}"
    ),
    "err of four digits": Dialect(_FRONT + " stat:{stat} err:{err:04} text:{text}"),
    "err behind a space": Dialect(_FRONT + " stat:{stat} err: {err} text:{text}"),
    "err with a letter": Dialect(_FRONT + " stat:{stat} err:{err:02}b text:{text}"),
    "err empty": Dialect(_FRONT + " stat:{stat} err: text:{text}"),
    "err before stat": Dialect(_FRONT + " err:{err:03} stat:{stat} text:{text}"),
    "stat in whole words": Dialect(_USUAL + " text:{text}", _WHOLE_WORDS),
    "stat in a vendor's words": Dialect(_USUAL + " text:{text}", _VENDOR_WORDS),
    "stat of zero": Dialect(_USUAL + " text:{text}", {MessageState.DELIVERED: "0"}),
    "other order": Dialect("stat:{stat} err:{err:03} id:{id} " + _DATES + " sub:001 dlvrd:{taken:03} text:{text}"),
    "behind a caret": Dialect("{number}SMSAlert^" + _USUAL + " text:"),
    "behind a hash": Dialect("{number}#" + _USUAL + " Text:{text}!{id}"),
    "nul at the end": Dialect(_USUAL + " Text:DLVRD TO MOBILE\0"),
    "text with colons": Dialect(_USUAL + " text:id:1 stat:2 a:b"),
    "text with routing": Dialect(_USUAL + " text:GW250 MCC=270 MNC=1 BillingMNC=1"),
    "text with an escape": Dialect(_USUAL + " text:\x1b\x65 {text}"),
    "text in utf-16": Dialect(_USUAL + " text:{text}", encoded=_with_utf_16),
    "utf-16": Dialect(_USUAL + " text:{text}", encoded=lambda text: text.encode("utf-16-be")),
    "csv": Dialect("{not_taken:02},{d10},{s10},,{number},10110200000000,{id}"),
}
