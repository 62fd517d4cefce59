"""Messages from subscribers over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

from smpp_esme.message.received import Received

AT = datetime(2026, 1, 1, tzinfo=UTC)


def message(number, **fields):
    values = {
        "reference": f"REFERENCE{number}",
        "link": "main",
        "source_addr": "79160000001",
        "destination_addr": "1234",
        "text": f"text {number}",
        "coding": "gsm7",
        "data_coding": 0,
        "received_at": AT,
    }
    return Received(**(values | fields))


async def test_a_message_from_a_subscriber_is_read_with_its_text(client, store):
    await store.inbox.keep([message(1, segments=2, missing=(2,), detail={"protocol_id": 1})])
    answer = await client.get("/v1/received/REFERENCE1")
    assert answer.json() == {
        "reference": "REFERENCE1",
        "link": "main",
        "source": "79160000001",
        "to": "1234",
        "text": "text 1",
        "octets": None,
        "coding": "gsm7",
        "data_coding": 0,
        "esm_class": 0,
        "segments": 2,
        "missing": [2],
        "detail": {"protocol_id": 1},
        "received_at": "2026-01-01T00:00:00Z",
    }


async def test_octets_are_in_base64(client, store):
    await store.inbox.keep([message(1, text="", octets=b"\x00\xff", coding="binary")])
    (found,) = (await client.get("/v1/received")).json()["received"]
    assert (found["text"], found["octets"]) == ("", "AP8=")


async def test_messages_from_subscribers_are_paged(client, store):
    await store.inbox.keep([message(number) for number in range(5)])
    first = (await client.get("/v1/received", params={"limit": 2})).json()["received"]
    rest = (await client.get("/v1/received", params={"after": first[-1]["reference"]})).json()["received"]
    assert [one["text"] for one in first + rest] == [f"text {number}" for number in range(5)]


async def test_a_reference_that_nobody_has_is_not_found(client):
    assert (await client.get("/v1/received/NOBODY")).status_code == 404
    assert (await client.get("/v1/received", params={"after": "NOBODY"})).status_code == 404
