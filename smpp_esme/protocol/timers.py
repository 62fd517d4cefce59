"""The four timers of a session (SMPP 3.4, 7.2), as values that are told the time.

Times are seconds on any clock that only goes forward; 0 turns a timer off.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from smpp_esme.errors import InvalidValue


class Timers(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait for what, in seconds.

    Attributes:
        session_init: from the TCP connection to the bind.
        enquire_link: of silence from the peer before it is probed.
        inactivity: without an operation other than enquire_link before the session ends.
        response: for the response to a request of ours.
    """

    session_init: float = 30.0
    enquire_link: float = 30.0
    inactivity: float = 0.0
    response: float = 10.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            seconds = getattr(self, name)
            if not isinstance(seconds, int | float) or not seconds >= 0:
                raise InvalidValue(f"timers.{name}", f"is {seconds!r}", "seconds; 0 turns it off")


class Due(Enum):
    """What a tick found."""

    NOTHING = "nothing"
    PROBE = "probe the peer with enquire_link"
    NOT_BOUND = "the session was not bound in time"
    INACTIVE = "no operation for too long"


class SilenceWatch:
    """Watches for silence: never bound, nothing heard, nothing done.

    The response timer is the window's; this one watches the other three.
    """

    def __init__(self, timers: Timers, now: float) -> None:
        self.timers = timers
        self._opened = now
        self._heard = now
        self._active = now
        self._bound = False
        self._probing = False

    def bound(self) -> None:
        """The session is bound: session_init is over."""
        self._bound = True

    def heard(self, now: float, *, operation: bool) -> None:
        """Something came from the peer; `operation` if it was more than a sign of life."""
        self._heard = now
        self._probing = False
        if operation:
            self._active = now

    def next_deadline(self) -> float | None:
        """When to tick next."""
        deadlines = [at for _, at in self._deadlines()]
        return min(deadlines) if deadlines else None

    def tick(self, now: float) -> Due:
        """What is due at `now`; a probe is due once, until the peer is heard again."""
        for due, at in self._deadlines():
            if now >= at:
                self._probing = self._probing or due is Due.PROBE
                return due
        return Due.NOTHING

    def _deadlines(self) -> list[tuple[Due, float]]:
        """The timers that run, the fatal ones first."""
        timers, running = self.timers, []
        if timers.session_init and not self._bound:
            running.append((Due.NOT_BOUND, self._opened + timers.session_init))
        if timers.inactivity and self._bound:
            running.append((Due.INACTIVE, self._active + timers.inactivity))
        if timers.enquire_link and self._bound and not self._probing:
            running.append((Due.PROBE, self._heard + timers.enquire_link))
        return running
