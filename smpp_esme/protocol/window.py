"""Outstanding requests by sequence_number, each with its deadline (SMPP 3.4, 2.9 and 7.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import Pdu

#: SMPP 3.4, 3.2: sequence numbers run from 1 to 0x7FFFFFFF.
HIGHEST_SEQUENCE_NUMBER: Final = 0x7FFF_FFFF


class Outstanding(NamedTuple):
    """A request that waits for its response."""

    request: Pdu
    context: Any
    deadline: float
    counted: bool


class Window:
    """The requests that were sent and not yet answered.

    All of them are given the same time, so the order in which they were sent is the order of their deadlines and one
    look at the oldest tells whether anything is due.

    Attributes:
        size: how many requests may be outstanding; those that keep the session alive or end it are not counted.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._outstanding: dict[int, Outstanding] = {}
        self._counted = 0
        self._last = 0

    def __len__(self) -> int:
        return len(self._outstanding)

    @property
    def room(self) -> int:
        """How many more requests fit."""
        return max(0, self.size - self._counted)

    def add(self, request: Pdu, context: Any, deadline: float, *, counted: bool = True) -> int:
        """The sequence_number that this request is to be sent with: the next one that is free."""
        number = self._last
        while True:
            number = number + 1 if number < HIGHEST_SEQUENCE_NUMBER else 1
            if number not in self._outstanding:
                break
        self._last = number
        self._outstanding[number] = Outstanding(request, context, deadline, counted)
        self._counted += counted
        return number

    def discard(self, sequence_number: int) -> None:
        """Forget a request that could not be written after all."""
        self.take(sequence_number)

    def take(self, sequence_number: int, command_id: int | None = None) -> Outstanding | None:
        """The request that a response with this number answers; None if there is none.

        Given a command_id, a request of another operation is left waiting: the peer mistook the number.
        """
        outstanding = self._outstanding.get(sequence_number)
        if outstanding is None or command_id not in (None, outstanding.request.command_id):
            return None
        del self._outstanding[sequence_number]
        self._counted -= outstanding.counted
        return outstanding

    def take_only(self) -> Outstanding | None:
        """The one outstanding request, if there is exactly one: all that a nack numbered 0 can mean."""
        if len(self._outstanding) != 1:
            return None
        return self.take(next(iter(self._outstanding)))

    def next_deadline(self) -> float | None:
        """When the oldest request is due; None if nothing is outstanding, or has for ever."""
        if not self._outstanding:
            return None
        deadline = next(iter(self._outstanding.values())).deadline
        return None if deadline == math.inf else deadline

    def take_due(self, now: float) -> list[Outstanding]:
        """The requests whose time is up."""
        due = []
        for number, outstanding in self._outstanding.items():
            if outstanding.deadline > now:
                break
            due.append(number)
        return [one for number in due if (one := self.take(number))]

    def take_all(self) -> list[Outstanding]:
        """Everything outstanding, oldest first."""
        left = list(self._outstanding.values())
        self._outstanding.clear()
        self._counted = 0
        return left
