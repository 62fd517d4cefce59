"""Messages that wait for a time that only a wrong clock has named."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Integer, bindparam, literal, or_, select, update

from smpp_esme.message.retry import Retry
from smpp_esme.message.status import MessageStatus
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.tables import Key, message, microseconds, moment

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

#: How many messages one step moves.
STEP: Final = 500

_is_queued = message.c.status == literal(MessageStatus.QUEUED.value, literal_execute=True)
_now = bindparam("now", type_=BigInteger)

# What is scheduled is due later than it was kept, and stays as it is. All else was due when it was kept, or is tried
# again.
_put_off = packed(
    select(message.c.id, message.c.attempts, message.c.next_attempt_at)
    .where(
        _is_queued,
        message.c.id > bindparam("after", type_=BigInteger),
        message.c.next_attempt_at > _now,
        or_(message.c.attempts > 0, message.c.next_attempt_at <= message.c.created_at),
    )
    .order_by(message.c.id)
    .limit(bindparam("limit", type_=Integer))
)

_ids = Batch(id=Key)

_hasten = (
    update(message)
    .where(message.c.id.in_(select(_ids.c.id).select_from(_ids.rows)), _is_queued)
    .values(next_attempt_at=_now)
)


def misdated(connection: Connection, after: int, at: datetime) -> tuple[list[int], int | None]:
    """Some messages behind `after` that wait for a time that is not theirs; and where to go on, or None: at the end."""
    rows = fetch(connection, _put_off, {"after": after, "now": microseconds(at), "limit": STEP})
    found = [key for key, attempts, due in rows if not attempts or moment(due) > _latest(attempts, at)]
    return found, rows[-1][0] if len(rows) == STEP else None


def _latest(attempts: int, at: datetime) -> datetime:
    """When a message is tried again at the latest that was refused just now."""
    policy = Retry()
    pauses = [patience.pause(attempts) or 0.0 for patience in (policy.throttled, policy.passing)]
    return at + timedelta(seconds=max(pauses))


def hasten(connection: Connection, ids: list[int], at: datetime) -> int:
    """Have these be due now, if they are queued still; how many are."""
    parameters = {"now": microseconds(at), **_ids.parameters([[key] for key in ids])}
    return int(connection.execute(_hasten, parameters).rowcount)
