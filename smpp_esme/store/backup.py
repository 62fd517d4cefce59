"""A copy of a SQLite store, taken while the daemon writes to it."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from smpp_esme.errors import StoreUnusable
from smpp_esme.store import sqlite_file

if TYPE_CHECKING:
    from pathlib import Path

#: What a file system says that has no hard links.
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class Backup(msgspec.Struct, frozen=True):
    """What a backup holds.

    Attributes:
        messages: how many.
        octets: how large the file is.
    """

    messages: int
    octets: int


def back_up(source: Path, target: Path, *, force: bool = False) -> Backup:
    """Copy a store as it stands at one moment; whoever writes to it goes on writing.

    The copy is made beside the target under another name, checked, and only then gets its own: there is never a file
    of that name that is not a whole backup. It has no free pages, so nothing that was deleted is in it. While it is
    made, the store's write-ahead log grows, for SQLite must keep what the copy still reads.

    Args:
        source: the store's file; in use or not.
        target: where the copy goes; its folder must exist.
        force: whether a file that is there already may be replaced.

    Raises:
        StoreUnusable: `source` is no store of ours, the copy could not be made, is damaged, or its name is taken;
            what was there is as it was.
    """
    if target.exists() and not force:
        raise _taken(target)
    sqlite_file.inspect(source)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _copy(source, part)
        made = _checked(part)
        _publish(part, target, force=force)
    except sqlite3.Error as error:
        raise StoreUnusable(f"{target}: no backup was made: {error}") from error
    except FileExistsError:
        raise _taken(target) from None
    except OSError as error:
        raise StoreUnusable(f"{target}: no backup was made: {error.strerror}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return made


def _taken(target: Path) -> StoreUnusable:
    return StoreUnusable(f"{target}: is there already and was left as it is; another name, or --force")


def _copy(source: Path, part: Path) -> None:
    """The whole store in one reading transaction, so it is of one moment."""
    # Before SQLite does, so that nobody else can read what people write to each other.
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    with closing(_reader(source)) as connection:
        connection.execute("VACUUM INTO ?", (str(part.absolute()),))


def _checked(part: Path) -> Backup:
    with closing(_reader(part)) as connection:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise StoreUnusable(f"{part}: the backup is damaged ({found}) and was not kept")
        (messages,) = connection.execute("SELECT count(*) FROM message").fetchone()
    return Backup(messages, part.stat().st_size)


def _publish(part: Path, target: Path, *, force: bool) -> None:
    """Give it its name, once every octet is on the disk."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    if force:
        part.replace(target)
    else:
        _name(part, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _name(part: Path, target: Path) -> None:
    """As a link, because a rename would replace a file that has come meanwhile."""
    try:
        target.hardlink_to(part)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if target.exists():
            raise FileExistsError from None
        part.rename(target)


def _reader(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=sqlite_file.BUSY_TIMEOUT)
