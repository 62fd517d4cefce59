"""Giving messages to a dispatcher, and writing down what became of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace
from sqlalchemy import BigInteger, String, bindparam, literal, literal_column, or_, select, union_all, update

from smpp_esme.message.ledger import Ledger, Move
from smpp_esme.message.message import PRIORITIES, Accepted, Answer, RecordedAnswer, Refused, Unanswered
from smpp_esme.message.retry import Retry
from smpp_esme.message.status import MessageStatus, sources
from smpp_esme.sms import message_id
from smpp_esme.store import doubt, limbo, records
from smpp_esme.store.batches import Batch, Prepared, fetch, packed
from smpp_esme.store.dialects import unindexed
from smpp_esme.store.moves import Told, expect, move_all, standings, tell, tell_all, words, write
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
    rows = _ids.of_columns([ids])
    given = {"owner": parameters["owner"], "until": microseconds(parameters["lease_until"]), "now": now}
    expect(_claim.run(connection, rows | given), len(ids))
    longer = [each for each in claimed if len(each.segments) > 1]
    if longer:
        _claim_segments.run(connection, _ids.parameters([[each.id] for each in longer]))
        tell(connection, [move for each in longer for move in _segments_claimed(each, parameters["now"])])
    tell_all(connection, ids, [now] * len(ids), previous=MessageStatus.QUEUED, status=MessageStatus.SUBMITTING)
    submitting, queued, at = MessageStatus.SUBMITTING, MessageStatus.QUEUED, parameters["now"]
    for each in claimed:
        each.status = submitting
        each.attempts += 1
        each.claimed_at = at
        for part in each.segments:
            if part.status is queued:
                part.status = submitting
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


# Nearly every answer is the first to a message of one segment, and accepts it. What that does needs no ledger. The lock
# (a word that SQLite does not need) is that of `standings`.
_submitting = Prepared(
    packed(
        select(message.c.id, message.c.reference)
        .select_from(_ids.rows)
        .join(message, message.c.id == _ids.c.id)
        .where(
            unindexed(message.c.status) == _exactly(MessageStatus.SUBMITTING.value),
            message.c.short_message.is_not(None),
        )
        .with_for_update(of=message)
    )
)


def record_answers(
    connection: Connection,
    answers: Sequence[Answer],
    *,
    at: datetime,
    retry: Retry,
    policies: Mapping[str, Resubmit],
) -> list[RecordedAnswer]:
    """Write down what became of some submit_sm; see `Store.record_answers`."""
    harmless = _all_harmless(answers)
    plain = _accept(connection, harmless, at)
    others = {each.message for each in harmless if each.message not in plain} if len(plain) < len(harmless) else ()
    found = standings(connection, others) if others else []
    ledger = Ledger(found)
    moved = [each.message in plain or ledger.answer(each, retry=retry, at=at) for each in harmless]
    write(connection, ledger)
    doubt.resubmit(connection, doubt.came_in_doubt(ledger, found), policies, at=at)
    overtaken, early = _overtaken(connection, [each for each, has in zip(harmless, moved, strict=True) if has], at)
    if len(plain) == len(harmless) and not early:
        submitted = MessageStatus.SUBMITTED
        return [RecordedAnswer(reference=plain[each.message], moved=True, status=submitted) for each in harmless]
    recorded = []
    for each, has in zip(harmless, moved, strict=True):
        standing = overtaken.standing(each.message) or ledger.standing(each.message)
        recorded.append(
            RecordedAnswer(
                reference=standing.reference if standing else plain.get(each.message),
                moved=has,
                status=standing.status if standing else MessageStatus.SUBMITTED if each.message in plain else None,
                overtaken=early.pop((each.message, each.segment), ()) if has else (),
            )
        )
    return recorded


def _accept(connection: Connection, answers: Sequence[Answer], at: datetime) -> dict[int, str]:
    """Move those messages of one segment that wait for just this answer; their references, by id."""
    accepted = {each.message: each.outcome.message_id for each in answers if isinstance(each.outcome, Accepted)}
    if len(accepted) < len(answers):
        often = Counter(each.message for each in answers)
        accepted = {key: name for key, name in accepted.items() if often[key] == 1}
    if not accepted:
        return {}
    rows: list[tuple[int, str]] = fetch(connection, _submitting, _ids.of_columns([list(accepted)]))
    numbers = {each.message: each.segment for each in answers}
    plain = {key: reference for key, reference in rows if numbers[key] == 1}
    if plain:
        names = [accepted[key] for key in plain]
        move_all(
            connection,
            list(plain),
            at=at,
            previous=MessageStatus.SUBMITTING,
            to=MessageStatus.SUBMITTED,
            details=[Told(message_id=name, command_status=0).text() for name in names],
            message_id=names,
            message_id_key=[message_id.key(name) for name in names],
            command_status=[0] * len(names),
            submitted_at=[microseconds(at)] * len(names),
        )
    return plain


def _overtaken(
    connection: Connection, moved: Sequence[Answer], at: datetime
) -> tuple[Ledger, dict[tuple[int, int], tuple[ReceiptFact, ...]]]:
    """Apply the receipts that came before the answers which explain them; what moved by that, and the receipts."""
    taken = list(limbo.take(connection, moved))
    ledger = Ledger(standings(connection, {key for key, _, _ in taken}) if taken else [])
    early: dict[tuple[int, int], tuple[ReceiptFact, ...]] = {}
    for key, number, fact in taken:
        ledger.receipt(key, number, fact, at=at)
        early[key, number] = (*early.get((key, number), ()), fact)
    write(connection, ledger)
    return ledger, early


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


def _all_harmless(answers: Sequence[Answer]) -> Sequence[Answer]:
    """The same answers, in words that the database can keep; most are, and all of those are looked at together."""
    if all(isinstance(each.outcome, Accepted) for each in answers):
        together = "".join([each.outcome.message_id for each in answers])  # type: ignore[union-attr] # they are Accepted
        if records.harmless(together) is together:
            return answers
    return [_harmless(each) for each in answers]


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
