"""Events -> one endpoint: in order, at least once, and with patience.

The events in the store are the outbox, so nothing is written for an endpoint when an event happens. A publisher reads
on from where the endpoint is, delivers, and writes down how far it is, a few times a second: after a kill the
events since then are delivered again, each under the identifier that it had.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import zlib
from collections import deque
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from smpp_esme.daemon.endurance import until_first
from smpp_esme.errors import StoreUnusable
from smpp_esme.message.notice import subject

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from smpp_esme.daemon.endpoints import WebhookSettings
    from smpp_esme.daemon.metrics import WebhookMeter
    from smpp_esme.message.notice import Notice
    from smpp_esme.store import Store
    from smpp_esme.store.outbox import DeadLetter, Endpoint

_log = logging.getLogger(__name__)

#: How many events a publisher holds at a time.
_HELD: Final = 200
#: Seconds between two looks for events, if nothing was committed here meanwhile; and between two in any case.
_POLL: Final = 1.0
_CALM: Final = 0.05
#: Seconds for which an endpoint is this daemon's, unless it says so again.
_LEASE: Final = timedelta(seconds=60)
#: Seconds between two looks at whether there is anything to write down.
_NOTE: Final = 0.25
#: Seconds until an endpoint that is another daemon's, or a store that failed, is tried again.
_AGAIN: Final = 5.0
#: Seconds that an endpoint may ask for (Retry-After); who asks for more is asked again after these.
_LONGEST_ASKED: Final = 86_400.0
#: Doubling any further makes no difference.
_DOUBLINGS: Final = 40
#: Refusals that are about the moment, not about what was posted: Request Timeout, Too Early, Too Many Requests.
_PASSING: Final = frozenset({408, 425, 429})
_GONE: Final = 410

encode: Final = msgspec.json.Encoder().encode


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt.

    Attributes:
        status: of the answer; None if there was none.
        reason: what went wrong, for a person; it holds neither address nor answer.
        retry_after: seconds that the endpoint asked for.
    """

    status: int | None = None
    reason: str = ""
    retry_after: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the endpoint has taken it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants no more, ever."""
        return self.status == _GONE

    @property
    def refused(self) -> bool:
        """Whether the endpoint works, and does not want this one."""
        return self.status is not None and 400 <= self.status < 500 and self.status not in _PASSING


class Courier(Protocol):
    """Takes one event to an endpoint, once."""

    async def take(self, name: str, body: bytes, *, timestamp: int) -> Outcome:
        """Post it; what went wrong is in the outcome."""


def retry_after(written: str, now: float) -> float | None:
    """What a Retry-After asks for, in seconds (RFC 9110, 10.2.3); None if it says nothing that can be read."""
    if written.isascii() and written.isdigit():
        return min(float(written[:18]), _LONGEST_ASKED)
    try:
        at = parsedate_to_datetime(written).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, at - now), _LONGEST_ASKED)


def identifier(event: Notice) -> str:
    """What an event is called at every attempt, and no event of another database is."""
    return f"evt_{event.id}_{int(event.timestamp.timestamp() * 1_000_000)}"


class _Over(Exception):
    """The endpoint wants no more."""


class Publisher:
    """Tells one endpoint of events.

    Args:
        name: the endpoint's.
        settings: its table of the configuration.
        store: where the events are.
        courier: takes them there.
        owner: whose delivery this is, among the daemons that share a store.
        meter: what counts.
        now: the clock.
        chance: a number from 0 to 1 for each wait, so that endpoints that failed together do not come back together.

    Attributes:
        place: the last event that the endpoint is done with.
        failures: attempts in a row that failed.
        failure: why the last of them did.
    """

    def __init__(
        self,
        name: str,
        settings: WebhookSettings,
        store: Store,
        courier: Courier,
        *,
        owner: str,
        meter: WebhookMeter,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.place = 0
        self.failure = ""
        self._settings = settings
        self._selection = settings.selection()
        self._feed = store.feed
        self._outbox = store.outbox
        self._courier = courier
        self._owner = owner
        self._meter = meter
        self._now = now
        self._chance = chance
        self._failures = [0] * settings.concurrency
        self._disabled = False
        self._noted = 0
        self._lease_until = now()
        self._under_way: deque[int] = deque()
        self._done: set[int] = set()
        self._woken = asyncio.Event()
        self._attempts = 0
        self._leaving = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def failures(self) -> int:
        """Attempts in a row that failed."""
        return max(self._failures)

    async def run(self) -> None:
        """Deliver until cancelled or, after `leave`, until nothing is under way; what is done is written down.

        An event whose delivery was cancelled is delivered again.
        """
        await until_first(f"webhook {self.name}", self._run(), self._left())

    def leave(self) -> None:
        """Begin no attempt any more; `run` ends when those that are under way have."""
        self._leaving.set()

    async def _left(self) -> None:
        await self._leaving.wait()
        await self._quiet.wait()

    @contextlib.asynccontextmanager
    async def _attempting(self) -> AsyncIterator[None]:
        """While an attempt, and what is to be written down of it, is under way; none begins when we leave."""
        if self._leaving.is_set():
            await asyncio.Event().wait()  # for the end of `run`
        self._attempts += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._attempts -= 1
            if not self._attempts:
                self._quiet.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._hold(await self._claim())
            except* StoreUnusable as errors:
                self._store_failed(errors)
            await asyncio.sleep(_AGAIN)

    def wake(self) -> None:
        """Somebody says that it is worth a try now."""
        self._woken.set()

    # Whose the endpoint is, and how far it is

    async def _claim(self) -> Endpoint:
        start = await self._feed.end()
        while True:
            at = self._now()
            claim = {"owner": self._owner, "start": start, "at": at, "until": at + _LEASE}
            if (found := await self._outbox.claim(self.name, **claim)) is not None:  # type: ignore[arg-type]
                self._lease_until = at + _LEASE
                return found
            await asyncio.sleep(_AGAIN)

    async def _hold(self, endpoint: Endpoint) -> None:
        """Deliver for as long as the endpoint is ours."""
        self.place = self._noted = endpoint.event
        self._disabled = endpoint.disabled_at is not None
        try:
            await until_first(f"webhook {self.name}, place and work", self._keep(), self._work())
        finally:
            await self._let_go()

    async def _let_go(self) -> None:
        try:
            await self._note()
            await self._outbox.release(self.name, owner=self._owner)
        except StoreUnusable as error:  # what was delivered since is delivered again, and the lease runs out
            self._store_failed(error)

    def _store_failed(self, error: BaseException) -> None:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        _log.warning("webhook.store_failed", extra={"endpoint": self.name, "error": str(error)})

    async def _keep(self) -> None:
        """Write down how far the endpoint is, and that it is ours, until it is not."""
        while True:
            if not await self._note():
                break
            await asyncio.sleep(_NOTE)
        _log.warning("webhook.taken_over", extra={"endpoint": self.name})

    async def _note(self) -> bool:
        at, place = self._now(), self.place
        if place == self._noted and at < self._lease_until - _LEASE / 2:
            return True
        if not await self._outbox.advance(self.name, place, owner=self._owner, until=at + _LEASE):
            return False
        self._noted, self._lease_until = place, at + _LEASE
        return True

    # Delivering

    async def _work(self) -> None:
        while True:
            if self._disabled:
                await self._until_enabled()
            more = False
            try:
                more = await self._once()
            except* _Over:
                pass  # which is written down already
            if not more:
                await self._feed.news(_POLL)
                await asyncio.sleep(_CALM)

    async def _once(self) -> bool:
        """Deliver what is to be tried again, and a page; whether there is more."""
        for letter in await self._outbox.to_replay(self.name):
            if not await self._again(letter):
                break  # the others later: they must not keep what is new waiting
        page = await self._feed.page(self.place, self._selection, limit=_HELD)
        self._under_way.extend(one.id for one in page.events)
        try:
            async with asyncio.TaskGroup() as lanes:
                for lane, events in enumerate(self._lanes(page.events)):
                    lanes.create_task(self._deliver(lane, events), name=f"webhook {self.name}, lane {lane}")
        finally:
            self._under_way.clear()
            self._done.clear()
        self.place = page.after
        return page.more

    def _lanes(self, events: Sequence[Notice]) -> list[list[Notice]]:
        """The events as they may go side by side: what is about one message stays in order."""
        if self._settings.concurrency == 1:
            return [list(events)]
        lanes: list[list[Notice]] = [[] for _ in range(self._settings.concurrency)]
        for event in events:
            lanes[zlib.crc32(subject(event).encode()) % len(lanes)].append(event)
        return lanes

    async def _deliver(self, lane: int, events: Sequence[Notice]) -> None:
        for event in events:
            await self._tell(event, lane)
            self._done.add(event.id)
            while self._under_way and self._under_way[0] in self._done:
                self.place = self._under_way.popleft()

    async def _tell(self, event: Notice, lane: int) -> None:
        """Deliver an event, or give it up."""
        for attempt in range(1, self._settings.attempts + 1):
            async with self._attempting():
                outcome = await self._attempt(event)
                if outcome.delivered:
                    self._failures[lane] = 0
                    return
                self._failures[lane] += 1
                if attempt == self._settings.attempts:
                    await self._bury(event, outcome)
                    if outcome.refused:  # the endpoint works: the next event need not wait for it
                        self._failures[lane] = 0
                        return
            await self._rest(self._wait(self._failures[lane], outcome))

    async def _attempt(self, event: Notice) -> Outcome:
        begun = asyncio.get_running_loop().time()
        timestamp = int(self._now().timestamp())
        outcome = await self._courier.take(identifier(event), encode(event), timestamp=timestamp)
        self._meter.attempted(outcome.delivered, asyncio.get_running_loop().time() - begun)
        self.failure = "" if outcome.delivered else outcome.reason
        if outcome.gone:
            await self._disable()
            raise _Over
        if not outcome.delivered:
            told = {"endpoint": self.name, "event_id": event.id, "reason": outcome.reason}
            _log.info("webhook.failed", extra=told)
        return outcome

    async def _bury(self, event: Notice, outcome: Outcome) -> None:
        attempts = self._settings.attempts
        await self._outbox.bury(self.name, event.id, attempts=attempts, reason=outcome.reason, at=self._now())
        self._meter.buried()
        told = {"endpoint": self.name, "event_id": event.id, "attempts": attempts, "reason": outcome.reason}
        _log.error("webhook.dead_letter", extra=told)

    async def _again(self, letter: DeadLetter) -> bool:
        """Try a dead letter once more; whether it is delivered."""
        async with self._attempting():
            outcome = await self._attempt(letter.event)
            failure = None if outcome.delivered else outcome.reason
            await self._outbox.replayed(letter.id, failure=failure, at=self._now())
        return outcome.delivered

    def _wait(self, failures: int, outcome: Outcome) -> float:
        """Seconds until the next attempt: twice as long each time, part of it by chance, or what was asked for."""
        longest = min(self._settings.longest, self._settings.shortest * 2.0 ** min(failures - 1, _DOUBLINGS))
        return max(longest * (1 + self._chance()) / 2, outcome.retry_after or 0.0)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()  # only now: who was woken a moment before he rests must not rest

    # An endpoint that wants no more

    async def _disable(self) -> None:
        self._disabled = True
        await self._outbox.disable(self.name, owner=self._owner, at=self._now())
        _log.error("webhook.disabled", extra={"endpoint": self.name})

    async def _until_enabled(self) -> None:
        """Wait until somebody says that the endpoint is to be told again; it may have been told to another daemon."""
        while True:
            found = [one for one in await self._outbox.endpoints() if one.name == self.name]
            self._disabled = bool(found and found[0].disabled_at)
            if not self._disabled:
                return
            await self._rest(_AGAIN)
