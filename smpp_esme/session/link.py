"""A link keeps the sessions of one account bound, through everything, for as long as it runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

import msgspec

from smpp_esme.errors import SessionClosed
from smpp_esme.protocol.commands import CommandId
from smpp_esme.protocol.state import State
from smpp_esme.session.events import Slowed, Stopped, Watch
from smpp_esme.session.keeper import Keeper
from smpp_esme.session.outbind import Door
from smpp_esme.session.pacing import Pacing
from smpp_esme.session.session import UNBIND_PATIENCE
from smpp_esme.session.turns import Turns

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Coroutine

    from smpp_esme.protocol.events import Closed
    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.session.events import LinkEvent
    from smpp_esme.session.pacing import Adaptation
    from smpp_esme.session.plan import Plan
    from smpp_esme.session.session import Session

#: So many requests that were never answered are kept for whoever wants them back, beside those of the last hand-back.
UNANSWERED_LIMIT: Final = 10_000
_SUBMITS: Final = frozenset({State.BOUND_TX, State.BOUND_TRX})
#: What the pace goes by.
_PACED: Final = frozenset(
    {
        CommandId.SUBMIT_SM_RESP,
        CommandId.SUBMIT_MULTI_RESP,
        CommandId.DATA_SM_RESP,
        CommandId.GENERIC_NACK,
    }
)


class Link:
    """Keeps the sessions of one account bound.

    ::

        async with link.serving():
            session, count = await link.turns(100)      # room in a window, and the pace to use it
            session.start(submit_sm, outcome)

            session, requests = await link.requests()   # what one session has brought
            session.respond(requests[0], DeliverSmResp())

    Args:
        name: what messages, logs and metrics call it.
        plan: where it is bound, how, and how patiently.
        pacing: how fast submit_sm may leave over all its sessions; by default as fast as they can.
        tls: a context of your own for ``smpp+tls://``, instead of what the endpoints say.

    Attributes:
        plan: the one in force.
        unanswered: after the end, the requests that were on their way and were never answered, as (request, outcome);
            the outcomes have been told. Of those that earlier plans left (`rebind`), the last `UNANSWERED_LIMIT`.
    """

    def __init__(
        self, name: str, plan: Plan, *, pacing: Pacing | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.name = name
        self.plan = plan
        self.unanswered: list[tuple[object, object]] = []
        self._tls = tls
        self._turns = Turns(pacing or Pacing(0, 0.0))
        self._keepers = self._made(plan)
        self._kept: dict[Session, Keeper | Door] = {}
        self._tasks = asyncio.TaskGroup()
        self._running = False
        self._let_in: set[str] = set()  # kinds of binds, and below the binds that have used up their attempts
        self._failed: set[str] = set()
        self._brought: deque[Session] = deque()
        self._watches: WeakSet[Watch] = WeakSet()
        self._over: Exception | None = None
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()

    def __repr__(self) -> str:
        bound = ", ".join(map(repr, self._kept)) or "unbound"
        return f"<Link {self.name} {bound}>"

    # Life

    async def run(self, *, attempts: int = 0) -> None:
        """Bind, and bind again whenever a session ends, until `drain`; cancelling unbinds first.

        Args:
            attempts: how often each bind may fail for reasons that may pass, before one of its kind was let in; 0 for
                any number.

        Raises:
            BindRefused: by any of the sessions, for a reason that waiting does not mend, such as a wrong password.
            BindRefused, ConnectFailed, ResponseTimeout: the last error, once `attempts` are used up.
            InvalidValue: what is configured can never be bound; names it.
        """
        self._begin()
        over: Exception = SessionClosed(f"the link {self.name} has been ended")
        try:
            self._running = True
            async with asyncio.TaskGroup() as self._tasks:
                for keeper in self._keepers:
                    self.spawn(keeper.run(attempts=attempts))
        except BaseExceptionGroup as group:
            error = _first(group)
            over = error if isinstance(error, Exception) else over
            raise error from None
        finally:
            self._end(over)

    @contextlib.asynccontextmanager
    async def serving(self, *, attempts: int = 0, drain: float = UNBIND_PATIENCE) -> AsyncIterator[Link]:
        """Run for the length of an ``async with`` body, which begins when a session is bound, or one of each of a pair.

        Args:
            attempts: as for `run`.
            drain: seconds that the end of the body waits for what is outstanding to be answered.

        Raises:
            As `run`: before the body. In the body the error comes out of what is awaited, as `SessionClosed`, and out
            of the end of the body.
        """
        self._begin()
        running = asyncio.create_task(self.run(attempts=attempts), name=f"link {self.name}")
        try:
            try:
                await self._begun()
            except SessionClosed:
                await running  # which says why
                raise
            yield self
            await self.drain(drain)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    async def drain(self, patience: float = UNBIND_PATIENCE) -> None:
        """Submit nothing more, wait for answers for so many seconds at most, unbind, and let `run` return.

        What was never answered is in `unanswered` then. Cancelling leaves it to go on.
        """
        for keeper in self._keepers:
            keeper.stop(patience)
        if self._running:
            await self._ended.wait()

    async def rebind(self, plan: Plan, *, overlap: bool = True, drain: float = UNBIND_PATIENCE) -> None:
        """Go over to another plan, such as another host, password, or number of binds.

        All of the new sessions are bound before the first of the old ones is drained, so submitting never stops.

        Args:
            plan: the new one.
            overlap: whether to do it so; False for an SMSC that lets an account be bound only so often: then the old
                sessions end first, and the new ones are bound as patiently as ever.
            drain: seconds that an old session's outstanding requests have to be answered.

        Raises:
            BindRefused, ConnectFailed, ResponseTimeout, InvalidValue: the new plan does not work, and the old one
                stands as it was. So it does if this is cancelled before the new sessions are bound.
        """
        fresh = self._made(plan)
        if self._running and overlap:
            await _bound(fresh)
        former, self._keepers, self.plan = self._keepers, fresh, plan
        self._turns.resize(plan.window)
        if self._running:
            await asyncio.shield(self.spawn(self._succeed(former, fresh, overlap=overlap, drain=drain)))

    def adjust(self, *, window: int, throughput: float, adaptation: Adaptation) -> None:
        """Go on with another window and another pace, on the sessions there are and on those to come.

        Args:
            window: how many requests may be outstanding on each session; those that are stay.
            throughput: submit_sm a second over all sessions; 0 for as fast as they can.
            adaptation: how the rate follows what the SMSC says.
        """
        self.plan = msgspec.structs.replace(self.plan, window=window)
        for keeper in self._keepers:
            keeper.follow(self.plan)
        self.pacing.change(throughput, asyncio.get_running_loop().time(), adaptation)
        self._turns.resize(window)

    # Submitting

    @property
    def is_bound(self) -> bool:
        """Whether there is a bound session now."""
        return bool(self._kept)

    @property
    def can_submit(self) -> bool:
        """Whether one of them takes submit_sm: a receiver does not."""
        return bool(self._turns.sessions)

    @property
    def has_ended(self) -> bool:
        """Whether it has run and ended: because it was told to, or with the error that `run` raised."""
        return self._over is not None

    @property
    def sessions(self) -> list[Session]:
        """The bound sessions, the first bound first."""
        return list(self._kept)

    @property
    def window(self) -> int:
        """How many requests may be outstanding on each session."""
        return self.plan.window

    @property
    def pacing(self) -> Pacing:
        """How fast submit_sm may leave."""
        return self._turns.pacing

    async def session(self) -> Session:
        """Wait for a bound session, one that may submit if there is one. Cancelling is safe.

        Raises:
            SessionClosed: the link has ended.
        """
        while not self._kept:
            await self._change()
        return next(iter(self._turns.sessions or self._kept))

    async def turns(
        self, most: int = 1, *, lane: int = 0, on: Session | None = None, paced: bool = True
    ) -> tuple[Session, int]:
        """Wait for room in a window, and for the pace to use it; what cannot wait overtakes what can.

        Args:
            most: how many turns are wanted; fewer may be given, one at least.
            lane: 0 for bulk to 3 for what cannot wait, as priority_flag has it.
            on: the session to use, so that the segments of one message stay together; by default the one with the
                most room.
            paced: whether these are submit_sm, which the throughput counts.

        Returns:
            A session, and how many requests to `Session.start` on it now, before anything else is awaited. Cancelling
            takes no turn.

        Raises:
            SessionClosed: `on` is over or being ended, or the link has ended.
        """
        return await self._turns.take(most, lane=lane, on=on, paced=paced)

    def turns_now(self, most: int = 1, *, on: Session | None = None, paced: bool = True) -> tuple[Session, int] | None:
        """As `turns`, where there is nothing to wait for; else None. Nobody who waits is overtaken.

        Raises:
            SessionClosed: as for `turns`.
        """
        return self._turns.take_now(most, on=on, paced=paced)

    async def request(self, pdu: Pdu, *, lane: int = 0, on: Session | None = None, paced: bool = True) -> Pdu:
        """Send one request when its turn comes and give its response, whatever its command_status.

        Cancelling before it left takes it back; after that it stands, and its response is dropped.

        Raises:
            LocalProtocolError, EncodingError: nothing was sent.
            ResponseTimeout: no response in time; whether the SMSC acted is unknown.
            SessionClosed: the session or the link ended first; the same holds.
        """
        session, _ = await self.turns(lane=lane, on=on, paced=paced)
        return await session.request(pdu)

    # Receiving

    async def requests(self) -> tuple[Session, list[Pdu]]:
        """Wait for what the SMSC sends, and give all that has come over one session; answer with its `respond`.

        Sessions take turns. What came over a session that has ended meanwhile is given too: the SMSC has no answer, and
        will send it again. One task at a time; cancelling loses nothing.

        Raises:
            SessionClosed: the link has ended and all that came before has been given.
        """
        while True:
            while self._brought:
                session = self._brought.popleft()
                if requests := session.take_requests():
                    return session, requests
            await self._change()

    # Watching

    def events(self) -> Watch:
        """What happens from now on, for ``async for event in link.events()``; it ends with the link.

        Nobody need watch, and whoever does not keep up misses the oldest; see `Watch`.
        """
        watch = Watch(self.name)
        self._watches.add(watch)
        return watch

    # What its sessions call

    def has_room(self) -> None:
        """A session's window has room."""
        self._turns.give()

    def has_requests(self, session: Session) -> None:
        """A session has brought something."""
        self._brought.append(session)
        self._changed.set()

    def heard(self, response: Pdu) -> None:
        """The SMSC has answered with more than a bare yes."""
        if response.command_id not in _PACED:
            return
        now = asyncio.get_running_loop().time()
        if self.pacing.heard(response, now):
            pace = self.pacing.state(now)
            self.tell(Slowed(link=self.name, reason=pace.reason, rate=pace.rate))

    def is_over(self, session: Session, closed: Closed) -> None:
        """A session has ended."""
        self.withdraw(session)
        if keeper := self._kept.pop(session, None):
            keeper.is_over(session, closed)

    # What its keepers call

    def has_failed(self, label: str, how: str) -> bool:
        """This bind has used up its attempts; True if all of its kind have, and none was ever let in."""
        self._failed.add(label)
        return how not in self._let_in and {one for one, kind in self.plan.sessions() if kind == how} <= self._failed

    def tell(self, event: LinkEvent) -> None:
        """Let those who watch know, and the log."""
        event.log()
        for watch in list(self._watches):
            watch.put(event)

    def offer(self, session: Session, keeper: Keeper | Door) -> None:
        """Use this session from now on."""
        if session.closed is not None:
            keeper.is_over(session, session.closed)
            return
        session.listener = self
        self._kept[session] = keeper
        self._let_in.add(keeper.how)
        if session.connection.state in _SUBMITS:
            self._turns.add(session)
        self._brought.append(session)  # something may have come with the bind's response
        self._changed.set()

    def withdraw(self, session: Session) -> None:
        """Submit nothing more on this session; what it brings is still taken."""
        self._turns.remove(session)

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do this beside the rest."""
        return self._tasks.create_task(work, name=f"link {self.name}")

    # Inside

    def _made(self, plan: Plan) -> list[Keeper | Door]:
        made: list[Keeper | Door] = [
            Keeper(label, how, plan, self, context=self._tls) for label, how in plan.sessions()
        ]
        return [*made, Door(plan.outbind, plan, self)] if plan.outbind else made

    async def _succeed(
        self, former: list[Keeper | Door], fresh: list[Keeper | Door], *, overlap: bool, drain: float
    ) -> None:
        """Let these keepers follow those, before or after those have ended."""
        if overlap:
            self._start(fresh)
        await asyncio.gather(*(keeper.leave(drain) for keeper in former))
        self._hand_back(former)
        if not overlap:
            self._start(fresh)

    def _start(self, keepers: list[Keeper | Door]) -> None:
        for keeper in keepers:
            self.spawn(keeper.run())

    def _hand_back(self, ended: list[Keeper | Door]) -> None:
        """What these have left is handed back whole; of what was left before, no more than the limit is kept."""
        del self.unanswered[:-UNANSWERED_LIMIT]
        for keeper in ended:
            self.unanswered += keeper.unanswered

    async def _begun(self) -> None:
        """Wait for what a body may count on: a session, or one of each of a pair."""
        of_a_pair = {"transmitter", "receiver"} if self.plan.how == "pair" and self.plan.binds else set()
        while not self._kept or not of_a_pair <= self._let_in:
            await self._change()

    async def _change(self) -> None:
        if self._over is not None:
            raise SessionClosed(str(self._over))
        self._changed.clear()
        await self._changed.wait()

    def _begin(self) -> None:
        self._over = None
        self._ended.clear()
        self._turns.begin()
        self._let_in.clear()
        self._failed.clear()
        self.unanswered.clear()

    def _end(self, over: Exception) -> None:
        self._over = over
        self._running = False
        self._hand_back(self._keepers)
        self._turns.end(over)
        self.tell(Stopped(link=self.name, error="" if type(over) is SessionClosed else str(over)))
        self._changed.set()
        self._ended.set()
        self._keepers = self._made(self.plan)


async def _bound(keepers: list[Keeper | Door]) -> None:
    """Bind all of these, or leave none bound."""
    try:
        async with asyncio.TaskGroup() as binding:
            for keeper in keepers:
                binding.create_task(keeper.bind_once())
    except BaseException as error:
        for keeper in keepers:
            keeper.abandon()
        if isinstance(error, BaseExceptionGroup):
            raise _first(error) from None
        raise


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the others."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
