from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner

from smpp_esme.cli.main import commands
from smpp_esme.errors import InvalidValue
from smpp_esme.sms.profile import Profile

TO = "79161234567"


async def probed(smsc, *options):
    result = await asyncio.to_thread(CliRunner().invoke, commands, ["probe", smsc.url, *options])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.smsc(profile="standard", receipt_delay=0.01)
async def test_it_tells_what_it_found_a_line_each(smsc):
    told = await probed(smsc, "--to", TO, "--limit-test", "20")
    begun = [line.split(":")[0] for line in told.splitlines()]
    assert begun[0].startswith("bound to 'smsc-simulator' in ")
    assert begun[1:] == [
        "TLVs of the bind", "enquire_link", "submit_sm", "query_sm", "receipt", "receipt's TLVs",
        "receipt's message_id", "receipt's zone", "limit",
    ]  # fmt: skip
    assert "20 taken in" in told
    assert smsc.counts.submits == 21


@pytest.mark.smsc(profile="standard", receipt_delay=0.01)
async def test_it_writes_a_profile_and_never_over_a_file(smsc, tmp_path):
    target = tmp_path / "Acme SMSC.toml"
    told = await probed(smsc, "--to", TO, "--write", str(target))
    assert told.splitlines()[-1] == f"profile written to {target}"
    assert Profile.load(target).name == "acme-smsc"
    again = await asyncio.to_thread(CliRunner().invoke, commands, ["probe", smsc.url, "--write", str(target)])
    assert isinstance(again.exception, InvalidValue)
    assert again.exception.allowed == "a file that does not exist yet"


@pytest.mark.smsc(profile="standard")
async def test_it_can_tell_it_all_as_json(smsc):
    findings = json.loads(await probed(smsc, "--json"))
    assert findings["bind"]["interface_version"] == 0x34
    assert findings["receipt"] is None


def test_a_limit_needs_a_number_to_submit_to():
    result = CliRunner().invoke(commands, ["probe", "smpp://acme@127.0.0.1:1", "--limit-test", "5"])
    assert isinstance(result.exception, InvalidValue)
    assert result.exception.field == "limit-test"
