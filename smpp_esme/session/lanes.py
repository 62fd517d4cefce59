"""Who goes next: lanes by priority, in which nobody waits for ever. Pure: the time is an argument."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: The lanes, as priority_flag has them (SMPP 3.4, 5.2.14): 0 for bulk, 3 for what cannot wait.
HIGHEST: Final = 3
#: Seconds of waiting that are worth one lane: what waits so long is served like the lane above.
AGEING: Final = 5.0


class Lanes(Generic[T]):
    """Queues of which the highest goes first, and within which the first goes first.

    Waiting raises: after `ageing` seconds an item counts as if it stood one lane higher, after twice that two, and so
    on without end, so that a stream of urgent items delays the others and never starves them.

    Args:
        ageing: seconds of waiting that are worth one lane; 0 keeps the lanes strict.
    """

    def __init__(self, ageing: float = AGEING) -> None:
        self._ageing = ageing
        self._lanes: tuple[deque[tuple[float, T]], ...] = tuple(deque() for _ in range(HIGHEST + 1))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def push(self, item: T, lane: int, now: float) -> None:
        """Queue an item; lanes below 0 and above the highest are those."""
        self._lanes[min(max(lane, 0), HIGHEST)].append((now, item))
        self._count += 1

    def take(self, now: float, fits: Callable[[T], bool]) -> T | None:
        """The first in order that fits, taken out; None if none does.

        A lane's turn goes by whoever has waited longest in it; who does not fit is passed over and keeps its place.
        """
        for lane in self._in_turn(now):
            items = self._lanes[lane]
            for place, (_, item) in enumerate(items):
                if fits(item):
                    del items[place]
                    self._count -= 1
                    return item
        return None

    def drop(self, gone: Callable[[T], bool]) -> None:
        """Take out all of which that is so; the others keep their order."""
        for lane in self._lanes:
            kept = [one for one in lane if not gone(one[1])]
            self._count -= len(lane) - len(kept)
            lane.clear()
            lane.extend(kept)

    def drain(self) -> list[T]:
        """All of them, taken out, in no order."""
        items = [item for lane in self._lanes for _, item in lane]
        for lane in self._lanes:
            lane.clear()
        self._count = 0
        return items

    def _in_turn(self, now: float) -> list[int]:
        """The lanes that are not empty, by the rank of whoever has waited longest in them."""
        busy = [
            (self._rank(lane, items[0][0], now), -items[0][0], lane) for lane, items in enumerate(self._lanes) if items
        ]
        return [lane for *_, lane in sorted(busy, reverse=True)]

    def _rank(self, lane: int, entered: float, now: float) -> float:
        return lane + ((now - entered) // self._ageing if self._ageing else 0)
