"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="SMPP_URL",
        help="The SMSC and our account there: smpp://system_id:password@host:port, or smpp+tls://... "
        "The variable keeps the password out of the process list.",
        show_default=False,
        show_envvar=True,
    ),
]
ProfileName = Annotated[
    str,
    typer.Option("--profile", help="How this SMSC differs from the book: a name of `profile list`, or a file in TOML."),
]
SystemType = Annotated[str, typer.Option("--system-type", help='Sent in the bind; "ISO" has a meaning at SMSC-centre.')]
