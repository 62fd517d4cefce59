"""`smpp-esme migrate`: the daemon's database, brought up to this version's schema."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from smpp_esme.daemon.config import StoreSettings


def migrate(
    config: Annotated[Path, typer.Option("--config", "-c", help="The daemon's configuration, a TOML file.")],
) -> None:
    """Bring the daemon's database up to this version's schema, and say what was done.

    `run` does the same when it starts; this does it beforehand, while nobody waits. A database that a newer version
    has written, or that belongs to another program, is refused and not touched.
    """
    from smpp_esme.cli.run import make_folder
    from smpp_esme.daemon.config import load

    settings = load(config)
    make_folder(settings.store.url)
    name, before, after = asyncio.run(_migrated(settings.store))
    if before == after:
        typer.echo(f"{name}: has schema {after}, nothing to do")
    else:
        typer.echo(f"{name}: schema {after}, was {before or 'empty'}")


async def _migrated(settings: StoreSettings) -> tuple[str, str | None, str | None]:
    from smpp_esme.store import Store

    async with await Store.open(settings.full_url, vault=settings.vault()) as store:
        return (store.name, *store.schema)
