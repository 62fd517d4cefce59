from __future__ import annotations

import json

import pytest

from smpp_esme.simulator.handsets import Handsets

NUMBER = "79161234567"
ABSENT, ROAMING, SILENT = "79161234001", "79161234004", "79161234007"
WIDE = "250"

pytestmark = pytest.mark.smsc(profile="smsc-centre", accounts={"acme": "secret"})


def test_a_table_tells_who_is_there(command, elsewhere):
    outcome = command("lookup", "--url", elsewhere.url, f"+{NUMBER}", ABSENT, ROAMING, COLUMNS=WIDE)
    assert (outcome.code, outcome.err) == (0, "")
    _, header, _, present, absent, roaming = outcome.out.splitlines()
    assert header.split()[:5:2] == ["MSISDN", "reachable", "IMSI"]
    assert present.split()[:3] == [NUMBER, "│", "yes"]
    assert absent.split()[:3] == [ABSENT, "│", "no"]
    assert "006" in absent
    assert "Türkiye" in roaming


def test_on_a_narrow_screen_each_record_is_a_block_of_lines(command, elsewhere):
    outcome = command("lookup", "--url", elsewhere.url, NUMBER, ROAMING, COLUMNS="80")
    assert outcome.code == 0
    assert max(map(len, outcome.out.splitlines())) <= 80
    lines = [line.split(maxsplit=1) for line in outcome.out.splitlines()]
    assert ["MSISDN", NUMBER] in lines
    assert ["operator", "Mobile TeleSystems (MTS)"] in lines
    assert ["roaming", "country   Türkiye"] in lines


def test_json_is_an_object_a_line_with_everything_in_it(command, elsewhere):
    outcome = command("lookup", "--json", "--url", elsewhere.url, NUMBER, ABSENT)
    present, absent = map(json.loads, outcome.out.splitlines())
    assert outcome.code == 0
    assert (present["msisdn"], present["reachable"], present["mcc"]) == (NUMBER, True, "250")
    assert (absent["msisdn"], absent["reachable"], absent["error"]) == (ABSENT, False, "006")
    assert absent["error_meaning"]


def test_a_ping_asks_the_handset(command, elsewhere):
    assert command("lookup", "--ping", "--url", elsewhere.url, NUMBER).code == 0
    assert [received.kind for received in elsewhere.received] == ["ping"]


def test_one_number_s_trouble_does_not_cost_the_others(command, elsewhere):
    elsewhere.script.refuse("ESME_RINVDSTADR", to="4917")
    outcome = command("lookup", "--json", "--wait", "1", "--url", elsewhere.url, SILENT, NUMBER, "12x", "491712345678")
    assert outcome.code == 1
    assert [json.loads(line)["msisdn"] for line in outcome.out.splitlines()] == [NUMBER]
    silent, unwritten, refused = outcome.err.splitlines()
    assert silent == f"smpp-esme: {SILENT}: no answer within 1 s"
    assert unwritten.startswith("smpp-esme: 12x: destination: has 'x' at 2")
    assert refused.startswith("smpp-esme: 491712345678: submit_sm was refused: ESME_RINVDSTADR")


def test_nothing_is_printed_where_there_is_nothing_to_tell(command, elsewhere):
    outcome = command("lookup", "--wait", "0.1", "--url", elsewhere.url, SILENT)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == f"smpp-esme: {SILENT}: no answer within 0.1 s\n"


def test_a_profile_without_lookups_is_said_to_be_one(command, elsewhere):
    outcome = command("lookup", "--profile", "standard", "--url", elsewhere.url, NUMBER)
    assert outcome.code == 1
    assert "hlr is not offered by profile standard" in outcome.err
    assert not elsewhere.submit_sms


def test_a_wrong_password_is_said_in_one_line_without_it(command, elsewhere):
    outcome = command("lookup", "--url", elsewhere.url.replace("secret", "hunter2"), NUMBER)
    assert (outcome.code, outcome.out) == (1, "")
    assert "ESME_RINVPASWD" in outcome.err
    assert outcome.err.count("\n") == 1
    assert "hunter2" not in outcome.err


@pytest.mark.parametrize("columns", ["80", WIDE])
def test_names_are_shown_as_they_are_and_cannot_command_the_terminal(command, elsewhere, monkeypatch, columns):
    odd = r"[red]\[/b] :coffee: " + "\x1b[2J\n"
    handset = Handsets.handset

    def named(self, msisdn):
        from msgspec.structs import replace

        return replace(handset(self, msisdn), operator=odd)

    monkeypatch.setattr(Handsets, "handset", named)
    outcome = command("lookup", "--url", elsewhere.url, NUMBER, COLUMNS=columns)
    assert outcome.code == 0
    assert r"[red]\[/b] :coffee: \x1b[2J\n" in outcome.out
    assert "\x1b" not in outcome.out
