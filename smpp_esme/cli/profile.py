"""`smpp-esme profile`: the profiles there are, what is in one, and whether one's own is right."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from smpp_esme.errors import ConfigError

if TYPE_CHECKING:
    from smpp_esme.sms.profile import Profile
    from smpp_esme.sms.receipt import Receipt

profiles = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List and show profiles, and check one of your own."
)
_Name = Annotated[str, typer.Argument(metavar="PROFILE", help="A profile's name, or the path of its file in TOML.")]
#: What `check --receipt` tells of a receipt.
_TOLD: Final = (
    "message_id",
    "text_message_id",
    "message_state",
    "stat",
    "error",
    "sub",
    "dlvrd",
    "submit_date",
    "done_date",
    "text",
)


@profiles.command("list")
def list_profiles() -> None:
    """Name the profiles that come with the package."""
    from smpp_esme.sms.profile import Profile, profile_names

    width = max(map(len, profile_names()))
    for name in profile_names():
        typer.echo(f"{name:<{width}}  {Profile.named(name).title}")


@profiles.command()
def show(
    profile: _Name,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every key, with its default where it has one.")
    ] = False,
    system_type: Annotated[
        str, typer.Option("--system-type", help="With --json: as it is once bound with this system_type.")
    ] = "",
) -> None:
    """Print a profile, as a file to begin one's own with.

    `smpp-esme profile show smsc-centre > acme.toml`
    """
    import msgspec

    from smpp_esme.sms.profile import source

    found = _loaded(profile)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found.bound_with(system_type))).decode())
    else:
        typer.echo(source(profile), nl=False)


@profiles.command()
def check(
    profile: _Name,
    receipt: Annotated[
        str | None,
        typer.Option(
            "--receipt", metavar="TEXT", help="Also read this receipt's text by the profile, and say what it says."
        ),
    ] = None,
) -> None:
    """Say whether a profile is right, and in what it differs from the book.

    The exit status is 0 only if it is right, and the text of --receipt is a receipt.
    """
    found = _loaded(profile)
    typer.echo(f"{profile} is a profile: {found.title or found.name}")
    for line in _differences(found):
        typer.echo(f"  {line}")
    if receipt is not None:
        _tell(_read(receipt, found))


def _loaded(name: str) -> Profile:
    from smpp_esme.sms.profile import Profile

    try:
        return Profile.of(name)
    except ConfigError as error:
        if error.field in {name, "profile"}:
            raise
        raise ConfigError(f"{name}: {error.field}", error.problem, error.allowed) from None


def _differences(found: Profile) -> list[str]:
    """Its keys that are not as in `standard`, one a line."""
    import msgspec

    from smpp_esme.sms.profile import Profile

    book, own = (msgspec.to_builtins(one) for one in (Profile.named("standard"), found))
    keys = [key for key in own if own[key] != book[key] and key not in {"name", "title"}]
    return [f"{key} = {msgspec.json.encode(own[key]).decode()}" for key in keys] or ["nothing differs from the book"]


def _read(text: str, found: Profile) -> Receipt:
    from smpp_esme.sms.receipt import parse_text

    read = parse_text(text, found)
    if read is None:
        typer.echo("smpp-esme: no receipt by this profile", err=True)
        sys.exit(1)
    return read


def _tell(receipt: Receipt) -> None:
    typer.echo("the receipt says:")
    for name in _TOLD:
        value = getattr(receipt, name)
        if value not in {"", None}:
            typer.echo(f"  {name} = {value.name if name == 'message_state' else value}")
