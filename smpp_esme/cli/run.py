"""`smpp-esme run`: the daemon. Here store, service and web application are put together."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from smpp_esme.cli.reload import Callers, Reload
from smpp_esme.cli.supervisor import Supervisor
from smpp_esme.cli.tracing import traced
from smpp_esme.errors import ConfigError, SmppError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from fastapi import FastAPI

    from smpp_esme.daemon.config import HttpSettings, Settings
    from smpp_esme.daemon.endpoints import WebhookSettings
    from smpp_esme.daemon.gateway import Gateway
    from smpp_esme.daemon.metrics import Metrics
    from smpp_esme.daemon.publish import Courier
    from smpp_esme.web.server import Options

_log = logging.getLogger(__name__)

_SWITCH_INTERVAL: Final = 0.0005

#: Collections of garbage by objects made and by collections before. Next to nothing of ours is a cycle, and at the
#: default of 700 every batch would pay for several looks through all that lives.
_GARBAGE: Final = (50_000, 10, 20)


def run(
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration, a TOML file.")],
) -> None:
    """Run the daemon until SIGTERM or SIGINT: keep links bound, deliver what comes over HTTP, record receipts.

    SIGHUP has it read the configuration anew and go over to it, as far as that can be done without a start.
    It stops in order: claims nothing more, waits for outstanding responses, unbinds. Killed at any instant it loses
    nothing that was accepted, and what may have been sent twice is reported as IN_DOUBT instead.
    """
    from smpp_esme.cli import logs
    from smpp_esme.daemon import config as configuration

    settings = configuration.load(config)
    logs.configure(settings.log)
    # The store's thread asks for the interpreter beside a busy event loop; at the default of 5 ms it starves.
    sys.setswitchinterval(_SWITCH_INTERVAL)
    gc.set_threshold(*_GARBAGE)
    try:
        with asyncio.Runner(loop_factory=_fast_loop()) as runner:
            runner.run(_run(config, settings))
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


async def _run(path: Path, settings: Settings) -> None:
    from smpp_esme.daemon.metrics import Metrics
    from smpp_esme.daemon.service import Service
    from smpp_esme.store import Store
    from smpp_esme.web.server import Server, listen

    supervisor = Supervisor()
    stop, hung_up = _stop_on_signals(supervisor), _on_hangup()
    make_folder(settings.store.url)
    synchronous: Literal["FULL", "NORMAL"] = "FULL" if settings.store.synchronous == "full" else "NORMAL"
    metrics = Metrics()
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(listen(settings.http.host, settings.http.port))
        kept = settings.store
        opening = Store.open(kept.full_url, synchronous=synchronous, patience=kept.patience, vault=kept.vault())
        store = await stack.enter_async_context(await opening)
        await stack.enter_async_context(traced(settings, metrics, stop))
        service = Service(settings, store, metrics, _courier)
        callers = Callers(settings.http.keys)
        server = Server(_web(settings.http, service.gateway, metrics, callers), listener, served(settings.http))
        host, port = listener.getsockname()[:2]
        address = f"{'https' if settings.http.certificate else 'http'}://{host}:{port}"
        supervisor.status = f"serving {address}"
        reload = Reload(path, settings, service, server, callers)
        _log.info("daemon.started", extra={"http": address, "store": store.name})
        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(server.run(), name="web"),
                tasks.create_task(reload.run(hung_up, supervisor), name="reload"),
                tasks.create_task(supervisor.watch(service.gateway.readiness), name="watchdog"),
            ]
            supervisor.ready()
            gc.freeze()  # what lives by now lives as long as we do
            try:
                await service.run(stop)
            finally:
                for task in others:
                    task.cancel()
    _log.info("daemon.stopped")


def _courier(name: str, settings: WebhookSettings) -> AbstractAsyncContextManager[Courier]:
    """What delivers to an endpoint; nothing is loaded for it where there is none."""
    from smpp_esme.daemon import courier

    return courier.Courier(name, settings)


def _stop_on_signals(supervisor: Supervisor) -> asyncio.Event:
    """What SIGTERM and SIGINT set."""
    stop = asyncio.Event()

    def stopping() -> None:
        supervisor.stopping()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping)
    return stop


def _on_hangup() -> asyncio.Event:
    """What SIGHUP sets."""
    hung_up = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up.set)
    return hung_up


def _web(settings: HttpSettings, gateway: Gateway, metrics: Metrics, callers: Callers) -> FastAPI:
    """The web application."""
    from smpp_esme.web.app import create_app
    from smpp_esme.web.events import HEARTBEAT, Streams

    return create_app(
        gateway,
        body_limit=settings.body_limit,
        patience=settings.patience,
        callers=callers.by_digest,
        metrics=metrics,
        streams=Streams(settings.streams, HEARTBEAT),
    )


def served(settings: HttpSettings) -> Options:
    """How it is served."""
    from smpp_esme.web.server import Options

    return Options(
        patience=settings.patience,
        connections=settings.connections,
        proxies=tuple(map(str, settings.proxies)),
        certificate=settings.certificate,
        key=settings.certificate_key,
        key_password=settings.certificate_key_password.get_secret_value(),
    )


def make_folder(url: str) -> None:
    """The folder of a SQLite file is made, as the file itself is.

    Raises:
        ConfigError: it cannot be.
    """
    prefix = "sqlite:///"
    if not url.startswith(prefix):
        return
    folder = Path(url.removeprefix(prefix)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"the folder {folder} cannot be made: {error.strerror}"
        raise ConfigError("store.url", problem, "one that this user may write to") from error
