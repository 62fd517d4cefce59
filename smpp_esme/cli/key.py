"""`smpp-esme key`: makes an API key for the daemon."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def key(
    name: Annotated[str, typer.Argument(help="What logs and metrics call it, such as the program that will use it.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it allows: submit, read or admin; may be repeated. By default submit and read."),
    ] = None,
) -> None:
    """Make an API key: print it, once, and the lines that let the daemon know it.

    The key goes to whoever asks the daemon, as `Authorization: Bearer ...`; the configuration holds only its digest.
    """
    from smpp_esme.errors import InvalidValue
    from smpp_esme.web.auth import Scope, digest, new_key

    scopes = scope or [Scope.SUBMIT, Scope.READ]
    if wrong := [one for one in scopes if one not in set(Scope)]:
        raise InvalidValue("scope", f"there is none named {wrong[0]!r}", f"one of {', '.join(Scope)}")
    if not name or any(not (sign.isascii() and (sign.isalnum() or sign in "-_")) for sign in name):
        raise InvalidValue("name", f"is {name!r}", "letters, digits, - and _")
    made = new_key()
    typer.echo(f"{made}\n")
    typer.echo(f'[http.keys.{name}]\ndigest = "{digest(made)}"\nscopes = {json.dumps(scopes)}')
