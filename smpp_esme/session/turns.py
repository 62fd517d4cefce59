"""Whose turn it is to submit: one queue before the windows of a link's sessions and before its pace."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from smpp_esme.errors import SessionClosed
from smpp_esme.session.lanes import Lanes

if TYPE_CHECKING:
    from smpp_esme.session.pacing import Pacing
    from smpp_esme.session.session import Session


_LEFT: Final = "the session is over, or being ended"


class _Waiter:
    """Somebody who waits for a turn, and what it was given."""

    __slots__ = ("future", "given", "most", "on", "paced")

    def __init__(self, most: int, on: Session | None, *, paced: bool) -> None:
        self.future: asyncio.Future[tuple[Session, int]] = asyncio.get_running_loop().create_future()
        self.most = most
        self.on = on
        self.paced = paced
        self.given: tuple[Session, int] | None = None


class Turns:
    """Gives turns to submit to those who ask, the highest lane first, as windows and pace have room.

    A turn that was given to somebody who waited is kept for it until it runs, so nobody can be overtaken by those who
    come meanwhile. No task, and no timer but one, is made for any of this.

    Args:
        pacing: how fast; its tokens are taken here.
    """

    def __init__(self, pacing: Pacing) -> None:
        self.pacing = pacing
        # Each with how much of its room is nobody's: it has been given and not been used yet, or is beyond `_window`.
        self._sessions: dict[Session, int] = {}
        self._window: int | None = None
        self._paced: Lanes[_Waiter] = Lanes()
        self._unpaced: Lanes[_Waiter] = Lanes()
        self._gone = 0  # of those who wait, so many were cancelled
        self._timer: asyncio.TimerHandle | None = None
        self._over: Exception | None = None

    @property
    def sessions(self) -> list[Session]:
        """The sessions that may be submitted on, the first bound first."""
        return list(self._sessions)

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._paced) + len(self._unpaced) - self._gone

    async def take(
        self, most: int = 1, *, lane: int = 0, on: Session | None = None, paced: bool = True
    ) -> tuple[Session, int]:
        """Wait for room in a window, and for the pace to use it.

        Args:
            most: how many turns are wanted; fewer may be given, one at least.
            lane: 0 for bulk to 3 for what cannot wait.
            on: the session to use, for the segments of one message; by default the one with the most room.
            paced: whether these count as submit_sm.

        Returns:
            A session, and how many requests may be started on it at once, before anything is awaited. Cancelling
            takes part of nothing.

        Raises:
            SessionClosed: `on` is over or being ended, or the link is over.
        """
        if given := self.take_now(most, on=on, paced=paced):
            return given
        waiter = _Waiter(most, on, paced=paced)
        (self._paced if paced else self._unpaced).push(waiter, lane, asyncio.get_running_loop().time())
        self.give()
        try:
            session, count = await waiter.future
        except asyncio.CancelledError:
            self._put_back(waiter)
            raise
        if session not in self._sessions:  # it ended meanwhile: another will do, unless it was to be this one
            self._put_back(waiter)
            return await self.take(most, lane=lane, on=on, paced=paced)
        self._sessions[session] -= count
        return session, count

    def take_now(self, most: int = 1, *, on: Session | None = None, paced: bool = True) -> tuple[Session, int] | None:
        """As `take`, where there is nothing to wait for; else None. Nobody who waits is overtaken.

        Raises:
            SessionClosed: as for `take`.
        """
        if self._over is not None:
            raise _again(self._over)
        if on is not None and on not in self._sessions:
            raise SessionClosed(_LEFT)
        if len(self._paced if paced else self._unpaced):
            return None
        return self._given(most, on, asyncio.get_running_loop().time(), paced=paced)

    def give(self) -> None:
        """Give turns to those who wait, as far as there are any."""
        if not self.waiting:
            return
        now = asyncio.get_running_loop().time()
        self._give_from(self._unpaced, now)
        if self.pacing.allowance(now) > 0:
            self._give_from(self._paced, now)
        self._arm(now)

    def add(self, session: Session) -> None:
        """Submit on this session too."""
        self._sessions.setdefault(session, self._beyond(session))
        self.give()

    def resize(self, window: int) -> None:
        """Let so many requests be outstanding on each session from now on; those that are stay."""
        before = {session: self._beyond(session) for session in self._sessions}
        self._window = window
        for session, withheld in before.items():
            session.connection.widen(window)
            self._sessions[session] += self._beyond(session) - withheld
        self.give()

    def remove(self, session: Session) -> None:
        """Submit on this session no more; those who wait for it alone are told."""
        if self._sessions.pop(session, None) is None:
            return
        for lanes in (self._paced, self._unpaced):
            while left := lanes.take(0.0, lambda one: one.on is session and not one.future.done()):
                left.future.set_exception(SessionClosed(_LEFT))

    def begin(self) -> None:
        """Give turns again, after an end."""
        self._over = None

    def end(self, error: Exception) -> None:
        """Give no more turns; everybody who waits, and who comes, gets this error."""
        self._over = error
        for waiter in (*self._unpaced.drain(), *self._paced.drain()):
            if not waiter.future.done():
                waiter.future.set_exception(_again(error))
        self._gone = 0
        if self._timer:
            self._timer.cancel()
            self._timer = None

    # Inside

    def _beyond(self, session: Session) -> int:
        return 0 if self._window is None else max(0, session.connection.window - self._window)

    def _has_room(self) -> bool:
        return any(session.connection.room > kept for session, kept in self._sessions.items())

    def _give_from(self, lanes: Lanes[_Waiter], now: float) -> None:
        while self._has_room() and (waiter := lanes.take(now, lambda one: self._give_to(one, now))):
            if waiter.given:  # whoever was cancelled has been given nothing
                waiter.future.set_result(waiter.given)

    def _give_to(self, waiter: _Waiter, now: float) -> bool:
        """Give this one what it may have now, and keep that for it; False if that is nothing."""
        if waiter.future.done():
            self._gone -= 1
            return True
        waiter.given = self._given(waiter.most, waiter.on, now, paced=waiter.paced)
        if waiter.given is None:
            return False
        session, count = waiter.given
        self._sessions[session] += count
        return True

    def _given(self, most: int, on: Session | None, now: float, *, paced: bool) -> tuple[Session, int] | None:
        """A session, and how many requests may be started on it now; None if there is none with room."""
        session = on or self._roomiest()
        if session is None:
            return None
        count = min(most, session.connection.room - self._sessions[session])
        if paced:
            count = min(count, self.pacing.allowance(now))
            if count > 0:
                self.pacing.take(now, count)
        return (session, count) if count > 0 else None

    def _put_back(self, waiter: _Waiter) -> None:
        """A turn that was given and will not be used is the next one's."""
        if waiter.given is None:
            if waiter.future.cancelled():  # else it is in the lanes no more: it was told that its session is gone
                self._forget_one()
            return
        session, count = waiter.given
        if session in self._sessions:
            self._sessions[session] -= count
        if waiter.paced:
            self.pacing.give_back(count)
        self.give()

    def _forget_one(self) -> None:
        """Somebody in the lanes was cancelled; they are cleared when it pays, for most are passed over before."""
        self._gone += 1
        if self._gone > self.waiting:
            for lanes in (self._paced, self._unpaced):
                lanes.drop(lambda one: one.future.done())
            self._gone = 0

    def _roomiest(self) -> Session | None:
        if len(self._sessions) == 1:
            return next(iter(self._sessions))
        return max(self._sessions, key=lambda one: one.connection.room - self._sessions[one], default=None)

    def _arm(self, now: float) -> None:
        """Where it is the pace alone that keeps those who wait, come back when it lets the next one go."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if len(self._paced) and self._has_room() and (delay := self.pacing.delay(now)) > 0:
            self._timer = asyncio.get_running_loop().call_later(delay, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.give()


def _again(error: Exception) -> SessionClosed:
    """One error for all who wait would gather their tracebacks."""
    return SessionClosed(str(error))
