"""Real processes and real kills: what was accepted is delivered, or reported in doubt, whatever happens in between."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import random
import re
import signal
import sqlite3
import sys
import tempfile
import urllib.request
from collections import Counter
from contextlib import AsyncExitStack, closing
from pathlib import Path

import aiohttp
import pytest

from smpp_esme.cli.demo.processes import Http, Process
from smpp_esme.cli.demo.texts import ITEMS, LOOKUPS
from smpp_esme.message.status import MessageStatus, is_final

# A limit for a machine that has much else to do; on an idle one each test takes far less than a minute.
pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 120.0
KILLS = 10
MESSAGES = 400
#: Messages that are handed in at the same time.
HANDS = 8
#: Lives that end a moment after they began, wherever they are by then: in the store's recovery, or before the bind.
SHORT_LIVES = {3, 7}

CONFIGURATION = """
[store]
url = "sqlite:///messages.sqlite3"

[http]
port = 0

[links.main]
url = "{url}"
profile = "smsc-centre"
window = 10
source_addr = "DEMO"
"""


def note(*facts):
    print(*facts)  # noqa: T201 - pytest shows it where the test fails


async def until(condition, process):
    """What the condition gives, once that is anything; another process has no way to tell us when."""
    async with asyncio.timeout(PATIENCE):
        while not (found := condition()):
            process.check()
            await asyncio.sleep(0.01)
        return found


class Daemon:
    """The daemon through all of its lives; each has a port of its own, so that nobody can take it in between."""

    def __init__(self, folder, stack):
        self.process = Process("the daemon", ["run", "-c", str(folder / "daemon.toml")], folder / "daemon.log")
        self._stack = stack
        self.http = None

    async def start(self):
        log = self.process.log
        told_before = log.stat().st_size if log.exists() else 0
        await self.process.start()
        url = await until(lambda: self._started(told_before), self.process)
        self.http = await self._stack.enter_async_context(Http(url))

    def _started(self, since):
        with self.process.log.open() as log:
            log.seek(since)
            for line in log:
                if line.endswith("\n") and '"daemon.started"' in line:
                    return json.loads(line)["http"]
        return None

    async def post(self, body, key):
        """Hand a message in until somebody says that it is kept, whoever that is by then."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await self.http.post("/v1/messages", body, key=key)
                except (aiohttp.ClientError, ConnectionError):
                    await asyncio.sleep(0.02)


@pytest.fixture
async def stack():
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def simulator(tmp_path, stack):
    """A simulator in a process of its own: where to bind, and its control interface."""
    ready = tmp_path / "ready.json"
    arguments = ["--port", "0", "--control-port", "0", "--account", "demo:secret", "--ready-file", str(ready)]
    delays = ["--latency", "0.02", "--receipt-delay", "0.2", "--profile", "smsc-centre"]
    process = Process("the simulator", ["simulate", *arguments, *delays], tmp_path / "simulator.log")
    await process.start()
    stack.push_async_callback(process.kill)
    await until(ready.exists, process)
    told = json.loads(ready.read_text())
    return told["url"], await stack.enter_async_context(Http(told["control"]))


@pytest.fixture
async def daemon(tmp_path, simulator, stack, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "daemon.toml").write_text(CONFIGURATION.format(url=simulator[0]))
    started = Daemon(tmp_path, stack)
    await started.start()
    stack.push_async_callback(started.process.kill)
    return started


def text(number):
    """Every fifth text takes two segments, so that a kill may fall between them."""
    return f"Numbered message {number}" + (" " + "." * 160 if number % 5 == 0 else "")


async def hand_in(daemon, waiting, references):
    while waiting:
        number = waiting.pop()
        body = {"to": f"+7926{number:05}55", "text": text(number)}
        references[number] = (await daemon.post(body, f"number {number}"))["reference"]


async def found(daemon):
    """Every message that the daemon keeps, by reference."""
    messages, after = {}, {}
    while page := (await daemon.http.get("/v1/messages", limit=1000, **after))["messages"]:
        messages |= {one["reference"]: one for one in page}
        after = {"after": page[-1]["reference"]}
    return messages


async def settled(daemon):
    async with asyncio.timeout(PATIENCE):
        while True:
            messages = await found(daemon)
            if all(is_final(one["status"]) or one["status"] == MessageStatus.IN_DOUBT for one in messages.values()):
                return messages
            await asyncio.sleep(0.1)


async def strike(daemon, smsc, chance, *, at_once):
    """Kill the daemon at some point: of its beginning, or of the traffic."""
    submits = (await smsc.get("/counts"))["submits"]
    if not at_once:
        wanted = submits + chance.randint(1, MESSAGES // KILLS)
        async with asyncio.timeout(PATIENCE):
            while submits < wanted:
                daemon.process.check()
                submits = (await smsc.get("/counts"))["submits"]
    await asyncio.sleep(moment := chance.uniform(0, 0.1))
    assert await daemon.process.kill() == -signal.SIGKILL
    return f"{moment:.3f} s after {'the start' if at_once else f'submit {submits}'}"


async def test_a_daemon_that_is_killed_ten_times_loses_nothing_and_sends_nothing_twice(daemon, simulator):
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(1_000_000))
    note(f"KILL_SEED={seed}")
    chance = random.Random(seed)
    _, smsc = simulator
    references: dict[int, str] = {}
    handing_in = []
    for life in range(KILLS):
        waiting = list(range(life, MESSAGES, KILLS))
        handing_in += [asyncio.create_task(hand_in(daemon, waiting, references)) for _ in range(HANDS)]
        struck = await strike(daemon, smsc, chance, at_once=life in SHORT_LIVES)
        note(f"killed {struck}; {len(references)} accepted so far")
        await daemon.start()
    await asyncio.gather(*handing_in)
    messages = await settled(daemon)

    statuses = {number: messages[reference]["status"] for number, reference in references.items()}
    came = await smsc.get("/submits", prefix="Numbered message ")
    counts = await smsc.get("/counts")
    note(Counter(statuses.values()), counts)
    # Accepted: every message, each under a reference of its own, and nothing but these is kept.
    assert set(references) == set(range(MESSAGES))
    assert set(messages) == set(references.values())
    assert set(statuses.values()) <= {MessageStatus.DELIVERED, MessageStatus.IN_DOUBT}
    # By the simulator's own count: what is delivered came, and nothing came twice, not even what is in doubt.
    assert set(came) <= {text(number) for number in range(MESSAGES)}
    delivered = {number for number, status in statuses.items() if status == MessageStatus.DELIVERED}
    assert [number for number in delivered if came.get(text(number)) != 1] == []
    assert [number for number in range(MESSAGES) if came.get(text(number), 0) > 1] == []
    assert counts["duplicates"] == 0
    assert counts["receipts_dropped"] == 0
    # The exception stays one: no kill can put more in doubt than one window and what was claimed for it.
    assert len(delivered) >= MESSAGES - KILLS * 20
    assert await daemon.process.stop() == 0
    with closing(sqlite3.connect("messages.sqlite3")) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)


# The demo, as `make demo` runs it


@pytest.fixture
def ports():
    """One demo at a time on this machine: two that look for free ports at once may find the same ones."""
    with Path(tempfile.gettempdir(), f"smpp-esme-demo-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def demo(tmp_path, *arguments):
    """The exit status and output of a whole demo, run in an empty folder."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smpp_esme", "demo", "--config", str(REPOSITORY / "examples" / "demo.toml")),
        *arguments,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    # Interrupted, it takes its processes with it.
    too_late = asyncio.get_running_loop().call_later(PATIENCE, process.send_signal, signal.SIGINT)
    output, _ = await process.communicate()
    too_late.cancel()
    note(output.decode())
    return process.returncode, output.decode()


def pids(output):
    return {int(pid) for pid in re.findall(r"pid (\d+)", output)}


def runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_the_demo_holds_and_leaves_nothing_running(ports, tmp_path):
    status, output = await demo(tmp_path, "--messages", "400")
    assert status == 0
    assert len(re.findall("^yes  ", output, re.MULTILINE)) == 4
    assert "NO  " not in output
    assert "none lost, none sent twice in silence" in output
    assert len(pids(output)) == 3  # the simulator, and the daemon before and after the kill
    assert [pid for pid in pids(output) if runs(pid)] == []
    with closing(sqlite3.connect(tmp_path / "demo-data" / "smpp-esme.sqlite3")) as database:
        (count,) = database.execute("select count(*) from message").fetchone()
    assert count == 400 + len(ITEMS) + len(LOOKUPS)


def answer(url):
    """What a URL answers, None if nobody is there."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            return json.load(response)
    except OSError:  # also that it went while it was asked
        return None


async def gone(healthz, received, log):
    """Wait until nobody answers any more and the daemon has said goodbye."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if not answer(healthz) and not answer(received) and '"daemon.stopped"' in log.read_text():
                return
            await asyncio.sleep(0.05)


async def test_a_demo_that_is_kept_leaves_two_processes_that_answer(ports, tmp_path):
    status, output = await demo(tmp_path, "--messages", "20", "--keep")
    log = tmp_path / "demo-data" / "daemon.log"
    (left,) = re.findall(r"stop them: kill (\d+) (\d+)", output)
    try:
        assert status == 0
        (received,) = re.findall(r"http://\S+/received", output)
        (healthz,) = re.findall(r"http://\S+/healthz", output)
        assert answer(healthz) == {"status": "ok", "links": {"main": True}}
        assert len(answer(received)) == 20 + len(ITEMS) + len(LOOKUPS)
        for pid in left:
            os.kill(int(pid), signal.SIGTERM)
        await gone(healthz, received, log)
    finally:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
