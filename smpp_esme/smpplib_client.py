"""A stand-in for `smpplib.client.Client` that runs on our link: one changed import, and the rest of a program stays.

::

    import smpp_esme.smpplib_client as smpplib_client
    client = smpplib_client.Client("smsc.example", 2775, allow_unknown_opt_params=True)

Handlers get smpplib's own PDU objects. What differs is told in docs/smpplib.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import queue
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import smpplib.client
from smpplib import consts, exceptions, smpp

from smpp_esme.blocking import Thread
from smpp_esme.errors import BindRefused, ConnectFailed, EncodingError, MalformedPdu, SmppError
from smpp_esme.protocol import codec
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.pdus import RESPONSES, AlertNotification, DeliverSm, GenericNack, SubmitSm
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.endpoint import Endpoint
from smpp_esme.session.link import Link
from smpp_esme.session.plan import Plan
from smpp_esme.session.session import Session
from smpp_esme.session.tls import Tls
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.segments import segment

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from smpp_esme.errors import ResponseTimeout, SessionClosed
    from smpp_esme.protocol.pdus import Pdu

#: How many requests may be outstanding; `send_pdu` waits for room.
WINDOW: Final = 100
#: What has come and was not read yet; beyond that the SMSC waits, and so does whoever submits.
_UNREAD: Final = 10_000

_references = itertools.count(1)


def make_parts(text: str) -> tuple[list[bytes], int, int]:
    """As `smpplib.gsm.make_parts`, without its mistakes.

    A pair of the GSM extension table and an emoji are never cut in two, a backtick is no ``§``, and the references of
    messages count up, so that two messages at once do not mix.

    Returns:
        The short messages, with their headers; the data_coding; the esm_class.

    Raises:
        InvalidValue: it takes more than 255 short messages.
    """
    profile, reference = Profile.named("standard"), next(_references)
    try:
        cut = segment(text, profile, reference=reference, coding=Coding.GSM7)
    except EncodingError:
        cut = segment(text, profile, reference=reference, coding=Coding.UCS2)
    return [one.short_message for one in cut.segments], cut.data_coding, cut.segments[0].esm_class


class _Account(Endpoint, frozen=True, kw_only=True):
    """An endpoint that is bound with the very PDU that the caller's parameters made."""

    bind: Pdu

    def bind_request(self, how: str = "transceiver") -> Pdu:  # noqa: ARG002 - the PDU says how
        """That PDU; `how` is what it is anyway."""
        return self.bind


class _Sent:
    """A request of the caller's on its way; its response is read by `Client.read_pdu`."""

    __slots__ = ("_client", "_sequence", "_window")

    def __init__(self, client: Client, sequence: int, window: threading.Semaphore | None) -> None:
        self._client = client
        self._sequence = sequence
        self._window = window

    def answered(self, response: Pdu) -> None:
        self._release()
        self._client.put(codec.encode(response, self._sequence))

    def unanswered(self, error: ResponseTimeout | SessionClosed) -> None:
        self._release()
        self._client.in_doubt_handler(self._sequence, error)

    def late(self, response: Pdu) -> None:
        self._client.put(codec.encode(response, self._sequence))

    def refused(self, error: SmppError) -> None:
        """Nothing was sent."""
        self._release()
        self._client.put(exceptions.PDUError(str(error)))

    def _release(self) -> None:
        if self._window:
            self._client.free(self._window)


class Client(smpplib.client.Client):  # type: ignore[misc]  # smpplib has no types
    """`smpplib.client.Client` on a link of ours.

    The constructor, `connect`, `bind_*`, `send_message`, `query_message`, `send_pdu`, `read_pdu`, `read_once`, `poll`,
    `listen`, `unbind`, `disconnect`, the handlers, the sequence generator and ``with`` are as in smpplib. Calls may
    come from several threads; handlers run in the thread that listens, as in smpplib.
    """

    def __init__(  # noqa: PLR0917 - smpplib's signature
        self,
        host: str,
        port: int | str,
        timeout: float = 5,
        sequence_generator: Any = None,
        logger_name: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        allow_unknown_opt_params: bool | None = None,  # noqa: FBT001 - smpplib's signature
    ) -> None:
        super().__init__(host, port, timeout, sequence_generator, logger_name, ssl_context, allow_unknown_opt_params)
        self._thread: Thread | None = None
        self._link: Link | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._window = threading.Semaphore(WINDOW)
        self._unread: queue.Queue[bytes | Exception] = queue.Queue()
        self._withheld: deque[threading.Semaphore] = deque()  # places in the window, till something has been read
        self._requests: dict[int, tuple[Session, Pdu]] = {}
        self._numbers = itertools.count(1)

    def in_doubt_handler(self, sequence: int, error: ResponseTimeout | SessionClosed) -> None:
        """Called, in another thread, when nobody knows whether the SMSC has a request; may be overridden."""
        self.logger.warning("PDU %s: %s", sequence, error)

    def set_in_doubt_handler(self, func: Callable[[int, Any], None]) -> None:
        """Set a function to handle requests in doubt: it gets the sequence number and the error."""
        self.in_doubt_handler = func  # type: ignore[assignment]

    # The connection

    def connect(self) -> None:
        """See that the SMSC can be reached; the link is made when it is bound.

        Raises:
            smpplib.exceptions.ConnectionError: it cannot.
        """
        self.logger.info("Connecting to %s:%s...", self.host, self.port)
        self._thread = self._thread or Thread().start()
        try:
            self._thread.wait(self._probe())
        except (ConnectFailed, TimeoutError) as error:
            self._stop()
            raise exceptions.ConnectionError("Connection refused") from error
        self.state = consts.SMPP_CLIENT_STATE_OPEN

    def disconnect(self) -> None:
        """End the link, if it is not ended, and the thread it runs in."""
        self.logger.info("Disconnecting...")
        if self.state != consts.SMPP_CLIENT_STATE_OPEN:
            self.logger.warning("%s is disconnecting in the bound state", self)
        self._stop()
        self.state = consts.SMPP_CLIENT_STATE_CLOSED

    def unbind(self) -> Any:
        """Wait for what is outstanding, as long as `timeout`, and unbind; gives an unbind_resp."""
        if self._thread and self._link:
            self._thread.wait(self._unbind(self._link))
            self._link = None
        self.state = consts.SMPP_CLIENT_STATE_OPEN
        return smpp.make_pdu("unbind_resp", client=self)

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self.unbind()
            self.disconnect()

    def __del__(self) -> None:
        if getattr(self, "_thread", None) is not None:
            self.logger.warning("%s was not closed", self)

    # PDUs

    def send_pdu(self, p: Any) -> bool:
        """Send one of smpplib's PDUs; waits for room in the window, as long as `timeout`.

        Raises:
            smpplib.exceptions.PDUError: not in this state, or no peer could read it.
            smpplib.exceptions.ConnectionError: there is no link, or no room in time.
        """
        if self.state not in consts.COMMAND_STATES[p.command]:
            meaning = consts.DESCRIPTIONS[consts.SMPP_ESME_RINVBNDSTS]
            raise exceptions.PDUError(f"Command {p.command} failed: {meaning}")
        if self._thread is None or self._link is None:
            raise exceptions.ConnectionError
        if p.command == "enquire_link":
            return True  # the session sees by itself whether the SMSC is there
        pdu = _ours(p)
        if pdu.is_response:
            self._respond(p.sequence, pdu)
            return True
        window = self._window if isinstance(pdu, SubmitSm) else None
        if window and not window.acquire(timeout=self.timeout):
            raise exceptions.ConnectionError(f"no room in the window; {self._unread.qsize()} PDUs wait to be read")
        self._thread.call(self._start, self._link, pdu, _Sent(self, p.sequence, window))
        return True

    def read_pdu(self) -> Any:
        """The next PDU that came, as one of smpplib's.

        Raises:
            TimeoutError: none in `timeout` seconds; smpplib calls it socket.timeout.
            smpplib.exceptions.PDUError: it cannot be read, or a request could not be sent.
            smpplib.exceptions.ConnectionError: there is no link any more.
        """
        if self._thread is None:
            raise exceptions.ConnectionError
        try:
            came = self._unread.get(timeout=self.timeout)
        except queue.Empty:
            raise TimeoutError from None
        if self._unread.qsize() < _UNREAD:
            self._give_places()
        if isinstance(came, Exception):
            raise came
        return smpp.parse_pdu(came, client=self, allow_unknown_opt_params=self.allow_unknown_opt_params)

    def poll(
        self,
        ignore_error_codes: Any = None,
        auto_send_enquire_link: bool = True,  # noqa: FBT001, FBT002 - smpplib's signature
    ) -> None:
        """Act on the PDUs that have come, and return."""
        while not self._unread.empty():
            self.read_once(ignore_error_codes, auto_send_enquire_link)

    def put(self, came: bytes | Exception) -> None:
        """Something for `read_pdu`."""
        self._unread.put(came)

    def free(self, place: threading.Semaphore) -> None:
        """A place in the window is free: at once or, where too much was not read yet, once something has been."""
        if self._unread.qsize() < _UNREAD:
            place.release()
        else:
            self._withheld.append(place)

    # Inside

    def _give_places(self) -> None:
        """What was read makes room in the window."""
        with contextlib.suppress(IndexError):  # another thread has given the last of them
            while True:
                self._withheld.pop().release()

    def _bind(self, command_name: str, **parameters: Any) -> Any:
        bind = _ours(smpp.make_pdu(command_name, client=self, **parameters))
        if self._thread is None:
            raise exceptions.ConnectionError
        how = command_name.removeprefix("bind_")
        link = Link("smpplib", self._plan(bind, how), tls=self._ssl_context)
        try:
            self._thread.wait(self._run(link))
        except BindRefused as error:
            status = int(error.command_status)
            meaning = consts.DESCRIPTIONS.get(status, "Unknown code")
            raise exceptions.PDUError(f"({status}) {command_name}_resp: {meaning}", status) from error
        except (SmppError, TimeoutError) as error:
            raise exceptions.ConnectionError from error
        self._link, self._unread = link, queue.Queue()
        self._give_places()
        self.state = consts.STATE_SETTERS[f"{command_name}_resp"]
        return smpp.make_pdu(f"{command_name}_resp", client=self)

    def _endpoint(self, bind: Pdu) -> _Account:
        return _Account(host=self.host, port=self.port, tls=Tls() if self._ssl_context else None, bind=bind)

    def _plan(self, bind: Pdu, how: str) -> Plan:
        timers = Timers(session_init=self.timeout, response=max(self.timeout, 10.0))
        return Plan(endpoints=(self._endpoint(bind),), how=how, window=WINDOW, timers=timers)

    def _respond(self, sequence: int, response: Pdu) -> None:
        asked = self._requests.pop(sequence, None)
        if asked and self._thread:
            self._thread.call(asked[0].respond, asked[1], response)

    def _stop(self) -> None:
        if self._thread:
            self._thread.stop()
        self._thread = self._link = None

    # In the thread of the loop

    async def _probe(self) -> None:
        timers = Timers(session_init=self.timeout)
        session = await Session.connect(self._endpoint(SubmitSm()), timers=timers, tls=self._ssl_context)
        session.abort("it can be reached")

    async def _run(self, link: Link) -> None:
        """Run the link from now on, and come back when it is bound."""
        running = asyncio.create_task(link.run(attempts=1))
        try:
            await link.session()
        except SmppError:
            await running  # which says why
            raise
        running.add_done_callback(lambda task: task.cancelled() or task.exception())  # `_receive` tells of it
        self._keep(running)
        self._keep(asyncio.create_task(self._receive(link)))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _receive(self, link: Link) -> None:
        try:
            while True:
                session, requests = await link.requests()
                for request in requests:
                    self._take(session, request)
        except SmppError as error:
            self.put(exceptions.ConnectionError(str(error)))

    def _take(self, session: Session, request: Pdu) -> None:
        number = next(self._numbers)
        if isinstance(request, DeliverSm) and self._unread.qsize() < _UNREAD:
            self._requests[number] = (session, request)
        elif not isinstance(request, AlertNotification):
            status = CommandStatus.ESME_RX_T_APPN if isinstance(request, DeliverSm) else CommandStatus.ESME_RINVCMDID
            session.respond(request, RESPONSES.get(request.command_id, GenericNack)(command_status=status))
            return
        self.put(codec.encode(request, number))

    def _start(self, link: Link, pdu: Pdu, sent: _Sent) -> None:
        turns = link.turns_now()
        if turns is None:
            self._keep(asyncio.ensure_future(self._start_later(link, pdu, sent)))
        else:
            _start_on(turns[0], pdu, sent)

    async def _start_later(self, link: Link, pdu: Pdu, sent: _Sent) -> None:
        try:
            session, _ = await link.turns()
        except SmppError as error:
            sent.refused(error)
            return
        _start_on(session, pdu, sent)

    async def _unbind(self, link: Link) -> None:
        await link.drain(self.timeout)
        if self._tasks:
            await asyncio.wait(self._tasks)


def _start_on(session: Session, pdu: Pdu, sent: _Sent) -> None:
    try:
        session.start(pdu, sent)
    except SmppError as error:
        sent.refused(error)


def _ours(p: Any) -> Pdu:
    """One of smpplib's PDUs as one of ours.

    Raises:
        smpplib.exceptions.PDUError: no peer could read it.
    """
    try:
        return codec.decode(p.generate())
    except MalformedPdu as error:
        raise exceptions.PDUError(str(error)) from error
