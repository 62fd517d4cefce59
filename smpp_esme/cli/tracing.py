"""Traces while the daemon runs, where the configuration wants them; where it does not, nothing is loaded for them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from smpp_esme.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from smpp_esme.daemon.config import Settings, TracingSettings
    from smpp_esme.daemon.metrics import Metrics
    from smpp_esme.daemon.tracing import Tracing

#: Seconds for the last spans where the traffic has taken all of the drain, or nobody asked for a stop.
_LEAST: Final = 1.0


@contextlib.asynccontextmanager
async def traced(settings: Settings, metrics: Metrics, stop: asyncio.Event) -> AsyncIterator[None]:
    """Trace what goes on within; at the end what waits is exported, within what `stop` has left of the drain.

    Raises:
        ConfigError: traces are wanted, and there is nothing here that makes them.
    """
    metrics.tracing = tracing = tracing_of(settings.tracing, metrics)
    if tracing is None:
        yield
        return
    loop = asyncio.get_running_loop()
    stopping = loop.create_task(_time_of(stop))
    try:
        yield
    finally:
        left = stopping.result() + settings.dispatch.drain - loop.time() if stopping.done() else 0.0
        stopping.cancel()
        await tracing.stop(max(_LEAST, left))


async def _time_of(stop: asyncio.Event) -> float:
    await stop.wait()
    return asyncio.get_running_loop().time()


def tracing_of(settings: TracingSettings, metrics: Metrics) -> Tracing | None:
    """What makes spans by this configuration, if they are wanted.

    Raises:
        ConfigError: they cannot be made.
    """
    if not settings.enabled:
        return None
    made_by = loaded()
    try:
        return made_by.of(settings, metrics.spans)
    except ValueError as error:
        raise ConfigError("tracing", f"a variable OTEL_* is wrong: {error}") from error


def loaded() -> type[Tracing]:
    """What makes spans.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        from smpp_esme.daemon.tracing import Tracing
    except ModuleNotFoundError as error:
        problem = f"needs {error.name}, which is not installed"
        raise ConfigError("tracing.enabled", problem, "pip install 'smpp-esme[otel]', or false") from None
    return Tracing
