"""Segments back into one message, in whatever order and however often they come.

::

    reassembly = Reassembly(deadline=300.0)
    for message in reassembly.add(deliver_sm, profile, link="main", now=loop.time()):
        ...                                         # a MoMessage; most PDUs give one at once
    for message in reassembly.expired(loop.time()):  # from time to time, or at reassembly.next_deadline()
        ...                                         # incomplete: message.missing says what never came
    for message in reassembly.drain():               # before it is thrown away
        ...

Answer a segment's deliver_sm as soon as `add` has taken it: many SMSCs keep five or fewer outstanding, and one that
waits for an answer sends no further segment. Receipts are none of its business: see `receipt.parse` first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from smpp_esme.sms.mo import MoMessage, Part, message_of
from smpp_esme.sms.received import read

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import DataSm, DeliverSm, SubmitSm
    from smpp_esme.sms.profile import Profile


class Reassembly:
    """Segments that wait for the rest of their message.

    A message is known by link, source, destination, reference and total; its segments come in any order, behind a user
    data header, under the SAR TLVs, or in message_payload. A segment that comes again is ignored, for a while also
    after its message was complete. A different segment under the same sequence number begins another message, which
    uses the reference again. Memory is bounded: past either limit the oldest message is handed over as it is. No
    message is ever dropped.

    Args:
        limit: how many segments may be held; as many are remembered of messages that were complete.
        octets_limit: how many octets of content and TLVs the held segments may have together.
        deadline: seconds after its first segment when an incomplete message is handed over as it is.
        repeats_known_for: seconds after a message was complete in which its segments are known if they come again; 0
            takes them for another message.
    """

    def __init__(
        self,
        *,
        limit: int = 4096,
        octets_limit: int = 0x40_0000,
        deadline: float = 300.0,
        repeats_known_for: float = 300.0,
    ) -> None:
        self._limit = limit
        self._octets_limit = octets_limit
        self._deadline = deadline
        self._repeats_known_for = repeats_known_for
        # Both in the order of their deadlines, for all have the same time to live.
        self._waiting: dict[Key, _Waiting] = {}
        self._finished: dict[Key, _Finished] = {}
        self._held = 0
        self._octets = 0
        self._remembered = 0

    def __len__(self) -> int:
        """How many segments are held."""
        return self._held

    def add(self, pdu: SubmitSm | DeliverSm | DataSm, profile: Profile, *, link: str, now: float) -> list[MoMessage]:
        """The messages to hand over now that this PDU came.

        One that is no segment is a message at once; a segment gives the message that it completes, if any. Where a
        reference is used again, or there is no room, an older message comes with it or instead of it, incomplete.

        Args:
            pdu: a deliver_sm or data_sm or, at an SMSC, a submit_sm.
            profile: the SMSC that sent it, as bound.
            link: which link it came over, or which account.
            now: seconds on a clock that never goes back.
        """
        body, place = read(pdu, profile)
        part = Part(pdu, body, place)
        if place is None:
            return [message_of(link, {1: part})]
        key = (link, pdu.source_addr, pdu.destination_addr, *place[:3])
        return self._add(key, place.sequence, part, now)

    def waits_as(self, pdu: SubmitSm | DeliverSm | DataSm, profile: Profile, *, link: str) -> Key | None:
        """The key of the message that this very PDU, and no other that says the same, waits for; None if none."""
        _, place = read(pdu, profile)
        if place is None:
            return None
        key = (link, pdu.source_addr, pdu.destination_addr, *place[:3])
        waiting = self._waiting.get(key)
        part = waiting and waiting.parts.get(place.sequence)
        return key if part and part.pdu is pdu else None

    def expired(self, now: float) -> list[MoMessage]:
        """The messages whose deadline has passed, incomplete."""
        self._forget(now)
        late = []
        # The oldest stand first, so nothing is looked at that is not due.
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            late.append(self._take_oldest())
        return late

    def next_deadline(self) -> float | None:
        """When `expired` will have something; None while nothing waits."""
        oldest = next(iter(self._waiting.values()), None)
        return None if oldest is None else oldest.since + self._deadline

    def drain(self) -> list[MoMessage]:
        """All messages that wait, incomplete, the oldest first; nothing is held any more."""
        return [self._take_oldest() for _ in range(len(self._waiting))]

    def _add(self, key: Key, sequence: int, part: Part, now: float) -> list[MoMessage]:
        if (finished := self._finished.get(key)) is not None:
            if finished.marks.get(sequence) == hash(part.body):
                return []
            self._drop(key)
        messages = []
        waiting = self._waiting.get(key)
        if waiting is not None and (known := waiting.parts.get(sequence)) is not None:
            if known.body == part.body:
                return []
            messages.append(self._take(key))
            waiting = None
        if waiting is None:
            waiting = self._waiting[key] = _Waiting(now, {})
        waiting.parts[sequence] = part
        self._held += 1
        self._octets += part.size
        if len(waiting.parts) == key[-1]:
            self._remember(key, waiting, now)
            messages.append(self._take(key))
        while self._held > self._limit or self._octets > self._octets_limit:
            messages.append(self._take_oldest())
        return messages

    def _take(self, key: Key) -> MoMessage:
        parts = self._waiting.pop(key).parts
        self._held -= len(parts)
        self._octets -= sum([part.size for part in parts.values()])
        return message_of(key[0], parts)

    def _take_oldest(self) -> MoMessage:
        return self._take(next(iter(self._waiting)))

    def _remember(self, key: Key, waiting: _Waiting, now: float) -> None:
        self._finished[key] = _Finished(now, {number: hash(part.body) for number, part in waiting.parts.items()})
        self._remembered += len(waiting.parts)
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._finished:
            key, oldest = next(iter(self._finished.items()))
            if self._remembered <= self._limit and oldest.since + self._repeats_known_for > now:
                return
            self._drop(key)

    def _drop(self, key: Key) -> None:
        self._remembered -= len(self._finished.pop(key).marks)


#: Link, source, destination, carrier, reference, total: what the segments of a message share.
Key = tuple[str, str, str, str, int, int]


class _Waiting(msgspec.Struct):
    since: float
    parts: dict[int, Part]


class _Finished(msgspec.Struct):
    since: float
    # Numbers of 64 bits in place of the content: two contents in 10**19 are mistaken for one.
    marks: dict[int, int]
