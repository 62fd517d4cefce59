"""`smpp-esme demo`: the main job from end to end, in separate processes, with a kill in the middle."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave simulator and daemon running at the end.")] = False,
    config: Annotated[Path, typer.Option("--config", "-c", help="The daemon's configuration.")] = Path(
        "examples/demo.toml"
    ),
    messages: Annotated[int, typer.Option(min=20, max=100_000, help="Messages in the batch that is killed.")] = 2000,
) -> None:
    """Send every kind of message through a daemon and a simulated SMSC, look numbers up, and kill the daemon half way.

    Leaves with 0 only if every text arrived as it was written, every lookup was answered, and no message was lost or
    sent twice in silence.
    """
    from smpp_esme.cli.demo.story import tell

    raise typer.Exit(0 if asyncio.run(tell(config, keep=keep, messages=messages)) else 1)
