"""The daemon as it runs: `smpp-esme run` in a process, an SMSC that only counts in another, every message on disk.

    python -m benchmarks.daemon [--messages N] [--history N] [--store postgresql://postgres@127.0.0.1/postgres]
    python -m benchmarks.daemon --million

The full loop is submit_sm, its response, its receipt, and the events of all three committed (synchronous = "full").
`--store` names a server on which a database is made and dropped. `--history` fills the database beforehand with so many
delivered messages, to see whether the cost of a message grows. `--million` queues a million messages and starts the
daemon: how soon the first submit_sm leaves, and how much memory it takes.

CPU is that of the daemon, of its event loop and of its other threads (the store's), per message: on a machine that does
something else besides, it tells more than the rate.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from benchmarks.counting_smsc import Sink
from smpp_esme.message.message import Accepted, Answer, Message, ReceiptFact, Segment, new_reference
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

TEXT = "Your order 1057 is ready; your code: 4815"
BATCH = 1_000
CONFIG = """
[store]
url = "{store}"
[http]
port = {http}
{key}
[links.main]
url = "smpp://acme:secret@127.0.0.1:{smsc}"
source_addr = "ACME"
window = {window}
[log]
level = "warning"
"""


def messages(number: int, first: int = 0) -> Iterator[list[Message]]:
    """New messages in batches."""
    now, base = datetime.now(UTC), time.time_ns()
    for start in range(first, first + number, BATCH):
        yield [
            Message(
                reference=new_reference(base, each),
                source_addr="ACME",
                source_addr_ton=5,
                destination_addr=f"7{each:010}",
                text=TEXT,
                link="main",
                created_at=now,
                segments=[Segment(number=1, short_message=TEXT.encode())],
            )
            for each in range(start, min(start + BATCH, first + number))
        ]


async def fill(url: str, number: int) -> float:
    """Queue messages; how many a second."""
    async with await Store.open(url) as store:
        begun = time.perf_counter()
        for batch in messages(number):
            await store.add(batch)
        return number / (time.perf_counter() - begun)


async def history(url: str, number: int) -> None:
    """Deliver messages in the store alone."""
    async with await Store.open(url, synchronous="NORMAL") as store:
        for batch in messages(number, first=10**9):
            await store.add(batch)
            now = datetime.now(UTC)
            claimed = await store.claim(BATCH, link="main", owner="history", lease_until=now + timedelta(minutes=1))
            await store.record_answers([Answer(each.id, 1, Accepted(f"h{each.id}")) for each in claimed], now)
            delivered = [
                ReceiptFact(
                    link="main",
                    message_id=f"h{each.id}",
                    message_status=MessageStatus.DELIVERED,
                    source_addr=each.destination_addr,
                    received_at=now,
                )
                for each in claimed
            ]
            await store.record_receipts(delivered, now)


async def stages(url: str, number: int) -> None:
    """The CPU that each step of a message takes in the store alone."""
    now = datetime.now(UTC)
    spent = dict.fromkeys(("intake", "claim", "answer", "receipt"), 0.0)
    async with await Store.open(url) as store:
        for batch in messages(number):
            begun = time.process_time()
            await store.add(batch)
            spent["intake"] += time.process_time() - begun
        for _ in range(0, number, BATCH):
            begun = time.process_time()
            claimed = await store.claim(BATCH, link="main", owner="stages", lease_until=now + timedelta(minutes=1))
            spent["claim"] += time.process_time() - begun
            answers = [Answer(each.id, 1, Accepted(f"s{each.id}")) for each in claimed]
            begun = time.process_time()
            await store.record_answers(answers, now)
            spent["answer"] += time.process_time() - begun
            facts = [
                ReceiptFact(
                    link="main",
                    message_id=f"s{each.id}",
                    message_status=MessageStatus.DELIVERED,
                    source_addr=each.destination_addr,
                    received_at=now,
                )
                for each in claimed
            ]
            begun = time.process_time()
            await store.record_receipts(facts, now)
            spent["receipt"] += time.process_time() - begun
    told = ", ".join(f"{stage} {seconds / number * 1e6:.0f}" for stage, seconds in spent.items())
    print(f"  CPU of the store alone, microseconds a message in batches of {BATCH:,}: {told}")


class Daemon:
    """A daemon's process, its HTTP interface, and what it uses."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, session: aiohttp.ClientSession) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.session = session

    async def counts(self) -> dict[str, int]:
        async with self.session.get(f"{self.url}/v1/stats") as response:
            return await response.json()

    async def until(self, delivered: int) -> float:
        """Wait until so many are delivered; when that was."""
        while (await self.counts())["DELIVERED"] < delivered:
            if self.process.poll() is not None:
                raise SystemExit("the daemon ended")
            await asyncio.sleep(0.1)
        return time.perf_counter()

    def cpu(self) -> tuple[float, float]:
        """Seconds that its event loop, and all its other threads, have been at work."""
        loop, others = 0.0, 0.0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            user, system = (task / "stat").read_text().rpartition(")")[2].split()[11:13]
            seconds = (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
            if int(task.name) == self.process.pid:
                loop += seconds
            else:
                others += seconds
        return loop, others

    def cpu_since(self, before: tuple[float, float], number: int) -> str:
        """The same for each of so many messages since then, in words."""
        loop, others = ((now - then) / number * 1e6 for now, then in zip(self.cpu(), before, strict=True))
        return f"CPU a message: loop {loop:.0f} us, threads {others:.0f} us"

    def memory(self) -> float:
        """The most that it ever had in memory, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@asynccontextmanager
async def daemon(url: str, smsc: int, *, window: int = 500) -> AsyncIterator[Daemon]:
    """A daemon on this store, at this SMSC, from the moment its process starts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(CONFIG.format(store=url, http=port, smsc=smsc, window=window, key=""))
        config.flush()
        process = subprocess.Popen([sys.executable, "-m", "smpp_esme", "run", "-c", config.name])
        try:
            async with aiohttp.ClientSession() as session:
                started = Daemon(process, port, session)
                await _listening(started)
                yield started
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait)  # the sink answers its unbind


async def _listening(started: Daemon) -> None:
    while True:
        try:
            async with started.session.get(f"{started.url}/healthz"):
                return
        except aiohttp.ClientConnectionError:
            if started.process.poll() is not None:
                raise SystemExit("the daemon did not start") from None
            await asyncio.sleep(0.01)


async def from_a_loaded_queue(url: str, number: int) -> None:
    queued = await fill(url, number)
    server, port = await Sink.listen()
    begun = time.perf_counter()
    async with server, daemon(url, port) as started:
        while not Sink.seen:
            await asyncio.sleep(0.001)
        restart = next(iter(Sink.seen.values())) - begun
        print(f"  queued by the store alone: {queued:,.0f} messages a second")
        print(f"  from start to the first submit_sm, {number:,} queued: {restart:.2f} s")
        await started.until(number)


async def full_loop(url: str, number: int, before: int) -> None:
    await fill(url, number)
    with Sink.in_a_process() as port:
        async with daemon(url, port) as started:
            begun, cpu = time.perf_counter(), started.cpu()
            at_first = (await started.counts())["DELIVERED"]
            ended = await started.until(before + number)
            rate = (before + number - at_first) / (ended - begun)
            print(f"  full loop from a loaded queue: {rate:,.0f} messages a second, {started.memory():.0f} MB")
            print(f"    {started.cpu_since(cpu, before + number - at_first)}")


async def over_http(url: str, number: int, before: int, *, each: int = 500, clients: int = 4) -> None:
    with Sink.in_a_process() as port:
        async with daemon(url, port) as started:
            bodies = [
                {"messages": [{"to": f"+7916{start + one:07}", "text": TEXT} for one in range(each)]}
                for start in range(0, number, each)
            ]

            async def client() -> None:
                while bodies:
                    async with started.session.post(f"{started.url}/v1/batches", json=bodies.pop()) as response:
                        assert response.status == 202, await response.text()

            begun, cpu = time.perf_counter(), started.cpu()
            await asyncio.gather(*[client() for _ in range(clients)])
            taken = time.perf_counter()
            ended = await started.until(before + number)
            print(f"  taken over HTTP in batches of {each}: {number / (taken - begun):,.0f} messages a second")
            print(
                f"  full loop over HTTP: {number / (ended - begun):,.0f} messages a second, {started.memory():.0f} MB"
            )
            print(f"    {started.cpu_since(cpu, number)}")


async def latency(url: str, number: int, *, rate: int = 1_000) -> None:
    """One request a message, at a steady rate; from the request's first octet to its submit_sm.

    The first second is not counted: connections are opened in it, and statements prepared.
    """
    number += rate
    server, port = await Sink.listen()
    asked: dict[bytes, float] = {}
    async with server, daemon(url, port) as started:

        async def ask(each: int) -> None:
            destination = f"7926{each:07}"
            asked[destination.encode()] = time.perf_counter()
            body = {"to": f"+{destination}", "text": TEXT}
            async with started.session.post(f"{started.url}/v1/messages", json=body) as response:
                assert response.status == 202, await response.text()

        begun, cpu = time.perf_counter(), started.cpu()
        async with asyncio.TaskGroup() as asking:
            for each in range(number):
                if (early := begun + each / rate - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                asking.create_task(ask(each))
        took = time.perf_counter() - begun
        while len(Sink.seen) < number:
            await asyncio.sleep(0.01)
        spent = started.cpu_since(cpu, number)
    waits = sorted(Sink.seen[destination] - at for destination, at in asked.items() if at >= begun + 1.0)
    p50, p99 = (waits[int(len(waits) * part)] * 1000 for part in (0.5, 0.99))
    print(f"  HTTP request to submit_sm at {number / took:,.0f} a second: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    print(f"    {spent}")


async def with_a_million(url: str, *, number: int = 1_000_000, delivered: int = 20_000) -> None:
    """A million messages queued: the daemon's start, and its memory."""
    print(f"  queued by the store alone: {await fill(url, number):,.0f} messages a second")
    server, port = await Sink.listen()
    begun = time.perf_counter()
    async with server, daemon(url, port) as started:
        while not Sink.seen:
            await asyncio.sleep(0.001)
        print(f"  from start to the first submit_sm: {next(iter(Sink.seen.values())) - begun:.2f} s")
        at_first = started.memory()
        await started.until(delivered)
        print(f"  memory: {at_first:.0f} MB then, {started.memory():.0f} MB when {delivered:,} are delivered")


async def run(url: str, arguments: argparse.Namespace) -> None:
    if arguments.million:
        await with_a_million(url)
        return
    number, before = arguments.messages, arguments.history
    if before:
        await history(url, before)
        print(f"  with {before:,} delivered messages in the store")
    await from_a_loaded_queue(url, number)
    await full_loop(url, number, before + number)
    await over_http(url, number, before + 2 * number)
    await latency(url, arguments.seconds * 1_000)
    await stages(url, number)


async def on_a_server(server: str, arguments: argparse.Namespace) -> None:
    import asyncpg  # the extra `postgres`

    name = f"smpp_esme_benchmark_{os.getpid()}"
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    try:
        await run(f"{server.rpartition('/')[0]}/{name}", arguments)
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, help="how many, for each figure")
    parser.add_argument("--seconds", type=int, default=5, help="how long the latency is measured")
    parser.add_argument("--history", type=int, default=0, help="delivered messages to begin with")
    parser.add_argument("--million", action="store_true", help="only: the start and the memory with a million queued")
    parser.add_argument("--store", help="a PostgreSQL server instead of a SQLite file")
    parser.add_argument("--folder", type=Path, help="where the SQLite file goes; on a real disk")
    arguments = parser.parse_args()
    if arguments.store:
        print("PostgreSQL")
        asyncio.run(on_a_server(arguments.store, arguments))
        return
    print("SQLite")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        asyncio.run(run(f"sqlite:///{folder}/messages.sqlite3", arguments))


if __name__ == "__main__":
    main()
