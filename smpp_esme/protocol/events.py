"""What a connection reports, in the order in which it happened."""

from __future__ import annotations

from typing import Any

import msgspec

from smpp_esme.errors import RemoteProtocolError
from smpp_esme.protocol.pdus import Pdu
from smpp_esme.protocol.state import State


class Event(msgspec.Struct, frozen=True, gc=False):
    """The root of what a connection reports."""


class RequestReceived(Event, frozen=True, gc=False):
    """The peer asks; answer with `Connection.respond` unless the operation has no response."""

    request: Pdu


class ResponseReceived(Event, frozen=True, gc=False):
    """A request of ours was answered, kindly or not.

    Attributes:
        request: what was sent.
        response: its response, or the generic_nack that refused it.
        context: what was handed to `Connection.request` with it.
    """

    request: Pdu
    response: Pdu
    context: Any


class ResponseMissing(Event, frozen=True, gc=False):
    """The response timer of a request of ours expired; whether the peer acted is unknown."""

    request: Pdu
    context: Any


class ResponseLate(Event, frozen=True, gc=False):
    """A request that was given up has been answered after all; `ResponseMissing` was reported before.

    It moves no session: a bind that is answered late was not waited for.
    """

    request: Pdu
    response: Pdu
    context: Any


class StateChanged(Event, frozen=True, gc=False):
    """The session moved; BOUND_* after a bind, never CLOSED, which is `Closed`."""

    state: State


class PeerErred(Event, frozen=True, gc=False):
    """The peer broke the protocol; what was due has been answered, and the session goes on."""

    error: RemoteProtocolError


class Unsolicited(Event, frozen=True, gc=False):
    """A response to nothing that is outstanding or was: repeated, or invented."""

    response: Pdu


class Closed(Event, frozen=True, gc=False):
    """The session is over; nothing more can be sent or will be reported.

    Attributes:
        reason: a sentence.
        orderly: True after an unbind, by whichever side.
        unanswered: (request, context) of all that was sent and never answered, oldest first.
    """

    reason: str
    orderly: bool
    unanswered: list[tuple[Pdu, Any]]
