"""`smpp-esme check`: whether the daemon would start with a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smpp_esme.cli.tracing import loaded

if TYPE_CHECKING:
    from smpp_esme.daemon.config import Settings, TracingSettings
    from smpp_esme.daemon.routes import RouteSettings


def check(
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration, a TOML file.")],
) -> None:
    """Read a configuration as `run` would, and say what it comes to; nothing is opened and nobody is bound to.

    It exits with 1, and names every key that is wrong, if the daemon would refuse it.
    """
    from smpp_esme.daemon import config as configuration

    for line in _told(configuration.load(config)):
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


def _traces(settings: TracingSettings) -> list[str]:
    """What would be traced; that nothing is there to do it is an error here already."""
    if not settings.enabled:
        return []
    loaded()
    return [f"traces: {100 * settings.sample_ratio:g}% of messages, to {settings.endpoint or 'where OTEL_* says'}"]
