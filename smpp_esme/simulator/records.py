"""What the simulated SMSC keeps: every message with its fate, every text as the subscriber got it, and counts.

Memory is bounded: texts, PDUs and messages are kept up to a limit, the oldest are forgotten first, and the counts go
on.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import EsmClass, MessageState
from smpp_esme.protocol.pdus import DataSm, SubmitSm
from smpp_esme.protocol.tlvs import Tag
from smpp_esme.simulator.handsets import Verdict
from smpp_esme.simulator.plan import AS_EXPECTED, Plan
from smpp_esme.sms import envelope, udh
from smpp_esme.sms.binary import Binary
from smpp_esme.sms.coding import Coding, decode
from smpp_esme.sms.content import Content
from smpp_esme.sms.national import shifts_of
from smpp_esme.sms.ports import ports_in
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.reassembly import Reassembly
from smpp_esme.sms.received import Body, Place, read
from smpp_esme.sms.wap import PORTS

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import ReplaceSm
    from smpp_esme.sms.mo import MoMessage

#: So many segments may wait for the rest of their text; past that the oldest text is given up.
_WAITING_LIMIT: Final = 100_000
#: Far more than so many segments take.
_OCTETS_LIMIT: Final = 0x800_0000
_DELETED: Final = Verdict(MessageState.DELETED)


class Counts(msgspec.Struct):
    """What happened since the SMSC started.

    Attributes:
        connections: TCP connections that were opened.
        binds: binds that succeeded.
        binds_refused: binds that did not.
        submits: submit_sm and data_sm that came.
        refused: those that were refused.
        messages: texts that were received whole, or given up.
        duplicates: texts that had been sent to the same number before; lookups do not count.
        incomplete: texts that were given up because a segment never came.
        uncounted: texts that were received after the limit of different texts was reached.
        receipts: receipts that became due.
        receipts_answered: receipts that the ESME took.
        receipts_repeated: times that a receipt went out again, for want of an answer or on a retryable one.
        receipts_dropped: receipts that were refused for good, too old, or too many.
        replies_dropped: replies that had no source to go to.
        malformed: PDUs that could not be used.
    """

    connections: int = 0
    binds: int = 0
    binds_refused: int = 0
    submits: int = 0
    refused: int = 0
    messages: int = 0
    duplicates: int = 0
    incomplete: int = 0
    uncounted: int = 0
    receipts: int = 0
    receipts_answered: int = 0
    receipts_repeated: int = 0
    receipts_dropped: int = 0
    replies_dropped: int = 0
    malformed: int = 0


class Received(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A text as it reached its destination.

    Attributes:
        source_addr: who sent it.
        destination_addr: whom it was for.
        text: the whole text, envelope included and comment left out; of octets, their digits as in a `BinaryHex`.
        comment: the sender's comment, which reaches no subscriber; None if there was none.
        kind: sms, mail, call, viber, soc, tgm, bot, hlr, ping, binary or wap-push; "invalid" for an envelope that
            breaks a rule.
        content: what it says, part by part; None if invalid.
        segments: how many there were.
        missing: the sequence numbers of those that never came.
        data_coding: of its first segment.
        message_ids: one for each segment that came, in the order in which they came.
        system_id: the account it was submitted from.
        at: when it was complete, or given up.
    """

    source_addr: str
    destination_addr: str
    text: str
    comment: str | None
    kind: str
    content: Content | None
    segments: int
    missing: tuple[int, ...]
    data_coding: int
    message_ids: tuple[str, ...]
    system_id: str
    at: datetime

    @property
    def incomplete(self) -> bool:
        """Whether a segment never came."""
        return bool(self.missing)

    def __repr__(self) -> str:
        """Its kind and size; never the text or the numbers."""
        return f"Received({self.kind}, {len(self.text)} characters, {self.segments} segments, missing={self.missing})"


class Message(msgspec.Struct, kw_only=True, gc=False):
    """One submit that was accepted, and its fate. Times are seconds on the event loop's clock.

    Attributes:
        message_id: as in the response.
        system_id: the account it belongs to.
        profile: the SMSC's profile as its session was bound.
        request: what was submitted.
        at: when.
        kind: as in `Received`; "sms" until the last segment tells.
        text: its beginning.
        parts: of how many segments its text has.
        verdict: what is to become of it; None for no verdict, ever.
        due: when that becomes so.
        plan: what the script says of it.
        written: its message_id as the text of its receipt has it; "" as in the response.
        tlv_id: likewise, as receipted_message_id has it.
        is_expected: whether its receipt is on the agenda.
        is_answered: whether its response went out, or will, without waiting for its receipt.
    """

    message_id: str
    system_id: str
    profile: Profile
    request: SubmitSm | DataSm
    at: float
    kind: str = "sms"
    text: str = ""
    parts: int = 1
    verdict: Verdict | None = None
    due: float = 0.0
    plan: Plan = msgspec.field(default_factory=lambda: AS_EXPECTED)
    written: str = ""
    tlv_id: str = ""
    is_expected: bool = False
    is_answered: bool = False

    def state(self, now: float) -> MessageState:
        """What query_sm is told."""
        return self.verdict.state if self.verdict and self.due <= now else MessageState.ENROUTE

    def cancel(self, now: float) -> None:
        """It is deleted before it was delivered."""
        self.verdict, self.due = _DELETED, now

    @property
    def is_cancelled(self) -> bool:
        """Whether it was deleted."""
        return self.verdict is _DELETED


# Account, source, destination, carrier, reference, total.
_Key = tuple[str, str, str, str | None, int | None, int]


class Journal:
    """Everything that was received.

    Args:
        keep: how many texts and how many PDUs are kept.
        keep_counts: how many different texts are counted.
        deadline: seconds that the segments of one text may take; the provider asks for a minute.

    Attributes:
        counts: what happened.
        received: the texts, oldest first.
        submit_sms: the PDUs as they came, refused ones included.
        submits: how often each text was received, to whatever number.
        deadline: as given.
    """

    def __init__(self, *, keep: int = 100_000, keep_counts: int = 1_000_000, deadline: float = 60.0) -> None:
        self.counts = Counts()
        self.received: deque[Received] = deque(maxlen=keep)
        self.submit_sms: deque[SubmitSm | DataSm] = deque(maxlen=keep)
        self.submits: Counter[str] = Counter()
        self._keep_counts = keep_counts
        self.deadline = deadline
        self._seen: set[int] = set()
        # A whole text that comes again is a duplicate, and counted, so its segments are not taken for repeats.
        self._reassembly = Reassembly(
            limit=_WAITING_LIMIT, octets_limit=_OCTETS_LIMIT, deadline=deadline, repeats_known_for=0.0
        )
        self._waiting: dict[_Key, list[Message]] = {}

    def clear(self) -> None:
        """Forget what was seen; texts whose segments are still coming stay."""
        self.received.clear()
        self.submit_sms.clear()
        self.submits.clear()
        self._seen.clear()
        for name in self.counts.__struct_fields__:
            setattr(self.counts, name, 0)

    def take(self, message: Message, at: datetime) -> Received | None:
        """Write down an accepted message; gives the text if it is complete with it.

        A segment that is already there is ignored, but for its message_id; one that differs begins another text.
        """
        body, place = read(message.request, message.profile)
        reading = _reading_of(body, message.profile)
        message.text = reading[0][:20]
        if place is None:
            return self._keep(reading, [message], at)
        return self._take_segment(message, place, at)

    def replace(self, message: Message, new: ReplaceSm) -> bool:
        """Give a message another text, and other receipts; False if it is a segment, or has no short_message."""
        request = message.request
        if not isinstance(request, SubmitSm) or message.parts > 1 or request.esm_class & EsmClass.UDHI:
            return False
        message.request = replace(
            request,
            short_message=new.short_message,
            registered_delivery=new.registered_delivery,
            tlvs=tuple([tlv for tlv in request.tlvs if tlv.tag != Tag.MESSAGE_PAYLOAD]),
        )
        text, comment, message.kind, content = _reading_of(read(message.request, message.profile)[0], message.profile)
        message.text = text[:20]
        for place in range(len(self.received) - 1, -1, -1):
            received = self.received[place]
            if (received.message_ids, received.destination_addr) == ((message.message_id,), request.destination_addr):
                self.received[place] = replace(received, text=text, comment=comment, kind=message.kind, content=content)
                self._recount(received.text, text)
                break
        return True

    def _recount(self, before: str, after: str) -> None:
        if self.submits[before] > 1:
            self.submits[before] -= 1
        else:
            del self.submits[before]
        self.submits[after] += 1

    def give_up(self, now: float, at: datetime) -> list[Received]:
        """Write down as incomplete what has waited too long for its segments, and say what it was."""
        return [self._keep_joined(joined, [], at) for joined in self._reassembly.expired(now)]

    @property
    def is_waiting(self) -> bool:
        """Whether a text waits for segments."""
        return len(self._reassembly) > 0

    def _take_segment(self, message: Message, place: Place, at: datetime) -> Received | None:
        request = message.request
        message.parts = place.total
        whole = None
        for joined in self._reassembly.add(request, message.profile, link=message.system_id, now=message.at):
            if joined.is_complete:
                whole = self._keep_joined(joined, [message], at)
            else:
                self._keep_joined(joined, [], at)
        if whole is None:
            key = (message.system_id, request.source_addr, request.destination_addr, *place[:3])
            self._waiting.setdefault(key, []).append(message)
        return whole

    def _keep_joined(self, joined: MoMessage, last: list[Message], at: datetime) -> Received:
        """Write down what was joined of the segments that came before, and of the last one if it came now."""
        addresses = (joined.link, joined.source_addr, joined.destination_addr)
        place = (joined.carrier, joined.reference, joined.total)
        messages = self._waiting.pop((*addresses, *place), []) + last
        self.counts.incomplete += not joined.is_complete
        body = Body(joined.octets, joined.coding, joined.elements)
        return self._keep(_reading_of(body, messages[0].profile, joined.text), messages, at, joined.missing)

    def _keep(
        self, reading: _Reading, messages: list[Message], at: datetime, missing: tuple[int, ...] = ()
    ) -> Received:
        first = messages[0]
        text, comment, kind, content = reading
        for message in messages:
            message.kind = kind
        received = Received(
            source_addr=first.request.source_addr,
            destination_addr=first.request.destination_addr,
            text=text,
            comment=comment,
            kind=kind,
            content=content,
            segments=first.parts,
            missing=missing,
            data_coding=first.request.data_coding,
            message_ids=tuple([message.message_id for message in messages]),
            system_id=first.system_id,
            at=at,
        )
        self.received.append(received)
        self._count(received)
        return received

    def _count(self, received: Received) -> None:
        self.counts.messages += 1
        text = received.text
        times = self.submits.get(text)
        if times is None and len(self.submits) >= self._keep_counts:
            self.counts.uncounted += 1
            return
        self.submits[text] = 1 if times is None else times + 1
        if received.kind in _LOOKUPS:
            return
        # A number of 64 bits in place of the text: two texts in 10**19 are mistaken for one.
        mark = hash((received.destination_addr, text))
        self.counts.duplicates += mark in self._seen
        self._seen.add(mark)


_LOOKUPS: Final = frozenset({"hlr", "ping"})
# Text, comment, kind and content.
_Reading = tuple[str, str | None, str, Content | None]


def _reading_of(body: Body, profile: Profile, joined: str | None = None) -> _Reading:
    """What a body says; `joined` is its text if it came in segments."""
    if (body.coding is Coding.BINARY and body.octets) or ports_in(body.elements):
        return _octets(body)
    whole = _text(body, profile, joined)
    if profile.envelopes and ("\n~~~\n" in whole or whole.startswith("__")):
        return _read(whole)
    return whole, None, "sms", envelope.Sms(whole)


def _octets(body: Body) -> _Reading:
    """What an application on the handset gets."""
    try:
        content = Binary(body.octets, udh.build(body.elements))
    except InvalidValue:
        return body.octets.hex().upper(), None, "invalid", None
    return content.text(), None, "wap-push" if ports_in(body.elements) == PORTS else content.kind, content


def _read(whole: str) -> _Reading:
    """As a provider with envelopes reads it."""
    text, comment = envelope.split_comment(whole)
    if not whole.startswith("__"):
        return text, comment, "sms", envelope.Sms(text)
    try:
        content = envelope.parse(whole)
    except InvalidValue:
        return text, comment, "invalid", None
    if isinstance(content, envelope.Call) and content.param is not None:
        return whole, None, content.kind, content  # what follows the separator is the call's parameter
    return text, comment, content.kind, content


def _text(body: Body, profile: Profile, joined: str | None) -> str:
    """What a body says, as the provider reads it: its own PHP library sends ASCII under data_coding 0."""
    if profile.envelopes and body.coding is Coding.GSM7 and _is_ascii(body.octets):
        return body.octets.decode("latin-1")
    return decode(body.octets, body.coding, shifts_of(body.elements)) if joined is None else joined


def _is_ascii(octets: bytes) -> bool:
    return (octets.startswith(b"__") and _ENVELOPE.match(octets) is not None) or _COMMENT in octets


# How envelopes and comments stand in ASCII. In GSM 7-bit the low line is 0x11 and the tilde an escape pair; there these
# octets are paragraph signs and u with diaeresis, which nobody writes in these places.
_ENVELOPE: Final = re.compile(rb"__(?:MAIL|CALL|VIBER|SOC|TGM|BOT)__: |__(?:HLR|PING)__$")
_COMMENT: Final = b"\n~~~\n"


def moment(epoch: float) -> datetime:
    """Seconds since 1970 as a time."""
    return datetime.fromtimestamp(epoch, UTC)
