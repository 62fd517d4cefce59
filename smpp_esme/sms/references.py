"""The numbers that tell the segments of one message from those of another."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from smpp_esme.errors import InvalidValue

_PAIRS: Final = 10_000


class References:
    """Counts the references of concatenated messages, for each source and destination by itself.

    A handset puts together what has the same reference and comes from the same source, so what matters is that no two
    messages between the same two numbers have the same one at about the same time. Counted by pair, 256 messages lie
    between two with the same 8-bit reference, whatever else is sent meanwhile. Numbers drawn by lot would meet sooner:
    of 20 messages to one number, two with a chance of one half.

    Memory is bounded: past `limit` pairs the one that was used longest ago is forgotten. A pair that is new, or was
    forgotten, begins with a number that depends on how many were given out before, and so not where it began last time.

    Args:
        seed: where to begin. The seconds of a clock do for programs that are started again: whoever sends less than a
            message a second to one number then goes on behind the last reference of the run before.
        limit: how many pairs are remembered.
    """

    def __init__(self, seed: int, *, limit: int = _PAIRS) -> None:
        if limit < 1:
            raise InvalidValue("limit", f"is {limit}", "1 or more")
        self._next = seed
        self._limit = limit
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()

    def __len__(self) -> int:
        """How many pairs are remembered."""
        return len(self._last)

    def __repr__(self) -> str:
        """How many pairs are remembered; never the numbers."""
        return f"<References of {len(self)} pairs>"

    def next(self, source: str, destination: str) -> int:
        """A reference for the next message from this source to this destination; take as many low bits as there are."""
        pair = source, destination
        known = self._last.pop(pair, None)
        reference = self._next if known is None else known + 1
        self._last[pair] = reference
        self._next += 1
        if len(self._last) > self._limit:
            self._last.popitem(last=False)
        return reference
