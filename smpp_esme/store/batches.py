"""A batch goes into a statement as one JSON parameter, and comes out of one as one JSON row.

A driver's thread takes the interpreter's lock back for every row that it binds (executemany) or fetches, and beside a
busy event loop each time costs a switch interval: hundreds of rows a second instead of tens of thousands
(docs/why.md). One parameter in and one row out cost one switch a statement, whatever the batch's size. The text of a
statement does not depend on the batch's size either, so it is compiled once.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    LargeBinary,
    String,
    Text,
    bindparam,
    column,
    func,
    literal_column,
    select,
)

from smpp_esme.store.dialects import as_json_array, as_json_rows, json_integer, json_item, json_rows
from smpp_esme.store.tables import Json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Select, TableValuedAlias
    from sqlalchemy.types import TypeEngine


class Batch:
    """The rows of a batch, as a table inside one statement.

    Attributes:
        rows: the table, to select from.
        c: its columns by name.

    A column of octets travels beside the JSON, which cannot hold them: all of them in one parameter, each cut out by
    its offset and length.
    """

    def __init__(self, **columns: TypeEngine[Any]) -> None:
        self._octets = [name for name, kind in columns.items() if isinstance(kind, LargeBinary)]
        self._names = list(columns)
        self.rows: TableValuedAlias = json_rows(bindparam("rows", type_=Text)).table_valued(
            column("value", Text), name="batch"
        )
        self.c = SimpleNamespace(**{name: self._column(name, kind) for name, kind in columns.items()})

    def _column(self, name: str, kind: TypeEngine[Any]) -> ColumnElement[Any]:
        position = self._names.index(name)
        if isinstance(kind, String | Json):
            return json_item(self.rows.c.value, literal_column(str(position)))
        number = json_integer(self.rows.c.value, literal_column(str(position)))
        if name not in self._octets:
            return number
        length_at = len(self._names) + self._octets.index(name)
        length = json_integer(self.rows.c.value, literal_column(str(length_at)))
        return func.substr(bindparam("octets", type_=LargeBinary), number, length)

    def parameters(self, rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
        """The parameters that make these rows the batch; each row in the order of the columns."""
        if not self._octets:
            return {"rows": msgspec.json.encode(rows).decode()}
        return self._with_octets(rows)

    def _with_octets(self, rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
        positions = [self._names.index(name) for name in self._octets]
        octets = bytearray(b"\0")  # SQLite's substr() of nothing is NULL, even when it is asked for nothing
        packed = []
        for row in rows:
            cells, lengths = list(row), []
            for position in positions:
                lengths.append(len(cells[position]))
                octets += cells[position]
                cells[position] = len(octets) - lengths[-1] + 1  # substr() counts from 1
            packed.append([*cells, *lengths])
        return {"rows": msgspec.json.encode(packed).decode(), "octets": bytes(octets)}


def packed(rows: Select[Any]) -> Select[str]:
    """The same rows as one JSON array of arrays; octets must be selected as hexadecimal."""
    table = rows.subquery("packed")
    return select(as_json_rows(as_json_array(*table.c)))


def fetch(connection: Connection, statement: Select[str], parameters: dict[str, Any]) -> Any:
    """The rows of a packed statement, as lists."""
    return msgspec.json.decode(connection.execute(statement, parameters).scalar_one() or "[]")
