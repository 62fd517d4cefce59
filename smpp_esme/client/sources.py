"""Where `submit_many` takes its messages from: any iterable, read no further ahead than it is told."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Protocol

from smpp_esme.client.outgoing import MtMessage

if TYPE_CHECKING:
    from collections.abc import Iterable


class Messages(Protocol):
    """Messages, one by one."""

    @property
    def is_over(self) -> bool:
        """Whether there are no more, in order or because the iterable raised."""

    def take(self) -> MtMessage | None:
        """The next message; None if there is none now, or none any more."""

    def check(self) -> None:
        """Raise what the iterable raised, if it did."""

    def close(self) -> None:
        """Read no further."""


def messages_of(given: Iterable[MtMessage] | AsyncIterable[MtMessage], *, ahead: int, news: asyncio.Event) -> Messages:
    """The messages of any iterable; `news` is set when an asynchronous one has another, or has ended."""
    if isinstance(given, AsyncIterable):
        return _Awaited(given, ahead, news)
    return _AtHand(given)


class _AtHand:
    """Messages that need no waiting for."""

    def __init__(self, given: Iterable[MtMessage]) -> None:
        self._iterator = iter(given)
        self._error: Exception | None = None
        self.is_over = False

    def take(self) -> MtMessage | None:
        if self.is_over:
            return None
        try:
            message = next(self._iterator)
            return message if type(message) is MtMessage else checked(message)
        except StopIteration:
            self.is_over = True
        except Exception as error:  # noqa: BLE001 - raised by `check`, once all that was submitted has its outcome
            self._error, self.is_over = error, True
        return None

    def check(self) -> None:
        if self._error:
            raise self._error

    def close(self) -> None:
        self.is_over = True


class _Awaited:
    """Messages of an asynchronous iterable, read by one task, which waits while `ahead` of them are not yet taken."""

    def __init__(self, given: AsyncIterable[MtMessage], ahead: int, news: asyncio.Event) -> None:
        self._given = given
        self._ready: deque[MtMessage] = deque()
        self._news = news
        self._room = asyncio.Semaphore(ahead)
        self._ended = False
        self._task = asyncio.create_task(self._read(), name="smpp_esme.submit_many")

    @property
    def is_over(self) -> bool:
        return self._ended and not self._ready

    def take(self) -> MtMessage | None:
        if not self._ready:
            return None
        self._room.release()
        return self._ready.popleft()

    def check(self) -> None:
        if self._task.done():
            self._task.result()

    def close(self) -> None:
        self._task.cancel()

    async def _read(self) -> None:
        try:
            async for message in self._given:
                await self._room.acquire()
                self._ready.append(checked(message))
                self._news.set()
        finally:
            self._ended = True
            self._news.set()


def checked(message: object) -> MtMessage:
    """A message of the caller's.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(message, MtMessage):
        raise TypeError(f"submit_many takes MtMessage, not {type(message).__name__}")
    return message
