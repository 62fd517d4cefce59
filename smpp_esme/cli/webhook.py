"""`smpp-esme webhook`: who is told of events, what they could not be told, and what a person does about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

webhook = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="See how webhooks stand, and replay what they could not be told."
)
_Url = Annotated[str, typer.Option("--url", help="Where the daemon's HTTP API is.")]
_Key = Annotated[
    str,
    typer.Option(
        "--key", envvar="SMPP_ESME_API_KEY", help="An API key with the scope that it takes.", show_default=False
    ),
]
_Name = Annotated[str, typer.Argument(help="The webhook's name in the configuration.")]


@webhook.command("list")
def list_webhooks(url: _Url = "http://127.0.0.1:8080", key: _Key = "") -> None:
    """Print each webhook: how far behind it is, its dead letters, and what is wrong with it.

    It takes the scope read, and exits with 0 only if each one takes what it is told.
    """
    from smpp_esme.cli.status import ask

    found = ask(url, "/v1/webhooks", key)["webhooks"]
    for one in found:
        told = [one["name"], one["url"] or "not configured", f"behind {one['behind']}", f"dead {one['dead_letters']}"]
        if one["disabled_at"]:
            told.append(f"disabled since {one['disabled_at']}")
        elif one["failures"]:
            told.append(f"failed {one['failures']} times in a row: {one['failure']}")
        typer.echo("  ".join(told))
    if any(one["disabled_at"] or one["failures"] for one in found):
        raise typer.Exit(1)


@webhook.command("dead-letters")
def dead_letters(name: _Name, url: _Url = "http://127.0.0.1:8080", key: _Key = "") -> None:
    """Print what a webhook could not be told, one a line: id, when, attempts, reason, event, reference.

    It takes the scope read.
    """
    from smpp_esme.cli.status import ask

    after = 0
    while page := ask(url, f"{_path(name)}/dead-letters?limit=1000&after={after}", key)["dead_letters"]:
        for one in page:
            event = one["event"]
            told = f"{event['id']} {event['type']}  {event['data']['reference']}"
            typer.echo(f"{one['id']}  {one['at']}  {one['attempts']} attempts  {one['reason']}  {told}")
        after = page[-1]["id"]


@webhook.command()
def replay(
    name: _Name,
    letters: Annotated[list[int] | None, typer.Argument(help="Dead letters by id; without any, all.")] = None,
    url: _Url = "http://127.0.0.1:8080",
    key: _Key = "",
) -> None:
    """Have dead letters tried once more; one that fails again stays a dead letter.

    It takes the scope admin.
    """
    from smpp_esme.cli.status import ask

    body = {"dead_letters": letters} if letters else {}
    typer.echo(f"{ask(url, f'{_path(name)}/replay', key, body)['replayed']} to be tried again")


@webhook.command()
def enable(name: _Name, url: _Url = "http://127.0.0.1:8080", key: _Key = "") -> None:
    """Tell a webhook again that answered 410, from where it was.

    It takes the scope admin.
    """
    from smpp_esme.cli.status import ask

    ask(url, f"{_path(name)}/enable", key, {})
    typer.echo(f"{name} is enabled")


@webhook.command("test")
def try_out(name: _Name, url: _Url = "http://127.0.0.1:8080", key: _Key = "") -> None:
    """Have the daemon post an event of type webhook.test, now and once, and say what came of it.

    It takes the scope admin, and exits with 0 only if it was taken.
    """
    from smpp_esme.cli.status import ask

    answer = ask(url, f"{_path(name)}/test", key, {})
    typer.echo(f"{'delivered' if answer['delivered'] else 'not delivered'}: {answer['reason']}")
    if not answer["delivered"]:
        raise typer.Exit(1)


@webhook.command()
def listen(
    config: Annotated[Path, typer.Option("--config", "-c", help="The daemon's configuration, a TOML file.")],
    name: Annotated[str, typer.Argument(help="Which webhook of it; needed where there are several.")] = "",
    answer: Annotated[int, typer.Option(min=200, max=599, help="The status to answer with.")] = 204,
) -> None:
    """Stand in for the application that a webhook tells: verify what comes, and print it, until Ctrl-C.

    It listens where the webhook's url says, on this machine. A request that is not signed is answered 401.
    """
    from smpp_esme.cli.listener import listen_as
    from smpp_esme.daemon import config as configuration
    from smpp_esme.errors import InvalidValue

    webhooks = configuration.load(config).webhooks
    chosen = name or next(iter(webhooks), "") if len(webhooks) == 1 else name
    if chosen not in webhooks:
        raise InvalidValue("name", f"{chosen!r} is no webhook", f"one of {', '.join(webhooks) or '(there is none)'}")
    listen_as(webhooks[chosen], answer, typer.echo)


@webhook.command()
def secret() -> None:
    """Make a secret for a webhook, for the configuration and for whoever verifies its signatures."""
    from smpp_esme.daemon import signing

    typer.echo(signing.new_secret())


def _path(name: str) -> str:
    return f"/v1/webhooks/{quote(name, safe='')}"
