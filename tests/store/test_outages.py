"""What passes by itself is told from what does not."""

import sqlite3

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from smpp_esme.errors import StoreOutage, StoreUnusable
from smpp_esme.store import Store, outages


def sqlite(code):
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    return DBAPIError("UPDATE", {}, error)


class Asyncpg(Exception):
    def __init__(self, sqlstate):
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def postgresql(sqlstate):
    return DBAPIError("UPDATE", {}, Asyncpg(sqlstate))


@pytest.mark.parametrize(
    "error",
    [
        sqlite(sqlite3.SQLITE_FULL),
        sqlite(sqlite3.SQLITE_IOERR_WRITE),
        sqlite(sqlite3.SQLITE_BUSY),
        postgresql("53100"),
        postgresql("57P01"),
        postgresql("08006"),
        postgresql("58030"),
        OSError("connection refused"),
        PoolTimeout("no connection"),
    ],
)
def test_a_full_disk_a_lock_and_a_server_that_is_away_pass(error):
    assert isinstance(outages.told(error), StoreOutage)


@pytest.mark.parametrize(
    "error", [sqlite(sqlite3.SQLITE_CORRUPT), sqlite(sqlite3.SQLITE_ERROR), postgresql("42P01"), postgresql("XX001")]
)
def test_damage_and_mistakes_do_not(error):
    told = outages.told(error)
    assert type(told) is StoreUnusable


async def test_a_store_that_has_no_room_left_says_so_and_goes_on_when_there_is(path, new):
    async with await Store.open(f"sqlite:///{path}") as store:
        pages = await store._write(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar_one())
        await store._write(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(StoreOutage, match="full"):
            await store.add([new(text="x" * 1000) for _ in range(100)])
        assert await store.messages() == []
        await store.probe()
        await store._write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 100000"))
        assert len(await store.add([new() for _ in range(100)])) == 100


async def test_a_probe_writes(store):
    def changes(connection):
        return connection.exec_driver_sql("SELECT total_changes()").scalar_one()

    if not store.name.startswith("sqlite"):
        pytest.skip("SQLite counts what it has changed")
    before = await store._write(changes)
    await store.probe()
    assert await store._write(changes) == before + 1
