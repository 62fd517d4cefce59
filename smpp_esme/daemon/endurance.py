"""Loops that outlast an outage of the store: a full disk, a server that is away."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from smpp_esme.errors import StoreOutage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)

#: Seconds until a loop begins again: doubled each time, up to the longest.
_SHORTEST: Final = 0.5
_LONGEST: Final = 5.0


async def enduring(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a loop to its end, and begin it again whenever an outage of the store has ended it.

    What the loop had in hand is its own affair: it must be such that beginning again forgets nothing. Any other error
    is raised. Cancelling is as safe as cancelling the loop.

    Args:
        name: what it is called in the log.
        run: the loop.
    """
    now = asyncio.get_running_loop().time
    pause = _SHORTEST
    while True:
        began = now()
        try:
            return await run()
        except* StoreOutage as outages:
            if now() - began > _LONGEST:  # it had got over the one before
                pause = _SHORTEST
            _log.error("store.outage", extra={"loop": name, "reason": _told(outages), "pause": pause})
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST)


def _told(outages: BaseExceptionGroup[StoreOutage]) -> str:
    """The first of them."""
    first: BaseException = outages
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)
