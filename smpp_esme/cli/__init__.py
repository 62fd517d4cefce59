"""The `smpp-esme` command; the only place that wires things together."""

import sys


def main() -> None:
    """Run the command line; exits with 0 only if what was asked for happened."""
    try:
        from smpp_esme.cli.main import app
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        sys.exit("The smpp-esme command needs a few packages more: pip install 'smpp-esme[cli]'")
    app()
