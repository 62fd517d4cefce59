"""`smpp-esme run` as a process of its own, against a simulator in this one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
from contextlib import closing

import aiohttp
import pytest
from typer.testing import CliRunner

from smpp_esme.cli.main import commands
from smpp_esme.cli.run import _own
from smpp_esme.errors import BindRefused, StoreUnusable
from smpp_esme.protocol.commands import CommandStatus

PATIENCE = 30.0
SECRET = "secret"

pytestmark = pytest.mark.smsc(accounts={"acme": SECRET})


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

    async def logged(self, event):
        """The first line of the log that tells this event, as soon as it is there."""
        async with asyncio.timeout(PATIENCE), self._event:
            while True:
                for line in self.lines:
                    if (told := json.loads(line))["event"] == event:
                        return told
                await self._event.wait()

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


NUMBERS = [f"7916123{number:03}7" for number in range(20)]
SENDER = "ACMECORP"


async def settled(http):
    """The daemon's counts, once no message is under way any more."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with http.get("/v1/stats") as answer:
                counts = await answer.json()
            if not (counts["QUEUED"] or counts["SUBMITTING"] or counts["SUBMITTED"]):
                return counts
            await asyncio.sleep(0.05)  # another process: nothing tells us when


async def test_a_full_run_delivers_logs_no_text_and_no_number_and_stops_in_order(run, smsc, tmp_path):
    smsc.script.refuse("ESME_RINVDSTADR", to=NUMBERS[0]).receipt_first(to=NUMBERS[1]).drop_response(to=NUMBERS[2])
    daemon = await run(SMPP_ESME_LINKS__MAIN__RESPONSE_TIMEOUT="0.3")
    started = await daemon.logged("daemon.started")
    bound = await daemon.logged("link.bound")
    assert (bound["link"], bound["peer"]) == ("main", f"127.0.0.1:{smsc.port}")
    texts = [f"a text that nobody else may read, {number}" for number in range(len(NUMBERS))]
    async with aiohttp.ClientSession(started["http"]) as http:
        orders = [{"to": to, "text": text, "source": SENDER} for to, text in zip(NUMBERS, texts, strict=True)]
        async with http.post("/v1/batches", json={"messages": orders}, headers={"Idempotency-Key": "k"}) as answer:
            assert answer.status == 202
        async with http.post("/v1/messages", json=orders[0] | {"text": ["wrong text"]}) as answer:
            assert answer.status == 422
        lookup = {"to": ["+79161230009"]}
        async with http.post("/v1/lookups", json=lookup) as answer:
            assert answer.status == 202
        delivering = asyncio.create_task(smsc.deliver("an answer of mine", source="79165550000", destination="1234"))
        assert await daemon.logged("collect.message_left_with_the_smsc")
        delivering.cancel()
        smsc.disconnect()
        assert await daemon.logged("link.lost")
        counts = await settled(http)
    assert (counts["FAILED"], counts["IN_DOUBT"], counts["DELIVERED"]) == (1, 1, len(NUMBERS) - 1)
    assert await daemon.stopped() == 0
    told = [json.loads(line) for line in daemon.lines]
    assert {"timestamp", "level", "event"} <= set.intersection(*(set(line) for line in told))
    assert told[-1]["event"] == "daemon.stopped"
    assert await daemon.process.stdout.read() == b""
    whole = "\n".join(daemon.lines)
    secrets = [*texts, "nobody else", "wrong text", "an answer", *NUMBERS, "79161230009", "79165550000", SENDER, SECRET]
    assert [secret for secret in secrets if secret in whole] == []


async def test_ctrl_c_is_a_stop_in_order(run):
    daemon = await run()
    await daemon.logged("link.bound")
    assert await daemon.stopped(signal.SIGINT) == 0
    assert [json.loads(line)["event"] for line in daemon.lines][-2:] == ["link.unbound", "daemon.stopped"]


async def test_a_wrong_password_is_one_clear_line_and_an_exit_status(run, smsc, configuration):
    daemon = await run(configuration(password="hunter22"))
    assert await daemon.ended() == 1
    (line,) = [line for line in daemon.lines if not line.startswith("{")]
    assert line.startswith("smpp-esme: the bind as BindTransceiver was refused: ESME_RINVPASWD (")
    assert "hunter22" not in "\n".join(daemon.lines)
    assert smsc.counts.binds_refused == 1


async def test_a_second_daemon_on_the_same_store_is_refused(run, smsc):
    first = await run()
    await first.logged("link.bound")
    second = await run()
    assert await second.ended() == 1
    (line,) = second.lines
    assert line.startswith("smpp-esme: ")
    assert "another process has it open" in line
    assert await first.stopped() == 0


async def test_a_port_in_use_is_one_clear_line(run, smsc, tmp_path):
    daemon = await run(SMPP_ESME_HTTP__PORT=str(smsc.port))
    assert await daemon.ended() == 1
    (line,) = daemon.lines
    assert line.startswith(f"smpp-esme: http: 127.0.0.1:{smsc.port}: ")
    assert line.endswith("another host or port")
    assert not list(tmp_path.glob("data/*"))


async def test_a_file_that_is_no_store_is_left_as_it_is(run, smsc, tmp_path):
    (tmp_path / "data").mkdir()
    foreign = tmp_path / "data" / "messages.sqlite3"
    with closing(sqlite3.connect(foreign)) as somebody_elses:
        somebody_elses.execute("create table message (id integer)")
        somebody_elses.commit()
    before = foreign.read_bytes()
    daemon = await run()
    assert await daemon.ended() == 1
    (line,) = daemon.lines
    assert line.startswith("smpp-esme: ")
    assert foreign.read_bytes() == before


# In this process: what ends before anything runs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file or directory"),
        ("[links.main]\n", "links.main.url: Field required"),
        ('[links.main]\nurl = "smpp://me:secret-too-long@h"\n', "links.main: password: at most 8"),
    ],
)
def test_a_wrong_configuration_is_one_clear_line(tmp_path, capsys, monkeypatch, text, said):
    from smpp_esme.cli.main import app

    path = tmp_path / "daemon.toml"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(sys, "argv", ["smpp-esme", "run", "-c", str(path)])
    with pytest.raises(SystemExit) as left:
        app()
    assert left.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"smpp-esme: {path}: ")
    assert said in line
    assert "secret" not in line


def test_help_says_what_it_does():
    shown = CliRunner().invoke(commands, ["run", "--help"])
    assert shown.exit_code == 0
    for words in ("SIGTERM", "IN_DOUBT", "--config"):
        assert words in shown.output


def test_our_own_error_is_found_among_those_that_ended_the_loops():
    refused = BindRefused(CommandStatus.ESME_RINVPASWD)
    assert _own(BaseExceptionGroup("a", [BaseExceptionGroup("b", [ValueError(), refused]), KeyError()])) is refused
    assert isinstance(_own(ExceptionGroup("a", [StoreUnusable("x"), refused])), StoreUnusable)
    assert _own(ExceptionGroup("a", [ValueError()])) is None
