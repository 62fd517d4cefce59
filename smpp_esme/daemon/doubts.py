"""Ends doubts by what comes in: receipts in limbo that can belong to nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from smpp_esme.store import Store

_log = logging.getLogger(__name__)

#: Seconds between two looks when nothing new comes: a message may come in doubt after its receipt.
_PAUSE: Final = 15.0
#: Seconds that receipts are gathered before they are looked at.
_GATHER: Final = 0.5
#: No more than this part of the time is spent on looking.
_SHARE: Final = 0.1


class Doubts:
    """Looks for receipts in limbo that end doubts.

    Args:
        store: where both are.
        links: whose messages may be judged so; looked at in each round.
        attempt: seconds after its claim in which a message may have been submitted.
    """

    def __init__(self, store: Store, links: Collection[str], *, attempt: float) -> None:
        self._store = store
        self._links = links
        self._attempt = timedelta(seconds=attempt)
        self._stirred = asyncio.Event()

    def stir(self) -> None:
        """Something new is in limbo."""
        self._stirred.set()

    def change(self, *, attempt: float) -> None:
        """Take a message to have been submitted within so many seconds of its claim, from now on."""
        self._attempt = timedelta(seconds=attempt)

    async def run(self) -> None:
        """Look now, and whenever something is in limbo, until cancelled."""
        now = asyncio.get_running_loop().time
        while True:
            self._stirred.clear()
            began = now()
            await self.round(datetime.now(UTC))
            await asyncio.sleep(max(_GATHER, (now() - began) / _SHARE))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stirred.wait(), _PAUSE)

    async def round(self, at: datetime) -> None:
        """Look once."""
        if ended := await self._store.open_ends.adopt(self._links, at, attempt=self._attempt):
            _log.info("doubts.ended_by_receipts", extra={"messages": len(ended)})
