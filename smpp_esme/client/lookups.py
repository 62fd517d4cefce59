"""HLR lookups by the thousand."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.errors import SmppError
from smpp_esme.sms.hlr import HlrRecord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable


#: Lookups that may wait for their answer at one time.
AT_ONCE: Final = 100


class LookedUp(msgspec.Struct, frozen=True, kw_only=True):
    """How one of `lookup_many` ended: with a record or with an error.

    Attributes:
        msisdn: the number, as it was given.
        record: what the HLR says; None if there is no answer.
        error: why there is none: what `lookup` raises.
    """

    msisdn: str
    record: HlrRecord | None = None
    error: SmppError | TimeoutError | None = None

    def __repr__(self) -> str:
        """How it ended; never the number."""
        return f"LookedUp({type(self.error or self.record).__name__})"


async def look_up(msisdns: Iterable[str], lookup: Callable[[str], Awaitable[HlrRecord]]) -> AsyncIterator[LookedUp]:
    """Look all of them up, so many at once, and give each as it ends."""
    source = iter(msisdns)
    tasks: set[asyncio.Task[LookedUp]] = set()
    try:
        while True:
            # A task each is no waste here: a lookup takes seconds.
            tasks |= {asyncio.create_task(_one(one, lookup)) for one in islice(source, AT_ONCE - len(tasks))}
            if not tasks:
                return
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in tasks:
            task.cancel()


async def _one(msisdn: str, lookup: Callable[[str], Awaitable[HlrRecord]]) -> LookedUp:
    try:
        return LookedUp(msisdn=msisdn, record=await lookup(msisdn))
    except (SmppError, TimeoutError) as error:
        return LookedUp(msisdn=msisdn, error=error)
