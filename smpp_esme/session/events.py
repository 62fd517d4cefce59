"""What happens to a link, as typed events that a user can watch; the log has the same.

Addresses are shown without passwords, and nothing of what is in a PDU.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from smpp_esme.protocol.commands import CommandStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_log = logging.getLogger("smpp_esme.session.link")
# A program that has set up no logging would get the bare topics on its standard error.
logging.getLogger("smpp_esme").addHandler(logging.NullHandler())

#: Events that wait for a watcher that does not keep up; the oldest go.
LIMIT: Final = 1_000


class LinkEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The root of what happens to a link.

    Attributes:
        link: its name.
    """

    topic: ClassVar[str] = ""
    level: ClassVar[int] = logging.INFO

    link: str

    def log(self) -> None:
        """Write it to the log, under its topic."""
        _log.log(self.level, self.topic, extra=msgspec.structs.asdict(self))


class BindEvent(LinkEvent, frozen=True, kw_only=True):
    """What happens to one bind of a link.

    Attributes:
        bind: which, such as "transceiver 1".
    """

    bind: str


class Connecting(BindEvent, frozen=True, kw_only=True):
    """A connection is being made."""

    topic = "link.connecting"
    level = logging.DEBUG

    endpoint: str


class Bound(BindEvent, frozen=True, kw_only=True):
    """A session is bound.

    Attributes:
        endpoint: where.
        peer: the address that answered there.
        version: the SMPP version in force, as interface_version has it.
        preferred: whether this is the first of the endpoints.
    """

    topic = "link.bound"

    endpoint: str
    peer: str
    version: int
    preferred: bool


class Unreachable(BindEvent, frozen=True, kw_only=True):
    """The SMSC could not be reached, or did not answer the bind; it is tried again."""

    topic = "link.bind_failed"
    level = logging.WARNING

    endpoint: str
    error: str


class Refused(BindEvent, frozen=True, kw_only=True):
    """The SMSC refused the bind.

    Attributes:
        endpoint: where.
        command_status: its answer.
        error: the answer in words.
        final: whether no waiting mends it; then the link ends with this.
    """

    topic = "link.bind_refused"
    level = logging.WARNING

    endpoint: str
    command_status: CommandStatus
    error: str
    final: bool


class Waiting(BindEvent, frozen=True, kw_only=True):
    """The next attempt comes in so many seconds.

    Attributes:
        seconds: until then.
        failures: how many attempts in a row came to nothing.
    """

    topic = "link.waiting"
    level = logging.DEBUG

    seconds: float
    failures: int


class Lost(BindEvent, frozen=True, kw_only=True):
    """A bound session ended by itself.

    Attributes:
        reason: a sentence.
        unanswered: how many requests had no answer.
    """

    topic = "link.lost"
    level = logging.WARNING

    reason: str
    unanswered: int


class Draining(BindEvent, frozen=True, kw_only=True):
    """Nothing more is submitted on a session; it ends when what is outstanding has been answered."""

    topic = "link.draining"

    outstanding: int


class Unbound(BindEvent, frozen=True, kw_only=True):
    """We ended a session.

    Attributes:
        unanswered: how many requests had no answer.
    """

    topic = "link.unbound"

    unanswered: int


class Slowed(LinkEvent, frozen=True, kw_only=True):
    """The SMSC asked us to submit more slowly, and we do; see `Pacing`.

    Attributes:
        reason: what it said, such as "ESME_RTHROTTLED".
        rate: submit_sm a second from now on.
    """

    topic = "link.slowed"
    level = logging.WARNING

    reason: str
    rate: float


class RuleBroken(LinkEvent, frozen=True, kw_only=True):
    """A message breaks one of the provider's rules; see `Guards`.

    Attributes:
        action: what is done about it: "refuse", "delay" or "pass".
        reason: which rule, in a sentence without number or text.
    """

    topic = "link.rule_broken"

    action: str
    reason: str


class Stopped(LinkEvent, frozen=True, kw_only=True):
    """The link has ended; nothing follows.

    Attributes:
        error: why, if it was not told to; "" otherwise.
    """

    topic = "link.stopped"
    level = logging.DEBUG

    error: str


class Missed(LinkEvent, frozen=True, kw_only=True):
    """This watcher did not keep up.

    Attributes:
        count: so many events before the next one were dropped.
    """

    count: int


class Watch:
    """The events of one link from now on, for one ``async for``; it ends with the link.

    At most `limit` events wait; when more come, the oldest are dropped and `Missed` says how many.
    """

    def __init__(self, link: str, limit: int = LIMIT) -> None:
        self._link = link
        self._waiting: deque[LinkEvent] = deque()
        self._limit = limit
        self._missed = 0
        self._over = False
        self._arrived = asyncio.Event()

    def put(self, event: LinkEvent) -> None:
        """Take an event."""
        if len(self._waiting) == self._limit:
            self._waiting.popleft()
            self._missed += 1
        self._waiting.append(event)
        self._over = self._over or isinstance(event, Stopped)
        self._arrived.set()

    def __aiter__(self) -> AsyncIterator[LinkEvent]:
        return self

    async def __anext__(self) -> LinkEvent:
        """The next event. Cancelling loses none."""
        while not self._waiting:
            if self._over:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        if self._missed:
            missed, self._missed = self._missed, 0
            return Missed(link=self._link, count=missed)
        return self._waiting.popleft()
