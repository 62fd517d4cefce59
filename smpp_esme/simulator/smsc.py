"""An SMSC for the desk and for tests: it binds, takes messages, reports on them, and remembers what it saw.

Everything runs in one event loop, with one task a session and one timer for all that is due later. What it tells is a
function of its seed, its handsets and its script.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote
from weakref import WeakSet

from msgspec.structs import replace

from smpp_esme.errors import InvalidValue, SessionClosed
from smpp_esme.protocol.pdus import RESPONSES, Outbind
from smpp_esme.protocol.state import Role
from smpp_esme.protocol.timers import Timers
from smpp_esme.protocol.tlvs import TLVS, Tag
from smpp_esme.simulator.admission import Admission
from smpp_esme.simulator.agenda import Agenda
from smpp_esme.simulator.bind import Bind
from smpp_esme.simulator.centre import Centre
from smpp_esme.simulator.forms import ReceiptForm
from smpp_esme.simulator.handsets import Handsets
from smpp_esme.simulator.limits import Guards, Limits
from smpp_esme.simulator.records import Journal
from smpp_esme.simulator.script import Script
from smpp_esme.simulator.settings import Settings
from smpp_esme.simulator.subscribers import pdus_of
from smpp_esme.simulator.virtual_time import VirtualLoop
from smpp_esme.simulator.wire import WireSession
from smpp_esme.sms.profile import Profile

if TYPE_CHECKING:
    import ssl
    from collections import Counter, deque
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    from smpp_esme.protocol.pdus import BindTransceiver, BindTransceiverResp, DataSm, DeliverSm, Pdu, SubmitSm
    from smpp_esme.session.session import Session
    from smpp_esme.simulator.forms import IdForm
    from smpp_esme.simulator.plan import BindPlan
    from smpp_esme.simulator.records import Counts, Received
    from smpp_esme.simulator.subscribers import Carriage
    from smpp_esme.simulator.wire import Wire
    from smpp_esme.sms.coding import Coding

_NAME: Final = "smsc-simulator"
_VERSION: Final = 0x34
_SC_INTERFACE_VERSION: Final = TLVS.tlv(Tag.SC_INTERFACE_VERSION, _VERSION)
_CLOSE_TIMEOUT: Final = 1.0
#: Turns of the event loop in which a connection that was being accepted comes to be known.
_ACCEPTING_TURNS: Final = 3
#: Who `url` says binds, where anybody may.
_ANYBODY: Final = ("demo", "secret")


class Smsc:
    """A simulated SMSC; an async context manager that listens between its two ends.

    Args:
        profile: what it is like: the name of a shipped profile, or a profile.
        host: where it listens.
        port: likewise; 0 takes a free one.
        accounts: passwords by system_id; None lets anybody bind.
        receipt_delay: seconds from a response to its receipt, on the average; the seed varies it by up to half.
        latency: seconds from a submit to its response.
        seed: decides message_ids and jitter.
        handsets: who answers how; by default as `Handsets` has it.
        script: where it misbehaves; by default nowhere.
        window: how many deliver_sm may be outstanding on a session.
        retry_delay: seconds until a delivery that was not taken goes out again.
        keep: how many texts, PDUs and messages are remembered.
        timers: of its sessions.
        limits: what an account may ask for at a time; by default anything.
        guards: what is refused to protect users; by default nothing.
        form: how receipts are written where no rule says otherwise.
        response_ids: how a response writes the message_id.
        tls: a server's context; it then listens with TLS only.

    Attributes:
        port: where it listens.
        binds: the sessions that are bound now, the oldest first.
        handsets: as given.
        script: as given; rules may be added at any time.
    """

    def __init__(  # noqa: PLR0913 - what a simulator can be told is its interface
        self,
        profile: str | Profile = "smsc-centre",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        accounts: Mapping[str, str] | None = None,
        receipt_delay: float = 0.1,
        latency: float = 0.0,
        seed: int = 0,
        handsets: Handsets | None = None,
        script: Script | None = None,
        window: int = 50,
        retry_delay: float = 1.0,
        keep: int = 100_000,
        timers: Timers | None = None,
        limits: Limits | None = None,
        guards: Guards | None = None,
        form: ReceiptForm | None = None,
        response_ids: IdForm = "decimal",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.profile = Profile.named(profile) if isinstance(profile, str) else profile
        self.host, self.port = host, port
        self.handsets = handsets or Handsets()
        self.script = (script or Script()).seeded(seed)
        self.binds: list[Bind] = []
        self._settings = Settings(
            receipt_delay=receipt_delay,
            latency=latency,
            retry_delay=retry_delay,
            seed=seed,
            keep=keep,
            response_ids=response_ids,
            form=form or ReceiptForm(),
            limits=limits or Limits(),
            guards=guards or Guards(),
        )
        self._admission = Admission(accounts, self._settings.limits)
        self._window = window
        self._timers = timers or Timers(enquire_link=0.0 if self._settings.guards.silence else 60.0)
        self._tls = tls
        self._references = count(1)
        self._journal = Journal(keep=keep, deadline=self._settings.guards.segments_within or 60.0)
        self._serving: dict[Session, asyncio.Task[None]] = {}
        self._wires: WeakSet[Wire] = WeakSet()
        self._watchers: list[tuple[Callable[[Smsc], bool], asyncio.Future[None]]] = []
        self._closing = self._looking = False
        self._errors = 0
        self._faults: list[Exception] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, exc_type: type[BaseException] | None, *_: object) -> None:
        await self.close()
        if self._faults and exc_type is None:
            raise self._faults[0]

    def __repr__(self) -> str:
        return f"<Smsc {self.profile.name} on {self.host}:{self.port}, {len(self.binds)} binds>"

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port cannot be had.
        """
        self._loop = loop = asyncio.get_running_loop()
        epoch = loop.epoch if isinstance(loop, VirtualLoop) else time.time() - loop.time()
        self._agenda = Agenda(loop)
        self._centre = Centre(
            self._agenda,
            self._journal,
            self.handsets,
            self.script,
            settings=replace(self._settings, epoch=epoch),
            changed=self._changed,
        )
        self._server = await loop.create_server(self._session, self.host, self.port, backlog=1024, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and cut all connections. Cancelling leaves that to the event loop."""
        self._closing = True
        self._server.close()
        self._centre.close()
        for _ in range(_ACCEPTING_TURNS):
            await asyncio.sleep(0)
        while serving := list(self._serving.values()):
            self.disconnect()
            await asyncio.gather(*serving)
        for wire in list(self._wires):
            wire.bury()
        with suppress(TimeoutError):  # a peer that does not read keeps its connection from closing
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._server.wait_closed()

    # What it saw

    @property
    def url(self) -> str:
        """What an ESME connects to: the first account, or anybody's."""
        accounts = self._admission.accounts
        system_id, password = next(iter(accounts.items())) if accounts else _ANYBODY
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "smpp+tls" if self._tls else "smpp"
        return f"{scheme}://{quote(system_id, safe='')}:{quote(password, safe='')}@{host}:{self.port}"

    @property
    def counts(self) -> Counts:
        """What happened since it started."""
        self._journal.counts.malformed = self._errors + sum(session.errors for session in self._serving)
        return self._journal.counts

    @property
    def received(self) -> deque[Received]:
        """The texts that came, the oldest first."""
        return self._journal.received

    @property
    def submit_sms(self) -> deque[SubmitSm | DataSm]:
        """The submit_sm and data_sm that came, refused ones included, the oldest first."""
        return self._journal.submit_sms

    @property
    def submits(self) -> Counter[str]:
        """How often each text was received."""
        return self._journal.submits

    def count(self, text: str) -> int:
        """How often this text was received."""
        return self._journal.submits[text]

    def inbox(self, msisdn: str) -> list[Received]:
        """The texts that came for this number, the oldest first."""
        return [received for received in self._journal.received if received.destination_addr == msisdn]

    def forget(self) -> None:
        """Forget what was seen and count from 0; messages, receipts and sessions go on."""
        self._errors = -sum(session.errors for session in self._serving)
        self._journal.clear()

    async def until(self, condition: Callable[[Smsc], bool]) -> None:
        """Wait until this holds: ``await smsc.until(lambda smsc: smsc.counts.messages == 3)``.

        Asked again whenever something has happened. Cancelling is safe; put a timeout around it.
        """
        if condition(self):
            return
        holds = self._loop.create_future()
        self._watchers.append((condition, holds))
        try:
            await holds
        finally:
            self._watchers.remove((condition, holds))

    # What it does unasked

    async def deliver(
        self,
        text: str,
        *,
        source: str,
        destination: str,
        system_id: str | None = None,
        carriage: Carriage = "udh8",
        coding: Coding | None = None,
    ) -> None:
        """Deliver a subscriber's text to an ESME, and wait until it has taken every segment.

        Args:
            text: what the subscriber writes.
            source: the subscriber's number.
            destination: the number that the ESME serves.
            system_id: whose; by default the account that bound last. It need not be bound yet if it is named.
            carriage: how a long text travels: udh8, udh16, sar, payload or data_sm.
            coding: how its characters are written; by default as shortly as they can be.

        Raises:
            InvalidValue: a number is none, the text does not fit, or nobody has bound and no system_id is given.
            CommandRefused: the ESME refused a segment for good.
        """
        bind = next((bind for bind in reversed(self.binds) if system_id in (None, bind.system_id)), None)
        system_id = system_id or (bind.system_id if bind else None)
        if system_id is None:
            raise InvalidValue("system_id", "nobody is bound", "the system_id to deliver to")
        pdus = pdus_of(
            text,
            source=source,
            destination=destination,
            profile=bind.profile if bind else self.profile,
            reference=next(self._references),
            carriage=carriage,
            coding=coding,
        )
        await asyncio.gather(*[self._delivering(system_id, pdu) for pdu in pdus])

    async def send(self, pdu: DeliverSm | DataSm, system_id: str) -> None:
        """Deliver this PDU, whatever it holds, to the account, and wait until it is taken.

        Raises:
            CommandRefused: the ESME refused it for good.
        """
        await self._delivering(system_id, pdu)

    async def outbind(self, host: str, port: int, *, system_id: str = _NAME, password: str = "") -> None:
        """Connect to an ESME that listens, and ask it to bind as receiver (SMPP 3.4, 2.2.1).

        Raises:
            OSError: nobody listens there.
        """
        _, session = await self._loop.create_connection(self._session, host, port)
        session.send(Outbind(system_id=system_id, password=password))

    async def unbind(self, system_id: str | None = None) -> None:
        """Unbind from one account, or from all, and wait until that is done."""
        sessions = [bind.session for bind in self.binds if system_id in (None, bind.system_id)]
        await asyncio.gather(*[session.unbind() for session in sessions])

    def disconnect(self, system_id: str | None = None) -> None:
        """Cut the connections of one account, or of all, without unbind."""
        for bind in [bind for bind in self.binds if system_id in (None, bind.system_id)]:
            bind.session.abort("the simulator was told to disconnect")
        if system_id is None:
            for session in list(self._serving):
                session.abort("the simulator was told to disconnect")

    # Sessions

    def _delivering(self, system_id: str, pdu: DeliverSm | DataSm) -> asyncio.Future[None]:
        taken = self._loop.create_future()
        self._centre.fates.deliver(system_id, pdu, taken=taken)
        return taken

    def _session(self) -> WireSession:
        return WireSession(Role.SMSC, window=self._window, timers=self._timers, on_open=self._opened)

    def _opened(self, session: Session) -> None:
        if self._closing:
            session.abort("the simulator is closing")
            return
        self.counts.connections += 1
        self._wires.add(cast("WireSession", session).wire)
        self._serving[session] = self._loop.create_task(self._serve(session), name=f"session with {session.peer}")

    async def _serve(self, session: Session) -> None:
        bind: Bind | None = None
        try:
            bind = await self._bound(cast("WireSession", session))
            while True:
                self._take(bind, await session.requests())
        except SessionClosed:
            pass
        except Exception as error:  # noqa: BLE001 - kept, and raised where the SMSC ends: a script's fault must be seen
            self._faults.append(error)
            session.abort("the simulator failed")
        finally:
            self._end(session, bind)
            if bind and not (await session.wait_closed()).orderly:
                self._admission.lose(bind.system_id, self._loop.time())

    async def _bound(self, session: WireSession) -> Bind:
        """Wait for the session's bind and answer it.

        Raises:
            SessionClosed: it never bound, or must not.
        """
        request, *more = await session.requests()
        bind = cast("BindTransceiver", request)
        plan = self.script.bind_plan(bind.system_id)
        status = plan.status or self._admission.status(bind, self.binds, self._loop.time())
        if not plan.answered:
            await session.wait_closed()
        tlvs = (_SC_INTERFACE_VERSION,) if bind.interface_version >= _VERSION and not status else ()
        answer = cast("type[BindTransceiverResp]", RESPONSES[bind.command_id])  # all three are the same
        session.respond(bind, answer(command_status=status, system_id="" if status else _NAME, tlvs=tlvs))
        if status:
            self.counts.binds_refused += 1
            session.abort("the bind was refused")
            raise SessionClosed("the bind was refused")
        bound = Bind(session, bind, self.profile)
        self.counts.binds += 1
        self.binds.append(bound)
        self._centre.fates.join(bound)
        self._plan_session(session, plan)
        self._take(bound, more)
        return bound

    def _plan_session(self, session: WireSession, plan: BindPlan) -> None:
        """See that the session misbehaves when it is to."""
        session.misbehave(plan)
        now = self._loop.time()
        if plan.silent_after is not None:
            self._agenda.add(now + plan.silent_after, lambda: session.silence(float("inf")))
        if plan.cut_after is not None:
            self._agenda.add(now + plan.cut_after, session.hang_up)
        if plan.unbound_after is not None:
            self._agenda.add(now + plan.unbound_after, session.say_goodbye)
        if self._settings.guards.silence:
            self._watch_silence(session)

    def _watch_silence(self, session: WireSession) -> None:
        """Cut a connection over which nothing comes for too long."""
        deadline = session.heard + self._settings.guards.silence
        if deadline <= self._loop.time():
            session.abort("nothing came for too long")
        elif session.is_bound:
            self._agenda.add(deadline, lambda: self._watch_silence(session))

    def _take(self, bind: Bind, requests: Sequence[Pdu]) -> None:
        for request in requests:
            self._centre.answer(bind, request)
        self._changed()

    def _end(self, session: Session, bind: Bind | None) -> None:
        del self._serving[session]
        self._errors += session.errors
        if bind:
            self.binds.remove(bind)
            self._centre.fates.leave(bind)
        self._changed()

    def _changed(self) -> None:
        """See that whoever waits looks again, once a loop turn."""
        if self._watchers and not self._looking:
            self._looking = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        for condition, holds in self._watchers:
            if not holds.done():
                _settle(holds, condition, self)


def _settle(holds: asyncio.Future[None], condition: Callable[[Smsc], bool], smsc: Smsc) -> None:
    try:
        if condition(smsc):
            holds.set_result(None)
    except Exception as error:  # noqa: BLE001 - it is raised where the condition is awaited
        holds.set_exception(error)
