"""The record of a message, and the facts that change it.

None of them can be part of a cycle, so the garbage collector is spared looking through thousands of them (`gc=False`).
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.message.status import MessageStatus

#: Crockford's base 32: no I, L, O or U, so that a reference survives being read aloud.
_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS: Final = 80
_REFERENCE_DIGITS: Final = 26
#: Two digits at a time, and where they stand in the random number.
_PAIRS: Final = [first + second for first in _DIGITS for second in _DIGITS]
_PLACES: Final = (70, 60, 50, 40, 30, 20, 10, 0)
#: The same digits as Python reads base 32.
_READABLE: Final = str.maketrans(_DIGITS, "0123456789abcdefghijklmnopqrstuv")

#: priority_flag as dispatch sees it, most urgent first (SMPP 3.4, 5.2.14: 0 to 3, the rest is reserved).
PRIORITIES: Final = (3, 2, 1, 0)


def new_reference(now_ns: int, random_bits: int) -> str:
    """A reference of 26 characters that sorts by the millisecond in which it was made (the ULID layout).

    Args:
        now_ns: nanoseconds since 1970.
        random_bits: a random number below 2**80; it alone tells two references of one millisecond apart.

    Raises:
        InvalidValue: random_bits is out of range.
    """
    if not 0 <= random_bits < 1 << _RANDOM_BITS:
        raise InvalidValue("random_bits", "out of range", f"0 to 2**{_RANDOM_BITS} - 1")
    random = [_PAIRS[random_bits >> place & 1023] for place in _PLACES]
    return _millisecond(now_ns // 1_000_000 & (1 << 48) - 1) + "".join(random)


@lru_cache(maxsize=4)  # many are made in the same one
def _millisecond(number: int) -> str:
    return "".join([_PAIRS[number >> place & 1023] for place in (40, *_PLACES[-4:])])


def reference_number(reference: str) -> int:
    """The number of 128 bits that a reference writes.

    Raises:
        InvalidValue: `new_reference` did not make it.
    """
    try:
        number = int(reference.translate(_READABLE), 32)
    except ValueError:
        number = -1
    # int() also reads signs, spaces and underscores.
    plain = len(reference) == _REFERENCE_DIGITS and reference.isascii() and reference.isalnum()
    if not (plain and 0 <= number < 1 << 128):
        raise InvalidValue("reference", f"is {reference!r}", f"{_REFERENCE_DIGITS} of {_DIGITS}")
    return number


class Segment(msgspec.Struct, kw_only=True, repr_omit_defaults=True, gc=False):
    """What one submit_sm carries of a message.

    Attributes:
        number: 1 for the first.
        esm_class: as it goes on the wire (SMPP 3.4, 5.2.12).
        short_message: as it goes on the wire, user data header included.
        tlvs: the optional parameters, as they go on the wire.
        status: what we know of this segment.
        message_id: the SMSC's, exactly as it came.
        command_status: of the last response, or None.
        error: of the refusal or the receipt, in a word or a number.
        error_meaning: the same for a person.
        submitted_at: when the SMSC took it.
        final_at: when its present final status came.
        vendor: what the SMSC's own TLVs said in its receipt, by their names in the profile.
    """

    number: int
    esm_class: int = 0
    short_message: bytes
    tlvs: bytes = b""
    status: MessageStatus = MessageStatus.QUEUED
    message_id: str | None = None
    command_status: int | None = None
    error: str | None = None
    error_meaning: str | None = None
    submitted_at: datetime | None = None
    final_at: datetime | None = None
    vendor: dict[str, Any] | None = None

    def __repr__(self) -> str:  # never the text
        return f"<Segment {self.number} {self.status}, {len(self.short_message)} octets>"


class Message(msgspec.Struct, kw_only=True, gc=False):
    """A message we promised to deliver.

    Attributes:
        id: the store's own key; 0 until it is kept.
        reference: ours; see `new_reference`.
        caller: who handed it in, as the configuration calls its API key; "" where nobody has one.
        client_reference: the caller's; the store keeps one message of each caller for each.
        idempotency_key: of the request that brought it; a repeat by the same caller gets the same message back.
        idempotency_digest: of that request's body; a repeat with another one is refused.
        kind: what it is: `sms`, `hlr`, or the name of an envelope.
        text: as the caller wrote it.
        priority: priority_flag, 0 to 3; higher is sent first.
        link: the name of the link it goes out on.
        error: of the segment that decided the status, in a word or a number.
        error_meaning: the same for a person.
        attempts: how often it was given to a dispatcher and not handed back.
        next_attempt_at: not sent before this; None means at once.
        submitted_at: when the SMSC took the first of it.
        final_at: when its present final status came.
        hlr: the HLR record of a lookup, as JSON values.
        resubmit: its own `Policy`, if it comes in doubt; None leaves it to the link.
        duplicates: how often it was sent again in doubt; each time the subscriber may have got it once more.
        expires_at: not sent after this; None means whenever it can be.
        claimed_at: when it was last given to a dispatcher.
        sealed: the name of the key that text and octets are sealed with in the store; None: as they are.
        pinned: whether it stays on its link even if that cannot submit and others could.
        wish: what it takes, beside all this, to compose it anew for another link (see `wish`); None: nobody knows. It
            is kept with the message, and not loaded with it.
    """

    id: int = 0
    reference: str
    caller: str = ""
    client_reference: str | None = None
    idempotency_key: str | None = None
    idempotency_digest: str | None = None
    kind: str = "sms"
    source_addr: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    destination_addr: str
    dest_addr_ton: int = 1
    dest_addr_npi: int = 1
    text: str
    data_coding: int = 0
    registered_delivery: int = 1
    priority: int = 0
    link: str
    status: MessageStatus = MessageStatus.QUEUED
    error: str | None = None
    error_meaning: str | None = None
    attempts: int = 0
    created_at: datetime
    next_attempt_at: datetime | None = None
    submitted_at: datetime | None = None
    final_at: datetime | None = None
    hlr: dict[str, Any] | None = None
    resubmit: str | None = None
    duplicates: int = 0
    expires_at: datetime | None = None
    claimed_at: datetime | None = None
    sealed: str | None = None
    pinned: bool = False
    wish: str | None = None
    segments: list[Segment]

    def __repr__(self) -> str:  # never the text, never a number
        return f"<Message {self.reference} {self.kind} {self.status}, {len(self.segments)} segments>"


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """The SMSC took a segment.

    Attributes:
        message_id: the SMSC's, exactly as it came; it may be empty.
    """

    message_id: str


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The SMSC refused a segment.

    Attributes:
        command_status: its number.
        name: its name, such as ESME_RTHROTTLED.
        meaning: the same for a person.
        retryable: whether the same submit_sm may succeed later, unchanged.
    """

    command_status: int
    name: str
    meaning: str
    retryable: bool


#: What becomes of a message that nobody could submit in time.
EXPIRED_UNSENT: Final = Refused(0x62, "EXPIRED", "its validity ran out before it was submitted", retryable=False)


#: What is said of a message that was to be sent again in doubt, and was cancelled before that.
REPETITION_CANCELLED: Final = Refused(
    0x62, "CANCELLED", "its repetition was cancelled; whether the first was sent is as open as before", retryable=False
)


class Unanswered(msgspec.Struct, frozen=True, gc=False):
    """No response came.

    Attributes:
        written: whether any octet of it may have left. If not, it is simply QUEUED again.
    """

    written: bool


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What became of one submit_sm.

    Attributes:
        message: the id of the message.
        segment: the number of the segment.
        outcome: what the SMSC said, if it said anything.
        attempt: which attempt it answers, or None: the last. Of an earlier one only an acceptance still counts.
        claimed_at: when that was claimed, or None: the last time. What is handed back gives its attempt's number back,
            so the number alone does not tell a claim from the one before.
    """

    message: int
    segment: int
    outcome: Accepted | Refused | Unanswered
    attempt: int | None = None
    claimed_at: datetime | None = None


class ReceiptFact(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What a delivery receipt tells.

    Attributes:
        link: the link it came in on; ids mean something only within one.
        message_id: the SMSC's id as the receipt writes it.
        forms: the other ways to write that id, likeliest first.
        source_addr: of the deliver_sm: usually the subscriber.
        destination_addr: of the deliver_sm: usually our sender.
        message_status: what the receipt makes of the segment.
        final: False for an intermediate notification, whose state is not the SMSC's last word.
        error: the network's error, in a word or a number.
        error_meaning: the same for a person.
        done_at: when the SMSC says it happened.
        hlr: the HLR record that came with it, as JSON values.
        vendor: what the SMSC's own TLVs say, by their names in the profile, as JSON values.
        raw: the receipt's octets.
        received_at: when it came in.
        submitted_at: when the SMSC says that the message was submitted.
    """

    link: str
    message_id: str
    forms: tuple[str, ...] = ()
    source_addr: str = ""
    destination_addr: str = ""
    message_status: MessageStatus
    final: bool = True
    error: str | None = None
    error_meaning: str | None = None
    done_at: datetime | None = None
    hlr: dict[str, Any] | None = None
    vendor: dict[str, Any] | None = None
    raw: bytes = b""
    received_at: datetime
    submitted_at: datetime | None = None

    def __repr__(self) -> str:  # never a number or the raw text
        return f"<ReceiptFact {self.message_id!r} on {self.link}: {self.message_status}>"


class Learned(msgspec.Struct, kw_only=True, frozen=True):
    """What the SMSC said of a segment when it was asked.

    Attributes:
        message: the id of the message.
        segment: the number of the segment.
        fact: what it tells, as a receipt would.
        by: what was asked: "query_sm" or "cancel_sm".
    """

    message: int
    segment: int
    fact: ReceiptFact
    by: str


class RecordedAnswer(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What an answer did to its message.

    Attributes:
        reference: the message's, or None: no such message is kept.
        moved: whether the segment changed its status.
        status: the message's, after everything in the same batch.
        submitted_id: the message_id in the response to its segment, if the receipt speaks of its subscriber.
        overtaken: the receipts that had come before it, and are the segment's.
    """

    reference: str | None
    moved: bool
    status: MessageStatus | None
    submitted_id: str | None = None
    overtaken: tuple[ReceiptFact, ...] = ()


class RecordedReceipt(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What a receipt did.

    Attributes:
        reference: of the message it belongs to, or None: it is kept in limbo.
        moved: whether the segment changed its status; a repeated receipt moves nothing.
        status: the message's, after everything in the same batch.
        submitted_id: the message_id in the response to its segment, if the receipt speaks of its subscriber.
        submitted_at: when the SMSC took the segment, where that is known.
    """

    reference: str | None
    moved: bool
    status: MessageStatus | None
    submitted_id: str | None = None
    submitted_at: datetime | None = None


class Event(msgspec.Struct, kw_only=True, frozen=True):
    """One step in a message's history.

    Attributes:
        id: stable, and growing with time.
        reference: the message's.
        segment: the segment's number, or None: the message as a whole.
        at: when we learned of it.
        previous: the status before, or None: the message is new.
        status: the status after.
        detail: what else is known, as JSON values.
    """

    id: int
    reference: str
    segment: int | None
    at: datetime
    previous: MessageStatus | None
    status: MessageStatus
    detail: dict[str, Any]


class LimboReceipt(msgspec.Struct, kw_only=True, frozen=True):
    """A receipt that belongs to no message yet.

    Attributes:
        id: the store's own key.
        fact: the receipt.
        dismissed_at: when a person said that nobody waits for it, or None.
    """

    id: int
    fact: ReceiptFact
    dismissed_at: datetime | None = None


class Attached(msgspec.Struct, kw_only=True, frozen=True):
    """What became of a receipt that a person gave to a message.

    Attributes:
        reference: the message's.
        moved: whether it told anything new; if not, it is in limbo still.
        status: where the message stands now.
    """

    reference: str
    moved: bool
    status: MessageStatus
