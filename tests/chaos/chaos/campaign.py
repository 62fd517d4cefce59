"""Rounds: in each, a fault or two at an instant that nobody chose, amid traffic that must go on afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sqlite3
from collections import Counter
from contextlib import AsyncExitStack

import asyncpg

from chaos.endpoint import EVENTS, SECRET, Endpoint
from chaos.grounds import Clock, Cluster, Disk, Quota, quietly
from chaos.processes import DaemonProcess, SmscProcess, Stuck, until
from chaos.traffic import Traffic
from smpp_esme.simulator import FaultProxy, Faults

CONFIGURATION = """
[store]
url = "{store}"
patience = 2

[http]
port = 0

[dispatch]
drain = 3

[links.main]
url = "smpp://demo:secret@127.0.0.1:{port}"
profile = "standard"
source_addr = "CHAOS"
binds = {binds}
window = {window}
response_timeout = 2
enquire_link = 2
already_bound = 1

[links.main.pacing]
hold = 0.05
least = 50
regain = 1

[webhooks.shop]
url = "{endpoint}"
secret = "{secret}"
events = {told}
concurrency = 4
timeout = 1
attempts = 1000
shortest = 0.05
longest = 0.5
"""
_MET = "SELECT count(*) FROM webhook"

#: What a reload changes, and what it must refuse.
BINDS, WINDOWS, WRONG = (1, 2, 3), (5, 20, 100), "wide"

#: Seconds by which the wall clock is wrong.
OFFSETS = (-3600, -90, -2, 2, 90, 3600)


class Campaign:
    """One daemon, one SMSC, one network, and what they stand on; an async context manager.

    Args:
        folder: where everything is kept.
        database: "sqlite" or "postgresql".
        chance: decides what happens when.
        seed: of the SMSC and the network.
    """

    def __init__(self, folder, database, chance, seed):
        self.folder = folder
        self.chance = chance
        self.seed = seed
        self.told = Counter()
        self.cluster = Cluster() if database == "postgresql" else None
        self.disk = None if self.cluster else Disk(folder / "disk")
        self.clock = Clock(folder)
        self.endpoint = Endpoint(chance)
        self.smsc = SmscProcess(folder, seed)
        self.daemon = DaemonProcess(folder, self.clock.environment)
        self.traffic = Traffic(self.daemon)
        self.store_url = self.cluster.url if self.cluster else f"sqlite:///{self.disk.folder}/messages.sqlite3"
        #: Whoever takes the daemon's life, or what it cannot start without.
        self._daemon_or_store = asyncio.Lock()
        self._smsc = asyncio.Lock()
        self._file = asyncio.Lock()

    async def __aenter__(self):
        async with AsyncExitStack() as stack:
            stack.callback((self.disk or self.cluster).close)
            if self.cluster:
                await quietly(self.cluster.create)
            stack.push_async_callback(self.smsc.end)
            await self.smsc.start()
            faults = Faults(pieces=5)
            self.proxy = await stack.enter_async_context(FaultProxy(self.smsc.port, faults=faults, seed=self.seed))
            await stack.enter_async_context(self.endpoint)
            self._configure(binds=2, window=20)
            stack.push_async_callback(self.daemon.end)
            await self.daemon.start()
            # An endpoint is told of what happens after the daemon first knew of it.
            while not await self._has_met_the_endpoint():  # noqa: ASYNC110 - another process cannot tell us
                await asyncio.sleep(0.01)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_):
        await self._stack.aclose()

    def kinds(self):
        """What may happen here, the frequent more than once."""
        kinds = [
            *[self.daemon_killed] * 3,
            self.daemon_stopped,
            *[self.smsc_killed] * 2,
            *[self.connections_cut] * 3,
            self.connections_vanish,
            *[self.connections_stall] * 2,
            *[self.daemon_reloaded] * 2,
            *[self.endpoint_failed] * 2,
        ]
        if self.clock.can_be_stepped:
            kinds += [self.clock_stepped] * 2
        if self.cluster:
            kinds += [self.database_stopped] * 2
        else:
            kinds += [self.disk_fails] + [self.disk_full] * 2 * self.disk.can_be_filled
        return kinds

    async def run(self, rounds):
        """So many faults amid traffic; then everything calms."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.traffic.run())
            tasks.create_task(self._watch())
            done = 0
            while done < rounds:
                await self._flows()
                await asyncio.sleep(self.chance.uniform(0, 0.15))
                together = 2 if done + 1 < rounds and self.chance.random() < 0.25 else 1
                async with asyncio.TaskGroup() as faults:
                    for fault in self.chance.sample(self.kinds(), together):
                        faults.create_task(self._strike(fault))
                done += together
            self.clock.step(0)
            self.smsc.calm()
            await self._flows()
            self.traffic.stop()
            self._watching = False

    async def _strike(self, fault):
        self.told[fault.__name__] += 1
        await fault()

    async def _watch(self):
        """Nobody but us ends a process."""
        self._watching = True
        while self._watching:
            self.smsc.check()
            self.daemon.check()
            await asyncio.sleep(0.1)

    async def _flows(self):
        """Wait until messages reach the SMSC: whatever happened before, the daemon has got over it."""
        journal = self.smsc.journal.path
        size = journal.stat().st_size if journal.exists() else 0
        await until(lambda: journal.exists() and journal.stat().st_size > size, "a message that reaches the SMSC")

    async def _moment(self, longest):
        await asyncio.sleep(self.chance.uniform(0, longest))

    def _configure(self, **link):
        """Write the configuration, at once: a daemon may be reading it."""
        known = {"store": self.store_url, "port": self.proxy.port, "endpoint": self.endpoint.url, "secret": SECRET}
        known["told"] = json.dumps(EVENTS)
        draft = self.folder / "daemon.draft"
        draft.write_text(CONFIGURATION.format(**known, **link))
        draft.replace(self.folder / "daemon.toml")

    async def _has_met_the_endpoint(self):
        if self.cluster:
            connection = await asyncpg.connect(self.cluster.url)
            try:
                return await connection.fetchval(_MET)
            finally:
                await connection.close()
        with contextlib.closing(sqlite3.connect(f"file:{self.disk.folder}/messages.sqlite3?mode=ro", uri=True)) as file:
            return file.execute(_MET).fetchone()[0]

    # The faults

    async def daemon_killed(self):
        async with self._daemon_or_store:
            await self.daemon.end(signal.SIGKILL)
            if self.chance.random() < 0.3:  # and once more, in its first moments
                await self.daemon.begin()
                await self._moment(1.0)
                await self.daemon.end(signal.SIGKILL)
                self.told["daemon_killed"] += 1
            await self.daemon.start()

    async def daemon_stopped(self):
        async with self._daemon_or_store:
            status = await self.daemon.end(signal.SIGTERM)
            if status != 0:
                raise Stuck(f"the daemon ended with status {status} on SIGTERM")
            await self.daemon.start()

    async def daemon_reloaded(self):
        """It goes over to other settings, or refuses wrong ones; what else happens meanwhile is nothing to it."""
        async with self._file:
            link = {"binds": self.chance.choice(BINDS), "window": self.chance.choice(WINDOWS)}
            if self.chance.random() < 0.2:
                async with self._daemon_or_store:  # with a file like that it would not start
                    self._configure(**link | {"window": f'"{WRONG}"'})
                    await self.daemon.reload("daemon.reload_refused")
                    self._configure(**link)
            self._configure(**link)
            await self.daemon.reload("daemon.reloaded")

    async def endpoint_failed(self):
        self.endpoint.fail()
        await self._moment(1.0)
        self.endpoint.mend()

    async def smsc_killed(self):
        async with self._smsc:  # a round may choose the same fault twice
            await self.smsc.end(signal.SIGKILL)
            await self._moment(0.3)
            await self.smsc.start()
            self.proxy._upstream = ("127.0.0.1", self.smsc.port)

    async def connections_cut(self):
        self.proxy.cut()

    async def connections_vanish(self):
        self.proxy.vanish()

    async def connections_stall(self):
        self.proxy.stall()
        await self._moment(1.0)
        self.proxy.flow()

    async def clock_stepped(self):
        self.clock.step(self.chance.choice(OFFSETS))

    async def database_stopped(self):
        async with self._daemon_or_store:
            await quietly(self.cluster.stop, self.chance.choice(["fast", "immediate"]))
            await self._moment(0.5)
            await quietly(self.cluster.start)

    async def disk_full(self):
        async with self._daemon_or_store:
            await quietly(self.disk.fill)
            await self._moment(1.0)
            killed = self.chance.random() < 0.3
            if killed:
                await self.daemon.end(signal.SIGKILL)
            self.disk.free()
            if killed:
                await self.daemon.start()

    async def disk_fails(self):
        async with self._daemon_or_store:
            log = self.disk.folder / "messages.sqlite3-wal"
            with contextlib.suppress(FileNotFoundError), Quota(self.daemon.process.pid, log.stat().st_size):
                await self._moment(1.0)
