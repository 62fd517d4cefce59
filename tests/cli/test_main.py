from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version

import pytest
import typer.main

from smpp_esme.cli.main import commands

COMMANDS = tuple(typer.main.get_group(commands).commands)


def smpp_esme(*words):
    """The command as a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "smpp_esme", *words], capture_output=True, text=True, timeout=60, check=False
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_help_names_every_command_with_a_line_each(command):
    for words in (["--help"], ["-h"]):
        outcome = command(*words, COLUMNS="100")
        assert outcome.code == 0
        listed = outcome.out.partition("Commands:")[2]
        assert tuple(re.findall(r"^  ([\w-]+)  +\w", listed, re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_fits_a_terminal_and_explains_every_option(command, name):
    outcome = command(name, "--help", COLUMNS="80")
    assert (outcome.code, outcome.err) == (0, "")
    examples = "  smpp-esme "  # stand as they are, to be copied
    assert max(len(line) for line in outcome.out.splitlines() if not line.startswith(examples)) <= 80
    assert re.match(rf"Usage: (python -m pytest\.)?smpp-esme {name} ", outcome.out)
    options = re.findall(r"^  -.*(?:\n {10,}.*)*", outcome.out.partition("Options:")[2], re.MULTILINE)
    assert options
    for option in options:
        assert re.search(r"  +[A-Z\[].{5,}|\n +\S.{5,}", option.strip()), option


def test_without_a_command_help_is_shown_and_it_is_a_failure(command):
    outcome = command()
    assert outcome.code == 2
    assert "Commands:" in outcome.out + outcome.err


def test_an_unknown_command_is_a_failure_that_names_it(command):
    outcome = command("submit")
    assert outcome.code == 2
    assert "submit" in outcome.err


def test_the_version_is_the_package_s(command):
    assert command("--version") == (0, f"smpp-esme {version('smpp-esme')}\n", "")


def test_it_runs_as_a_module_and_an_error_is_one_line_without_a_traceback():
    code, out, err = smpp_esme("send", "--url", "http://acme:hunter2@smsc", "79161234567", "hello")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"smpp-esme: url: .*\n", err)
    assert "hunter2" not in err


@pytest.mark.smsc(accounts={"acme": "secret"})
def test_a_process_of_its_own_sends_and_leaves_with_0(elsewhere):
    code, out, err = smpp_esme("send", "--url", elsewhere.url, "--wait", "10", "79161234567", "привет")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].startswith("DELIVRD ")
    assert elsewhere.count("привет") == 1


def test_help_does_not_pay_for_the_daemon():
    loaded = "import sys; import smpp_esme.cli.main; print(*sys.modules, sep='\\n')"
    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, timeout=60, check=True)
    assert not {"sqlalchemy", "fastapi", "uvicorn", "aiohttp", "structlog", "pydantic"} & set(ran.stdout.split())


@pytest.mark.parametrize(
    ("missing", "words", "extra"),
    [
        ("structlog", ("run", "-c", "daemon.toml"), "daemon"),
        ("aiohttp", ("demo",), "daemon"),
        ("sqlalchemy", ("check", "-c", "daemon.toml"), "daemon"),
        ("typer", ("--help",), "cli"),
    ],
)
def test_a_package_that_a_command_lacks_is_one_line_with_what_to_install(missing, words, extra):
    hidden = f"import sys; sys.modules[{missing!r}] = None; from smpp_esme.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", hidden, *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"smpp-esme: this needs {missing}, which is not installed: pip install 'smpp-esme[{extra}]'\n"


@pytest.mark.smsc(accounts={"acme": "secret"})
def test_a_refused_bind_is_one_line(elsewhere):
    code, out, err = smpp_esme("send", "--url", elsewhere.url.replace("secret", "hunter2"), "79161234567", "hello")
    assert (code, out) == (1, "")
    assert err == "smpp-esme: the bind as BindTransceiver was refused: ESME_RINVPASWD (password is invalid)\n"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nonsense", "the scheme is ''"),
        ("127.0.0.1:8080", "the scheme is "),
        ("file:///etc/passwd", "the scheme is 'file'"),
        ("http://[::1", "it cannot be read"),
        ("http://127.0.0.1:99999", "it cannot be read"),
        ("http://", "it names no host"),
    ],
)
@pytest.mark.parametrize("words", [("status",), ("limbo", "list", "--url"), ("webhook", "list", "--url")])
def test_a_daemons_address_that_is_none_is_one_line(command, words, url, problem):
    outcome = command(*words, url)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"smpp-esme: url: {problem}")
    assert outcome.err.endswith("http://HOST:PORT or https://HOST:PORT\n")
