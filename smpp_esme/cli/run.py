"""`smpp-esme run`: the daemon. Here store, service and web application are put together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from smpp_esme.errors import SmppError

if TYPE_CHECKING:
    from collections.abc import Callable

    from smpp_esme.daemon.config import Settings

_log = logging.getLogger(__name__)

_SWITCH_INTERVAL: Final = 0.0005


def run(
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration, a TOML file.")],
) -> None:
    """Run the daemon until SIGTERM or SIGINT: keep links bound, deliver what comes over HTTP, record receipts.

    It stops in order: claims nothing more, waits for outstanding responses, unbinds. Killed at any instant it loses
    nothing that was accepted, and what may have been sent twice is reported as IN_DOUBT instead.
    """
    from smpp_esme.cli import logs
    from smpp_esme.daemon import config as configuration

    settings = configuration.load(config)
    logs.configure(settings.log)
    # The store's thread asks for the interpreter beside a busy event loop; at the default of 5 ms it starves.
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        with asyncio.Runner(loop_factory=_fast_loop()) as runner:
            runner.run(_run(settings))
    except BaseExceptionGroup as group:
        raise (_own(group) or group) from group


def _own(group: BaseExceptionGroup[BaseException]) -> SmppError | None:
    """Our own error among those that ended the loops, if there is one: it can be told in a line."""
    ours: BaseException | None = group.subgroup(SmppError)
    while isinstance(ours, BaseExceptionGroup):
        ours = ours.exceptions[0]
    return ours if isinstance(ours, SmppError) else None


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop where it is installed; asyncio's own loop serves as well."""
    with contextlib.suppress(ModuleNotFoundError):
        import uvloop

        return uvloop.new_event_loop
    return None


async def _run(settings: Settings) -> None:
    from smpp_esme.daemon.service import Service
    from smpp_esme.store import Store
    from smpp_esme.web.app import create_app
    from smpp_esme.web.server import listen, serve

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _make_folder(settings.store.url)
    synchronous: Literal["FULL", "NORMAL"] = "FULL" if settings.store.synchronous == "full" else "NORMAL"
    listener = listen(settings.http.host, settings.http.port)
    async with await Store.open(settings.store.url, synchronous=synchronous) as store:
        service = Service(settings, store)
        app = create_app(service.gateway, body_limit=settings.http.body_limit)
        host, port = listener.getsockname()[:2]
        _log.info("daemon.started", extra={"http": f"http://{host}:{port}", "store": settings.store.url})
        async with asyncio.TaskGroup() as tasks:
            web = tasks.create_task(serve(app, listener), name="web")
            try:
                await service.run(stop)
            finally:
                web.cancel()
    _log.info("daemon.stopped")


def _make_folder(url: str) -> None:
    """The folder of a SQLite file is made, as the file itself is."""
    prefix = "sqlite:///"
    if url.startswith(prefix):
        Path(url.removeprefix(prefix)).parent.mkdir(parents=True, exist_ok=True)
