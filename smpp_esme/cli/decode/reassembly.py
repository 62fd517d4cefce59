"""One direction of a TCP stream put back in order: what overlaps is cut, what comes early waits (RFC 9293, 3.4)."""

from __future__ import annotations

import heapq
from itertools import count
from typing import Final

import msgspec

#: Sequence numbers are counted modulo 2**32.
_MODULUS: Final = 2**32
#: What holding one segment costs beside its octets.
_OVERHEAD: Final = 128


class Gap(msgspec.Struct, frozen=True):
    """Octets of the stream that are not there.

    Attributes:
        octets: how many.
        cut: whether the packet that carried them is in the capture, but not all of it.
    """

    octets: int
    cut: bool = False


class Reassembly:
    """Segments in any order go in, octets in order come out; a hole is waited for until somebody gives it up.

    Attributes:
        first: the sequence number of the stream's first octet; None until it is known.
        cost: octets of memory that what waits takes.
    """

    def __init__(self) -> None:
        self.first: int | None = None
        self.cost = 0
        self._next = 0
        self._held: list[tuple[int, int, int, bytes, int]] = []
        self._arrivals = count()

    def start(self, sequence: int) -> None:
        """Say where the stream begins; otherwise it begins with the first segment that is added."""
        self.first = self._next = sequence % _MODULUS

    def add(self, sequence: int, octets: bytes, lacking: int = 0) -> list[bytes | Gap]:
        """What is in order now.

        Args:
            sequence: the sequence number of the first octet.
            octets: what is there of the segment.
            lacking: how many octets behind these were cut off when the packet was captured.
        """
        if self.first is None:
            self.start(sequence)
        start = self._absolute(sequence)
        if start + len(octets) + lacking <= self._next:
            return []
        # Of two that begin at one place the longer comes first, so that the other one is the repetition.
        heapq.heappush(self._held, (start, -len(octets), next(self._arrivals), octets, lacking))
        self.cost += len(octets) + _OVERHEAD
        return self._in_order()

    def lacks(self, acknowledged: int) -> bool:
        """Whether the peer acknowledged what is awaited here: then it went past the capture."""
        return bool(self._held) and self._absolute(acknowledged) >= self._held[0][0]

    def give_up(self) -> list[bytes | Gap]:
        """Wait no longer for the first hole: it, and what is in order behind it."""
        if not self._held:
            return []
        gap = Gap(self._held[0][0] - self._next)
        self._next += gap.octets
        return [gap, *self._in_order()]

    def _absolute(self, sequence: int) -> int:
        """The sequence number as one that does not wrap: the nearest to where we are."""
        half = _MODULUS // 2
        return self._next + (sequence - self._next + half) % _MODULUS - half

    def _in_order(self) -> list[bytes | Gap]:
        done: list[bytes | Gap] = []
        while self._held and self._held[0][0] <= self._next:
            start, _, _, octets, lacking = heapq.heappop(self._held)
            self.cost -= len(octets) + _OVERHEAD
            if fresh := octets[self._next - start :]:
                done.append(fresh)
                self._next += len(fresh)
            if (cut := start + len(octets) + lacking - self._next) > 0 and lacking:
                done.append(Gap(cut, cut=True))
                self._next += cut
        return done
