"""`smpp-esme reroute` against a daemon's HTTP interface."""

import pytest

PATH = "/v1/links/old%2Flink/reroute"


@pytest.mark.parametrize(
    ("left", "code", "told"), [({}, 0, "moved: 3\n"), ({"pinned": 2}, 1, "moved: 3\nleft, pinned: 2\n")]
)
def test_what_was_moved_is_told_and_what_was_not(command, daemon, left, code, told):
    daemon.answers = {PATH: {"moved": 3, "left": left, "next": None}}
    outcome = command("reroute", "--from", "old/link", "--to", "new", "--url", daemon.url, "--key", "k")
    assert outcome == (code, told, "")
    assert daemon.asked == [(PATH, {"to": "new", "pinned": False, "limit": 500, "after": None}, "Bearer k")]


def test_the_routes_say_where_to_and_pinned_ones_go_where_that_is_asked_for(command, daemon):
    daemon.answers = {PATH: {"moved": 1, "left": {}, "next": None}}
    assert command("reroute", "--from", "old/link", "--pinned", "--url", daemon.url).code == 0
    assert daemon.asked[0][1] == {"to": None, "pinned": True, "limit": 500, "after": None}


def test_it_goes_on_until_all_was_looked_at(command, daemon):
    steps = iter([{"moved": 500, "left": {}, "next": "0-1-2"}, {"moved": 7, "left": {"begun": 1}, "next": None}])

    class Answers(dict):
        def __getitem__(self, path):
            return next(steps)

    daemon.answers = Answers()
    outcome = command("reroute", "--from", "old", "--to", "new", "--url", daemon.url)
    assert (outcome.code, outcome.out) == (1, "moved: 507\nleft, begun: 1\n")
    assert [body["after"] for _, body, _ in daemon.asked] == [None, "0-1-2"]
