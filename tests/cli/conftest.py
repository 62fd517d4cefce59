"""The command line in this process, and a simulator in a thread of its own: a command runs its own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
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


@pytest.fixture
def daemon():
    """A stand-in that answers what it is told to, and remembers what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(None)

        def do_POST(self):
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body):
            self.asked.append((self.path, body, self.headers["Authorization"]))
            answer = self.answers[self.path]
            octets = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(self.code)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_):
            """Say nothing."""

    Handler.asked, Handler.answers, Handler.code = [], {}, 200
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        Handler.url = f"http://127.0.0.1:{server.server_port}"
        yield Handler
        server.shutdown()
        thread.join()


PATIENCE = 30.0
#: Of the account "acme", which a test that runs a daemon gives its SMSC.
SECRET = "secret"


class Run:
    """One daemon process, and what it wrote to standard error."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        self._reading = asyncio.create_task(self._read())
        self._event = asyncio.Condition()

    async def _read(self):
        async for line in self.process.stderr:
            async with self._event:
                self.lines.append(line.decode().rstrip("\n"))
                self._event.notify_all()

    async def logged(self, event, *, since=0):
        """The first line of the log that tells this event, of those from a number on, as soon as it is there."""
        async with asyncio.timeout(PATIENCE), self._event:
            while True:
                for line in self.lines[since:]:
                    if (told := json.loads(line))["event"] == event:
                        return told
                await self._event.wait()

    async def reloaded(self, event="daemon.reloaded"):
        """Have it read its file anew, and wait until it says so."""
        since = len(self.lines)
        self.process.send_signal(signal.SIGHUP)
        return await self.logged(event, since=since)

    async def ended(self):
        async with asyncio.timeout(PATIENCE):
            await self._reading
            return await self.process.wait()

    async def stopped(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return await self.ended()


@pytest.fixture
def configuration(tmp_path, smsc):
    """Writes a configuration for the simulator; keyword arguments are further keys of the link."""

    def written(**link):
        given = {"url": f"smpp://acme@127.0.0.1:{smsc.port}", "password": SECRET, "profile": "smsc-centre"} | link
        keys = "\n".join(f"{key} = {json.dumps(value)}" for key, value in given.items())
        path = tmp_path / "daemon.toml"
        path.write_text(
            f"[store]\nurl = 'sqlite:///{tmp_path}/data/messages.sqlite3'\nsynchronous = 'normal'\n"
            f"[http]\nport = 0\n[links.main]\n{keys}\n"
        )
        return path

    return written


@pytest.fixture
async def run(configuration):
    """Starts daemons: `await run(path, NAME=value)`; what still runs at the end is killed."""
    started = []

    async def begun(path=None, **environment):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "smpp_esme", "run", "-c", str(path or configuration())),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | environment,
        )
        started.append(Run(process))
        return started[-1]

    yield begun
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            one.process.kill()
        await one.process.wait()
        await one._reading
        one.process._transport.close()
