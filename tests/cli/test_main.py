from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version

import pytest

COMMANDS = ("send", "lookup", "run", "simulate", "decode", "demo")


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
        assert tuple(re.findall(r"^  (\w+)  +\w", listed, re.MULTILINE)) == COMMANDS


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


def test_without_its_packages_the_command_says_what_to_install():
    hidden = "import sys; sys.modules['typer'] = None; from smpp_esme.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert "pip install 'smpp-esme[cli]'" in ran.stderr
    assert "Traceback" not in ran.stderr
