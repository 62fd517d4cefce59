"""The commands of `smpp-esme`, one small file each."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from smpp_esme.cli.backup import backup
from smpp_esme.cli.check import check
from smpp_esme.cli.decode import decode
from smpp_esme.cli.demo import demo
from smpp_esme.cli.explain import explain
from smpp_esme.cli.in_doubt import in_doubt
from smpp_esme.cli.key import key
from smpp_esme.cli.limbo import limbo
from smpp_esme.cli.lookup import lookup
from smpp_esme.cli.migrate import migrate
from smpp_esme.cli.probe import probe
from smpp_esme.cli.profile import profiles
from smpp_esme.cli.reroute import reroute
from smpp_esme.cli.run import run
from smpp_esme.cli.send import send
from smpp_esme.cli.simulate import simulate
from smpp_esme.cli.status import status
from smpp_esme.cli.webhook import webhook
from smpp_esme.errors import SmppError

commands = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
for command in (
    send,
    explain,
    lookup,
    probe,
    run,
    migrate,
    backup,
    check,
    status,
    reroute,
    key,
    simulate,
    decode,
    demo,
):
    commands.command()(command)
commands.add_typer(profiles, name="profile")
commands.add_typer(in_doubt, name="in-doubt")
commands.add_typer(limbo, name="limbo")
commands.add_typer(webhook, name="webhook")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"smpp-esme {version('smpp-esme')}")
        raise typer.Exit


@commands.callback()
def root(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Speak SMPP: send messages, look numbers up, run the durable daemon, simulate an SMSC, decode PDUs.

    Every command exits with 0 only if what it was asked for happened.
    """


def app() -> None:
    """Run a command; an error of ours is one line on standard error, not a traceback."""
    try:
        commands()
    except SmppError as error:
        typer.echo(f"smpp-esme: {error}", err=True)
        sys.exit(1)
