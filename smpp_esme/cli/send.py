"""`smpp-esme send`: one message, from the command line to the handset."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from smpp_esme.cli.options import ProfileName, SystemType, Url
from smpp_esme.cli.terminal import plain

if TYPE_CHECKING:
    from smpp_esme.client import Submission


def send(
    to: Annotated[str, typer.Argument(help="Whom it is for, such as '+7 999 123-45-67'.")],
    text: Annotated[str, typer.Argument(help="What to deliver.")],
    url: Url,
    profile: ProfileName = "standard",
    system_type: SystemType = "",
    source: Annotated[str, typer.Option(help="Who sends it: a name, a short code or a number.")] = "",
    comment: Annotated[
        str | None, typer.Option(help="A note for your own records at the provider; no subscriber sees it.")
    ] = None,
    flash: Annotated[bool, typer.Option("--flash", help="Show it at once and do not keep it.")] = False,
    wait: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help="Wait so long for the delivery receipt.")
    ] = None,
) -> None:
    """Submit a message, and print the SMSC's message_id for each of its segments.

    With --wait also print the receipt; the exit status is then 0 only if the message was delivered.
    """
    raise typer.Exit(
        asyncio.run(_send(to, text, url, profile, system_type, source=source, comment=comment, flash=flash, wait=wait))
    )


async def _send(
    to: str,
    text: str,
    url: str,
    profile: str,
    system_type: str,
    *,
    source: str,
    comment: str | None,
    flash: bool,
    wait: float | None,
) -> int:
    import msgspec

    from smpp_esme.client import connect
    from smpp_esme.session.endpoint import parse_url

    endpoint = msgspec.structs.replace(parse_url(url), system_type=system_type)
    async with connect(endpoint, profile=profile) as esme:
        submission = await esme.submit(to, text, source=source, comment=comment, flash=flash)
        for message_id in submission.message_ids:
            typer.echo(f"submitted {plain(message_id)}")
        return 0 if wait is None else await _wait(submission, wait)


async def _wait(submission: Submission, seconds: float) -> int:
    from smpp_esme.protocol.parameters import MessageState

    try:
        receipt = await submission.receipt(timeout=seconds)
    except TimeoutError:
        typer.echo(f"smpp-esme: no receipt within {seconds:g} s; the message stays submitted", err=True)
        return 1
    error = f" error {receipt.error}" if receipt.error_code else ""
    state = receipt.message_state or MessageState.UNKNOWN
    typer.echo(plain(f"{receipt.stat or state.name} {receipt.message_id}{error}"))
    return 0 if state is MessageState.DELIVERED else 1
