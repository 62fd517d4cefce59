"""What SMSCs said to submit_sm, on its way into the store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smpp_esme.daemon.tracing import Tracing
    from smpp_esme.message.doubt import Resubmit
    from smpp_esme.message.message import Answer
    from smpp_esme.store import Store

#: Answers that may wait for the store before no more is submitted.
_BACKLOG: Final = 20_000


class Answers:
    """Answers on their way from the session to the store: gathered within a loop turn, written in one transaction."""

    def __init__(
        self, store: Store, policies: Mapping[str, Resubmit] | None = None, tracing: Tracing | None = None
    ) -> None:
        self._store = store
        self._tracing = tracing
        self._policies = policies or {}
        self._waiting: list[Answer] = []
        self._unwritten = 0
        self._arrived = asyncio.Event()
        self._written = asyncio.Event()

    def put(self, answer: Answer) -> None:
        """Take an answer; `run` writes it."""
        self._waiting.append(answer)
        self._arrived.set()

    async def run(self) -> None:
        """Write answers until cancelled; call `flush` after that.

        A batch does not wait for the one before: a receipt that came after a response must not be written before it,
        or it would go through limbo.
        """
        if self._waiting:  # what an outage of the store has left
            self._arrived.set()
        async with asyncio.TaskGroup() as writing:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                writing.create_task(self._write(), name="answers")

    async def flush(self) -> None:
        """Write what waits now. Cancelling never leaves a batch half written, nor forgets one."""
        self._arrived.clear()
        while self._waiting:
            await self._write()

    async def _write(self) -> None:
        # Taken only here: a task that is cancelled before it begins would forget what it was given.
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        self._unwritten += len(batch)
        try:
            recorded = await self._store.record_answers(batch, datetime.now(UTC), policies=self._policies)
        except BaseException:
            self._waiting = batch + self._waiting  # recording twice is harmless, forgetting is not
            raise
        finally:
            self._unwritten -= len(batch)
        if self._tracing:
            self._tracing.overtaken(recorded)
        self._written.set()

    async def room(self) -> None:
        """Wait while the store lags behind."""
        while len(self._waiting) + self._unwritten >= _BACKLOG:
            self._written.clear()
            await self._written.wait()
