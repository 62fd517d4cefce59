"""Many messages through the windows of a link: no task, no timer and no future for any of them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from smpp_esme.client.sources import messages_of
from smpp_esme.client.submission import InDoubt, Refused, Submitted
from smpp_esme.errors import (
    AgainstTheRules,
    InvalidValue,
    LocalProtocolError,
    SessionClosed,
    SmppError,
    SubmitRefused,
)
from smpp_esme.protocol.pdus import SubmitSmResp

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable

    from smpp_esme.client.correlation import Correlation
    from smpp_esme.client.guarded import Guarded
    from smpp_esme.client.outgoing import Composer, MtMessage
    from smpp_esme.client.sources import Messages
    from smpp_esme.errors import ResponseTimeout
    from smpp_esme.protocol.pdus import Pdu, SubmitSm
    from smpp_esme.session.link import Link
    from smpp_esme.session.session import Session

Outcome = Submitted | Refused | InDoubt


class _Flight:
    """A message on its way: its segments go one after another, each when the one before it was accepted.

    Attributes:
        session: the one its first segment went over, for the rest to follow.
        first_left: when that was, where the provider's rules ask for it.
    """

    __slots__ = ("_bulk", "first_left", "message", "message_ids", "pdus", "session")

    def __init__(self, bulk: Bulk, message: MtMessage, pdus: list[SubmitSm]) -> None:
        self._bulk = bulk
        self.message = message
        self.pdus = pdus
        self.message_ids: tuple[str, ...] = ()
        self.session: Session | None = None
        self.first_left: float | None = None

    def answered(self, response: Pdu) -> None:
        if response.command_status or not isinstance(response, SubmitSmResp):  # a nack accepts nothing
            self._bulk.fail(self, Refused(self.message, SubmitRefused(response.status, "submit_sm"), self.message_ids))
            return
        self.message_ids += (response.message_id,)
        if len(self.message_ids) == len(self.pdus):
            self._bulk.accept(Submitted(self.message, self.pdus[0].destination_addr, self.message_ids))
        else:
            self._bulk.go_on(self)

    def unanswered(self, error: ResponseTimeout | SessionClosed) -> None:
        self._bulk.fail(self, InDoubt(self.message, error, self.message_ids))

    def late(self, response: Pdu) -> None:
        pass  # it was told to be in doubt, and whoever was told has gone on


class Bulk:
    """The messages of one `submit_many`.

    So many are on their way, or done and not yet handed out, as the windows have room for: a slow reader of outcomes
    slows the submitting, and nothing piles up.
    """

    def __init__(
        self, link: Link, composer: Composer, correlation: Correlation, guarded: Guarded | None = None
    ) -> None:
        self._link = link
        self._guarded = guarded
        self._held: dict[_Flight, asyncio.TimerHandle] = {}  # by the provider's rules
        self._composer = composer
        self._correlation = correlation
        self._limit = link.window * link.plan.binds
        self._batch = max(1, self._limit // 4)
        self._waiting: deque[_Flight] = deque()  # those that are on their way stand before those that are not
        self._done: deque[Outcome] = deque()
        self._news = asyncio.Event()
        self._in_hand = 0
        self._sender: asyncio.Task[None] | None = None
        self._lost: SessionClosed | None = None

    async def outcomes(self, given: Iterable[MtMessage] | AsyncIterable[MtMessage]) -> AsyncIterator[Outcome]:
        """Submit the messages and give their outcomes as they come."""
        if not self._link.plan.submits:
            raise LocalProtocolError("the ESME is bound as receiver, which submits nothing: use another for that")
        messages = messages_of(given, ahead=self._limit, news=self._news)
        self._correlation.expect()
        try:
            while True:
                self._news.clear()
                self._fill(messages)
                while self._done:
                    self._in_hand -= 1
                    yield self._done.popleft()
                    if self._limit - self._in_hand >= self._batch:
                        self._fill(messages)
                self._fill(messages)  # fewer than a batch, perhaps: their places in the window must not wait
                if not self._in_hand and (messages.is_over or self._lost):
                    break
                await self._news.wait()
            self._check(messages)
        finally:
            self._correlation.expect_no_more()
            messages.close()
            for timer in self._held.values():
                timer.cancel()
            self._forget_unsent()
            if self._sender:
                self._sender.cancel()

    def _forget_unsent(self) -> None:
        """What was let go by the provider's rules, and stays here, may be tried again."""
        for flight in self._waiting:
            if self._guarded and flight.session is None and not flight.message_ids:
                self._guarded.forget(flight.message, flight.pdus)

    def accept(self, submitted: Submitted) -> None:
        """The SMSC has all of a message."""
        self._correlation.add(submitted)
        if not self._done:
            self._news.set()
        self._done.append(submitted)

    def end(self, outcome: Outcome) -> None:
        """A message has come to its end."""
        if not self._done:
            self._news.set()
        self._done.append(outcome)

    def fail(self, flight: _Flight, outcome: Refused | InDoubt) -> None:
        """A message that was let go has come to a bad end, and may be tried again."""
        if self._guarded:
            self._guarded.forget(flight.message, flight.pdus)
        self.end(outcome)

    def go_on(self, flight: _Flight) -> None:
        """A segment was accepted, and there are more."""
        self._waiting.appendleft(flight)
        self._news.set()

    def _fill(self, messages: Messages) -> None:
        """Take messages in hand, and send what may leave now; a task sends the rest when its turn comes."""
        while self._in_hand < self._limit and not self._lost and (message := messages.take()):
            self._in_hand += 1
            try:
                flight = _Flight(self, message, self._composer.pdus_of(message))
                if self._guarded is None or self._may_go(flight, self._guarded):
                    self._waiting.append(flight)
            except (InvalidValue, AgainstTheRules) as error:
                self.end(Refused(message, error))
        self._send_waiting()

    def _may_go(self, flight: _Flight, guarded: Guarded) -> bool:
        """Whether the provider's rules let it go now; if they delay it, they are asked again in time."""
        if seconds := guarded.wait(flight.message, flight.pdus):
            self._held[flight] = asyncio.get_running_loop().call_later(seconds, self._ask_again, flight, guarded)
        return not seconds

    def _ask_again(self, flight: _Flight, guarded: Guarded) -> None:
        del self._held[flight]
        try:
            if self._may_go(flight, guarded):
                self._waiting.append(flight)
        except AgainstTheRules as error:
            self.end(Refused(flight.message, error))
        self._send_waiting()

    def _send_waiting(self) -> None:
        if self._waiting and self._sender is None and not self._send_now():
            self._sender = asyncio.create_task(self._send_later(), name="smpp_esme.submit_many.sender")

    def _send_now(self) -> bool:
        """Send what may leave at once; False if something has to wait."""
        while self._waiting:
            on = self._waiting[0].session
            try:
                turns = self._link.turns_now(1 if on else len(self._waiting), on=on)
            except SessionClosed as error:
                self._leave(on, error)
                continue
            if turns is None:
                return False
            self._send(*turns)
        return True

    async def _send_later(self) -> None:
        """Send what waits, each when its turn comes."""
        while self._waiting:
            on = self._waiting[0].session
            try:
                turns = await self._link.turns(1 if on else len(self._waiting), on=on)
            except SessionClosed as error:
                self._leave(on, error)
                continue
            self._send(*turns)
        self._sender = None

    def _leave(self, session: Session | None, error: SessionClosed) -> None:
        """Go on over another session or, where the link has ended, tell what was never sent."""
        if session is None:
            self._lost = error
        for flight in self._waiting:
            if flight.session is session:
                flight.session = None
        while self._lost and self._waiting:
            flight = self._waiting.popleft()
            self.fail(flight, Refused(flight.message, error, flight.message_ids))
        while self._lost and self._held:
            flight, timer = self._held.popitem()
            timer.cancel()
            self.end(Refused(flight.message, error))

    def _send(self, session: Session, count: int) -> None:
        for _ in range(min(count, len(self._waiting))):
            flight = self._waiting.popleft()
            flight.session = session
            try:
                if self._guarded:
                    flight.first_left = self._guarded.first_left(flight.first_left)
                session.start(flight.pdus[len(flight.message_ids)], flight)
            except SmppError as error:  # nothing was sent
                self.fail(flight, Refused(flight.message, error, flight.message_ids))

    def _check(self, messages: Messages) -> None:
        if self._lost:
            raise SessionClosed(*self._lost.args)
        messages.check()
