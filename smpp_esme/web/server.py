"""uvicorn inside our own event loop and under our own signals."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from smpp_esme.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp

#: Seconds that open requests get when we stop; without a bound one idle client would hold us up for ever.
_GRACE: Final = 2


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process that embeds us."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; we bind it ourselves, since uvicorn would end the process over a port in use.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise ConfigError("http", f"{host}:{port}: {error.strerror or error}", "another host or port") from error


async def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until cancelled; open requests get a moment to end."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE, server_header=False, lifespan="off"
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
