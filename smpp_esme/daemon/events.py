"""What happened, for whoever is outside: page by page, or followed as it happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from smpp_esme.message.notice import EVERYTHING, Selection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from smpp_esme.store.feed import Feed, Page

#: How many events a follower holds at a time: as many as are under way to the slowest reader.
_HELD: Final = 200
#: Looks into the store that one page may take, where few events are wanted.
_LOOKS: Final = 10
#: Seconds until a follower looks again without having been woken: another daemon may have written.
_POLL: Final = 1.0
#: Seconds between two looks that found all there was: however busy the daemon is, a follower asks no more often.
_CALM: Final = 0.05


class Events:
    """Reads events for the outside.

    Args:
        feed: the store's.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._stopped = False

    @property
    def has_stopped(self) -> bool:
        """Whether the daemon is stopping, and nobody is to follow any more."""
        return self._stopped

    async def page(self, after: int, selection: Selection = EVERYTHING, *, limit: int = 100) -> Page:
        """The events after one of them.

        Args:
            after: where to begin; 0 for the first event that is kept.
            selection: which events.
            limit: how many at most, up to 1,000.

        Raises:
            InvalidValue: `after` is beyond every event there ever was.
            UnknownReference: the selection names a message that is not kept.
            StoreUnusable: the database failed.
        """
        page = await self._feed.page(after, selection, limit=limit)
        for _ in range(_LOOKS - 1):
            if page.events or not page.more:
                break
            page = await self._feed.page(page.after, selection, limit=limit)
        return page

    async def begin(self, after: int | None, selection: Selection = EVERYTHING) -> int:
        """Where to follow from: after an event, or from now on.

        Raises:
            InvalidValue, UnknownReference, StoreUnusable: as with `page`.
        """
        page = await self._feed.page(await self._feed.end() if after is None else after, selection, limit=1)
        return page.after if after is None else after

    async def follow(
        self, after: int, selection: Selection = EVERYTHING, *, heartbeat: float = 15.0
    ) -> AsyncIterator[Page]:
        """Every event from there on, as it happens, until the daemon stops.

        The store is read only as fast as pages are taken, and no more than one is held.

        Args:
            after: where to begin.
            selection: which events.
            heartbeat: seconds of silence after which there is an empty page.

        Raises:
            UnknownReference: the selection's message was deleted.
            StoreUnusable: the database failed.
        """
        now = asyncio.get_running_loop().time
        told = now()
        while not self._stopped:
            page = await self._feed.page(after, selection, limit=_HELD)
            after = page.after
            if page.events or now() - told >= heartbeat:
                yield page
                told = now()
            if not page.more and not self._stopped:
                await self._feed.news(min(_POLL, max(0.0, told + heartbeat - now())))
                await asyncio.sleep(_CALM)

    def stop(self) -> None:
        """End what is followed: whoever follows goes on from there when the daemon is back."""
        self._stopped = True
        self._feed.committed(0, 0.0)
