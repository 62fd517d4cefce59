"""Which failures of a database pass by themselves, and which call for somebody who mends it."""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from smpp_esme.errors import StoreOutage, StoreUnusable

#: SQLite's: the disk is full, fails, cannot be written or reached; another program holds a lock; memory is short.
_SQLITE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
    }
)
#: PostgreSQL's classes: connection exceptions, insufficient resources (a full disk among them), a system error.
_POSTGRESQL: Final = ("08", "53", "58")
#: Its server is stopped by an operator, crashes, or does not take anybody yet.
_STOPPED: Final = frozenset({"57P01", "57P02", "57P03"})


def told(error: DBAPIError | PoolTimeout | OSError) -> StoreUnusable:
    """A database's failure in our words."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    kind = StoreOutage if passes(error) else StoreUnusable
    return kind(f"the database failed: {cause}")


def passes(error: DBAPIError | PoolTimeout | OSError) -> bool:
    """Whether the same may well succeed later."""
    if not isinstance(error, DBAPIError):
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE  # the rest of it says where SQLite was
    return is_gone(error) or (getattr(error.orig, "sqlstate", None) or "").startswith(_POSTGRESQL)


def is_gone(error: OSError | DBAPIError) -> bool:
    """Whether a server is away, or starting: nothing is wrong with what was asked."""
    if isinstance(error, OSError) or error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None) or ""
    return state.startswith("08") or state in _STOPPED
