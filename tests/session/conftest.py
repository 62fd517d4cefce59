"""A session on a wire whose far end is the test; all asynchronous tests here run under asyncio's loop and uvloop's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from smpp_esme.protocol.codec import Framer, decode, encode
from smpp_esme.protocol.pdus import RESPONSES, BindTransceiver, Pdu
from smpp_esme.protocol.timers import Timers
from smpp_esme.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], Any]]:
    """Both loops; uvloop's is skipped, with a reason, where it is not installed."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": lambda: pytest.importorskip("uvloop").new_event_loop()}


class Wire(asyncio.Transport):
    """A transport that keeps every write, and moves nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.wrote = asyncio.Event()
        self.ended = ""
        self.reading = True

    def write(self, data: Any) -> None:
        assert not self.ended, "written after the end"
        self.writes.append(bytes(data))
        self.wrote.set()

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def is_closing(self) -> bool:
        return bool(self.ended)

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Desk:
    """A session, and the peer's side of its wire."""

    def __init__(self, **options: Any) -> None:
        self.wire = Wire()
        self.session = Session(**options)
        self.session.connection_made(self.wire)

    def bring(self, *pdus: Pdu) -> None:
        """All of these arrive in one read."""
        self.session.data_received(b"".join(encode(pdu) for pdu in pdus))

    def answer(self, request: Pdu, **parameters: Any) -> Pdu:
        """The response to a request that was taken off the wire, ready to be brought."""
        return RESPONSES[request.command_id](request.sequence_number, **parameters)

    async def turn(self) -> None:
        """What was asked for in this turn of the loop happens: the tasks that wait for it, and then the write."""
        for _ in range(5):
            await asyncio.sleep(0)

    def pass_time(self, seconds: float) -> None:
        """So much later, the session's timer goes off."""
        self.session.connection.handle_timer(asyncio.get_running_loop().time() + seconds)
        self.session._settle()

    async def written(self) -> list[Pdu]:
        """The PDUs that were written since the last call."""
        await self.turn()
        octets = b"".join(self.wire.writes)
        self.wire.writes.clear()
        self.wire.wrote.clear()
        return [decode(frame) for frame in Framer().feed(octets)]

    async def bind(self) -> None:
        connection = self.session.connection
        timers, connection.timers = connection.timers, Timers()  # however short the test's are, this is no part of it
        binding = asyncio.ensure_future(self.session.bind(BindTransceiver(system_id="acme", password="secret")))
        [request] = await self.written()
        self.bring(self.answer(request))
        await binding
        connection.timers = timers


@pytest.fixture
async def desk() -> Desk:
    """A bound session."""
    made = Desk(window=3)
    await made.bind()
    return made


@pytest.fixture
async def bound() -> Callable[..., Awaitable[Desk]]:
    """Makes a bound session: `await bound(window=1, timers=Timers(response=0.01))`."""

    async def make(**options: Any) -> Desk:
        made = Desk(**options)
        await made.bind()
        return made

    return make


@pytest.fixture
def unbound() -> Callable[..., Desk]:
    """Makes a session that is open and not bound; call it in a test that has a running loop."""
    return Desk
