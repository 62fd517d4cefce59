"""One SMPP session over one TCP connection, either role.

The session moves octets between a transport and a `protocol.Connection`, and time from the event loop's clock. It
writes once a loop turn, or for every `BURST` requests in one, and takes everything that one read brought at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Any, Final, cast

from smpp_esme.errors import BindRefused, LocalProtocolError, ResponseTimeout, SessionClosed, SmppError
from smpp_esme.protocol.commands import UNANSWERED
from smpp_esme.protocol.connection import Connection
from smpp_esme.protocol.events import (
    Closed,
    PeerErred,
    RequestReceived,
    ResponseLate,
    ResponseMissing,
    ResponseReceived,
)
from smpp_esme.protocol.state import Role, State
from smpp_esme.protocol.timers import Timers
from smpp_esme.session import tcp
from smpp_esme.session.outcome import Awaited

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

    from smpp_esme.protocol.events import Event
    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.session.endpoint import Endpoint
    from smpp_esme.session.listener import Listener
    from smpp_esme.session.outcome import Outcome

#: How many requests of the peer may wait for our answer before we stop reading from the socket.
REQUEST_LIMIT: Final = 10_000
#: How many PDUs may wait for a peer that does not read, before it is left.
UNSENT_LIMIT: Final = 50_000
#: So many requests are not held back for more: one write a turn costs least, but a window that goes out, and comes
#: back, as a whole leaves the peer idle while we work and us while the peer does.
BURST: Final = 32
#: Seconds that a peer has for the orderly end: to answer what is outstanding, where that is waited for, and unbind.
UNBIND_PATIENCE: Final = 10.0


class Session(asyncio.Protocol):
    """One SMPP session, over one TCP connection.

    Make one with `Session.connect`, or as the protocol of a server with ``role=Role.SMSC``.

    Attributes:
        connection: the session's protocol state; read it, leave the writing to the session.
        peer: the other end's address, for people.
        errors: how many PDUs of the peer's could not be used.
        listener: who is told what happens here; for a link that keeps several sessions.
    """

    def __init__(
        self,
        role: Role = Role.ESME,
        *,
        window: int = 10,
        timers: Timers | None = None,
        peer_version: int | None = None,
        on_open: Callable[[Session], None] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.connection = Connection(role, self._loop.time(), window=window, timers=timers, peer_version=peer_version)
        self.listener: Listener | None = None
        self.peer = "nobody yet"
        self.errors = 0
        self._on_open = on_open
        self._transport: asyncio.Transport | None = None
        self._paused = self._flushing = self._leaving = self._encrypted = False
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0  # kept here: what uvloop gives for a time that has passed cannot be asked
        self._requests: deque[Pdu] = deque()
        self._arrival = asyncio.Event()
        self._room: deque[asyncio.Future[None]] = deque()
        self._closed: asyncio.Future[Closed] = self._loop.create_future()

    @classmethod
    async def connect(
        cls,
        endpoint: Endpoint,
        *,
        window: int = 10,
        timers: Timers | None = None,
        peer_version: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Session:
        """Open the TCP connection; bind next.

        Args:
            endpoint: where to.
            window: how many requests may be outstanding.
            timers: the four timers; connecting may take as long as session_init.
            peer_version: the interface_version to hold the SMSC to, whatever it says; by default what it says.
            tls: a context of your own for ``smpp+tls://``, instead of what `endpoint.tls` says.

        Raises:
            ConnectFailed: nobody listens there, or not in time, or TLS failed. Cancelling leaves nothing open.
            InvalidValue: no address can have this host or port, or a file that `endpoint.tls` names cannot be used.
        """
        timers = timers or Timers()
        return await tcp.connect(
            lambda: cls(window=window, timers=timers, peer_version=peer_version), endpoint, timers, tls
        )

    def __repr__(self) -> str:
        return f"<Session {self.connection!r} with {self.peer}>"

    @property
    def is_bound(self) -> bool:
        """True between a successful bind and the end of the session."""
        return self.connection.state.is_bound

    @property
    def closed(self) -> Closed | None:
        """How the session ended; None while it has not."""
        return self._closed.result() if self._closed.done() else None

    async def bind(self, request: Pdu) -> Pdu:
        """Bind, and give the SMSC's response.

        Raises:
            BindRefused: the SMSC said no; the session is closed.
            ResponseTimeout, SessionClosed: it said nothing. Cancelling closes the session.
        """
        try:
            response = await self.request(request)
        except BaseException:
            self.abort("the bind failed")
            raise
        if response.command_status or self.connection.state is State.OPEN:  # a nack of ESME_ROK binds nobody either
            self.abort("the bind was refused")
            raise BindRefused(response.status, f"the bind as {type(request).__name__}")
        return response

    async def request(self, pdu: Pdu, *, timeout: float | None = None) -> Pdu:  # noqa: ASYNC109 - the peer's time, not the caller's
        """Send one request and give its response, whatever its command_status.

        Waits for room in the window first. Cancelling before the request left takes it back; after that the request
        stands and its response is dropped.

        Args:
            pdu: the request.
            timeout: seconds to wait for the response once it has left, instead of the response timer's; 0 waits for
                as long as the session lasts.

        Raises:
            LocalProtocolError, EncodingError: nothing was sent; the first also for a request that has no response.
            ResponseTimeout: no response in time; whether the peer acted is unknown.
            SessionClosed: the session ended first; the same holds.
        """
        while self.connection.state is not State.OPEN and not self.connection.room:
            await self.room()
        outcome = Awaited(loop=self._loop)
        try:
            self.start(pdu, outcome, timeout=timeout)
        except SmppError:
            self._wake_waiters()  # the room that was ours is the next one's
            raise
        return await outcome

    def start(self, pdu: Pdu, outcome: Outcome, *, timeout: float | None = None) -> int:
        """Send one request now; `outcome` is told how it ended.

        Args:
            pdu: the request.
            outcome: who is told.
            timeout: as for `request`.

        Returns:
            The sequence_number it goes out with, at the end of this turn of the event loop at the latest.

        Raises:
            LocalProtocolError: illegal in this state, no room in the window, or nothing answers such a request;
                nothing was sent.
            EncodingError: a value does not fit; nothing was sent.
            SessionClosed: the session is over, or being ended; nothing was sent.
        """
        if pdu.command_id in UNANSWERED:
            raise LocalProtocolError(f"{type(pdu).__name__} has no response to wait for: use send(); nothing was sent")
        if self._leaving or self.connection.state is State.CLOSED:
            self._check_staying()
        sequence_number = self.connection.request(pdu, self._loop.time(), outcome, timeout=timeout)
        if not self._flushing:
            self._flush_soon()
        elif not sequence_number % BURST:
            self._flush()
        return sequence_number

    def send(self, pdu: Pdu) -> None:
        """Send a request that has no response: outbind or alert_notification (SMPP 3.4, 4.1.7 and 4.12).

        Raises:
            LocalProtocolError: illegal in this state, or it has a response; nothing was sent.
            EncodingError: a value does not fit; nothing was sent.
            SessionClosed: the session is over, or being ended; nothing was sent.
        """
        if pdu.command_id not in UNANSWERED:
            raise LocalProtocolError(f"{type(pdu).__name__} has a response: use request(); nothing was sent")
        self._check_staying()
        self.connection.request(pdu, self._loop.time())
        self._flush_soon()

    async def room(self) -> int:
        """Wait until the window has room, and say for how many requests.

        Cancelling is safe.

        Raises:
            SessionClosed: the session is over, or being ended.
        """
        self._check_staying()
        while not self.connection.room:
            waiter = self._loop.create_future()
            self._room.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake_waiters()  # the room that was ours is the next one's
                raise
            self._check_staying()
        return self.connection.room

    async def requests(self) -> list[Pdu]:
        """Wait for requests of the peer's, and give all that have come; answer each with `respond`. One task at a time.

        Cancelling loses nothing.

        Raises:
            SessionClosed: the session is over and all that came before has been given.
        """
        while not self._requests:
            self._check_open()
            self._arrival.clear()
            await self._arrival.wait()
        return self.take_requests()

    def take_requests(self) -> list[Pdu]:
        """The requests of the peer's that have come and were not taken yet; none is no error."""
        taken = list(self._requests)
        self._requests.clear()
        self._resume_reading()
        return taken

    def respond(self, request: Pdu, response: Pdu) -> None:
        """Answer a request of the peer's; silently nothing if the session is over or the operation has no response.

        Raises:
            LocalProtocolError, EncodingError: `response` does not answer `request`, or a value in it does not fit.
        """
        self.respond_all([(request, response)])

    def respond_all(self, answers: Iterable[tuple[Pdu, Pdu]]) -> None:
        """As `respond`, for several requests and their responses."""
        for request, response in answers:
            if self.connection.state is not State.CLOSED and request.command_id not in UNANSWERED:
                self.connection.respond(request, response)
        self._settle()

    async def unbind(self, *, drain: bool = False, patience: float = UNBIND_PATIENCE) -> Closed:
        """End the session in order, wait until it is over, and tell how it ended.

        From now on no request is taken, and who waits for room is told so. Outcomes that come before the end are told
        as ever, and whoever has none by then gets `SessionClosed`; `Closed.unanswered` has their requests.

        Args:
            drain: whether unbind waits for what is outstanding to be answered; otherwise it goes out at once, and a
                peer may still answer before it.
            patience: seconds for all of it; after that the session is ended as it is.

        Cancelling ends it at once.
        """
        try:
            if self.is_bound:
                self._begin_unbind(drain=drain)
                # Where the response timer is longer or off, a peer that is silent must not hold up a stop.
                async with asyncio.timeout(patience):
                    await asyncio.shield(self._closed)
        except TimeoutError:
            pass  # the peer had its time
        finally:
            self.abort("closed")
        return self._closed.result()

    def abort(self, reason: str = "aborted") -> None:
        """End the session now; outstanding requests get `SessionClosed`."""
        self.connection.close(reason)
        self._settle()

    async def wait_closed(self) -> Closed:
        """Wait until the session is over, and tell how it ended. Cancelling is safe."""
        return await asyncio.shield(self._closed)

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The TCP connection stands."""
        self._transport = cast("asyncio.Transport", transport)
        self._encrypted = transport.get_extra_info("ssl_object") is not None
        name = transport.get_extra_info("peername")
        self.peer = f"{name[0]}:{name[1]}" if isinstance(name, tuple) else "a pipe"
        self._arm_timer()
        if self._on_open:
            self._on_open(self)

    def data_received(self, data: bytes) -> None:
        """Octets came."""
        self.connection.receive_data(data, self._loop.time())
        if self._paused and self.connection.unsent > UNSENT_LIMIT:
            self.connection.close("the peer asks and does not read the answers")
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection is gone."""
        self.connection.close(tcp.cause(exc, tls=self._encrypted and self.connection.state is State.OPEN))
        self._transport = None
        self._settle()

    def pause_writing(self) -> None:
        """The peer reads more slowly than we write."""
        self._paused = True

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self._paused = False
        self._flush()

    # Inside

    def _begin_unbind(self, *, drain: bool) -> None:
        with contextlib.suppress(LocalProtocolError):  # somebody else has begun already
            self.connection.unbind(self._loop.time(), drain=drain)
            self._leaving = True
            self._wake_waiters()
            self._flush_soon()

    def _settle(self) -> None:
        """Hand out what happened and see that octets and timer follow at the end of this loop turn."""
        if events := self.connection.events_received():
            self._hand_out(events)
            self._wake_waiters()
        self._flush_soon()

    def _hand_out(self, events: list[Event]) -> None:
        # The two that come with every message are told by their class: matching a pattern takes several times as long.
        listener = self.listener
        for event in events:
            if type(event) is ResponseReceived:
                response, outcome = event.response, event.context
                if listener and (response.command_status or response.tlvs):
                    listener.heard(response)
                if outcome is not None:  # nobody waits for the response to unbind but the end of the session
                    outcome.answered(response)
            elif type(event) is RequestReceived:
                self._take_request(event.request)
            else:
                self._handle(event)

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        # One that failed within this turn of the loop is closing, and its end comes with the next.
        wire = None if self._paused else self._transport
        if wire and not wire.is_closing() and (octets := self.connection.data_to_send()):
            wire.write(octets)
        if self.connection.state is State.CLOSED and self._transport:
            if self._paused:
                self._transport.abort()  # close() would wait for a peer that does not read
            elif not self._transport.is_closing():  # closed twice, a TLS transport of asyncio's is of no use any more
                self._transport.close()
        self._arm_timer()

    def _handle(self, event: Event) -> None:
        match event:
            case ResponseLate(_, response, outcome) if outcome is not None:
                outcome.late(response)
            case ResponseMissing(request, outcome):
                outcome.unanswered(ResponseTimeout(type(request).__name__, self.connection.timers.response))
            case PeerErred():
                self.errors += 1
            case Closed(reason, _, unanswered):
                self._end(event, reason, unanswered)

    def _take_request(self, request: Pdu) -> None:
        self._requests.append(request)
        if len(self._requests) == 1:
            self._arrival.set()
            if self.listener:
                self.listener.has_requests(self)
        if len(self._requests) == REQUEST_LIMIT and self._transport:
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport and not self._transport.is_closing() and not self._transport.is_reading():
            self._transport.resume_reading()

    def _end(self, closed: Closed, reason: str, unanswered: list[tuple[Pdu, Any]]) -> None:
        for _, outcome in unanswered:
            outcome.unanswered(SessionClosed(reason))
        self._arrival.set()
        if not self._closed.done():
            self._closed.set_result(closed)
        if self.listener:
            self.listener.is_over(self, closed)

    def _wake_waiters(self) -> None:
        """Wake as many as there is room for; all of them once the session is over, to be told so."""
        room = len(self._room) if self._leaving or self.connection.state is State.CLOSED else self.connection.room
        while self._room and room:
            waiter = self._room.popleft()
            if not waiter.done():
                waiter.set_result(None)
                room -= 1
        if room and self.listener:
            self.listener.has_room()

    def _check_staying(self) -> None:
        self._check_open()
        if self._leaving:
            raise SessionClosed("the session is being ended: nothing more is sent")

    def _check_open(self) -> None:
        if self._closed.done():
            raise SessionClosed(self._closed.result().reason)

    def _arm_timer(self) -> None:
        """Keep one timer, at the connection's next deadline or a little before it."""
        deadline = self.connection.next_deadline()
        if self._timer and (deadline is None or self._timer_at > deadline):
            self._timer.cancel()
            self._timer = None
        if deadline is not None and not self._timer:
            self._timer_at = deadline
            self._timer = self._loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.connection.handle_timer(self._loop.time())
        self._settle()
