"""What the SMSC delivers, one by one, each answered when the loop's body is done with it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, Protocol, Self, TypeVar

from smpp_esme.errors import LocalProtocolError, SessionClosed
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.sms.receipt import Receipt

if TYPE_CHECKING:
    from types import TracebackType

#: Deliveries that may wait for the body of a loop; the SMSC is asked to keep those beyond.
QUEUE_LIMIT: Final = 10_000

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Delivery(Protocol[T_co]):
    """Something that the SMSC delivered and waits to have answered."""

    @property
    def value(self) -> T_co:
        """What it is."""

    def answer(self, status: CommandStatus) -> None:
        """Answer all deliver_sm that it came in."""


class Source(Protocol):
    """Where deliveries come from."""

    def subscribe(self, reader: Deliveries[T]) -> None:
        """Hand what it reads to this reader from now on."""

    def unsubscribe(self, reader: Deliveries[T]) -> None:
        """Do so no longer."""


class Deliveries(Generic[T]):
    """Deliveries as they come: ``async with esme.receipts() as receipts: async for receipt in receipts``.

    The deliver_sm_resp goes out with ESME_ROK when the body asks for the next one or the block ends in order, and with
    ESME_RX_T_APPN, upon which the SMSC tries again, when the body raises or is cancelled. What was not handed out when
    the block ends is left to the SMSC in the same way. An answer can be lost with its session, so a delivery may come
    again after its body has ended: at least once, not exactly once.
    """

    def __init__(self, source: Source, *kinds: type[T]) -> None:
        self.kinds = kinds
        self._source = source
        self._queue: deque[Delivery[T]] = deque()
        self._arrived = asyncio.Event()
        self._current: Delivery[T] | None = None
        self._over: SessionClosed | None = None
        self._open = False

    async def __aenter__(self) -> Self:
        self._source.subscribe(self)
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open = False
        self._answer(CommandStatus.ESME_RX_T_APPN if error else CommandStatus.ESME_ROK)
        self._source.unsubscribe(self)
        for delivery in self._queue:  # never handed out: the SMSC keeps them
            delivery.answer(CommandStatus.ESME_RX_T_APPN)
        self._queue.clear()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next one; the one before it is answered. Cancelling loses nothing.

        Raises:
            SessionClosed: there will be none.
            LocalProtocolError: outside of the block that opens it nothing comes.
        """
        if not self._open:
            raise LocalProtocolError(
                "nothing is delivered yet: write `async with esme.receipts() as receipts:`, and read in that block"
            )
        self._answer(CommandStatus.ESME_ROK)
        while not self._queue:
            if self._over:
                raise SessionClosed(*self._over.args)
            self._arrived.clear()
            await self._arrived.wait()
        self._current = self._queue.popleft()
        return self._current.value

    def put(self, delivery: Delivery[T]) -> None:
        """Queue a delivery, or leave it to the SMSC if too many wait."""
        if len(self._queue) >= QUEUE_LIMIT:
            delivery.answer(CommandStatus.ESME_RX_T_APPN)
            return
        self._queue.append(delivery)
        self._arrived.set()

    def end(self, error: SessionClosed) -> None:
        """Let the reader have what is queued, then tell it why there is no more."""
        self._over = error
        self._arrived.set()

    def _answer(self, status: CommandStatus) -> None:
        if self._current is not None:
            self._current.answer(status)
            self._current = None


#: What `Esme.receipts` gives.
Receipts = Deliveries[Receipt]
