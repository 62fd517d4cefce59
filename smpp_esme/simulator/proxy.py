"""A network that misbehaves: a TCP proxy to put between an ESME and an SMSC, whichever they are.

It cuts connections, holds octets back, and forwards them in pieces that end where they like. What it does next is a
function of its seed; when a program wants a fault at a certain moment, the same faults are methods.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from typing import TYPE_CHECKING, Final, Literal, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

#: What a fault may be; a stall ends, the others do not.
Fault = Literal["cut", "vanish", "stall"]

#: So many octets wait for an end that does not read before the other end is no longer read.
_BACKLOG: Final = 65_536
#: Linger for no time at all: closing then sends RST.
_RESET: Final = struct.pack("ii", 1, 0)


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """How often a network misbehaves.

    Attributes:
        every: seconds from one fault to the next, on the average; 0 for none but those that are asked for.
        kinds: what a fault may be: `cut` resets a connection at both ends, `vanish` resets it at the SMSC's end and
            leaves the ESME's open and silent, `stall` forwards nothing for a while.
        stall: seconds that a stall lasts at most.
        pieces: into how many pieces one read is forwarded at most.
    """

    every: float = 0.0
    kinds: tuple[Fault, ...] = ("cut", "stall")
    stall: float = 1.0
    pieces: int = 1


def schedule(faults: Faults, luck: random.Random) -> Iterator[tuple[float, Fault]]:
    """The faults to come without end: seconds to wait, then what happens; none at all if `every` is 0."""
    while faults.every:
        yield luck.expovariate(1 / faults.every), luck.choice(faults.kinds)


class FaultProxy:
    """Forwards to an SMSC what connects to it; an async context manager that listens between its two ends.

    Args:
        port: the SMSC's.
        host: likewise.
        faults: how it misbehaves by itself; by default not at all.
        seed: decides when, which connection, and where pieces end.

    Attributes:
        port: where it listens, on 127.0.0.1.
        counts: how many faults of each kind there were.
    """

    def __init__(self, port: int, *, host: str = "127.0.0.1", faults: Faults | None = None, seed: int = 0) -> None:
        self._upstream = (host, port)
        self._faults = faults or Faults()
        self._luck = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._pairs: list[_Pair] = []
        self.port = 0
        self.counts: dict[Fault, int] = {"cut": 0, "vanish": 0, "stall": 0}

    def __repr__(self) -> str:
        return f"<FaultProxy on {self.port}, {len(self._pairs)} connections>"

    async def __aenter__(self) -> Self:
        """Listen, and misbehave from now on.

        Raises:
            OSError: no port can be had.
        """
        self._server = await asyncio.get_running_loop().create_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._misbehaving = asyncio.create_task(self._misbehave(), name="proxy.misbehave")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._misbehaving.cancel()
        self._server.close()
        for pair in list(self._pairs):
            pair.cut()
        await asyncio.wait([self._misbehaving])

    def cut(self) -> None:
        """Reset every connection at both ends."""
        for pair in list(self._pairs):
            self._do("cut", pair)

    def vanish(self) -> None:
        """Reset every connection at the SMSC's end; what the ESME sends from then on is lost without a word."""
        for pair in list(self._pairs):
            self._do("vanish", pair)

    def stall(self) -> None:
        """Forward nothing on any connection, until `flow`."""
        for pair in self._pairs:
            self._do("stall", pair)

    def flow(self) -> None:
        """Forward again what was held back."""
        for pair in self._pairs:
            pair.hold(held=False)

    async def _misbehave(self) -> None:
        for delay, fault in schedule(self._faults, self._luck):
            await asyncio.sleep(delay)
            if self._pairs:
                pair = self._luck.choice(self._pairs)
                self._do(fault, pair)
                if fault == "stall":
                    await asyncio.sleep(self._luck.uniform(0, self._faults.stall))
                    pair.hold(held=False)

    def _do(self, fault: Fault, pair: _Pair) -> None:
        self.counts[fault] += 1
        match fault:
            case "cut":
                pair.cut()
            case "vanish":
                pair.vanish()
            case "stall":
                pair.hold(held=True)

    def _accept(self) -> _End:
        pair = _Pair(self._upstream, self._faults.pieces, self._luck, self._pairs)
        return pair.esme


class _Pair:
    """One connection through the proxy: the end towards the ESME, and the end towards the SMSC."""

    def __init__(self, upstream: tuple[str, int], pieces: int, luck: random.Random, pairs: list[_Pair]) -> None:
        self._upstream = upstream
        self._pieces = pieces
        self._luck = luck
        self._pairs = pairs
        self.esme, self.smsc = _End(self), _End(self)
        self._vanished = False

    def opened(self, end: _End) -> None:
        if end is self.esme:
            self._pairs.append(self)
            self._reaching = asyncio.get_running_loop().create_task(self._reach(), name="proxy.reach")
        else:
            self.esme.resume()

    async def _reach(self) -> None:
        self.esme.pause()
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.smsc, *self._upstream)
        except OSError:
            self.cut()

    def forward(self, end: _End, octets: bytes) -> None:
        """Pass on what came in at one end, in pieces."""
        if not self._vanished:
            other = self._other(end)
            for piece in self._cut_up(octets):
                if other.transport.is_closing():
                    return
                other.transport.write(piece)

    def _cut_up(self, octets: bytes) -> Iterator[bytes]:
        count = self._luck.randint(1, self._pieces)
        ends = sorted(self._luck.randrange(len(octets) + 1) for _ in range(count - 1))
        for begin, end in zip([0, *ends], [*ends, len(octets)], strict=True):
            if begin < end:
                yield octets[begin:end]

    def pause_other(self, end: _End, *, paused: bool) -> None:
        """Do not read faster at one end than the other takes."""
        other = self._other(end)
        if paused:
            other.pause()
        else:
            other.resume()

    def closed(self, end: _End) -> None:
        """One end is gone: so is the other, unless it was to stay silent."""
        if end is self.esme or not self._vanished:
            self.cut()

    def hold(self, *, held: bool) -> None:
        for end in (self.esme, self.smsc):
            end.hold(held=held)

    def vanish(self) -> None:
        self._vanished = True
        self.smsc.abort()

    def cut(self) -> None:
        if self in self._pairs:
            self._pairs.remove(self)
        self._reaching.cancel()
        for end in (self.esme, self.smsc):
            end.abort()

    def _other(self, end: _End) -> _End:
        return self.smsc if end is self.esme else self.esme


class _End(asyncio.Protocol):
    """One of the two connections; what it reads goes to the other."""

    def __init__(self, pair: _Pair) -> None:
        self._pair = pair
        self._transport: asyncio.Transport | None = None
        self._paused = self._held = False

    @property
    def transport(self) -> asyncio.Transport:
        return cast("asyncio.Transport", self._transport)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_BACKLOG)
        self._pair.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._pair.closed(self)

    def data_received(self, data: bytes) -> None:
        self._pair.forward(self, data)

    def pause_writing(self) -> None:
        self._pair.pause_other(self, paused=True)

    def resume_writing(self) -> None:
        self._pair.pause_other(self, paused=False)

    def pause(self) -> None:
        self._paused = True
        self._read()

    def resume(self) -> None:
        self._paused = False
        self._read()

    def hold(self, *, held: bool) -> None:
        self._held = held
        self._read()

    def abort(self) -> None:
        """Reset the connection: the peer learns of it at once, and what was not sent is lost."""
        if self._transport and not self._transport.is_closing():
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()

    def _read(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._paused or self._held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
