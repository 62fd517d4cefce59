"""Asks the SMSC what has become of a message (query_sm), and to take one back (cancel_sm)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from smpp_esme.errors import InvalidValue, ResponseTimeout, SessionClosed, SmppError
from smpp_esme.message.message import Learned, ReceiptFact
from smpp_esme.message.status import MessageStatus, of_message_state
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.pdus import CancelSm, CancelSmResp, QuerySm, QuerySmResp
from smpp_esme.sms import hlr, times
from smpp_esme.sms.receipt import FINAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smpp_esme.daemon.tracing import Tracing
    from smpp_esme.message.message import Message, Segment
    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.session.link import Link
    from smpp_esme.store import Store

_log = logging.getLogger(__name__)
_Request = TypeVar("_Request", QuerySm, CancelSm)

#: Seconds between two rounds of asking.
_PAUSE: Final = 15.0
#: How many messages a round asks about at most: the messages themselves go first.
_AT_ONCE: Final = 100
#: Of what is older the SMSC knows nothing any more.
_FORGOTTEN: Final = timedelta(days=3)
_STATES: Final = {int(state): state for state in MessageState}
#: Between two walks through what is in doubt.
_AGAIN: Final = timedelta(minutes=5)
#: The SMSC has it, and may still say something about it.
_ASKED: Final = frozenset({MessageStatus.SUBMITTED, MessageStatus.ACCEPTED})


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """How the SMSC answered for one segment.

    Attributes:
        segment: its number.
        message_id: the SMSC's.
        command_status: its name; ESME_ROK is yes.
        message_state: what it said, or None: nothing that has a meaning.
    """

    segment: int
    message_id: str
    command_status: str
    message_state: str | None = None


class Inquiry:
    """Asks over one link.

    Args:
        store: where the answers go.
        link: where they come from.
        after: seconds without a verdict after which the SMSC is asked of its own accord; 0 for never.
        patience: seconds that an answer may take.
        doubts: whether it is asked about messages in doubt, as far as ids are known, that have no policy of their own.
        tracing: what traces the questions, if anything does.
    """

    def __init__(
        self,
        store: Store,
        link: Link,
        *,
        after: float = 0.0,
        patience: float = 10.0,
        doubts: bool = False,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing
        self._store = store
        self._link = link
        self._after = after
        self._patience = patience
        self._doubts = doubts
        self._asked = 0
        self._asked_in_doubt = 0
        self._walked_at: datetime | None = None

    def change(self, *, after: float, patience: float, doubts: bool) -> None:
        """Ask after so many seconds, wait for so many, and ask about doubts or not, from now on."""
        self._after = after
        self._patience = patience
        self._doubts = doubts

    async def run(self) -> None:
        """Ask about what is overdue, each message once, and about doubts, now and then, until cancelled."""
        while True:
            await asyncio.sleep(_PAUSE)
            if self._after and self._link.can_submit:
                await self.round(datetime.now(UTC))
            if self._link.can_submit:
                await self.doubts(datetime.now(UTC))

    async def round(self, at: datetime) -> None:
        """Ask about some messages that the SMSC took long ago and has said nothing final of."""
        before = at - timedelta(seconds=self._after)
        overdue, last = await self._store.open_ends.overdue(
            self._link.name, self._asked, since=at - _FORGOTTEN, before=before, limit=_AT_ONCE
        )
        for message in overdue:
            if not await self._is_answered(message):
                return
            self._asked = message.id
        self._asked = last

    async def doubts(self, at: datetime) -> None:
        """Ask about some messages in doubt whose policy says so, as far as the SMSC has given ids of their segments."""
        if self._asked_in_doubt == 0 and self._walked_at is not None and at - self._walked_at < _AGAIN:
            return
        self._walked_at = self._walked_at if self._asked_in_doubt else at
        found, last = await self._store.open_ends.partly_known(
            self._link.name, self._asked_in_doubt, asks=self._doubts, limit=_AT_ONCE
        )
        for message in found:
            if not await self._is_answered(message):
                return
        self._asked_in_doubt = last or 0

    async def _is_answered(self, message: Message) -> bool:
        """Ask about a message; False: the SMSC does not answer just now."""
        try:
            await self.query(message)
        except (SessionClosed, ResponseTimeout) as error:
            _log.info("inquiry.unanswered", extra={"link": self._link.name, "error": str(error)})
            return False
        except InvalidValue as error:  # an SMSC may give ids that it could not be asked about: they are not SMPP's
            _log.info("inquiry.unanswered", extra={"link": self._link.name, "error": str(error)})
        return True

    async def query(self, message: Message) -> list[Reply]:
        """Ask what has become of each segment that the SMSC has, and write down what it says.

        Raises:
            SessionClosed: the link is not bound.
            ResponseTimeout: no answer came; those before it are written down.
        """
        replies, states = [], []
        try:
            for segment in _known(message):
                response = await self._ask(_about(QuerySm, message, segment), message, segment)
                state = _state(response)
                replies.append(_reply(segment, response, state))
                if state is not None:
                    states.append(self._told(message, segment, response, state))
        finally:
            await self._store.open_ends.record_states(states, datetime.now(UTC))
        return replies

    async def cancel(self, message: Message) -> list[Reply]:
        """Ask the SMSC to take back each segment that it has; what it takes back is DELETED.

        Raises:
            SessionClosed: the link is not bound.
            ResponseTimeout: no answer came; those before it are written down.
        """
        replies, states = [], []
        try:
            for segment in _known(message):
                response = await self._ask(_about(CancelSm, message, segment), message, segment)
                replies.append(_reply(segment, response, None))
                if isinstance(response, CancelSmResp) and not response.command_status:
                    states.append(self._taken_back(message, segment))
        finally:
            await self._store.open_ends.record_states(states, datetime.now(UTC))
        return replies

    async def _ask(self, pdu: Pdu, message: Message, segment: Segment) -> Pdu:
        now = asyncio.get_running_loop().time
        began = now()
        answer: Pdu | SmppError | None = None
        try:
            answer = await self._answer(pdu)
        except SmppError as error:
            answer = error
            raise
        finally:
            if self._tracing and answer is not None:
                self._tracing.asked(pdu, message, segment, answer, seconds=now() - began)
        return answer

    async def _answer(self, pdu: Pdu) -> Pdu:
        if not self._link.can_submit:
            raise SessionClosed(f"the link {self._link.name} is not bound")
        try:
            async with asyncio.timeout(self._patience):
                return await self._link.request(pdu, paced=False)
        except TimeoutError:
            raise ResponseTimeout(type(pdu).__name__, self._patience) from None

    def _told(self, message: Message, segment: Segment, response: Pdu, state: MessageState) -> Learned:
        assert isinstance(response, QuerySmResp)  # noqa: S101 - or it would have no state
        done_at = None
        with contextlib.suppress(InvalidValue):  # absent, or a form of the SMSC's own
            done_at = times.moment_of(response.final_date, datetime.now(UTC))
        error = response.error_code or None
        fact = self._fact(segment, of_message_state(state), final=state in FINAL, done_at=done_at, error=error)
        return Learned(message=message.id, segment=segment.number, fact=fact, by="query_sm")

    def _taken_back(self, message: Message, segment: Segment) -> Learned:
        fact = self._fact(segment, MessageStatus.DELETED, final=True, done_at=None, error=None)
        return Learned(message=message.id, segment=segment.number, fact=fact, by="cancel_sm")

    def _fact(
        self, segment: Segment, status: MessageStatus, *, final: bool, done_at: datetime | None, error: int | None
    ) -> ReceiptFact:
        return ReceiptFact(
            link=self._link.name,
            message_id=segment.message_id or "",
            message_status=status,
            final=final,
            error=None if error is None else f"{error:03}",
            error_meaning=hlr.meaning(error) or None,
            done_at=done_at,
            received_at=datetime.now(UTC),
        )


def _known(message: Message) -> Iterable[Segment]:
    """The segments that the SMSC can be asked about."""
    return [one for one in message.segments if one.status in _ASKED and one.message_id]


def _about(kind: type[_Request], message: Message, segment: Segment) -> _Request:
    """The request; the SMSC compares the sender with that of the submit_sm (SMPP 3.4, 4.8.1, 4.9.1)."""
    return kind(
        message_id=segment.message_id or "",
        source_addr_ton=message.source_addr_ton,
        source_addr_npi=message.source_addr_npi,
        source_addr=message.source_addr,
    )


def _state(response: Pdu) -> MessageState | None:
    """What a query_sm_resp says, or None: it says nothing. UNKNOWN is what an SMSC says that has forgotten."""
    if response.command_status or not isinstance(response, QuerySmResp):
        return None
    state = _STATES.get(response.message_state)
    return None if state is MessageState.UNKNOWN else state


def _reply(segment: Segment, response: Pdu, state: MessageState | None) -> Reply:
    return Reply(
        segment=segment.number,
        message_id=segment.message_id or "",
        command_status=response.status.name,
        message_state=None if state is None else state.name,
    )
