"""One client, once, against a sink: `python -m benchmarks.clients NAME PORT MESSAGES [--receipts] [--latency MS]`.

Prints JSON. Each is used as its own documentation says, but that all keep a window of requests outstanding. A client
is imported where it is used, for a process has one and pays for no other.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import resource
import socket
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from smpp_esme import Esme


class Job:
    """What is to be done, and the stop watch."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.port: int = arguments.port
        self.messages: int = arguments.messages
        self.window: int = arguments.window
        self.receipts: bool = arguments.receipts
        self.depth: int = arguments.depth
        self.system_id = ("R" if self.receipts else "P") + (f"L{arguments.latency}" if arguments.latency else "")
        self.seconds = self.cpu = 0.0

    def each(self) -> Iterator[tuple[str, str]]:
        """Destinations and texts of 40 characters, no two alike."""
        yield from self.some(self.messages)

    def some(self, count: int) -> Iterator[tuple[str, str]]:
        """So many of them."""
        for number in range(count):
            yield f"7916{number % 10_000_000:07}", f"Your order is ready; your code: {number:08}"

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Measures its body."""
        gc.collect()
        began, used = time.perf_counter(), time.process_time()
        yield
        self.seconds, self.cpu = time.perf_counter() - began, time.process_time() - used


# Ours


@contextlib.asynccontextmanager
async def ours(job: Job) -> AsyncIterator[Esme]:
    """Bound to the sink."""
    import smpp_esme

    url = f"smpp://{job.system_id}:secret@127.0.0.1:{job.port}"
    async with smpp_esme.connect(url, window=job.window) as esme:
        yield esme


async def receipted(esme: Esme, job: Job, submitting: asyncio.Task[None]) -> None:
    """All receipts read, parsed and answered."""
    if job.receipts:
        left = job.messages
        async with esme.receipts() as receipts:
            async for _ in receipts:
                left -= 1
                if not left:
                    break
    await submitting


async def ours_awaited(job: Job) -> None:
    """`await esme.submit(...)` from as many tasks as the window is wide."""
    async with ours(job) as esme:

        async def worker(each: Iterator[tuple[str, str]]) -> None:
            for to, text in each:
                await esme.submit(to, text, source="ACME")

        async def submit_all() -> None:
            each = job.each()
            async with asyncio.TaskGroup() as tasks:
                for _ in range(job.window):
                    tasks.create_task(worker(each))

        with job.watched():
            await receipted(esme, job, asyncio.create_task(submit_all()))


async def ours_in_bulk(job: Job) -> None:
    """`esme.submit_many(...)`."""
    from smpp_esme import MtMessage, Submitted

    async with ours(job) as esme:

        def messages(each: Iterator[tuple[str, str]]) -> Iterator[MtMessage]:
            return (MtMessage(to, text, source="ACME") for to, text in each)

        async def submit_all() -> None:
            async for outcome in esme.submit_many(messages(job.each())):
                if not isinstance(outcome, Submitted):
                    raise outcome.error

        kept = [outcome async for outcome in esme.submit_many(messages(job.some(job.depth)))]
        with job.watched():
            await receipted(esme, job, asyncio.create_task(submit_all()))
        assert len(kept) == job.depth


# smpplib


def smpplib_pipelined(job: Job) -> None:
    """The blocking client with a window kept by hand, and TCP_NODELAY, without which receipts take 40 ms each."""
    import smpplib.client
    import smpplib.consts
    import smpplib.gsm

    client = smpplib.client.Client("127.0.0.1", job.port, allow_unknown_opt_params=True)
    left = {"responses": job.messages, "receipts": job.messages if job.receipts else 0}
    client.set_message_sent_handler(lambda pdu: left.update(responses=left["responses"] - 1))
    client.set_message_received_handler(lambda pdu: left.update(receipts=left["receipts"] - 1))
    client.connect()
    client._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # noqa: SLF001 - it has no way to ask
    client.bind_transceiver(system_id=job.system_id, password="secret")
    sent = 0
    with job.watched():
        for to, text in job.each():
            while sent - (job.messages - left["responses"]) >= job.window:
                client.read_once()
            parts, coding, esm_class = smpplib.gsm.make_parts(text)
            client.send_message(
                source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
                source_addr="ACME",
                dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
                destination_addr=to,
                short_message=parts[0],
                data_coding=coding,
                esm_class=esm_class,
                registered_delivery=True,
            )
            sent += 1
        while left["responses"] or left["receipts"]:
            client.read_once()
    client.unbind()
    client.disconnect()


# aiosmpplib


async def aiosmpplib_esme(job: Job, correlator: Callable[[], Any] | None = None) -> None:
    """Its broker hands out messages while the window has room; its hook counts what comes."""
    from aiosmpplib import ESME, PhoneNumber, SubmitSm, SubmitSmResp
    from aiosmpplib.broker import AbstractBroker
    from aiosmpplib.hook import AbstractHook
    from aiosmpplib.protocol import DeliverSm
    from aiosmpplib.state import NPI, TON

    room, over = asyncio.Semaphore(job.window), asyncio.Event()
    source = PhoneNumber("ACME", TON.ALPHANUMERIC, NPI.UNKNOWN)
    each = enumerate(job.each())

    class Broker(AbstractBroker):
        async def enqueue(self, smpp_message: Any) -> None:
            raise NotImplementedError

        async def dequeue(self) -> Any:
            number, (to, text) = next(each, (None, ("", "")))
            if number is None:
                await over.wait()
                await asyncio.sleep(3600)
            await room.acquire()
            return SubmitSm(
                short_message=text,
                source=source,
                destination=PhoneNumber(to),
                log_id=str(number),
                registered_delivery=1,
            )

    class Hook(AbstractHook):
        responses = job.messages
        receipts = job.messages if job.receipts else 0

        async def sending(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
            """Nothing to see."""

        async def received(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
            if isinstance(smpp_message, SubmitSmResp):
                self.responses -= 1
                room.release()
            elif isinstance(smpp_message, DeliverSm):
                smpp_message.parse_receipt()
                self.receipts -= 1
            if not (self.responses or self.receipts):
                over.set()

        async def send_error(self, smpp_message: Any, error: Exception, client_id: str) -> None:
            raise error

    esme = ESME(
        "127.0.0.1",
        job.port,
        job.system_id,
        "secret",
        broker=Broker(),
        hook=Hook(),
        correlator=correlator() if correlator else None,
        log_level="ERROR",
    )
    with job.watched():
        task = asyncio.create_task(esme.start())
        await over.wait()
    await esme.stop()
    task.cancel()


def dict_correlator() -> Any:
    """Its correlator looks through all it keeps for every message; this one looks up."""
    from aiosmpplib.correlator import SimpleCorrelator

    class DictCorrelator(SimpleCorrelator):
        def __init__(self) -> None:
            super().__init__("benchmark")
            self.requests: dict[int, Any] = {}
            self.submitted: dict[str, Any] = {}

        async def put(self, smpp_message: Any) -> None:
            self.requests[smpp_message.sequence_num] = smpp_message

        async def get(self, response: Any) -> Any:
            return self.requests.pop(response.sequence_num, None)

        async def get_segmented(self, smpp_seq_num: int, remove: bool = False) -> Any:
            return None, 0

        async def put_delivery(self, smsc_message_id: str, submit_sm: Any) -> None:
            self.submitted[smsc_message_id] = submit_sm

        async def get_delivery(self, receipt: Any) -> Any:
            return self.submitted.pop(receipt.parse_receipt().get("id"), None)

    return DictCorrelator()


CLIENTS: dict[str, Callable[[Job], Any]] = {
    "await": lambda job: asyncio.run(ours_awaited(job)),
    "bulk": lambda job: asyncio.run(ours_in_bulk(job)),
    "smpplib": smpplib_pipelined,
    "aiosmpplib": lambda job: asyncio.run(aiosmpplib_esme(job)),
    "aiosmpplib-dict": lambda job: asyncio.run(aiosmpplib_esme(job, dict_correlator)),
}


def main() -> None:
    """Do it, and print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("port", type=int)
    parser.add_argument("messages", type=int)
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--receipts", action="store_true")
    parser.add_argument("--latency", type=int, default=0, help="milliseconds until the sink answers")
    parser.add_argument("--depth", type=int, default=0, help="so many submissions wait for their receipts already")
    arguments = parser.parse_args()
    job = Job(arguments)
    CLIENTS[arguments.client](job)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"messages": job.messages, "seconds": job.seconds, "cpu": job.cpu, "peak_kb": peak}))


if __name__ == "__main__":
    main()
