from __future__ import annotations

import asyncio
from ipaddress import ip_network

import httpx2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.web.app import create_app
from smpp_esme.web.auth import Caller, Scope, digest, new_key

LIMIT = 65_536
TO = {"to": "+79161234567", "text": "hi"}
KEY = new_key()


@pytest.fixture
def app(gateway, request):
    """The application with one key, as the test's `caller` says."""
    options = {"scopes": list(Scope)} | getattr(request, "param", {})
    return create_app(gateway, body_limit=LIMIT, callers={digest(KEY): Caller("test", **options)})


def caller(**options):
    """What the test's key is like."""
    return pytest.mark.parametrize("app", [options], indirect=True, ids=["key"])


def bearer(key):
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize("target", ["/v1/messages", "/v1/stats", "/openapi.json", "/nowhere"])
@pytest.mark.parametrize(
    "headers",
    [{}, bearer("wrong"), bearer(""), bearer(KEY[:-1]), bearer(digest(KEY)), {"authorization": KEY}],
    ids=["none", "wrong", "empty", "cut short", "the digest", "no scheme"],
)
async def test_without_a_known_key_nothing_is_told(client, target, headers):
    answer = await client.get(target, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert KEY not in answer.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_known_key_is_let_in(client, scheme):
    answer = await client.post("/v1/messages", json=TO, headers={"authorization": f"{scheme} {KEY}"})
    assert answer.status_code == 202


async def test_whether_it_lives_is_told_to_anybody(client):
    assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("plain", [True, False], ids=["the short way", "the long way"])
async def test_two_keys_may_use_the_same_names_and_neither_reads_the_others_answer(gateway, plain):
    other = new_key()
    people = [(KEY, "+79161230001"), (other, "+79161230002")]
    callers = {digest(KEY): Caller("shop", scopes=list(Scope)), digest(other): Caller("bank", scopes=list(Scope))}
    transport = httpx2.ASGITransport(create_app(gateway, body_limit=LIMIT, callers=callers))
    media = {"content-type": "application/json" if plain else "application/json; charset=utf-8"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://daemon") as client:

        async def submit(key, to, **fields):
            headers = bearer(key) | media | {"idempotency-key": "1"}
            body = msgspec.json.encode({"to": to, "text": "hi"} | fields)
            return await client.post("/v1/messages", content=body, headers=headers)

        told = [(await submit(key, to, client_reference="order 1")).json() for key, to in people]
        again = [(await submit(key, to, client_reference="order 1")).json() for key, to in people]
        looked_up = [
            (await client.post("/v1/lookups", json={"to": [to]}, headers=bearer(key) | {"idempotency-key": "2"})).json()
            for key, to in people
        ]
    assert [each["to"] for each in told] == ["79161230001", "79161230002"]
    assert again == told
    assert [each["lookups"][0]["to"] for each in looked_up] == ["79161230001", "79161230002"]


@caller(scopes=[Scope.READ])
async def test_a_key_that_may_read_may_not_submit(client, store):
    assert (await client.get("/v1/messages", headers=bearer(KEY))).status_code == 200
    answer = await client.post("/v1/messages", json=TO, headers=bearer(KEY))
    assert answer.status_code == 403
    assert "submit" in answer.json()["detail"]
    assert await store.messages() == []


@caller(scopes=[Scope.SUBMIT])
async def test_a_key_that_may_submit_may_not_read(client):
    answer = await client.post("/v1/messages", json=TO, headers=bearer(KEY))
    reference = answer.json()["reference"]
    for path in ("/v1/messages", f"/v1/messages/{reference}", f"/v1/lookups/{reference}", "/v1/stats"):
        assert (await client.get(path, headers=bearer(KEY))).status_code == 403, path


@caller(scopes=[Scope.READ], rate=2)
async def test_a_key_beyond_its_rate_is_asked_to_wait(client):
    # At once: one after another they might take so long that there is room again.
    answers = await asyncio.gather(*(client.get("/v1/stats", headers=bearer(KEY)) for _ in range(3)))
    answers = sorted(answers, key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "1"


@caller(scopes=[Scope.READ], networks=[ip_network("192.0.2.0/24")])
async def test_a_key_is_no_use_from_elsewhere(client):
    answer = await client.get("/v1/stats", headers=bearer(KEY))  # which comes from 127.0.0.1
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("networks", "host", "let_in"),
    [
        ((), "203.0.113.9", True),
        ((), "", True),
        (("192.0.2.0/24",), "192.0.2.255", True),
        (("192.0.2.0/24",), "192.0.3.0", False),
        (("192.0.2.0/24",), "::ffff:192.0.2.7", True),
        (("192.0.2.0/24",), "", False),
        (("192.0.2.0/24", "2001:db8::/32"), "2001:db8::1", True),
    ],
)
def test_a_key_comes_from_where_its_networks_say(networks, host, let_in):
    key = Caller("test", scopes=[], networks=[ip_network(one) for one in networks])
    assert key.comes_from(host) is let_in


async def test_without_keys_anybody_is_let_in(gateway):
    transport = httpx2.ASGITransport(create_app(gateway, body_limit=LIMIT))
    async with httpx2.AsyncClient(transport=transport, base_url="http://daemon") as anybody:
        assert (await anybody.get("/v1/stats")).status_code == 200


async def test_the_description_says_that_a_key_is_needed(client):
    described = (await client.get("/openapi.json", headers=bearer(KEY))).json()
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert described["paths"]["/v1/messages"]["post"]["security"]
    assert "security" not in described["paths"]["/healthz"]["get"]


@given(st.text())
def test_a_digest_tells_nothing_of_its_key_and_keys_apart(key):
    assert digest(key).startswith("sha256:")
    assert len(digest(key)) == len("sha256:") + 64
    assert digest(key) != digest(key + "x")


def test_keys_are_never_the_same():
    assert len({new_key() for _ in range(100)}) == 100
