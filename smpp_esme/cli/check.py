"""`smpp-esme check`: whether the daemon would start with a configuration."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from smpp_esme.cli.tracing import loaded

if TYPE_CHECKING:
    from smpp_esme.daemon.config import HttpSettings, Settings, TracingSettings
    from smpp_esme.daemon.routes import RouteSettings

#: A certificate that is good for less is told of: whoever renews them automatically has long done so.
_SOON: Final = timedelta(days=21)


def check(
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration, a TOML file.")],
) -> None:
    """Read a configuration as `run` would, and say what it comes to; nothing is opened and nobody is bound to.

    It exits with 1, and names every key that is wrong, if the daemon would refuse it. A certificate that expires soon
    is told of on standard error.
    """
    from smpp_esme.daemon import config as configuration

    settings = configuration.load(config)
    certificate = _certificate(settings.http)
    for line in [*_told(settings), *certificate]:
        typer.echo(line)


def _told(settings: Settings) -> list[str]:
    """What the configuration comes to, without its secrets."""
    links = [
        f"link {name}: {link.endpoint()} as {link.bind}, profile {link.profile}, window {link.window}, "
        + (f"{link.throughput:g} submit_sm a second" if link.throughput else "as fast as the window allows")
        for name, link in settings.links.items()
    ]
    routes = [f"route {name}: {_route(one)}" for name, one in settings.routes.items()]
    http = settings.http
    scheme = "https" if http.certificate else "http"
    asks = f"{len(http.keys)} API keys" if http.keys else "anybody may ask"
    webhooks = [f"webhook {name}: {one.origin}, {len(one.events)} types" for name, one in settings.webhooks.items()]
    return [
        *links,
        *routes,
        *webhooks,
        f"store: {settings.store.safe_url}",
        f"http: {scheme}://{http.host}:{http.port}, {asks}",
        *_traces(settings.tracing),
    ]


def _route(route: RouteSettings) -> str:
    """What a route is for, and where it leads."""
    whom = f"numbers that begin with {' or '.join(route.prefixes)}" if route.prefixes else "any number"
    after = f", failover after {route.failover_after:g} s" if route.failover_after and len(route.links) > 1 else ""
    return f"{' or '.join(route.kinds) or 'every kind'} to {whom} by {', else '.join(route.links)}{after}"


def _certificate(settings: HttpSettings) -> list[str]:
    """Until when the certificate of the HTTP API is good; that it cannot be used is an error here already."""
    if settings.certificate is None:
        return []
    from smpp_esme.cli.run import served
    from smpp_esme.web.server import examine

    until = examine(served(settings))
    assert until is not None  # noqa: S101 - there is one
    left = until - datetime.now(UTC)
    if left < _SOON:
        days = f"in {left.days} days" if left > timedelta(0) else "already; no client will trust it"
        typer.echo(f"smpp-esme: http.certificate: it expires {days}", err=True)
    return [f"certificate: {settings.certificate}, until {until:%Y-%m-%d}"]


def _traces(settings: TracingSettings) -> list[str]:
    """What would be traced; that nothing is there to do it is an error here already."""
    if not settings.enabled:
        return []
    loaded()
    return [f"traces: {100 * settings.sample_ratio:g}% of messages, to {settings.endpoint or 'where OTEL_* says'}"]
