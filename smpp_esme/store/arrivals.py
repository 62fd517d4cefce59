"""What came in and is kept for so long: messages from subscribers, and receipts that belong to none of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, delete, func, select

from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.retention import STEP, done_with
from smpp_esme.store.tables import Key, dead_letter, event, limbo, microseconds, received

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection, Select, Table

_ids = Batch(id=Key)


def _walk(table: Table) -> Select[Any]:
    return packed(
        select(table.c.id, table.c.received_at)
        .where(table.c.id > bindparam("after"))
        .order_by(table.c.id)
        .limit(bindparam("limit", type_=Integer))
    )


_received, _limbo = _walk(received), _walk(limbo)

_untold = packed(
    select(_ids.c.id)
    .select_from(_ids.rows)
    .where(select(event.c.id).where(event.c.received == _ids.c.id, event.c.id > bindparam("told", type_=Key)).exists())
)
_dead_letters = (
    select(func.count())
    .select_from(dead_letter)
    .join(event, event.c.id == dead_letter.c.event)
    .where(event.c.received.in_(select(_ids.c.id).select_from(_ids.rows)))
)
_delete_received = delete(received).where(received.c.id.in_(select(_ids.c.id).select_from(_ids.rows)))
_delete_limbo = delete(limbo).where(limbo.c.id.in_(select(_ids.c.id).select_from(_ids.rows)))


def delete_received_some(
    connection: Connection, after: int, before: datetime, *, endpoints: Collection[str] | None, at: datetime
) -> tuple[int | None, int]:
    """Delete some old messages from subscribers, and count their dead letters; see `Housekeeping.delete_received`."""
    old, last = _old(connection, _received, after, before)
    told = done_with(connection, endpoints, at)
    if old and told is not None:
        untold = fetch(connection, _untold, _ids.parameters(old) | {"told": told})
        old = [one for one in old if one not in untold]
    if not old:
        return last, 0
    rows = _ids.parameters(old)
    letters: int = connection.execute(_dead_letters, rows).scalar_one()
    connection.execute(_delete_received, rows)
    return last, letters


def delete_limbo_some(connection: Connection, after: int, before: datetime) -> int | None:
    """Delete some old receipts that belong to no message; see `Housekeeping.delete_limbo`."""
    old, last = _old(connection, _limbo, after, before)
    if old:
        connection.execute(_delete_limbo, _ids.parameters(old))
    return last


def _old(connection: Connection, walk: Select[Any], after: int, before: datetime) -> tuple[list[list[int]], int | None]:
    """Of the next few those that came before; and where to go on, or None: at the end."""
    limit = microseconds(before)
    rows = fetch(connection, walk, {"after": after, "limit": STEP})
    ended = len(rows) < STEP or rows[-1][1] >= limit  # what was kept later came later
    return [[key] for key, at in rows if at < limit], None if ended else rows[-1][0]
