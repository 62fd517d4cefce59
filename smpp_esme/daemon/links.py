"""How a link is, for a person to read: bound or not, how fast, and what went wrong last. Never a secret."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from smpp_esme.session.events import Bound, Lost, Refused, Stopped, Unreachable

if TYPE_CHECKING:
    from smpp_esme.session.events import LinkEvent
    from smpp_esme.session.link import Link


class SessionState(msgspec.Struct, frozen=True, kw_only=True):
    """One bound session.

    Attributes:
        state: BOUND_TX, BOUND_RX or BOUND_TRX.
        peer: the address of the other end.
        outstanding: requests that wait for their response.
    """

    state: str
    peer: str
    outstanding: int


class LinkState(msgspec.Struct, frozen=True, kw_only=True):
    """How a link is just now.

    Attributes:
        name: its name.
        endpoints: where its SMSC is, in order of preference.
        bind: what it is bound as.
        sessions: those that are bound.
        wanted: how many should be; 0 for a link that has ended.
        window: requests that may be outstanding on each session.
        pace: submit_sm a second that may leave now; 0 for no limit.
        ceiling: what the pace climbs to.
        slowed_by: what the SMSC said that made it slower; empty at full speed.
        held: seconds in which nothing leaves.
        last_error: the last thing that went wrong, or None.
        last_error_at: when.
        bound_at: when a session was last bound.
        unable_for: seconds for which it has not been able to submit; 0: it is, or is not meant to.
        left: how many messages could not go from there to another link, by why; see `rerouting.Why`.
    """

    name: str
    endpoints: list[str]
    bind: str
    sessions: list[SessionState]
    wanted: int
    window: int
    pace: float
    ceiling: float
    slowed_by: str
    held: float
    last_error: str | None
    last_error_at: datetime | None
    bound_at: datetime | None
    unable_for: float = 0.0
    left: dict[str, int] = {}


class Observer:
    """Remembers what happened to a link.

    Args:
        link: which.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._error: str | None = None
        self._error_at: datetime | None = None
        self._bound_at: datetime | None = None

    def event(self, event: LinkEvent) -> None:
        """Something happened to it."""
        now = datetime.now(UTC)
        if isinstance(event, Bound):
            self._bound_at = now
        elif error := _error_of(event):
            self._error, self._error_at = error, now

    def state(self, now: float) -> LinkState:
        """How the link is at this time of the event loop's clock."""
        link, pace = self._link, self._link.pacing.state(now)
        return LinkState(
            name=link.name,
            endpoints=[f"{one.host}:{one.port}" for one in link.plan.endpoints],
            bind=link.plan.how,
            sessions=[
                SessionState(state=one.connection.state.name, peer=one.peer, outstanding=one.connection.outstanding)
                for one in link.sessions
            ],
            wanted=0 if link.has_ended else len(link.plan.sessions()),
            window=link.window,
            pace=pace.rate,
            ceiling=pace.ceiling,
            slowed_by=pace.reason,
            held=pace.held,
            last_error=self._error,
            last_error_at=self._error_at,
            bound_at=self._bound_at,
        )


def _error_of(event: LinkEvent) -> str | None:
    if isinstance(event, Unreachable | Refused):
        return f"{event.endpoint}: {event.error}"
    if isinstance(event, Lost):
        return event.reason
    if isinstance(event, Stopped) and event.error:
        return event.error
    return None
