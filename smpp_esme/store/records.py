"""Rows become messages and messages become rows: the columns are named once, by the record itself."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import select

from smpp_esme.message.message import Message, Segment
from smpp_esme.message.status import MessageStatus
from smpp_esme.store.batches import Batch, Prepared, fetch, packed
from smpp_esme.store.dialects import as_hexadecimal
from smpp_esme.store.moves import json_text, optional
from smpp_esme.store.seal import vault_of
from smpp_esme.store.tables import Key, message, moment, segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection, Table

#: A message's own columns, in the order of the record.
MESSAGE_COLUMNS: Final = tuple(name for name in Message.__struct_fields__ if name != "segments")

#: A segment's own columns, in the order of the record.
SEGMENT_COLUMNS: Final = Segment.__struct_fields__

#: Those of a message's only segment that stand in the message's row under the same names, and are not the message's.
ONLY_SEGMENT_COLUMNS: Final = tuple(
    name for name in SEGMENT_COLUMNS if name in message.c and name not in MESSAGE_COLUMNS
)

#: Those that the message and its only segment share.
_SHARED: Final = tuple(name for name in SEGMENT_COLUMNS if name in MESSAGE_COLUMNS)

_OCTETS: Final = {"short_message", "tlvs"}

_ids = Batch(id=Key)


def _read_as(table: Table, *names: str) -> list[Any]:
    return [as_hexadecimal(table.c[name]).label(name) if name in _OCTETS else table.c[name] for name in names]


_messages = Prepared(
    packed(
        select(*_read_as(message, *MESSAGE_COLUMNS, *ONLY_SEGMENT_COLUMNS))
        .select_from(_ids.rows)
        .join(message, message.c.id == _ids.c.id)
    )
)

_segments = Prepared(
    packed(
        select(segment.c.message, *_read_as(segment, *SEGMENT_COLUMNS))
        .select_from(_ids.rows)
        .join(segment, segment.c.message == _ids.c.id)
        .order_by(segment.c.message, segment.c.number)
    )
)

#: How a column is read, where it is not read as it stands.
_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "status": MessageStatus,
    "message_status": MessageStatus,
    "created_at": moment,
    "expires_at": moment,
    "next_attempt_at": moment,
    "claimed_at": moment,
    "submitted_at": moment,
    "final_at": moment,
    "done_at": moment,
    "received_at": moment,
    "hlr": msgspec.json.decode,
    "vendor": msgspec.json.decode,
    "short_message": bytes.fromhex,
    "tlvs": bytes.fromhex,
    "raw": bytes.fromhex,
    "forms": lambda text: tuple(msgspec.json.decode(text)),
    "final": bool,
    "octets": bytes.fromhex,
    "missing": lambda text: tuple(msgspec.json.decode(text)),
    "detail": msgspec.json.decode,
}

#: How a column is written, where it is not written as it stands.
_WRITTEN: Final[dict[str, Callable[[Any], Any]]] = {
    "created_at": optional,
    "expires_at": optional,
    "next_attempt_at": optional,
    "submitted_at": optional,
    "final_at": optional,
    "done_at": optional,
    "received_at": optional,
    "hlr": json_text,
    "vendor": json_text,
    "forms": lambda forms: json_text(forms) or "[]",
    "final": int,
    "octets": lambda octets: None if octets is None else octets.hex(),
    "missing": lambda missing: json_text(missing) or "[]",
    "detail": lambda detail: json_text(detail) or "{}",
}


class Columns:
    """Some columns of a table that bear the names of a record's fields.

    Attributes:
        names: in the order in which a batch or a packed row has them.
    """

    def __init__(self, *names: str) -> None:
        self.names = names
        self._values = attrgetter(*names)
        self._read = [(place, _READ[name]) for place, name in enumerate(names) if name in _READ]
        self._written = [(place, _WRITTEN[name]) for place, name in enumerate(names) if name in _WRITTEN]

    def row(self, record: Any) -> list[Any]:
        """These fields of a record, as a batch carries them."""
        row = list(self._values(record))
        for place, written in self._written:
            row[place] = written(row[place])
        return row

    def fields(self, row: list[Any]) -> dict[str, Any]:
        """A packed row as fields of its record; the row is used up."""
        for place, read in self._read:
            if row[place] is not None:
                row[place] = read(row[place])
        return dict(zip(self.names, row, strict=True))


MESSAGE: Final = Columns(*MESSAGE_COLUMNS)
SEGMENT: Final = Columns(*SEGMENT_COLUMNS)
ONLY_SEGMENT: Final = Columns(*ONLY_SEGMENT_COLUMNS)

_SHARED_OF: Final = attrgetter(*_SHARED)
_SPLIT: Final = len(MESSAGE_COLUMNS)
# Where this is None, the message has several; of octets that are not there SQLite would say that they are empty.
_OWN_ESM_CLASS: Final = _SPLIT + ONLY_SEGMENT_COLUMNS.index("esm_class")


def load(connection: Connection, ids: Iterable[int]) -> list[Message]:
    """The messages with these ids, in the order of the ids; one that is not kept is left out."""
    wanted = list(dict.fromkeys(ids))  # an id named twice would double the segments
    rows = {row[0]: row for row in fetch(connection, _messages, _ids.parameters([[each] for each in wanted]))}
    longer = [[key] for key, row in rows.items() if row[_OWN_ESM_CLASS] is None]
    segments: dict[int, list[Segment]] = {key: [] for [key] in longer}
    for key, *part in fetch(connection, _segments, _ids.parameters(longer)) if longer else ():
        segments[key].append(Segment(**SEGMENT.fields(part)))
    loaded = [_message(rows[each], segments.get(each)) for each in wanted if each in rows]
    if vault := vault_of(connection):
        for each in loaded:
            vault.open(each)
    return loaded


def _message(row: list[Any], segments: list[Segment] | None) -> Message:
    """A message from its row, and from those of its segments if it has several."""
    found = Message(**MESSAGE.fields(row[:_SPLIT]), segments=segments or [])
    if segments is None:
        shared = dict(zip(_SHARED, _SHARED_OF(found), strict=True))
        found.segments.append(Segment(number=1, **shared, **ONLY_SEGMENT.fields(row[_SPLIT:])))
    return found


def harmless(value: str) -> str:
    """A stranger's text as the database can keep it: no U+0000 and no half of a surrogate pair."""
    if value.isascii() and "\0" not in value:
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")
