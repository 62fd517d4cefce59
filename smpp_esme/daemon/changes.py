"""What of a new configuration a running daemon can go over to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from smpp_esme.daemon.config import HttpSettings, Settings
from smpp_esme.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What can be changed while the daemon runs; a table stands for all that is in it. Everything else needs a start: an
#: open socket, an open database, or a name under which messages are claimed.
LIVE: Final = (
    "links",
    "routes",
    "routing",
    "http.keys",
    "http.open",
    "dispatch.lease",
    "dispatch.batch",
    "dispatch.drain",
    "retention",
    "webhooks",
    "log",
)


def reached(running: Settings, read: Settings) -> Settings:
    """What a daemon that runs by one configuration can go over to, when another is read.

    Raises:
        ConfigError: half of the new one over half of the old one would be wrong: names the keys.
    """
    tables: dict[str, set[str]] = {}
    for path in LIVE:
        table, _, key = path.partition(".")
        tables.setdefault(table, set()).add(key)
    # Copies, not dumps: what stands in a file and what is a default must stay apart.
    found = running.model_copy(
        update={name: _with(getattr(running, name), getattr(read, name), keys) for name, keys in tables.items()}
    )
    try:
        HttpSettings.model_validate(found.http.model_dump())
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise ConfigError("http", problem, "a restart, if the host is to be another") from None
    return found


def _with(running: Any, read: Any, keys: set[str]) -> Any:
    """A table with these keys as they were read; with "" among them, all of it."""
    return read if "" in keys else running.model_copy(update={key: getattr(read, key) for key in keys})


def changed(before: Settings, after: Settings) -> list[str]:
    """The keys whose values differ, in order; of a table that is new or gone, the table."""
    return list(_differing(before.model_dump(), after.model_dump(), ""))


def _differing(before: dict[str, Any], after: dict[str, Any], path: str) -> Iterator[str]:
    for key in sorted(before.keys() | after.keys()):
        one, other = before.get(key), after.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differing(one, other, f"{path}{key}.")
        elif one != other:
            yield f"{path}{key}"
