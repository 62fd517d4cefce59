"""Simulator and daemon as processes of their own, and their HTTP interfaces."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp

from smpp_esme.errors import SmppError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

#: Seconds for a process to come up, and to go down in order.
_PATIENCE: Final = 30.0


class DemoFailed(SmppError):
    """The demo cannot go on."""


class Process:
    """One `smpp-esme` command running beside us.

    Args:
        name: what people call it.
        arguments: of the command.
        log: where its output goes.
        environment: variables on top of our own.
    """

    def __init__(self, name: str, arguments: list[str], log: Path, environment: dict[str, str] | None = None) -> None:
        self.name = name
        self.log = log
        self._arguments = arguments
        self._environment = os.environ | (environment or {})
        # Not asyncio's: that one kills what still runs when its event loop ends, and some are to stay.
        self._process: subprocess.Popen[bytes] | None = None
        self._log_from = 0

    @property
    def pid(self) -> int:
        """Its process id, 0 before it runs."""
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Start it, in a session of its own so that Ctrl-C is ours to pass on."""
        with self.log.open("ab") as log:
            self._log_from = log.tell()
            self._process = await asyncio.to_thread(
                subprocess.Popen,
                [sys.executable, "-m", "smpp_esme", *self._arguments],
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    async def until_logged(self, words: str) -> None:
        """Wait until it has said so since it was started.

        Raises:
            DemoFailed: it ended, or took too long.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                while words.encode() not in self.log.read_bytes()[self._log_from :]:
                    self.check()
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise DemoFailed(f"{self.name} took more than {_PATIENCE:g} s; see {self.log}") from None

    async def stop(self) -> int:
        """Ask it to stop in order, and give its exit status."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> int:
        """Kill it on the spot: it gets no chance to write anything down."""
        return await self._end(signal.SIGKILL)

    def check(self) -> None:
        """See that it still runs.

        Raises:
            DemoFailed: it ended; the end of its log tells why.
        """
        if self._process and self._process.poll() is not None:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise DemoFailed(f"{self.name} ended with status {self._process.returncode}:\n{tail}")

    async def _end(self, number: signal.Signals) -> int:
        if not self._process:
            return 0
        self._process.send_signal(number)
        try:
            return await asyncio.to_thread(self._process.wait, _PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return await asyncio.to_thread(self._process.wait)


class Http:
    """A JSON interface of one of the processes.

    Args:
        base: its URL, such as ``http://127.0.0.1:8080``.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._client = aiohttp.ClientSession(self.base, timeout=aiohttp.ClientTimeout(total=_PATIENCE))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._client:
            await self._client.close()

    async def get(self, path: str, **query: str | int) -> Any:
        """The JSON that a GET gives."""
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: Any, *, key: str | None = None) -> Any:
        """The JSON that a POST gives; `key` makes repeating it harmless."""
        return await self._ask("POST", path, json=body, headers={"Idempotency-Key": key} if key else None)

    async def _ask(self, method: str, path: str, **arguments: Any) -> Any:
        assert self._client  # noqa: S101 - used inside `async with` only
        async with self._client.request(method, path, **arguments) as response:
            if response.status >= 400:
                raise DemoFailed(f"{method} {self.base}{path}: {response.status} {await response.text()}")
            return await response.json()

    async def post_until_kept(self, path: str, body: Any, *, key: str) -> Any:
        """POST, and again under the same key for as long as nobody answers: the daemon may be dead just now."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                try:
                    return await self.post(path, body, key=key)
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)


async def wait_until_bound(process: Process, http: Http) -> None:
    """Wait until the daemon answers and all of its links are bound.

    Raises:
        DemoFailed: it ended, or took too long.
    """
    # Not before it says that it listens: who answers at its port until then is somebody else.
    await process.until_logged("daemon.started")
    try:
        async with asyncio.timeout(_PATIENCE):
            while True:
                process.check()
                with contextlib.suppress(aiohttp.ClientError):
                    if all((await http.get("/healthz"))["links"].values()):
                        return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise DemoFailed(f"{process.name} was not bound within {_PATIENCE:g} s; see {process.log}") from None


def port_near(wanted: int) -> int:
    """The wanted port if it is free, or any that is."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as listener:
            free: int = listener.getsockname()[1]
            return free
    raise DemoFailed("no TCP port is free on 127.0.0.1")
