"""What happens to a link -> the event feed: durable, in order, and never a flood.

A link that comes and goes, or an SMSC that throttles all day, would fill the feed and drown what applications wait for.
So each link may tell of a few things at once, and of two a minute after that: what happens in between is gathered, the
latest of each kind, with how often it was. What happened last is told last: whoever follows ends up with the truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from smpp_esme.errors import StoreUnusable
from smpp_esme.message.notice import LinkData, LinkFact
from smpp_esme.session.events import Bound, Lost, Refused, Slowed, Stopped, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable

    from smpp_esme.session.events import LinkEvent
    from smpp_esme.store import Store

_log = logging.getLogger(__name__)

#: So many events of a link may be told at once.
BURST: Final = 20
#: Seconds until another may, after that.
PACE: Final = 30.0
_STATES: Final[dict[type[LinkEvent], str]] = {
    Bound: "BOUND",
    Lost: "LOST",
    Refused: "REFUSED",
    Unreachable: "UNREACHABLE",
    Slowed: "SLOWED",
    Stopped: "STOPPED",
}
#: Seconds that the last ones may take to be written when the link has ended.
_PATIENCE: Final = 2.0


def fact_of(event: LinkEvent, at: datetime) -> LinkFact | None:
    """What is told of an event of a link; None: nothing."""
    state = _STATES.get(type(event))
    if state is None:
        return None
    known = msgspec.structs.asdict(event)
    told = {name: known[name] for name in ("link", "bind", "endpoint", "rate") if name in known}
    return LinkFact(state=state, at=at, data=LinkData(**told, reason=known.get("reason", "") or known.get("error", "")))


class Gathered:
    """The facts of one link that wait to be told, one of a kind and bind at most. Pure: the time is an argument.

    Args:
        now: of a clock that nobody sets, in seconds.
    """

    def __init__(self, now: float) -> None:
        self._allowed = float(BURST)
        self._since = now
        self._waiting: dict[tuple[str, str], LinkFact] = {}

    def add(self, fact: LinkFact) -> None:
        """Take a fact; of the same kind the latest stands for all."""
        kind = fact.state, fact.data.bind
        count = fact.data.count
        if (before := self._waiting.pop(kind, None)) is not None:
            count += before.data.count
        self._waiting[kind] = replace(fact, data=replace(fact.data, count=count))

    def due(self, now: float) -> list[LinkFact]:
        """What may be told now, in the order in which it happened last; it counts as told."""
        self._allowed = min(BURST, self._allowed + (now - self._since) / PACE)
        self._since = now
        kinds = list(self._waiting)[: int(self._allowed)]
        self._allowed -= len(kinds)
        return [self._waiting.pop(kind) for kind in kinds]

    def wait(self) -> float | None:
        """Seconds until more is due, from the last look; None: nothing waits."""
        return max(0.0, (1.0 - self._allowed) * PACE) if self._waiting else None

    def last(self) -> list[LinkFact]:
        """All that waits, whatever was told before: the link has ended."""
        facts = list(self._waiting.values())
        self._waiting.clear()
        return facts


class Announcer:
    """Tells the feed of one link.

    Args:
        store: where the events are kept.
        link: its name.
        clock: when things happen.
    """

    def __init__(self, store: Store, link: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._link = link
        self._has_ended = False
        self._outbox = store.outbox
        self._clock = clock
        self._gathered = Gathered(asyncio.get_running_loop().time())
        self._unwritten: list[LinkFact] = []
        self._writing: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()

    def event(self, event: LinkEvent) -> None:
        """Something happened to the link."""
        self._has_ended = self._has_ended or isinstance(event, Stopped)
        if fact := fact_of(event, self._clock()):
            self._gathered.add(fact)
            self._arrived.set()

    async def run(self) -> None:
        """Tell of it until cancelled. Cancelling, or an outage of the store, forgets nothing."""
        now = asyncio.get_running_loop().time
        while True:
            await self._write(self._gathered.due(now()))
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._gathered.wait()):
                    await self._until_more()

    async def finish(self) -> None:
        """Tell what is left, and that the link has ended; what the store does not take at once is only in the log."""
        if not self._has_ended:
            self.event(Stopped(link=self._link, error=""))
        try:
            async with asyncio.timeout(_PATIENCE):
                if self._writing:
                    await asyncio.wait([self._writing])
                await self._write(self._gathered.last())
        except (StoreUnusable, TimeoutError) as error:
            _log.warning("link.events_lost", extra={"events": len(self._unwritten), "error": str(error)})

    async def _until_more(self) -> None:
        """Wait for the next event, or for the pace if one waits already."""
        if self._gathered.wait() is not None:
            await asyncio.Event().wait()
        await self._arrived.wait()

    async def _write(self, facts: list[LinkFact]) -> None:
        """Keep these, and what an outage has left; cancelled, the writing goes on to its end: none is kept twice."""
        self._unwritten += facts
        if self._unwritten:
            self._writing = self._writing or asyncio.create_task(self._announce(), name="link events, writing")
            await asyncio.shield(self._writing)

    async def _announce(self) -> None:
        facts = tuple(self._unwritten)
        try:
            await self._outbox.announce(facts)
            del self._unwritten[: len(facts)]
        finally:
            self._writing = None
