"""A batch goes into a statement as one JSON parameter, and comes out of one as one JSON row.

A driver's thread takes the interpreter's lock back for every row that it binds (executemany) or fetches, and beside a
busy event loop each time costs a switch interval: hundreds of rows a second instead of tens of thousands
(docs/why.md). One parameter in and one row out cost one switch a statement, whatever the batch's size. The text of a
statement does not depend on the batch's size either, so it is compiled once.

SQLAlchemy looks a statement up in its cache by walking through all of it, which costs more than the statement itself
when a batch is small. So those of the traffic are `Prepared`: compiled when first used, and executed as text.
"""

from __future__ import annotations

from itertools import accumulate
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    LargeBinary,
    String,
    Text,
    bindparam,
    column,
    literal_column,
    select,
)

from smpp_esme.store.dialects import (
    as_json_array,
    as_json_rows,
    json_integer,
    json_item,
    json_numbers,
    json_rows,
    json_texts,
    part_of,
)
from smpp_esme.store.tables import Json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, CursorResult, Dialect, Executable, Select, TableValuedAlias
    from sqlalchemy.types import TypeEngine


#: So many variants of one statement are compiled; what still comes then goes by the most general one.
_VARIANTS: Final = 32


class Prepared:
    """A statement that is compiled when it is first used on a kind of database, and executed as text after that.

    Its parameters are given as the driver takes them: whole numbers, texts, octets, None.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement: Any = statement
        self._compiled: dict[str, tuple[str, list[str], dict[str, Any]]] = {}

    def run(self, connection: Connection, parameters: dict[str, Any]) -> CursorResult[Any]:
        """Execute it with these parameters, by name."""
        dialect = connection.dialect
        words, names, constants = self._compiled.get(dialect.name) or self._compile(dialect)
        given = constants | parameters
        return connection.exec_driver_sql(words, tuple([given[name] for name in names]))

    def fetch(self, connection: Connection, parameters: dict[str, Any]) -> str:
        """The one text that a packed statement gives."""
        return self.run(connection, parameters).scalar_one() or "[]"

    def _compile(self, dialect: Dialect) -> tuple[str, list[str], dict[str, Any]]:
        compiled = self._statement.compile(dialect=dialect)
        found = str(compiled), list(compiled.positiontup), dict(compiled.params)
        self._compiled[dialect.name] = found
        return found


class BatchStatement:
    """A statement over a batch, in as many variants as there are ways in which a batch can agree.

    A column in which all rows of the batch agree is one parameter instead of a part of every row; that spares the
    database most of its reading. The first column, by which rows are told apart, always travels with the rows.

    Args:
        write: makes the statement of a batch's columns.
        columns: by name, with their types.
    """

    def __init__(self, write: Callable[[Batch], Executable], **columns: TypeEngine[Any]) -> None:
        self._write = write
        self._columns = columns
        self._names = list(columns)
        self._variants: dict[tuple[str, ...], tuple[Batch, Prepared]] = {}

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> CursorResult[Any]:
        """Execute it for these rows, at least one; each in the order of the columns."""
        return self.run_columns(connection, list(zip(*rows, strict=True)))

    def run_columns(self, connection: Connection, columns: Sequence[Sequence[Any]]) -> CursorResult[Any]:
        """The same, given column by column."""
        prepared, parameters = self._variant(columns)
        return prepared.run(connection, parameters)

    def _variant(self, given: Sequence[Sequence[Any]]) -> tuple[Prepared, dict[str, Any]]:
        columns = dict(zip(self._names, given, strict=True))
        number, key = len(given[0]), self._names[0]
        differing = tuple(name for name, cells in columns.items() if name == key or cells.count(cells[0]) != number)
        found = self._variants.get(differing)
        if found is None:
            if len(self._variants) >= _VARIANTS:
                differing = tuple(self._names)
            found = self._variants.get(differing) or self._compose(differing)
        batch, prepared = found
        parameters = {name: cells[0] for name, cells in columns.items()}
        return prepared, parameters | batch.of_columns([columns[name] for name in differing])

    def _compose(self, differing: tuple[str, ...]) -> tuple[Batch, Prepared]:
        batch = Batch(**{name: self._columns[name] for name in differing})
        for name in self._names:
            if name not in differing:
                setattr(batch.c, name, bindparam(name, type_=self._columns[name]))
        found = self._variants[differing] = batch, Prepared(self._write(batch))
        return found


class Batch:
    """The rows of a batch, as a table inside one statement.

    Attributes:
        rows: the table, to select from.
        c: its columns by name.

    A column of octets travels beside the JSON, which cannot hold them: all of them in one parameter, each cut out by
    its offset and length. A column that is the only one, and has no nulls, is an array of its values: nobody has to
    take rows apart.
    """

    def __init__(self, **columns: TypeEngine[Any]) -> None:
        self._octets = [name for name, kind in columns.items() if isinstance(kind, LargeBinary)]
        self._names = list(columns)
        self._is_single = len(columns) == 1 and not self._octets
        kinds = [isinstance(kind, String | Json) for kind in columns.values()]
        source = json_rows if not self._is_single else json_texts if kinds[0] else json_numbers
        self.rows: TableValuedAlias = source(bindparam("rows", type_=Text)).table_valued(
            column("value", BigInteger if self._is_single and not kinds[0] else Text), name="batch"
        )
        if self._is_single:
            self.c = SimpleNamespace(**{self._names[0]: self.rows.c.value})
        else:
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
        return part_of(bindparam("octets", type_=LargeBinary), number, length)

    def parameters(self, rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
        """The parameters that make these rows the batch; each row in the order of the columns."""
        if self._is_single:
            return self.of_columns([[cell for [cell] in rows]])
        if not self._octets:
            return {"rows": msgspec.json.encode(rows).decode()}
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        return self.of_columns(columns) if columns else {"rows": "[]", "octets": b""}

    def of_columns(self, columns: list[Sequence[Any]]) -> dict[str, Any]:
        """The parameters that make the rows the batch that have these columns, in order."""
        if self._is_single:
            return {"rows": msgspec.json.encode(columns[0]).decode()}
        octets = []
        for name in self._octets:
            octets.append(b"\0")  # SQLite's substr() of nothing is NULL, even when it is asked for nothing
            cells = columns[self._names.index(name)]
            there = [cell or b"" for cell in cells]
            lengths = list(map(len, there))
            begin = sum(map(len, octets)) + 1  # substr() counts from 1
            columns[self._names.index(name)] = list(accumulate(lengths[:-1], initial=begin))
            # Of the length NULL, substr() is NULL.
            columns.append([None if cell is None else len(cell) for cell in cells] if None in cells else lengths)
            octets += there
        rows = {"rows": msgspec.json.encode(list(zip(*columns, strict=True))).decode()}
        return rows | {"octets": b"".join(octets)} if octets else rows


def packed(rows: Select[Any]) -> Select[str]:
    """The same rows as one JSON array of arrays; octets must be selected as hexadecimal."""
    table = rows.subquery("packed")
    return select(as_json_rows(as_json_array(*table.c)))


def fetch(connection: Connection, statement: Select[str] | Prepared, parameters: dict[str, Any]) -> Any:
    """The rows of a packed statement, as lists."""
    if isinstance(statement, Prepared):
        return msgspec.json.decode(statement.fetch(connection, parameters))
    return msgspec.json.decode(connection.execute(statement, parameters).scalar_one() or "[]")
