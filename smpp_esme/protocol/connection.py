"""The one mutable object of the protocol: octets and the time in, octets and events out.

A `Connection` is either end of one SMPP session. It never touches a socket or a clock; whoever owns one moves octets:

    connection.receive_data(octets, now)      what came from the peer
    connection.handle_timer(now)              when next_deadline() has passed
    connection.events_received()              what happened, in order
    connection.data_to_send()                 all there is to write, for one write
    connection.receive_eof()                  the peer, or the network, is gone

It answers by itself what needs no thought: enquire_link, unbind, PDUs that cannot be read, requests that are illegal in
the present state. All else is an event, and the owner's to answer with `respond`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, cast

from smpp_esme.errors import LocalProtocolError, MalformedPdu
from smpp_esme.protocol import codec
from smpp_esme.protocol.commands import RESPONSE_BIT, UNANSWERED, CommandId, CommandStatus
from smpp_esme.protocol.events import (
    Closed,
    Event,
    PeerErred,
    RequestReceived,
    ResponseLate,
    ResponseMissing,
    ResponseReceived,
    StateChanged,
    Unsolicited,
)
from smpp_esme.protocol.pdus import (
    RESPONSES,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Pdu,
    Unbind,
    UnbindResp,
)
from smpp_esme.protocol.state import BINDS, OF_5_0, REQUESTS, Role, State, may_request, next_state
from smpp_esme.protocol.timers import Due, SilenceWatch, Timers
from smpp_esme.protocol.tlvs import Tag
from smpp_esme.protocol.window import Outstanding, Window
from smpp_esme.protocol.wire import SMPP_3_4, SMPP_5_0

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import BindTransceiver

#: Requests that neither wait for room in the window nor take any: they keep the session alive, begin or end it, or
#: have no response to wait for.
_UNCOUNTED: Final = frozenset({CommandId.ENQUIRE_LINK, CommandId.UNBIND, *BINDS, *UNANSWERED})
#: Requests after which the session is not what it was, and those that nothing answers.
_TURNING: Final = frozenset({CommandId.UNBIND, *BINDS, *UNANSWERED})
#: Requests whose answer the session lives on: the connection makes them by itself, and ends without it.
_VITAL: Final = frozenset({CommandId.ENQUIRE_LINK, CommandId.UNBIND})
_SIGNS_OF_LIFE: Final = frozenset({CommandId.ENQUIRE_LINK, CommandId.ENQUIRE_LINK_RESP})


class Connection:
    """One end of an SMPP session.

    Args:
        role: which end.
        now: the time at which the TCP connection opened, seconds on the owner's clock.
        window: how many requests of ours may be outstanding.
        timers: the four timers.
        limit: the longest PDU that is believed, octets.
        peer_version: the interface_version to hold the peer to, whatever it says; by default what it says.

    Attributes:
        state: where the session stands.
        version: the SMPP version in force, as interface_version has it: the lower of what the bind and the
            sc_interface_version in its response say. An SMSC that says nothing is taken to speak 3.4, for most that do
            leave it out, though to the letter it would be 3.3 (SMPP 3.4, 5.2.4); `peer_version` is for those. Below 3.4
            no TLV is sent: a request that has one is refused, a response goes out without. From 5.0 on
            short_message may have 255 octets.
    """

    def __init__(
        self,
        role: Role,
        now: float,
        *,
        window: int = 10,
        timers: Timers | None = None,
        limit: int = codec.DEFAULT_LIMIT,
        peer_version: int | None = None,
    ) -> None:
        self.role = role
        self.state = State.OPEN
        self.version = SMPP_3_4 if peer_version is None else peer_version
        self.timers = timers or Timers()
        self._window = Window(window)
        self._watch = SilenceWatch(self.timers, now)
        self._framer = codec.Framer(limit)
        self._urgent: list[bytes] = []
        self._outgoing: list[bytes] = []
        self._events: list[Event] = []
        self._peer_version = peer_version
        self._binding = self._leaving = self._draining = False
        self._enter(self.state)

    def __repr__(self) -> str:
        return f"<Connection {self.role.value} {self.state.value} outstanding={self.outstanding}/{self._window.size}>"

    @property
    def outstanding(self) -> int:
        """How many requests of ours wait for their response."""
        return len(self._window)

    @property
    def room(self) -> int:
        """How many more requests may be sent now; 0 once the session is being ended."""
        return 0 if self._leaving else self._window.room

    @property
    def window(self) -> int:
        """How many requests of ours may be outstanding."""
        return self._window.size

    def widen(self, window: int) -> None:
        """Let so many be outstanding, if that is more than now: room that there was may have been promised."""
        self._window.size = max(self._window.size, window)

    @property
    def unsent(self) -> int:
        """How many PDUs wait to be taken by `data_to_send`: bounded by the window, and by what the peer asks for."""
        return len(self._urgent) + len(self._outgoing)

    # What the owner does

    def request(self, pdu: Pdu, now: float, context: Any = None, *, timeout: float | None = None) -> int:
        """Send a request; its response, or the lack of one, comes as an event with `context`.

        Args:
            pdu: the request; one without a response brings no event.
            now: the time.
            context: what comes back with the response.
            timeout: seconds to wait for it, instead of the response timer's; 0 waits for ever.

        Returns:
            The sequence_number it went out with.

        Raises:
            LocalProtocolError: illegal in this state, not known to the peer's version, or the window is full; nothing
                was sent.
            EncodingError: a value does not fit, or the peer knows no TLVs and there are some; nothing was sent.
        """
        command_id = pdu.command_id
        plain = command_id in self._plain
        if not plain or self._leaving or not self._window.room:
            self._check_request(pdu)
        sequence = self._expect(pdu, now, context, timeout, counted=plain or command_id not in _UNCOUNTED)
        try:
            self._outgoing.append(pdu.layout.encode(pdu, sequence, self.version))
        except Exception:
            self._window.discard(sequence)
            raise
        if not plain and command_id in _TURNING:
            self._turn(pdu, sequence)
        return sequence

    def respond(self, request: Pdu, response: Pdu) -> None:
        """Answer a request of the peer's; the response goes out under the request's own number.

        A successful bind or unbind response moves the session.

        Raises:
            LocalProtocolError: not a response to that request, or the session is closed.
            EncodingError: a value does not fit.
        """
        if self.state is State.CLOSED:
            raise LocalProtocolError("the session is closed: nothing can be answered any more")
        if response.command_id not in (request.command_id | RESPONSE_BIT, CommandId.GENERIC_NACK):
            raise LocalProtocolError(f"{type(response).__name__} does not answer {type(request).__name__}")
        self._outgoing.append(response.layout.encode(response, request.sequence_number, self.version))
        if request.command_id not in _UNCOUNTED:  # which is nearly all of them, and moves no session
            return
        if request.command_id in BINDS:
            self._end_bind(request, response)
        self._move(response)

    def unbind(self, now: float, *, drain: bool = False) -> None:
        """Begin the orderly end: unbind goes out, `Closed` follows with its response.

        What is still outstanding then is handed back there. From now on no request is taken.

        Args:
            now: the time.
            drain: whether unbind waits until all that is outstanding has been answered, or its time is up.

        Raises:
            LocalProtocolError: the session is not bound, or being ended already.
        """
        unbind = Unbind()
        if drain and not self._window.is_drained:
            self._check_request(unbind)
            self._leaving = self._draining = True
        else:
            self.request(unbind, now)

    def close(self, reason: str) -> None:
        """End the session now; what was never answered is handed back in `Closed`."""
        self._close(reason, orderly=False)

    # What the owner brings

    def receive_data(self, octets: bytes, now: float) -> None:
        """Take octets from the peer, in any slices; never raises for what they hold."""
        frames, operation = self._framer.feed(octets), False
        for frame in frames:
            if self.state is State.CLOSED:
                return
            operation = self._receive_pdu(frame) or operation
        if frames:
            self._watch.heard(now, operation=operation)
        if self._framer.broken and self.state is not State.CLOSED:
            self._events.append(PeerErred(self._framer.broken))
            self._close(str(self._framer.broken), orderly=False)
        if self._draining:
            self._leave_if_drained(now)

    def receive_eof(self) -> None:
        """The octets have ended: the peer closed, or the network failed."""
        self._close("the peer closed the connection", orderly=False)

    def next_deadline(self) -> float | None:
        """When `handle_timer` is wanted next; None if never."""
        if self.state is State.CLOSED:
            return None
        deadlines = [at for at in (self._window.next_deadline(), self._watch.next_deadline()) if at is not None]
        return min(deadlines) if deadlines else None

    def handle_timer(self, now: float) -> None:
        """Act on what the time has brought: missing responses, silence, a bind that never came."""
        if self.state is State.CLOSED:
            return
        due = self._window.take_due(now)
        silent = [one.request for one in due if one.request.command_id in _VITAL]
        self._events += [ResponseMissing(one.request, one.context) for one in due if not _is_ours(one)]
        if any(one.request.command_id in BINDS for one in due):
            self._binding = False
        if silent:
            self._close(f"no response to {type(silent[0]).__name__}", orderly=False)
        else:
            self._attend(self._watch.tick(now), now)
        if self._draining:
            self._leave_if_drained(now)

    # What the owner takes

    def events_received(self) -> list[Event]:
        """What happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    def data_to_send(self) -> bytes:
        """All octets that wait, for one write; signs of life first."""
        if not self._outgoing and not self._urgent:
            return b""
        octets = b"".join((*self._urgent, *self._outgoing))
        self._urgent.clear()
        self._outgoing.clear()
        return octets

    # Inside

    def _expect(
        self, request: Pdu, now: float, context: Any = None, timeout: float | None = None, *, counted: bool = False
    ) -> int:
        """Enter a request into the window; gives its sequence_number."""
        seconds = self.timers.response if timeout is None else timeout
        deadline = now + seconds if seconds else math.inf
        return self._window.add(request, context, deadline, counted=counted, alike=timeout is None)

    def _check_request(self, pdu: Pdu) -> None:
        if self._leaving or not may_request(self.role, self.state, pdu.command_id):
            why = "after unbind" if self._leaving else f"in state {self.state.value}"
            raise LocalProtocolError(f"{self.role.value} may not send {type(pdu).__name__} {why}; nothing was sent")
        if self.version < SMPP_5_0 and pdu.command_id in OF_5_0:
            raise LocalProtocolError(
                f"{type(pdu).__name__} is of SMPP 5.0, which the peer has not said it speaks; nothing was sent"
            )
        if self._binding and pdu.command_id in BINDS:
            raise LocalProtocolError("a bind waits for its response already; nothing was sent")
        if pdu.command_id not in _UNCOUNTED and not self._window.room:
            raise LocalProtocolError(f"the window of {self._window.size} is full; nothing was sent")

    def _turn(self, pdu: Pdu, sequence: int) -> None:
        """A request went out that changes what may follow it, or has no response to wait for."""
        if pdu.command_id in UNANSWERED:
            self._window.discard(sequence)
        elif pdu.command_id == CommandId.UNBIND:
            self._leaving = True
        else:
            self._binding = True

    def _begin_bind(self, bind: Pdu) -> None:
        """The peer wants to bind; what answers it must suit the version that it speaks."""
        self._binding = True
        if self._peer_version is None:
            self.version = cast("BindTransceiver", bind).interface_version

    def _end_bind(self, bind: Pdu, response: Pdu) -> None:
        """The version in force is the lower of the two that are told (SMPP 3.4, 5.2.4 and 5.3.2.25)."""
        self._binding = False
        if self._peer_version is None:
            told = response.tlv(Tag.SC_INTERFACE_VERSION)
            self.version = min(cast("BindTransceiver", bind).interface_version, SMPP_3_4 if told is None else told)

    def _leave_if_drained(self, now: float) -> None:
        if self._window.is_drained and self.state is not State.CLOSED:
            self._draining = False
            unbind = Unbind()
            self._outgoing.append(codec.encode(unbind, self._expect(unbind, now)))

    def _receive_pdu(self, frame: bytes) -> bool:
        """Take one PDU; True if it is more than a sign of life."""
        try:
            pdu = codec.decode(frame)
        except MalformedPdu as error:
            self._refuse(error)
            return True
        command_id = pdu.command_id
        if command_id & RESPONSE_BIT:
            self._receive_response(pdu, command_id)
        elif command_id in self._plain_for_peer:
            self._events.append(RequestReceived(pdu))
        else:
            self._receive_request(pdu)
        return command_id not in _SIGNS_OF_LIFE

    def _refuse(self, error: MalformedPdu) -> None:
        """Answer a PDU that cannot be read with its own response if it has one, else generic_nack (SMPP 3.4, 4.3)."""
        self._events.append(PeerErred(error))
        if error.command_id & RESPONSE_BIT:
            return  # a response is never answered, or two peers would nack each other for ever
        answer = RESPONSES.get(error.command_id, GenericNack)(command_status=error.command_status)
        self._outgoing.append(codec.encode(answer, error.sequence_number))

    def _receive_nack(self, nack: Pdu) -> None:
        """A nack carries the number of what it refuses, or 0 where the peer could not read it (SMPP 3.4, 4.3.1)."""
        outstanding = self._window.take(nack.sequence_number)
        if outstanding is None and nack.sequence_number == 0:
            outstanding = self._window.take_only()
        if outstanding is not None:
            self._settle(outstanding, nack)
        elif late := self._window.take_late(nack.sequence_number):
            self._events.append(ResponseLate(late.request, nack, late.context))
        else:
            self._events.append(Unsolicited(nack))

    def _receive_response(self, response: Pdu, command_id: int) -> None:
        sequence, command_id = response.sequence_number, command_id & ~RESPONSE_BIT
        if not command_id:
            self._receive_nack(response)
        elif outstanding := self._window.take(sequence, command_id):
            self._settle(outstanding, response)
        elif late := self._window.take_late(sequence, command_id):
            self._events.append(ResponseLate(late.request, response, late.context))
        else:
            self._events.append(Unsolicited(response))

    def _settle(self, outstanding: Outstanding, response: Pdu) -> None:
        """A request of ours got its answer; a peer that refuses to be unbound, or cannot, is left all the same."""
        request = outstanding.request
        if request.command_id not in _UNCOUNTED:  # which is nearly all of them, and moves no session
            self._events.append(ResponseReceived(request, response, outstanding.context))
            return
        if request.command_id == CommandId.ENQUIRE_LINK and _is_ours(outstanding):
            return  # whatever the answer, the peer is there
        if request.command_id in BINDS:
            self._end_bind(request, response)
        self._events.append(ResponseReceived(request, response, outstanding.context))
        self._move(response)
        if request.command_id == CommandId.UNBIND:
            self._close(f"unbind was refused: {response.status.name}", orderly=False)

    def _receive_request(self, request: Pdu) -> None:
        command_id = request.command_id
        binds = command_id in BINDS
        if not may_request(self.role.peer, self.state, command_id) or (binds and self._binding):
            self._refuse_state(request)
        elif command_id == CommandId.ENQUIRE_LINK:
            self._urgent.append(codec.encode(EnquireLinkResp(), request.sequence_number))
        elif command_id == CommandId.UNBIND:
            self._outgoing.append(codec.encode(UnbindResp(), request.sequence_number))
            self._close("the peer unbound", orderly=True)
        else:
            if binds:
                self._begin_bind(request)
            self._events.append(RequestReceived(request))

    def _refuse_state(self, request: Pdu) -> None:
        """SMPP 3.4, 5.1.3: a second bind is ESME_RALYBND, anything else out of place ESME_RINVBNDSTS.

        A bind that comes while the first one waits for its answer is a second one.
        """
        again = request.command_id in BINDS and self.role is Role.SMSC
        status = CommandStatus.ESME_RALYBND if again else CommandStatus.ESME_RINVBNDSTS
        if request.command_id not in UNANSWERED:
            answer = RESPONSES.get(request.command_id, GenericNack)(command_status=status)
            self._outgoing.append(codec.encode(answer, request.sequence_number))

    def _move(self, response: Pdu) -> None:
        state = next_state(self.state, response.command_id, ok=not response.command_status)
        if state is State.CLOSED:
            self._close("unbound", orderly=True)
        elif state is not self.state:
            self._enter(state)
            self._watch.bound()
            self._events.append(StateChanged(state))

    def _enter(self, state: State) -> None:
        """The session stands there now; what is plainly legal is looked up once for all that follows."""
        self.state = state
        self._plain = _plain(self.role, state)
        self._plain_for_peer = _plain(self.role.peer, state)

    def _attend(self, due: Due, now: float) -> None:
        """Probe a silent peer; end a session that was never bound or does nothing."""
        if due is Due.PROBE:
            probe = EnquireLink()
            self._urgent.append(codec.encode(probe, self._expect(probe, now)))
        elif due is not Due.NOTHING:
            self._close(due.value, orderly=False)

    def _close(self, reason: str, *, orderly: bool) -> None:
        if self.state is State.CLOSED:
            return
        self._enter(State.CLOSED)
        left = [(one.request, one.context) for one in self._window.take_all() if not _is_ours(one)]
        self._events.append(Closed(reason, orderly, left))


def _plain(role: Role, state: State) -> frozenset[int]:
    """The requests that are legal in this state whatever else is so, where the window has room.

    Nearly every PDU is one of these, and two look-ups in tables cost a tenth of all that is done for it.
    """
    return frozenset(one for one in REQUESTS[role] if may_request(role, state, one)) - _UNCOUNTED - OF_5_0


def _is_ours(outstanding: Outstanding) -> bool:
    """True for a request that the connection made by itself: nobody else waits for its response."""
    return outstanding.context is None and outstanding.request.command_id in _VITAL
