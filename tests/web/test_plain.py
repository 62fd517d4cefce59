"""The short way of plain texts tells no other than the long one."""

import pytest

from smpp_esme.web import bodies, plain
from smpp_esme.web.bodies import Stored

TO = "+79161234567"
#: `coding: null` says nothing, and the short way does not know it: so the same request goes the long way.
LONG = {"coding": None}


@pytest.fixture
def ways(monkeypatch):
    """How many requests went the short way."""
    went = []
    stored = plain.stored
    monkeypatch.setattr(plain, "stored", lambda message: went.append(message) or stored(message))
    return went


async def test_both_ways_tell_the_same(client, ways):
    body = {"to": TO, "text": "Привет", "client_reference": "7", "priority": 2}
    short = await client.post("/v1/messages", json=body)
    assert len(ways) == 1
    long = await client.post("/v1/messages", json=body | LONG)
    assert len(ways) == 1
    assert (short.status_code, short.headers["content-type"]) == (long.status_code, long.headers["content-type"])
    assert short.json() == long.json()  # the same client_reference: the same message
    assert list(short.json()) == list(Stored.model_fields)


async def test_a_batch_goes_the_short_way_too(client, ways):
    body = {"messages": [{"to": TO, "text": f"number {each}", "client_reference": str(each)} for each in range(3)]}
    short = await client.post("/v1/batches", json=body)
    assert len(ways) == 3
    body["messages"][1] |= LONG
    long = await client.post("/v1/batches", json=body)
    assert len(ways) == 3
    assert short.json() == long.json()


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": ""},
        {"to": "nobody"},
        {"text": ""},
        {"text": "x" * (bodies.TEXT_LIMIT + 1)},
        {"text": "a\0b"},
        {"source": "x" * 21},
        {"priority": 4},
        {"priority": True},
        {"link": "elsewhere"},
        {"client_reference": ""},
        {"unknown": 1},
    ],
)
async def test_what_is_wrong_is_told_the_same_way(client, ways, wrong):
    body = {"to": TO, "text": "hello"} | wrong
    short = await client.post("/v1/messages", json=body)
    long = await client.post("/v1/messages", json=body | LONG)
    assert (short.status_code, short.json()) == (long.status_code, long.json())
    assert short.status_code == 422
    assert ways == []


async def test_a_key_that_was_used_for_something_else_is_refused(client):
    headers = {"Idempotency-Key": "k"}
    for text, status in (("one", 202), ("one", 202), ("two", 422)):
        answer = await client.post("/v1/messages", json={"to": TO, "text": text}, headers=headers)
        assert answer.status_code == status
    long = await client.post("/v1/messages", json={"to": TO, "text": "one"} | LONG, headers=headers)
    assert long.status_code == 202  # it is the same request


async def test_what_is_no_json_is_told_of(client):
    answer = await client.post("/v1/messages", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 422
