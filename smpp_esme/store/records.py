"""Rows become messages and messages become rows: the columns are named once, by the record itself."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

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
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection, Table

#: A message's own columns, in the order of the record; its wish is read by whoever composes it anew.
MESSAGE_COLUMNS: Final = tuple(name for name in Message.__struct_fields__ if name not in {"segments", "wish"})

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
    "pinned": bool,
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
    "pinned": int,
    "octets": lambda octets: None if octets is None else octets.hex(),
    "missing": lambda missing: json_text(missing) or "[]",
    "detail": lambda detail: json_text(detail) or "{}",
}


def _each_once(convert: Callable[[Any], Any], cells: Sequence[Any]) -> list[Any]:
    """The same of every cell; where they agree, as they mostly do, it is made once."""
    if cells.count(cells[0]) == len(cells):
        return [convert(cells[0])] * len(cells)
    return [convert(cell) for cell in cells]


#: What is read into a value that can be changed is read for each record.
_MUTABLE: Final = frozenset({"hlr", "vendor", "detail"})

_Record = TypeVar("_Record")


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

    def columns(self, records: Sequence[Any]) -> list[Sequence[Any]]:
        """These fields of several records, at least one, column by column, as a batch carries them."""
        columns: list[Sequence[Any]] = list(zip(*map(self._values, records), strict=True))
        for place, written in self._written:
            columns[place] = _each_once(written, columns[place])
        return columns

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

    def records(self, kind: Callable[..., _Record], columns: Sequence[Sequence[Any]], **common: Any) -> list[_Record]:
        """Records of packed rows, at least one, column by column.

        Rows that are read together agree in most columns. So one record is made, the others are copies of it, and only
        what differs is read and set for each.

        Args:
            kind: makes one of its fields.
            columns: in the order of the names.
            common: what all of them have besides.
        """
        number = len(columns[0])
        cells = dict(zip(self.names, columns, strict=True))
        differing = [name for name in self.names if cells[name].count(cells[name][0]) != number or name in _MUTABLE]
        given = [[_read(name, cell) for cell in cells[name]] for name in differing]
        first = {name: _read(name, cells[name][0]) for name in self.names}
        pattern: Any = kind(**first, **common)
        another = pattern.__copy__  # what copy.copy() would look for each time
        records = [pattern, *[another() for _ in range(1, number)]]
        for name, values in zip(differing, given, strict=True):
            for record, value in zip(records, values, strict=True):
                setattr(record, name, value)
        return records


def _read(name: str, cell: Any) -> Any:
    return cell if cell is None or name not in _READ else _READ[name](cell)


MESSAGE: Final = Columns(*MESSAGE_COLUMNS)
SEGMENT: Final = Columns(*SEGMENT_COLUMNS)
_ROW: Final = (*MESSAGE_COLUMNS, *ONLY_SEGMENT_COLUMNS)
#: A message's only segment, read from the message's row.
_ONLY: Final = Columns(*_SHARED, *ONLY_SEGMENT_COLUMNS)
_ONLY_PLACES: Final = [_ROW.index(name) for name in _ONLY.names]

# Where this is None, the message has several; of octets that are not there SQLite would say that they are empty.
_OWN_ESM_CLASS: Final = _ROW.index("esm_class")


def load(connection: Connection, ids: Iterable[int]) -> list[Message]:
    """The messages with these ids, in the order of the ids; one that is not kept is left out."""
    wanted = list(dict.fromkeys(ids))  # an id named twice would double the segments
    rows = fetch(connection, _messages, _ids.of_columns([wanted]))
    longer = [row for row in rows if row[_OWN_ESM_CLASS] is None]
    short = rows if not longer else [row for row in rows if row[_OWN_ESM_CLASS] is not None]
    loaded = {each.id: each for each in (*_of_one(short), *_of_several(connection, longer))}
    found = [loaded[each] for each in wanted if each in loaded]
    if vault := vault_of(connection):
        for each in found:
            vault.open(each)
    return found


def _of_one(rows: list[list[Any]]) -> list[Message]:
    """Messages of one segment, from their rows."""
    if not rows:
        return []
    columns = list(zip(*rows, strict=True))
    messages = MESSAGE.records(Message, columns[: len(MESSAGE_COLUMNS)], segments=[])
    segments = _ONLY.records(Segment, [columns[place] for place in _ONLY_PLACES], number=1)
    for message_, segment_ in zip(messages, segments, strict=True):
        message_.segments = [segment_]
    return messages


def _of_several(connection: Connection, rows: list[list[Any]]) -> list[Message]:
    """Messages of several segments, from their rows and those of their segments."""
    if not rows:
        return []
    segments: dict[int, list[Segment]] = {}
    found = [Message(**MESSAGE.fields(row[: len(MESSAGE_COLUMNS)]), segments=[]) for row in rows]
    for key, *part in fetch(connection, _segments, _ids.parameters([[each.id] for each in found])):
        segments.setdefault(key, []).append(Segment(**SEGMENT.fields(part)))
    for each in found:
        each.segments = segments.get(each.id, [])
    return found


def harmless(value: str) -> str:
    """A stranger's text as the database can keep it: no U+0000 and no half of a surrogate pair."""
    if value.isascii() and "\0" not in value:
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")
