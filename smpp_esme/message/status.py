"""What we know of a message, and which change of mind is legal.

Theory of operation. A segment is what crosses the session, so a segment has a status of its own; the status of a
message is the `aggregate` of its segments and is never set by hand. Both move only along `MOVES`, and the store's
statements take their guard from the same table (`sources`), so that code and database cannot disagree.

::

    QUEUED ──claim──> SUBMITTING ──response──> SUBMITTED ──receipts──> ACCEPTED ──> a verdict of the SMSC
       ^                  │ │ └──refused──> FAILED           ^
       ├──handed back─────┘ └──no response──> IN_DOUBT ──────┘ (a late response, a receipt, or an operator decides)
       └──cancelled──> CANCELLED                 └──an operator resends knowingly──> QUEUED

The SMSC's verdicts are ordered, and a later receipt may only say something better: UNKNOWN, the least that can be said,
may become anything; DELIVERED is the truth whenever it comes, even after EXPIRED (SMSCs do report late). Because moves
only climb, receipts that come twice, late or in the wrong order always end in the same status.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.protocol.parameters import MessageState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class MessageStatus(StrEnum):
    """What we know of a message or of one of its segments."""

    # Enum's own is a function in Python, and every look at the table of moves takes one.
    __hash__ = str.__hash__

    QUEUED = "QUEUED"
    """Kept, and not yet on its way."""
    SUBMITTING = "SUBMITTING"
    """Claimed by a dispatcher: its submit_sm may or may not have left."""
    IN_DOUBT = "IN_DOUBT"
    """Its submit_sm left, or may have, and no response came: the SMSC may or may not have it."""
    SUBMITTED = "SUBMITTED"
    """The SMSC has it, on its word (submit_sm_resp with ESME_ROK); it is scheduled or en route."""
    ACCEPTED = "ACCEPTED"
    """The SMSC's ACCEPTED: somebody read it on the subscriber's behalf; the verdict is still to come."""
    UNKNOWN = "UNKNOWN"
    """The SMSC's UNKNOWN: it lost track."""
    REJECTED = "REJECTED"
    """The SMSC's REJECTED."""
    UNDELIVERABLE = "UNDELIVERABLE"
    """The SMSC's UNDELIVERABLE."""
    EXPIRED = "EXPIRED"
    """The SMSC's EXPIRED: its validity period ran out."""
    DELETED = "DELETED"
    """The SMSC's DELETED: cancelled at the SMSC."""
    DELIVERED = "DELIVERED"
    """The SMSC's DELIVERED."""
    FAILED = "FAILED"
    """Refused for good, or given up; the SMSC does not have it."""
    CANCELLED = "CANCELLED"
    """Taken back before it was sent."""


_S = MessageStatus

#: The SMSC's final states (SMPP 3.4, 5.2.28), from the least that can be said to the best.
VERDICTS: Final = (_S.UNKNOWN, _S.REJECTED, _S.UNDELIVERABLE, _S.EXPIRED, _S.DELETED, _S.DELIVERED)

_ANY_VERDICT: Final = frozenset(VERDICTS)

#: From each status, where it may go. What is not here is illegal and changes nothing.
MOVES: Final[dict[MessageStatus, frozenset[MessageStatus]]] = {
    # FAILED without an attempt: no route, or its validity ran out in the queue. IN_DOUBT once more if it was to be sent
    # again and that was given up: whether the first was sent is as open as before. SUBMITTED when the response to that
    # came late, which spares the repetition.
    _S.QUEUED: frozenset({_S.SUBMITTING, _S.FAILED, _S.CANCELLED, _S.IN_DOUBT, _S.SUBMITTED}),
    # Back to QUEUED only when the SMSC certainly does not have it: never written to the wire, or refused for now.
    _S.SUBMITTING: frozenset({_S.SUBMITTED, _S.QUEUED, _S.FAILED, _S.IN_DOUBT}),
    # Back to QUEUED only by somebody who accepts a possible duplicate.
    _S.IN_DOUBT: frozenset({_S.SUBMITTED, _S.QUEUED, _S.FAILED, _S.ACCEPTED}) | _ANY_VERDICT,
    _S.SUBMITTED: frozenset({_S.ACCEPTED}) | _ANY_VERDICT,
    _S.ACCEPTED: _ANY_VERDICT,
    # A verdict may only be corrected upwards.
    **{verdict: frozenset(VERDICTS[rank + 1 :]) for rank, verdict in enumerate(VERDICTS)},
    # What we ended ourselves stays ended: a new attempt is a new message.
    _S.FAILED: frozenset(),
    _S.CANCELLED: frozenset(),
}

#: The statuses after which nothing more is awaited, though a verdict may still be corrected.
FINAL: Final = _ANY_VERDICT | {_S.FAILED, _S.CANCELLED}

#: Still ours to send: no receipt can speak of it before its response, or the doubt about it, has come.
UNSENT: Final = frozenset({_S.QUEUED, _S.SUBMITTING})

#: Whose status a message takes when its segments differ: the first of these that any segment has. Work under way comes
#: first; then what we ended ourselves, since no receipt can mend it; then what is unfinished; then the worst verdict.
#: A message is DELIVERED only when every segment is: half a text is not the text.
AGGREGATE_ORDER: Final = (
    _S.SUBMITTING,
    _S.FAILED,
    _S.CANCELLED,
    _S.QUEUED,
    _S.IN_DOUBT,
    _S.SUBMITTED,
    _S.ACCEPTED,
    *VERDICTS,
)

_RANKS: Final = {status: rank for rank, status in enumerate(AGGREGATE_ORDER)}

#: The SMSC's word and ours. SCHEDULED and ENROUTE say no more than the response did; a SKIPPED message (SMPP 5.0) will
#: never arrive.
_OF_MESSAGE_STATE: Final = {
    MessageState.SCHEDULED: _S.SUBMITTED,
    MessageState.ENROUTE: _S.SUBMITTED,
    MessageState.DELIVERED: _S.DELIVERED,
    MessageState.EXPIRED: _S.EXPIRED,
    MessageState.DELETED: _S.DELETED,
    MessageState.UNDELIVERABLE: _S.UNDELIVERABLE,
    MessageState.ACCEPTED: _S.ACCEPTED,
    MessageState.UNKNOWN: _S.UNKNOWN,
    MessageState.REJECTED: _S.REJECTED,
    MessageState.SKIPPED: _S.UNDELIVERABLE,
}


def may_move(status: MessageStatus, to: MessageStatus) -> bool:
    """Whether a message or segment may go from one status to another."""
    return to in MOVES[status]


def sources(to: MessageStatus) -> frozenset[MessageStatus]:
    """The statuses from which `to` may be reached in one move."""
    return frozenset(status for status, targets in MOVES.items() if to in targets)


def is_final(status: MessageStatus) -> bool:
    """Whether nothing more is awaited; a verdict may still be corrected upwards."""
    return status in FINAL


def aggregate(statuses: Iterable[MessageStatus]) -> MessageStatus:
    """The status of a message whose segments have these, by `AGGREGATE_ORDER`.

    Args:
        statuses: one for each segment, at least one.

    Raises:
        ValueError: there are none.
    """
    return min(statuses, key=_RANKS.__getitem__)


class Aggregates(msgspec.Struct, frozen=True, gc=False):
    """What the statuses of a message's segments come to.

    Attributes:
        all: the status that every segment has; None where they differ.
        any: the best that any segment has come to, the last of `AGGREGATE_ORDER`.
        worst: the one that decides, the first of it: the message's own status.
    """

    all: MessageStatus | None
    any: MessageStatus
    worst: MessageStatus


_UNANIMOUS: Final = {status: Aggregates(status, status, status) for status in MessageStatus}


def aggregates(statuses: Collection[MessageStatus]) -> Aggregates:
    """What the statuses of all segments come to, one for each segment, at least one.

    Raises:
        ValueError: there are none.
    """
    different = set(statuses)
    if len(different) == 1:
        return _UNANIMOUS[different.pop()]
    return Aggregates(None, max(different, key=_RANKS.__getitem__), aggregate(different))


def of_message_state(state: MessageState) -> MessageStatus:
    """The status that the SMSC's message_state gives a segment (SMPP 3.4, 5.2.28)."""
    return _OF_MESSAGE_STATE[state]
