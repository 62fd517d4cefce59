"""A session of the simulated SMSC whose connection can misbehave: octets in pieces, at once, slowly, or not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from smpp_esme.protocol.commands import CommandId
from smpp_esme.session.session import Session

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.simulator.plan import BindPlan


class Wire(asyncio.Transport):
    """A transport around the real one, for the way out.

    Attributes:
        pieces: of how many octets each write is; 0 leaves them whole.
        gathered: seconds for which writes are gathered into one.
        is_silent: whether nothing leaves any more, and nothing that comes is read.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self.pieces = 0
        self.gathered = 0.0
        self.is_silent = self._resting = False
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._timer: asyncio.Handle | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send octets, as the faults have it."""
        if self.is_silent:
            return
        if not (self.pieces or self.gathered or self._waiting):
            self._transport.write(data)
            return
        self._waiting += data
        if self._timer is None:
            self._timer = self._loop.call_later(self.gathered, self._release)

    def drain(self) -> None:
        """Send what is held back, now."""
        if self._waiting and not self.is_silent:
            self._transport.write(bytes(self._waiting))
        self._waiting.clear()

    def close(self) -> None:
        """Close it behind what was written; one that is dead stays open, or the peer would hear of it."""
        self.drain()
        if not self.is_silent:
            self._transport.close()

    def abort(self) -> None:
        """Close it at once; likewise."""
        if not self.is_silent:
            self._transport.abort()

    def bury(self) -> None:
        """Close it at once, dead or not."""
        self._transport.abort()

    def rest(self, seconds: float) -> None:
        """Read nothing for so many seconds."""
        self._resting = True
        self._transport.pause_reading()
        self._loop.call_later(seconds, self._wake)

    def is_closing(self) -> bool:
        """Whether it ends, or has ended."""
        return self._transport.is_closing()

    def is_reading(self) -> bool:
        """Whether what comes is read."""
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        """Read nothing until told."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on, unless it rests."""
        if not self._resting:
            self._transport.resume_reading()

    def get_extra_info(self, name: str, default: object = None) -> object:
        """As the real one has it."""
        return self._transport.get_extra_info(name, default)

    def _wake(self) -> None:
        self._resting = False
        if not self._transport.is_closing() and not self._transport.is_reading():
            self._transport.resume_reading()

    def _release(self) -> None:
        """Send what has gathered: at once, or a piece a turn of the event loop."""
        self._timer = None
        if self._transport.is_closing() or self.is_silent:
            self._waiting.clear()
            return
        size = self.pieces or len(self._waiting)
        if self._waiting:
            self._transport.write(bytes(self._waiting[:size]))
            del self._waiting[:size]
        if self._waiting:
            self._timer = self._loop.call_soon(self._release)


class WireSession(Session):
    """A session over a `Wire`.

    Attributes:
        heard: when octets came last, on the event loop's clock.
        wire: its connection.
        pause: seconds that pass between reads.
    """

    heard = 0.0
    wire: Wire
    pause = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The TCP connection stands."""
        self.wire = Wire(cast("asyncio.Transport", transport))
        self.heard = self._loop.time()
        super().connection_made(self.wire)

    def data_received(self, data: bytes) -> None:
        """Octets came."""
        if self.wire.is_silent:
            return
        self.heard = self._loop.time()
        super().data_received(data)
        if self.pause and not self.wire.is_closing():
            self.wire.rest(self.pause)

    def respond(self, request: Pdu, response: Pdu) -> None:
        """Answer a request of the peer's, as `Session` has it; while it is bound, nothing else happens by that."""
        if self.is_bound and request.command_id != CommandId.UNBIND:
            self.connection.respond(request, response)
            self._flush_soon()
        else:
            super().respond(request, response)

    def misbehave(self, plan: BindPlan) -> None:
        """Take over what a bind's plan says of its connection."""
        self.wire.pieces = plan.pieces
        self.wire.gathered = plan.gathered
        self.pause = plan.pause

    def flush(self) -> None:
        """Hand to the wire now what waits for the end of the event loop's turn."""
        if octets := self.connection.data_to_send():
            self.wire.write(octets)

    def hang_up(self) -> None:
        """Cut the connection behind what is on its way."""
        self.flush()
        self.abort("the script cut it")

    def say_goodbye(self) -> None:
        """Unbind, without waiting for the end."""
        self._begin_unbind(drain=False)

    def silence(self, seconds: float) -> None:
        """Let the connection go dead, for so many seconds; what would have crossed it is lost."""
        self.flush()
        self.wire.drain()
        self.wire.is_silent = True
        if seconds != float("inf"):
            self._loop.call_later(seconds, self._speak)

    def _speak(self) -> None:
        self.wire.is_silent = False
