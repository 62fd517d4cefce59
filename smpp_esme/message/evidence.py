"""Which receipts of unknown ids belong to which messages in doubt. Pure: where anything is ambiguous, nothing belongs.

A message is in doubt because its response was lost, and with it the id under which its receipt comes. Such a receipt
still names the subscriber and says when the message was submitted. It is taken for a message's own where the link and
the number are the message's, the SMSC says that it was submitted while we were submitting it, and nothing else explains
it: no other message to that number was on its way on that link then and still waits for a receipt.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: How far the SMSC's clock may be from ours; most write the minute alone, which is up to a minute early.
CLOCKS: Final = timedelta(minutes=2)

#: A link, and the significant digits of a subscriber's number.
Subscriber = tuple[str, str]


def significant(number: str) -> str:
    """The same number with and without an international prefix (+, 00)."""
    return number.lstrip("+0")


def spellings(number: str) -> tuple[str, ...]:
    """The ways in which a number may have been written down; nothing for one without digits."""
    digits = significant(number)
    return (digits, f"+{digits}", f"00{digits}", f"0{digits}") if digits else ()


class Awaiting(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that a receipt may be about.

    Attributes:
        message: the id of its message.
        number: its own.
        claimed_at: when it was given to a dispatcher; it was not submitted before.
        in_doubt: whether its id is not known; if it is, it only stands in the way.
    """

    message: int
    number: int
    claimed_at: datetime
    in_doubt: bool


class Orphan(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt in limbo.

    Attributes:
        id: the store's.
        message_id: the SMSC's.
        submitted_at: when the SMSC says that the message was submitted.
        received_at: when the receipt came in.
    """

    id: int
    message_id: str
    submitted_at: datetime | None
    received_at: datetime

    def fits(self, segment: Awaiting, attempt: timedelta) -> bool:
        """Whether it may be about a segment whose submitting took no longer than `attempt`."""
        if self.submitted_at is None or self.received_at < segment.claimed_at - CLOCKS:
            return False
        return segment.claimed_at - CLOCKS <= self.submitted_at <= segment.claimed_at + attempt + CLOCKS


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A segment whose doubt ends.

    Attributes:
        message: the id of its message.
        number: the segment's.
        message_id: the SMSC's, as its receipts have it.
        receipts: the ids of the receipts in limbo that are its own, in the order in which they came.
    """

    message: int
    number: int
    message_id: str
    receipts: tuple[int, ...]


def matches(
    segments: Mapping[Subscriber, Iterable[Awaiting]],
    orphans: Mapping[Subscriber, Iterable[Orphan]],
    attempt: timedelta,
) -> list[Match]:
    """The doubts that receipts end.

    Args:
        segments: what waits for a receipt, by subscriber.
        orphans: the receipts in limbo, by subscriber.
        attempt: for how long after its claim a segment may have been submitted.
    """
    return [
        match
        for subscriber, receipts in orphans.items()
        for match in _of_one_subscriber(list(segments.get(subscriber, ())), list(receipts), attempt)
    ]


def _of_one_subscriber(segments: list[Awaiting], orphans: list[Orphan], attempt: timedelta) -> list[Match]:
    found: list[Match] = []
    by_message: defaultdict[int, list[Awaiting]] = defaultdict(list)
    for segment in segments:
        if segment.in_doubt:
            by_message[segment.message].append(segment)
    for doubtful in by_message.values():
        fitting = [orphan for orphan in orphans if orphan.fits(doubtful[0], attempt)]
        rivals = [other for other in segments if other not in doubtful]
        if not any(orphan.fits(rival, attempt) for orphan in fitting for rival in rivals):
            found += _told(doubtful, fitting)
    return found


def _told(doubtful: list[Awaiting], orphans: list[Orphan]) -> list[Match]:
    """As many ids as segments: each has its own, and which has which makes no difference to the subscriber."""
    ids: defaultdict[str, list[int]] = defaultdict(list)
    for orphan in sorted(orphans, key=lambda orphan: orphan.id):
        if not orphan.message_id:
            return []
        ids[orphan.message_id].append(orphan.id)
    if len(ids) != len(doubtful):
        return []
    numbered = sorted(doubtful, key=lambda segment: segment.number)
    return [
        Match(message=segment.message, number=segment.number, message_id=message_id, receipts=tuple(receipts))
        for segment, (message_id, receipts) in zip(numbered, ids.items(), strict=True)
    ]
