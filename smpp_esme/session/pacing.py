"""How fast to submit: a token bucket whose clock is an argument."""

from __future__ import annotations

import sys
from typing import Final

#: A bucket this many seconds deep: bursts stay below what an SMSC measures over a second.
_DEPTH: Final = 0.1


class Pacing:
    """Spreads submit_sm PDUs evenly over time; segments count, messages do not.

    Args:
        throughput: submit_sm a second; 0 for no limit.
        now: seconds on any clock that only goes forward.
    """

    def __init__(self, throughput: float, now: float) -> None:
        self.throughput = throughput
        self._depth = max(1.0, throughput * _DEPTH)
        self._tokens = self._depth
        self._filled = now
        self._held_until = now

    @property
    def second(self) -> int:
        """How many PDUs may leave in a second, at least one: no more need be at hand."""
        return max(1, int(self.throughput)) if self.throughput else sys.maxsize

    def delay(self, now: float) -> float:
        """Seconds until one more PDU may leave; 0 if it may now."""
        held = max(0.0, self._held_until - now)
        if not self.throughput:
            return held
        self._fill(now)
        return max(held, (1.0 - self._tokens) / self.throughput)

    def hold(self, until: float) -> None:
        """Let nothing leave before then: the SMSC asked us to slow down."""
        self._held_until = max(self._held_until, until)

    def take(self, now: float) -> None:
        """Count one PDU that leaves."""
        if self.throughput:
            self._fill(now)
            self._tokens -= 1.0

    def _fill(self, now: float) -> None:
        self._tokens = min(self._depth, self._tokens + (now - self._filled) * self.throughput)
        self._filled = now
