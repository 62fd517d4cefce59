"""What a script imports: connect, submit, receive receipts, look numbers up.

::

    async with smpp_esme.connect("smpp://acme:secret@smsc.example:2775") as esme:
        submission = await esme.submit("+79991234567", "Привет", source="ACME")
        receipt = await submission.receipt(timeout=60)
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final, Self
from weakref import WeakValueDictionary

from smpp_esme.errors import LocalProtocolError, SessionClosed, SubmitRefused
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.pdus import RESPONSES, DataSm, DeliverSm, GenericNack, SubmitSmResp
from smpp_esme.session.endpoint import parse_url
from smpp_esme.session.session import Session
from smpp_esme.sms import hlr
from smpp_esme.sms import message_id as ids
from smpp_esme.sms import receipt as receipts
from smpp_esme.sms.compose import compose
from smpp_esme.sms.envelope import Content, Hlr, Ping, Sms
from smpp_esme.sms.profile import Profile

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from types import TracebackType

    from smpp_esme.protocol.pdus import Pdu, SubmitSm
    from smpp_esme.protocol.timers import Timers
    from smpp_esme.session.endpoint import Endpoint
    from smpp_esme.sms.hlr import HlrRecord
    from smpp_esme.sms.receipt import Receipt

#: Receipts that belong to no submission yet are kept for it, the oldest dropped first.
_EARLY_LIMIT: Final = 10_000
#: Receipts that may wait for the body of a `receipts()` loop; the SMSC is asked to keep those beyond.
_QUEUE_LIMIT: Final = 10_000

#: Whose receipt speaks for a message whose segments differ: the worst news first.
_WORST_FIRST: Final = (
    MessageState.REJECTED,
    MessageState.UNDELIVERABLE,
    MessageState.SKIPPED,
    MessageState.DELETED,
    MessageState.EXPIRED,
    MessageState.UNKNOWN,
    MessageState.ACCEPTED,
    MessageState.DELIVERED,
)


@contextlib.asynccontextmanager
async def connect(
    url: str | Endpoint,
    *,
    profile: str | Profile = "standard",
    window: int = 100,
    timers: Timers | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Esme]:
    """An ESME bound as transceiver for the length of the `async with` body; it unbinds at the end.

    Args:
        url: ``smpp://system_id:password@host:port``, ``smpp+tls://...``, or an `Endpoint`.
        profile: how this SMSC differs from the book: the name of a shipped one, or a `Profile`.
        window: how many requests may be outstanding.
        timers: the session's four timers.
        tls: the context for ``smpp+tls://``; by default one that verifies.

    Raises:
        InvalidValue: the URL is wrong.
        ConfigError: there is no such profile.
        ConnectFailed: the SMSC cannot be reached.
        BindRefused, ResponseTimeout: it does not let us in.
    """
    endpoint = parse_url(url) if isinstance(url, str) else url
    chosen = Profile.named(profile) if isinstance(profile, str) else profile
    session = await Session.connect(endpoint, window=window, timers=timers, tls=tls)
    await session.bind(endpoint.bind_request())
    esme = Esme(session, chosen.bound_with(endpoint.system_type))
    reader = asyncio.create_task(esme.receive(), name="smpp_esme.receive")
    try:
        yield esme
    finally:
        await session.unbind()
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader


class _Awaited:
    """A segment whose receipt somebody may wait for; it lives as long as the caller keeps the submission."""

    __slots__ = ("__weakref__", "segment", "submission")

    def __init__(self, submission: Submission, segment: int) -> None:
        self.submission = submission
        self.segment = segment


class Submission:
    """A message that the SMSC has accepted.

    Attributes:
        destination_addr: whom it is for, as it stands in the submit_sm.
        message_ids: the SMSC's, one a segment, in order.
        receipts: what has been receipted so far, by segment, counted from 0.
        awaited: its segments, as the ESME looks for them.
    """

    def __init__(self, destination_addr: str, message_ids: tuple[str, ...]) -> None:
        self.destination_addr = destination_addr
        self.message_ids = message_ids
        self.receipts: dict[int, Receipt] = {}
        self.awaited = [_Awaited(self, segment) for segment in range(len(message_ids))]
        self._lost: SessionClosed | None = None
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Submission {self.message_ids} {len(self.receipts)}/{len(self.message_ids)} receipted>"

    async def receipt(self, *, timeout: float | None = None) -> Receipt:  # noqa: ASYNC109 - the public API's own wait
        """Wait until every segment has its final receipt, and give the one that speaks for all: the worst.

        Cancelling is safe; receipts that came meanwhile are kept.

        Raises:
            TimeoutError: `timeout` seconds were not enough.
            SessionClosed: the session ended first.
        """
        async with asyncio.timeout(timeout):
            while not self.is_final:
                if self._lost:
                    raise SessionClosed(*self._lost.args)  # one error for all who wait would gather their tracebacks
                self._changed.clear()
                await self._changed.wait()
        return min(self.receipts.values(), key=_badness)

    @property
    def is_final(self) -> bool:
        """Whether every segment has its final receipt."""
        return len(self.receipts) == len(self.message_ids) and all(one.is_final for one in self.receipts.values())

    def take(self, segment: int, receipt: Receipt) -> None:
        """Note a segment's receipt; an intermediate one never replaces a final one."""
        known = self.receipts.get(segment)
        if known is None or not known.is_final or receipt.is_final:
            self.receipts[segment] = receipt
            self._changed.set()

    def lose(self, error: SessionClosed) -> None:
        """No more receipts can come."""
        self._lost = error
        self._changed.set()


def _badness(receipt: Receipt) -> int:
    state = receipt.message_state
    return _WORST_FIRST.index(state) if state in _WORST_FIRST else len(_WORST_FIRST)


class Receipts:
    """Receipts as they come, each answered when the loop's body is done with it.

    The deliver_sm_resp goes out with ESME_ROK when the body asks for the next receipt or ends in order, and with
    ESME_RX_T_APPN, upon which the SMSC tries again, when the body raises.
    """

    def __init__(self, esme: Esme) -> None:
        self._esme = esme
        self._queue: deque[tuple[Pdu, Receipt]] = deque()
        self._arrived = asyncio.Event()
        self._current: Pdu | None = None
        self._over: SessionClosed | None = None

    async def __aenter__(self) -> Self:
        self._esme.subscribe(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._answer(CommandStatus.ESME_RX_T_APPN if error else CommandStatus.ESME_ROK)
        self._esme.unsubscribe()
        for request, _ in self._queue:  # never handed out: the SMSC keeps them
            self._esme.answer(request, CommandStatus.ESME_RX_T_APPN)

    def __aiter__(self) -> Receipts:
        return self

    async def __anext__(self) -> Receipt:
        """The next receipt; the one before it is answered. Cancelling loses nothing.

        Raises:
            SessionClosed: there will be none.
        """
        self._answer(CommandStatus.ESME_ROK)
        while not self._queue:
            if self._over:
                raise SessionClosed(*self._over.args)
            self._arrived.clear()
            await self._arrived.wait()
        self._current, receipt = self._queue.popleft()
        return receipt

    def put(self, request: Pdu, receipt: Receipt) -> bool:
        """Queue a receipt; False if too many wait, as only an SMSC without a window of its own can bring about."""
        if len(self._queue) >= _QUEUE_LIMIT:
            return False
        self._queue.append((request, receipt))
        self._arrived.set()
        return True

    def end(self, error: SessionClosed) -> None:
        """Let the reader have what is queued, then tell it why there is no more."""
        self._over = error
        self._arrived.set()

    def _answer(self, status: CommandStatus) -> None:
        if self._current is not None:
            self._esme.answer(self._current, status)
            self._current = None


class Esme:
    """A bound ESME; `connect` makes one."""

    def __init__(self, session: Session, profile: Profile) -> None:
        self._session = session
        self.profile = profile
        self._references = itertools.count(secrets.randbelow(0x10000))
        self._awaited: WeakValueDictionary[str, _Awaited] = WeakValueDictionary()
        self._early: OrderedDict[str, Receipt] = OrderedDict()
        self._receipts: Receipts | None = None
        self._lost: SessionClosed | None = None

    def __repr__(self) -> str:
        return f"<Esme {self._session!r} profile={self.profile.name}>"

    async def submit(
        self,
        to: str,
        content: str | Content,
        *,
        source: str = "",
        comment: str | None = None,
        flash: bool = False,
    ) -> Submission:
        """Submit a message, in as many segments as it takes, with a receipt asked for on each.

        Args:
            to: whom it is for, such as ``+7 999 123-45-67``.
            content: a text, or one of the typed contents such as `Mail` or `Telegram`.
            source: who sends it; "" leaves it to the SMSC.
            comment: a note for the sender's own records, where the profile has envelopes.
            flash: whether to show it at once and not keep it.

        Returns:
            The accepted message. Cancelling stops waiting; segments that have left stay submitted.

        Raises:
            InvalidValue, EncodingError: it cannot be sent; nothing was.
            SubmitRefused: the SMSC refused a segment; segments before it may have been accepted.
            ResponseTimeout: no answer; whether the SMSC has it is unknown.
            SessionClosed: the session is over; if it ended meanwhile, the same holds.
        """
        what = Sms(content) if isinstance(content, str) else content
        composed = compose(
            what,
            to,
            source=source,
            profile=self.profile,
            reference=next(self._references),
            comment=comment,
            flash=flash,
        )
        message_ids = tuple([await self._submit_segment(pdu) for pdu in composed.pdus()])
        submission = Submission(composed.destination.addr, message_ids)
        self._await_receipts(submission)
        return submission

    async def lookup(self, msisdn: str, *, timeout: float = 30.0, ping: bool = False) -> HlrRecord:  # noqa: ASYNC109 - the public API's own wait
        """Ask the HLR about a number; `ping` sends a Ping-SMS instead.

        Args:
            msisdn: the number, such as ``+7 999 123-45-67``.
            timeout: seconds to wait for the answer.
            ping: ask the handset rather than the HLR.

        Raises:
            InvalidValue: no such number, or the profile has no lookups.
            SubmitRefused: the SMSC refused the request.
            TimeoutError: no answer in time.
            ResponseTimeout, SessionClosed: as for `submit`.
        """
        submission = await self.submit(msisdn, Ping() if ping else Hlr())
        receipt = await submission.receipt(timeout=timeout)
        if receipt.hlr is not None:
            return receipt.hlr
        # Refused further on, the lookup gets an ordinary receipt: what it says is still the answer.
        fields = {"id": receipt.message_id, "stat": receipt.stat, "err": receipt.error}
        number = submission.destination_addr
        return hlr.record(fields, receipt.message_state, msisdn=number, raw=receipt.raw.decode("latin-1"))

    def receipts(self) -> Receipts:
        """All receipts of this session, for ``async with esme.receipts() as receipts: async for receipt in receipts``.

        While it is open the SMSC gets its answer from the loop's body; while none is open, at once.

        Raises:
            LocalProtocolError: one is open already (when it is entered).
        """
        return Receipts(self)

    # For this module's own classes

    def subscribe(self, reader: Receipts) -> None:
        """Hand receipts to this reader from now on."""
        if self._receipts is not None:
            raise LocalProtocolError("receipts() is open already: one loop reads them")
        self._receipts = reader
        if self._lost:
            reader.end(self._lost)

    def unsubscribe(self) -> None:
        """Answer receipts at once again."""
        self._receipts = None

    def answer(self, request: Pdu, status: CommandStatus) -> None:
        """Answer a request of the SMSC's."""
        response = RESPONSES.get(request.command_id, GenericNack)
        self._session.respond(request, response(command_status=status))

    async def receive(self) -> None:
        """Take what the SMSC delivers until the session ends."""
        try:
            while True:
                for request in await self._session.requests():
                    self._take(request)
        except SessionClosed as error:
            self._lose(error)
        except Exception:
            # Whoever waits must not wait for a reader that is gone; the error itself comes out where the body ends.
            self._session.abort("reading failed")
            self._lose(SessionClosed("reading failed"))
            raise

    # Inside

    async def _submit_segment(self, pdu: SubmitSm) -> str:
        response = await self._session.request(pdu)
        if response.command_status or not isinstance(response, SubmitSmResp):  # a nack accepts nothing, ESME_ROK or not
            raise SubmitRefused(response.status, "submit_sm")
        return response.message_id

    def _await_receipts(self, submission: Submission) -> None:
        for awaited, message_id in zip(submission.awaited, submission.message_ids, strict=True):
            self._awaited[ids.key(message_id)] = awaited
            if early := self._overtook(message_id, submission.destination_addr):
                self._settle(awaited, early)

    def _overtook(self, message_id: str, number: str) -> Receipt | None:
        """The receipt that came before the response that gave this message_id."""
        literal = ids.key(message_id)
        for key in ids.keys(message_id):
            early = self._early.get(key)
            if early and (key == literal or early.source_addr == number):
                return self._early.pop(key)
        return None

    def _take(self, request: Pdu) -> None:
        if not isinstance(request, DeliverSm | DataSm):
            self.answer(request, CommandStatus.ESME_RINVCMDID)
            return
        receipt = receipts.parse(request, self.profile)
        if receipt is None:
            self.answer(request, CommandStatus.ESME_RX_T_APPN)  # nobody here reads MO messages: the SMSC keeps it
            return
        self._match(receipt)
        if self._receipts is None:
            self.answer(request, CommandStatus.ESME_ROK)
        elif not self._receipts.put(request, receipt):
            self.answer(request, CommandStatus.ESME_RX_T_APPN)

    def _match(self, receipt: Receipt) -> None:
        """Give the receipt to its submission, or keep it for one whose response it has overtaken."""
        # The TLV and the text often have one id in two forms (SMPP 3.4, 5.3.2.12 and Appendix B).
        written = (receipt.message_id, receipt.text_message_id)
        literal = [key for message_id in written if (key := ids.key(message_id))]
        for key in dict.fromkeys((*literal, *ids.keys(written[0]), *ids.keys(written[1]))):
            awaited = self._awaited.get(key)
            # A converted id meets strangers ("10" is "16" in hexadecimal), so then the number must agree as well.
            if awaited and (key in literal or awaited.submission.destination_addr == receipt.source_addr):
                self._settle(awaited, receipt)
                return
        self._early.update(dict.fromkeys(literal, receipt))
        while len(self._early) > _EARLY_LIMIT:
            self._early.popitem(last=False)

    def _settle(self, awaited: _Awaited, receipt: Receipt) -> None:
        awaited.submission.take(awaited.segment, receipt)
        if awaited.submission.is_final:
            for message_id in awaited.submission.message_ids:
                self._awaited.pop(ids.key(message_id), None)

    def _lose(self, error: SessionClosed) -> None:
        self._lost = error
        for awaited in list(self._awaited.values()):
            awaited.submission.lose(error)
        if self._receipts is not None:
            self._receipts.end(error)
