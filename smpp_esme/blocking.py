"""The client for programs without asyncio: the same names, which block.

::

    with smpp_esme.blocking.connect("smpp://acme:secret@smsc.example:2775") as esme:
        submission = esme.submit("+79991234567", "Привет", source="ACME")
        receipt = submission.receipt(timeout=60)

It is the same code: every call runs in an event loop that has a thread of its own. All of it may be called from any
number of threads at once. What a call raises is what the asynchronous one raises; KeyboardInterrupt, or any other
exception in the waiting thread, cancels what is waited for, with what that means there.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar, Unpack

from smpp_esme.client import Submission as AsyncSubmission
from smpp_esme.client import Submitted as AsyncSubmitted
from smpp_esme.client import connect as connect_async
from smpp_esme.errors import SessionClosed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
    from types import TracebackType

    from smpp_esme.client import Deliveries as AsyncDeliveries
    from smpp_esme.client import Esme as AsyncEsme
    from smpp_esme.client import InDoubt, LookedUp, MtMessage, Queried, Refused, Replacement, SubmittedMulti
    from smpp_esme.client.connect import Options
    from smpp_esme.client.outgoing import Parameters
    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.session.endpoint import Endpoint
    from smpp_esme.session.events import LinkEvent
    from smpp_esme.session.pacing import Pace
    from smpp_esme.sms.content import Content
    from smpp_esme.sms.hlr import HlrRecord
    from smpp_esme.sms.message_id import Learner
    from smpp_esme.sms.mo import MoMessage
    from smpp_esme.sms.profile import Profile
    from smpp_esme.sms.receipt import Receipt

T = TypeVar("T")

_CLOSED: Final = "the ESME has been closed"


class Thread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="smpp_esme.blocking", daemon=True)
        self._waiting: set[Future[Any]] = set()
        self._ended = False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Start it."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Cancel what runs in it, and end it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._ended = True
        for future in list(self._waiting):  # what came too late for the loop
            future.cancel()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """What this gives, once it does; an exception in the waiting thread cancels it.

        Raises:
            SessionClosed: the thread has ended.
        """
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # the loop is closed
            work.close()
            raise SessionClosed(_CLOSED) from None
        self._waiting.add(future)
        if self._ended:
            future.cancel()
        try:
            return future.result()
        except CancelledError:
            if self._ended:
                work.close()  # it may never have begun
            raise SessionClosed(_CLOSED) from None
        except BaseException:
            future.cancel()
            raise
        finally:
            self._waiting.discard(future)

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call this in the thread, soon."""
        self._loop.call_soon_threadsafe(function, *arguments)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()


@contextlib.contextmanager
def connect(*urls: str | Endpoint, **options: Unpack[Options]) -> Iterator[Esme]:
    """An ESME that stays bound for the length of the `with` body; all is as for `smpp_esme.connect`.

    Raises:
        InvalidValue, ConfigError, ConnectFailed, BindRefused, ResponseTimeout: as `smpp_esme.connect`.
    """
    with Thread() as thread:
        context = connect_async(*urls, **options)
        esme = thread.wait(context.__aenter__())
        try:
            yield Esme(esme, thread)
        finally:
            # An error in the body is the body's own, and the same to the other end.
            thread.wait(context.__aexit__(None, None, None))


class Submission:
    """A message that the SMSC has accepted; see `smpp_esme.Submission`."""

    def __init__(self, submission: AsyncSubmission, thread: Thread) -> None:
        self._submission = submission
        self._thread = thread

    def __repr__(self) -> str:
        return repr(self._submission)

    @property
    def message(self) -> MtMessage:
        """What was submitted."""
        return self._submission.message

    @property
    def destination_addr(self) -> str:
        """Whom it is for, as it stands in the submit_sm."""
        return self._submission.destination_addr

    @property
    def message_ids(self) -> tuple[str, ...]:
        """The SMSC's, one a segment, in order."""
        return self._submission.message_ids

    @property
    def receipts(self) -> dict[int, Receipt]:
        """What has been receipted so far, by segment, counted from 0."""
        return self._submission.receipts

    @property
    def is_final(self) -> bool:
        """Whether every segment has its final receipt."""
        return self._submission.is_final

    def receipt(self, segment: int | None = None, *, timeout: float | None = None) -> Receipt:
        """Wait until every segment has its final receipt, and give the worst; or wait for that of one segment.

        Raises:
            TimeoutError, SessionClosed, LocalProtocolError, InvalidValue: as `smpp_esme.Submission.receipt`.
        """
        return self._thread.wait(self._submission.receipt(segment, timeout=timeout))


class Submitted(Submission):
    """One of `submit_many` that the SMSC accepted; all that a `Submission` has."""


class Deliveries(Generic[T]):
    """Deliveries as they come: ``with esme.receipts() as receipts: for receipt in receipts``.

    They are answered as those of `smpp_esme.Deliveries` are: when the body of the loop is done with each.
    """

    def __init__(self, deliveries: AsyncDeliveries[T], thread: Thread) -> None:
        self._deliveries = deliveries
        self._thread = thread

    def __enter__(self) -> Self:
        self._thread.wait(self._deliveries.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.wait(self._deliveries.__aexit__(kind, error, traceback))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        """The next one; the one before it is answered.

        Raises:
            SessionClosed: there will be none.
        """
        return self.next()

    def next(self, *, timeout: float | None = None) -> T:
        """The next one, if it comes in so many seconds; the one before it is answered.

        Raises:
            TimeoutError: none came; none is lost.
            SessionClosed: there will be none.
        """
        return self._thread.wait(_within(self._deliveries, timeout))


async def _within(deliveries: AsyncDeliveries[T], timeout: float | None) -> T:  # noqa: ASYNC109 - a caller in another thread can set no other
    async with asyncio.timeout(timeout):
        return await anext(deliveries)


class _Run:
    """One `submit_many`: messages go in and outcomes come out in batches, for crossing threads takes its time."""

    def __init__(self, esme: AsyncEsme) -> None:
        self._esme = esme
        self._given: list[MtMessage] = []
        self._done: list[AsyncSubmitted | Refused | InDoubt] = []
        self._more, self._news = asyncio.Event(), asyncio.Event()
        self._over = False
        self._task: asyncio.Task[None] | None = None

    async def exchange(self, messages: list[MtMessage], *, over: bool) -> list[AsyncSubmitted | Refused | InDoubt]:
        """Hand messages in, and wait for outcomes if any are to come.

        Raises:
            SessionClosed: as `smpp_esme.Esme.submit_many`.
        """
        self._given += messages
        self._over = over
        self._more.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="smpp_esme.blocking.submit_many")
        while not (self._done or self._task.done()):
            self._news.clear()
            await self._news.wait()
        if not self._done:
            self._task.result()
        done, self._done = self._done, []
        return done

    async def stop(self) -> None:
        """Submit nothing more."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            async for outcome in self._esme.submit_many(self._messages()):
                self._done.append(outcome)
                self._news.set()
        finally:
            self._news.set()

    async def _messages(self) -> AsyncIterator[MtMessage]:
        while self._given or not self._over:
            given, self._given = self._given, []
            for message in given:
                yield message
            if not (self._given or self._over):
                self._more.clear()
                await self._more.wait()


class Esme:
    """A bound ESME; `connect` makes one. Every method does what that of `smpp_esme.Esme` does, and blocks."""

    def __init__(self, esme: AsyncEsme, thread: Thread) -> None:
        self._esme = esme
        self._thread = thread

    def __repr__(self) -> str:
        return repr(self._esme)

    @property
    def profile(self) -> Profile:
        """How this SMSC differs from the book, as bound."""
        return self._esme.profile

    @property
    def message_ids(self) -> Learner:
        """The form in which receipts write message_ids, as the profile says or as they have shown so far."""
        return self._esme.message_ids

    @property
    def window(self) -> int:
        """How many requests may be outstanding, over all sessions together."""
        return self._esme.window

    @property
    def is_bound(self) -> bool:
        """Whether there is a bound session now; while there is none, what is asked waits for the next."""
        return self._esme.is_bound

    @property
    def pace(self) -> Pace:
        """How fast it may submit now, and why no faster."""
        return self._thread.wait(self._pace())

    def submit(self, to: str, content: str | Content, **parameters: Unpack[Parameters]) -> Submission:
        """Submit a message, as `smpp_esme.Esme.submit` does."""
        return Submission(self._thread.wait(self._esme.submit(to, content, **parameters)), self._thread)

    def submit_many(self, messages: Iterable[MtMessage]) -> Iterator[Submitted | Refused | InDoubt]:
        """Submit many messages, as `smpp_esme.Esme.submit_many` does; they are read in the calling thread."""
        run, source, in_hand = _Run(self._esme), _Source(messages), 0
        try:
            while True:
                batch = source.take(self.window - in_hand)
                in_hand += len(batch)
                if not in_hand and source.is_over:
                    break
                outcomes = self._thread.wait(run.exchange(batch, over=source.is_over))
                in_hand -= len(outcomes)
                for outcome in outcomes:
                    yield Submitted(outcome, self._thread) if isinstance(outcome, AsyncSubmitted) else outcome
        finally:
            with contextlib.suppress(SessionClosed):  # the body has been left, and all is stopped already
                self._thread.wait(run.stop())
        source.check()

    def submit_multi(
        self, to: Iterable[str], content: str | Content, **parameters: Unpack[Parameters]
    ) -> SubmittedMulti:
        """Submit one message for several destinations, as `smpp_esme.Esme.submit_multi` does."""
        return self._thread.wait(self._esme.submit_multi(to, content, **parameters))

    def lookup(self, msisdn: str, *, timeout: float = 30.0, ping: bool = False) -> HlrRecord:
        """Ask the HLR about a number, as `smpp_esme.Esme.lookup` does."""
        return self._thread.wait(self._esme.lookup(msisdn, timeout=timeout, ping=ping))

    def lookup_many(self, msisdns: Iterable[str], *, timeout: float = 30.0, ping: bool = False) -> Iterator[LookedUp]:
        """Ask about many numbers, as `smpp_esme.Esme.lookup_many` does."""
        yield from _each(self._esme.lookup_many(msisdns, timeout=timeout, ping=ping), self._thread)

    def query(self, message_id: str, *, source: str = "") -> Queried:
        """Ask the SMSC for the state of a message, as `smpp_esme.Esme.query` does."""
        return self._thread.wait(self._esme.query(message_id, source=source))

    def cancel(self, message_id: str = "", *, source: str = "", to: str = "", service_type: str = "") -> None:
        """Cancel a message, as `smpp_esme.Esme.cancel` does."""
        self._thread.wait(self._esme.cancel(message_id, source=source, to=to, service_type=service_type))

    def replace(self, message_id: str, replacement: str | Replacement) -> None:
        """Replace a message, as `smpp_esme.Esme.replace` does."""
        self._thread.wait(self._esme.replace(message_id, replacement))

    def request(self, pdu: Pdu) -> Pdu:
        """Send any request, and give its response, as `smpp_esme.Esme.request` does."""
        return self._thread.wait(self._esme.request(pdu))

    def receipts(self) -> Deliveries[Receipt]:
        """All receipts, for ``with esme.receipts() as receipts: for receipt in receipts``."""
        return Deliveries(self._esme.receipts(), self._thread)

    def messages(self) -> Deliveries[MoMessage]:
        """All messages from subscribers (MO), in the same way."""
        return Deliveries(self._esme.messages(), self._thread)

    def deliveries(self) -> Deliveries[Receipt | MoMessage]:
        """Receipts and messages from subscribers in one loop."""
        return Deliveries(self._esme.deliveries(), self._thread)

    def events(self) -> Iterator[LinkEvent]:
        """What happens to the sessions from now on; it ends with the ESME."""
        return self._each_event(self._thread.wait(self._watch()))

    def _each_event(self, events: AsyncIterator[LinkEvent]) -> Iterator[LinkEvent]:
        with contextlib.suppress(SessionClosed):
            yield from _each(events, self._thread)

    async def _pace(self) -> Pace:
        return self._esme.pace

    async def _watch(self) -> AsyncIterator[LinkEvent]:
        return aiter(self._esme.events())


def _each(items: AsyncIterator[T], thread: Thread) -> Iterator[T]:
    while True:
        try:
            yield thread.wait(_next(items))
        except StopAsyncIteration:
            return


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)


class _Source:
    """Messages of the caller's, read in the caller's thread; what they raise is kept till all outcomes are there."""

    def __init__(self, messages: Iterable[MtMessage]) -> None:
        self._messages = iter(messages)
        self._error: Exception | None = None
        self.is_over = False

    def take(self, most: int) -> list[MtMessage]:
        """As many as there are, up to so many."""
        taken: list[MtMessage] = []
        while len(taken) < most and not self.is_over:
            try:
                taken.append(next(self._messages))
            except StopIteration:
                self.is_over = True
            except Exception as error:  # noqa: BLE001 - raised by `check`
                self._error, self.is_over = error, True
        return taken

    def check(self) -> None:
        """Raise what the messages raised, if they did."""
        if self._error:
            raise self._error
