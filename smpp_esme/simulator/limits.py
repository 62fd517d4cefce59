"""How much an SMSC takes, and what it never takes: limits of any SMSC, and the guards of a provider, as data.

smsc-centre publishes its guards and its limits, but not every command_status it answers with; where it does not, what
stands here is a choice, and data that can be changed.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import MessageState, Ton
from smpp_esme.simulator.handsets import Verdict
from smpp_esme.simulator.rules import status_of

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import DataSm, SubmitSm

#: "Превышен лимит на один номер": the delivery error of what the flood guard blocks.
FLOODED: Final = Verdict(MessageState.UNDELIVERABLE, 251)
#: "Ошибка конвертации", which is also said of a text whose segments did not all come.
PARTS_MISSING: Final = Verdict(MessageState.UNDELIVERABLE, 241)

# source_addr and destination_addr hold 20 characters (SMPP 3.4, 5.2.8); data_sm's hold more, and a receipt is a
# deliver_sm.
_LONGEST_ADDRESS: Final = 20
#: So many texts and numbers are remembered by the guards; past that the oldest are forgotten.
_REMEMBERED: Final = 1_000_000
_SECOND: Final = 1.0


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account may ask for at a time; None is no limit.

    Attributes:
        throughput: submits a second; what is more gets `throttled`.
        window: submits of a session that wait for their response; what is more gets `throttled`.
        queue: messages of the account that no handset has yet; what is more gets `queue_full`.
        binds: sessions of the account at a time; what is more gets ESME_RALYBND.
        throttled: the command_status.
        queue_full: likewise.
        bound_for: seconds for which a connection that was lost without unbind counts as bound.
    """

    throughput: Annotated[int, Meta(ge=1)] | None = None
    window: Annotated[int, Meta(ge=1)] | None = None
    queue: Annotated[int, Meta(ge=1)] | None = None
    binds: Annotated[int, Meta(ge=1)] | None = None
    throttled: int | str = "ESME_RTHROTTLED"
    queue_full: int | str = "ESME_RMSGQFUL"
    bound_for: Annotated[float, Meta(ge=0)] = 0.0

    def __post_init__(self) -> None:
        status_of(self.throttled)
        status_of(self.queue_full)

    @property
    def is_none(self) -> bool:
        """Whether no submit is ever too much."""
        return self.throughput is None and self.window is None and self.queue is None


class Guards(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a provider refuses to protect its users, each off by default.

    Attributes:
        repeat_within: seconds within which the same request for the same number is refused.
        repeated: the command_status that it gets.
        flood: so many messages for one number with less than `flood_gap` seconds between them are taken; those that
            follow are undeliverable with error 251.
        flood_gap: seconds.
        segments_within: seconds within which all segments of a text must come; else it is undeliverable, error 241.
        silence: seconds without any PDU after which the connection is cut.
        digits: whether a destination must be 7 to 15 digits.
        sender: whether a source must be at most 11 characters, or at most 15 digits.
    """

    repeat_within: Annotated[float, Meta(ge=0)] = 0.0
    repeated: int | str = "ESME_RSUBMITFAIL"
    flood: Annotated[int, Meta(ge=1)] | None = None
    flood_gap: Annotated[float, Meta(ge=0)] = 30.0
    segments_within: Annotated[float, Meta(gt=0)] | None = None
    silence: Annotated[float, Meta(ge=0)] = 0.0
    digits: bool = False
    sender: bool = False

    def __post_init__(self) -> None:
        status_of(self.repeated)


class Throttle:
    """The submits of one account in the second that has just passed."""

    def __init__(self, throughput: int) -> None:
        self._throughput = throughput
        self._taken: deque[float] = deque()

    def takes(self, now: float) -> bool:
        """Whether one more is not too much; counts it if so."""
        taken = self._taken
        while taken and taken[0] <= now - _SECOND:
            taken.popleft()
        if len(taken) >= self._throughput:
            return False
        taken.append(now)
        return True


class Guard:
    """Remembers what the guards need to know, for one SMSC."""

    def __init__(self, guards: Guards) -> None:
        self._guards = guards
        #: Whether any of them is on.
        self.is_up = bool(guards.repeat_within or guards.flood or guards.digits or guards.sender)
        # In the order of their times, so that the oldest stand first.
        self._requests: dict[int, float] = {}
        self._runs: dict[str, tuple[float, int]] = {}

    def status(self, request: SubmitSm | DataSm, now: float, *, lookup: bool) -> int:
        """The command_status of a request that is refused; ESME_ROK for one that is taken."""
        if status := self._fault(request):
            return status
        if self._guards.repeat_within and not lookup and self._repeats(request, now):
            return status_of(self._guards.repeated)
        return CommandStatus.ESME_ROK

    def floods(self, number: str, now: float) -> bool:
        """Whether one more message for this number is one too many; counts it."""
        if self._guards.flood is None:
            return False
        last, run = self._runs.pop(number, (now, 0))
        run = run + 1 if now - last < self._guards.flood_gap else 1
        self._runs[number] = (now, run)
        if len(self._runs) > _REMEMBERED:
            del self._runs[next(iter(self._runs))]
        return run > self._guards.flood

    def _fault(self, request: SubmitSm | DataSm) -> int:
        number, source = request.destination_addr, request.source_addr
        if self._guards.digits and not (number.isdigit() and 7 <= len(number) <= 15):
            return CommandStatus.ESME_RINVDSTADR
        if self._guards.sender:
            most = 15 if source.isdigit() and request.source_addr_ton != Ton.ALPHANUMERIC else 11
            return CommandStatus.ESME_RINVSRCADR if len(source) > most else CommandStatus.ESME_ROK
        return CommandStatus.ESME_ROK

    def _repeats(self, request: SubmitSm | DataSm, now: float) -> bool:
        short_message = getattr(request, "short_message", b"")
        key = hash((request.destination_addr, short_message, request.esm_class, request.data_coding, request.tlvs))
        taken = self._requests.get(key)
        if taken is not None and now - taken < self._guards.repeat_within:
            return True
        self._requests.pop(key, None)
        self._requests[key] = now
        while (
            len(self._requests) > _REMEMBERED or next(iter(self._requests.values())) + self._guards.repeat_within < now
        ):
            del self._requests[next(iter(self._requests))]
        return False


def fault(request: SubmitSm | DataSm) -> int:
    """The command_status of a submit that no SMSC takes."""
    if not 0 < len(request.destination_addr) <= _LONGEST_ADDRESS:
        return CommandStatus.ESME_RINVDSTADR
    if len(request.source_addr) > _LONGEST_ADDRESS:
        return CommandStatus.ESME_RINVSRCADR
    return CommandStatus.ESME_ROK
