from __future__ import annotations

import subprocess
import sys

import pytest

# find_spec, as it would be were pytest-asyncio not installed.
HIDE = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "pytest_asyncio" else find(name, *rest)
"""
SMSC = pytest.mark.smsc(profile="standard", seed=1)


@SMSC
@pytest.mark.smsc(seed=2)
async def test_the_mark_says_what_the_smsc_is_like_and_the_nearest_counts(request, smsc):
    from smpp_esme.simulator.pytest_plugin import options_of

    options = options_of(request)
    assert (options["profile"], options["seed"]) == ("standard", 2)
    assert smsc.profile.name == "standard"


def run(tmp_path, source, *arguments, before=""):
    (tmp_path / "test_sample.py").write_text(source)
    program = f"import sys\n{before}\nimport pytest\nsys.exit(pytest.main(sys.argv[1:]))"
    command = [
        sys.executable,
        "-c",
        program,
        str(tmp_path),
        f"--rootdir={tmp_path}",
        "-p",
        "no:cacheprovider",
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_users_test_gets_a_running_smsc(tmp_path):
    source = """
import asyncio, pytest

@pytest.mark.smsc(accounts={"acme": "secret"})
@pytest.mark.asyncio
async def test_it(smsc):
    _, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
    writer.close()
    assert smsc.url.startswith("smpp://acme:secret@127.0.0.1:")
"""
    result = run(tmp_path, source, "--strict-markers")
    assert result.returncode == 0, result.stdout


def test_virtual_time_is_for_those_who_ask_for_it(tmp_path):
    source = """
import asyncio, pytest

@pytest.mark.smsc(receipt_delay=86_400)
@pytest.mark.asyncio
async def test_virtual(virtual_time, smsc):
    assert asyncio.get_running_loop() is virtual_time
    await asyncio.sleep(86_400)
    assert virtual_time.time() >= 86_400

@pytest.mark.asyncio
@pytest.mark.parametrize("number", [1, 2])
async def test_real(smsc, number):
    assert not hasattr(asyncio.get_running_loop(), "network")
    _, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
    writer.close()
"""
    result = run(tmp_path, source, "--strict-markers")
    assert "3 passed" in result.stdout


def test_without_pytest_asyncio_other_tests_run_and_the_fixture_says_what_is_missing(tmp_path):
    source = "def test_other(): pass\ndef test_it(smsc): pass\ndef test_virtual(virtual_time): pass\n"
    result = run(tmp_path, source, "-p", "no:asyncio", before=HIDE)
    assert "install pytest-asyncio" in result.stdout
    assert "1 passed, 2 errors" in result.stdout


def test_loading_the_plugin_does_not_load_the_simulator(tmp_path):
    program = """
import sys, smpp_esme.simulator.pytest_plugin
sys.exit(bool({"smpp_esme.simulator.smsc", "smpp_esme.simulator.virtual_time"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
