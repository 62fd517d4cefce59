"""A network in memory: connections for an event loop in virtual time, with latency, slicing, cuts and silence.

It behaves as TCP on loopback does where an SMPP session can tell: octets arrive in order and in whatever slices, a
reader that pauses makes the writer pause, an end is told behind all that was written, an abort throws the rest away.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    _Factory = Callable[[], asyncio.BaseProtocol]

#: Octets that may wait for a reader before the writer is asked to pause, and at which it may go on; as asyncio has it.
_HIGH_WATER: Final = 64 * 1024
_LOW_WATER: Final = 16 * 1024
#: The first port that is given to whoever takes any, as on Linux.
_FIRST_PORT: Final = 32_768
_ANYWHERE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - nothing is bound; it is what listeners ask for
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Network:
    """Who listens where, and every connection that stands.

    Attributes:
        latency: seconds that octets travel; may be changed at any time.
        slices: is asked how many of the octets that have arrived one read brings; None brings them all. A function of
            a seeded `random.Random` gives the same slices in every run.
        reachable: whether a connection can be opened; while it is False, opening one takes for ever.
        connections: those that stand, the oldest first.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.latency = 0.0
        self.slices: Callable[[int], int] | None = None
        self.reachable = True
        self.connections: list[Connected] = []
        self._loop = loop
        self._listeners: dict[int, Listener] = {}
        self._ports = count(_FIRST_PORT)

    def __repr__(self) -> str:
        return f"<Network {len(self._listeners)} listeners, {len(self.connections)} connections>"

    def cut(self) -> None:
        """Reset every connection, for both ends."""
        for connection in list(self.connections):
            connection.cut()

    def listen(self, factory: _Factory, host: str | None, port: int) -> Listener:
        """Listen on a port, or on one that is free for port 0.

        Raises:
            OSError: somebody listens there already.
        """
        port = port or next(self._ports)
        if port in self._listeners:
            raise OSError(98, f"port {port} is taken")
        listener = self._listeners[port] = Listener(self, factory, (host or "", port))
        return listener

    def forget(self, listener: Listener) -> None:
        """Nobody listens there any more."""
        self._listeners.pop(listener.address[1], None)

    async def connect(self, factory: _Factory, host: str, port: int) -> tuple[MemoryTransport, asyncio.BaseProtocol]:
        """Open a connection to whoever listens there. Cancelling leaves nothing open.

        Raises:
            ConnectionRefusedError: nobody does.
        """
        await asyncio.sleep(2 * self.latency)  # there and back
        if not self.reachable:
            await self._loop.create_future()
        listener = self._listeners.get(port)
        if listener is None or not _reaches(host, listener.address[0]):
            raise ConnectionRefusedError(111, f"nobody listens on {host}:{port}")
        here = ("127.0.0.1", next(self._ports))
        near = MemoryTransport(self, factory(), {"sockname": here, "peername": (host, port)})
        far = MemoryTransport(self, listener.factory(), {"sockname": (host, port), "peername": here})
        self.connections.append(Connected(near, far))
        near.meet(far)
        far.meet(near)
        far.protocol.connection_made(far)
        near.protocol.connection_made(near)
        return near, near.protocol

    def ended(self, transport: MemoryTransport) -> None:
        """An end is gone; the connection is forgotten with its second end."""
        self.connections = [one for one in self.connections if not (one.has(transport) and one.is_over)]


class Connected:
    """One connection, seen from outside.

    Attributes:
        silent: whether octets, and its end, vanish on the way: a connection that is half open. What vanished does not
            come later.
    """

    def __init__(self, near: MemoryTransport, far: MemoryTransport) -> None:
        self.silent = False
        self._ends = (near, far)
        for end in self._ends:
            end.connected = self

    def has(self, transport: MemoryTransport) -> bool:
        """Whether this is one of its ends."""
        return transport in self._ends

    @property
    def is_over(self) -> bool:
        """Whether both ends are gone."""
        return all(end.is_lost for end in self._ends)

    def cut(self) -> None:
        """Reset it, for both ends."""
        for end in self._ends:
            end.lose(ConnectionResetError(104, "the network cut it"))


class Listener(asyncio.AbstractServer):
    """A server of the network in memory, as `loop.create_server` gives it."""

    def __init__(self, network: Network, factory: _Factory, address: tuple[str, int]) -> None:
        self.factory = factory
        self.address = address
        self._network = network
        self._serving = True

    @property
    def sockets(self) -> tuple[Listener, ...]:
        """What can be asked for the address; empty once closed."""
        return (self,) if self._serving else ()

    def getsockname(self) -> tuple[str, int]:
        """Where it listens."""
        return self.address

    def close(self) -> None:
        """Take no more connections; those that stand stay."""
        self._serving = False
        self._network.forget(self)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it serves in."""
        return asyncio.get_running_loop()

    def is_serving(self) -> bool:
        """Whether it takes connections."""
        return self._serving

    async def start_serving(self) -> None:
        """It does from the beginning."""

    async def serve_forever(self) -> None:
        """Wait until cancelled, then close."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.close()

    async def wait_closed(self) -> None:
        """It is closed at once."""


class MemoryTransport(asyncio.Transport):
    """One end of a connection.

    Attributes:
        protocol: whose end it is.
        connected: the connection.
        is_lost: whether it has ended for the protocol.
    """

    connected: Connected
    _peer: MemoryTransport

    def __init__(self, network: Network, protocol: asyncio.BaseProtocol, addresses: dict[str, tuple[str, int]]) -> None:
        super().__init__(addresses)
        self.protocol = cast("asyncio.Protocol", protocol)
        self.is_lost = False
        self._loop = asyncio.get_running_loop()
        self._network = network
        # What comes, with the time at which it is here; None is the end.
        self._road: deque[tuple[float, bytes | None]] = deque()
        self._waiting = 0
        self._timer: asyncio.Handle | None = None
        self._reading = True
        self._closing = self._writer_paused = False

    def meet(self, peer: MemoryTransport) -> None:
        """Say who the other end is."""
        self._peer = peer

    # What the protocol calls

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol in force."""
        return self.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Take another protocol."""
        self.protocol = cast("asyncio.Protocol", protocol)

    def is_closing(self) -> bool:
        """Whether it ends, or has ended."""
        return self._closing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send octets; nothing once it ends."""
        if self._closing or not data:
            return
        self._peer.arrive(bytes(data))
        if self._peer.unread > _HIGH_WATER and not self._writer_paused:
            self._writer_paused = True
            self.protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        """Octets that the other end has not read."""
        return self._peer.unread

    def can_write_eof(self) -> bool:
        """No: an end ends both directions."""
        return False

    def is_reading(self) -> bool:
        """Whether what comes is handed to the protocol."""
        return self._reading and not self._closing

    def pause_reading(self) -> None:
        """Hand nothing over until told."""
        self._reading = False

    def resume_reading(self) -> None:
        """Go on."""
        self._reading = True
        self._look_later()

    def close(self) -> None:
        """End it behind what was written; what still comes is dropped."""
        if not self._closing:
            self._closing = True
            self._peer.arrive(None)
            if not self._writer_paused:
                self._loop.call_soon(self.lose, None)

    def abort(self) -> None:
        """End it now; what the other end has not read is lost to it."""
        self._closing = True
        if not self.connected.silent:
            self._peer.reset()
        self._loop.call_soon(self.lose, None)

    # What the other end and the network call

    @property
    def unread(self) -> int:
        """Octets that wait here."""
        return self._waiting

    def arrive(self, octets: bytes | None) -> None:
        """Octets, or the end, are on their way here."""
        if self.connected.silent:
            return
        if self.is_lost:
            if octets is not None:
                self._loop.call_soon(self._peer.lose, ConnectionResetError(104, "the other end is gone"))
            return
        self._road.append((self._loop.time() + self._network.latency, octets))
        self._waiting += len(octets or b"")
        self._look_later()

    def reset(self) -> None:
        """The other end is gone and took with it what it had written."""
        self._road.clear()
        self._waiting = 0
        self._loop.call_later(self._network.latency, self.lose, ConnectionResetError(104, "the other end aborted"))

    def lose(self, error: Exception | None) -> None:
        """It has ended: tell the protocol, once."""
        if self.is_lost:
            return
        self.is_lost = self._closing = True
        self._road.clear()
        self._waiting = 0
        self._network.ended(self)
        self.protocol.connection_lost(error)
        self._peer.drained()

    def drained(self) -> None:
        """The other end has read enough, or will never read: writing may go on."""
        if self._writer_paused:
            self._writer_paused = False
            if self._closing:
                self._loop.call_soon(self.lose, None)
            else:
                self.protocol.resume_writing()

    # Inside

    def _look_later(self) -> None:
        if self._road and self._timer is None and self._reading:
            self._timer = self._loop.call_at(self._road[0][0], self._look)

    def _look(self) -> None:
        """Hand over what one read brings."""
        self._timer = None
        if self.is_lost or not self._reading or not self._road:
            return
        octets, ended = self._arrived()
        if octets and not self._closing:
            self.protocol.data_received(octets)
        if self._waiting <= _LOW_WATER:
            self._peer.drained()
        if ended and not self.is_lost and not self._closing and not self.protocol.eof_received():
            self.close()
        self._look_later()

    def _arrived(self) -> tuple[bytes, bool]:
        """The octets that are here, as one read brings them, and whether they are the last."""
        now = self._loop.time()
        pieces: list[bytes] = []
        while self._road and self._road[0][0] <= now:
            _, piece = self._road[0]
            if piece is None and pieces:
                break  # the end is a read of its own
            self._road.popleft()
            if piece is None:
                return b"", True
            pieces.append(piece)
        octets = b"".join(pieces)
        taken = octets[: self._network.slices(len(octets))] if self._network.slices else octets
        if len(taken) < len(octets):
            self._road.appendleft((now, octets[len(taken) :]))
        self._waiting -= len(taken)
        return taken, False


def _reaches(host: str, listens_on: str) -> bool:
    return listens_on in _ANYWHERE or host == listens_on or {host, listens_on} <= _LOOPBACK


def refused(options: dict[str, Any]) -> None:
    """Refuse what this network does not have.

    Raises:
        ValueError: TLS, or a socket of the caller's own.
    """
    for name in ("ssl", "sock"):
        if options.get(name) is not None:
            raise ValueError(f"virtual time has no {name}: its network is in memory; use real time for it")
