"""A bound ESME: what may be asked of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Unpack

from smpp_esme.client.accepting import Accepting
from smpp_esme.client.bulk import Bulk
from smpp_esme.client.correlation import Correlation
from smpp_esme.client.inbox import Inbox
from smpp_esme.client.lookups import look_up
from smpp_esme.client.operations import Replacement, accepted, cancel_of, queried, query_of, replace_of
from smpp_esme.client.outgoing import Composer, MtMessage
from smpp_esme.client.streams import Deliveries
from smpp_esme.client.submission import Submission, SubmittedMulti
from smpp_esme.errors import LocalProtocolError, SessionClosed, SmppError, SubmitRefused
from smpp_esme.protocol.pdus import (
    CancelSmResp,
    DataSm,
    QuerySmResp,
    ReplaceSmResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
)
from smpp_esme.sms import hlr
from smpp_esme.sms.envelope import Hlr, Ping
from smpp_esme.sms.message_id import Learner
from smpp_esme.sms.mo import MoMessage
from smpp_esme.sms.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable

    from smpp_esme.client.bulk import Outcome
    from smpp_esme.client.guarded import Guarded
    from smpp_esme.client.lookups import LookedUp
    from smpp_esme.client.operations import Queried
    from smpp_esme.client.outgoing import Parameters
    from smpp_esme.protocol.pdus import Pdu, UnsuccessSme
    from smpp_esme.session.events import Watch
    from smpp_esme.session.link import Link
    from smpp_esme.session.pacing import Pace
    from smpp_esme.session.session import Session
    from smpp_esme.sms.content import Content
    from smpp_esme.sms.hlr import HlrRecord
    from smpp_esme.sms.profile import Profile

#: The lane of what somebody waits for; `submit_many` goes in the one below.
_LANE: Final = 1
#: What the throughput counts.
_PACED: Final = frozenset({SubmitSm.command_id, SubmitMulti.command_id, DataSm.command_id})


class Esme:
    """A bound ESME; `connect` makes one.

    It stays bound through reconnects. What was sent over a session that ended is never sent again: whether the SMSC has
    it is unknown, and `SessionClosed` or `InDoubt` says so. What was not sent yet waits for the next session, for as
    long as that takes; the option `patience` of `connect`, or ``asyncio.timeout``, bounds it.
    """

    def __init__(self, link: Link, profile: Profile, guarded: Guarded | None = None, *, patience: float = 0.0) -> None:
        self._link = link
        self._guarded = guarded
        self._patience = patience
        self.profile = profile
        self._composer = Composer(profile)
        self._correlation = Correlation(Learner.of(profile.message_ids))
        self._inbox = Inbox(profile, self._correlation)

    def __repr__(self) -> str:
        return f"<Esme {self._link!r} profile={self.profile.name}>"

    @property
    def message_ids(self) -> Learner:
        """The form in which receipts write message_ids, as the profile says or as they have shown so far."""
        return self._correlation.message_ids

    async def submit(self, to: str, content: str | Content, **parameters: Unpack[Parameters]) -> Submission:
        """Submit a message, in as many segments as it takes, with a receipt asked for on each.

        Args:
            to: whom it is for, such as ``+7 999 123-45-67``.
            content: a text, or one of the typed contents such as `Mail` or `Telegram`.
            **parameters: all else that a message may have: the attributes of `MtMessage`.

        Returns:
            The accepted message. Cancelling stops waiting; segments that have left stay submitted.

        Raises:
            InvalidValue, EncodingError: it cannot be sent; nothing was.
            AgainstTheRules: the provider's rules forbid it, and the ESME's `rules` refuse such a message; nothing was
                sent, or no more of it. Where they delay it, this waits.
            SubmitRefused: the SMSC refused a segment; segments before it may have been accepted.
            ResponseTimeout: no answer; whether the SMSC has it is unknown.
            SessionClosed: the session ended before the answer came, and the same holds; or the ESME has been closed.
            TimeoutError: its turn did not come within `patience`; nothing was sent, or no more of it.
            LocalProtocolError: the ESME is bound as receiver; nothing was sent.
        """
        message = MtMessage(to, content, **parameters)
        pdus = self._composer.pdus_of(message)
        if self._guarded:
            await self._guarded.admit(message, pdus)
        self._correlation.expect()
        try:
            return await self._submit(message, pdus)
        except BaseException:
            if self._guarded:
                self._guarded.forget(message, pdus)
            raise
        finally:
            self._correlation.expect_no_more()

    def submit_many(self, messages: Iterable[MtMessage] | AsyncIterable[MtMessage]) -> AsyncIterator[Outcome]:
        """Submit many messages, and give how each of them ended, in the order in which they end.

        It reads the messages one window ahead of the outcomes that have been taken, so a slow body slows the
        submitting. What is refused, cannot be sent, or is in doubt is an outcome and ends nothing. Leaving the loop
        early, or cancelling, stops reading and sending; what was sent stays submitted.

        Args:
            messages: any iterable or asynchronous iterable. What it raises comes out when all that was submitted
                before has its outcome.

        Yields:
            `Submitted`, `Refused` or `InDoubt`, each with its `message`.

        Raises:
            SessionClosed: the ESME was closed; messages without an outcome were not submitted.
            LocalProtocolError: the ESME is bound as receiver; nothing was sent.
        """
        bulk = Bulk(self._link, self._composer, self._correlation, self._guarded)
        return bulk.outcomes(messages)

    async def submit_multi(
        self, to: Iterable[str], content: str | Content, **parameters: Unpack[Parameters]
    ) -> SubmittedMulti:
        """Submit one message for several destinations, where the profile has submit_multi.

        Args:
            to: numbers, and names of the SMSC's distribution lists as ``list:NAME``; at most 254.
            content: as for `submit`.
            **parameters: as for `submit`.

        Returns:
            The message_id of each segment and the destinations that were not reached. Cancelling is as for `submit`.

        Raises:
            InvalidValue: it cannot be sent, or the profile has no submit_multi; nothing was sent.
            SubmitRefused, ResponseTimeout, SessionClosed, TimeoutError, LocalProtocolError: as for `submit`.
        """
        message = MtMessage("", content, **parameters)
        message_ids: list[str] = []
        unsuccessful: dict[str, UnsuccessSme] = {}
        session: Session | None = None
        for pdu in self._composer.multi_pdus_of(message, to):
            session = await self._turn(_LANE, session)  # its segments stay together
            response = await session.request(pdu)
            if response.command_status or not isinstance(response, SubmitMultiResp):
                raise SubmitRefused(response.status, "submit_multi")
            message_ids.append(response.message_id)
            unsuccessful |= {one.destination_addr: one for one in response.unsuccess_sme}
        return SubmittedMulti(tuple(message_ids), tuple(unsuccessful.values()))

    async def lookup(self, msisdn: str, *, timeout: float = 30.0, ping: bool = False) -> HlrRecord:  # noqa: ASYNC109 - the public API's own wait
        """Ask the HLR about a number; `ping` sends a Ping-SMS instead.

        Args:
            msisdn: the number, such as ``+7 999 123-45-67``.
            timeout: seconds for all of it, from the wait for a session to the answer.
            ping: ask the handset rather than the HLR.

        Raises:
            InvalidValue: no such number, or the profile has no lookups.
            SubmitRefused: the SMSC refused the request.
            TimeoutError: no answer in time.
            ResponseTimeout, SessionClosed, LocalProtocolError: as for `submit`.
        """
        try:
            async with asyncio.timeout(timeout):
                submission = await self.submit(msisdn, Ping() if ping else Hlr())
                receipt = await submission.receipt()
        except TimeoutError as error:
            raise (error if error.args else TimeoutError(f"no answer within {timeout:g} s")) from None
        if receipt.hlr is not None:
            return receipt.hlr
        # Refused further on, the lookup gets an ordinary receipt: what it says is still the answer.
        fields = {"id": receipt.message_id, "stat": receipt.stat, "err": receipt.error}
        number = submission.destination_addr
        return hlr.record(
            fields,
            receipt.message_state,
            msisdn=number,
            raw=receipt.raw.decode("latin-1"),
            number_ranges=self.profile.number_ranges,
        )

    def lookup_many(
        self, msisdns: Iterable[str] | AsyncIterable[str], *, timeout: float = 30.0, ping: bool = False
    ) -> AsyncIterator[LookedUp]:
        """Ask about many numbers, a hundred at a time, and give each as its answer comes.

        Args:
            msisdns: the numbers, of any iterable, asynchronous or not; they are read as far as they are asked about.
                What it raises comes out when all that were asked about have their answer.
            timeout: seconds for each of them, from the wait for a session to the answer.
            ping: ask the handsets rather than the HLR.

        Yields:
            `LookedUp`, with a `record` or an `error`; one number's trouble costs no other. Leaving the loop early, or
            cancelling, asks no further.
        """
        return look_up(msisdns, lambda msisdn: self.lookup(msisdn, timeout=timeout, ping=ping))

    async def query(self, message_id: str, *, source: str = "") -> Queried:
        """Ask the SMSC for the state of a message (query_sm).

        Args:
            message_id: as the SMSC gave it, in `Submission.message_ids`.
            source: the message's own source, where it had one: the SMSC compares it.

        Raises:
            CommandRefused: the SMSC does not know the message, or has no query_sm.
            InvalidValue: the source is none; nothing was sent.
            ResponseTimeout, SessionClosed: no answer. Cancelling is safe: nothing is changed by asking.
            TimeoutError, LocalProtocolError: as for `submit`.
        """
        response = await self.request(query_of(message_id, source, self.profile))
        return queried(accepted(response, QuerySmResp, "query_sm"))

    async def cancel(self, message_id: str = "", *, source: str = "", to: str = "", service_type: str = "") -> None:
        """Cancel a message that has not been delivered yet (cancel_sm).

        Args:
            message_id: which; "" cancels all that go from `source` to `to` with this service_type.
            source: the message's own source, where it had one: the SMSC compares it.
            to: whom it is for; needed without a message_id.
            service_type: as it was submitted with.

        Raises:
            CommandRefused: there is nothing to cancel any more, or the SMSC has no cancel_sm.
            InvalidValue: nothing was sent.
            ResponseTimeout, SessionClosed: no answer; whether it is cancelled is unknown, as after cancelling the call.
            TimeoutError, LocalProtocolError: as for `submit`.
        """
        pdu = cancel_of(message_id, self.profile, source=source, to=to, service_type=service_type)
        accepted(await self.request(pdu), CancelSmResp, "cancel_sm")

    async def replace(self, message_id: str, replacement: str | Replacement) -> None:
        """Replace a message that has not been delivered yet (replace_sm).

        Args:
            message_id: which.
            replacement: its new text, or a `Replacement`, which says more.

        Raises:
            CommandRefused: it cannot be replaced any more, or the SMSC has no replace_sm.
            InvalidValue, EncodingError: the text does not fit; nothing was sent.
            ResponseTimeout, SessionClosed: no answer; whether it is replaced is unknown, as after cancelling the call.
            TimeoutError, LocalProtocolError: as for `submit`.
        """
        new = Replacement(text=replacement) if isinstance(replacement, str) else replacement
        accepted(await self.request(replace_of(message_id, new, self.profile)), ReplaceSmResp, "replace_sm")

    async def request(self, pdu: Pdu) -> Pdu:
        """Send any request, and give its response whatever its command_status.

        Raises:
            LocalProtocolError, EncodingError: nothing was sent.
            ResponseTimeout, SessionClosed: no response; whether the SMSC acted is unknown. So it is after cancelling.
            TimeoutError: its turn did not come within `patience`; nothing was sent.
        """
        session = await self._turn(_LANE, paced=pdu.command_id in _PACED)
        return await session.request(pdu)

    def receipts(self) -> Deliveries[Receipt]:
        """All receipts, for ``async with esme.receipts() as receipts: async for receipt in receipts``.

        While it is open the SMSC gets its answer from the loop's body; while none is open, at once.

        Raises:
            LocalProtocolError: receipts are being read already (when it is entered).
        """
        return Deliveries(self._inbox, Receipt)

    def messages(self) -> Deliveries[MoMessage]:
        """All messages from subscribers (MO), put together from their segments, in the same way.

        While none is open, the SMSC is asked to keep them. What did not come whole within 5 minutes is handed over
        with its `missing` segments. A segment that waits longer than 5 seconds for the others is left to the SMSC as
        well, for it may send no more without an answer; what it said is kept, and when it comes again it is answered
        for what became of the message.

        Raises:
            LocalProtocolError: messages are being read already (when it is entered).
        """
        return Deliveries(self._inbox, MoMessage)

    def deliveries(self) -> Deliveries[Receipt | MoMessage]:
        """Receipts and messages from subscribers in one loop, in the order in which they came.

        Raises:
            LocalProtocolError: either is being read already (when it is entered).
        """
        return Deliveries(self._inbox, Receipt, MoMessage)

    @property
    def window(self) -> int:
        """How many requests may be outstanding, over all sessions together."""
        return self._link.window * self._link.plan.binds

    @property
    def is_bound(self) -> bool:
        """Whether there is a bound session now; while there is none, what is asked waits for the next."""
        return self._link.is_bound

    @property
    def pace(self) -> Pace:
        """How fast it may submit now, and why no faster: the rate that is left after ESME_RTHROTTLED, say."""
        return self._link.pacing.state(asyncio.get_running_loop().time())

    def events(self) -> Watch:
        """What happens to the sessions from now on, for ``async for event in esme.events()``: bound, lost, waiting."""
        return self._link.events()

    # For `connect`

    async def receive(self) -> None:
        """Take what the SMSC delivers until the link ends."""
        try:
            while True:
                session, requests = await self._link.requests()
                for request in requests:
                    self._inbox.take(session, request)
        except SessionClosed as error:
            self._correlation.lose(error)
            self._inbox.end(error)

    # Inside

    async def _submit(self, message: MtMessage, pdus: list[SubmitSm]) -> Submission:
        """Send the segments, each when the one before it was accepted, over one session."""
        link, lane = self._link, max(_LANE, message.priority_flag)
        session: Session | None = None
        message_ids: tuple[str, ...] = ()
        first_left: float | None = None
        for pdu in pdus:
            turns = None if session else link.turns_now()
            session = turns[0] if turns else await self._turn(lane, session)
            outcome = Accepting(self._correlation, message, pdus, message_ids)
            try:
                if self._guarded:
                    first_left = self._guarded.first_left(first_left)
                session.start(pdu, outcome)
            except SmppError:
                link.has_room()  # the turn that was ours is the next one's
                raise
            response = await outcome
            if len(outcome.message_ids) == len(message_ids):
                raise SubmitRefused(response.status, "submit_sm")
            message_ids = outcome.message_ids
        return outcome.taken()

    async def _turn(self, lane: int, session: Session | None = None, *, paced: bool = True) -> Session:
        """Wait for a turn on this session or, if it is gone, on another.

        Raises:
            LocalProtocolError: no session is ever to submit.
            SessionClosed: the link has ended.
            TimeoutError: the turn did not come in time.
        """
        if not self._link.plan.submits:
            raise LocalProtocolError("the ESME is bound as receiver, which submits nothing: use another for that")
        try:
            async with asyncio.timeout(self._patience or None):
                return await self._turn_on(session, lane, paced=paced)
        except TimeoutError:
            lack = "there was no turn" if self._link.is_bound else "no session was bound"
            what = "nothing was sent" if session is None else "no more of it was sent"
            raise TimeoutError(f"{lack} within {self._patience:g} s; {what}") from None

    async def _turn_on(self, session: Session | None, lane: int, *, paced: bool) -> Session:
        try:
            turns = await self._link.turns(lane=lane, on=session, paced=paced)
        except SessionClosed:
            if session is None:
                raise
            turns = await self._link.turns(lane=lane, paced=paced)
        return turns[0]
