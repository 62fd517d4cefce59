"""The client under load over a network that misbehaves, for as long as you like: `python -m benchmarks.soak`.

Messages go out at a steady rate through a proxy that cuts, stalls and slices connections every few seconds. Each has a
destination of its own, so in the end every one can be accounted for, here and at the simulated SMSC, which is a process
of its own:

    sent = final + refused + in doubt

Final is what the SMSC accepted and receipted. It exits with 1 if the sum is wrong, if a message reached the SMSC twice,
if one was lost that the client took for submitted, or if its memory grew by more than a quarter after the first fifth.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import multiprocessing
import resource
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

import smpp_esme
from smpp_esme.client import InDoubt, MtMessage, Refused, Submitted
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.plan import Backoff
from smpp_esme.simulator import FaultProxy, Faults, Handsets, Script, Smsc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from smpp_esme.client import Esme
    from smpp_esme.protocol.pdus import DataSm, SubmitSm

PREFIX: Final = "7916"
DIGITS: Final = 7
#: What became of a message, as bits of its octet.
SUBMITTED, RECEIPTED, REFUSED, IN_DOUBT = 1, 2, 4, 8
#: One submit in so many is refused by the SMSC.
REFUSALS: Final = 1000
#: Seconds without any receipt after which those that are missing are taken for lost.
SILENCE: Final = 30.0
SAMPLES: Final = 10
#: Requests that may be outstanding on a session, either way.
WINDOW: Final = 500
GROWTH: Final = 1.25
MEGABYTE: Final = 1 << 20


class Seen(msgspec.Struct):
    """What the SMSC saw, and what the network did to it."""

    submits: int
    twice: int
    missing: list[int]
    dropped: int
    faults: dict[str, int]


def number_of(addr: str) -> int:
    """Which message this destination is of."""
    return int(addr.removeprefix(PREFIX))


def smsc_process(pipe: Connection, count: int, every: float) -> None:
    """The SMSC and the network before it: sends its port, waits for what the client took for submitted, and judges."""
    asyncio.run(_smsc(pipe, count, every))


async def _smsc(pipe: Connection, count: int, every: float) -> None:
    seen = bytearray(count)

    def note(request: SubmitSm | DataSm) -> bool:
        number = number_of(request.destination_addr)
        seen[number] = min(seen[number] + 1, 2)
        return number % REFUSALS == 0

    script = Script().refuse("ESME_RINVDSTADR", when=note)
    faults = Faults(every=every, stall=1.0, pieces=5)
    async with (
        Smsc("standard", script=script, handsets=Handsets({}), receipt_delay=0.5, window=WINDOW, keep=10_000) as smsc,
        FaultProxy(smsc.port, faults=faults) as proxy,
    ):
        pipe.send(proxy.port)
        submitted = await asyncio.to_thread(pipe.recv)
        missing = [number for number in range(count) if submitted[number] & SUBMITTED and not seen[number]]
        pipe.send(Seen(sum(map(bool, seen)), seen.count(2), missing, smsc.counts.receipts_dropped, dict(proxy.counts)))


def messages(count: int, seconds: float) -> Iterator[MtMessage]:
    """So many messages, or as many as there is time for; when both are over the SMSC is not asked any more."""
    until = time.monotonic() + seconds
    for number in range(count):
        if time.monotonic() > until:
            return
        yield MtMessage(f"{PREFIX}{number:0{DIGITS}}", "The quick brown fox jumps.", source="ACME")


class Account:
    """What became of every message, in one octet each, so that keeping it takes the same memory throughout."""

    def __init__(self, count: int) -> None:
        self.fate = bytearray(count)
        self.news = asyncio.Event()
        self.receipts = 0

    def settle(self, outcome: Submitted | Refused | InDoubt) -> None:
        match outcome:
            case Submitted():
                self.fate[number_of(outcome.destination_addr)] |= SUBMITTED
            case Refused():
                self.fate[number_of(outcome.message.to)] |= REFUSED
            case InDoubt():
                self.fate[number_of(outcome.message.to)] |= IN_DOUBT

    async def hear(self, esme: Esme) -> None:
        async with esme.receipts() as receipts:
            async for receipt in receipts:
                self.fate[number_of(receipt.source_addr)] |= RECEIPTED
                self.receipts += 1
                self.news.set()

    async def all_heard(self) -> None:
        """Until everything that the SMSC accepted is receipted, or there was silence for too long (TimeoutError)."""
        while SUBMITTED in self.fate:
            self.news.clear()
            async with asyncio.timeout(SILENCE):
                await self.news.wait()

    def told(self) -> dict[str, int]:
        counts = Counter(self.fate)
        return {
            "sent": sum(count for fate, count in counts.items() if fate),
            "final": counts[SUBMITTED | RECEIPTED],
            "refused": counts[REFUSED],
            "in doubt": counts[IN_DOUBT] + counts[IN_DOUBT | RECEIPTED],
            "in doubt, yet receipted": counts[IN_DOUBT | RECEIPTED],
            "without a receipt": counts[SUBMITTED],
        }


def resident() -> float:
    """Megabytes that this process holds now."""
    with open("/proc/self/statm") as statm:  # noqa: PTH123 - no file but a question to the kernel
        return int(statm.read().split()[1]) * resource.getpagesize() / MEGABYTE


async def sample(account: Account, seconds: float, into: list[float]) -> None:
    """Tell every tenth of the time how it stands."""
    begun = 0
    while True:
        await asyncio.sleep(seconds / SAMPLES)
        into.append(resident())
        told = account.told()
        rate = (told["sent"] - begun) / (seconds / SAMPLES)
        begun = told["sent"]
        sent = f"{begun:>9} sent, {rate:>6.0f}/s, {account.receipts:>9} receipts"
        print(f"{sent}, {told['in doubt']:>6} in doubt, {into[-1]:.0f} MB", flush=True)


async def soak(options: argparse.Namespace, pipe: Connection) -> bool:
    """Run it, and tell whether everything is accounted for."""
    count = int(options.rate * options.seconds)
    account, memory = Account(count), list[float]()
    url = f"smpp://acme:secret@127.0.0.1:{await asyncio.to_thread(pipe.recv)}"
    async with smpp_esme.connect(
        url,
        binds=options.binds,
        window=WINDOW,
        throughput=options.rate,
        timers=Timers(response=5.0, enquire_link=5.0),
        backoff=Backoff(first=0.05, most=0.5),
    ) as esme:
        hearing = asyncio.create_task(account.hear(esme))
        sampling = asyncio.create_task(sample(account, options.seconds, memory))
        async for outcome in esme.submit_many(messages(count, options.seconds)):
            account.settle(outcome)
        with contextlib.suppress(TimeoutError):
            await account.all_heard()
        sampling.cancel()
        hearing.cancel()
    pipe.send(bytes(account.fate))
    return judge(account, memory, await asyncio.to_thread(pipe.recv))


def judge(account: Account, memory: list[float], seen: Seen) -> bool:
    """Print the account, and whether it is in order."""
    told = account.told()
    early = memory[len(memory) // 5] if memory else 0.0
    for name, count in told.items():
        print(f"{name:>24}: {count}")
    print(f"{'seen by the SMSC':>24}: {seen.submits}, {seen.twice} of them twice, {len(seen.missing)} missing")
    print(f"{'faults':>24}: {', '.join(f'{count} {name}' for name, count in seen.faults.items())}")
    print(f"{'receipts':>24}: {account.receipts}, {seen.dropped} given up by the SMSC")
    print(f"{'memory':>24}: {early:.0f} MB after a fifth, {memory[-1] if memory else 0:.0f} MB at the end")
    whole = told["sent"] == told["final"] + told["refused"] + told["in doubt"]
    flat = not memory or memory[-1] <= early * GROWTH
    return whole and flat and not seen.twice and not seen.missing


def main() -> int:
    """0 if every message is accounted for and the memory is flat."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long to send for")
    parser.add_argument("--rate", type=float, default=5000.0, help="messages a second")
    parser.add_argument("--every", type=float, default=3.0, help="seconds between faults, on the average")
    parser.add_argument("--binds", type=int, default=2, help="sessions")
    options = parser.parse_args()
    logging.getLogger("smpp_esme").addHandler(logging.NullHandler())  # of each cut the log would tell
    ours, theirs = multiprocessing.Pipe()
    count = int(options.rate * options.seconds)
    smsc = multiprocessing.get_context("spawn").Process(target=smsc_process, args=(theirs, count, options.every))
    smsc.start()
    try:
        whole = asyncio.run(soak(options, ours))
    finally:
        smsc.join(10)
        smsc.kill()
    print("everything is accounted for" if whole else "NOT everything is accounted for, or memory grew")
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
