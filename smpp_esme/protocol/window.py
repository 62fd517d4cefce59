"""Outstanding requests by sequence_number, each with its deadline (SMPP 3.4, 2.9 and 7.2)."""

from __future__ import annotations

import heapq
import math
from collections import OrderedDict
from typing import Any, Final

import msgspec

from smpp_esme.protocol.pdus import Pdu

#: SMPP 3.4, 3.2: sequence numbers run from 1 to 0x7FFFFFFF.
HIGHEST_SEQUENCE_NUMBER: Final = 0x7FFF_FFFF
#: So many requests whose time was up are remembered, for their responses may still come.
_LATE_LIMIT: Final = 10_000


class Outstanding(msgspec.Struct, frozen=True, eq=False):
    """A request that waits for its response."""

    request: Pdu
    context: Any
    deadline: float
    counted: bool


class Window:
    """The requests that were sent and not yet answered.

    Nearly all of them are given the same time, so the order in which they were sent is the order of their deadlines
    and one look at the oldest tells whether any is due. Those with a time of their own are kept apart, in a heap.

    Attributes:
        size: how many requests may be outstanding; those that keep the session alive or end it are not counted.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._alike: dict[int, Outstanding] = {}
        self._apart: dict[int, Outstanding] = {}
        self._deadlines: list[tuple[float, int]] = []  # of those apart; what was answered leaves when it comes up
        self._late: OrderedDict[int, Outstanding] = OrderedDict()
        self._counted = 0
        self._last = 0

    def __len__(self) -> int:
        return len(self._alike) + len(self._apart)

    @property
    def room(self) -> int:
        """How many more requests fit."""
        return self.size - self._counted if self._counted < self.size else 0

    @property
    def is_drained(self) -> bool:
        """True if nothing is outstanding but what is not counted."""
        return not self._counted

    def add(self, request: Pdu, context: Any, deadline: float, *, counted: bool = True, alike: bool = True) -> int:
        """The sequence_number that this request is to be sent with: the next one that is free.

        Args:
            request: what will be sent.
            context: what comes back with it.
            deadline: when to stop waiting for its response.
            counted: whether it takes room.
            alike: whether no request that was added like this has a later deadline.
        """
        number = self._last + 1
        if number > HIGHEST_SEQUENCE_NUMBER or number in self._alike or number in self._apart:
            number = self._next_free()
        self._last = number
        if self._late:
            self._late.pop(number, None)  # from now on the number stands for this request
        outstanding = Outstanding(request, context, deadline, counted)
        if alike:
            self._alike[number] = outstanding
        else:
            self._apart[number] = outstanding
            self._push(deadline, number)
        self._counted += counted
        return number

    def discard(self, sequence_number: int) -> None:
        """Forget a request that could not be written after all."""
        self.take(sequence_number)

    def take(self, sequence_number: int, command_id: int | None = None) -> Outstanding | None:
        """The request that a response with this number answers; None if there is none.

        Given a command_id, a request of another operation is left waiting: the peer mistook the number.
        """
        where = self._alike if sequence_number in self._alike else self._apart
        outstanding = where.get(sequence_number)
        if outstanding is None or (command_id is not None and outstanding.request.command_id != command_id):
            return None
        del where[sequence_number]
        self._counted -= outstanding.counted
        return outstanding

    def take_only(self) -> Outstanding | None:
        """The one outstanding request, if there is exactly one: all that a nack numbered 0 can mean."""
        if len(self) != 1:
            return None
        return self.take(next(iter(self._alike or self._apart)))

    def next_deadline(self) -> float | None:
        """When the next request is due; None if nothing is outstanding, or has for ever."""
        deadline = next(iter(self._alike.values())).deadline if self._alike else math.inf
        if self._settle_heap():
            deadline = min(deadline, self._deadlines[0][0])
        return None if deadline == math.inf else deadline

    def take_due(self, now: float) -> list[Outstanding]:
        """The requests whose time is up, by their deadlines."""
        due = []
        for number, outstanding in self._alike.items():
            if outstanding.deadline > now:
                break
            due.append(number)
        taken = [(one, number) for number in due if (one := self.take(number))]
        while self._settle_heap() and self._deadlines[0][0] <= now:
            number = self._deadlines[0][1]
            if one := self.take(number):
                taken.append((one, number))
        taken.sort(key=lambda pair: pair[0].deadline)
        self._remember(taken)
        return [one for one, _ in taken]

    def take_late(self, sequence_number: int, command_id: int | None = None) -> Outstanding | None:
        """The request, given up before, that a response with this number answers after all; None if there is none."""
        outstanding = self._late.get(sequence_number)
        if outstanding is None or command_id not in (None, outstanding.request.command_id):
            return None
        return self._late.pop(sequence_number)

    def take_all(self) -> list[Outstanding]:
        """Everything outstanding, oldest first."""
        every = self._alike | self._apart
        # Numbers wrap; the one after the last that was given is the oldest there can be.
        oldest_first = sorted(every, key=lambda number: (number - self._last - 1) % HIGHEST_SEQUENCE_NUMBER)
        self._alike.clear()
        self._apart.clear()
        self._deadlines.clear()
        self._late.clear()
        self._counted = 0
        return [every[number] for number in oldest_first]

    def _next_free(self) -> int:
        """The next number that stands for nothing outstanding; after the highest comes 1."""
        number = self._last
        while True:
            number = number + 1 if number < HIGHEST_SEQUENCE_NUMBER else 1
            if number not in self._alike and number not in self._apart:
                return number

    def _remember(self, given_up: list[tuple[Outstanding, int]]) -> None:
        """Keep what was given up for a response that comes late; the oldest make room."""
        self._late.update((number, one) for one, number in given_up)
        while len(self._late) > _LATE_LIMIT:
            self._late.popitem(last=False)

    def _push(self, deadline: float, number: int) -> None:
        """Enter a deadline; once most of the heap has been answered it is built anew, so it stays in proportion."""
        if len(self._deadlines) > 2 * len(self._apart) + 16:
            self._deadlines = [(one.deadline, key) for key, one in self._apart.items()]
            heapq.heapify(self._deadlines)
        else:
            heapq.heappush(self._deadlines, (deadline, number))

    def _settle_heap(self) -> bool:
        """Bring the next deadline apart that still counts to the top; False if there is none."""
        while self._deadlines:
            deadline, number = self._deadlines[0]
            outstanding = self._apart.get(number)
            if outstanding is not None and outstanding.deadline == deadline:
                return True
            heapq.heappop(self._deadlines)
        return False
