import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from smpp_esme.errors import StoreUnusable
from smpp_esme.store import Store, schema
from smpp_esme.store.tables import metadata


async def test_the_migrations_and_the_tables_are_the_same(store):
    def differences(connection):
        options = {"version_table": schema.REVISION_TABLE, "compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert await store._write(differences) == []


async def test_the_indexes_hold_only_the_rows_they_are_about(store):
    # compare_metadata does not look at the condition of an index.
    def conditions(connection):
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''")
        return {name: sql.partition(" WHERE ")[2] for name, sql in rows}

    expected = {}
    for table in metadata.tables.values():
        for index in table.indexes:
            condition = index.dialect_options["sqlite"]["where"]
            expected[index.name] = "" if condition is None else str(condition)
    assert await store._write(conditions) == expected


async def test_a_new_store_has_the_newest_schema_and_keeps_it(path):
    for _ in range(2):
        async with await Store.open(f"sqlite:///{path}") as store:
            assert await store._write(schema.revision) == "0001"


async def test_a_newer_schema_is_refused_and_left_alone(path, new):
    async with await Store.open(f"sqlite:///{path}") as store:
        await store.add([new()])
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE {schema.REVISION_TABLE} SET version_num = '9999'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=r"9999.*newer"):
        await Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == before


async def test_another_programs_database_is_refused_and_left_alone(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE addresses (name TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="another program"):
        await Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert not path.with_name(f"{path.name}-wal").exists()


async def test_a_store_whose_creation_was_cut_short_is_created_at_last(path):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    async with await Store.open(f"sqlite:///{path}") as store:
        assert sum((await store.counts()).values()) == 0
