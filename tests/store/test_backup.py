"""A backup is whole, of one moment, and never in the way of what was there."""

import errno
import os
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from smpp_esme.errors import InvalidValue, StoreUnusable
from smpp_esme.store import Store, backup
from smpp_esme.store.urls import file_of


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


@pytest.fixture
def target(tmp_path):
    return tmp_path / "backup.sqlite3"


def alone(tmp_path):
    """What is in the folder beside the store itself and its own files."""
    return sorted(one.name for one in tmp_path.iterdir() if not one.name.startswith("messages.sqlite3"))


async def test_a_backup_of_a_store_in_use_opens_as_a_store_with_all_that_was_committed(store, new, path, target, clock):
    kept = await store.add([new() for _ in range(30)])
    made = backup.back_up(path, target)
    assert (made.messages, made.octets) == (30, target.stat().st_size)
    await store.add([new()])
    async with await Store.open(f"sqlite:///{target}", now=clock) as restored:
        assert [one.reference for one in await restored.messages()] == [one.reference for one in kept]
        assert (await restored.events(kept[0].reference)) == await store.events(kept[0].reference)


async def test_only_its_owner_can_read_it_and_nothing_else_is_left_behind(store, path, target, tmp_path):
    backup.back_up(path, target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert alone(tmp_path) == ["backup.sqlite3"]


async def test_what_was_deleted_is_not_in_it(store, new, path, target):
    text = "nobody is to read this again"
    await store.add([new(text=text * 20) for _ in range(50)])
    await store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA secure_delete = 0")
        connection.execute("UPDATE message SET text = ''")
    assert text.encode() in path.read_bytes()
    backup.back_up(path, target)
    assert text.encode() not in target.read_bytes()


async def test_a_file_that_is_there_is_left_as_it_is_unless_forced(store, new, path, target):
    target.write_bytes(b"the only copy of last year")
    with pytest.raises(StoreUnusable, match=r"backup\.sqlite3: is there already and was left as it is.*--force"):
        backup.back_up(path, target)
    assert target.read_bytes() == b"the only copy of last year"
    await store.add([new()])
    assert backup.back_up(path, target, force=True).messages == 1
    assert target.read_bytes().startswith(b"SQLite format 3\0")


async def test_a_file_that_comes_meanwhile_is_left_as_it_is(store, path, target, tmp_path, monkeypatch):
    checked = backup._checked

    def comes(part):
        target.write_bytes(b"somebody was faster")
        return checked(part)

    monkeypatch.setattr(backup, "_checked", comes)
    with pytest.raises(StoreUnusable, match="is there already"):
        backup.back_up(path, target)
    assert target.read_bytes() == b"somebody was faster"
    assert alone(tmp_path) == ["backup.sqlite3"]


@pytest.mark.parametrize("meanwhile", [False, True])
async def test_a_file_system_without_links_takes_a_backup_too(store, path, target, tmp_path, monkeypatch, meanwhile):
    def no_links(self, to):
        if meanwhile:
            self.write_bytes(b"somebody was faster")
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(type(target), "hardlink_to", no_links)
    if meanwhile:
        with pytest.raises(StoreUnusable, match="is there already"):
            backup.back_up(path, target)
        assert target.read_bytes() == b"somebody was faster"
    else:
        backup.back_up(path, target)
        assert target.read_bytes().startswith(b"SQLite format 3\0")
    assert alone(tmp_path) == ["backup.sqlite3"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "is not a file"), (b"no database", "is not an SQLite database"), ("CREATE TABLE t (i)", "another program")],
)
def test_what_is_no_store_is_not_backed_up(path, target, tmp_path, content, said):
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(content)
    with pytest.raises(StoreUnusable, match=said):
        backup.back_up(path, target)
    assert alone(tmp_path) == []


async def test_a_damaged_store_gives_no_backup(store, new, path, target, tmp_path):
    await store.add([new() for _ in range(500)])
    await store.close()
    octets = bytearray(path.read_bytes())
    octets[8192:] = os.urandom(len(octets) - 8192)
    path.write_bytes(octets)
    with pytest.raises(StoreUnusable):
        backup.back_up(path, target)
    assert alone(tmp_path) == []


async def test_a_copy_that_turns_out_damaged_is_not_kept(store, new, path, target, tmp_path, monkeypatch):
    await store.add([new() for _ in range(500)])
    copy = backup._copy

    def badly(source, part):
        copy(source, part)
        octets = bytearray(part.read_bytes())
        octets[16384:20480] = b"\xff" * 4096
        part.write_bytes(octets)

    monkeypatch.setattr(backup, "_copy", badly)
    with pytest.raises(StoreUnusable, match=r"damaged|malformed"):
        backup.back_up(path, target)
    assert alone(tmp_path) == []


async def test_a_folder_that_is_missing_is_named(store, path, tmp_path):
    with pytest.raises(StoreUnusable, match=r"missing/backup: no backup was made: No such file or directory"):
        backup.back_up(path, tmp_path / "missing" / "backup")


async def test_what_was_on_its_way_is_in_doubt_in_the_backup(store, new, claim, path, target, clock):
    await store.add([new(), new()])
    (first,) = await claim(1)
    backup.back_up(path, target)
    async with await Store.open(f"sqlite:///{target}", now=clock) as restored:
        assert await restored.recover("daemon", clock.now + timedelta(days=1)) == 1
        assert (await restored.message(first.reference)).status == "IN_DOUBT"


def test_which_file_a_url_names():
    assert str(file_of("sqlite:////data/x.sqlite3")) == "/data/x.sqlite3"
    assert file_of("postgresql://me:secret@h/db") is None
    with pytest.raises(InvalidValue):
        file_of("mysql://h/db")
