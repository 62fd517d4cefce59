"""Session states and the operation matrix (SMPP 3.4, 2.2 and table 2-1), as tables.

Two rules keep this file honest. Everything that decides what is legal when lives here. And nothing here knows which
side we are: the role is a key of the tables, so that a session of ours against a session of ours is two look-ups in
the same table.

A session opens with a TCP connection (OPEN). A successful bind response moves it to BOUND_TX, BOUND_RX or BOUND_TRX,
named from the ESME's point of view; a successful unbind response, or the loss of the connection, moves it to CLOSED.
Nothing else moves it.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from smpp_esme.protocol.commands import CommandId as Id


class Role(Enum):
    """Which end of the session we are."""

    ESME = "ESME"
    SMSC = "SMSC"

    __hash__ = object.__hash__  # every PDU is looked up by role and state, and Enum's own hash is a call in Python

    @property
    def peer(self) -> Role:
        """The other end."""
        return Role.SMSC if self is Role.ESME else Role.ESME


class State(Enum):
    """Where a session stands (SMPP 3.4, 2.2)."""

    OPEN = "OPEN"
    BOUND_TX = "BOUND_TX"
    BOUND_RX = "BOUND_RX"
    BOUND_TRX = "BOUND_TRX"
    CLOSED = "CLOSED"

    __hash__ = object.__hash__

    @property
    def is_bound(self) -> bool:
        """True in the three bound states."""
        return self in BOUND


BOUND: Final = frozenset({State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX})
_TX: Final = frozenset({State.BOUND_TX, State.BOUND_TRX})
_RX: Final = frozenset({State.BOUND_RX, State.BOUND_TRX})
_OPEN: Final = frozenset({State.OPEN})

#: Which request each role may make in which states (SMPP 3.4, table 2-1; 5.0, 2.4). What is not listed is illegal.
#: enquire_link is allowed before the bind too, as 5.0 has it and as peers do.
REQUESTS: Final[dict[Role, dict[int, frozenset[State]]]] = {
    Role.ESME: {
        Id.BIND_RECEIVER: _OPEN,
        Id.BIND_TRANSMITTER: _OPEN,
        Id.BIND_TRANSCEIVER: _OPEN,
        Id.UNBIND: BOUND,
        Id.ENQUIRE_LINK: BOUND | _OPEN,
        Id.SUBMIT_SM: _TX,
        Id.SUBMIT_MULTI: _TX,
        Id.DATA_SM: _TX,
        Id.QUERY_SM: _TX,
        Id.CANCEL_SM: _TX,
        Id.REPLACE_SM: _TX,
        Id.BROADCAST_SM: _TX,
        Id.QUERY_BROADCAST_SM: _TX,
        Id.CANCEL_BROADCAST_SM: _TX,
    },
    Role.SMSC: {
        Id.OUTBIND: _OPEN,
        Id.UNBIND: BOUND,
        Id.ENQUIRE_LINK: BOUND | _OPEN,
        Id.DELIVER_SM: _RX,
        Id.DATA_SM: _RX,
        Id.ALERT_NOTIFICATION: _RX,
    },
}

#: Requests that a peer of an earlier version does not know (SMPP 5.0, 4.4 to 4.6).
OF_5_0: Final = frozenset({Id.BROADCAST_SM, Id.QUERY_BROADCAST_SM, Id.CANCEL_BROADCAST_SM})

#: A successful response moves the session; nothing else does.
ON_SUCCESS: Final[dict[tuple[State, int], State]] = {
    (State.OPEN, Id.BIND_RECEIVER_RESP): State.BOUND_RX,
    (State.OPEN, Id.BIND_TRANSMITTER_RESP): State.BOUND_TX,
    (State.OPEN, Id.BIND_TRANSCEIVER_RESP): State.BOUND_TRX,
    (State.BOUND_TX, Id.UNBIND_RESP): State.CLOSED,
    (State.BOUND_RX, Id.UNBIND_RESP): State.CLOSED,
    (State.BOUND_TRX, Id.UNBIND_RESP): State.CLOSED,
}

BINDS: Final = frozenset({Id.BIND_RECEIVER, Id.BIND_TRANSMITTER, Id.BIND_TRANSCEIVER})


def may_request(role: Role, state: State, command_id: int) -> bool:
    """True if this role may make this request in this state."""
    return state in REQUESTS[role].get(command_id, ())


def next_state(state: State, command_id: int, *, ok: bool) -> State:
    """The state after a response with this command_id went over the session."""
    return ON_SUCCESS.get((state, command_id), state) if ok else state
