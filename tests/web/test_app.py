from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from smpp_esme.errors import StoreUnusable
from smpp_esme.web.app import create_app

TO = "+79161234567"
LIMIT = 65_536
JSON = {"content-type": "application/json"}


async def kept(store):
    return len(await store.messages())


async def octets(*pieces):
    for piece in pieces:
        yield piece


def body_of(size):
    body = b'{"to": "' + TO.encode() + b'", "text": "hi"'
    return body + b" " * (size - len(body) - 1) + b"}"


async def test_a_body_that_is_announced_as_too_large_is_refused_unread(client, store):
    answer = await client.post("/v1/messages", content=body_of(LIMIT + 1), headers=JSON)
    assert answer.status_code == 413
    assert str(LIMIT) in answer.json()["detail"]
    assert await kept(store) == 0


async def test_a_body_that_turns_out_too_large_is_refused(client, store):
    whole = body_of(LIMIT + 1)
    pieces = octets(whole[:1000], whole[1000:60_000], whole[60_000:])
    answer = await client.post("/v1/messages", content=pieces, headers=JSON)
    assert "content-length" not in answer.request.headers
    assert answer.status_code == 413
    assert str(LIMIT) in answer.json()["detail"]
    assert await kept(store) == 0


async def test_a_body_within_the_limit_is_taken_announced_or_not(client, store):
    assert (await client.post("/v1/messages", content=body_of(LIMIT), headers=JSON)).status_code == 202
    assert (await client.post("/v1/messages", content=octets(body_of(LIMIT)), headers=JSON)).status_code == 202
    assert await kept(store) == 2


async def test_what_lies_beyond_the_limit_is_never_read(gateway):
    """A peer that goes on for ever is cut off, not listened to."""
    given_out, answers = 0, []

    async def receive():
        nonlocal given_out
        given_out += 1000
        return {"type": "http.request", "body": b" " * 1000, "more_body": True}

    async def send(message):
        answers.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/messages",
        "raw_path": b"/v1/messages",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    await create_app(gateway, body_limit=10_000)(scope, receive, send)
    assert answers[0]["status"] == 413
    assert given_out <= 11_000


@pytest.mark.parametrize("announced", ["99999999999999999999", "9" * 5000, f"{LIMIT + 1}"])
async def test_any_announcement_beyond_the_limit_is_refused(client, announced):
    answer = await client.post("/v1/messages", content=b"{}", headers=JSON | {"content-length": announced})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{",
        b'{"to": "+79161234567", text}',
        b"\xff\xfe{}",
        b'"\xed\xa0\x80"',
        b"\x00",
        b"null",
        b"[]",
        b"1e999",
        b"NaN",
        b'"to"',
        b"[" * 30_000,
        b'{"a":' * 10_000,
        b'{"to": "79161234567", "text": "x", "priority": ' + b"9" * 5000 + b"}",
    ],
)
async def test_what_is_no_json_object_is_the_senders_fault(client, store, octets):
    answer = await client.post("/v1/messages", content=octets, headers=JSON)
    assert answer.status_code in {400, 422}
    assert answer.json().get("field") in {None, "body"}
    assert await kept(store) == 0


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "x"])
async def test_another_content_type_is_the_senders_fault(client, store, kind):
    answer = await client.post("/v1/messages", content=body_of(100), headers={"content-type": kind})
    assert answer.status_code in {415, 422}
    assert await kept(store) == 0


async def test_an_unknown_path_and_a_wrong_method_are_problems_too(client):
    for path in ("/v2/messages", "/v1/messages/", "/v1/messages//", "/"):
        assert (await client.get(path)).status_code == 404
    answer = await client.delete("/v1/messages")
    assert answer.status_code == 405
    assert answer.headers["allow"] in {"GET", "POST"}


async def test_a_store_that_fails_is_503_and_the_request_may_be_repeated(client, store, monkeypatch):
    async def fail(*_, **__):
        raise StoreUnusable("the database failed: database or disk is full")

    order = {"to": TO, "text": "hi"}
    with monkeypatch.context() as broken:
        broken.setattr(store, "add", fail)
        answer = await client.post("/v1/messages", json=order, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 503
        assert answer.json()["title"] == "The store cannot be used"
    assert (await client.post("/v1/messages", json=order, headers={"Idempotency-Key": "k"})).status_code == 202
    assert await kept(store) == 1


SECRETS = ("+79160000042", "a very secret text")


@pytest.mark.parametrize(
    "body",
    [
        {"to": SECRETS[0], "text": SECRETS[1], "priority": 9},
        {"to": SECRETS[0], "text": [SECRETS[1]]},
        {"to": [SECRETS[0]], "text": SECRETS[1]},
        {"to": SECRETS[0], "text": SECRETS[1], "coding": SECRETS[1]},
        {"to": SECRETS[0], "text": SECRETS[1], "content": {"kind": "sms", "message": SECRETS[1]}},
        {"to": SECRETS[0], "content": {"kind": SECRETS[1]}},
        {"to": SECRETS[0], "content": {"kind": "tgm", "code": SECRETS[1]}},
        {"to": SECRETS[0], "content": {"kind": "call", "message": SECRETS[1], "voice": SECRETS[1]}},
        {"to": SECRETS[0], "content": {"kind": "mail", "message": 5, "subject": SECRETS[1]}},
        {"to": SECRETS[0] + "0" * 10, "text": SECRETS[1]},
        {"to": SECRETS[0] + "x", "text": SECRETS[1]},
        {"to": SECRETS[0], "text": SECRETS[1], "source": SECRETS[0] + "y"},
        {"to": SECRETS[0], "text": SECRETS[1] + "ё", "coding": "gsm7"},
        {"to": SECRETS[0], "text": SECRETS[1] + "\0"},
        {"to": SECRETS[0], "text": SECRETS[1], "comment": SECRETS[1] + "\n~~~\n"},
        {"to": SECRETS[0], "text": SECRETS[1], "client_reference": SECRETS[1] + "\n"},
        {"to": SECRETS[0], "text": SECRETS[1] * 3000},
        {"to": SECRETS[0], "text": SECRETS[1], "flash": SECRETS[1]},
    ],
)
@pytest.mark.parametrize("batch", [False, True])
async def test_no_error_repeats_a_text_or_a_number(client, body, batch):
    path, sent = ("/v1/batches", {"messages": [body]}) if batch else ("/v1/messages", body)
    answer = await client.post(path, json=sent)
    assert answer.status_code in {413, 422}
    for secret in (*SECRETS, SECRETS[0].lstrip("+")):
        assert secret not in answer.text


async def test_an_unknown_key_is_told_back_only_so_far(client):
    for body in ({"x" * 5000: 1}, {"to": TO, "content": {"kind": "mail", "y" * 5000: 1}}):
        answer = await client.post("/v1/messages", json=body)
        assert answer.status_code == 422  # the client checks the length of what it said


TEXTS = st.text(st.characters(exclude_categories=())) | st.text("\0\ud800\udfff€Ж\n~", max_size=10)
SCALARS = st.none() | st.booleans() | st.integers() | st.sampled_from([10**400, -(10**30), 1e308]) | st.floats() | TEXTS
ANY = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
CONTENTS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["sms", "mail", "call", "viber", "soc", "tgm", "bot", "hlr", "ping"]) | ANY},
    optional=dict.fromkeys(("message", "subject", "voice", "language", "param", "code", "bot_name"), ANY)
    | {"\ud800": ANY},
)
ORDERS = st.fixed_dictionaries(
    {"to": st.just(TO) | ANY},
    optional={
        "text": TEXTS | ANY,
        "content": CONTENTS | ANY,
        **dict.fromkeys(("source", "comment", "client_reference", "coding", "flash", "priority", "link"), ANY),
        "coding": st.sampled_from(["gsm7", "latin1", "ucs2", "binary"]) | ANY,
        "comment": TEXTS | ANY,
        "\ud800": ANY,
    },
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["/v1/messages", "/v1/batches", "/v1/lookups"]),
    ORDERS | st.fixed_dictionaries({"messages": st.lists(ORDERS, max_size=3) | ANY}) | ANY,
)
@example("/v1/messages", {"to": TO, "content": {"kind": "mail", "\ud800": 1}})
@example("/v1/messages", {"to": TO, "text": "\ud800"})
@example("/v1/messages", {"to": TO, "text": "\0"})
@example("/v1/messages", {"to": TO, "text": "x", "link": "\0\ud800"})
@example("/v1/messages", {"\ud800": 1})
@example("/v1/lookups", {"to": ["\ud800", "\0"]})
@example("/v1/messages", {"to": TO, "text": "x", "priority": 10**400})
async def test_no_body_whatever_is_our_fault(client, path, body):
    answer = await client.post(path, content=json.dumps(body).encode(), headers=JSON)
    assert answer.status_code in {202, 400, 413, 422}
    if answer.status_code == 422:
        assert answer.json()["field"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
async def test_no_octets_whatever_are_our_fault(client, octets):
    answer = await client.post("/v1/messages", content=octets, headers=JSON)
    assert answer.status_code in {400, 422}


PATHS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=50)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PATHS, st.dictionaries(st.sampled_from(["status", "after", "limit"]), PATHS, max_size=3))
@example("\0", {"after": "\0"})
@example("/", {})
@example("x" * 5000, {"limit": "9" * 5000})
async def test_no_question_whatever_is_our_fault(client, reference, query):
    from urllib.parse import quote

    for folder in ("messages", "lookups"):
        answer = await client.get(f"/v1/{folder}/{quote(reference, safe='')}")
        # A client takes a dot or two for the folder itself.
        assert answer.status_code in ({200, 404, 405} if reference in {".", ".."} else {200, 404})
    assert (await client.get("/v1/messages", params=query)).status_code in {200, 404, 422}


@pytest.mark.parametrize("kind", [{}, {"content-type": "application/x-www-form-urlencoded"}])
async def test_json_that_is_not_said_to_be_json_is_told_so(client, kind):
    answer = await client.post("/v1/messages", content=b'{"to": "79161234567", "text": "Hello"}', headers=kind)
    assert (answer.status_code, answer.json()["field"]) == (422, "Content-Type")
    assert answer.json()["allowed"] == "application/json"


async def test_a_field_that_is_not_known_is_told_in_plain_words(client):
    answer = await client.post("/v1/messages", json={"to": "79161234567", "txt": "Hello"})
    assert (answer.status_code, answer.json()["detail"]) == (422, "txt: there is no such field")
