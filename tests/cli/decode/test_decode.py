from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from smpp_esme.cli.decode import sources
from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.pdus import BindTransceiver, EnquireLink, SubmitSm, SubmitSmResp

if TYPE_CHECKING:
    from collections.abc import Callable


ENQUIRE_LINK = encode(EnquireLink(41))
BIND = encode(BindTransceiver(1, system_id="acme", password="hunter2"))


@pytest.mark.parametrize(
    "written",
    [
        ENQUIRE_LINK.hex(),
        ENQUIRE_LINK.hex().upper(),
        ENQUIRE_LINK.hex(" "),
        ENQUIRE_LINK.hex(":"),
        ENQUIRE_LINK.hex("\n", 4),
        "0x" + ENQUIRE_LINK.hex(),
        ", ".join(f"0x{octet:02x}" for octet in ENQUIRE_LINK),
        "# a comment, with beef\n" + ENQUIRE_LINK.hex(" ", 4) + "  # and another",
    ],
)
def test_hexadecimal_is_read_as_people_write_it(run, written: str):
    for result in (run(written), run("-", stdin=written)):
        assert result.exit_code == 0, result.output
        assert "enquire_link, at octet 0" in result.stdout
        assert "sequence_number" in result.stdout


def test_a_pdu_may_be_spread_over_arguments(run):
    assert run(*ENQUIRE_LINK.hex(" ").split()).exit_code == 0


def test_a_fixture_is_read_as_it_stands(run, read_hex: Callable[[str], bytes], request: pytest.FixtureRequest):
    text = (request.config.rootpath / "fixtures" / "pdus" / "submit_sm.hex").read_text()
    result = run("-", stdin=text)
    assert result.exit_code == 0
    assert result.stdout == run(read_hex("submit_sm").hex()).stdout
    for told in ("ALPHANUMERIC", "'994501234567'", "RECEIPT", "gsm7: 'hi'"):
        assert told in result.stdout


def test_several_pdus_are_shown_each_under_its_offset(run):
    result = run(ENQUIRE_LINK.hex() + encode(SubmitSm(2)).hex())
    assert result.exit_code == 0
    assert "enquire_link, at octet 0" in result.stdout
    assert "submit_sm, at octet 16" in result.stdout


def test_a_password_is_shown_only_when_asked_for(run):
    hidden, shown = run(BIND.hex()), run("--show-password", BIND.hex())
    assert "hunter2" not in hidden.output
    assert b"hunter2".hex(" ") not in hidden.output
    assert "hunter2" in shown.output
    assert "hunter2" not in run("--json", BIND.hex()).output


def test_json_says_the_same(run):
    result = run("--json", ENQUIRE_LINK.hex())
    assert result.exit_code == 0
    (pdu,) = map(json.loads, result.stdout.splitlines())
    assert (pdu["kind"], pdu["problem"]) == ("pdu", "")
    assert (pdu["name"], pdu["offset"], pdu["whole"]) == ("enquire_link", 0, True)
    assert [(line["parameter"], line["value"]) for line in pdu["parameters"]] == [
        ("command_length", 16),
        ("command_id", 21),
        ("command_status", 0),
        ("sequence_number", 41),
    ]


def test_json_of_every_fixture_is_json(run, read_hex: Callable[[str], bytes], request: pytest.FixtureRequest):
    for path in (request.config.rootpath / "fixtures" / "pdus").glob("*.hex"):
        result = run("--json", str(path))
        assert [json.loads(line)["kind"] for line in result.stdout.splitlines()] == ["pdu"]
        assert result.exit_code == (path.stem in ODD_BUT_UNREAD or path.stem.startswith("bad_"))


ODD_BUT_UNREAD = {"odd_stray_nul", "odd_truncated_tlv"}


def test_the_beginning_of_a_pdu_is_shown_as_far_as_it_goes(run):
    result = run(ENQUIRE_LINK.hex() + BIND[:21].hex())
    assert result.exit_code == 1
    assert "'acme'" in result.stdout
    assert "unusable: command_length 34 where 21 octets are there" in result.stdout
    assert "PDUs 2, of these not whole 1; other losses 0" in result.stderr


@pytest.mark.parametrize("way", [(), ("--summary",), ("--json",)])
def test_the_beginning_of_a_response_is_shown_however_short(run, way):
    whole = encode(SubmitSmResp(7, message_id="abc"))
    for end in range(1, len(whole)):
        result = run(*way, whole[:end].hex())
        assert result.exit_code == 1
        assert result.stdout.count("unusable" if way != ("--json",) else '"whole": false') == 1


def test_a_stream_that_breaks_is_taken_up_again(run):
    result = run(ENQUIRE_LINK.hex() + "00" * 16 + ENQUIRE_LINK.hex())
    assert result.exit_code == 1
    assert [line for line in result.stdout.splitlines() if line.startswith(("PDU", "!"))] == [
        "PDU 1: enquire_link, at octet 0",
        "! octets 16 to 31: command_length 0 is outside 16..70000 octets",
        "PDU 2: enquire_link, at octet 32",
    ]


def test_a_malformed_pdu_is_shown_and_those_behind_it_too(run, read_hex: Callable[[str], bytes]):
    result = run(read_hex("bad_short_message_past_the_end").hex() + ENQUIRE_LINK.hex())
    assert result.exit_code == 1
    assert "unusable: short_message at offset 43 runs past the end" in result.stdout
    assert "enquire_link" in result.stdout


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "there are no octets"),
        ("# only words", "there are no octets"),
        ("00000010 zz", "'z' is no hexadecimal digit"),
        ("000", "3 hexadecimal digits are no whole octets"),
    ],
)
def test_what_is_no_hexadecimal_is_refused_with_a_reason(run, written: str, why: str):
    result = run("-", stdin=written)
    assert result.exit_code == 1
    assert why in result.stdout
    assert "there are no PDUs" in result.stderr


def test_standard_input_that_is_no_text_is_refused(run):
    assert run("-", stdin=b"\xff\xfe\x00\x10").exit_code == 1


def test_the_input_is_bounded(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sources, "TEXT_LIMIT", 100)
    result = run("-", stdin="00" * 51)
    assert result.exit_code == 1
    assert "more than 100 characters" in result.stdout
    assert run("00" * 51).exit_code == 1
    assert run("-", stdin=ENQUIRE_LINK.hex()).exit_code == 0


def test_a_text_cannot_command_the_terminal(run):
    evil = encode(SubmitSm(1, source_addr="\x1b[2J", short_message=b"\x1b[2J"))
    assert "\x1b" not in run(evil.hex()).output
    assert "\x1b" not in run("--json", evil.hex()).output
