"""Each line with which the daemon refuses to start, as docs/when-things-go-wrong.md shows it, provoked."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from smpp_esme.store import Store, schema

PAGE = (Path(__file__).parents[2] / "docs" / "when-things-go-wrong.md").read_text(encoding="utf-8")
SHOWN = [
    line
    for fence in re.findall(r"^```text refused\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in fence.splitlines()
]
LINK = '[links.main]\nurl = "smpp://acme@127.0.0.1:9"\n'
FILE = "messages.sqlite3"


def configured(more: str = "", link: str = LINK) -> None:
    """Write daemon.toml."""
    Path("daemon.toml").write_text(f"{link}\n[http]\nport = 0\n{more}")


def stored(more: str = "") -> None:
    """Write a daemon.toml that keeps its messages beside it."""
    configured(f'[store]\nurl = "sqlite:///{FILE}"\n{more}')


def changed(statement: str) -> None:
    """Our database, and something done to it."""
    asyncio.run(made())
    with closing(sqlite3.connect(FILE)) as connection, connection:
        connection.execute(statement)


async def made() -> None:
    """Our database, empty."""
    await (await Store.open(f"sqlite:///{FILE}")).close()


def wrong_key(request):
    configured(link=f"{LINK}windw = 1\n")


def not_toml(request):
    Path("daemon.toml").write_text("[links.main\n")


def no_file(request):
    pass


def wrong_variable(request):
    configured()
    request.getfixturevalue("monkeypatch").setenv("SMPP_ESME_HTTP__PROT", "1")


def no_secret(request):
    configured(link=f'{LINK}password_file = "/run/secrets/main"\n')


def port_in_use(request):
    taken = socket.create_server(("127.0.0.1", 0))
    request.addfinalizer(taken.close)
    Path("daemon.toml").write_text(f"{LINK}[http]\nport = {taken.getsockname()[1]}\n")


def no_certificate(request):
    configured('certificate = "http.pem"\n')


def half_a_certificate(request):
    Path("http.pem").write_text("half of it")
    configured('certificate = "http.pem"\n')


def folder_in_a_file(request):
    Path("file").touch()
    configured(f'[store]\nurl = "sqlite:///file/messages/{FILE}"\n')


def second_daemon(request):
    stored()
    runner = asyncio.Runner()
    store = runner.run(Store.open(f"sqlite:///{FILE}"))

    def ended() -> None:
        runner.run(store.close())
        runner.close()

    request.addfinalizer(ended)


def damaged(request):
    stored()
    asyncio.run(made())
    octets = bytearray(Path(FILE).read_bytes())
    octets[2 * 4096 : 12 * 4096] = b"\xff" * (10 * 4096)
    Path(FILE).write_bytes(octets)


def no_database(request):
    stored()
    Path(FILE).write_text("not a database")


def another_program(request):
    stored()
    with closing(sqlite3.connect(FILE)) as connection, connection:
        connection.execute("CREATE TABLE theirs (it INTEGER)")


def newer(request):
    stored()
    changed(f"UPDATE {schema.REVISION_TABLE} SET version_num = '9999'")


def no_postgresql(request):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configured(f'[store]\nurl = "postgresql://esme@127.0.0.1:{port}/messages"\n')


def no_text_keys(request):
    stored('text = "encrypted"\n')


def refused_account(request):
    smsc = request.getfixturevalue("elsewhere")
    stored()
    text = Path("daemon.toml").read_text()
    Path("daemon.toml").write_text(text.replace("acme@127.0.0.1:9", f"acme:wrong@127.0.0.1:{smsc.port}"))


CASES = [
    wrong_key,
    not_toml,
    no_file,
    wrong_variable,
    no_secret,
    port_in_use,
    no_certificate,
    half_a_certificate,
    folder_in_a_file,
    second_daemon,
    damaged,
    no_database,
    another_program,
    newer,
    no_postgresql,
    no_text_keys,
    refused_account,
]


@pytest.fixture
def start(command):
    """Runs the daemon until it ends: its status, and what it said. What it sets for its whole process is set back."""
    root, interval, garbage = logging.getLogger(), sys.getswitchinterval(), gc.get_threshold()
    handlers, level = list(root.handlers), root.level
    yield lambda: command("run", "-c", "daemon.toml")
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.setswitchinterval(interval)
    gc.set_threshold(*garbage)
    gc.unfreeze()


def test_every_line_of_the_page_is_provoked():
    assert len(SHOWN) == len(CASES)


@pytest.mark.smsc(accounts={"acme": "secret"})
@pytest.mark.parametrize(
    ("case", "shown"), list(zip(CASES, SHOWN, strict=True)), ids=lambda one: getattr(one, "__name__", "")
)
def test_the_daemon_ends_with_the_line_that_the_page_shows(case, shown, request, tmp_path, monkeypatch, start):
    monkeypatch.chdir(tmp_path)
    case(request)
    ended = start()
    said = ended.err
    assert ended.code == 1
    line = said.splitlines()[-1]
    if case is port_in_use:
        line = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8080", line)
    if case is damaged:  # what SQLite says of it is its own
        line, shown = (re.sub(r"damaged \(.*?\); nothing", "damaged; nothing", one) for one in (line, shown))
    if case is no_postgresql:
        line, shown = (re.sub(r"\[Errno \d+\].*;", "refused;", one) for one in (line, shown))
    assert line == shown
    assert "Traceback" not in said
