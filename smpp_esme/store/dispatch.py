"""Giving messages to a dispatcher, and writing down what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace
from sqlalchemy import String, bindparam, func, literal, or_, select, union_all, update

from smpp_esme.message.ledger import Ledger, Move
from smpp_esme.message.message import PRIORITIES, Accepted, RecordedAnswer, Refused
from smpp_esme.message.status import MessageStatus, sources
from smpp_esme.store import limbo, records
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.dialects import unindexed
from smpp_esme.store.moves import expect, standings, tell, write
from smpp_esme.store.tables import Key, Moment, message, segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from smpp_esme.message.message import Answer, Message
    from smpp_esme.message.retry import Retry

#: How many messages `recover` takes at a time: a step must not keep anybody waiting.
RECOVERED_AT_ONCE: Final = 500


def _exactly(value: str | int) -> Any:
    # Written into the statement, not bound: only so does the planner see that a partial index serves it.
    return literal(value, literal_execute=True)


def _due_in(priority: int) -> Select[Any]:
    """The messages of one priority that are due, the longest waiting first."""
    return (
        select(message.c.id, message.c.priority, message.c.next_attempt_at)
        .where(
            message.c.status == _exactly(MessageStatus.QUEUED.value),
            message.c.link == bindparam("link"),
            message.c.priority == _exactly(priority),
            message.c.next_attempt_at <= bindparam("now", type_=Moment),
        )
        .order_by(message.c.next_attempt_at, message.c.id)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
    )


# One index range for each priority, so that what is scheduled for later or less urgent is not even looked at.
_due = packed(
    select(union_all(*[select(_due_in(each).subquery(f"priority_{each}")) for each in PRIORITIES]).subquery("due"))
)

_next_due = select(func.min(message.c.next_attempt_at)).where(
    message.c.status == _exactly(MessageStatus.QUEUED.value),
    message.c.link == bindparam("link"),
    message.c.priority == bindparam("priority"),
)

_ids = Batch(id=Key)

_claim = (
    update(message)
    .where(message.c.id == _ids.c.id, unindexed(message.c.status).in_(sorted(sources(MessageStatus.SUBMITTING))))
    .values(
        status=literal(MessageStatus.SUBMITTING.value),
        attempts=message.c.attempts + 1,
        lease_owner=bindparam("owner", type_=String),
        lease_until=bindparam("until", type_=Moment),
        claimed_at=bindparam("now", type_=Moment),
    )
)

_claim_segments = (
    update(segment)
    .where(segment.c.message == _ids.c.id, segment.c.status.in_(sorted(sources(MessageStatus.SUBMITTING))))
    .values(status=literal(MessageStatus.SUBMITTING.value))
)

_abandoned = packed(
    select(message.c.id)
    .where(
        message.c.status == _exactly(MessageStatus.SUBMITTING.value),
        or_(
            message.c.lease_owner == bindparam("owner"),
            message.c.lease_until <= bindparam("now", type_=Moment),
        ),
    )
    .order_by(message.c.id)
    .limit(bindparam("limit"))
)


def claim(connection: Connection, parameters: dict[str, Any]) -> list[Message]:
    """Give queued messages to a dispatcher; see `Store.claim`."""
    wanted = {name: parameters[name] for name in ("link", "now", "limit")}
    due = fetch(connection, _due, wanted)
    due.sort(key=lambda row: (-row[1], row[2], row[0]))
    ids = [row[0] for row in due[: parameters["limit"]]]
    if not ids:
        return []
    claimed = records.load(connection, ids)
    rows = _ids.parameters([[each] for each in ids])
    given = {name: parameters[name] for name in ("owner", "until", "now")}
    moves = [move for each in claimed for move in _claimed(each, at=parameters["now"])]
    expect(connection.execute(_claim, rows | given), len(ids))
    connection.execute(_claim_segments, rows)
    tell(connection, moves)
    return claimed


def next_due_at(connection: Connection, link: str) -> datetime | None:
    """When the next queued message of a link is due; see `Store.next_due_at`."""
    times = [
        connection.execute(_next_due, {"link": link, "priority": priority}).scalar_one_or_none()
        for priority in PRIORITIES
    ]
    return min((each for each in times if each is not None), default=None)


def record_answers(
    connection: Connection, answers: Sequence[Answer], *, at: datetime, retry: Retry
) -> list[RecordedAnswer]:
    """Write down what became of some submit_sm; see `Store.record_answers`."""
    harmless = [_harmless(each) for each in answers]
    found = standings(connection, {each.message for each in answers})
    ledger = Ledger(found)
    moved = [ledger.answer(each, retry=retry, at=at) for each in harmless]
    write(connection, ledger)
    accepted = [each for each, has in zip(harmless, moved, strict=True) if has]
    overtaken = Ledger(found)
    for message_key, number, fact in limbo.take(connection, accepted):
        overtaken.receipt(message_key, number, fact, at=at)
    write(connection, overtaken)
    return [
        RecordedAnswer(
            reference=standing.reference if (standing := overtaken.standing(each.message)) else None,
            moved=has,
            status=standing.status if standing else None,
        )
        for each, has in zip(harmless, moved, strict=True)
    ]


def hand_back(connection: Connection, ids: Iterable[int], *, at: datetime) -> int:
    """Queue messages again whose submit_sm certainly never left; see `Store.hand_back`."""
    return _move_submitting(connection, ids, MessageStatus.QUEUED, at=at)


def recover(connection: Connection, owner: str, *, at: datetime) -> int:
    """Put some abandoned messages in doubt; see `Store.recover`."""
    wanted = {"owner": owner, "now": at, "limit": RECOVERED_AT_ONCE}
    ids = [row[0] for row in fetch(connection, _abandoned, wanted)]
    return _move_submitting(connection, ids, MessageStatus.IN_DOUBT, at=at)


def _move_submitting(connection: Connection, ids: Iterable[int], to: MessageStatus, *, at: datetime) -> int:
    """Move what is still SUBMITTING of these messages; how many messages that concerned."""
    found = standings(connection, ids)
    ledger = Ledger(found)
    moved = 0
    for each in found:
        numbers = [part.number for part in each.segments if part.status is MessageStatus.SUBMITTING]
        moved += ledger.change(each.id, numbers, to, at=at)
    write(connection, ledger)
    return moved


def _claimed(message: Message, *, at: datetime) -> list[Move]:
    """Mark a message as claimed, as the statements do; the steps of its history."""
    parts = [part for part in message.segments if part.status is MessageStatus.QUEUED]
    numbers = [part.number for part in parts] if len(message.segments) > 1 else []
    for part in parts:
        part.status = MessageStatus.SUBMITTING
    message.status = MessageStatus.SUBMITTING
    message.attempts += 1
    return [
        Move(message.id, number, at, MessageStatus.QUEUED, MessageStatus.SUBMITTING, {}) for number in (*numbers, None)
    ]


def _harmless(answer: Answer) -> Answer:
    """The same answer, in words that the database can keep: they are a stranger's."""
    outcome: Accepted | Refused
    match answer.outcome:
        case Accepted(message_id):
            outcome = Accepted(records.harmless(message_id))
        case Refused() as refused:
            outcome = replace(refused, name=records.harmless(refused.name), meaning=records.harmless(refused.meaning))
        case _:
            return answer
    return replace(answer, outcome=outcome)
