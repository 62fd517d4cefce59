"""Keeping new messages: each once, however often it is handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace
from sqlalchemy import Integer, LargeBinary, String, insert, literal, select, union_all

from smpp_esme.errors import InvalidValue
from smpp_esme.message.ledger import Move
from smpp_esme.message.message import PRIORITIES
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import records
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.moves import tell
from smpp_esme.store.tables import Key, message, segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from smpp_esme.message.message import Message

#: What every new message has in common is written into the statement; all else comes with the batch.
_FRESH: Final = {"status": MessageStatus.QUEUED.value, "attempts": 0}
_LEARNED_LATER: Final = {"id", "error", "error_meaning", "submitted_at", "final_at", "hlr"}
_INSERTED: Final = records.Columns(
    *[name for name in records.MESSAGE_COLUMNS if name not in _FRESH and name not in _LEARNED_LATER]
)
_SEGMENT_INSERTED: Final = records.Columns("number", "esm_class", "short_message")

_messages = Batch(**{name: message.c[name].type for name in _INSERTED.names})

_insert = insert(message).from_select(
    [*_INSERTED.names, *_FRESH],
    select(
        *[getattr(_messages.c, name) for name in _INSERTED.names], *[literal(value) for value in _FRESH.values()]
    ).select_from(_messages.rows),
)

_references = Batch(reference=String())

_ids = packed(
    select(message.c.reference, message.c.id)
    .select_from(_references.rows)
    .join(message, message.c.reference == _references.c.reference)
)

_segments = Batch(
    message=Key,
    link=String(),
    number=Integer(),
    esm_class=Integer(),
    short_message=LargeBinary(),
)

_insert_segments = insert(segment).from_select(
    ("message", "link", *_SEGMENT_INSERTED.names, "status"),
    select(
        _segments.c.message,
        _segments.c.link,
        *[getattr(_segments.c, name) for name in _SEGMENT_INSERTED.names],
        literal(_FRESH["status"]),
    ).select_from(_segments.rows),
)

_keys = Batch(client_reference=String(), idempotency_key=String())

_known = packed(
    select(
        union_all(
            *[
                select(
                    message.c.id,
                    message.c.client_reference,
                    message.c.idempotency_key,
                    message.c.idempotency_digest,
                )
                .select_from(_keys.rows)
                .join(message, message.c[name] == getattr(_keys.c, name))
                for name in ("client_reference", "idempotency_key")
            ]
        ).subquery("known")
    )
)


def add(connection: Connection, messages: Sequence[Message]) -> list[Message]:
    """Keep these messages; see `Store.add`."""
    for each in messages:
        _check(each)
    seen = _Seen(connection, messages)
    fresh: dict[str, Message] = {}
    for each in messages:
        if seen.before(each) is None:
            fresh[each.reference] = each
            seen.remember(each)
    kept = _insert_all(connection, list(fresh.values()))
    known = {each.id: each for each in records.load(connection, seen.stored)} if seen.stored else {}
    return [_resolved(seen.before(each), each, kept=kept, known=known) for each in messages]


class _Seen:
    """The messages that have a key already, stored before (by id) or handed in just now (by reference)."""

    def __init__(self, connection: Connection, messages: Iterable[Message]) -> None:
        self.stored: list[int] = []
        self._by_key: dict[tuple[str, str], tuple[int | str, str | None]] = {}
        keys = [
            (each.client_reference, each.idempotency_key)
            for each in messages
            if each.client_reference is not None or each.idempotency_key is not None
        ]
        rows = fetch(connection, _known, _keys.parameters(keys)) if keys else []
        for key, client_reference, idempotency_key, digest in rows:
            self.stored.append(key)
            self._remember(key, client_reference, idempotency_key, digest)

    def before(self, message: Message) -> int | str | None:
        """Whom this message repeats, or None: nobody.

        Raises:
            InvalidValue: its idempotency key was used for something else.
        """
        if message.idempotency_key is not None:
            found = self._by_key.get(("idempotency_key", message.idempotency_key))
            if found is not None:
                if found[1] != message.idempotency_digest:
                    raise InvalidValue("Idempotency-Key", "was used before with another request", "use a new key")
                return found[0]
        found = self._by_key.get(("client_reference", message.client_reference or ""))
        return found[0] if found is not None and message.client_reference is not None else None

    def remember(self, message: Message) -> None:
        """Take note of a message that is about to be kept."""
        self._remember(message.reference, message.client_reference, message.idempotency_key, message.idempotency_digest)

    def _remember(self, who: int | str, client_reference: str | None, key: str | None, digest: str | None) -> None:
        for name, value in (("client_reference", client_reference), ("idempotency_key", key)):
            if value is not None:
                self._by_key[name, value] = (who, digest)


def _resolved(
    before: int | str | None, message: Message, *, kept: dict[str, Message], known: dict[int, Message]
) -> Message:
    if isinstance(before, int):
        return known[before]
    return kept[message.reference if before is None else before]


def _insert_all(connection: Connection, messages: Sequence[Message]) -> dict[str, Message]:
    """Keep these messages, all of them new; each by its reference, with its id."""
    if not messages:
        return {}
    due = [_new(each) for each in messages]
    connection.execute(_insert, _messages.parameters([_INSERTED.row(each) for each in due]))
    ids = dict(fetch(connection, _ids, _references.parameters([[each.reference] for each in due])))
    kept = {}
    rows = []
    for each in due:
        each.id = ids[each.reference]
        kept[each.reference] = each
        rows += [[each.id, each.link, *_SEGMENT_INSERTED.row(part)] for part in each.segments]
    connection.execute(_insert_segments, _segments.parameters(rows))
    tell(connection, [Move(each.id, None, each.created_at, None, each.status, {}) for each in due])
    return kept


def _new(message: Message) -> Message:
    """A copy of the message as it stands before anything happened to it."""
    return replace(
        message,
        next_attempt_at=message.next_attempt_at or message.created_at,
        attempts=0,
        error=None,
        error_meaning=None,
        submitted_at=None,
        final_at=None,
        hlr=None,
    )


def _check(message: Message) -> None:
    """Refuse what no statement below could keep truthfully.

    Raises:
        InvalidValue: names the field.
    """
    if message.status is not MessageStatus.QUEUED or any(
        part.status is not MessageStatus.QUEUED for part in message.segments
    ):
        raise InvalidValue("status", f"is {message.status}", "a new message is QUEUED")
    numbers = [part.number for part in message.segments]
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise InvalidValue("segments", "are missing or out of order", "numbered from 1, at least one")
    if message.priority not in PRIORITIES:
        raise InvalidValue("priority", f"is {message.priority}", "0 to 3")
    for name in ("reference", "client_reference", "idempotency_key", "source_addr", "destination_addr", "text"):
        _check_text(name, getattr(message, name))


def _check_text(name: str, value: str | None) -> None:
    # PostgreSQL keeps no U+0000 in text, and SQLite's JSON functions end at it; half a surrogate pair is no character.
    if value is None or (value.isprintable() and value.isascii()):
        return
    if "\0" in value:
        raise InvalidValue(name, "holds U+0000", "any other character")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidValue(name, "holds half a surrogate pair", "whole characters")
