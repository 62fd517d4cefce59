"""The command line in this process, and a simulator in a thread of its own: a command runs its own event loop."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, NamedTuple

import pytest

from smpp_esme.cli import main
from smpp_esme.session.endpoint import parse_url
from smpp_esme.session.session import Session
from smpp_esme.simulator.pytest_plugin import options_of
from smpp_esme.simulator.smsc import Smsc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Outcome(NamedTuple):
    """How a command ended."""

    code: int | str | None
    out: str
    err: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Runs the command line as a shell would: `command("send", "--url", url, "79161234567", "hello", COLUMNS="80")`."""
    for name in ("SMPP_URL", "COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str, **environment: str) -> Outcome:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["smpp-esme", *words])
            for name, value in environment.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main()
        return Outcome(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest) -> Iterator[Smsc]:
    """A simulator in another thread, as the mark `smsc` has it; read what it saw when the command has ended."""
    started, done = threading.Event(), asyncio.Event()
    made: list[Smsc] = []
    runner = asyncio.Runner()

    async def serve() -> None:
        async with Smsc(**options_of(request)) as smsc:
            made.append(smsc)
            started.set()
            await done.wait()
            await see_all_out(smsc)

    thread = threading.Thread(target=lambda: runner.run(serve()), name="simulator")
    thread.start()
    try:
        assert started.wait(10), "the simulator did not start"
        yield made[0]
    finally:
        runner.get_loop().call_soon_threadsafe(done.set)
        thread.join()
        runner.close()


async def see_all_out(smsc: Smsc) -> None:
    """Wait until the SMSC has noticed that every command has ended: connections are accepted in order, ours last."""
    endpoint = parse_url(smsc.url)
    async with asyncio.timeout(10):
        session = await Session.connect(endpoint)
        await session.bind(endpoint.bind_request())
        await session.unbind()
        await smsc.until(lambda smsc: not smsc._serving)
