"""What is open at both ends: messages that wait for a verdict, and receipts that wait for a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from smpp_esme.store import collect, doubt, evidence, limbo, queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from datetime import datetime, timedelta

    from smpp_esme.message.message import Attached, Learned, Message


#: How many messages `expire` gives up in one transaction.
EXPIRED_AT_ONCE: Final = 500


class OpenEnds:
    """Brings together what belongs together, and takes back what need not be waited for.

    Everything that a method reports is committed when it returns; cancellation is as with `Store`.

    Args:
        read: asks the database a question.
        write: makes a change in a transaction.
    """

    def __init__(self, read: Callable[..., Awaitable[Any]], write: Callable[..., Awaitable[Any]]) -> None:
        self._read = read
        self._write = write

    async def record_states(self, states: Sequence[Learned], at: datetime) -> list[bool]:
        """Write down what the SMSC said of segments when it was asked; whether each moved.

        Args:
            states: of which segment, and what.
            at: when it was said.
        """
        if not states:
            return []
        found: list[bool] = await self._write(collect.record_states, states, at=at)
        return found

    async def overdue(
        self, link: str, after: int, *, since: datetime, before: datetime, limit: int
    ) -> tuple[list[Message], int]:
        """Some messages of a link that the SMSC took in a span of time and has given no verdict on.

        Args:
            link: its name.
            after: where the search before left off; 0 begins.
            since: when the SMSC took it at the earliest.
            before: when at the latest; the search stops at the first message that is later.
            limit: how many are looked at, of all links.

        Returns:
            The messages, and where to go on.
        """
        found: tuple[list[Message], int] = await self._read(
            queries.overdue, link, after, since=since, before=before, limit=limit
        )
        return found

    async def partly_known(self, link: str, after: int, *, asks: bool, limit: int) -> tuple[list[Message], int | None]:
        """Some messages in doubt of a link of which the SMSC has taken other segments, under ids that are known.

        Args:
            link: its name.
            after: where the search before left off; 0 begins.
            asks: whether messages without a policy of their own are among them.
            limit: how many at most.

        Returns:
            The messages, and where to go on; None: at the end.
        """
        found: tuple[list[Message], int | None] = await self._read(
            queries.partly_known, link, after, asks=asks, limit=limit
        )
        return found

    async def expire(self, at: datetime) -> int:
        """Fail what is still QUEUED though its validity has run out; how many messages that were.

        In steps, so that traffic goes on.

        Args:
            at: now.
        """
        total = 0
        while expired := await self._write(doubt.expire, EXPIRED_AT_ONCE, at=at):
            total += expired
        return total

    async def cancel(self, reference: str, at: datetime) -> bool:
        """Take back a message, as far as it was not sent; whether anything of it was still QUEUED.

        Raises:
            UnknownReference: no message is kept under this reference.
        """
        found: bool = await self._write(doubt.cancel, reference, at=at)
        return found

    async def dismiss(self, receipts: Sequence[int], at: datetime) -> int:
        """Write down that nobody waits for these receipts any more; of how many that is new.

        They stay in limbo, are no longer counted, and end no doubt; a response that brings their id still does.
        """
        found: int = await self._write(limbo.dismiss, list(receipts), at=at)
        return found

    async def attach(self, receipt: int, reference: str, at: datetime) -> Attached:
        """Write down that a receipt in limbo belongs to a message, because a person says so.

        A receipt that tells the message nothing new stays where it is.

        Raises:
            UnknownReference: there is no such receipt in limbo, or no such message.
        """
        found: Attached = await self._write(limbo.attach, receipt, reference, at=at)
        return found

    async def adopt(self, links: Collection[str], at: datetime, *, attempt: timedelta) -> list[str]:
        """End the doubts of which receipts in limbo tell, and nothing else explains these; see `message.evidence`.

        The search goes on beside the traffic, in steps; each step's finds are one transaction.

        Args:
            links: whose messages in doubt are looked at, but for those whose own policy says otherwise.
            at: now.
            attempt: for how long after its claim a message may have been submitted.

        Returns:
            The references of the messages.
        """
        ended: list[str] = []
        after: int | None = 0
        while after is not None:
            found, after = await self._read(evidence.find, after, links=links, attempt=attempt)
            if found:
                ended += await self._write(evidence.adopt, found, at=at)
        return ended
