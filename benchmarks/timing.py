"""Interleaved timing: every contender runs once in each round, so that a noisy moment hits all of them.

What is counted is the processor's time, which others on the machine do not add to.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROUNDS = 15


def microseconds(contenders: Mapping[str, Callable[[], object]], *, each: float = 0.02) -> dict[str, float]:
    """Median microseconds a call, by contender; each runs for about `each` seconds a round."""
    repeats = {name: _repeats(call, each) for name, call in contenders.items()}
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, call in contenders.items():
            taken[name].append(_once(call, repeats[name]))
    return {name: statistics.median(times) for name, times in taken.items()}


def _once(call: Callable[[], object], repeats: int) -> float:
    begun = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - begun) / repeats * 1e6


def _repeats(call: Callable[[], object], seconds: float) -> int:
    return max(1, int(seconds / max(_once(call, 10) * 1e-6, 1e-9)))
