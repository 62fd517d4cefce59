"""The `smpp-esme` command; the only place that wires things together."""

import re
import sys
from importlib.metadata import requires


def main() -> None:
    """Run the command line; exits with 0 only if what was asked for happened."""
    try:
        from smpp_esme.cli.main import app

        app()
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0].lower()
        if not (extra := _extra(missing)):
            raise
        sys.exit(f"smpp-esme: this needs {missing}, which is not installed: pip install 'smpp-esme[{extra}]'")


def _extra(module: str) -> str | None:
    """The smallest extra that brings a package, by our distribution's own metadata; None: none of them does."""
    brought: dict[str, set[str]] = {}
    for requirement in requires("smpp-esme") or ():
        package, _, marker = requirement.partition(";")
        name = re.match(r"[\w.-]+", package)
        extra = re.search(r"extra == ['\"](\w+)['\"]", marker)
        if name and extra:
            brought.setdefault(extra[1], set()).add(re.sub(r"[-_.]+", "_", name[0]).lower())
    return min((one for one in brought if module in brought[one]), key=lambda one: len(brought[one]), default=None)
