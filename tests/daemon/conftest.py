"""A daemon inside the test: real store, real sockets, a simulated SMSC, and no waiting but for what happens."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from smpp_esme.daemon.config import DispatchSettings, LinkSettings, Settings
from smpp_esme.daemon.orders import Order
from smpp_esme.daemon.service import Service
from smpp_esme.message.status import MessageStatus, is_final
from smpp_esme.sms.envelope import Sms
from smpp_esme.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from smpp_esme.daemon.metrics import Metrics
    from smpp_esme.message.message import Message
    from smpp_esme.simulator.smsc import Smsc
    from smpp_esme.sms.content import Content

PATIENCE = 20.0


class Clock:
    """The store's clock: the real one, and whatever a test puts on top."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_(self, **duration: float) -> None:
        self.ahead += timedelta(**duration)


class Watched(Store):
    """A store that tells when something was written, and fails where a test wants it to."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._written = asyncio.Condition()
        super().__init__(*args, **options)
        self.before_receipts: Callable[[], Any] | None = None
        self.before_answers: Callable[[], Any] | None = None
        self.after_receipts: Callable[[], Any] | None = None
        self.claims = 0

    async def claim(self, *args: Any, **options: Any) -> Any:
        self.claims += 1
        return await self._told(super().claim(*args, **options))

    async def record_answers(self, *args: Any, **options: Any) -> Any:
        if self.before_answers:
            await self.before_answers()
        return await self._told(super().record_answers(*args, **options))

    async def record_receipts(self, *args: Any, **options: Any) -> Any:
        if self.before_receipts:
            await self.before_receipts()
        recorded = await super().record_receipts(*args, **options)
        if self.after_receipts:
            await self.after_receipts()
        return await self._told(_given(recorded))

    async def _write(self, *args: Any, **options: Any) -> Any:
        return await self._told(super()._write(*args, **options))

    async def until(self, condition: Callable[[list[Message]], bool]) -> list[Message]:
        """All messages, once they are as a test wants them."""
        async with asyncio.timeout(PATIENCE), self._written:
            while not condition(found := await self.messages(limit=1000)):
                await self._written.wait()
            return found

    async def until_all(self, *statuses: MessageStatus) -> list[Message]:
        return await self.until(lambda found: all(one.status in statuses for one in found))

    async def until_final(self) -> list[Message]:
        return await self.until(lambda found: all(is_final(one.status) for one in found))

    async def _told(self, change: Any) -> Any:
        result = await change
        async with self._written:
            self._written.notify_all()
        return result


async def _given(value: Any) -> Any:
    return value


class Daemon:
    """One service at work."""

    def __init__(self, service: Service, store: Watched) -> None:
        self.service = service
        self.store = store
        self.stop = asyncio.Event()
        self.running: asyncio.Task[None] | None = None

    async def submit(self, to: str, content: str | Content, **order: Any) -> Message:
        content = Sms(content) if isinstance(content, str) else content
        return await self.service.gateway.submit(Order(to=to, content=content, **order))

    def wake(self) -> None:
        """What the clock's passing would bring about by itself within half a second."""
        self.service._wake()

    async def bound(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.service._lines["main"].link.session()

    async def ended(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.running

    async def stopped(self) -> None:
        self.stop.set()
        await self.ended()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(tmp_path: Path, sqlite_template: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"


@pytest.fixture
async def store(url: str, clock: Clock) -> AsyncIterator[Watched]:
    async with await Watched.open(url, now=clock, synchronous="NORMAL") as opened:
        yield opened


@pytest.fixture
async def start(store: Watched, smsc: Smsc) -> AsyncIterator[Callable[..., Any]]:
    """Starts a daemon: `await start(window=2)`; a dict `dispatch` goes to that table, all else to the link's.

    `others` has further links by name, each as what differs from the first, `routes` the routes. Doubts are not ended
    by receipts, unless a test wants them to be.
    """
    daemons: list[Daemon] = []

    async def started(
        *,
        bound: bool = True,
        metrics: Metrics | None = None,
        dispatch: dict[str, Any] | None = None,
        others: dict[str, dict[str, Any]] | None = None,
        routes: dict[str, dict[str, Any]] | None = None,
        **link: Any,
    ) -> Daemon:
        given = {"url": smsc.url, "profile": smsc.profile.name, "source_addr": "DEMO", "in_doubt_receipt": False}
        given |= link
        links = {"main": LinkSettings(**given)}
        links |= {name: LinkSettings(**(given | differs)) for name, differs in (others or {}).items()}
        settings = Settings(links=links, dispatch=DispatchSettings(**(dispatch or {})), routes=routes or {})
        daemon = Daemon(Service(settings, store, metrics), store)
        daemons.append(daemon)
        daemon.running = asyncio.create_task(daemon.service.run(daemon.stop), name="daemon")
        if bound:
            await daemon.bound()
        return daemon

    yield started
    for daemon in daemons:
        daemon.stop.set()
        daemon.running.cancel()
        with contextlib.suppress(Exception, asyncio.CancelledError):
            await daemon.running


@pytest.fixture
def nobody() -> Iterator[socket.socket]:
    """A port of loopback that nobody listens on, and that nobody else can take."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The command_status of every response that the simulator gets to what it delivers, in order."""
    from smpp_esme.simulator.deliveries import Delivery

    statuses: list[int] = []
    answered = Delivery.answered

    def heard(delivery: Delivery, response: Any) -> None:
        statuses.append(response.command_status)
        answered(delivery, response)

    monkeypatch.setattr(Delivery, "answered", heard)
    return statuses
