"""What must be done from time to time: dead daemons' messages, old messages, and messages that go nowhere."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from smpp_esme.daemon.config import RetentionSettings
    from smpp_esme.message.doubt import Resubmit
    from smpp_esme.store import Store

_log = logging.getLogger(__name__)

#: Seconds between two rounds.
_PAUSE: Final = 15.0
#: Seconds of a round that one kind of deleting may take: claims that have run out do not wait for it.
_TURN: Final = 10.0
#: Seconds between two steps of deleting: the traffic goes first.
_BREATH: Final = 0.02
#: Whose claims a round takes up: nobody's own, only those whose lease has run out.
_NOBODY: Final = ""
#: A clock that is set back by less is left to catch up.
_NOTICED: Final = timedelta(seconds=1)
#: In so many rounds after that the queue is looked at: what was claimed in the meantime may come back to it.
_WARY: Final = 6


class Upkeep:
    """Looks after a store.

    Args:
        store: which.
        links: the names of the links that there are; looked at in each round.
        policies: by link, what becomes of messages that come in doubt.
        retention: how long what is kept.
        endpoints: the names of the webhooks that we deliver to; looked at in each round.

    Attributes:
        retention: as given; another may be set at any time.
    """

    def __init__(
        self,
        store: Store,
        links: Collection[str],
        *,
        policies: Mapping[str, Resubmit],
        retention: RetentionSettings,
        endpoints: Collection[str] = (),
    ) -> None:
        self._store = store
        self._links = links
        self._policies = policies
        self._endpoints = endpoints
        self.retention = retention
        self._told: set[str] = set()
        self._began: datetime | None = None
        self._wary = 0
        self._places: dict[str, int] = {}

    async def run(self) -> None:
        """Do a round now and then, until cancelled."""
        while True:
            await self.round(datetime.now(UTC), asyncio.get_running_loop().time())
            # What is not done yet is gone on with, once everything else had its turn.
            await asyncio.sleep(_BREATH if any(self._places.values()) else _PAUSE)

    async def round(self, at: datetime, uptime: float = 0.0) -> None:
        """Everything once.

        Args:
            at: now, by the clock on the wall.
            uptime: seconds by a clock that nobody sets.
        """
        if self._was_set_back(at, uptime) and (hastened := await self._store.housekeeping.hasten_misdated(at)):
            _log.warning("upkeep.clock_set_back", extra={"hastened": hastened})
        if in_doubt := await self._store.recover(_NOBODY, at, policies=self._policies):
            _log.warning("upkeep.leases_ran_out", extra={"in_doubt": in_doubt})
        if expired := await self._store.open_ends.expire(at):
            _log.info("upkeep.expired", extra={"messages": expired})
        await self._tell_of_stranded()
        await self._forget(at)

    async def _forget(self, at: datetime) -> None:
        """What was kept for long enough goes."""
        days, keeping = self.retention, self._store.housekeeping
        if days.texts:
            await self._walk("texts", keeping.clear_texts, at - timedelta(days=days.texts))
        if days.events:
            step = partial(keeping.delete_events, endpoints=self._endpoints, at=at)
            await self._walk("events", step, at - timedelta(days=days.events))
        lost = keeping.dead_letters
        if days.messages:
            step = partial(keeping.delete_old, endpoints=self._endpoints, at=at)
            await self._walk("messages", step, at - timedelta(days=days.messages))
        if days.received:
            step = partial(keeping.delete_received, endpoints=self._endpoints, at=at)
            await self._walk("received", step, at - timedelta(days=days.received))
        if days.limbo:
            await self._walk("limbo", keeping.delete_limbo, at - timedelta(days=days.limbo))
        if lost := keeping.dead_letters - lost:
            _log.warning("upkeep.dead_letters_deleted", extra={"dead_letters": lost})

    def _was_set_back(self, at: datetime, uptime: float) -> bool:
        """Whether the wall clock lost time a little while ago; before the first round nobody knows."""
        began, before = at - timedelta(seconds=uptime), self._began
        self._began = began
        if before is None or began < before - _NOTICED:
            self._wary = _WARY
        self._wary -= 1
        return self._wary >= 0

    async def _walk(self, name: str, step: Callable[..., Awaitable[int | None]], before: datetime) -> None:
        """Walk through what is old for a while, from where the walk before ended, however much of it there is."""
        now = asyncio.get_running_loop().time
        until = now() + _TURN
        after: int | None = await step(before, after=self._places.get(name, 0))
        while after is not None and now() < until:
            await asyncio.sleep(_BREATH)
            after = await step(before, after=after)
        self._places[name] = after or 0

    async def _tell_of_stranded(self) -> None:
        """Say once of each link that messages wait for it and it is not there."""
        stranded = await self._store.housekeeping.stranded(self._links)
        for link in stranded.keys() - self._told:
            _log.error("upkeep.no_such_link", extra={"link": link, "queued": stranded[link]})
        self._told = set(stranded)
