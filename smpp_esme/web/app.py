"""The web application: its routes, and what stands before them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from smpp_esme.daemon.metrics import Metrics
from smpp_esme.web import examples, operations, problems
from smpp_esme.web.auth import Auth
from smpp_esme.web.event_schema import components, webhooks
from smpp_esme.web.events import HEARTBEAT, Streams
from smpp_esme.web.events import routes as event_routes
from smpp_esme.web.limits import BodyLimit
from smpp_esme.web.metrics import Measured
from smpp_esme.web.metrics import route as metrics_route
from smpp_esme.web.plain import PlainTexts
from smpp_esme.web.routes import routes, submitting
from smpp_esme.web.webhooks import routes as webhook_routes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smpp_esme.daemon.gateway import Gateway
    from smpp_esme.web.auth import Caller


def create_app(
    gateway: Gateway,
    *,
    body_limit: int,
    patience: float = 30.0,
    callers: Mapping[str, Caller] | None = None,
    metrics: Metrics | None = None,
    streams: Streams | None = None,
) -> FastAPI:
    """The application for one gateway.

    Args:
        gateway: what does the work.
        body_limit: octets that a request's body may have.
        patience: seconds that a body may take to come.
        callers: who may ask, by the digest of their key; with none of them anybody may.
        metrics: what is measured of the daemon; requests are counted there too.
        streams: how many may follow the events at a time; by default 100.
    """
    metrics = metrics or Metrics()
    # The interactive pages load scripts from elsewhere; the description itself is at /openapi.json.
    # Its own telemetry stays off, whatever the environment says: it tells of paths and of what was wrong in a body.
    app = _Application(
        title="smpp_esme",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.gateway = gateway
    app.state.metrics = metrics
    app.state.streams = streams or Streams(100, HEARTBEAT)
    app.include_router(submitting)
    app.include_router(routes)
    app.include_router(event_routes)
    app.include_router(operations.routes)
    app.include_router(webhook_routes)
    app.include_router(metrics_route)
    problems.tell_errors(app)
    app.add_middleware(PlainTexts, gateway=gateway)
    app.add_middleware(BodyLimit, limit=body_limit, patience=patience)
    app.add_middleware(Auth, callers=callers or {})
    app.add_middleware(Measured, metrics=metrics)  # the last that is added is the first to be asked
    return app


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The description, with the events' own types, examples, and every error in the form in which it comes."""
        if self.openapi_schema is None:
            schemas = super().openapi()["components"]["schemas"]
            schemas |= components() | schemas
            super().openapi()["webhooks"] = webhooks()
            for path, operations in super().openapi()["paths"].items():
                for method, operation in operations.items():
                    examples.add(method, path, operation)
                    for status, answer in operation["responses"].items():
                        if status >= "400" and path != "/readyz":  # which has no errors, but a second answer
                            answer["content"] = {problems.MEDIA_TYPE: answer["content"].pop("application/json")}
        return super().openapi()
