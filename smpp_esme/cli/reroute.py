"""`smpp-esme reroute`: what is queued for a link goes to another."""

from __future__ import annotations

from collections import Counter
from typing import Annotated
from urllib.parse import quote

import typer

from smpp_esme.cli.in_doubt import Key, Url

#: How many messages one request looks at: the daemon answers well within the time that it is given.
_STEP = 500


def reroute(
    link: Annotated[
        str, typer.Option("--from", help="The link that they are queued for; it need not be there.", show_default=False)
    ],
    to: Annotated[
        str | None, typer.Option("--to", help="The link that is to take them; by default as the routes say.")
    ] = None,
    pinned: Annotated[
        bool, typer.Option("--pinned", help="Also messages that are to stay on their link, as their order named it.")
    ] = False,
    url: Url = "http://127.0.0.1:8080",
    key: Key = "",
) -> None:
    """Move what is queued for a link to another: composed anew, and only what nothing was ever submitted of.

    It takes the scope admin, tells how many messages were moved and why others were not, and exits with 0 only if all
    were. Scheduled messages keep their time.
    """
    from smpp_esme.cli.status import ask

    wanted = {"to": to, "pinned": pinned, "limit": _STEP}
    after: str | None = None
    moved, left = 0, Counter[str]()
    while True:
        done = ask(url, f"/v1/links/{quote(link, safe='')}/reroute", key, wanted | {"after": after})
        moved += done["moved"]
        left.update(done["left"])
        after = done["next"]
        if after is None:
            break
    typer.echo(f"moved: {moved}")
    for why, number in left.items():
        typer.echo(f"left, {why}: {number}")
    if left:
        raise typer.Exit(1)
