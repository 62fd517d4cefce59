"""Requests, counted; and where Prometheus fetches what the daemon measures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from smpp_esme.web.auth import Scope, needs
from smpp_esme.web.routes import PROBLEMS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Connection

    from smpp_esme.daemon.metrics import Metrics

#: What a path that is no route of ours is counted as: there are as many of them as anybody likes.
_NOWHERE: Final = "none"
#: What a request is counted as whose client left before it was answered, as nginx has it.
_LEFT: Final = 499

route = APIRouter(responses=PROBLEMS)


@route.get(
    "/metrics",
    dependencies=[needs(Scope.READ)],
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="Measure the daemon",
)
async def exposition(request: Request) -> Response:
    """What is measured of the daemon, in Prometheus's text format."""
    metrics: Metrics = request.app.state.metrics
    return Response(await metrics.exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)


class Measured:
    """Counts requests by their route, never by their path: a path may hold a reference, or whatever a client makes up.

    Args:
        app: what the requests are for.
        metrics: where they are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Let a request through, and see how it ends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = _LEFT

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        tracing = self._metrics.tracing
        request = tracing.request(scope["method"], scope["headers"]) if tracing else None
        begun = time.monotonic()
        try:
            await self._app(scope, receive, seen)
        except Exception:
            status = 500  # which is what the server makes of it
            raise
        finally:
            found = getattr(scope.get("route"), "path", _NOWHERE)
            self._metrics.asked(scope["method"], found, status, time.monotonic() - begun)
            if request:
                request.ended(found, status)
