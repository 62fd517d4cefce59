from __future__ import annotations

import json

import pytest

from smpp_esme.sms.profile import profile_names, read

OWN = """
name = "mine"
title = "My SMSC"
data_coding = { ucs2 = 8 }
auto = ["ucs2"]
receipt_pattern = '(?P<stat>\\w+);(?P<id>\\d+);(?P<done_date>\\d+)'
receipt_states = { ok = "delivered" }
"""


@pytest.fixture
def own(tmp_path):
    def written(text=OWN):
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return written


def test_every_shipped_profile_is_listed_with_its_title(command):
    outcome = command("profile", "list")
    assert (outcome.code, outcome.err) == (0, "")
    assert [line.split()[0] for line in outcome.out.splitlines()] == list(profile_names())
    assert all(len(line.split()) > 2 for line in outcome.out.splitlines())


@pytest.mark.parametrize("name", profile_names())
def test_what_is_shown_is_a_file_to_begin_with(command, own, name):
    shown = command("profile", "show", name)
    assert shown.code == 0
    assert read(shown.out.encode()).name == name
    assert command("profile", "show", own(shown.out)).out == shown.out


def test_in_json_every_key_is_shown_as_bound(command):
    shown = json.loads(command("profile", "show", "--json", "--system-type", "ISO", "smsc-centre").out)
    assert shown["data_coding"] == {"latin1": 0, "binary": 4, "ucs2": 8}
    assert shown["receipts_by_text"] is False


def test_a_right_profile_is_told_by_what_it_changes(command, own):
    path = own()
    outcome = command("profile", "check", path)
    assert (outcome.code, outcome.err) == (0, "")
    first, *rest = outcome.out.splitlines()
    assert first == f"{path} is a profile: My SMSC"
    assert '  receipt_states = {"ok":"delivered"}' in rest
    assert not [line for line in rest if line.startswith("  title")]
    assert "nothing differs from the book" in command("profile", "check", "standard").out


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("receipt_states", "receipt_words", "mine.toml: receipt_words: no such key; one of like, name, title"),
        ("8", "256", "mine.toml: data_coding: expected"),
        (r"\d+)'", r"\d+)\d'", "mine.toml: receipt_pattern: has a repeated"),
        ("name =", "name", "profile: not TOML"),
    ],
)
def test_a_wrong_profile_is_refused_in_one_line(command, own, was, becomes, told):
    assert was in OWN
    outcome = command("profile", "check", own(OWN.replace(was, becomes, 1)))
    assert (outcome.code, outcome.out) == (1, "")
    assert told in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_profile_that_is_not_there_is_said_to_be_missing(command):
    assert "one of sinch, smsc-centre" in command("profile", "check", "nobody").err
    assert command("profile", "show", "none.toml").err == (
        "smpp-esme: none.toml: No such file or directory; a readable TOML file\n"
    )


def test_a_receipt_is_read_by_the_profile(command, own):
    outcome = command("profile", "check", own(), "--receipt", "OK;42;2601311301")
    assert outcome.code == 0
    assert outcome.out.partition("the receipt says:\n")[2].splitlines() == [
        "  message_id = 42",
        "  text_message_id = 42",
        "  message_state = DELIVERED",
        "  stat = OK",
        "  done_date = 2026-01-31 13:01:00+00:00",
    ]


def test_what_is_no_receipt_by_the_profile_is_told_by_the_exit_status(command, own):
    outcome = command("profile", "check", own(), "--receipt", "OK;42")
    assert (outcome.code, outcome.err) == (1, "smpp-esme: no receipt by this profile\n")
