"""Keeps one session bound: one of those that make a link."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Protocol

from smpp_esme.errors import BindRefused, ResponseTimeout, SessionClosed
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.session.events import Bound, Connecting, Draining, Lost, Refused, Unbound, Unreachable, Waiting
from smpp_esme.session.plan import is_fatal
from smpp_esme.session.session import UNBIND_PATIENCE, Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine, Iterable

    from smpp_esme.protocol.events import Closed
    from smpp_esme.session.events import LinkEvent
    from smpp_esme.session.outbind import Door
    from smpp_esme.session.plan import Plan


class Owner(Protocol):
    """What a keeper wants of its link."""

    name: str

    def has_failed(self, label: str, how: str) -> bool:
        """This bind has used up its attempts; True if all of its kind have, and none was ever let in."""

    def tell(self, event: LinkEvent) -> None:
        """Let those who watch know."""

    def offer(self, session: Session, keeper: Keeper | Door) -> None:
        """Use this session from now on; `keeper.is_over` when it has ended."""

    def withdraw(self, session: Session) -> None:
        """Submit nothing more on this session."""

    def spawn(self, work: Coroutine[None, None, None]) -> object:
        """Do this beside the rest, and not outlive the link."""


class Keeper:
    """Keeps one session bound, at the best of its endpoints that lets it in.

    Args:
        label: what events call it.
        how: transceiver, transmitter or receiver.
        plan: where, and how patiently.
        owner: its link.
        context: for TLS, instead of what the endpoints say.

    Attributes:
        session: the bound one; None while there is none.
        unanswered: what was never answered when it was told to stop, as (request, outcome).
    """

    def __init__(
        self, label: str, how: str, plan: Plan, owner: Owner, *, context: ssl.SSLContext | None = None
    ) -> None:
        self.label = label
        self.how = how
        self.session: Session | None = None
        self.unanswered: list[tuple[object, object]] = []
        self._plan = plan
        self._owner = owner
        self._context = context
        self._place = 0
        self._held_elsewhere = False
        self._error: Exception = SessionClosed("nothing was tried yet")
        self._changed = asyncio.Event()
        self._patience: float | None = None
        self._binding: asyncio.Timeout | None = None
        self._finished = asyncio.Event()

    async def run(self, *, attempts: int = 0) -> None:
        """Bind, and bind again whenever the session ends, until `stop`; cancelling unbinds first.

        Args:
            attempts: how many rounds over the endpoints may fail before any bind of this kind; 0 for any number.

        Raises:
            BindRefused: for a reason that waiting does not mend, such as a wrong password.
            BindRefused, ConnectFailed, ResponseTimeout: the last error, once `attempts` are used up, here and by the
                other binds of this kind.
        """
        failures = 0
        try:
            while self._patience is None:
                lasted = self.session is not None or await self._bind_somewhere()
                if lasted:
                    lasted = await self._hold()
                failures = 1 if lasted else failures + 1
                used_up = attempts and failures >= attempts and self._patience is None
                if used_up and self._owner.has_failed(self.label, self.how):
                    raise self._error
                await self._pause(failures)
            await self._drain()
        finally:
            session, self.session = self.session, None  # whoever leaves it has not lost it
            if session is not None:
                await self._leave(session, drain=False)
            self._finished.set()

    def follow(self, plan: Plan) -> None:
        """Bind by this plan from the next session on; its endpoints are the same."""
        self._plan = plan

    def stop(self, patience: float = UNBIND_PATIENCE) -> None:
        """Submit nothing more; drain the session for so many seconds at most, and let `run` return."""
        self._patience = patience
        if self.session is not None:
            self._owner.withdraw(self.session)
        if self._binding is not None:
            self._binding.reschedule(0.0)  # what is being connected is not waited for
        self._changed.set()

    async def leave(self, patience: float) -> None:
        """Stop, and wait until `run` has ended. Cancelling leaves it to go on."""
        self.stop(patience)
        await self._finished.wait()

    def abandon(self) -> None:
        """Drop what `bind_once` has bound: it will not be wanted."""
        if self.session is not None:
            self.session.abort("the plan was given up")
            self.session = None

    def is_over(self, session: Session, closed: Closed) -> None:
        """A session that this keeper offered has ended."""
        if session is self.session and self._patience is None:
            self.session = None
            if self._binding is not None:
                self._binding.reschedule(0.0)  # a better endpoint that may not even answer is no reason to wait
            self._tell(Lost(**self._who(), reason=closed.reason, unanswered=len(closed.unanswered)))
            self._changed.set()

    async def bind_once(self) -> None:
        """Bind at the first endpoint that lets us in, and offer nothing yet; `run` goes on from there.

        Raises:
            BindRefused, ConnectFailed, ResponseTimeout: none did; the last one's error.
        """
        for place in range(len(self._plan.endpoints)):
            if session := await self._attempt(place):
                self.session, self._place = session, place
                return
        raise self._error

    # Inside

    async def _bind_somewhere(self) -> bool:
        """One round over the endpoints, from the one whose turn it is; True if there is a session then."""
        self._held_elsewhere = False
        endpoints = len(self._plan.endpoints)
        found = await self._first_of([(self._place + step) % endpoints for step in range(endpoints)], stay=False)
        if found is None:
            return False
        self.session, self._place = found
        self._held_elsewhere = False
        return True

    async def _first_of(self, places: Iterable[int], *, stay: bool) -> tuple[Session, int] | None:
        """Bind at the first of these places that lets us in; None if none does, or at once if told to."""
        try:
            async with asyncio.timeout(None) as self._binding:
                for place in places:
                    if session := await self._attempt(place, stay=stay):
                        return session, place
        except TimeoutError:
            pass  # told to stop, or that the session is lost which we would have left
        finally:
            self._binding = None
        return None

    async def _attempt(self, place: int, *, stay: bool = False) -> Session | None:
        """Connect and bind there; None if that failed in a way that may pass, or we can stay where we are."""
        endpoint = self._plan.endpoints[place]
        self._tell(Connecting(**self._who(), endpoint=str(endpoint)))
        try:
            session = await Session.connect(
                endpoint,
                window=self._plan.window,
                timers=self._plan.timers,
                peer_version=self._plan.peer_version,
                tls=self._context,
            )
            await session.bind(endpoint.bind_request(self.how))
        except BindRefused as error:
            self._error = error
            self._refused(error, str(endpoint), final=is_fatal(error) and not stay)
        except (SessionClosed, ResponseTimeout) as error:
            self._error = error
            self._tell(Unreachable(**self._who(), endpoint=str(endpoint), error=str(error)))
        else:
            self._announce(session, place)
            return session
        return None

    def _refused(self, error: BindRefused, endpoint: str, *, final: bool) -> None:
        status = error.command_status
        self._tell(
            Refused(**self._who(), endpoint=endpoint, command_status=status, error=str(error), final=final),
        )
        if final:
            raise error
        self._held_elsewhere = self._held_elsewhere or status is CommandStatus.ESME_RALYBND

    def _announce(self, session: Session, place: int) -> None:
        self._tell(
            Bound(
                **self._who(),
                endpoint=str(self._plan.endpoints[place]),
                peer=session.peer,
                version=session.connection.version,
                preferred=place == 0,
            )
        )

    async def _hold(self) -> bool:
        """Offer the session, and those that follow it at better endpoints, until the last has ended or `stop`.

        True if that was service: only a session that lasts is.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self._changed.clear()
        self._offer()
        while self.session is not None and self._patience is None:
            if not await self._wait((self._plan.return_after or None) if self._place else None):
                await self._return()
            self._changed.clear()
        lasted = loop.time() - begun >= self._plan.lasting
        # A session that was cut at once is no reason to prefer its endpoint; one that lasted, none to leave it.
        self._place = 0 if lasted else (self._place + 1) % len(self._plan.endpoints)
        return lasted

    def _offer(self) -> None:
        if self.session is not None and self._patience is None:
            self._owner.offer(self.session, self)

    async def _return(self) -> None:
        """See whether an endpoint before ours lets us in; if so, go there, and only then leave where we are."""
        found = await self._first_of(range(self._place), stay=True)
        if found is None:
            return
        former = self.session
        self.session, self._place = found
        self._offer()
        if former is not None:
            self._owner.spawn(self._leave(former, drain=True))

    async def _drain(self) -> None:
        if self.session is not None:
            session, self.session = self.session, None
            try:
                await self._leave(session, drain=True)
            except BaseException:
                session.abort()
                raise

    async def _leave(self, session: Session, *, drain: bool) -> None:
        self._owner.withdraw(session)
        if drain:
            self._tell(Draining(**self._who(), outstanding=session.connection.outstanding))
        patience = UNBIND_PATIENCE if self._patience is None else self._patience
        closed = await session.unbind(drain=drain, patience=patience)
        self.unanswered += closed.unanswered
        self._tell(Unbound(**self._who(), unanswered=len(closed.unanswered)))

    async def _pause(self, failures: int) -> None:
        if self._patience is not None:
            return
        luck = random.random()  # noqa: S311 - spreads load
        backoff = self._plan.backoff
        seconds = backoff.held_delay(luck) if self._held_elsewhere else backoff.delay(failures, luck)
        self._tell(Waiting(**self._who(), seconds=seconds, failures=failures))
        self._changed.clear()
        await self._wait(seconds)

    async def _wait(self, seconds: float | None) -> bool:
        """Wait until something has changed; False if nothing has within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _who(self) -> dict[str, str]:
        return {"link": self._owner.name, "bind": self.label}

    def _tell(self, event: LinkEvent) -> None:
        self._owner.tell(event)
