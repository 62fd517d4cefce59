"""Moves what waits on a link that cannot submit, or is no more, to where its route leads now.

A message goes to another link's queue only if nothing of it was ever submitted, and only composed anew: its octets were
those of the first link's profile. What cannot be moved stays, and it is told why.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from smpp_esme.daemon.orders import segments_of
from smpp_esme.daemon.routing import Outlet
from smpp_esme.errors import EncodingError, InvalidValue
from smpp_esme.message import wish as wishes
from smpp_esme.message.message import Message
from smpp_esme.sms.compose import compose
from smpp_esme.sms.references import References
from smpp_esme.store.reroute import BEGINNING, STEP, Place
from smpp_esme.store.seal import HASHED

if TYPE_CHECKING:
    from smpp_esme.daemon.metrics import Metrics
    from smpp_esme.daemon.routing import Route, Router
    from smpp_esme.store import Store
    from smpp_esme.store.reroute import Queue, Waiting

_log = logging.getLogger(__name__)

#: Seconds between two looks at the links.
_PAUSE: Final = 1.0
#: Seconds between two steps of moving: the traffic goes first.
_BREATH: Final = 0.01
#: Seconds until a queue of which nothing could be moved is looked through again: doubled each time, up to the longest.
_SHORTEST: Final = 2.0
_LONGEST: Final = 60.0
#: Seconds between two looks for links that are no more.
_STRANDED: Final = 15.0


class Why(StrEnum):
    """Why a message stays on its link."""

    PINNED = "pinned"
    """Its order named the link, or wants it to stay."""
    BEGUN = "begun"
    """Some of it was submitted, or all of it is sent again in doubt: elsewhere it might arrive twice, or in halves."""
    NO_ROUTE = "no_route"
    """No route is for it."""
    NO_LINK = "no_link"
    """No other link of its route takes its kind and can submit."""
    NOT_YET = "not_yet"
    """Its route waits for longer until it fails over, or does not fail over at all."""
    UNFIT = "unfit"
    """The other links of its route cannot carry it: their profiles lack its coding, its comment or its validity."""
    UNKNOWN = "unknown"
    """It is not known what it was made of: an older version kept it, or its text is gone."""


class Rerouted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of moving some of a link's queue.

    Attributes:
        moved: how many messages were moved.
        left: how many were not, by why; whatever was claimed meanwhile is counted nowhere.
        after: where to go on, or None: that was all.
    """

    moved: int
    left: dict[Why, int]
    after: Place | None


class _Rest(msgspec.Struct):
    """For how long a queue is left alone of which nothing could be moved.

    Attributes:
        until: by the event loop's clock.
        pause: for how long it was last, in seconds.
        seen: what decided about its messages then; where that is another now, nothing is waited for.
    """

    until: float = 0.0
    pause: float = 0.0
    seen: object = None

    def is_over(self, now: float, seen: object) -> bool:
        """Whether the queue is to be looked through."""
        if seen != self.seen:
            self.until, self.pause, self.seen = now, 0.0, seen
        return now >= self.until

    def begin(self, now: float, moved: int) -> None:
        """It was looked through, and so much was moved."""
        self.pause = 0.0 if moved else min(_LONGEST, 2 * self.pause or _SHORTEST)
        self.until = now + self.pause


class _Task(msgspec.Struct, frozen=True):
    """What is to be done with a queue.

    Attributes:
        link: whose.
        decided: why, for the histories of what is moved.
        leading: the links that a message may go to, the first choice first; or why it stays.
        at: now.
    """

    link: str
    decided: str
    leading: Callable[[Message], Sequence[Outlet] | Why]
    at: datetime


class Rerouting:
    """Looks after queues that do not move.

    Args:
        store: where the queues are.
        router: the links there are, and the routes.
        wake: called when something was moved.
        metrics: what is measured; by default nobody reads it.

    Attributes:
        references: what tells the segments of one message from those of another.
        left: by link and by why, the messages that could not be moved when its queue was last looked through.
    """

    def __init__(self, store: Store, router: Router, wake: Callable[[], None], metrics: Metrics | None = None) -> None:
        self._store = store
        self._router = router
        self._wake = wake
        self._metrics = metrics
        self._unable_since: dict[str, float] = {}
        self._rests: dict[str, _Rest] = {}
        self._stranded_at = float("-inf")
        self.references = References(int(time.time()))
        self.left: dict[str, dict[Why, int]] = {}

    def change(self, router: Router) -> None:
        """Go by this router from now on."""
        self._router = router
        self._stranded_at = float("-inf")
        self._rests.clear()

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await self.round(datetime.now(UTC), asyncio.get_running_loop().time())
            await asyncio.sleep(_PAUSE)

    async def round(self, at: datetime, now: float) -> None:
        """Move what is to be moved now.

        Args:
            at: now, by the clock on the wall.
            now: the same by the event loop's clock.
        """
        self._watch(now)
        if not self._router.routes:
            return
        for link, since in list(self._unable_since.items()):
            await self._fail_over(link, at, now, unable=now - since)
        if now >= self._stranded_at + _STRANDED:
            self._stranded_at = now
            await self._take_up(await self._store.reroute.stranded(self._router.outlets), at, now)

    def unable_for(self, link: str, now: float) -> float:
        """For how many seconds a link has not been able to submit, by the event loop's clock; 0: it is."""
        return now - self._unable_since.get(link, now)

    async def by_hand(
        self, link: str, to: str | None, *, pinned: bool = False, after: Place = BEGINNING, limit: int = STEP
    ) -> Rerouted:
        """Move some of a link's queue because a person says so, whether the link is there or not.

        Args:
            link: which.
            to: the link to move them to; None goes by the routes.
            pinned: whether those that are to stay on their link are moved as well.
            after: where the call before left off.
            limit: how many messages are looked at.

        Raises:
            InvalidValue: `to` is no link that messages can go out on, or the same.
        """
        if to == link:
            raise InvalidValue("to", "is the link that they are queued on", "another one")
        chosen = None if to is None else self._given(to)

        def leading(message: Message) -> Sequence[Outlet] | Why:
            return chosen or self._strayed(message)

        queue = await self._store.reroute.waiting(link, after, limit=limit, pinned=pinned)
        moved, left = await self._step(queue, _Task(link, "operator", leading, datetime.now(UTC)))
        return Rerouted(moved=moved, left=dict(left), after=queue.after)

    # Which links

    def _watch(self, now: float) -> None:
        """See which links cannot submit, and since when."""
        outlets = self._router.outlets
        for link, outlet in outlets.items():
            if outlet.is_able or not outlet.submits:
                self._unable_since.pop(link, None)
            else:
                self._unable_since.setdefault(link, now)
        for link in self._unable_since.keys() - outlets.keys():
            del self._unable_since[link]
        for link in self.left.keys() & (outlets.keys() - self._unable_since.keys()):
            self._tell(link, {})

    async def _fail_over(self, link: str, at: datetime, now: float, *, unable: float) -> None:
        """Move what may be moved from a link that has not been able to submit for so many seconds."""
        patience = [one.failover_after for one in self._router.routes.values() if one.failover_after]
        over, others = sum(one <= unable for one in patience), frozenset(self._router.able_links())
        rest = self._rests.setdefault(link, _Rest())
        if not over or not others or not rest.is_over(now, (over, others)):
            return

        def leading(message: Message) -> Sequence[Outlet] | Why:
            route = self._route(message)
            if route is None:
                return Why.NO_ROUTE
            if not 0 < route.failover_after <= unable:
                return Why.NOT_YET
            return self._router.able(route, but=link) or Why.NO_LINK

        rest.begin(now, await self._walk(_Task(link, "failover", leading, at), until=at))

    async def _take_up(self, stranded: Sequence[str], at: datetime, now: float) -> None:
        """Move what is queued for links that are no more."""
        for link in stranded:
            rest = self._rests.setdefault(link, _Rest())
            if rest.is_over(now, None):
                rest.begin(now, await self._walk(_Task(link, "stranded", self._strayed, at)))
        for link in self.left.keys() - self._router.outlets.keys() - set(stranded):
            self._tell(link, {})

    def _strayed(self, message: Message) -> Sequence[Outlet] | Why:
        """Where a message goes that is on a link of which nothing is expected: as if it came now."""
        route = self._route(message)
        if route is None:
            return Why.NO_ROUTE
        others = [self._router.outlets[link] for link in route.links if link != message.link]
        return sorted(others, key=lambda outlet: not outlet.is_able) or Why.NO_LINK

    def _route(self, message: Message) -> Route | None:
        try:
            return self._router.route(message.destination_addr, message.kind)
        except InvalidValue:  # an older version, or another profile, may have taken what is no number
            return None

    def _given(self, link: str) -> Sequence[Outlet]:
        try:
            return [self._router.named(link)]
        except InvalidValue as error:
            raise InvalidValue("to", error.problem, error.allowed) from None

    # What is in their queues

    async def _walk(self, task: _Task, *, until: datetime | None = None) -> int:
        """Walk through a queue, as far as that makes sense, and move what can be moved; how much that was."""
        left: Counter[Why] = Counter()
        total, place = 0, BEGINNING
        while True:
            queue = await self._store.reroute.waiting(task.link, place, until=until)
            moved, staying = await self._step(queue, task)
            total += moved
            left += staying
            if queue.after is None or self._is_able(task.link):
                break
            place = queue.after
            await asyncio.sleep(_BREATH)
        if total:
            _log.warning("reroute.moved", extra={"link": task.link, "messages": total, "decided": task.decided})
        self._tell(task.link, dict(left))
        return total

    async def _step(self, queue: Queue, task: _Task) -> tuple[int, Counter[Why]]:
        """Move what can be moved of these; how many that were, and how many of the others stay for each reason."""
        left = Counter({Why.PINNED: queue.pinned, Why.BEGUN: queue.begun})
        going: list[Message] = []
        for one in queue.free:
            found = self._made(one, task)
            if isinstance(found, Why):
                left[found] += 1
            else:
                going.append(found)
        moved = await self._store.reroute.move(going, from_link=task.link, decided=task.decided, at=task.at)
        if moved:
            self._count(task, [one for one in going if one.reference in moved])
            self._wake()
        return len(moved), +left

    def _made(self, waiting: Waiting, task: _Task) -> Message | Why:
        """A message as the first of the links takes it that it may go to; or why it stays."""
        leading = task.leading(waiting.message)
        if isinstance(leading, Why):
            return leading
        if waiting.wish is None or waiting.message.sealed == HASHED:
            return Why.UNKNOWN
        for outlet in leading:
            try:
                return made_for(outlet, waiting.message, waiting.wish, references=self.references, at=task.at)
            except (InvalidValue, EncodingError):
                continue
        return Why.UNFIT

    def _is_able(self, link: str) -> bool:
        outlet = self._router.outlets.get(link)
        return outlet is not None and outlet.is_able

    # What is told of it

    def _tell(self, link: str, left: dict[Why, int]) -> None:
        """Say what stays on a link, and why, where that is news."""
        before = self.left.pop(link, {})
        if left:
            self.left[link] = left
            if left.keys() != before.keys():
                _log.warning("reroute.left", extra={"link": link, "messages": {str(why): left[why] for why in left}})

    def measure(self) -> None:
        """Set the gauge to what could not be moved."""
        if self._metrics:
            self._metrics.left_behind.clear()
            for link, left in self.left.items():
                for why, number in left.items():
                    self._metrics.left_behind.labels(link, why).set(number)

    def _count(self, task: _Task, moved: Sequence[Message]) -> None:
        if self._metrics:
            for to, number in Counter(one.link for one in moved).items():
                self._metrics.rerouted.labels(task.link, to, task.decided).inc(number)


def made_for(outlet: Outlet, message: Message, wish: str, *, references: References, at: datetime) -> Message:
    """A message as another link's profile writes it; everything else of it stays.

    Args:
        outlet: the link.
        message: as it is kept; nothing of it has been submitted.
        wish: what was asked for beside it.
        references: tell its segments from those of others.
        at: now.

    Raises:
        InvalidValue, EncodingError: the link cannot carry it.
    """
    wanted = wishes.from_words(wish)
    content, comment = wanted.content(message.kind, message.text)
    profile = outlet.profile
    _check_validity(message, profile.longest_validity, at)
    composed = compose(
        content,
        message.destination_addr,
        source=outlet.source_addr if wanted.source is None else wanted.source,
        profile=profile.writing(transliterate=wanted.transliterate, languages=wanted.languages),
        reference=references,
        comment=comment,
        coding=wanted.coding,
        flash=wanted.flash,
    )
    written = message.text if wanted.text is None else wanted.text
    asked = msgspec.structs.replace(wanted, text=None if composed.text == written else written)
    changed: dict[str, Any] = {
        "link": outlet.link,
        "source_addr": composed.source.addr,
        "source_addr_ton": composed.source.ton,
        "source_addr_npi": composed.source.npi,
        "destination_addr": composed.destination.addr,
        "dest_addr_ton": composed.destination.ton,
        "dest_addr_npi": composed.destination.npi,
        "text": composed.text,
        "data_coding": composed.segments.data_coding,
        "wish": wishes.to_words(asked),
        "segments": segments_of(composed),
    }
    return msgspec.structs.replace(message, **changed)


def _check_validity(message: Message, longest: float | None, at: datetime) -> None:
    """Refuse a validity that the link's SMSC would not take."""
    if message.expires_at is None or longest is None:
        return
    begin = max(at, message.next_attempt_at or at)
    if (message.expires_at - begin).total_seconds() > longest:
        raise InvalidValue("validity_period", "is longer than the SMSC takes", f"up to {longest:g} seconds")
