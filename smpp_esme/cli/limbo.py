"""`smpp-esme limbo`: receipts that belong to no message known, and what a person makes of them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

import typer

from smpp_esme.cli.in_doubt import Key, Url

limbo = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List the receipts of no message known, and tidy them."
)


@limbo.command("list")
def list_limbo(
    link: Annotated[str | None, typer.Option(help="Only those that came in on this link.")] = None,
    dismissed: Annotated[bool, typer.Option("--dismissed", help="Also those that were dismissed.")] = False,
    url: Url = "http://127.0.0.1:8080",
    key: Key = "",
) -> None:
    """Print the receipts, one a line: number, link, message_id, what it tells, when it came.

    It takes the scope read. The subscribers' numbers are not shown; `GET /v1/limbo` tells them.
    """
    from smpp_esme.cli.status import ask
    from smpp_esme.cli.terminal import plain

    wanted = {"limit": "1000", "dismissed": str(dismissed).lower()} | ({} if link is None else {"link": link})
    after: int | None = 0
    while after is not None:
        page = ask(url, f"/v1/limbo?{urlencode(wanted | {'after': str(after)})}", key)
        for one in page["receipts"]:
            told = f"{one['id']}  {one['link']}  {one['message_id']}  {one['status']}  {one['received_at']}"
            typer.echo(plain(told) + (", dismissed" if one["dismissed_at"] else ""))
        after = page["next"]


@limbo.command()
def attach(
    receipt: Annotated[int, typer.Argument(help="The receipt, as `list` numbers it.")],
    reference: Annotated[str, typer.Argument(help="The message that it belongs to.")],
    url: Url = "http://127.0.0.1:8080",
    key: Key = "",
) -> None:
    """Give a receipt to the message that it belongs to, and tell where that stands then.

    It takes the scope admin, and exits with 0 only if the receipt told the message something new.
    """
    from smpp_esme.cli.status import ask

    attached = ask(url, f"/v1/limbo/{receipt}/attach", key, {"reference": reference})
    typer.echo(f"{attached['reference']}  {attached['status']}{'' if attached['moved'] else ' (it told nothing new)'}")
    if not attached["moved"]:
        raise typer.Exit(1)


@limbo.command()
def dismiss(
    receipts: Annotated[list[int], typer.Argument(help="The receipts, as `list` numbers them.")],
    url: Url = "http://127.0.0.1:8080",
    key: Key = "",
) -> None:
    """Wait for no message of these receipts any more; they are kept, and `list --dismissed` shows them.

    It takes the scope admin, and exits with 0 only if each of them was in limbo and not dismissed before.
    """
    from smpp_esme.cli.status import ask

    dismissed = ask(url, "/v1/limbo/dismiss", key, {"ids": receipts})["dismissed"]
    typer.echo(f"dismissed: {dismissed}")
    if dismissed < len(set(receipts)):
        raise typer.Exit(1)
