"""What a batch of facts does to the messages it concerns: decided here, written by the store.

The store reads where the messages of a batch stand, hands each fact to a `Ledger`, and writes down what the ledger
holds then, in one transaction. Every step is checked against `status.MOVES`; a fact that may move nothing, such as a
repeated receipt, changes nothing.

Only the net change of a row is written, so two legal steps within one batch must add up to a legal one. They do: what
follows SUBMITTING and IN_DOUBT in a batch of answers can be reached from them directly, and verdicts only climb.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from smpp_esme.message.doubt import Decision
from smpp_esme.message.message import Accepted, Refused
from smpp_esme.message.status import UNSENT, MessageStatus, aggregate, is_final, may_move

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smpp_esme.message.message import Answer, ReceiptFact, Unanswered
    from smpp_esme.message.retry import Retry


class SegmentStanding(msgspec.Struct, array_like=True, gc=False):
    """Where one segment stands; `id` is None for a message's only one, which has no row of its own."""

    id: int | None
    number: int
    status: MessageStatus
    error: str | None = None
    error_meaning: str | None = None


class Standing(msgspec.Struct, array_like=True, gc=False):
    """Where one message stands: as much of it as a decision needs."""

    id: int
    reference: str
    status: MessageStatus
    attempts: int
    segments: list[SegmentStanding]
    duplicates: int = 0
    claimed_at: datetime | None = None


class Change(msgspec.Struct, kw_only=True, gc=False):
    """Where a segment or a message is to go, and what is learned on the way; None leaves what is known.

    Attributes:
        to: the new status.
        message_id: the SMSC's (of a segment, or of a message's only one).
        command_status: of the response (as above).
        error: in a word or a number; None clears a message's.
        error_meaning: the same for a person.
        submitted_at: when the SMSC took it.
        final_at: when it became final.
        done_at: when the SMSC says so (told in the history only).
        given_back: attempts that turned out to be none (messages only).
        resent: how often it is sent again in doubt by this (messages only).
        decided: whose decision it is, if not a fact's (told in the history only).
        next_attempt_at: its message is not sent before this (segments only).
        hlr: the HLR record that came with it (segments only).
        vendor: what the SMSC's own TLVs said (as message_id).
    """

    to: MessageStatus
    message_id: str | None = None
    command_status: int | None = None
    error: str | None = None
    error_meaning: str | None = None
    submitted_at: datetime | None = None
    final_at: datetime | None = None
    done_at: datetime | None = None
    given_back: int = 0
    resent: int = 0
    decided: str | None = None
    next_attempt_at: datetime | None = None
    hlr: dict[str, Any] | None = None
    vendor: dict[str, Any] | None = None


class Note(msgspec.Struct):
    """What is learned about a message, wherever it moves.

    Attributes:
        next_attempt_at: not sent before this, or None: leaves what is known.
        hlr: the HLR record, or None: leaves what is known.
    """

    next_attempt_at: datetime | None = None
    hlr: dict[str, Any] | None = None


class Move(msgspec.Struct, frozen=True, gc=False):
    """One step to be written into the history."""

    message: int
    segment: int | None
    at: datetime
    previous: MessageStatus | None
    status: MessageStatus
    detail: dict[str, Any]


class Ledger:
    """The standing of some messages, and what has to be written about them.

    Attributes:
        segments: net change by segment id.
        messages: net change by message id.
        notes: what else was learned, by message id.
        moves: every step, in order.
        ended: for each message that is in doubt no more, one of `ENDINGS`.
    """

    def __init__(self, standings: Iterable[Standing]) -> None:
        self.segments: dict[int, Change] = {}
        self.messages: dict[int, Change] = {}
        self.notes: dict[int, Note] = {}
        self.moves: list[Move] = []
        self.ended: list[str] = []
        self._standings = {standing.id: standing for standing in standings}
        self._written: set[int] = set()

    def standing(self, message: int) -> Standing | None:
        """Where a message stands now, or None: it is not in this ledger."""
        return self._standings.get(message)

    def answer(self, answer: Answer, *, retry: Retry, at: datetime) -> bool:
        """Take in what became of one submit_sm; whether its segment moved."""
        found = self._find(answer.message, answer.segment)
        if found is None:
            return False
        standing, segment = found
        if _is_outdated(answer, standing) and not isinstance(answer.outcome, Accepted):
            return False
        is_unsent = not isinstance(answer.outcome, Accepted | Refused) and not answer.outcome.written
        if not is_unsent:
            self._written.add(standing.id)
        change = _change_by(answer.outcome, standing, retry=retry, at=at)
        if segment.status is MessageStatus.QUEUED and change.to is MessageStatus.IN_DOUBT:
            return False  # it is settled that it is sent again
        if is_unsent and segment.status is not MessageStatus.SUBMITTING:
            return False  # an attempt that was none says nothing of one before
        if not self._move(standing, segment, change, at):
            return False
        if change.to is MessageStatus.FAILED:
            self._give_up(standing, at)
        self._settle(standing, change, at)
        return True

    def adopt(self, message: int, segment: int, message_id: str, *, by: str, at: datetime) -> bool:
        """End the doubt about a segment: the SMSC has it, under this id; whether there was one."""
        found = self._find(message, segment)
        if found is None or found[1].status is not MessageStatus.IN_DOUBT:
            return False
        change = Change(to=MessageStatus.SUBMITTED, message_id=message_id, submitted_at=at, decided=by)
        self._move(*found, change, at)
        self._settle(found[0], change, at)
        return True

    def receipt(
        self, message: int, segment: int, fact: ReceiptFact, *, at: datetime, decided: str | None = None
    ) -> bool:
        """Take in a receipt for a segment; whether the segment moved. `decided` says who knows it to be its own.

        An intermediate notification whose state sounds final is no verdict (SMPP 3.4, 5.2.12), so it moves nothing.
        """
        found = self._find(message, segment)
        if found is None or found[1].status in UNSENT:
            return False
        if is_final(fact.message_status) and not fact.final:
            return False
        change = Change(
            to=fact.message_status,
            error=fact.error,
            error_meaning=fact.error_meaning,
            final_at=at if is_final(fact.message_status) else None,
            done_at=fact.done_at,
            hlr=fact.hlr,
            vendor=fact.vendor,
            decided=decided,
        )
        if not self._move(*found, change, at):
            return False
        self._settle(found[0], change, at)
        return True

    def attach(self, message: int, fact: ReceiptFact, *, at: datetime) -> bool:
        """Take in a receipt that a person says is this message's; whether anything moved.

        It is taken to be about the first segment in doubt or, if there is none, the first that it can move.
        """
        standing = self._standings.get(message)
        if standing is None:
            return False
        for segment in standing.segments:
            if self.adopt(message, segment.number, fact.message_id, by="operator", at=at):
                self.receipt(message, segment.number, fact, at=at, decided="operator")
                return True
        return any(
            self.receipt(message, segment.number, fact, at=at, decided="operator") for segment in standing.segments
        )

    def change(
        self, message: int, segments: Iterable[int], to: MessageStatus, *, at: datetime, because: Refused | None = None
    ) -> bool:
        """Move these segments of a message because somebody decided so; whether any moved."""
        found = [pair for number in segments if (pair := self._find(message, number))]
        change = Change(
            to=to,
            final_at=at if is_final(to) else None,
            error=because.name if because else None,
            error_meaning=because.meaning if because else None,
        )
        moved = [self._move(standing, segment, change, at) for standing, segment in found]
        if any(moved):
            self._settle(found[0][0], change, at)
        return any(moved)

    def resolve(self, message: int, decision: Decision, *, by: str, at: datetime) -> bool:
        """End the doubt about a message; whether there was one."""
        standing = self._standings.get(message)
        if standing is None or standing.status is not MessageStatus.IN_DOUBT:
            return False
        to = decision.status
        change = Change(
            to=to,
            submitted_at=at if to is MessageStatus.SUBMITTED else None,
            final_at=at if is_final(to) else None,
            resent=int(decision is Decision.RESEND),
            decided=by,
        )
        for segment in standing.segments:
            if segment.status is MessageStatus.IN_DOUBT:
                self._move(standing, segment, change, at)
        self._settle(standing, change, at)
        return True

    def _find(self, message: int, number: int) -> tuple[Standing, SegmentStanding] | None:
        standing = self._standings.get(message)
        if standing is None:
            return None
        for each in standing.segments:
            if each.number == number:
                return standing, each
        return None

    def _move(self, standing: Standing, segment: SegmentStanding, change: Change, at: datetime) -> bool:
        if not may_move(segment.status, change.to):
            return False
        if len(standing.segments) > 1:  # the only segment's story is the message's
            self._tell(standing, segment, change, at)
        segment.status, segment.error, segment.error_meaning = change.to, change.error, change.error_meaning
        if segment.id is not None:
            self.segments[segment.id] = _after(self.segments.get(segment.id), change)
        return True

    def _give_up(self, standing: Standing, at: datetime) -> None:
        """Send no more of a message of which a segment was refused for good: it can never be read whole."""
        for segment in standing.segments:
            if segment.status is MessageStatus.QUEUED:
                change = Change(to=MessageStatus.FAILED, error_meaning="another segment was refused", final_at=at)
                self._move(standing, segment, change, at)

    def _settle(self, standing: Standing, because: Change, at: datetime) -> None:
        """Give the message the status that its segments add up to."""
        if because.next_attempt_at or because.hlr:
            note = self.notes.setdefault(standing.id, Note())
            note.next_attempt_at = because.next_attempt_at or note.next_attempt_at
            note.hlr = because.hlr or note.hlr
        only = len(standing.segments) == 1
        to = because.to if only else aggregate(segment.status for segment in standing.segments)
        if not may_move(standing.status, to):
            return
        change = because if only else _of_several(standing, to, because, at)
        self._tell(standing, None, change, at)
        change.given_back = int(self._was_none(standing, to))
        if standing.status is MessageStatus.IN_DOUBT:
            self.ended.append(_ending(because))
        standing.status = to
        self.messages[standing.id] = _after(self.messages.get(standing.id), change)

    def _was_none(self, standing: Standing, to: MessageStatus) -> bool:
        """Whether the attempt that a message comes back from turned out to be none: nothing of it was written."""
        return (
            to is MessageStatus.QUEUED
            and standing.status is MessageStatus.SUBMITTING
            and standing.id not in self._written
        )

    def _tell(self, standing: Standing, segment: SegmentStanding | None, change: Change, at: datetime) -> None:
        """Write a step into the history, before it is made."""
        detail = {name: value for name in _TOLD if (value := getattr(change, name)) is not None}
        previous, number = (segment.status, segment.number) if segment else (standing.status, None)
        self.moves.append(Move(standing.id, number, at, previous, change.to, detail))


#: What the history tells of a change, where it is known.
_TOLD: Final = ("message_id", "command_status", "error", "error_meaning", "done_at", "vendor", "decided")


#: How a doubt may end: a receipt that fits, a response that came late, an answer to query_sm or cancel_sm, a person's
#: decision, or a policy that has it sent again.
ENDINGS: Final = ("receipt", "late_response", "query_sm", "person", "resend")

_ENDINGS: Final = {
    "receipt": "receipt",
    "query_sm": "query_sm",
    "cancel_sm": "query_sm",
    "operator": "person",
    "policy": "resend",
}


def _ending(because: Change) -> str:
    """How a change has ended a doubt."""
    if because.decided is not None:
        return _ENDINGS[because.decided]
    return "receipt" if because.command_status is None else "late_response"


def _of_several(standing: Standing, to: MessageStatus, because: Change, at: datetime) -> Change:
    """How a message of several segments changes because one of them did."""
    # The error is that of the segment which decided, and of those the one that can say why.
    deciding = [segment for segment in standing.segments if segment.status is to]
    named = next((segment for segment in deciding if segment.error), deciding[0] if deciding else None)
    return Change(
        to=to,
        error=named.error if named else None,
        error_meaning=named.error_meaning if named else None,
        submitted_at=at if to is MessageStatus.SUBMITTED else None,
        final_at=at if is_final(to) else None,
        resent=int(because.resent),
        decided=because.decided,
    )


def _is_outdated(answer: Answer, standing: Standing) -> bool:
    """Whether an answer is to an earlier claim than the last."""
    return (answer.attempt is not None and answer.attempt != standing.attempts) or (
        answer.claimed_at is not None and answer.claimed_at != standing.claimed_at
    )


def _change_by(outcome: Accepted | Refused | Unanswered, standing: Standing, *, retry: Retry, at: datetime) -> Change:
    """What one answer makes of its segment."""
    if isinstance(outcome, Accepted):
        return Change(to=MessageStatus.SUBMITTED, message_id=outcome.message_id, command_status=0, submitted_at=at)
    if isinstance(outcome, Refused):
        return _change_by_refusal(outcome, standing, retry=retry, at=at)
    return Change(to=MessageStatus.IN_DOUBT if outcome.written else MessageStatus.QUEUED)


def _change_by_refusal(refused: Refused, standing: Standing, *, retry: Retry, at: datetime) -> Change:
    """A refusal is final, unless patience is left and every other segment may still arrive."""
    hopeless = any(segment.status is MessageStatus.FAILED for segment in standing.segments)
    again = None if hopeless else retry.next_attempt_at(refused, attempts=standing.attempts, at=at)
    if standing.duplicates and again is None:
        # The first may have arrived, and this may even be why the repetition is refused: it proves nothing.
        return Change(
            to=MessageStatus.IN_DOUBT,
            command_status=refused.command_status,
            error=refused.name,
            error_meaning=refused.meaning,
        )
    return Change(
        to=MessageStatus.FAILED if again is None else MessageStatus.QUEUED,
        command_status=refused.command_status,
        error=refused.name,
        error_meaning=refused.meaning,
        final_at=at if again is None else None,
        next_attempt_at=again,
    )


def _after(earlier: Change | None, change: Change) -> Change:
    """The net of two changes: the later one, with what only the earlier one learned."""
    if earlier is None:
        return change
    return Change(
        to=change.to,
        message_id=change.message_id if change.message_id is not None else earlier.message_id,
        command_status=change.command_status if change.command_status is not None else earlier.command_status,
        error=change.error,
        error_meaning=change.error_meaning,
        submitted_at=change.submitted_at or earlier.submitted_at,
        final_at=change.final_at,
        vendor=change.vendor or earlier.vendor,
        given_back=change.given_back + earlier.given_back,
        resent=change.resent + earlier.resent,
    )
