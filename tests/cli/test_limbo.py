"""`smpp-esme limbo` against a daemon's HTTP interface."""

import pytest

RECEIPT = {
    "id": 7,
    "link": "main",
    "message_id": "4F",
    "status": "DELIVERED",
    "received_at": "2026-01-01T00:00:00Z",
    "dismissed_at": None,
}


def test_every_page_is_listed(command, daemon):
    first = "/v1/limbo?limit=1000&dismissed=true&link=main&after=0"
    dismissed = RECEIPT | {"id": 8, "message_id": "5\x1b[1m", "dismissed_at": "2026-01-02T00:00:00Z"}
    daemon.answers = {
        first: {"receipts": [RECEIPT], "next": 7},
        first.replace("after=0", "after=7"): {"receipts": [dismissed], "next": None},
    }
    outcome = command("limbo", "list", "--link", "main", "--dismissed", "--url", daemon.url, "--key", "k")
    assert outcome.code == 0
    assert outcome.out.splitlines()[0] == "7  main  4F  DELIVERED  2026-01-01T00:00:00Z"
    assert outcome.out.splitlines()[1].endswith(", dismissed")
    assert "\x1b" not in outcome.out
    assert {key for *_, key in daemon.asked} == {"Bearer k"}


@pytest.mark.parametrize(("moved", "code", "told"), [(True, 0, ""), (False, 1, " (it told nothing new)")])
def test_a_receipt_is_given_to_its_message(command, daemon, moved, code, told):
    daemon.answers = {"/v1/limbo/7/attach": {"reference": "A", "moved": moved, "status": "DELIVERED"}}
    assert command("limbo", "attach", "7", "A", "--url", daemon.url) == (code, f"A  DELIVERED{told}\n", "")
    assert daemon.asked[0][:2] == ("/v1/limbo/7/attach", {"reference": "A"})


@pytest.mark.parametrize(("dismissed", "code"), [(2, 0), (1, 1)])
def test_receipts_are_dismissed(command, daemon, dismissed, code):
    daemon.answers = {"/v1/limbo/dismiss": {"dismissed": dismissed}}
    assert command("limbo", "dismiss", "7", "8", "8", "--url", daemon.url) == (code, f"dismissed: {dismissed}\n", "")
    assert daemon.asked[0][1] == {"ids": [7, 8, 8]}
