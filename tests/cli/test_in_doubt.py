"""`smpp-esme in-doubt` against a daemon's HTTP interface."""

from __future__ import annotations

import pytest

DOUBTFUL = {"reference": "A", "link": "main", "created_at": "2026-01-01T00:00:00Z", "duplicates": 0}


def test_every_page_of_what_is_in_doubt_is_listed(command, daemon):
    first = "/v1/messages?status=IN_DOUBT&limit=1000"
    daemon.answers = {
        first: {"messages": [DOUBTFUL]},
        f"{first}&after=A": {"messages": [DOUBTFUL | {"reference": "B", "duplicates": 2}]},
        f"{first}&after=B": {"messages": []},
    }
    outcome = command("in-doubt", "list", "--url", daemon.url, "--key", "k")
    lines = ["A  main  2026-01-01T00:00:00Z", "B  main  2026-01-01T00:00:00Z, sent again 2 times"]
    assert outcome == (0, "".join(f"{line}\n" for line in lines), "")
    assert {key for *_, key in daemon.asked} == {"Bearer k"}


def test_a_decision_is_told_of_each_message(command, daemon):
    daemon.answers = {"/v1/in-doubt": {"resolved": [{"reference": "A", "moved": True, "status": "QUEUED"}]}}
    outcome = command("in-doubt", "resolve", "resend", "A", "--url", daemon.url)
    assert outcome == (0, "A  QUEUED\n", "")
    assert daemon.asked[0][:2] == ("/v1/in-doubt", {"decision": "resend", "references": ["A"]})


@pytest.mark.parametrize(
    ("resolved", "told"),
    [
        ([{"reference": "A", "moved": False, "status": "DELIVERED"}], "A  DELIVERED (was not in doubt)\n"),
        ([], "A  is not known\n"),
    ],
)
def test_it_fails_unless_every_message_was_in_doubt(command, daemon, resolved, told):
    daemon.answers = {"/v1/in-doubt": {"resolved": resolved}}
    assert command("in-doubt", "resolve", "fail", "A", "--url", daemon.url) == (1, told, "")


def test_a_decision_that_is_none_is_named_before_anybody_is_asked(command):
    outcome = command("in-doubt", "resolve", "maybe", "A")
    assert outcome.code == 1
    assert "sent, resend, fail" in outcome.err


@pytest.mark.parametrize(
    ("answered", "told"),
    [
        ({"status": 404, "detail": "none of these is in doubt"}, "404 none of these is in doubt"),
        (b"<html>", "404 Not Found"),
        (["no", "problem"], "404 Not Found"),
    ],
)
def test_a_refusal_is_told_in_the_daemons_own_words(command, daemon, answered, told):
    daemon.answers, daemon.code = {"/v1/in-doubt": answered}, 404
    outcome = command("in-doubt", "resolve", "sent", "A", "--url", daemon.url)
    assert outcome == (1, "", f"smpp-esme: {daemon.url}/v1/in-doubt: {told}\n")
