"""An event loop whose time jumps: what takes three days takes milliseconds, and takes them the same way every time.

::

    async def test_a_receipt_may_take_three_days(virtual_time, smsc):
        smsc.script.late(3 * 86_400)
        async with smpp_esme.connect(smsc.url) as esme:
            submission = await esme.submit("+79161234567", "hello")
            await submission.receipt(timeout=4 * 86_400)
        assert virtual_time.time() > 3 * 86_400

While something can go on, time stands still; when every task waits, it jumps to the next timer. When every task waits
and no timer runs, that is an error: such a wait would never end. Connections go through a network in memory, which
the loop's `create_connection` and `create_server` give; so sessions, links, proxies and streams run unchanged.

What it cannot do: real sockets, TLS, subprocesses, and threads other than those of `run_in_executor`, for whom time
stands still.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import socket
from typing import TYPE_CHECKING, Any, Final, TypeVar, TypeVarTuple, Unpack

from smpp_esme.simulator.network import MemoryTransport, Network, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Executor

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

#: What the clock on the wall says when virtual time begins: 2026-01-01 00:00 UTC, seconds since 1970.
EPOCH: Final = 1_767_225_600.0
#: Seconds of virtual time that a run may take, unless it says otherwise: a bound session probes for ever, and so would
#: somebody wait beside it who has no deadline.
LIMIT: Final = 100 * 86_400.0


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, over a network in memory.

    Attributes:
        network: the network that its connections go through.
        epoch: what the clock on the wall said at its time 0, seconds since 1970.
        limit: seconds of virtual time after which it is an error that somebody still waits.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._working = 0
        self.limit = LIMIT
        self.epoch = EPOCH
        self.network = Network(self)
        super().__init__(_Jumping(self))

    def time(self) -> float:
        """Seconds of virtual time since the loop began."""
        return self._now

    def idle(self, seconds: float | None) -> bool:
        """Every task waits, for so many seconds or for ever: jump there. False if a thread is at work.

        Raises:
            RuntimeError: nothing will ever happen again, or only after the limit.
        """
        if self._working:
            return False
        if seconds is None:
            raise RuntimeError(f"nothing will ever happen: no timer runs, and all wait: {self._waiting()}")
        self._now += seconds
        if self._now > self.limit:
            limit, self.limit = self.limit, math.inf  # what is left has to end in order
            raise RuntimeError(f"{limit:g} s of virtual time have passed, and these still wait: {self._waiting()}")
        return True

    def _waiting(self) -> str:
        return ", ".join(sorted(task.get_name() for task in asyncio.all_tasks(self)))

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts
    ) -> asyncio.Future[_T]:
        """As asyncio has it; virtual time stands still until the thread is done."""
        future = super().run_in_executor(executor, func, *args)
        self._working += 1
        future.add_done_callback(self._worked)
        return future

    async def shutdown_default_executor(self, *args: Any, **options: Any) -> None:
        """As asyncio has it: the threads are waited for."""
        self._working += 1
        try:
            await super().shutdown_default_executor(*args, **options)
        finally:
            self._working -= 1

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> list[Any]:
        """Every name is its own address in the network in memory."""
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]

    async def create_connection(
        self, protocol_factory: Any, host: str | None = None, port: int | None = None, **options: Any
    ) -> tuple[MemoryTransport, Any]:
        """Connect through the network in memory.

        Raises:
            ConnectionRefusedError: nobody listens there.
            ValueError: for TLS, or a socket of the caller's own.
        """
        refused(options)
        return await self.network.connect(protocol_factory, host or "localhost", port or 0)

    async def create_server(  # type: ignore[override]  # likewise
        self, protocol_factory: Any, host: str | None = None, port: int | None = None, **options: Any
    ) -> asyncio.AbstractServer:
        """Listen in the network in memory.

        Raises:
            OSError: the port is taken.
            ValueError: for TLS, or a socket of the caller's own.
        """
        refused(options)
        return self.network.listen(protocol_factory, host, port or 0)

    def _worked(self, _: object) -> None:
        self._working -= 1


class _Jumping(selectors.DefaultSelector):
    """Sees what is ready, and lets time jump instead of waiting."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)  # what threads and signals have to say
        if ready or timeout == 0 or self._loop.idle(timeout):
            return ready
        return super().select(None)


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in virtual time, from 0, and give its result; for tests that are not asynchronous themselves."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
