"""`smpp-esme backup`, while a daemon is at work; and a new daemon that goes on from what it made."""

import asyncio
import os
import resource
import shlex
import signal
import subprocess
import sys

import aiohttp
import pytest

from smpp_esme.store import Store

SECRET = "secret"
MESSAGES = 60

pytestmark = pytest.mark.smsc(accounts={"acme": SECRET})


def numbers(wave):
    return [f"7916{wave:03}{number:03}55" for number in range(MESSAGES)]


async def back_up(*words):
    """Runs the command as a process of its own: exit status, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "smpp_esme", "backup", *map(str, words)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def hand_in(http, wave):
    orders = [{"to": to, "text": f"wave {wave}, {to}"} for to in numbers(wave)]
    async with http.post("/v1/batches", json={"messages": orders}) as answer:
        assert answer.status == 202


async def counts(http, *, without=()):
    """The daemon's counts, once none is left under these statuses."""
    async with asyncio.timeout(30):
        while True:
            async with http.get("/v1/stats") as answer:
                found = await answer.json()
            if not sum(found[status] for status in without):
                return found
            await asyncio.sleep(0.05)  # another process: nothing tells us when


@pytest.mark.acceptance
async def test_a_daemon_goes_on_from_a_backup_that_was_taken_under_traffic(run, smsc, configuration, tmp_path):
    # This one is on its way when the backup is taken, and no receipt will tell how it ended.
    smsc.script.drop_response(to=numbers(2)[0]).receipt_never(to=numbers(2)[0])
    config = configuration(window=10, response_timeout=60)
    daemon = await run(config)
    async with aiohttp.ClientSession((await daemon.logged("daemon.started"))["http"]) as http:
        await hand_in(http, 1)
        await counts(http, without=("QUEUED", "SUBMITTING", "SUBMITTED"))
        await hand_in(http, 2)
        handing_in = asyncio.create_task(hand_in(http, 3))
        await smsc.until(lambda smsc: smsc.count(f"wave 2, {numbers(2)[0]}"))
        code, out, err = await back_up("-c", config, tmp_path / "backup.sqlite3")
        await handing_in
        assert (code, err) == (0, "")
        assert out.startswith(f"{tmp_path}/backup.sqlite3: ")
        saved = int(out.split()[1])
    assert saved in {2 * MESSAGES, 3 * MESSAGES}
    await daemon.stopped(signal.SIGKILL)

    url = f"sqlite:///{tmp_path}/backup.sqlite3"
    restored = await run(config, SMPP_ESME_STORE__URL=url)
    recovered = (await restored.logged("daemon.recovered"))["in_doubt"]
    async with aiohttp.ClientSession((await restored.logged("daemon.started"))["http"]) as http:
        found = await counts(http, without=("QUEUED", "SUBMITTING"))
    assert recovered >= 1
    assert found["IN_DOUBT"] == recovered
    assert sum(number for status, number in found.items() if status.isupper()) == saved
    # What was delivered before is not submitted again, and neither is what was on its way.
    assert [to for to in numbers(1) if smsc.count(f"wave 1, {to}") != 1] == []
    assert smsc.count(f"wave 2, {numbers(2)[0]}") == 1


async def test_a_full_disk_leaves_the_old_backup(configuration, tmp_path):
    config = str(configuration())
    (tmp_path / "data").mkdir()
    await (await Store.open(f"sqlite:///{tmp_path}/data/messages.sqlite3")).close()
    target = tmp_path / "backup.sqlite3"
    target.write_bytes(b"yesterday's")
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "smpp_esme", "backup", "-c", config, "--force", target],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (49_152, 49_152)),
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"smpp-esme: {target}: no backup was made: ")
    assert target.read_bytes() == b"yesterday's"
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".part")] == []


def test_a_name_that_is_taken_is_one_clear_line(configuration, command, tmp_path):
    config = str(configuration())
    assert command("migrate", "-c", config).code == 0
    assert command("backup", "-c", config, str(tmp_path / "b")).code == 0
    refused = command("backup", "-c", config, str(tmp_path / "b"))
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == f"smpp-esme: {tmp_path}/b: is there already and was left as it is; another name, or --force\n"
    assert command("backup", "-c", config, "--force", str(tmp_path / "b")).code == 0


def test_on_postgresql_it_says_what_to_do_and_does_nothing(configuration, command, tmp_path):
    url = "postgresql+asyncpg://me:hunter22@db.example:5433/sms?sslmode=require"
    told = command("backup", "-c", str(configuration()), str(tmp_path / "b"), SMPP_ESME_STORE__URL=url)
    assert (told.code, told.out) == (2, "")
    assert "hunter22" not in told.err
    line = told.err.splitlines()[-1]
    assert shlex.split(line) == [
        "pg_dump",
        "--format=custom",
        f"--file={tmp_path}/b",
        "--dbname=postgresql://me@db.example:5433/sms",
    ]


def test_the_command_that_it_says_works(configuration, command, tmp_path, postgres_url, foreign_program):
    foreign_program("pg_dump")
    told = command("backup", "-c", str(configuration()), str(tmp_path / "b"), SMPP_ESME_STORE__URL=postgres_url)
    subprocess.run(shlex.split(told.err.splitlines()[-1]), check=True, timeout=60)
    assert (tmp_path / "b").read_bytes().startswith(b"PGDMP")
