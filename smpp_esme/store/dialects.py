"""The few differences between databases: how JSON becomes rows, and what a connection must be told first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger, LargeBinary, Text

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.sql.compiler import SQLCompiler


class json_rows(FunctionElement[Any]):  # noqa: N801 - reads as the SQL function it is
    """The elements of a JSON array as rows with one column, `value`."""

    name = "json_rows"
    inherit_cache = True


class json_numbers(FunctionElement[Any]):  # noqa: N801 - reads as the SQL function it is
    """The elements of a JSON array of whole numbers as rows with one column, `value`."""

    name = "json_numbers"
    inherit_cache = True


class json_texts(FunctionElement[Any]):  # noqa: N801 - reads as the SQL function it is
    """The elements of a JSON array of texts as rows with one column, `value`."""

    name = "json_texts"
    inherit_cache = True


class json_item(FunctionElement[Any]):  # noqa: N801 - reads as the SQL function it is
    """One element of a JSON array that is a text or null, by its position."""

    name = "json_item"
    inherit_cache = True
    type = Text()


class json_integer(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it is
    """One element of a JSON array that is a whole number or null, by its position."""

    name = "json_integer"
    inherit_cache = True
    type = BigInteger()


class as_json_array(FunctionElement[Any]):  # noqa: N801 - reads as the SQL function it is
    """Some columns as one JSON array."""

    name = "as_json_array"
    inherit_cache = True


class as_json_rows(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it is
    """All rows as one JSON array, in text."""

    name = "as_json_rows"
    inherit_cache = True
    type = Text()


class as_hexadecimal(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it is
    """Octets as hexadecimal text."""

    name = "as_hexadecimal"
    inherit_cache = True
    type = Text()


class part_of(FunctionElement[bytes]):  # noqa: N801 - reads as the SQL function it is
    """Some of the octets of a value: from where, counted from 1, and how many."""

    name = "part_of"
    inherit_cache = True
    type = LargeBinary()


class shard(FunctionElement[int]):  # noqa: N801 - reads as the SQL function it is
    """A small number: the same throughout one connection, and most likely another than another daemon's."""

    name = "shard"
    inherit_cache = True
    type = BigInteger()


class unindexed(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it is
    """A text column, not to be searched by its index.

    Without statistics a planner would rather walk every message of a status than look a batch's few up by their keys.
    """

    name = "unindexed"
    inherit_cache = True
    type = Text()


#: Each function in SQLite's words and in PostgreSQL's, which is where every other dialect would start.
#:
#: That each row is an array, a number or a text is no news to anybody but PostgreSQL's planner, which takes it for a
#: condition that one row in a hundred meets. So it believes every batch to be short, looks each of its rows up by an
#: index, and never compares all of a table with all of a batch: a plan it is fond of while a table is young, and then
#: keeps.
_SPELLINGS: Final[dict[type[FunctionElement[Any]], tuple[str, str]]] = {
    json_rows: (
        "json_each({})",
        "(SELECT value FROM jsonb_array_elements(CAST({} AS JSONB)) WHERE jsonb_typeof(value) = 'array')",
    ),
    json_numbers: (
        "json_each({})",
        (
            "(SELECT CAST(value #>> ARRAY[]::TEXT[] AS BIGINT) AS value FROM jsonb_array_elements(CAST({} AS JSONB))"
            " WHERE jsonb_typeof(value) = 'number')"
        ),
    ),
    json_texts: (
        "json_each({})",
        (
            "(SELECT value #>> ARRAY[]::TEXT[] AS value FROM jsonb_array_elements(CAST({} AS JSONB))"
            " WHERE jsonb_typeof(value) = 'string')"
        ),
    ),
    json_item: ("json_extract({}, '$[{}]')", "({} ->> {})"),
    json_integer: ("json_extract({}, '$[{}]')", "CAST({} ->> {} AS BIGINT)"),
    as_json_array: ("json_array({})", "json_build_array({})"),
    as_json_rows: ("json_group_array({})", "CAST(json_agg({}) AS TEXT)"),
    part_of: ("substr({}, {}, {})", "substr({}, CAST({} AS INTEGER), CAST({} AS INTEGER))"),
    shard: ("0", "(pg_backend_pid() % 64)"),
    unindexed: ("+{}", "({} || '')"),
    as_hexadecimal: ("hex({})", "encode({}, 'hex')"),
}


def _spell(function: type[FunctionElement[Any]], sqlite: str, postgresql: str) -> None:
    def compiled(element: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
        words = sqlite if compiler.dialect.name == "sqlite" else postgresql
        cells = [compiler.process(clause, **options) for clause in element.clauses]
        return words.format(*cells) if words.count("{}") > 1 else words.format(", ".join(cells))

    compiles(function)(compiled)


for _function, (_sqlite, _postgresql) in _SPELLINGS.items():
    _spell(_function, _sqlite, _postgresql)


#: What SQLite's one writer is told. A checkpoint every 8,000 pages (32 MB) instead of every 1,000: it writes each page
#: once for many transactions. Before 3.51.3 two connections that write or checkpoint at once can corrupt a WAL
#: database, so nobody else does either, and memory mapping stays off.
WRITER: Final[dict[str, str | int]] = {
    "journal_mode": "WAL",
    "foreign_keys": "ON",
    "wal_autocheckpoint": 8000,
    "journal_size_limit": 64 * 1024 * 1024,
    "cache_size": -32 * 1024,
    "temp_store": "MEMORY",
}

#: What SQLite's readers are told.
READER: Final[dict[str, str | int]] = {"query_only": "ON", "wal_autocheckpoint": 0, "temp_store": "MEMORY"}


def tell(engine: Engine, pragmas: dict[str, str | int], *, begin: str) -> None:
    """Make every SQLite connection of an engine start with these pragmas, and every transaction with `begin`.

    The driver's own habit, to begin a transaction late and never before a SELECT, would let a decision be taken on
    what another process changes before it is written; so the driver is told to leave that to us (isolation_level
    None).
    """

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for name, value in pragmas.items():
            cursor.execute(f"PRAGMA {name} = {value}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)
