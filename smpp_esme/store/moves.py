"""Where the messages of a batch stand, and writing down what a ledger decided about them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Integer, String, func, insert, literal, select, update

from smpp_esme.errors import StoreUnusable
from smpp_esme.message.ledger import SegmentStanding, Standing
from smpp_esme.message.status import MessageStatus, sources
from smpp_esme.sms import message_id
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.dialects import unindexed
from smpp_esme.store.tables import Json, Key, Moment, event, message, microseconds, segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, CursorResult, Update

    from smpp_esme.message.ledger import Change, Ledger, Move

_ids = Batch(id=Key)

# The lock (a word that SQLite does not need) keeps another dispatcher on PostgreSQL from deciding on the same rows.
_standings = packed(
    select(
        message.c.id,
        message.c.reference,
        message.c.status,
        message.c.attempts,
        segment.c.id.label("segment"),
        segment.c.number,
        segment.c.status.label("segment_status"),
        segment.c.error,
        segment.c.error_meaning,
    )
    .select_from(_ids.rows)
    .join(message, message.c.id == _ids.c.id)
    .join(segment, segment.c.message == message.c.id)
    .order_by(message.c.id)
    .with_for_update(of=message)
)

_segments = Batch(
    id=Key,
    message_id=String(),
    message_id_key=String(),
    command_status=Integer(),
    error=String(),
    error_meaning=String(),
    submitted_at=Moment(),
    final_at=Moment(),
)

_messages = Batch(
    id=Key,
    error=String(),
    error_meaning=String(),
    submitted_at=Moment(),
    final_at=Moment(),
    given_back=Integer(),
)

_notes = Batch(id=Key, next_attempt_at=Moment(), hlr=Json())

_steps = Batch(
    message=Key, segment=Integer(), at=Moment(), previous=String(), status=String(), detail=Json()
)  # fmt: skip

_note = (
    update(message)
    .where(message.c.id == _notes.c.id)
    .values(
        next_attempt_at=func.coalesce(_notes.c.next_attempt_at, message.c.next_attempt_at),
        hlr=func.coalesce(_notes.c.hlr, message.c.hlr),
    )
)

_tell = insert(event).from_select(
    ["message", "segment", "at", "previous", "status", "detail"],
    select(
        _steps.c.message, _steps.c.segment, _steps.c.at, _steps.c.previous, _steps.c.status, _steps.c.detail
    ).select_from(_steps.rows),
)


@cache
def _move_segments(to: MessageStatus) -> Update:
    """Move segments, and only those whose status may lead to `to`."""
    return (
        update(segment)
        .where(segment.c.id == _segments.c.id, segment.c.status.in_(sorted(sources(to))))
        .values(
            status=literal(to.value),
            message_id=func.coalesce(_segments.c.message_id, segment.c.message_id),
            message_id_key=func.coalesce(_segments.c.message_id_key, segment.c.message_id_key),
            command_status=func.coalesce(_segments.c.command_status, segment.c.command_status),
            error=_segments.c.error,
            error_meaning=_segments.c.error_meaning,
            submitted_at=func.coalesce(_segments.c.submitted_at, segment.c.submitted_at),
            final_at=_segments.c.final_at,
        )
    )


@cache
def _move_messages(to: MessageStatus) -> Update:
    """Move messages, and only those whose status may lead to `to`; whoever claimed them has no more say."""
    return (
        update(message)
        .where(message.c.id == _messages.c.id, unindexed(message.c.status).in_(sorted(sources(to))))
        .values(
            status=literal(to.value),
            error=_messages.c.error,
            error_meaning=_messages.c.error_meaning,
            submitted_at=func.coalesce(message.c.submitted_at, _messages.c.submitted_at),
            final_at=_messages.c.final_at,
            attempts=message.c.attempts - _messages.c.given_back,
            lease_owner=None,
            lease_until=None,
        )
    )


class _Row(msgspec.Struct, array_like=True):
    id: int
    reference: str
    status: MessageStatus
    attempts: int
    segment: int
    number: int
    segment_status: MessageStatus
    error: str | None
    error_meaning: str | None


def standings(connection: Connection, ids: Iterable[int]) -> list[Standing]:
    """Where these messages stand; one that is not kept is left out."""
    once = dict.fromkeys(ids)  # an id named twice would double the segments
    rows = fetch(connection, _standings, _ids.parameters([[each] for each in once]))
    found: dict[int, Standing] = {}
    for row in msgspec.convert(rows, list[_Row]):
        standing = found.get(row.id)
        if standing is None:
            standing = found[row.id] = Standing(row.id, row.reference, row.status, row.attempts, [])
        standing.segments.append(
            SegmentStanding(row.segment, row.number, row.segment_status, row.error, row.error_meaning)
        )
    return list(found.values())


def write(connection: Connection, ledger: Ledger) -> None:
    """Write down what a ledger holds.

    Raises:
        StoreUnusable: a guarded move found its row changed, so somebody else writes to this database.
    """
    for to, changes in _by_target(ledger.segments).items():
        rows = _segments.parameters([_segment_row(key, change) for key, change in changes])
        expect(connection.execute(_move_segments(to), rows), len(changes))
    for to, changes in _by_target(ledger.messages).items():
        rows = _messages.parameters([_message_row(key, change) for key, change in changes])
        expect(connection.execute(_move_messages(to), rows), len(changes))
    if ledger.notes:
        notes = [(key, optional(note.next_attempt_at), json_text(note.hlr)) for key, note in ledger.notes.items()]
        connection.execute(_note, _notes.parameters(notes))
    tell(connection, ledger.moves)


def tell(connection: Connection, moves: Sequence[Move]) -> None:
    """Write these steps into the history."""
    if moves:
        connection.execute(_tell, _steps.parameters([_step_row(move) for move in moves]))


def expect(result: CursorResult[Any], rows: int) -> None:
    """Refuse to go on when a guarded move left some of its rows where they were; the transaction is undone."""
    if result.rowcount != rows:
        raise StoreUnusable(
            f"a guarded move changed {result.rowcount} of {rows} rows: another program writes to this database"
        )


def optional(at: datetime | None) -> int | None:
    """A moment in microseconds, if there is one."""
    return None if at is None else microseconds(at)


def json_text(value: Any) -> str | None:
    """A JSON value as text; nothing, or an empty one, is no value."""
    return msgspec.json.encode(value).decode() if value else None


def _by_target(changes: dict[int, Change]) -> dict[MessageStatus, list[tuple[int, Change]]]:
    targets: dict[MessageStatus, list[tuple[int, Change]]] = {}
    for key, change in changes.items():
        targets.setdefault(change.to, []).append((key, change))
    return targets


def _segment_row(key: int, change: Change) -> tuple[Any, ...]:
    return (
        key,
        change.message_id,
        None if change.message_id is None else message_id.key(change.message_id),
        change.command_status,
        change.error,
        change.error_meaning,
        optional(change.submitted_at),
        optional(change.final_at),
    )


def _message_row(key: int, change: Change) -> tuple[Any, ...]:
    return (
        key,
        change.error,
        change.error_meaning,
        optional(change.submitted_at),
        optional(change.final_at),
        change.given_back,
    )


def _step_row(move: Move) -> tuple[Any, ...]:
    return (
        move.message,
        move.segment,
        microseconds(move.at),
        move.previous,
        move.status,
        json_text(move.detail),
    )
