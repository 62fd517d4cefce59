"""Loops that outlast an outage of the store (a full disk, a server that is away), and end with one another."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from smpp_esme.errors import StoreOutage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

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


async def until_first(name: str, *works: Coroutine[Any, Any, object]) -> None:
    """Do these side by side until the first of them ends, and cancel the others; what one of them raises is raised.

    Cancelling cancels all of them. It is over when each has ended.

    Args:
        name: what the tasks are called.
        works: what is to be done.
    """
    tasks = [asyncio.create_task(work, name=name) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()


def _told(outages: BaseExceptionGroup[StoreOutage]) -> str:
    """The first of them."""
    first: BaseException = outages
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)
