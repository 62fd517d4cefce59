import sqlite3

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from smpp_esme.errors import StoreUnusable
from smpp_esme.message.message import Accepted, Answer
from smpp_esme.store import Store, schema
from smpp_esme.store.tables import metadata


async def test_the_migrations_and_the_tables_are_the_same(store):
    def differences(connection):
        options = {"version_table": schema.REVISION_TABLE, "compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert await store._write(differences) == []


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
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
    for before in (None, schema.newest()):
        async with await Store.open(f"sqlite:///{path}") as store:
            assert await store._write(schema.revision) == schema.newest()
            assert store.schema == (before, schema.newest())


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


def goes_to(revision):
    """Bring a database to another revision, up or down."""

    def move(connection):
        config = schema._config()
        config.attributes["connection"] = connection
        (command.downgrade if revision < schema.newest() else command.upgrade)(config, revision)

    return move


def rows_in_segment(connection):
    return connection.exec_driver_sql("SELECT count(*) FROM segment").scalar_one()


async def test_segments_find_their_place_when_the_schema_moves(store, new, claim, clock):
    await store.add([new(), new(parts=2), new()])
    one, two = await claim(2)
    answers = [Answer(one.id, 1, Accepted("00A")), Answer(two.id, 1, Accepted("B")), Answer(two.id, 2, Accepted("C"))]
    await store.record_answers(answers, clock.now)
    before = await store.messages()
    for revision, segments in (("0005", 4), (schema.newest(), 2)):
        await store._write(goes_to(revision))
        assert await store._write(rows_in_segment) == segments
    assert await store.messages() == before
