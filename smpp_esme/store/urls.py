"""Where a store is: the url of a SQLite file or of a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from smpp_esme.errors import InvalidValue

if TYPE_CHECKING:
    from sqlalchemy import URL

_ALLOWED: Final = "sqlite:///relative/path, sqlite:////absolute/path or postgresql://user:password@host/name"


def parsed(url: str) -> URL:
    """What a url names.

    Raises:
        InvalidValue: it is no url of a store.
    """
    try:
        named = make_url(url)
    except ArgumentError as error:
        raise InvalidValue("store url", "is no url", _ALLOWED) from error
    if named.get_backend_name() not in {"sqlite", "postgresql"}:
        raise InvalidValue("store url", f"names {named.get_backend_name()}", _ALLOWED)
    return named


def file_of(url: str) -> Path | None:
    """The SQLite file that a store's url names; None: it is on PostgreSQL.

    Raises:
        InvalidValue: it is no url of a store.
    """
    named = parsed(url)
    return path_in(named) if named.get_backend_name() == "sqlite" else None


def path_in(url: URL) -> Path:
    """The file that a url names.

    Raises:
        InvalidValue: it names none.
    """
    if url.database in {None, "", ":memory:"}:
        raise InvalidValue("store url", "names no file", _ALLOWED)
    return Path(str(url.database))
