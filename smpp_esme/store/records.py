"""Rows become messages and messages become rows: the columns are named once, by the record itself."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import select

from smpp_esme.message.message import Message, Segment
from smpp_esme.message.status import MessageStatus
from smpp_esme.store.batches import Batch, fetch, packed
from smpp_esme.store.dialects import as_hexadecimal
from smpp_esme.store.moves import json_text, optional
from smpp_esme.store.tables import Key, message, moment, segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection

#: A message's own columns, in the order of the record.
MESSAGE_COLUMNS: Final = tuple(name for name in Message.__struct_fields__ if name != "segments")

#: A segment's own columns, in the order of the record.
SEGMENT_COLUMNS: Final = Segment.__struct_fields__

_ids = Batch(id=Key)

_messages = packed(
    select(*[message.c[name] for name in MESSAGE_COLUMNS])
    .select_from(_ids.rows)
    .join(message, message.c.id == _ids.c.id)
)

_segments = packed(
    select(
        segment.c.message,
        *[
            as_hexadecimal(segment.c[name]).label(name) if name == "short_message" else segment.c[name]
            for name in SEGMENT_COLUMNS
        ],
    )
    .select_from(_ids.rows)
    .join(segment, segment.c.message == _ids.c.id)
    .order_by(segment.c.message, segment.c.number)
)

#: How a column is read, where it is not read as it stands.
_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "status": MessageStatus,
    "message_status": MessageStatus,
    "created_at": moment,
    "next_attempt_at": moment,
    "submitted_at": moment,
    "final_at": moment,
    "done_at": moment,
    "received_at": moment,
    "hlr": msgspec.json.decode,
    "short_message": bytes.fromhex,
    "raw": bytes.fromhex,
    "forms": lambda text: tuple(msgspec.json.decode(text)),
    "final": bool,
}

#: How a column is written, where it is not written as it stands.
_WRITTEN: Final[dict[str, Callable[[Any], Any]]] = {
    "created_at": optional,
    "next_attempt_at": optional,
    "submitted_at": optional,
    "final_at": optional,
    "done_at": optional,
    "received_at": optional,
    "hlr": json_text,
    "forms": lambda forms: json_text(forms) or "[]",
    "final": int,
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


def load(connection: Connection, ids: Iterable[int]) -> list[Message]:
    """The messages with these ids, in the order of the ids; one that is not kept is left out."""
    wanted = list(dict.fromkeys(ids))  # an id named twice would double the segments
    parameters = _ids.parameters([[each] for each in wanted])
    segments: dict[int, list[Segment]] = {each: [] for each in wanted}
    for key, *row in fetch(connection, _segments, parameters):
        segments[key].append(Segment(**SEGMENT.fields(row)))
    found = {row[0]: row for row in fetch(connection, _messages, parameters)}
    return [Message(**MESSAGE.fields(found[each]), segments=segments[each]) for each in wanted if each in found]


def harmless(value: str) -> str:
    """A stranger's text as the database can keep it: no U+0000 and no half of a surrogate pair."""
    if value.isascii() and "\0" not in value:
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "\ufffd")
