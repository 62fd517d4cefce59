"""What must be done from time to time: what is old goes, and what is misdated or stranded is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from smpp_esme.store import arrivals, retention, schedule
from smpp_esme.store.tables import EPOCH

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable
    from datetime import datetime

#: By which every lease holds.
_NOW: Final = EPOCH


class Housekeeping:
    """Keeps a store small and its queue moving, in steps that never hold the traffic up.

    Everything that a method reports is committed when it returns; cancellation is as with `Store`.

    Args:
        read: asks the database a question.
        write: makes a change in a transaction.

    Attributes:
        dead_letters: how many were deleted with the messages that they tell of.
    """

    def __init__(self, read: Callable[..., Awaitable[Any]], write: Callable[..., Awaitable[Any]]) -> None:
        self._read = read
        self._write = write
        self.dead_letters = 0

    async def delete_old(
        self, before: datetime, *, after: int = 0, endpoints: Collection[str] | None = None, at: datetime = _NOW
    ) -> int | None:
        """Delete a few messages that have been final since before a moment, their segments and histories with them.

        A message stays while an endpoint is still to be told of it. Dead letters go with theirs, and are counted.

        Args:
            before: the moment.
            after: where the step before left off.
            endpoints: the webhooks' that we deliver to; None: all that anybody ever delivered to. Of others those count
                that another daemon delivers to.
            at: now, by which it does.

        Returns:
            Where the next step goes on, or None: there is nothing more to delete.
        """
        return await self._delete(retention.delete_some, after, before, endpoints=endpoints, at=at)

    async def clear_texts(self, before: datetime, *, after: int = 0) -> int | None:
        """Forget what a few messages said that have been final since before a moment; all else stays.

        Args:
            before: the moment.
            after: where the step before left off.

        Returns:
            Where the next step goes on, or None: there is nothing more to forget.
        """
        place: int | None = await self._write(retention.clear_some, after, before)
        return place

    async def hasten_misdated(self, at: datetime) -> int:
        """Have due now what a clock that was ahead has put off: it was set back, and the queue must not wait for it.

        What somebody scheduled stays as it is.

        Args:
            at: now.

        Returns:
            How many messages there were.
        """
        hastened = 0
        after: int | None = 0
        while after is not None:
            ids, after = await self._read(schedule.misdated, after, at)
            if ids:
                hastened += await self._write(schedule.hasten, ids, at)
        return hastened

    async def delete_events(
        self, before: datetime, *, after: int = 0, endpoints: Collection[str] | None = None, at: datetime = _NOW
    ) -> int | None:
        """Delete a few events from before a moment, of messages that are final; what the messages came to stays.

        An event stays that a webhook is still to be told, or that is a dead letter.

        Args:
            before: the moment.
            after: where the step before left off.
            endpoints: the webhooks' that we deliver to, as with `delete_old`.
            at: now.

        Returns:
            Where the next step goes on, or None: there is nothing more to delete.
        """
        place: int | None = await self._write(retention.delete_events_some, after, before, endpoints=endpoints, at=at)
        return place

    async def delete_received(
        self, before: datetime, *, after: int = 0, endpoints: Collection[str] | None = None, at: datetime = _NOW
    ) -> int | None:
        """Delete a few messages from subscribers that came before a moment, with the events that tell of them.

        One stays while an endpoint is still to be told of it. Dead letters go with theirs, and are counted.

        Args:
            before: the moment.
            after: where the step before left off.
            endpoints: the webhooks' that we deliver to, as with `delete_old`.
            at: now.

        Returns:
            Where the next step goes on, or None: there is nothing more to delete.
        """
        return await self._delete(arrivals.delete_received_some, after, before, endpoints=endpoints, at=at)

    async def delete_limbo(self, before: datetime, *, after: int = 0) -> int | None:
        """Delete a few receipts that came before a moment and belong to no message.

        Args:
            before: the moment.
            after: where the step before left off.

        Returns:
            Where the next step goes on, or None: there is nothing more to delete.
        """
        place: int | None = await self._write(arrivals.delete_limbo_some, after, before)
        return place

    async def stranded(self, links: Iterable[str]) -> dict[str, int]:
        """How many messages are queued for each link that is not among these, and so go nowhere."""
        found: dict[str, int] = await self._read(retention.stranded, links)
        return found

    async def _delete(self, step: Callable[..., Any], *place: Any, **told: Any) -> int | None:
        """Do a step that may take dead letters with it."""
        further: int | None
        further, letters = await self._write(step, *place, **told)
        self.dead_letters += letters
        return further
