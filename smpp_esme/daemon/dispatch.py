"""QUEUED -> SUBMITTING -> the SMSC: claims what waits, submits it, and writes down what the SMSC said.

Nothing is submitted that the store does not know to be SUBMITTING, so whatever happens to this process, a message that
may have left is never taken for one that has not.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from smpp_esme.errors import EncodingError, SessionClosed
from smpp_esme.message.message import Accepted, Answer, Refused, Unanswered
from smpp_esme.message.retry import THROTTLES
from smpp_esme.message.status import MessageStatus
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.pdus import SubmitSm, SubmitSmResp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smpp_esme.errors import ResponseTimeout
    from smpp_esme.message.message import Message, Segment
    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.session.link import Link
    from smpp_esme.session.pacing import Pacing
    from smpp_esme.session.session import Session
    from smpp_esme.store import Store

_log = logging.getLogger(__name__)

#: How long the queue is left alone when nobody says that there is something in it, in seconds: the safety net for
#: messages whose next attempt is due.
_POLL: Final = 0.5
#: Seconds for which nothing is submitted after ESME_RTHROTTLED or ESME_RMSGQFUL: most SMSCs count by the second.
_THROTTLED: Final = 1.0
#: Answers that may wait for the store before no more is submitted.
_BACKLOG: Final = 20_000


class Answers:
    """Answers on their way from the session to the store: gathered within a loop turn, written in one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[Answer] = []
        self._arrived = asyncio.Event()
        self._written = asyncio.Event()

    def put(self, answer: Answer) -> None:
        """Take an answer; `run` writes it."""
        self._waiting.append(answer)
        self._arrived.set()

    async def run(self) -> None:
        """Write answers until cancelled; call `flush` after that."""
        while True:
            await self._arrived.wait()
            await self.flush()

    async def flush(self) -> None:
        """Write what waits now. Cancelling never leaves a batch half written, nor forgets one."""
        self._arrived.clear()
        while batch := self._waiting:
            self._waiting = []
            try:
                await self._store.record_answers(batch, datetime.now(UTC))
            except BaseException:
                self._waiting = batch + self._waiting  # recording twice is harmless, forgetting is not
                raise
        self._written.set()

    async def room(self) -> None:
        """Wait while the store lags behind."""
        while len(self._waiting) >= _BACKLOG:
            self._written.clear()
            await self._written.wait()


class _Submitted:
    """The outcome of one submit_sm: a session tells it, it tells the store."""

    __slots__ = ("_answers", "_dispatch", "_message", "_segment")

    def __init__(self, dispatch: Dispatch, answers: Answers, message: int, segment: int) -> None:
        self._dispatch = dispatch
        self._answers = answers
        self._message = message
        self._segment = segment

    def answered(self, response: Pdu) -> None:
        self._dispatch.heard(response)
        self._dispatch.ended()
        self._put(_outcome(response))

    def unanswered(self, error: ResponseTimeout | SessionClosed) -> None:
        _log.debug("submit.unanswered", extra={"error": str(error)})
        self._dispatch.missed()
        self._dispatch.ended()
        self._put(Unanswered(written=True))

    def late(self, response: Pdu) -> None:
        self._dispatch.heard(response)
        self._put(_outcome(response))  # the message is in doubt by now, and this ends the doubt

    def _put(self, outcome: Accepted | Refused | Unanswered) -> None:
        self._answers.put(Answer(self._message, self._segment, outcome))


def _outcome(response: Pdu) -> Accepted | Refused | Unanswered:
    """What a response to submit_sm says."""
    if response.command_status:
        status = response.status
        return Refused(response.command_status, status.name, status.meaning, status.retryable)
    if isinstance(response, SubmitSmResp):
        return Accepted(response.message_id)
    return Unanswered(written=True)  # a generic_nack that says ESME_ROK says nothing


class Dispatch:
    """Feeds one link from the store.

    Args:
        store: where messages wait.
        link: which they go out on.
        answers: where the SMSC's answers go.
        pacing: how fast.
        owner: who claims: this daemon's name.
        lease: seconds a claim is good for.
        batch: how many messages one claim takes at most.
    """

    def __init__(
        self,
        store: Store,
        link: Link,
        answers: Answers,
        pacing: Pacing,
        *,
        owner: str,
        lease: float,
        batch: int,
    ) -> None:
        self._store = store
        self._link = link
        self._answers = answers
        self._pacing = pacing
        self._owner = owner
        self._lease = timedelta(seconds=lease)
        self._batch = batch
        self._woken = asyncio.Event()
        self._stopping = False
        self._outstanding = 0
        self._silence = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def wake(self) -> None:
        """There is something in the queue."""
        self._woken.set()

    def ended(self) -> None:
        """One submit_sm is no longer outstanding."""
        self._outstanding -= 1
        if not self._outstanding:
            self._idle.set()

    def heard(self, response: Pdu) -> None:
        """The SMSC answered; if it asked us to slow down, everything waits a moment."""
        self._silence = 0
        if response.command_status in THROTTLES:
            self._pacing.hold(asyncio.get_running_loop().time() + _THROTTLED)

    def missed(self) -> None:
        """A submit_sm was not answered."""
        self._silence += 1

    def stop(self) -> None:
        """Claim nothing more."""
        self._stopping = True
        self._woken.set()

    @property
    def is_bound(self) -> bool:
        """Whether there is a session to submit on."""
        return self._link.is_bound

    async def run(self) -> None:
        """Submit what waits, on every session that the link brings, until `stop`; then wait for what is outstanding.

        Cancelling is safe at any time.
        """
        async for session in self._link.sessions():
            try:
                while not self._stopping:
                    await self._submit_some(session)
                await self._idle.wait()
            except SessionClosed as error:
                _log.info("dispatch.paused", extra={"link": self._link.name, "reason": str(error)})
            if self._stopping:
                return

    async def _submit_some(self, session: Session) -> None:
        """Claim as much as fits the window, and submit it; sleep if there is nothing."""
        await self._answers.room()
        room = await session.room()
        if self._stopping:
            return
        if self._silence >= self._link.window:
            self._leave(session)
            return
        self._woken.clear()
        messages = await self._claim(min(room, self._batch, self._pacing.second))
        if messages:
            await self._submit(session, messages)
        else:
            await self._sleep()

    async def _claim(self, limit: int) -> list[Message]:
        """Claim; cancelled meanwhile, hand back what the store, which ends what it has begun, has claimed for us."""
        lease_until = datetime.now(UTC) + self._lease
        claiming = asyncio.ensure_future(
            self._store.claim(limit, link=self._link.name, owner=self._owner, lease_until=lease_until)
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            self._hand_back(
                (message, segment)
                for message in await claiming
                for segment in message.segments
                if segment.status is MessageStatus.SUBMITTING
            )
            raise

    def _leave(self, session: Session) -> None:
        """Leave an SMSC that answered nothing of a whole window: it would put the whole queue in doubt."""
        _log.warning("dispatch.unanswered", extra={"link": self._link.name, "unanswered": self._silence})
        self._silence = 0
        session.abort("no submit_sm was answered")

    def _hand_back(self, waiting: Iterable[tuple[Message, Segment]]) -> None:
        """Queue again what certainly never left."""
        for message, segment in waiting:
            self._answers.put(Answer(message.id, segment.number, Unanswered(written=False)))

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(_POLL):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _submit(self, session: Session, messages: list[Message]) -> None:
        """Submit what was claimed; what never left is handed back, whatever ends this."""
        waiting = [(message, segment) for message in reversed(messages) for segment in reversed(message.segments)]
        try:
            while waiting:
                message, segment = waiting[-1]
                if segment.status is MessageStatus.SUBMITTING:  # a segment that was accepted before is left alone
                    await self._pace(session)
                    self._start(session, message, segment)
                waiting.pop()
        finally:
            self._hand_back(waiting)

    async def _pace(self, session: Session) -> None:
        loop = asyncio.get_running_loop()
        if delay := self._pacing.delay(loop.time()):
            await asyncio.sleep(delay)
        await session.room()
        self._pacing.take(loop.time())

    def _start(self, session: Session, message: Message, segment: Segment) -> None:
        outcome = _Submitted(self, self._answers, message.id, segment.number)
        try:
            session.start(submit_sm(message, segment), outcome)
            self._outstanding += 1
            self._idle.clear()
        except EncodingError as error:  # a message that no PDU can carry must not stop those behind it
            refused = Refused(CommandStatus.ESME_RSUBMITFAIL, "UNSENDABLE", str(error), retryable=False)
            self._answers.put(Answer(message.id, segment.number, refused))


def submit_sm(message: Message, segment: Segment) -> SubmitSm:
    """The submit_sm that carries one segment of a message."""
    return SubmitSm(
        source_addr_ton=message.source_addr_ton,
        source_addr_npi=message.source_addr_npi,
        source_addr=message.source_addr,
        dest_addr_ton=message.dest_addr_ton,
        dest_addr_npi=message.dest_addr_npi,
        destination_addr=message.destination_addr,
        esm_class=segment.esm_class,
        priority_flag=message.priority,
        registered_delivery=message.registered_delivery,
        data_coding=message.data_coding,
        short_message=segment.short_message,
    )
