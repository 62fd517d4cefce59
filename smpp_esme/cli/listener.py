"""An application that is told of events, to try a webhook with: it verifies what comes and prints it."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from smpp_esme.daemon import signing
from smpp_esme.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from smpp_esme.daemon.endpoints import WebhookSettings

#: No event is larger.
_LIMIT: Final = 1 << 22
#: Seconds that a request may be old.
_FRESH: Final = 300


def listen_as(settings: WebhookSettings, answer: int, tell: Callable[[str], object]) -> None:
    """Take what a webhook is told, until interrupted.

    Args:
        settings: the webhook's.
        answer: the status that each signed request is answered with.
        tell: told a line for each request.

    Raises:
        ConfigError: nothing can listen where the webhook's url points.
    """
    parts = urlsplit(settings.url)
    if parts.scheme != "http":
        raise ConfigError("url", "is https, and there is no certificate to listen with", "http://127.0.0.1:PORT/PATH")
    keys = settings.keys()

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # the name that http.server calls
            length = self.headers.get("content-length", "0")
            body = self.rfile.read(int(length)) if length.isdigit() and int(length) <= _LIMIT else b""
            shown = {name.lower(): value for name, value in self.headers.items()}
            ours = _is_ours(keys, shown, body)
            name = shown.get("webhook-id", "no webhook-id")
            tell(f"{'verified' if ours else 'NOT VERIFIED'}  {name}  {body.decode(errors='replace')}")
            self.send_response(answer if ours else 401)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing more."""

    try:
        server = HTTPServer((parts.hostname or "", parts.port or 80), Receiver)
    except OSError as error:
        raise ConfigError("url", f"nothing can listen there: {error.strerror}", "an address of this machine") from error
    with server:
        tell(f"listening on {settings.origin}")
        server.serve_forever()


def _is_ours(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes) -> bool:
    timestamp = headers.get("webhook-timestamp", "")
    fresh = timestamp.isdigit() and abs(time.time() - int(timestamp)) <= _FRESH
    return fresh and signing.is_signed(keys, headers, body)
