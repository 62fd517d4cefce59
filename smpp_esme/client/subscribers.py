"""Messages from subscribers: put together from their segments, and every segment answered for what became of all.

A segment is not answered before the loop's body has ended that reads the whole message. The SMSC may be waiting for
that answer before it sends the next segment, so after a while a segment is answered ESME_RX_T_APPN: the SMSC is to send
it again. What it said is kept. Once the message is whole its body decides for all: after a body that ended, segments
that come again are answered ESME_ROK; after one that raised, the message is read again when they come.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import cache
from typing import TYPE_CHECKING, Final

from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.pdus import RESPONSES, GenericNack
from smpp_esme.sms.mo import MoMessage, Part, message_of
from smpp_esme.sms.reassembly import Reassembly
from smpp_esme.sms.received import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from smpp_esme.protocol.pdus import DataSm, DeliverSm, Pdu
    from smpp_esme.session.session import Session
    from smpp_esme.sms.profile import Profile

#: Seconds for which a segment's answer waits for the other segments.
HOLD: Final = 5.0
#: Seconds after its first segment when a message is handed over without those that never came.
DEADLINE: Final = 300.0
#: Messages of several segments that are remembered for segments that come again; for `DEADLINE` seconds at most.
REMEMBERED: Final = 4_096
#: Seconds between looks at what has waited too long.
_TICK: Final = 1.0

#: Source, destination, reference, total: what the segments of a message share.
_Key = tuple[str, str, int | None, int]


@cache
def _answer(command_id: int, status: CommandStatus) -> Pdu:
    """What answers such a request; there are but a few, and each is made once."""
    return RESPONSES.get(command_id, GenericNack)(command_status=status)


def answer(session: Session, request: Pdu, status: CommandStatus) -> None:
    """Answer a request of the SMSC's; nothing is sent if its session is over."""
    session.respond(request, _answer(request.command_id, status))


class _Text:
    """A message of several segments, from the first of them until long after its end."""

    __slots__ = ("_requests", "marks", "since", "status", "value")

    def __init__(self, now: float) -> None:
        self.since = now
        self.marks: dict[int, int] = {}  # the content of each segment, by its sequence number
        self.value: MoMessage | None = None  # once it has been handed over
        self.status: CommandStatus | None = None  # how its body ended
        self._requests: list[tuple[float, Session, Pdu]] = []

    def hold(self, session: Session, request: Pdu, now: float) -> None:
        """Answer this segment when the body has ended."""
        self._requests.append((now, session, request))

    def release(self, before: float) -> None:
        """Leave those segments to the SMSC that have waited since then."""
        late = [one for one in self._requests if one[0] <= before]
        self._requests = self._requests[len(late) :]  # they stand in the order in which they came
        for _, session, request in late:
            answer(session, request, CommandStatus.ESME_RX_T_APPN)

    def answer(self, status: CommandStatus) -> None:
        """The body has ended so."""
        self.status = status
        for _, session, request in self._requests:
            answer(session, request, status)
        self._requests.clear()


class Subscribers:
    """Takes what subscribers send.

    Args:
        profile: the SMSC's.
        deliver: takes a message that is ready to be read.
    """

    def __init__(self, profile: Profile, deliver: Callable[[_Text], None]) -> None:
        self._profile = profile
        self._deliver = deliver
        self._reassembly = Reassembly(deadline=DEADLINE)
        self._texts: OrderedDict[_Key, _Text] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many messages are known that have several segments."""
        return len(self._texts)

    def take(self, session: Session, request: DeliverSm | DataSm) -> MoMessage | None:
        """A message that came in one PDU, for the caller to deliver; None for a segment, which is dealt with here."""
        body, place = read(request, self._profile)
        if place is None:
            return message_of("", {1: Part(request, body, None)})
        now = asyncio.get_running_loop().time()
        key = (request.source_addr, request.destination_addr, place.reference, place.total)
        mark = hash(body)
        text = self._texts.get(key)
        if text and text.value and text.marks.get(place.sequence) == mark:
            self._take_again(text, session, request, now)
            return None
        messages = self._reassembly.add(request, self._profile, link="", now=now)
        own = messages.pop() if messages and messages[-1].is_complete and _key(messages[-1]) == key else None
        for message in messages:
            self._hand_over(message)
        text = self._texts.get(key)
        if text is None or text.value:
            text = self._texts[key] = _Text(now)
        text.marks[place.sequence] = mark
        text.hold(session, request, now)
        if own:
            self._hand_over(own)
        self._arm()
        return None

    def close(self) -> None:
        """Nobody reads any more: leave what is not whole to the SMSC."""
        for text in self._texts.values():
            if text.value is None:
                text.answer(CommandStatus.ESME_RX_T_APPN)
        self._texts = OrderedDict((key, text) for key, text in self._texts.items() if text.value)
        self._reassembly.drain()

    def end(self) -> None:
        """Watch the time no longer."""
        if self._timer:
            self._timer.cancel()

    def tick(self, now: float) -> None:
        """Act on what the time has brought."""
        for message in self._reassembly.expired(now):
            self._hand_over(message)
        for text in self._texts.values():
            if text.value is None:
                text.release(now - HOLD)
        ended = [key for key, text in self._texts.items() if text.status is not None]
        beyond = len(ended) - REMEMBERED
        for place, key in enumerate(ended):
            if place < beyond or self._texts[key].since + DEADLINE <= now:
                del self._texts[key]

    def _take_again(self, text: _Text, session: Session, request: Pdu, now: float) -> None:
        """A segment of a message that has been handed over."""
        if text.status == CommandStatus.ESME_ROK:
            answer(session, request, CommandStatus.ESME_ROK)
            return
        text.hold(session, request, now)
        if text.status is not None:  # its body raised: let it be read again
            text.status = None
            self._deliver(text)

    def _hand_over(self, message: MoMessage) -> None:
        key = _key(message)
        text = self._texts.setdefault(key, _Text(0.0))
        text.value = message
        self._texts.move_to_end(key)
        self._deliver(text)

    def _arm(self) -> None:
        if self._timer is None and self._texts:
            self._timer = asyncio.get_running_loop().call_later(_TICK, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self.tick(asyncio.get_running_loop().time())
        self._arm()


def _key(message: MoMessage) -> _Key:
    return (message.source_addr, message.destination_addr, message.reference, message.total)
