"""Keeping new messages: each once, however often it is handed in."""

from __future__ import annotations

from copy import copy
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace
from sqlalchemy import Integer, LargeBinary, String, insert, literal, select, union_all

from smpp_esme.errors import InvalidValue
from smpp_esme.message.message import PRIORITIES
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import records
from smpp_esme.store.batches import Batch, BatchStatement, Prepared, fetch, packed
from smpp_esme.store.moves import tell_all
from smpp_esme.store.seal import sealing, vault_of
from smpp_esme.store.tables import Key, Moment, message, microseconds, segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Insert

    from smpp_esme.message.message import Message
    from smpp_esme.store.seal import Vault

#: What every new message has in common is written into the statement; all else comes with the batch.
_FRESH: Final = {"status": MessageStatus.QUEUED.value, "attempts": 0}
_LEARNED_LATER: Final = {"id", "error", "error_meaning", "claimed_at", "submitted_at", "final_at", "hlr", "duplicates"}
_INSERTED: Final = records.Columns(
    *[name for name in records.MESSAGE_COLUMNS if name not in _FRESH and name not in _LEARNED_LATER], "wish"
)
#: Of a message's only segment, in the message's own row.
_OWN: Final = ("esm_class", "short_message", "tlvs")
_own: Final = attrgetter(*_OWN)
_SEGMENT_INSERTED: Final = records.Columns("number", *_OWN)


def _inserting(batch: Batch) -> Insert:
    given = {name: getattr(batch.c, name) for name in (*_INSERTED.names, *_OWN)}
    fresh = {name: literal(value) for name, value in _FRESH.items()}
    rows = select(*given.values(), *fresh.values()).select_from(batch.rows)
    return insert(message).from_select([*given, *fresh], rows)


_kinds = {name: message.c[name].type for name in (*_INSERTED.names, *_OWN)}

# Moments come as the whole numbers that they are kept as.
_insert = BatchStatement(
    _inserting, **{name: Key if isinstance(each, Moment) else each for name, each in _kinds.items()}
)

_references = Batch(reference=String())

_ids = Prepared(
    packed(
        select(message.c.reference, message.c.id)
        .select_from(_references.rows)
        .join(message, message.c.reference == _references.c.reference)
    )
)


def _inserting_segments(batch: Batch) -> Insert:
    given = {name: getattr(batch.c, name) for name in ("message", "link", *_SEGMENT_INSERTED.names)}
    return insert(segment).from_select(
        [*given, "status"], select(*given.values(), literal(_FRESH["status"])).select_from(batch.rows)
    )


_insert_segments = BatchStatement(
    _inserting_segments,
    message=Key,
    link=String(),
    number=Integer(),
    esm_class=Integer(),
    short_message=LargeBinary(),
    tlvs=LargeBinary(),
)

_keys = Batch(caller=String(), client_reference=String(), idempotency_key=String())

_known = Prepared(
    packed(
        select(
            union_all(
                *[
                    select(
                        message.c.id,
                        message.c.caller,
                        message.c.client_reference,
                        message.c.idempotency_key,
                        message.c.idempotency_digest,
                    )
                    .select_from(_keys.rows)
                    .join(message, (message.c[name] == getattr(_keys.c, name)) & (message.c.caller == _keys.c.caller))
                    for name in ("client_reference", "idempotency_key")
                ]
            ).subquery("known")
        )
    )
)


def add_all(connection: Connection, batches: Sequence[Sequence[Message]]) -> list[list[Message] | InvalidValue]:
    """Keep several callers' batches with one statement of each kind; see `Store.add`.

    Returns:
        For each batch its messages as kept, or why it was refused.
    """
    seen = _Seen(connection, [each for batch in batches for each in batch])
    fresh: dict[str, Message] = {}
    outcomes = [_admit(batch, seen, fresh) for batch in batches]
    kept = _insert_all(connection, list(fresh.values()))
    known = {each.id: each for each in records.load(connection, seen.stored)} if seen.stored else {}
    return [
        outcome
        if isinstance(outcome, InvalidValue)
        else [known[who] if isinstance(who, int) else kept[who] for who in outcome]
        for outcome in outcomes
    ]


def _keyed(message: Message, vault: Vault) -> Message:
    """A sealed message as it is kept: of its request's digest a keyed hash, as a short text could be guessed by it."""
    if message.idempotency_digest:
        message.idempotency_digest = vault.hash_of(message.idempotency_digest)
    return message


def _admit(batch: Sequence[Message], seen: _Seen, fresh: dict[str, Message]) -> list[int | str] | InvalidValue:
    """Who each message of a batch is: one that is stored (its id), or one that is new or was new just now (its
    reference). The new ones go into `fresh`, unless the batch is refused.
    """
    own: dict[str, Message] = {}
    people: list[int | str] = []
    try:
        for each in batch:
            _check(each)
            who = seen.before(each)
            if who is None:
                who = each.reference
                _check_new(who, own, fresh)
                own[who] = each
                seen.remember(each)
            people.append(who)
    except InvalidValue as error:
        for each in own.values():
            seen.forget(each)
        return error
    fresh |= own
    return people


class _Seen:
    """The messages that have a key already, stored before (by id) or handed in just now (by reference)."""

    def __init__(self, connection: Connection, messages: Iterable[Message]) -> None:
        self.stored: list[int] = []
        self._vault = vault_of(connection)
        self._by_key: dict[tuple[str, str, str], tuple[int | str, str | None]] = {}
        keys = [
            (each.caller, each.client_reference, each.idempotency_key)
            for each in messages
            if each.client_reference is not None or each.idempotency_key is not None
        ]
        rows = fetch(connection, _known, _keys.parameters(keys)) if keys else []
        for key, caller, client_reference, idempotency_key, digest in rows:
            self.stored.append(key)
            self._remember(key, (caller, client_reference, idempotency_key), digest)

    def before(self, message: Message) -> int | str | None:
        """Whom this message repeats, or None: nobody.

        Raises:
            InvalidValue: its idempotency key was used for something else.
        """
        if message.idempotency_key is not None:
            found = self._by_key.get(("idempotency_key", message.caller, message.idempotency_key))
            if found is not None:
                if not self._is_same(found[1], message.idempotency_digest):
                    raise InvalidValue("Idempotency-Key", "was used before with another request", "use a new key")
                return found[0]
        if message.client_reference is None:
            return None
        found = self._by_key.get(("client_reference", message.caller, message.client_reference))
        return None if found is None else found[0]

    def _is_same(self, kept: str | None, digest: str | None) -> bool:
        """Whether what is kept of a request's digest is this one's, though keys have come or gone since."""
        if kept == digest or kept is None or digest is None or self._vault is None:
            return kept == digest
        return self._vault.is_hash_of(kept, digest)

    def remember(self, message: Message) -> None:
        """Take note of a message that is about to be kept."""
        keys = message.caller, message.client_reference, message.idempotency_key
        self._remember(message.reference, keys, message.idempotency_digest)

    def forget(self, message: Message) -> None:
        """A message that was about to be kept is refused with its batch."""
        for name, value in (
            ("client_reference", message.client_reference),
            ("idempotency_key", message.idempotency_key),
        ):
            if value is not None:
                self._by_key.pop((name, message.caller, value), None)

    def _remember(self, who: int | str, keys: tuple[str, str | None, str | None], digest: str | None) -> None:
        caller, client_reference, idempotency_key = keys
        if client_reference is None and idempotency_key is None:
            return
        for name, value in (("client_reference", client_reference), ("idempotency_key", idempotency_key)):
            if value is not None:
                self._by_key[name, caller, value] = (who, digest)


def _insert_all(connection: Connection, messages: Sequence[Message]) -> dict[str, Message]:
    """Keep these messages, all of them new; each by its reference, with its id."""
    if not messages:
        return {}
    due = [_new(each) for each in messages]
    vault = sealing(connection)
    rows = due if vault is None else [_keyed(vault.sealed(each), vault) for each in due]
    _insert.run_columns(connection, [*_INSERTED.columns(rows), *zip(*map(octets_of, rows), strict=True)])
    ids = dict(fetch(connection, _ids, _references.of_columns([[each.reference for each in due]])))
    for each, row in zip(due, rows, strict=True):
        each.id = row.id = ids[each.reference]
    add_segments(connection, rows)
    keys, times = [each.id for each in due], [microseconds(each.created_at) for each in due]
    tell_all(connection, keys, times, previous=None, status=MessageStatus.QUEUED)
    return {each.reference: each for each in due}


def add_segments(connection: Connection, messages: Sequence[Message]) -> None:
    """Keep the segments of those of these messages that have several."""
    if longer := [each for each in messages if len(each.segments) > 1]:
        _insert_segments.run(
            connection,
            [[each.id, each.link, *_SEGMENT_INSERTED.row(part)] for each in longer for part in each.segments],
        )


def octets_of(message: Message) -> tuple[Any, ...]:
    """What stands in a message's row of its only segment; nothing, if it has several."""
    return _own(message.segments[0]) if len(message.segments) == 1 else (None,) * len(_OWN)


#: How every message begins, whatever it is handed in with.
_UNTOUCHED: Final = {
    "attempts": 0,
    "error": None,
    "error_meaning": None,
    "claimed_at": None,
    "submitted_at": None,
    "final_at": None,
    "hlr": None,
    "duplicates": 0,
}
_BEGINNING: Final = tuple(_UNTOUCHED.values())
_beginning: Final = attrgetter(*_UNTOUCHED)


def _new(message: Message) -> Message:
    """A copy of the message as it stands before anything happened to it."""
    new = copy(message) if _beginning(message) == _BEGINNING else replace(message, **_UNTOUCHED)
    new.next_attempt_at = new.next_attempt_at or new.created_at
    return new


_TEXTS: Final = (
    *("reference", "caller", "client_reference", "idempotency_key"),
    *("source_addr", "destination_addr", "text"),
)
_texts: Final = attrgetter(*_TEXTS)


def _check(message: Message) -> None:
    """Refuse what no statement below could keep truthfully.

    Raises:
        InvalidValue: names the field.
    """
    numbers = [part.number for part in message.segments if part.status is MessageStatus.QUEUED]
    if message.status is not MessageStatus.QUEUED or len(numbers) != len(message.segments):
        raise InvalidValue("status", f"is {message.status}", "a new message is QUEUED")
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        raise InvalidValue("segments", "are missing or out of order", "numbered from 1, at least one")
    if message.priority not in PRIORITIES:
        raise InvalidValue("priority", f"is {message.priority}", "0 to 3")
    texts = _texts(message)
    if not (together := "".join(filter(None, texts))).isascii() or not together.isprintable():
        for name, value in zip(_TEXTS, texts, strict=True):
            _check_text(name, value)


def _check_new(reference: str, own: dict[str, Message], fresh: dict[str, Message]) -> None:
    if reference in own or reference in fresh:
        raise InvalidValue("reference", "is taken", "a new one for every message")


def _check_text(name: str, value: str | None) -> None:
    # PostgreSQL keeps no U+0000 in text, and SQLite's JSON functions end at it; half a surrogate pair is no character.
    if value is None or (value.isprintable() and value.isascii()):
        return
    if "\0" in value:
        raise InvalidValue(name, "holds U+0000", "any other character")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidValue(name, "holds half a surrogate pair", "whole characters")
