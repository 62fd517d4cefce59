"""Receipts in limbo that end doubts: found beside the traffic, written down in a transaction that looks again."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Integer, String, bindparam, func, literal, or_, select, union

from smpp_esme.message.doubt import Policy, believed
from smpp_esme.message.evidence import Awaiting, Orphan, matches, significant, spellings
from smpp_esme.message.ledger import Ledger
from smpp_esme.message.message import Accepted, Answer
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import limbo as limbo_rows
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.moves import standings, write
from smpp_esme.store.tables import limbo, message, moment, segment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection, Select

    from smpp_esme.message.evidence import Match, Subscriber

#: How many messages in doubt one step looks at.
STEP: Final = 200
#: Messages that were kept so many before or after may have been on their way at the same time.
_NEAR: Final = 20_000

_S = MessageStatus


def _exactly(status: MessageStatus) -> Any:
    # Written into the statement, not bound: only so does the planner see that a partial index serves it.
    return literal(status.value, literal_execute=True)


_doubtful = packed(
    select(message.c.id, message.c.link, message.c.destination_addr)
    .where(
        message.c.status == _exactly(_S.IN_DOUBT),
        message.c.id > bindparam("after", type_=Integer),
        or_(
            message.c.link.in_(bindparam("links", expanding=True))
            & or_(message.c.resubmit.is_(None), message.c.resubmit != Policy.HOLD.value),
            message.c.resubmit == Policy.RECEIPT.value,
        ),
    )
    .order_by(message.c.id)
    .limit(bindparam("limit", type_=Integer))
)

_numbers = Batch(link=String(), number=String())


_TOLD: Final = (limbo.c.message_id, limbo.c.submitted_at, limbo.c.received_at)


def _orphans_by(column: Any) -> Select[Any]:
    return (
        select(limbo.c.id, limbo.c.link, column.label("number"), *_TOLD)
        .select_from(_numbers.rows)
        .join(limbo, (limbo.c.link == _numbers.c.link) & (column == _numbers.c.number))
        .where(limbo.c.dismissed_at.is_(None))
    )


# Some SMSCs leave the addresses of a receipt as they were in the submit_sm.
_orphans = packed(
    select(union(_orphans_by(limbo.c.source_addr), _orphans_by(limbo.c.destination_addr)).subquery("orphans"))
)

_WAITING: Final = (
    message.c.id,
    message.c.link,
    message.c.destination_addr,
    message.c.claimed_at,
    message.c.resubmit,
    # The only segment of a message has no row of its own.
    func.coalesce(segment.c.number, 1).label("number"),
    func.coalesce(segment.c.status, message.c.status).label("part_status"),
)

_in_doubt = packed(
    select(*_WAITING)
    .select_from(_numbers.rows)
    .join(message, (message.c.link == _numbers.c.link) & (message.c.destination_addr == _numbers.c.number))
    .outerjoin(segment, segment.c.message == message.c.id)
    .where(message.c.status == _exactly(_S.IN_DOUBT))
)


def _others(*conditions: Any) -> Any:
    """What else waits for a receipt by one of these numbers."""
    return packed(
        select(*_WAITING)
        .select_from(message)
        .outerjoin(segment, segment.c.message == message.c.id)
        .where(*conditions, message.c.destination_addr.in_(select(_numbers.c.number).select_from(_numbers.rows)))
    )


_on_their_way = _others(message.c.status == _exactly(_S.SUBMITTING))
_unreported = _others(
    or_(message.c.status == _exactly(_S.SUBMITTED), message.c.status == _exactly(_S.ACCEPTED)),
    message.c.id.between(bindparam("first", type_=Integer), bindparam("last", type_=Integer)),
)

_STILL_WAITING: Final = frozenset({_S.IN_DOUBT, _S.SUBMITTING, _S.SUBMITTED, _S.ACCEPTED})


def find(
    connection: Connection, after: int, *, links: Collection[str], attempt: timedelta
) -> tuple[list[Match], int | None]:
    """The doubts that receipts end among the next few messages in doubt; and where to go on, or None: at the end."""
    rows = fetch(connection, _doubtful, {"after": after, "links": list(links), "limit": STEP})
    last = rows[-1][0] if len(rows) == STEP else None
    orphans = _grouped(connection, {(link, significant(number)) for _, link, number in rows})
    if not orphans:
        return [], last
    numbers = _numbers.parameters(_spelt(orphans))
    around = {"first": rows[0][0] - _NEAR, "last": rows[-1][0] + _NEAR}
    waiting: defaultdict[Subscriber, list[Awaiting]] = defaultdict(list)
    for found in (
        fetch(connection, _in_doubt, numbers),
        fetch(connection, _on_their_way, numbers),
        fetch(connection, _unreported, numbers | around),
    ):
        for key, link, number, claimed_at, own, part, status in found:
            if status in _STILL_WAITING and claimed_at is not None:
                # One that is left to a person only stands in the way.
                ends = status == _S.IN_DOUBT.value and believed(own, by_link=link in links)
                segment = Awaiting(message=key, number=part, claimed_at=moment(claimed_at), in_doubt=ends)
                waiting[link, significant(number)].append(segment)
    return matches(waiting, orphans, attempt), last


def adopt(connection: Connection, found: Sequence[Match], *, at: datetime) -> list[str]:
    """Give these receipts to their messages, if both are still as they were found; the references of the messages."""
    facts = limbo_rows.facts(connection, [each for match in found for each in match.receipts])
    doubtful = standings(connection, [match.message for match in found])
    ledger = Ledger(doubtful)
    ended: list[Answer] = []
    used: list[int] = []
    for match in found:
        if not all(each in facts for each in match.receipts):
            continue
        if ledger.adopt(match.message, match.number, match.message_id, by="receipt", at=at):
            for each in match.receipts:
                ledger.receipt(match.message, match.number, facts[each], at=at)
            used += match.receipts
            ended.append(Answer(match.message, match.number, Accepted(match.message_id)))
    write(connection, ledger)
    limbo_rows.leave(connection, used)
    # What came since they were found; from now on it finds its message by the id.
    later = Ledger(doubtful)
    for key, number, fact in limbo_rows.take(connection, ended):
        later.receipt(key, number, fact, at=at)
    write(connection, later)
    keys = dict.fromkeys(each.message for each in ended)
    return [standing.reference for key in keys if (standing := ledger.standing(key))]


def _grouped(connection: Connection, subscribers: set[Subscriber]) -> dict[Subscriber, list[Orphan]]:
    grouped: defaultdict[Subscriber, list[Orphan]] = defaultdict(list)
    if not subscribers:
        return grouped
    rows = fetch(connection, _orphans, _numbers.parameters(_spelt(subscribers)))
    for key, link, number, message_id, submitted_at, received_at in rows:
        orphan = Orphan(
            id=key,
            message_id=message_id,
            submitted_at=None if submitted_at is None else moment(submitted_at),
            received_at=moment(received_at),
        )
        if (link, significant(number)) in subscribers:
            grouped[link, significant(number)].append(orphan)
    return grouped


def _spelt(subscribers: Iterable[Subscriber]) -> list[tuple[str, str]]:
    return [(link, spelling) for link, number in subscribers for spelling in spellings(number)]
