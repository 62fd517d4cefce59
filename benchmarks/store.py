"""What a message costs the store, step by step: `python -m benchmarks.store [--store URL] [--statements]`.

A message is kept, claimed, answered and receipted, in batches; the processor's time of the whole process is counted. On
SQLite beside it: that of a bare `sqlite3` that writes the same rows into the same tables, with nothing decided and
nothing guarded. That is the yardstick: what the store costs beyond it is ours. On a PostgreSQL server that runs on this
machine: that of its process that serves our writer.

`--statements` tells of each statement, too, how long it took: most of that is the database's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event, text

from benchmarks.daemon import messages
from smpp_esme.message.message import Accepted, Answer, Message, ReceiptFact
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import Store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

STEPS: Final = ("keep", "claim", "answer", "receipt")


def message_id(message: Message) -> str:
    return f"{message.id:010}"


def receipt(message: Message, at: datetime) -> ReceiptFact:
    return ReceiptFact(
        link="main",
        message_id=message_id(message),
        message_status=MessageStatus.DELIVERED,
        source_addr=message.destination_addr,
        error="000",
        done_at=at,
        received_at=at,
    )


class Server:
    """The processor's time of the process on the server that writes for us, if that runs on this machine."""

    def __init__(self, process: int | None) -> None:
        self._schedule = None if process is None else Path(f"/proc/{process}/schedstat")
        if self._schedule is not None and not self._schedule.exists():
            self._schedule = None

    @classmethod
    async def of(cls, store: Store) -> Server:
        if not store.name.startswith("postgresql"):
            return cls(None)
        process = await store._write(lambda connection: connection.scalar(text("SELECT pg_backend_pid()")))  # noqa: SLF001
        return cls(process)

    def seconds(self) -> float:
        return 0.0 if self._schedule is None else int(self._schedule.read_text().split()[0]) / 1e9


class Meter:
    """Seconds, of the processor and of the clock, by step, in each round; the server's processor apart."""

    def __init__(self, server: Server | None = None) -> None:
        self.server = server or Server(None)
        self.servers: dict[str, list[float]] = {step: [] for step in STEPS}
        self.cpu: dict[str, list[float]] = {step: [] for step in STEPS}
        self.clock: dict[str, list[float]] = {step: [] for step in STEPS}

    def record(self, step: str, cpu: float, clock: float) -> None:
        self.cpu[step].append(cpu)
        self.clock[step].append(clock)

    async def timed(self, step: str, work: Callable[[], Awaitable[Any]]) -> Any:
        cpu, clock, server = time.process_time(), time.perf_counter(), self.server.seconds()
        result = await work()
        self.servers[step].append(self.server.seconds() - server)
        self.record(step, time.process_time() - cpu, time.perf_counter() - clock)
        return result

    def told(self, name: str, batch: int) -> str:
        cpu = {step: statistics.median(taken) / batch * 1e6 for step, taken in self.cpu.items()}
        clock = sum(statistics.median(taken) for taken in self.clock.values()) / batch
        lines = [_line(name, cpu) + f"{1 / clock:>14,.0f}"]
        if any(any(taken) for taken in self.servers.values()):
            lines.append(
                _line(
                    "the server", {step: sum(taken) / len(taken) / batch * 1e6 for step, taken in self.servers.items()}
                )
            )
        return "\n".join(lines)


def _line(name: str, cpu: dict[str, float]) -> str:
    return f"{name:<14}{''.join(f'{cpu[step]:>9.1f}' for step in STEPS)}{sum(cpu.values()):>9.1f}"


async def life(store: Store, batch: list[Message], meter: Meter) -> None:
    """One batch through all of its life."""
    now = datetime.now(UTC)
    until = now + timedelta(minutes=1)
    await meter.timed("keep", lambda: store.add(batch))
    claimed = await meter.timed(
        "claim", lambda: store.claim(len(batch), link="main", owner="benchmark", lease_until=until)
    )
    assert len(claimed) == len(batch)
    answers = [Answer(each.id, 1, Accepted(message_id(each))) for each in claimed]
    await meter.timed("answer", lambda: store.record_answers(answers, now))
    facts = [receipt(each, now) for each in claimed]
    recorded = await meter.timed("receipt", lambda: store.record_receipts(facts, now))
    assert all(each.moved for each in recorded)


class Bare:
    """The same rows by `sqlite3` alone."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path, isolation_level=None)
        self.database.execute("PRAGMA wal_autocheckpoint = 8000")
        self.database.execute("PRAGMA cache_size = -32768")
        self.last = 0

    def life(self, batch: list[Message], meter: Meter) -> None:
        keys = range(self.last + 1, self.last + 1 + len(batch))
        self.last += len(batch)
        now = time.time_ns() // 1000
        rows = [
            (key, one.reference, one.destination_addr, one.text, now, now, one.segments[0].short_message)
            for key, one in zip(keys, batch, strict=True)
        ]
        ids = [f"{key:010}" for key in keys]
        steps: dict[str, tuple[str, list[tuple[Any, ...]], str | None, str]] = {
            "keep": (
                (
                    "INSERT INTO message (id, reference, kind, source_addr, source_addr_ton, source_addr_npi,"
                    " destination_addr, dest_addr_ton, dest_addr_npi, text, data_coding, registered_delivery, priority,"
                    " link, status, attempts, created_at, next_attempt_at, esm_class, short_message, tlvs) VALUES"
                    " (?, ?, 'sms', 'ACME', 5, 0, ?, 1, 1, ?, 0, 1, 1, 'main', 'QUEUED', 0, ?, ?, 0, ?, x'')"
                ),
                rows,
                None,
                "QUEUED",
            ),
            "claim": (
                (
                    "UPDATE message SET status = 'SUBMITTING', attempts = 1, lease_owner = 'nobody', lease_until = ?,"
                    " claimed_at = ? WHERE id = ?"
                ),
                [(now, now, key) for key in keys],
                "QUEUED",
                "SUBMITTING",
            ),
            "answer": (
                (
                    "UPDATE message SET status = 'SUBMITTED', lease_owner = NULL, lease_until = NULL, message_id = ?,"
                    " message_id_key = ?, command_status = 0, submitted_at = ? WHERE id = ?"
                ),
                [(one, one, now, key) for one, key in zip(ids, keys, strict=True)],
                "SUBMITTING",
                "SUBMITTED",
            ),
            "receipt": (
                "UPDATE message SET status = 'DELIVERED', error = '000', final_at = ? WHERE id = ?",
                [(now, key) for key in keys],
                "SUBMITTED",
                "DELIVERED",
            ),
        }
        for step, (statement, parameters, previous, status) in steps.items():
            cpu, clock = time.process_time(), time.perf_counter()
            self.database.execute("BEGIN IMMEDIATE")
            self.database.executemany(statement, parameters)
            told = [(key, now, previous, status) for key in keys]
            self.database.executemany("INSERT INTO event (message, at, previous, status) VALUES (?, ?, ?, ?)", told)
            self.database.execute("COMMIT")
            meter.record(step, time.process_time() - cpu, time.perf_counter() - clock)


class Statements:
    """How long each statement took."""

    def __init__(self, store: Store, server: Server) -> None:
        self.server = server
        self.on_server: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()
        writer: Any = store._database.writer  # noqa: SLF001
        engine = getattr(writer, "sync_engine", writer)
        event.listen(engine, "before_cursor_execute", self._begun)
        event.listen(engine, "after_cursor_execute", self._ended)

    def _begun(self, connection: Any, *_: Any) -> None:
        connection.info["begun"] = time.perf_counter(), self.server.seconds()

    def _ended(self, connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        clock, server = connection.info["begun"]
        self.seconds[statement] += time.perf_counter() - clock
        self.on_server[statement] += self.server.seconds() - server

    def told(self, number: int) -> Iterator[str]:
        for statement, seconds in self.seconds.most_common(20):
            server = self.on_server[statement]
            yield f"{seconds / number * 1e6:>7.1f} {server / number * 1e6:>7.1f}  {' '.join(statement.split())[:140]}"


async def run(url: str, options: argparse.Namespace, bare: Path | None) -> None:
    ours, theirs = Meter(), Meter()
    if bare is not None:
        async with await Store.open(f"sqlite:///{bare}"):
            pass
    async with await Store.open(url) as store:
        for batch in _batches(options.batch * options.warm, options.batch):
            await life(store, batch, Meter())
        ours.server = await Server.of(store)
        statements = Statements(store, ours.server) if options.statements else None
        yardstick = Bare(bare) if bare is not None else None
        for batch in _batches(options.messages, options.batch, first=10**6):
            await life(store, batch, ours)
            if yardstick is not None:
                yardstick.life(batch, theirs)
    print(f"{'us a message':<14}{''.join(f'{step:>9}' for step in STEPS)}{'all':>9}{'messages/s':>14}")
    print(ours.told("the store", options.batch))
    if yardstick is not None:
        yardstick.database.close()
        print(theirs.told("bare sqlite3", options.batch))
    for line in statements.told(options.messages) if statements else ():
        print(line)


def _batches(number: int, size: int, first: int = 0) -> Iterator[list[Message]]:
    together = [one for batch in messages(number, first) for one in batch]
    for begin in range(0, number, size):
        yield together[begin : begin + size]


async def on_a_server(server: str, options: argparse.Namespace) -> None:
    import asyncpg  # the extra `postgres`

    name = f"smpp_esme_benchmark_{os.getpid()}"
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    try:
        await run(f"{server.rpartition('/')[0]}/{name}", options, None)
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--warm", type=int, default=4, help="batches that are not counted")
    parser.add_argument("--statements", action="store_true", help="tell of each statement, too")
    parser.add_argument("--store", help="a PostgreSQL server instead of a SQLite file")
    parser.add_argument("--folder", type=Path, help="where the SQLite files go; on a real disk")
    options = parser.parse_args()
    if options.store:
        asyncio.run(on_a_server(options.store, options))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        asyncio.run(run(f"sqlite:///{folder}/ours.sqlite3", options, Path(folder) / "bare.sqlite3"))


if __name__ == "__main__":
    main()
