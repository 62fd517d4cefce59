from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request

import pytest
import typer
from typer.testing import CliRunner

from smpp_esme.cli.simulate import simulate
from smpp_esme.simulator.handsets import SUFFIXES

PROGRAM = "import typer; from smpp_esme.cli.simulate import simulate; typer.run(simulate)"


@pytest.fixture
def app():
    app = typer.Typer()
    app.command()(simulate)
    return app


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_with_0_when_it_is_told_to(tmp_path, number):
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-c", PROGRAM, "--port", "0", "--control-port", "0", "--ready-file", str(ready)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        written = _when_there(ready, process)
        assert line == (
            f"SMSC simulator (smsc-centre) listens on 127.0.0.1:{written['port']}; control on {written['control']}\n"
        )
        with urllib.request.urlopen(f"{written['control']}/healthz", timeout=10) as response:
            assert json.load(response)["port"] == written["port"]
        process.send_signal(number)
        assert process.wait(10) == 0


def _when_there(path, process):
    while not path.exists():
        assert process.poll() is None
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--profile", "nobody"], "smsc-centre"),
        (["--account", "acme"], "system_id:password"),
        (["--account", "acme:longer-than-eight"], "system_id:password"),
        (["--script", "missing.toml"], "missing.toml"),
    ],
)
def test_a_wrong_option_is_refused_with_what_is_allowed(app, arguments, said):
    result = CliRunner().invoke(app, ["--port", "0", *arguments])
    assert result.exit_code == 2
    assert said in result.output


def test_a_port_that_is_taken_is_an_error(app):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(app, ["--port", str(taken.getsockname()[1])])
    assert result.exit_code == 1
    assert "in use" in result.output
    assert "--port" in result.output


def test_a_ready_file_that_cannot_be_written_is_named(app, tmp_path):
    ready = tmp_path / "missing" / "ready.json"
    result = CliRunner().invoke(app, ["--port", "0", "--ready-file", str(ready)])
    assert result.exit_code == 2
    told = "".join(line.strip("│ ") for line in result.output.splitlines()).replace(" ", "")
    assert "for--ready-file:" in told
    assert f"{ready}:Nosuchfileordirectory" in told


def test_the_help_tells_what_becomes_of_a_number(app):
    output = CliRunner().invoke(app, ["--help"]).output
    for suffix, condition in SUFFIXES.items():
        assert f"...{suffix}  {condition.value.replace(', ', ' and ')}" in output
