"""Giving messages to a dispatcher, and writing down what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace
from sqlalchemy import BigInteger, String, bindparam, literal, literal_column, or_, select, union_all, update

from smpp_esme.message.ledger import Ledger, Move
from smpp_esme.message.message import PRIORITIES, Accepted, Answer, RecordedAnswer, Refused, Unanswered
from smpp_esme.message.retry import Retry
from smpp_esme.message.status import MessageStatus, sources
from smpp_esme.store import doubt, limbo, records
from smpp_esme.store.batches import Batch, Prepared, fetch, packed
from smpp_esme.store.dialects import unindexed
from smpp_esme.store.moves import expect, standings, tell, tell_all, words, write
from smpp_esme.store.tables import Key, Moment, message, microseconds, segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from smpp_esme.message.doubt import Resubmit
    from smpp_esme.message.message import Message, ReceiptFact

#: How many messages `recover` takes at a time: a step must not keep anybody waiting.
RECOVERED_AT_ONCE: Final = 500


def _exactly(value: str | int) -> Any:
    # Written into the statement, not bound: only so does the planner see that a partial index serves it.
    return literal_column(f"'{value}'" if isinstance(value, str) else str(value))


def _due_in(priority: int) -> Select[Any]:
    """The messages of one priority that are due, the longest waiting first."""
    return (
        select(message.c.id, message.c.priority, message.c.next_attempt_at)
        .where(
            message.c.status == _exactly(MessageStatus.QUEUED.value),
            message.c.link == bindparam("link"),
            message.c.priority == _exactly(priority),
            message.c.next_attempt_at <= bindparam("now", type_=BigInteger),
        )
        .order_by(message.c.next_attempt_at, message.c.id)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)
    )


# One index range for each priority, so that what is scheduled for later or less urgent is not even looked at.
_due = Prepared(
    packed(
        select(union_all(*[select(_due_in(each).subquery(f"priority_{each}")) for each in PRIORITIES]).subquery("due"))
    )
)

_ids = Batch(id=Key)

_claim = Prepared(
    update(message)
    .where(message.c.id == _ids.c.id, unindexed(message.c.status).in_(words(sources(MessageStatus.SUBMITTING))))
    .values(
        status=literal(MessageStatus.SUBMITTING.value),
        attempts=message.c.attempts + 1,
        lease_owner=bindparam("owner", type_=String),
        lease_until=bindparam("until", type_=BigInteger),
        claimed_at=bindparam("now", type_=BigInteger),
    )
)

_claim_segments = Prepared(
    update(segment)
    .where(segment.c.message == _ids.c.id, segment.c.status.in_(words(sources(MessageStatus.SUBMITTING))))
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


_mine = packed(
    select(message.c.id).where(
        message.c.status == _exactly(MessageStatus.SUBMITTING.value),
        message.c.lease_until == bindparam("lease_until", type_=Moment),
        message.c.lease_owner == bindparam("owner"),
        message.c.link == bindparam("link"),
    )
)


def claim(
    connection: Connection, parameters: dict[str, Any], *, handing_back: Sequence[datetime] = ()
) -> list[Message]:
    """Give queued messages to a dispatcher; see `Store.claim`.

    Args:
        connection: in a transaction.
        parameters: those of `Store.claim`, and `now`.
        handing_back: leases of claims of the same owner and link that nobody was told of.
    """
    for lease_until in handing_back:
        _hand_back(connection, parameters | {"lease_until": lease_until})
    now = microseconds(parameters["now"])
    limit = parameters["limit"]
    due = fetch(connection, _due, {"link": parameters["link"], "now": now, "limit": limit})
    due.sort(key=lambda row: (-row[1], row[2], row[0]))
    ids = [row[0] for row in due[:limit]]
    if not ids:
        return []
    claimed = records.load(connection, ids)
    rows = _ids.parameters([[each] for each in ids])
    given = {"owner": parameters["owner"], "until": microseconds(parameters["lease_until"]), "now": now}
    expect(_claim.run(connection, rows | given), len(ids))
    longer = [each for each in claimed if len(each.segments) > 1]
    if longer:
        _claim_segments.run(connection, _ids.parameters([[each.id] for each in longer]))
        tell(connection, [move for each in longer for move in _segments_claimed(each, parameters["now"])])
    tell_all(connection, ids, [now] * len(ids), previous=MessageStatus.QUEUED, status=MessageStatus.SUBMITTING)
    for each in claimed:
        each.status = MessageStatus.SUBMITTING
        each.attempts += 1
        each.claimed_at = parameters["now"]
        for part in each.segments:
            if part.status is MessageStatus.QUEUED:
                part.status = MessageStatus.SUBMITTING
    return claimed


def _hand_back(connection: Connection, parameters: dict[str, Any]) -> None:
    """Queue again what was claimed and certainly never left."""
    named = {name: parameters[name] for name in ("lease_until", "owner", "link")}
    found = standings(connection, [row[0] for row in fetch(connection, _mine, named)])
    ledger = Ledger(found)
    for each in found:
        for part in each.segments:
            if part.status is MessageStatus.SUBMITTING:
                ledger.answer(
                    Answer(each.id, part.number, Unanswered(written=False)), retry=Retry(), at=parameters["now"]
                )
    write(connection, ledger)


def record_answers(
    connection: Connection,
    answers: Sequence[Answer],
    *,
    at: datetime,
    retry: Retry,
    policies: Mapping[str, Resubmit],
) -> list[RecordedAnswer]:
    """Write down what became of some submit_sm; see `Store.record_answers`."""
    harmless = [_harmless(each) for each in answers]
    found = standings(connection, {each.message for each in answers})
    ledger = Ledger(found)
    moved = [ledger.answer(each, retry=retry, at=at) for each in harmless]
    write(connection, ledger)
    doubt.resubmit(connection, doubt.came_in_doubt(ledger, found), policies, at=at)
    accepted = [each for each, has in zip(harmless, moved, strict=True) if has]
    overtaken = Ledger(found)
    early: dict[tuple[int, int], tuple[ReceiptFact, ...]] = {}
    for message_key, number, fact in limbo.take(connection, accepted):
        overtaken.receipt(message_key, number, fact, at=at)
        early[message_key, number] = (*early.get((message_key, number), ()), fact)
    write(connection, overtaken)
    return [
        RecordedAnswer(
            reference=standing.reference if (standing := overtaken.standing(each.message)) else None,
            moved=has,
            status=standing.status if standing else None,
            overtaken=early.pop((each.message, each.segment), ()) if has else (),
        )
        for each, has in zip(harmless, moved, strict=True)
    ]


def recover(connection: Connection, owner: str, *, at: datetime, policies: Mapping[str, Resubmit]) -> int:
    """Put some abandoned messages in doubt; see `Store.recover`."""
    wanted = {"owner": owner, "now": at, "limit": RECOVERED_AT_ONCE}
    ids = [row[0] for row in fetch(connection, _abandoned, wanted)]
    found = standings(connection, ids)
    ledger = Ledger(found)
    moved = 0
    for each in found:
        numbers = [part.number for part in each.segments if part.status is MessageStatus.SUBMITTING]
        moved += ledger.change(each.id, numbers, MessageStatus.IN_DOUBT, at=at)
    write(connection, ledger)
    doubt.resubmit(connection, doubt.came_in_doubt(ledger, found), policies, at=at)
    return moved


def _segments_claimed(message: Message, at: datetime) -> list[Move]:
    """The steps of those segments of a message that wait to be sent."""
    waiting = [part.number for part in message.segments if part.status is MessageStatus.QUEUED]
    return [Move(message.id, each, at, MessageStatus.QUEUED, MessageStatus.SUBMITTING, {}) for each in waiting]


def _harmless(answer: Answer) -> Answer:
    """The same answer, in words that the database can keep: they are a stranger's."""
    outcome: Accepted | Refused
    match answer.outcome:
        case Accepted(message_id):
            if (kept := records.harmless(message_id)) == message_id:
                return answer
            outcome = Accepted(kept)
        case Refused() as refused:
            outcome = replace(refused, name=records.harmless(refused.name), meaning=records.harmless(refused.meaning))
        case _:
            return answer
    return replace(answer, outcome=outcome)
