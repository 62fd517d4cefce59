"""`smpp-esme backup`: a copy of the daemon's database, taken while it runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer


def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; its folder must exist.", show_default=False)],
    config: Annotated[Path, typer.Option("--config", "-c", help="The daemon's configuration, a TOML file.")],
    force: Annotated[bool, typer.Option("--force", help="Replace TARGET if it is there already.")] = False,
) -> None:
    """Copy the daemon's SQLite database as it stands at one moment, whether the daemon runs or not.

    TARGET appears only when the copy is whole, checked and on the disk. A database on PostgreSQL has a tool of its own:
    then the command to give is printed, nothing is done, and the exit status is 2.
    """
    from smpp_esme.daemon.config import load
    from smpp_esme.store import backup as copies
    from smpp_esme.store.urls import file_of

    url = load(config).store.url
    source = file_of(url)
    if source is None:
        typer.echo(f"smpp-esme: PostgreSQL is backed up by its own pg_dump:\n{_pg_dump(url, target)}", err=True)
        raise typer.Exit(2)
    made = copies.back_up(source, target, force=force)
    typer.echo(f"{target}: {made.messages} messages, {made.octets} octets, checked")


def _pg_dump(url: str, target: Path) -> str:
    """The command that backs this database up; pg_dump asks for the password, or reads it from ~/.pgpass."""
    from sqlalchemy import URL
    from sqlalchemy.engine import make_url

    given = make_url(url)
    # The driver's own options mean nothing to libpq.
    named = URL.create("postgresql", username=given.username, host=given.host, port=given.port, database=given.database)
    words = ["pg_dump", "--format=custom", f"--file={target}", f"--dbname={named.render_as_string()}"]
    return shlex.join(words)
