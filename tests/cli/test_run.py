"""`smpp-esme run` as a process of its own, against a simulator in this one."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
import sys
from contextlib import closing

import aiohttp
import pytest
from typer.testing import CliRunner

from smpp_esme.cli.main import commands
from smpp_esme.cli.run import _own
from smpp_esme.errors import BindRefused, ConnectFailed, StoreUnusable
from smpp_esme.protocol.commands import CommandStatus

PATIENCE = 30.0
SECRET = "secret"

pytestmark = pytest.mark.smsc(accounts={"acme": SECRET})

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
    daemon = await run(SMPP_ESME_LINKS__MAIN__RESPONSE_TIMEOUT="0.3", SMPP_ESME_LINKS__MAIN__IN_DOUBT_RECEIPT="false")
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
        await smsc.deliver("an answer of mine", source="79165550000", destination="1234")
        async with http.get("/v1/received") as answer:
            assert [one["text"] for one in (await answer.json())["received"]] == ["an answer of mine"]
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


async def test_systemd_hears_of_the_start_the_life_and_the_stop(run, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        daemon = await run(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="60000000")
        await daemon.logged("link.bound")
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            told = [await loop.sock_recv(systemd, 4096) for _ in range(2)]
            assert await daemon.stopped() == 0
            told.append(await loop.sock_recv(systemd, 4096))
    assert told[0].startswith(b"READY=1\nSTATUS=serving http://127.0.0.1:")
    assert told[1:] == [b"WATCHDOG=1", b"STOPPING=1"]


async def test_status_tells_of_a_running_daemon_and_of_one_that_is_not_ready(run, smsc):
    daemon = await run()
    url = (await daemon.logged("daemon.started"))["http"]
    await daemon.logged("link.bound")
    told = await asyncio.to_thread(CliRunner().invoke, commands, ["status", url])
    assert told.exit_code == 0
    assert told.stdout.splitlines()[:2] == ["link main: bound", "QUEUED: 0"]
    await smsc.close()
    await daemon.logged("link.lost")
    told = await asyncio.to_thread(CliRunner().invoke, commands, ["status", url])
    assert told.exit_code == 1
    assert told.stdout.splitlines()[:2] == [
        "link main: not bound",
        "not ready: no link is bound that messages could go out on",
    ]
    assert await daemon.stopped() == 0
    with pytest.raises(ConnectFailed, match="is a daemon running there"):
        CliRunner().invoke(commands, ["status", url], catch_exceptions=False)


async def test_a_folder_that_cannot_be_made_for_the_store_is_one_clear_line(run, tmp_path):
    (tmp_path / "file").touch()
    daemon = await run(SMPP_ESME_STORE__URL=f"sqlite:///{tmp_path}/file/messages.sqlite3")
    assert await daemon.ended() == 1
    (line,) = daemon.lines
    assert line.startswith(f"smpp-esme: store.url: the folder {tmp_path}/file cannot be made: File exists")


async def test_ctrl_c_is_a_stop_in_order(run):
    daemon = await run()
    await daemon.logged("link.bound")
    assert await daemon.stopped(signal.SIGINT) == 0
    told = [json.loads(line)["event"] for line in daemon.lines]
    assert told == ["daemon.started", "link.bound", "link.unbound", "daemon.stopped"]


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
