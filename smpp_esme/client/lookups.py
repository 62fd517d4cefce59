"""HLR lookups by the thousand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
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


class _Numbers:
    """Numbers of any iterable, of which the next may have to be waited for."""

    def __init__(self, given: Iterable[str] | AsyncIterable[str]) -> None:
        self._source = aiter(given if isinstance(given, AsyncIterable) else _each(given))
        self._is_over = False
        self.next: asyncio.Task[str] | None = None
        self.error: Exception | None = None

    def ask(self) -> None:
        """Have the next one read, if there may be one and none is being read."""
        if self.next is None and not self._is_over:
            self.next = asyncio.create_task(_next(self._source), name="smpp_esme.lookup_many")

    def take(self) -> str | None:
        """The one that was read; None if it was the end, or the numbers raised."""
        if self.next is None or not self.next.done():
            return None
        read, self.next = self.next, None
        try:
            return read.result()
        except StopAsyncIteration:
            self._is_over = True
        except Exception as error:  # noqa: BLE001 - raised when all that were asked about have their answer
            self.error, self._is_over = error, True
        return None

    def close(self) -> None:
        """Read no more."""
        self.take()  # the end of what has been read already is no news to anybody
        if self.next:
            self.next.cancel()


async def look_up(
    msisdns: Iterable[str] | AsyncIterable[str], lookup: Callable[[str], Awaitable[HlrRecord]]
) -> AsyncIterator[LookedUp]:
    """Look all of them up, so many at once, and give each as it ends."""
    numbers, tasks = _Numbers(msisdns), set[asyncio.Task[LookedUp]]()
    try:
        while True:
            if len(tasks) < AT_ONCE:
                numbers.ask()
            if not (waits := {*tasks, *([numbers.next] if numbers.next else [])}):
                break
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if (msisdn := numbers.take()) is not None:
                tasks.add(asyncio.create_task(_one(msisdn, lookup)))  # no waste here: a lookup takes seconds
            for task in [one for one in tasks if one.done()]:
                tasks.discard(task)
                yield task.result()
    finally:
        numbers.close()
        for task in tasks:
            task.cancel()
    if numbers.error:
        raise numbers.error


async def _each(given: Iterable[str]) -> AsyncIterator[str]:
    for msisdn in given:
        yield msisdn


async def _next(source: AsyncIterator[str]) -> str:
    return await anext(source)


async def _one(msisdn: str, lookup: Callable[[str], Awaitable[HlrRecord]]) -> LookedUp:
    try:
        return LookedUp(msisdn=msisdn, record=await lookup(msisdn))
    except (SmppError, TimeoutError) as error:
        return LookedUp(msisdn=msisdn, error=error)
