"""The demo from beginning to end."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console

from smpp_esme.cli.demo.everything import send_everything
from smpp_esme.cli.demo.killed import kill_half_way
from smpp_esme.cli.demo.processes import DemoFailed, Http, Process, port_near, wait_until_bound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_FOLDER: Final = Path("demo-data")
_DATABASE: Final = _FOLDER / "smpp-esme.sqlite3"
_QUERY: Final = "select status, count(*) from message group by status"
#: Width of the tables where the output is no terminal.
_WIDTH: Final = 250


async def tell(config: Path, *, keep: bool, messages: int) -> bool:
    """Run the whole demo; whether everything held."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    _prepare(config)
    smpp, control, http = port_near(2775), port_near(2776), port_near(8080)
    simulator = Process("the simulator", _simulate(smpp, control), _FOLDER / "simulator.log")
    environment = {
        "SMPP_ESME_LINKS__MAIN__URL": f"smpp://demo@127.0.0.1:{smpp}",
        "SMPP_ESME_HTTP__PORT": str(http),
        "SMPP_ESME_STORE__URL": f"sqlite:///{_DATABASE}",
        "SMPP_ESME_LOG__LEVEL": "info",  # what the log says is what we wait for
    }
    daemon = Process("the daemon", ["run", "-c", str(config)], _FOLDER / "daemon.log", environment)
    async with (
        _running(simulator, daemon, keep=keep),
        Http(f"http://127.0.0.1:{http}") as api,
        Http(f"http://127.0.0.1:{control}") as smsc,
    ):
        await simulator.until_logged("listens on")
        await wait_until_bound(daemon, api)
        console.print(f"SMSC simulator on 127.0.0.1:{smpp} (pid {simulator.pid}); daemon bound (pid {daemon.pid})\n")
        held = await send_everything(console, api, smsc)
        console.print()
        held &= await kill_half_way(console, daemon, api, smsc, messages=messages)
        if keep:
            console.print(f"\nleft running: smpp://demo:secret@127.0.0.1:{smpp} (simulator, pid {simulator.pid})")
            console.print(f"  {smsc.base}/received is what its handsets got; {api.base}/healthz the daemon's health")
            console.print(f"  stop them: kill {daemon.pid} {simulator.pid}")
    console.print(f"\nThe database: {_DATABASE}. To look at it:")
    console.print(f'  sqlite3 {_DATABASE} "{_QUERY}"')
    return held


def _simulate(port: int, control: int) -> list[str]:
    # 50 ms of latency: what a real SMSC takes, and long enough for a kill to hit requests in mid-air.
    return [
        "simulate",
        *("--port", str(port), "--profile", "smsc-centre", "--account", "demo:secret"),
        *("--control-port", str(control), "--latency", "0.05", "--receipt-delay", "0.5"),
    ]


def _prepare(config: Path) -> None:
    """Begin with an empty database: a new simulator knows nothing of the messages of the one before."""
    if not config.exists():
        raise DemoFailed(f"there is no {config}: run this in the repository, or name a configuration with --config")
    _FOLDER.mkdir(exist_ok=True)
    for old in _FOLDER.iterdir():
        if old.name.startswith(_DATABASE.name) or old.suffix == ".log":
            old.unlink()


@contextlib.asynccontextmanager
async def _running(*processes: Process, keep: bool) -> AsyncIterator[None]:
    """Start the processes in turn; stop them in order at the end, unless all went well and they are to stay."""
    try:
        for process in processes:
            await process.start()
        yield
    except BaseException:
        for process in processes:
            await process.kill()
        raise
    if not keep:
        statuses = [(process, await process.stop()) for process in reversed(processes)]
        for process, status in statuses:
            if status:
                raise DemoFailed(f"{process.name} did not stop in order: status {status}; see {process.log}")
