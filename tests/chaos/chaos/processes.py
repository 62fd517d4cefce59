"""The daemon and the SMSC as processes, through all of their lives."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from chaos.smsc import Journal

#: For a machine that has much else to do; nothing takes a tenth of it on an idle one.
PATIENCE = 60.0


class Stuck(AssertionError):
    """Something did not happen that had to."""


async def until(condition, what):
    """What the condition gives, once that is anything."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not (found := condition()):  # noqa: ASYNC110 - another process has no way to tell us when
                await asyncio.sleep(0.01)
            return found
    except TimeoutError:
        raise Stuck(f"{what}: not within {PATIENCE:g} s") from None


class Program:
    """One program of ours that is started again and again."""

    def __init__(self, name, arguments, log, environment=None):
        self.name = name
        self.arguments = arguments
        self.log = log
        self.environment = environment or {}
        self.process = None
        self.lives = 0
        self.told_before = 0

    async def start(self):
        self.told_before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = await asyncio.to_thread(
                subprocess.Popen,
                [sys.executable, *map(str, self.arguments)],
                stdout=log,
                stderr=log,
                env=os.environ | self.environment,
                start_new_session=True,
            )
        self.lives += 1

    def check(self):
        """It runs, for nobody asked it to end."""
        if self.process and (status := self.process.poll()) is not None:
            tail = "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-30:])
            raise Stuck(f"{self.name} ended by itself, with status {status}:\n{tail}")

    async def end(self, number=signal.SIGKILL):
        """End it with a signal; its exit status."""
        process, self.process = self.process, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(number)
        try:
            return await asyncio.to_thread(process.wait, PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
            raise Stuck(f"{self.name} did not end within {PATIENCE:g} s of signal {number}") from None


class SmscProcess(Program):
    """The SMSC; where it listens changes from life to life, and a proxy follows it."""

    def __init__(self, folder, seed):
        self.journal = Journal(folder / "smsc.journal")
        self._ready = folder / "smsc.json"
        self._seed = seed
        self.port = 0
        super().__init__("the SMSC", [], folder / "smsc.log")

    async def start(self):
        script = Path(__file__).with_name("smsc.py")
        self.arguments = [script, self.journal.path, self._ready, self._seed, self.lives]
        # A script of this package, which it imports itself by name.
        self.environment = {"PYTHONPATH": str(script.parents[1])}
        await super().start()
        self.port = (await until(self._told, "an SMSC that listens"))["port"]

    def calm(self):
        """Have it misbehave no more."""
        self.process.send_signal(signal.SIGUSR1)

    def _told(self):
        self.check()
        with contextlib.suppress(FileNotFoundError):
            ready = json.loads(self._ready.read_text())
            return ready if ready["life"] == self.lives - 1 else None
        return None


class DaemonProcess(Program):
    """The daemon; each life has a port of its own, so that nobody can take it in between."""

    def __init__(self, folder, environment=None):
        arguments = ["-m", "smpp_esme", "run", "-c", folder / "daemon.toml"]
        super().__init__("the daemon", arguments, folder / "daemon.log", environment)
        self.url = None

    async def start(self):
        """Start it, and wait until it serves; `url` is where."""
        await self.begin()
        await until(self._started, "a daemon that has started")

    async def begin(self):
        """Start it, and wait for nothing."""
        self.url = None
        await super().start()

    async def end(self, number=signal.SIGKILL):
        self.url = None
        return await super().end(number)

    async def reload(self, event):
        """Have it read its file anew, and wait until it tells this of it, or somebody has ended it."""
        process, told = self.process, self.log.stat().st_size
        if self.url is None:  # it is to start, and reads the file then
            return
        process.send_signal(signal.SIGHUP)
        await until(lambda: self.process is not process or event in self._log_from(told), f"{event} in the log")

    def _started(self):
        self.check()
        for line in self._log_from(self.told_before).splitlines(keepends=True):
            if line.endswith("\n") and '"daemon.started"' in line:
                self.url = json.loads(line)["http"]
        return self.url

    def _log_from(self, octets):
        with self.log.open("rb") as log:
            log.seek(octets)
            return log.read().decode(errors="replace")
