"""Waits for the SMSC to call: it connects to us, says outbind, and we bind (SMPP 3.4, 2.2.1)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from smpp_esme.errors import BindRefused, ConnectFailed, ResponseTimeout, SessionClosed
from smpp_esme.protocol.pdus import Outbind
from smpp_esme.session.events import Bound, Draining, Lost, Refused, Unbound, Unreachable
from smpp_esme.session.session import UNBIND_PATIENCE, Session

if TYPE_CHECKING:
    from smpp_esme.protocol.events import Closed
    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.session.keeper import Owner
    from smpp_esme.session.plan import Plan, Waiting

#: Connections that may stand at a time, bound or not: whoever can reach the port can open them.
LIMIT: Final = 20


class Door:
    """Listens for an SMSC, and offers the sessions that it brings.

    Args:
        waiting: where to listen, and whom to believe.
        plan: the account to bind with, and the sessions' window and timers.
        owner: its link.

    Attributes:
        unanswered: what was never answered when it was told to stop, as (request, outcome).
    """

    label = "outbind"

    def __init__(self, waiting: Waiting, plan: Plan, owner: Owner) -> None:
        self.how = waiting.how
        self.unanswered: list[tuple[object, object]] = []
        self._waiting = waiting
        self._plan = plan
        self._owner = owner
        self._open: set[Session] = set()
        self._bound: set[Session] = set()
        self._told = asyncio.Event()
        self._patience = UNBIND_PATIENCE
        self._finished = asyncio.Event()

    async def run(self, *, attempts: int = 0) -> None:  # noqa: ARG002 - a keeper's signature; nobody is called here
        """Listen until `stop`; cancelling unbinds first.

        Raises:
            ConnectFailed: the port cannot be had.
        """
        loop = asyncio.get_running_loop()
        drain = False
        try:
            server = await loop.create_server(self._made, self._waiting.host, self._waiting.port)
        except OSError as error:
            self._finished.set()
            where = f"{self._waiting.host}:{self._waiting.port}"
            raise ConnectFailed(f"outbind cannot be waited for at {where}: {error.strerror or error}") from error
        try:
            await self._told.wait()
            drain = True
        finally:
            server.close()
            await asyncio.gather(*(self._leave(session, drain=drain) for session in list(self._bound)))
            for session in list(self._open):
                session.abort("the link has been ended")
            self._finished.set()

    def follow(self, plan: Plan) -> None:
        """Answer by this plan when the SMSC calls next; its endpoints are the same."""
        self._plan = plan

    def stop(self, patience: float = UNBIND_PATIENCE) -> None:
        """Take no more calls; drain what is bound for so many seconds at most, and let `run` return."""
        self._patience = patience
        self._told.set()
        for session in self._bound:
            self._owner.withdraw(session)

    async def leave(self, patience: float) -> None:
        """Stop, and wait until `run` has ended. Cancelling leaves it to go on."""
        self.stop(patience)
        await self._finished.wait()

    async def bind_once(self) -> None:
        """Nothing: it is the SMSC that calls."""

    def abandon(self) -> None:
        """Nothing: nothing was bound."""

    def is_over(self, session: Session, closed: Closed) -> None:
        """A session that was offered has ended."""
        self._bound.discard(session)
        if not self._told.is_set():
            self._tell(Lost, reason=closed.reason, unanswered=len(closed.unanswered))

    # Inside

    def _made(self) -> Session:
        return Session(
            window=self._plan.window,
            timers=self._plan.timers,
            peer_version=self._plan.peer_version,
            on_open=self._called,
        )

    def _called(self, session: Session) -> None:
        if self._told.is_set() or len(self._open) >= LIMIT:
            session.abort("too many connections")
        else:
            self._open.add(session)
            self._owner.spawn(self._answer(session))

    async def _answer(self, session: Session) -> None:
        """Hear what the caller says, bind, and stay until it is over; who does not say outbind is left in time."""
        try:
            self._check((await session.requests())[0])
            await session.bind(self._plan.endpoints[0].bind_request(self._waiting.how))
            self._bound.add(session)
            version = session.connection.version
            self._tell(Bound, endpoint="outbind", peer=session.peer, version=version, preferred=True)
            self._owner.offer(session, self)
            await session.wait_closed()
        except BindRefused as error:
            status = error.command_status
            self._tell(Refused, endpoint=session.peer, command_status=status, error=str(error), final=False)
        except (SessionClosed, ResponseTimeout) as error:
            self._tell(Unreachable, endpoint=session.peer, error=str(error))
        finally:
            self._open.discard(session)
            if session not in self._bound:  # what is bound is for `run` to end
                session.abort("it was not bound")

    def _check(self, caller: Pdu) -> None:
        if not isinstance(caller, Outbind) or not self._waiting.believes(caller):
            raise SessionClosed("whoever called is not the SMSC that is waited for")

    async def _leave(self, session: Session, *, drain: bool) -> None:
        self._owner.withdraw(session)
        self._tell(Draining, outstanding=session.connection.outstanding)
        closed = await session.unbind(drain=drain, patience=self._patience)
        self.unanswered += closed.unanswered
        self._tell(Unbound, unanswered=len(closed.unanswered))

    def _tell(self, kind: type, **fields: object) -> None:
        self._owner.tell(kind(link=self._owner.name, bind=self.label, **fields))
