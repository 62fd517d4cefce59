"""Where the messages of a batch stand, and writing down what a ledger decided about them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Integer,
    String,
    Text,
    case,
    func,
    insert,
    literal,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from smpp_esme.errors import StoreUnusable
from smpp_esme.message.ledger import SegmentStanding, Standing
from smpp_esme.message.status import MessageStatus, sources
from smpp_esme.sms import message_id
from smpp_esme.store import endings
from smpp_esme.store.batches import Batch, BatchStatement, Prepared, fetch, packed
from smpp_esme.store.dialects import shard, unindexed
from smpp_esme.store.tables import Json, Key, Moment, event, message, microseconds, moment, segment, tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, CursorResult, Insert, Table, Update
    from sqlalchemy.types import TypeEngine

    from smpp_esme.message.ledger import Change, Ledger, Move

_ids = Batch(id=Key)

# The lock (a word that SQLite does not need) keeps another dispatcher on PostgreSQL from deciding on the same rows.
_standings = Prepared(
    packed(
        select(
            message.c.id,
            message.c.reference,
            message.c.status,
            message.c.attempts,
            message.c.duplicates,
            message.c.error,
            message.c.error_meaning,
            case((message.c.short_message.is_(None), 1), else_=0).label("is_long"),
            message.c.claimed_at,
        )
        .select_from(_ids.rows)
        .join(message, message.c.id == _ids.c.id)
        .with_for_update(of=message)
    )
)

_parts = Prepared(
    packed(
        select(
            segment.c.message,
            segment.c.id,
            segment.c.number,
            segment.c.status,
            segment.c.error,
            segment.c.error_meaning,
        )
        .select_from(_ids.rows)
        .join(segment, segment.c.message == _ids.c.id)
        .order_by(segment.c.message, segment.c.number)
    )
)

#: What is learned of a segment, in the order of `_learned`.
_LEARNED: Final[dict[str, TypeEngine[Any]]] = {
    "message_id": String(),
    "message_id_key": String(),
    "error": String(),
    "error_meaning": String(),
    "command_status": Integer(),
    "submitted_at": BigInteger(),
    "final_at": BigInteger(),
    "vendor": Text(),
}

_notes = Batch(id=Key, next_attempt_at=Moment(), hlr=Json())

_note = (
    update(message)
    .where(message.c.id == _notes.c.id)
    .values(
        next_attempt_at=func.coalesce(_notes.c.next_attempt_at, message.c.next_attempt_at),
        hlr=func.coalesce(_notes.c.hlr, message.c.hlr),
    )
)

_STEP: Final = ("message", "segment", "at", "previous", "status", "detail")


def _telling(batch: Batch) -> Insert:
    step = select(*[getattr(batch.c, name) for name in _STEP]).select_from(batch.rows)
    return insert(event).from_select(_STEP, step)


_tell = BatchStatement(
    _telling, message=Key, segment=Integer(), at=BigInteger(), previous=String(), status=String(), detail=Text()
)


_changes = Batch(status=String(), number=Integer())


@cache
def _count(dialect: str) -> Prepared:
    """Add to the tally; each database has an INSERT of its own that can."""
    inserting = sqlite.insert(tally) if dialect == "sqlite" else postgresql.insert(tally)
    # WHERE TRUE keeps SQLite from taking ON for the beginning of a join.
    rows = select(shard(), _changes.c.status, _changes.c.number).select_from(_changes.rows).where(true())
    inserting = inserting.from_select(["shard", "status", "number"], rows)
    return Prepared(
        inserting.on_conflict_do_update(
            index_elements=[tally.c.shard, tally.c.status],
            set_={"number": tally.c.number + inserting.excluded.number},
        )
    )


@cache
def _move_segments(to: MessageStatus) -> BatchStatement:
    """Move segments, and only those whose status may lead to `to`."""

    def moving(batch: Batch) -> Update:
        return (
            update(segment)
            .where(segment.c.id == batch.c.id, segment.c.status.in_(words(sources(to))))
            .values(status=literal(to.value), **_learning(segment, batch))
        )

    return BatchStatement(moving, id=Key, **_LEARNED)


@cache
def _move_messages(to: MessageStatus) -> BatchStatement:
    """Move messages, and only those whose status may lead to `to`; whoever claimed them has no more say."""

    def moving(batch: Batch) -> Update:
        return (
            update(message)
            .where(message.c.id == batch.c.id, unindexed(message.c.status).in_(words(sources(to))))
            .values(
                status=literal(to.value),
                attempts=message.c.attempts - batch.c.given_back,
                duplicates=message.c.duplicates + batch.c.resent,
                lease_owner=None,
                lease_until=None,
                **_learning(message, batch),
            )
        )

    return BatchStatement(moving, id=Key, **_LEARNED, given_back=Integer(), resent=Integer())


def _learning(table: Table, batch: Batch) -> dict[str, Any]:
    """What is learned of a segment, into its row or into that of the message which has no other."""
    found = {name: func.coalesce(getattr(batch.c, name), table.c[name]) for name in _LEARNED}
    # The first time counts, and what was wrong before is not wrong any more.
    submitted_at = func.coalesce(table.c.submitted_at, batch.c.submitted_at)
    latest = {name: getattr(batch.c, name) for name in ("error", "error_meaning", "final_at")}
    return found | latest | {"submitted_at": submitted_at}


def words(statuses: Iterable[MessageStatus]) -> list[ColumnElement[str]]:
    """Statuses as they are written into a statement, not bound to it."""
    return [literal_column(f"'{each.value}'") for each in sorted(statuses)]


class _Row(msgspec.Struct, array_like=True, gc=False):
    id: int
    reference: str
    status: MessageStatus
    attempts: int
    duplicates: int
    error: str | None
    error_meaning: str | None
    is_long: int
    claimed_at: int | None


_rows = msgspec.json.Decoder(list[_Row])


def standings(connection: Connection, ids: Iterable[int]) -> list[Standing]:
    """Where these messages stand; one that is not kept is left out."""
    once = dict.fromkeys(ids)  # an id named twice would double the segments
    rows = _rows.decode(_standings.fetch(connection, _ids.parameters([[each] for each in once])))
    longer: dict[int, list[SegmentStanding]] = {row.id: [] for row in rows if row.is_long}
    for key, *part in fetch(connection, _parts, _ids.parameters([[each] for each in longer])) if longer else ():
        longer[key].append(msgspec.convert(part, SegmentStanding))
    return [
        Standing(
            row.id,
            row.reference,
            row.status,
            row.attempts,
            longer[row.id] if row.is_long else [SegmentStanding(None, 1, row.status, row.error, row.error_meaning)],
            row.duplicates,
            None if row.claimed_at is None else moment(row.claimed_at),
        )
        for row in rows
    ]


def write(connection: Connection, ledger: Ledger) -> None:
    """Write down what a ledger holds.

    Raises:
        StoreUnusable: a guarded move found its row changed, so somebody else writes to this database.
    """
    for to, changes in _by_target(ledger.segments).items():
        rows = [(key, *_learned(change)) for key, change in changes]
        expect(_move_segments(to).run(connection, rows), len(rows))
    for to, changes in _by_target(ledger.messages).items():
        rows = [(key, *_learned(change), change.given_back, change.resent) for key, change in changes]
        expect(_move_messages(to).run(connection, rows), len(rows))
    if ledger.notes:
        notes = [(key, optional(note.next_attempt_at), json_text(note.hlr)) for key, note in ledger.notes.items()]
        connection.execute(_note, _notes.parameters(notes))
    tell(connection, ledger.moves)
    if ledger.ended:
        endings.collect(connection, ledger)


def tell(connection: Connection, moves: Sequence[Move]) -> None:
    """Write these steps into the history."""
    if moves:
        _tell.run(connection, [_step_row(move) for move in moves])
        count(connection, [(move.previous, move.status) for move in moves if move.segment is None])


def move_all(
    connection: Connection,
    messages: Sequence[int],
    *,
    at: datetime,
    previous: MessageStatus,
    to: MessageStatus,
    details: Sequence[str | None],
    **learned: Sequence[Any],
) -> None:
    """Move messages that stand alike, each of one segment, and write it into the history.

    Args:
        connection: in a transaction.
        messages: which, each once.
        at: when.
        previous: where each of them was found in this transaction.
        to: where they go.
        details: what the history tells besides, for each of them; see `Told`.
        learned: what is learned of them, by names of `_LEARNED`; None leaves what is known.

    Raises:
        StoreUnusable: one of them stands elsewhere, so somebody else writes to this database.
    """
    number = len(messages)
    nothing, none = [None] * number, [0] * number
    columns = [messages, *[learned.get(name, nothing) for name in _LEARNED], none, none]
    expect(_move_messages(to).run_columns(connection, columns), number)
    tell_all(connection, messages, [microseconds(at)] * number, previous=previous, status=to, details=details)


def tell_all(
    connection: Connection,
    messages: Sequence[int],
    at: Sequence[int],
    *,
    previous: MessageStatus | None,
    status: MessageStatus,
    details: Sequence[str | None] | None = None,
) -> None:
    """Write the same step of several messages into the history.

    Args:
        connection: in a transaction.
        messages: which.
        at: when, for each of them, in microseconds.
        previous: where they stood; None: they are new.
        status: where they stand now.
        details: what is told besides, for each of them; see `Told`.
    """
    number = len(messages)
    nothing = [None] * number
    columns = [messages, nothing, at, [previous] * number, [status] * number, details or nothing]
    _tell.run_columns(connection, columns)
    _add(connection, {(previous, status): number})


class Told(msgspec.Struct, omit_defaults=True, gc=False):
    """What the history tells of a step besides; the same that a `Ledger` tells, by the same names."""

    message_id: str | None = None
    command_status: int | None = None
    error: str | None = None
    error_meaning: str | None = None
    done_at: datetime | None = None
    vendor: dict[str, Any] | None = None

    def text(self) -> str | None:
        """As it is kept; None: there is nothing to tell."""
        text = _ENCODER.encode(self).decode()
        return None if text == "{}" else text


_ENCODER: Final = msgspec.json.Encoder()


def count(connection: Connection, steps: Iterable[tuple[MessageStatus | None, MessageStatus | None]]) -> None:
    """Keep the tally of messages by status; each step is where from and where to, None being nowhere."""
    _add(connection, Counter(steps))


def _add(connection: Connection, steps: Mapping[tuple[MessageStatus | None, MessageStatus | None], int]) -> None:
    change: Counter[MessageStatus] = Counter()
    for (previous, status), number in steps.items():
        if status is not None:
            change[status] += number
        if previous is not None:
            change[previous] -= number
    rows = sorted((status, number) for status, number in change.items() if number)
    if rows:
        _count(connection.dialect.name).run(connection, _changes.parameters(rows))


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


def _learned(change: Change) -> tuple[Any, ...]:
    """What a change tells of its segment, in the order of `_LEARNED`."""
    return (
        change.message_id,
        None if change.message_id is None else message_id.key(change.message_id),
        change.error,
        change.error_meaning,
        change.command_status,
        optional(change.submitted_at),
        optional(change.final_at),
        json_text(change.vendor),
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
