"""`smpp-esme status`: what a running daemon says of itself."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from smpp_esme.cli.terminal import plain
from smpp_esme.errors import ConnectFailed, InvalidValue

_PATIENCE: Final = 10.0
_LIMIT: Final = 1 << 20
_ADDRESS: Final = "http://HOST:PORT or https://HOST:PORT"


def status(
    url: Annotated[str, typer.Argument(help="Where the daemon's HTTP API is.")] = "http://127.0.0.1:8080",
    key: Annotated[
        str, typer.Option(envvar="SMPP_ESME_API_KEY", help="An API key with the scope read.", show_default=False)
    ] = "",
) -> None:
    """Ask a running daemon whether it is ready, which links are bound, and how many messages stand where.

    It exits with 0 only if the daemon is ready.
    """
    ready = ask(url, "/readyz", key, unready=503)
    for name, bound in ready["links"].items():
        typer.echo(f"link {name}: {'bound' if bound else 'not bound'}")
    for name, link in ready["routes"].items():
        typer.echo(f"route {name}: {f'by {link}' if link else 'none of its links can submit'}")
    for reason in ready["reasons"]:
        typer.echo(f"not ready: {reason}")
    counts = ask(url, "/v1/stats", key)
    stranded = counts.pop("stranded")
    for name, count in sorted(counts.items(), key=lambda pair: not pair[0].isupper()):  # statuses first
        typer.echo(f"{name}: {count}")
    for name, count in stranded.items():
        typer.echo(f"queued for {name}, which is no link: {count}")
    if not ready["ready"]:
        raise typer.Exit(1)


def _check_address(url: str) -> None:
    """Whether a daemon can be there.

    Raises:
        InvalidValue: it is no address of HTTP.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # it is read when it is asked for
    except ValueError:
        raise InvalidValue("url", "it cannot be read", _ADDRESS) from None
    if parts.scheme not in {"http", "https"}:
        raise InvalidValue("url", f"the scheme is {plain(parts.scheme)!r}", _ADDRESS)
    if not parts.hostname:
        raise InvalidValue("url", "it names no host", _ADDRESS)


def ask(url: str, path: str, key: str, body: Any = None, *, unready: int | None = None) -> Any:
    """The JSON that the daemon answers with.

    Args:
        url: where the daemon is.
        path: what it is asked.
        key: the API key, if it wants one.
        body: what is posted, as JSON values; without one it is a question.
        unready: a status whose body says what is wanted all the same.

    Raises:
        ConnectFailed: it does not answer, or it is no daemon of ours.
        InvalidValue: the url is none.
    """
    _check_address(url)
    posted = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url.rstrip("/") + path, posted)  # noqa: S310 - the user's own address
    if posted:
        request.add_header("Content-Type", "application/json")
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - the same
            return json.loads(answer.read(_LIMIT))
    except urllib.error.HTTPError as error:
        if error.code == unready:
            return json.loads(error.read(_LIMIT))
        raise ConnectFailed(f"{url}{path}: {error.code} {_problem(error) or error.reason}") from None
    except (OSError, ValueError) as error:
        raise ConnectFailed(f"{url}: {getattr(error, 'reason', error)}; is a daemon running there?") from None


def _problem(error: urllib.error.HTTPError) -> str:
    """What the daemon says was wrong; "": whoever answered is none of ours."""
    try:
        problem = json.loads(error.read(_LIMIT))
    except (OSError, ValueError):
        return ""
    return plain(str(problem.get("detail", ""))) if isinstance(problem, dict) else ""
