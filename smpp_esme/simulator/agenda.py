"""What is due when: one heap and one timer, however many messages wait."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Protocol

    class Clock(Protocol):
        """What an agenda needs of an event loop."""

        def time(self) -> float:
            """Seconds on a clock that only goes forward."""

        def call_soon(self, callback: Callable[[], object], /) -> object:
            """Call this in the next turn."""

        def call_at(self, when: float, callback: Callable[[], object], /) -> asyncio.Handle:
            """Call this when the time has come."""


#: So many actions are taken before the sessions get their turn.
_BURST: Final = 500


class Agenda:
    """Actions by the time at which they are due, on the clock of the event loop.

    Attributes:
        now: what the clock says.
        soon: takes an action in the loop's next turn.
    """

    def __init__(self, loop: Clock) -> None:
        self._loop = loop
        self.now = loop.time
        self.soon = loop.call_soon
        self._heap: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()
        self._timer: asyncio.Handle | None = None
        # Kept here: what uvloop gives for a time that has passed cannot be asked when it is due.
        self._armed_for = 0.0

    def __len__(self) -> int:
        """How many actions wait."""
        return len(self._heap)

    def add(self, due: float, action: Callable[[], object]) -> None:
        """Take the action when the time has come; those due at the same time in the order in which they were added."""
        heappush(self._heap, (due, next(self._order), action))
        if self._timer is None or due < self._armed_for:
            self._arm()

    def clear(self) -> None:
        """Forget them all."""
        self._heap.clear()
        self._arm()

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None
        if self._heap:
            self._armed_for = self._heap[0][0]
            self._timer = self._loop.call_at(self._armed_for, self._run)

    def _run(self) -> None:
        self._timer = None
        now = self._loop.time()
        try:
            for _ in range(_BURST):
                if not self._heap or self._heap[0][0] > now:
                    break
                heappop(self._heap)[2]()
        finally:
            self._arm()
