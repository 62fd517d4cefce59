"""Which schema a database has, and how it gets ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from smpp_esme.errors import StoreUnusable

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: The table in which a database keeps the revision of its schema.
REVISION_TABLE = "schema_revision"


def migrate(connection: Connection) -> tuple[str | None, str | None]:
    """Bring a database up to our schema; a database that has it is left alone.

    Returns:
        The revision before (None: it had no table of ours) and after.

    Runs inside the transaction of `connection`, so a migration that fails leaves nothing behind.
    """
    config = _config()
    before, newest = revision(connection), ScriptDirectory.from_config(config).get_current_head()
    if before == newest:
        return before, newest
    config.attributes["connection"] = connection
    if connection.dialect.name == "postgresql":
        # The connection is told to find a few rows by an index; a migration may be about all of them.
        connection.execute(text("SET LOCAL enable_seqscan = on"))
    command.upgrade(config, "head")
    return before, newest


def newest() -> str | None:
    """The revision of our own schema."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def revision(connection: Connection) -> str | None:
    """The revision of a database's schema, or None: it has no table of ours."""
    context = MigrationContext.configure(connection, opts={"version_table": REVISION_TABLE})
    return context.get_current_revision()


def refuse_foreign(connection: Connection, name: str) -> None:
    """Refuse a database that is not ours, or whose schema is newer than this program.

    Raises:
        StoreUnusable: it is; nothing was changed.
    """
    found = revision(connection)
    if found is None:
        if inspect(connection).get_table_names():
            raise StoreUnusable(f"{name}: holds another program's tables; nothing was changed")
        return
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found not in known:
        raise StoreUnusable(
            f"{name}: has schema {found!r}, which this version of smpp-esme does not know: it was written by a newer"
            " one; nothing was changed"
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "smpp_esme.store:migrations")
    config.set_main_option("path_separator", "os")
    return config
