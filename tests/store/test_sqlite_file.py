"""The file: whose it is, and what is refused without being touched."""

import os
import random
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager, suppress

import pytest

from smpp_esme.errors import InvalidValue, StoreUnusable
from smpp_esme.store import Store
from smpp_esme.store.sqlite_file import _CHECKED_UP_TO


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


HOLDER = textwrap.dedent("""
    import asyncio, sys
    from smpp_esme.store import Store

    async def main():
        async with await Store.open(sys.argv[1]):
            print("open", flush=True)
            await asyncio.sleep(60)

    asyncio.run(main())
""")


async def test_a_second_opener_is_refused_until_the_first_is_gone(path):
    url = f"sqlite:///{path}"
    async with await Store.open(url):
        with pytest.raises(StoreUnusable, match="another process"):
            await Store.open(url)
    async with await Store.open(url):
        pass


@contextmanager
def held_elsewhere(url):
    """Another process has the store open, until it is killed."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "open\n"
        yield
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()


async def test_another_process_is_refused_and_a_killed_one_leaves_no_lock(path):
    url = f"sqlite:///{path}"
    with held_elsewhere(url), pytest.raises(StoreUnusable, match="another process"):
        await Store.open(url)
    async with await Store.open(url) as store:
        assert sum((await store.counts()).values()) == 0


@pytest.mark.parametrize("octets", [b"not a database at all, but long enough to be read", b"SQLite", b"\0" * 4096])
async def test_what_is_no_database_is_refused_and_left_alone(path, octets):
    path.write_bytes(octets)
    with pytest.raises(StoreUnusable, match="not an SQLite database"):
        await Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == octets


async def filled(path, new):
    async with await Store.open(f"sqlite:///{path}") as store:
        await store.add([new() for _ in range(300)])
    return path.read_bytes()


@pytest.mark.parametrize("page", [1, 4, 12])
async def test_a_damaged_page_is_noticed_and_left_alone(path, new, page):
    octets = bytearray(await filled(path, new))
    octets[page * 4096 : page * 4096 + 200] = os.urandom(200)
    path.write_bytes(octets)
    with pytest.raises(StoreUnusable, match="nothing was changed"):
        await Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == octets


@pytest.mark.parametrize("seed", range(20))
async def test_octets_that_were_changed_anywhere_are_noticed_or_harmless_and_left_alone(path, new, seed):
    octets, luck = bytearray(await filled(path, new)), random.Random(seed)
    for _ in range(40):
        octets[luck.randrange(len(octets))] ^= luck.randrange(1, 256)
    path.write_bytes(octets)
    with suppress(StoreUnusable):  # and nothing else
        async with await Store.open(f"sqlite:///{path}") as store:
            await store.messages(limit=1000)
    kept = path.read_bytes()
    # Opened it may be written to, but never begun anew.
    assert kept[100:] == bytes(octets[100:]) or len(kept) >= len(octets)


@pytest.mark.parametrize("pages", [0, 1, 3, 7])
async def test_a_file_that_was_emptied_or_cut_off_beside_its_log_is_refused_and_both_are_left_alone(path, new, pages):
    await filled(path, new)
    store = await Store.open(f"sqlite:///{path}")
    await store.add([new() for _ in range(50)])
    log = path.with_name(f"{path.name}-wal")
    logged = log.read_bytes()
    await store.close()
    octets = path.read_bytes()[: pages * 4096]
    path.write_bytes(octets)
    log.write_bytes(logged)
    with pytest.raises(StoreUnusable, match="nothing was changed"):
        await Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == octets
    assert log.read_bytes() == logged


async def test_a_database_that_was_cut_off_is_noticed_and_left_alone(path, new):
    octets = (await filled(path, new))[: 5 * 4096]
    path.write_bytes(octets)
    with pytest.raises(StoreUnusable, match="nothing was changed"):
        await Store.open(f"sqlite:///{path}")
    assert path.read_bytes() == octets


async def test_after_a_refusal_the_lock_is_free(path, new):
    path.write_bytes(b"not a database")
    for _ in range(2):
        with pytest.raises(StoreUnusable, match="not an SQLite database"):
            await Store.open(f"sqlite:///{path}")
    path.unlink()
    async with await Store.open(f"sqlite:///{path}"):
        pass


async def test_a_big_file_is_not_read_through_before_it_is_opened(path, new, monkeypatch):
    await filled(path, new)
    assert path.stat().st_size < _CHECKED_UP_TO
    monkeypatch.setattr("smpp_esme.store.sqlite_file._CHECKED_UP_TO", 4096)
    async with await Store.open(f"sqlite:///{path}") as store:
        assert sum((await store.counts()).values()) == 300


async def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StoreUnusable, match="nowhere"):
        await Store.open(f"sqlite:///{tmp_path}/nowhere/messages.sqlite3")


async def test_a_folder_is_no_database(tmp_path):
    with pytest.raises(StoreUnusable, match="is not a file"):
        await Store.open(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("url", ["messages.db", "sqlite://", "sqlite:///:memory:", "mysql://host/name", ""])
async def test_a_url_that_names_no_file_is_refused(url):
    with pytest.raises(InvalidValue, match="store url"):
        await Store.open(url)


async def test_only_its_owner_can_read_what_people_write(path):
    async with await Store.open(f"sqlite:///{path}"):
        for file in path.parent.iterdir():
            assert file.stat().st_mode & 0o077 == 0, file


@pytest.mark.parametrize("name", ["a b.sqlite3", "100%.sqlite3", "#1.sqlite3", "сообщения.sqlite3"])
async def test_any_file_name_will_do(tmp_path, name, new):
    async with await Store.open(f"sqlite:///{tmp_path / name}") as store:
        await store.add([new()])
    assert (tmp_path / name).stat().st_size > 0


async def test_readers_cannot_write(store):
    def write(connection):
        connection.exec_driver_sql("DELETE FROM message")

    with pytest.raises(StoreUnusable, match="readonly"):
        await store._read(write)


async def test_a_failing_database_is_reported_without_what_people_write(store, new):
    def drop(connection):
        connection.exec_driver_sql("DROP TABLE segment")

    await store._write(drop)
    with pytest.raises(StoreUnusable) as caught:
        await store.add([new(text="top secret", parts=2)])
    told = f"{caught.value} {caught.value.__cause__}"
    assert "segment" in told
    assert "secret" not in told
