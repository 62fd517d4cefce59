"""`smpp-esme in-doubt`: the messages of which nobody knows whether the SMSC has them, and what a person decides."""

from __future__ import annotations

from typing import Annotated

import typer

in_doubt = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List the messages in doubt, and decide about them."
)
Url = Annotated[str, typer.Option("--url", help="Where the daemon's HTTP API is.")]
Key = Annotated[
    str,
    typer.Option(
        "--key", envvar="SMPP_ESME_API_KEY", help="An API key with the scope that it takes.", show_default=False
    ),
]


@in_doubt.command("list")
def list_in_doubt(url: Url = "http://127.0.0.1:8080", key: Key = "") -> None:
    """Print the messages in doubt, one a line: reference, link, when they were kept, how often sent again.

    It takes the scope read. The numbers are not shown; `GET /v1/messages/{reference}` tells them.
    """
    from smpp_esme.cli.status import ask

    after = ""
    while page := ask(url, f"/v1/messages?status=IN_DOUBT&limit=1000{after}", key)["messages"]:
        for message in page:
            again = f", sent again {message['duplicates']} times" if message["duplicates"] else ""
            typer.echo(f"{message['reference']}  {message['link']}  {message['created_at']}{again}")
        after = f"&after={page[-1]['reference']}"


@in_doubt.command()
def resolve(
    decision: Annotated[
        str,
        typer.Argument(help="sent: the SMSC has it; resend: send it again, perhaps twice; fail: give it up."),
    ],
    references: Annotated[list[str], typer.Argument(help="The messages, as `list` names them.")],
    url: Url = "http://127.0.0.1:8080",
    key: Key = "",
) -> None:
    """Decide about messages in doubt; each is told with where it stands then.

    It takes the scope admin, and exits with 0 only if every one of them was in doubt.
    """
    from smpp_esme.cli.status import ask
    from smpp_esme.errors import InvalidValue
    from smpp_esme.message.doubt import Decision

    if decision not in set(Decision):
        raise InvalidValue("decision", f"is {decision!r}", f"one of {', '.join(Decision)}")
    resolved = ask(url, "/v1/in-doubt", key, {"decision": decision, "references": references})["resolved"]
    for one in resolved:
        typer.echo(f"{one['reference']}  {one['status']}{'' if one['moved'] else ' (was not in doubt)'}")
    known = {one["reference"] for one in resolved}
    for reference in references:
        if reference not in known:
            typer.echo(f"{reference}  is not known")
    if known < set(references) or not all(one["moved"] for one in resolved):
        raise typer.Exit(1)
