"""What the simulated SMSC keeps: every message with its fate, every text as the subscriber got it, and counts.

Memory is bounded: texts, PDUs and messages are kept up to a limit, the oldest are forgotten first, and the counts go
on.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from datetime import UTC, datetime
from typing import Final

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.pdus import DataSm, SubmitSm
from smpp_esme.protocol.tlvs import Tag
from smpp_esme.simulator.handsets import Verdict
from smpp_esme.simulator.script import IdForm
from smpp_esme.sms import envelope
from smpp_esme.sms.coding import Coding, decode
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.segments import body_of, octets_of
from smpp_esme.sms.udh import Concatenation

#: So many segments may wait for the rest of their text; past that the oldest text is given up.
_WAITING_LIMIT: Final = 100_000
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
    malformed: int = 0


class Received(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A text as it reached its destination.

    Attributes:
        source_addr: who sent it.
        destination_addr: whom it was for.
        text: the whole text, envelope included and comment left out.
        comment: the sender's comment, which reaches no subscriber; None if there was none.
        kind: sms, mail, call, viber, soc, tgm, bot, hlr or ping; "invalid" for an envelope that breaks a rule.
        content: the envelope's parts; None if invalid.
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
    content: envelope.Content | None
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
        id_form: how its receipt writes the message_id.
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
    id_form: IdForm = "same"

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


_Key = tuple[str, str, str, int, int]


class _Text(msgspec.Struct):
    """A text whose segments are still coming."""

    total: int
    since: float
    pieces: dict[int, tuple[bytes, Coding]]
    messages: list[Message]


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
        self._texts: OrderedDict[_Key, _Text] = OrderedDict()
        self._waiting = 0

    def take(self, message: Message, at: datetime) -> Received | None:
        """Write down an accepted message; gives the text if it is complete with it.

        A segment that is already there is ignored, but for its message_id; one that differs begins another text.
        """
        request = message.request
        octets, place = body_of(octets_of(request), request.esm_class)
        place = place or _sar(request)
        coding = message.profile.codings[request.data_coding]
        text = decode(octets, coding)
        message.text = text[:20]
        if place is None:
            return self._keep(text, [message], at)
        return self._take_segment(message, place, (octets, coding), at)

    def give_up(self, now: float, at: datetime) -> None:
        """Write down as incomplete what has waited too long for its segments."""
        late = [key for key, text in self._texts.items() if text.since + self.deadline <= now]
        for key in late:
            self._close(key, at)

    @property
    def is_waiting(self) -> bool:
        """Whether a text waits for segments."""
        return bool(self._texts)

    def _take_segment(
        self, message: Message, place: Concatenation, piece: tuple[bytes, Coding], at: datetime
    ) -> Received | None:
        request = message.request
        key = (message.system_id, request.source_addr, request.destination_addr, place.reference, place.total)
        text = self._texts.get(key)
        if text is not None and text.pieces.get(place.sequence, piece) != piece:
            self._close(key, at)
            text = None
        if text is None:
            text = self._texts[key] = _Text(place.total, message.at, {}, [])
        self._waiting += place.sequence not in text.pieces
        text.pieces[place.sequence] = piece
        text.messages.append(message)
        message.parts = place.total
        if len(text.pieces) == place.total:
            return self._close(key, at)
        if self._waiting > _WAITING_LIMIT:
            self._close(next(iter(self._texts)), at)
        return None

    def _close(self, key: _Key, at: datetime) -> Received:
        text = self._texts.pop(key)
        self._waiting -= len(text.pieces)
        missing = tuple(sequence for sequence in range(1, text.total + 1) if sequence not in text.pieces)
        self.counts.incomplete += bool(missing)
        whole = _joined([piece for _, piece in sorted(text.pieces.items())])
        return self._keep(whole, text.messages, at, missing)

    def _keep(self, whole: str, messages: list[Message], at: datetime, missing: tuple[int, ...] = ()) -> Received:
        first = messages[0]
        text, comment, kind, content = _read(whole) if first.profile.envelopes else _plain(whole)
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
        if text not in self.submits and len(self.submits) >= self._keep_counts:
            self.counts.uncounted += 1
            return
        self.submits[text] += 1
        if received.kind in _LOOKUPS:
            return
        # A number of 64 bits in place of the text: two texts in 10**19 are mistaken for one.
        mark = hash((received.destination_addr, text))
        self.counts.duplicates += mark in self._seen
        self._seen.add(mark)


_LOOKUPS: Final = frozenset({"hlr", "ping"})
_Reading = tuple[str, str | None, str, envelope.Content | None]


def _plain(whole: str) -> _Reading:
    return whole, None, "sms", envelope.Sms(whole)


def _read(whole: str) -> _Reading:
    """Text, comment, kind and content, as a provider with envelopes reads them."""
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


def _sar(request: SubmitSm | DataSm) -> Concatenation | None:
    """The place of a segment that says it in TLVs (SMPP 3.4, 5.3.2.22 to 5.3.2.24)."""
    if not request.tlvs:
        return None
    reference, total, sequence = map(request.tlv, _SAR)
    if reference is None or not total or not sequence or sequence > total:
        return None
    return Concatenation(reference, total, sequence)


_SAR: Final = (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)


def _joined(pieces: list[tuple[bytes, Coding]]) -> str:
    codings = {coding for _, coding in pieces}
    if len(codings) == 1:
        # Before decoding, as a handset does it: what a careless sender cut in two heals.
        return decode(b"".join(octets for octets, _ in pieces), codings.pop())
    return "".join(decode(octets, coding) for octets, coding in pieces)


def moment(epoch: float) -> datetime:
    """Seconds since 1970 as a time."""
    return datetime.fromtimestamp(epoch, UTC)
