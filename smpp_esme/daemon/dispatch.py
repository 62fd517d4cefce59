"""QUEUED -> SUBMITTING -> the SMSC: claims what waits, submits it, and writes down what the SMSC said.

Nothing is submitted that the store does not know to be SUBMITTING, so whatever happens to this process, a message that
may have left is never taken for one that has not.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.daemon.metrics import Metrics
from smpp_esme.daemon.rules import Guarded
from smpp_esme.errors import EncodingError, SessionClosed
from smpp_esme.message.message import EXPIRED_UNSENT, Accepted, Answer, Message, Refused, Unanswered
from smpp_esme.message.status import MessageStatus
from smpp_esme.protocol import tlvs
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.pdus import SubmitSm, SubmitSmResp
from smpp_esme.session.guards import Rules
from smpp_esme.sms import times

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smpp_esme.daemon.answers import Answers
    from smpp_esme.daemon.metrics import LinkMeter
    from smpp_esme.errors import ResponseTimeout
    from smpp_esme.message.message import Segment
    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.session.link import Link
    from smpp_esme.session.session import Session
    from smpp_esme.store import Store

_log = logging.getLogger(__name__)

#: How long the queue is left alone when nobody says that there is something in it, in seconds: the safety net for
#: messages whose next attempt is due.
_POLL: Final = 0.5
#: So many turns are asked for at once: few enough to leave within a moment, enough that asking costs next to nothing.
_TOGETHER: Final = 32


class _Submitted:
    """The outcome of one submit_sm: a session tells it, it tells the store."""

    __slots__ = ("_answers", "_began", "_dispatch", "_message", "_segment")

    def __init__(self, dispatch: Dispatch, answers: Answers, message: Message, segment: int) -> None:
        self._dispatch = dispatch
        self._answers = answers
        self._message = message
        self._segment = segment
        self._began = dispatch.clock()

    def answered(self, response: Pdu) -> None:
        self._dispatch.heard()
        self._dispatch.ended()
        if response.command_status:
            self._dispatch.rules.forget(self._message)
        outcome = _outcome(response)
        meter, seconds = self._dispatch.meter, self._dispatch.clock() - self._began
        meter.answered(outcome, seconds)
        if meter.tracing:
            meter.tracing.answered(self._message, self._segment, outcome, seconds=seconds)
        self._put(outcome)

    def unanswered(self, error: ResponseTimeout | SessionClosed) -> None:
        _log.debug("submit.unanswered", extra={"error": str(error)})
        self._dispatch.missed()
        self._dispatch.ended()
        meter = self._dispatch.meter
        meter.unanswered()
        if meter.tracing:
            meter.tracing.unanswered(self._message, self._segment, error, seconds=self._dispatch.clock() - self._began)
        self._dispatch.rules.forget(self._message)
        self._put(Unanswered(written=True))

    def late(self, response: Pdu) -> None:
        self._dispatch.heard()
        meter, outcome = self._dispatch.meter, _outcome(response)
        meter.late()
        if meter.tracing:
            meter.tracing.late(self._message, self._segment, outcome)
        self._put(outcome)  # the message is in doubt by now, and this ends the doubt

    def _put(self, outcome: Accepted | Refused | Unanswered) -> None:
        self._answers.put(_answer(self._message, self._segment, outcome))


def _answer(message: Message, segment: int, outcome: Accepted | Refused | Unanswered) -> Answer:
    """What became of a segment of a message as it was claimed."""
    return Answer(message.id, segment, outcome, message.attempts, message.claimed_at)


def _outcome(response: Pdu) -> Accepted | Refused | Unanswered:
    """What a response to submit_sm says."""
    if response.command_status:
        status = response.status
        return Refused(response.command_status, status.name, status.meaning, status.retryable)
    if isinstance(response, SubmitSmResp):
        return Accepted(response.message_id)
    return Unanswered(written=True)  # a generic_nack that says ESME_ROK says nothing


class _Claimed(msgspec.Struct, frozen=True):
    """Messages that are this dispatcher's to submit, until when; `is_full`: perhaps there are more."""

    messages: list[Message]
    until: float
    is_full: bool


class Dispatch:
    """Feeds one link from the store.

    Args:
        store: where messages wait.
        link: which they go out on.
        answers: where the SMSC's answers go.
        owner: who claims: this daemon's name.
        lease: seconds a claim is good for.
        batch: how many messages one claim takes at most.
        rules: what the provider does not want; by default it wants everything.
        meter: what counts; by default nobody reads it.

    Attributes:
        rules: as given.
        meter: as given.
        clock: the event loop's.
    """

    def __init__(
        self,
        store: Store,
        link: Link,
        answers: Answers,
        *,
        rules: Guarded | None = None,
        meter: LinkMeter | None = None,
        owner: str,
        lease: float,
        batch: int,
    ) -> None:
        self._store = store
        self._link = link
        self._answers = answers
        self.rules = Guarded(link.name, Rules()) if rules is None else rules
        self.meter = meter or Metrics().link(link.name)
        self._owner = owner
        self._lease = timedelta(seconds=lease)
        self._batch = batch
        self._woken = asyncio.Event()
        self._next: asyncio.Task[_Claimed] | None = None
        self._next_until = 0.0
        self._stopping = False
        self._outstanding = 0
        self._silence = 0
        self.clock = asyncio.get_running_loop().time
        self._idle = asyncio.Event()
        self._idle.set()

    def change(self, *, lease: float, batch: int) -> None:
        """Claim for so many seconds, and so many messages at most, from now on."""
        self._lease = timedelta(seconds=lease)
        self._batch = batch

    def wake(self) -> None:
        """There is something in the queue."""
        self._woken.set()

    def ended(self) -> None:
        """One submit_sm is no longer outstanding."""
        self._outstanding -= 1
        if not self._outstanding:
            self._idle.set()

    def heard(self) -> None:
        """The SMSC answered."""
        self._silence = 0

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
        return self._link.can_submit

    async def run(self) -> None:
        """Submit what waits, on whatever sessions the link has, until `stop`; then wait for what is outstanding.

        It ends with the link, too. Cancelling is safe at any time.
        """
        try:
            while not (self._stopping or self._link.has_ended):
                try:
                    await self._submit_some()
                except SessionClosed as error:
                    _log.info("dispatch.paused", extra={"link": self._link.name, "reason": str(error)})
        finally:
            await self._give_up_next()
        await self._idle.wait()

    async def _submit_some(self) -> None:
        """Claim as much as fits a window, and submit it there; sleep if there is nothing."""
        await self._answers.room()
        session, room = await self._turns()
        if self._stopping:
            return
        claimed = await self._next_claim(room)
        if claimed.messages:
            await self._submit(session, claimed)
        else:
            await self._sleep()

    async def _turns(self) -> tuple[Session, int]:
        """Wait for a session with room; what was claimed ahead is handed back if that takes too long for it."""
        if self._next is not None:
            try:
                async with asyncio.timeout_at(self._next_until):
                    return await self._link.turns(min(self._batch, self._link.pacing.second), paced=False)
            except TimeoutError:
                await self._give_up_next()
        return await self._link.turns(min(self._batch, self._link.pacing.second), paced=False)

    async def _next_claim(self, room: int) -> _Claimed:
        """What is to be submitted now; where there is more, that is claimed meanwhile."""
        if self._next is None:
            self._next = asyncio.create_task(self._claim(room), name="claim")
        claimed = await asyncio.shield(self._next)
        self._next = None
        # Where it is the pace that holds us up, what is more urgent shall not come behind two batches.
        if claimed.is_full and self._link.pacing.second >= self._batch and not self._stopping:
            self._next_until = self._until()
            self._next = asyncio.create_task(self._claim(min(self._batch, self._link.window)), name="claim")
        return claimed

    async def _claim(self, limit: int) -> _Claimed:
        self._woken.clear()
        until = self._until()
        lease_until = datetime.now(UTC) + self._lease
        found = await self._store.claim(limit, link=self._link.name, owner=self._owner, lease_until=lease_until)
        return _Claimed(found, until, is_full=len(found) == limit)

    def _until(self) -> float:
        """Until when what is claimed now may leave."""
        # Half of the lease is for the response: when it ends, another daemon may decide about the message.
        return self.clock() + self._lease.total_seconds() / 2

    async def _give_up_next(self) -> None:
        """Hand back what was claimed for later; a claim that has begun goes on to its end, so that is awaited."""
        if self._next is None:
            return
        claiming, self._next = self._next, None
        claimed = await claiming
        self._hand_back(
            (message, segment)
            for message in claimed.messages
            for segment in message.segments
            if segment.status is MessageStatus.SUBMITTING
        )

    def _leave(self, session: Session) -> None:
        """Leave an SMSC that answered nothing of a whole window: it would put the whole queue in doubt."""
        _log.warning("dispatch.unanswered", extra={"link": self._link.name, "unanswered": self._silence})
        self._silence = 0
        session.abort("no submit_sm was answered")

    def _hand_back(self, waiting: Iterable[tuple[Message, Segment]]) -> None:
        """Queue again what certainly never left."""
        for message, segment in waiting:
            self._answers.put(_answer(message, segment.number, Unanswered(written=False)))

    async def _sleep(self) -> None:
        try:
            async with asyncio.timeout(_POLL):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _submit(self, session: Session, claimed: _Claimed) -> None:
        """Submit what was claimed, while the claim is good; what never left is handed back, whatever ends this."""
        going = [message for message in claimed.messages if self._may_go(message)]
        # Of a message that has begun to go already, some are accepted or in doubt: these are left alone.
        waiting = [
            (message, segment)
            for message in reversed(going)
            for segment in reversed(message.segments)
            if segment.status is MessageStatus.SUBMITTING
        ]
        try:
            async with asyncio.timeout_at(claimed.until):
                await self._start_all(session, waiting, claimed.until)
        except TimeoutError:
            return
        finally:
            self._hand_back(waiting)

    async def _start_all(self, session: Session, waiting: list[tuple[Message, Segment]], until: float) -> None:
        """Start these one after another, the last first; what has left is taken off the list."""
        current, began = None, 0.0
        while waiting:
            message, segment = waiting[-1]
            # All segments of a message go on one session.
            _, turns = await self._link.turns(_alike(waiting), on=session, lane=message.priority)
            try:
                if self._silence >= self._link.window:
                    self._leave(session)
                    return
                now = self.clock()
                if now > until:  # where nothing was waited for, no timeout has come
                    return
                while turns:
                    message, segment = waiting[-1]
                    if message is not current:
                        current, began = message, now
                    self._start(session, message, segment, now - began)
                    waiting.pop()
                    turns -= 1
            finally:
                self._link.pacing.give_back(turns)

    def _may_go(self, message: Message) -> bool:
        """Whether the provider's rules let this message go; if not, that is its answer."""
        if not self.rules:
            return True
        now = self.clock()
        waiting = [one for one in message.segments if one.status is MessageStatus.SUBMITTING]
        if len(waiting) < len(message.segments):  # it has begun to go already
            return True
        refused = self.rules.refusal(message, now, self._link.pacing.state(now))
        if refused is None:
            return True
        for segment in waiting:
            self._answers.put(_answer(message, segment.number, refused))
        return False

    def _start(self, session: Session, message: Message, segment: Segment, since_first: float) -> None:
        if message.expires_at is not None and message.expires_at <= datetime.now(UTC):
            self._answers.put(_answer(message, segment.number, EXPIRED_UNSENT))
            return
        if since_first and (late := self.rules.lateness(since_first)):
            self._answers.put(_answer(message, segment.number, late))
            return
        outcome = _Submitted(self, self._answers, message, segment.number)
        try:
            session.start(submit_sm(message, segment), outcome)
            if not self._outstanding:
                self._idle.clear()
            self._outstanding += 1
        except EncodingError as error:  # a message that no PDU can carry must not stop those behind it
            refused = Refused(CommandStatus.ESME_RSUBMITFAIL, "UNSENDABLE", str(error), retryable=False)
            self._answers.put(_answer(message, segment.number, refused))


def _alike(waiting: Sequence[tuple[Message, Segment]]) -> int:
    """How many of those at the end of the list are to leave now, in the same lane as the last."""
    lane, count = waiting[-1][0].priority, 0
    for message, _ in islice(reversed(waiting), _TOGETHER):
        if message.priority != lane:
            break
        count += 1
    return count


def submit_sm(message: Message, segment: Segment, *, at: datetime | None = None) -> SubmitSm:
    """The submit_sm that carries one segment of a message; what is left of its validity is counted from `at`."""
    left = None if message.expires_at is None else (message.expires_at - (at or datetime.now(UTC))).total_seconds()
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
        validity_period="" if left is None else times.relative(max(left, 1.0)),
        short_message=segment.short_message,
        tlvs=tlvs.read(segment.tlvs, 0)[0] if segment.tlvs else (),
    )
