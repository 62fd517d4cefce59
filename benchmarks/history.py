"""What the store's steps cost as history grows: `python -m benchmarks.history [--rows 10000 1000000 10000000]`.

A few thousand messages go through all of their life; SQLite then copies them, ids and all, until there are so many, and
each step of the traffic is timed on top of that history: a hundred messages kept, claimed, answered and receipted, and
what is asked over HTTP. At the end old messages are deleted while others are kept, and the longest time that anybody
waited for a commit meanwhile is told. Ten million rows take some 7 GB in a temporary folder, or where --folder says,
and some minutes. The file is synced as the daemon's is (synchronous = "full"), so the disk decides what a commit
costs; told is the lower quartile of 25 times, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.daemon import messages
from smpp_esme.message.message import Accepted, Answer, ReceiptFact
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import Store
from smpp_esme.store.tables import event, message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SEED: Final = 2_000
BATCH: Final = 100
REPEATS: Final = 25
#: What differs from one copy of a message to the next; `n` is the copy's id.
_OWN: Final = {
    "message": {
        "id": "id + :by",
        "reference": "printf('H%025d', id + :by)",
        "destination_addr": "printf('7%010d', id + :by)",
        "message_id": "printf('9%012d', id + :by)",
        "message_id_key": "printf('9%012d', id + :by)",
    },
    "event": {"id": "id + :by_event", "message": "message + :by"},
}


async def live(store: Store, number: int, first: int = 0) -> None:
    """Have messages go through all of their life."""
    now = datetime.now(UTC)
    for batch in messages(number, first):
        await store.add(batch)
        claimed = await store.claim(len(batch), link="main", owner="history", lease_until=now + timedelta(hours=1))
        await store.record_answers([Answer(one.id, 1, Accepted(str(one.id))) for one in claimed], now)
        await store.record_receipts([receipt(str(one.id), now) for one in claimed], now)


def receipt(message_id: str, at: datetime) -> ReceiptFact:
    return ReceiptFact(link="main", message_id=message_id, message_status=MessageStatus.DELIVERED, received_at=at)


def grow(path: Path, rows: int) -> None:
    """Copy what is there until there are so many messages, each with its own ids and its history."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000;")
        while (have := count(database)) < rows:
            last, last_event = top(database, "message"), top(database, "event")
            first = last - min(have, rows - have, 500_000)
            by = {"by": last - first, "by_event": last_event, "first": first}
            database.execute("BEGIN")
            for table, key in ((message, "id"), (event, "message")):
                names = [column.name for column in table.columns]
                values = ", ".join(_OWN[table.name].get(name, f'"{name}"') for name in names)
                columns = ", ".join(f'"{name}"' for name in names)
                database.execute(
                    f"INSERT INTO {table.name} ({columns}) SELECT {values} FROM {table.name}"
                    f" WHERE {key} > :first ORDER BY id",
                    by,
                )
            database.execute("DELETE FROM tally")
            database.execute("INSERT INTO tally SELECT 0, status, count(*) FROM message GROUP BY status")
            database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def count(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT sum(number) FROM tally").fetchone()[0] or 0)


def top(database: sqlite3.Connection, table: str) -> int:
    return int(database.execute(f"SELECT max(id) FROM {table}").fetchone()[0] or 0)


async def measure(store: Store, rows: int) -> dict[str, float]:
    """Milliseconds of each step, a hundred messages at a time where there are several."""
    taken: dict[str, list[float]] = {}

    async def timed(name: str, work: Awaitable[Any]) -> Any:
        began = time.perf_counter()
        result = await work
        taken.setdefault(name, []).append((time.perf_counter() - began) * 1e3)
        return result

    now = datetime.now(UTC)
    for turn in range(REPEATS):
        [batch] = list(messages(BATCH, rows + turn * BATCH))
        await timed("keep 100", store.add(batch))
        claim = store.claim(BATCH, link="main", owner="history", lease_until=now + timedelta(hours=1))
        claimed = await timed("claim 100", claim)
        answers = [Answer(one.id, 1, Accepted(f"{rows}.{one.id}")) for one in claimed]
        await timed("answer 100", store.record_answers(answers, now))
        facts = [receipt(f"{rows}.{one.id}", now) for one in claimed]
        await timed("receipt 100", store.record_receipts(facts, now))
        await timed("orphan receipt", store.record_receipts([receipt(f"nobody's {rows} {turn}", now)], now))
        await timed("one message", store.message(claimed[0].reference))
        await timed("its history", store.events(claimed[0].reference))
        await timed("page of a status", store.messages(status=MessageStatus.DELIVERED, limit=100))
        await timed("counts", store.counts())
        await timed("recover nothing", store.recover("nobody", now))
    return {name: statistics.quantiles(times)[0] for name, times in taken.items()}


async def retention(store: Store, steps: int) -> dict[str, float]:
    """Delete what is old, while messages are kept: the longest step, and the longest wait of a message."""
    waits, taken, after = list[float](), list[float](), 0

    async def keep(number: int) -> None:
        while True:
            [batch] = list(messages(10, number))
            began = time.perf_counter()
            await store.add(batch)
            waits.append((time.perf_counter() - began) * 1e3)
            number += 10
            await asyncio.sleep(0.01)

    keeping = asyncio.create_task(keep(1 << 40))
    before = datetime.now(UTC) + timedelta(days=1)
    for _ in range(steps):
        began = time.perf_counter()
        after = await store.housekeeping.delete_old(before, after=after) or 0
        taken.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(0.02)
    keeping.cancel()
    await asyncio.wait([keeping])
    return {
        "a step of 200 deleted, median": statistics.median(taken),
        "a step of 200 deleted, longest": max(taken),
        "10 messages kept meanwhile, median": statistics.median(waits),
        "10 messages kept meanwhile, longest": max(waits),
    }


async def at_size(path: Path, work: Callable[[Store], Awaitable[dict[str, float]]]) -> dict[str, float]:
    async with await Store.open(f"sqlite:///{path}") as store:
        return await work(store)


async def run(sizes: list[int], folder: Path) -> None:
    path = folder / "history.sqlite3"
    await at_size(path, lambda store: _nothing(live(store, SEED)))
    columns: dict[int, dict[str, float]] = {}
    for rows in sorted(sizes):
        began = time.monotonic()
        await asyncio.to_thread(grow, path, rows)
        columns[rows] = await at_size(path, lambda store, rows=rows: measure(store, rows))
        size = path.stat().st_size / 1e9
        print(f"{rows:,} messages with their history: {size:.2f} GB, {time.monotonic() - began:.0f} s", flush=True)
    print(f"\n{'milliseconds':<24}" + "".join(f"{rows:>14,}" for rows in columns))
    for name in next(iter(columns.values())):
        print(f"{name:<24}" + "".join(f"{column[name]:>14.2f}" for column in columns.values()))
    print("\nretention, milliseconds")
    for name, value in (await at_size(path, lambda store: retention(store, 200))).items():
        print(f"{name:<40}{value:>10.2f}")


async def _nothing(work: Awaitable[None]) -> dict[str, float]:
    await work
    return {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000])
    parser.add_argument("--folder", type=Path, help="where the database is made, and removed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        asyncio.run(run(options.rows, Path(folder)))


if __name__ == "__main__":
    main()
