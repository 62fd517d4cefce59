from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from smpp_esme.errors import StoreUnusable
from smpp_esme.message.message import Accepted, Answer, ReceiptFact, Unanswered
from smpp_esme.message.status import MessageStatus
from smpp_esme.sms.content import KINDS

TO = "+79161234567"
CONTENTS = [
    {"kind": "sms", "message": "hello"},
    {"kind": "mail", "message": "The report is ready.", "subject": "Report"},
    {"kind": "call", "message": "Your code is 4", "voice": "w2", "language": "en", "param": "22,20,5"},
    {"kind": "viber", "message": "hello"},
    {"kind": "soc", "message": "hello"},
    {"kind": "tgm", "code": "481516"},
    {"kind": "bot", "message": "hello", "bot_name": "acme_help_bot"},
    {"kind": "hlr"},
    {"kind": "ping"},
    {"kind": "binary", "octets": "AQID", "header": "BgUEC4Qj8A=="},
    {"kind": "binary-hex", "digits": "0605040B8423F0DC0601AE"},
    {"kind": "wap-push", "message": "Your parcel is here", "url": "https://example.com/"},
]


async def in_doubt(client, store):
    """A message whose submit_sm went unanswered."""
    told = (await client.post("/v1/messages", json={"to": TO, "text": "hello"})).json()
    now = datetime.now(UTC)
    [claimed] = await store.claim(1, link="main", owner="daemon", lease_until=now + timedelta(minutes=1))
    await store.record_answers([Answer(claimed.id, 1, Unanswered(written=True))], now)
    return told["reference"]


async def test_how_the_segments_stand_is_told_one_by_one_and_together(client, store):
    told = (await client.post("/v1/messages", json={"to": TO, "text": "long " * 40})).json()
    assert told["segments"] == 2
    now = datetime.now(UTC)
    [claimed] = await store.claim(1, link="main", owner="daemon", lease_until=now + timedelta(minutes=1))
    answers = [Answer(claimed.id, 1, Accepted("1")), Answer(claimed.id, 2, Unanswered(written=True))]
    await store.record_answers(answers, now)
    found = (await client.get(f"/v1/messages/{told['reference']}")).json()
    assert (found["status"], found["segment_statuses"]) == ("IN_DOUBT", ["SUBMITTED", "IN_DOUBT"])
    assert found["aggregate"] == {"all": None, "any": "SUBMITTED", "worst": "IN_DOUBT"}


async def references(client):
    return [one["reference"] for one in (await client.get("/v1/messages")).json()["messages"]]


async def test_202_is_answered_when_the_row_is_on_disk(client, path):
    answer = await client.post("/v1/messages", json={"to": TO, "text": "Привет", "client_reference": "order 1057"})
    assert answer.status_code == 202
    told = answer.json()
    with closing(sqlite3.connect(path)) as another_process:
        row = another_process.execute(
            "select status, text, client_reference from message where reference = ?", [told["reference"]]
        ).fetchone()
    assert row == ("QUEUED", "Привет", "order 1057")
    assert told | {"reference": "", "created_at": ""} == {
        "reference": "",
        "client_reference": "order 1057",
        "kind": "sms",
        "to": "79161234567",
        "source": "DEMO",
        "link": "main",
        "pinned": False,
        "data_coding": 8,
        "segments": 1,
        "message_ids": [None],
        "vendor": [None],
        "status": "QUEUED",
        "segment_statuses": ["QUEUED"],
        "aggregate": {"all": "QUEUED", "any": "QUEUED", "worst": "QUEUED"},
        "duplicates": 0,
        "error": None,
        "error_meaning": None,
        "created_at": "",
        "submitted_at": None,
        "final_at": None,
    }


async def test_202_is_not_answered_before_the_transaction_ends(client, store, monkeypatch):
    add, seen = store.add, []

    async def watched(messages):
        seen.append("asked")
        kept = await add(messages)
        seen.append("committed")
        return kept

    monkeypatch.setattr(store, "add", watched)
    answer = await client.post("/v1/messages", json={"to": TO, "text": "hi"})
    assert (answer.status_code, seen) == (202, ["asked", "committed"])


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: content["kind"])
async def test_every_kind_can_be_submitted(client, content):
    answer = await client.post("/v1/messages", json={"to": TO, "content": content})
    assert answer.status_code == 202
    assert answer.json()["kind"] == content["kind"]


def test_there_is_no_other_kind():
    assert {content["kind"] for content in CONTENTS} == set(KINDS)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"to": ""}, "to"),
        ({"to": "7" * 65}, "to"),
        ({"to": "not a number"}, "to"),
        ({"to": 79161234567}, "to"),
        ({"to": None}, "to"),
        ({"text": None}, "text"),
        ({"text": 5}, "text"),
        ({"text": "x" * 40_001}, "text"),
        ({"text": "x" * 39_900}, "text"),
        ({"text": "nul\0"}, "text"),
        ({"text": "ё", "coding": "gsm7"}, "text"),
        ({"content": {"kind": "sms", "message": "and a text"}}, "text"),
        ({"text": None, "content": "x"}, "content"),
        ({"text": ""}, "text"),
        ({"text": None, "content": {"kind": "fax"}}, "content.kind"),
        ({"text": None, "content": {"kind": "sms", "message": ""}}, "content.message"),
        ({"text": "__HLR__"}, "text"),
        ({"text": None, "content": {"kind": "sms", "message": "__HLR__"}}, "content.message"),
        ({"text": None, "content": {"kind": "viber", "message": "x" * 39_900}}, "content.message"),
        ({"text": None, "content": {"kind": "wap-push", "message": "a", "url": "x:y"}, "comment": "x"}, "comment"),
        ({"text": None, "content": {"kind": "mail", "message": "a", "subject": "b"}, "flash": True}, "flash"),
        ({"text": None, "content": {"kind": "binary", "octets": "*"}}, "content.octets"),
        ({"text": None, "content": {"kind": "binary-hex", "digits": "0"}}, "content.digits"),
        ({"text": None, "content": {"kind": "wap-push", "message": "a", "url": "example"}}, "content.url"),
        ({"text": None, "content": {"kind": "tgm", "code": "12"}}, "content.code"),
        ({"text": None, "content": {"kind": "tgm"}}, "content.code"),
        ({"text": None, "content": {"kind": "hlr", "message": "x"}}, "content.message"),
        ({"text": None, "content": {"kind": "mail", "message": "x", "subject": 5}}, "content.subject"),
        ({"source": "much too long a sender"}, "source"),
        ({"source": "a name with $$"}, "source"),
        ({"comment": "x" * 1001}, "comment"),
        ({"comment": "\n~~~\n"}, "comment"),
        ({"client_reference": ""}, "client_reference"),
        ({"client_reference": "x" * 129}, "client_reference"),
        ({"coding": "ebcdic"}, "coding"),
        ({"flash": "perhaps"}, "flash"),
        ({"flash": "yes"}, "flash"),
        ({"priority": "3"}, "priority"),
        ({"priority": 4}, "priority"),
        ({"priority": -1}, "priority"),
        ({"priority": 1.5}, "priority"),
        ({"link": "nowhere"}, "link"),
        ({"tetx": "hello"}, "tetx"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_kept(client, wrong, field):
    order = {"to": TO, "text": "hello"}
    answer = await client.post("/v1/messages", json=order | wrong)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    batch = {"messages": [order, order | wrong]}
    answer = await client.post("/v1/batches", json=batch)
    assert (answer.status_code, answer.json()["field"]) == (422, f"messages.1.{field}")
    assert await references(client) == []


@pytest.mark.parametrize("field", ["to", "text"])
async def test_a_missing_field_is_named(client, field):
    order = {"to": TO, "text": "hello"}
    del order[field]
    assert (await client.post("/v1/messages", json=order)).json()["field"] == field


@pytest.mark.parametrize("key", ["", "k" * 121, "nul\0"])
async def test_a_wrong_idempotency_key_is_named(client, key):
    answer = await client.post("/v1/messages", json={"to": TO, "text": "x"}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


async def test_a_repeat_under_its_key_gets_the_same_answer(client):
    order, headers = {"to": TO, "text": "hello"}, {"Idempotency-Key": "k" * 120}
    first = await client.post("/v1/messages", json=order, headers=headers)
    again = await client.post("/v1/messages", json=order, headers=headers)
    assert (again.status_code, again.json()) == (202, first.json())
    other = await client.post("/v1/messages", json=order | {"text": "bye"}, headers=headers)
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")
    assert len(await references(client)) == 1


async def test_a_batch_is_kept_in_order_and_repeated_under_its_key(client):
    batch = {"messages": [{"to": TO, "text": f"number {number}"} for number in range(20)]}
    headers = {"Idempotency-Key": "k" * 120}
    first = await client.post("/v1/batches", json=batch, headers=headers)
    again = await client.post("/v1/batches", json=batch, headers=headers)
    assert first.status_code == again.status_code == 202
    assert again.json() == first.json()
    assert [one["reference"] for one in first.json()["messages"]] == await references(client)


async def test_a_batch_is_not_empty(client):
    answer = await client.post("/v1/batches", json={"messages": []})
    assert (answer.status_code, answer.json()["field"]) == (422, "messages")


async def test_a_message_is_told_as_it_stands(client, store):
    reference = (await client.post("/v1/messages", json={"to": TO, "text": "x" * 200})).json()["reference"]
    now = datetime.now(UTC)
    (claimed,) = await store.claim(1, link="main", owner="me", lease_until=now + timedelta(minutes=1))
    told = (await client.get(f"/v1/messages/{reference}")).json()
    assert (told["status"], told["segments"], told["message_ids"]) == ("SUBMITTING", 2, [None, None])
    await store.record_answers([Answer(claimed.id, n, Accepted(f"10{n}")) for n in (1, 2)], now)
    told = (await client.get(f"/v1/messages/{reference}")).json()
    assert (told["status"], told["message_ids"], told["final_at"]) == ("SUBMITTED", ["101", "102"], None)
    assert datetime.fromisoformat(told["submitted_at"]) == now
    facts = [
        ReceiptFact(
            link="main",
            message_id=f"10{n}",
            message_status=MessageStatus.UNDELIVERABLE,
            error="001",
            error_meaning="unknown subscriber",
            received_at=now,
        )
        for n in (1, 2)
    ]
    await store.record_receipts(facts, now)
    told = (await client.get(f"/v1/messages/{reference}")).json()
    assert (told["status"], told["error"], told["error_meaning"]) == ("UNDELIVERABLE", "001", "unknown subscriber")
    assert told["final_at"]
    assert (await client.get("/v1/stats")).json()["UNDELIVERABLE"] == 1


async def test_a_lookup_is_told_with_its_record_once_there_is_one(client, store):
    answer = await client.post("/v1/lookups", json={"to": [TO, "+79161234568"]})
    assert answer.status_code == 202
    first, second = answer.json()["lookups"]
    assert (first["to"], first["kind"], first["status"], first["record"]) == ("79161234567", "hlr", "QUEUED", None)
    now = datetime.now(UTC)
    claimed = await store.claim(2, link="main", owner="me", lease_until=now + timedelta(minutes=1))
    await store.record_answers([Answer(one.id, 1, Accepted(str(n))) for n, one in enumerate(claimed)], now)
    record = {"msisdn": "79161234567", "imsi": "250011234567890", "country": "Russian Federation"}
    fact = ReceiptFact(link="main", message_id="0", message_status=MessageStatus.DELIVERED, hlr=record, received_at=now)
    await store.record_receipts([fact], now)
    told = (await client.get(f"/v1/lookups/{first['reference']}")).json()
    assert (told["status"], told["record"]) == ("DELIVERED", record)
    assert (await client.get(f"/v1/lookups/{second['reference']}")).json()["record"] is None


async def test_a_ping_is_a_lookup(client):
    (told,) = (await client.post("/v1/lookups", json={"to": [TO], "ping": True})).json()["lookups"]
    assert told["kind"] == "ping"
    assert (await client.get(f"/v1/lookups/{told['reference']}")).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"to": []}, "to"),
        ({"to": TO}, "to"),
        ({"to": [TO, "7a"]}, "to.1"),
        ({"to": ["7" * 16]}, "to.0"),
        ({"to": ["7" * 65]}, "to.0"),
        ({"to": [TO, 7]}, "to.1"),
        ({"to": [TO], "ping": 5}, "ping"),
        ({"to": [TO], "link": "nowhere"}, "link.0"),
        ({"to": [TO], "text": "x"}, "text"),
        ({}, "to"),
    ],
)
async def test_a_wrong_lookup_is_refused_whole_by_field(client, body, field):
    answer = await client.post("/v1/lookups", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert await references(client) == []


async def test_a_lookup_is_a_message_but_a_message_is_no_lookup(client):
    message = (await client.post("/v1/messages", json={"to": TO, "text": "hi"})).json()["reference"]
    (lookup,) = (await client.post("/v1/lookups", json={"to": [TO]})).json()["lookups"]
    assert (await client.get(f"/v1/messages/{lookup['reference']}")).status_code == 200
    assert (await client.get(f"/v1/lookups/{message}")).status_code == 404


@pytest.mark.parametrize("folder", ["messages", "lookups"])
async def test_an_unknown_reference_is_404(client, folder):
    for reference in ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense", "%00", "%ED%A0%80", "1 or 1=1", "x" * 3000):
        answer = await client.get(f"/v1/{folder}/{reference}")
        assert answer.status_code == 404


async def test_messages_come_in_pages(client):
    batch = {"messages": [{"to": TO, "text": f"number {number}"} for number in range(7)]}
    kept = [one["reference"] for one in (await client.post("/v1/batches", json=batch)).json()["messages"]]
    found, after = [], {}
    while page := (await client.get("/v1/messages", params={"limit": 3} | after)).json()["messages"]:
        assert len(page) <= 3
        found += [one["reference"] for one in page]
        after = {"after": page[-1]["reference"]}
    assert found == kept
    queued = await client.get("/v1/messages", params={"status": "QUEUED", "after": kept[4]})
    assert [one["reference"] for one in queued.json()["messages"]] == kept[5:]
    assert (await client.get("/v1/messages", params={"status": "FAILED"})).json() == {"messages": [], "next": None}


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({"limit": 0}, 422, "limit"),
        ({"limit": 1001}, 422, "limit"),
        ({"limit": "9" * 30}, 422, "limit"),
        ({"limit": "many"}, 422, "limit"),
        ({"status": "LOST"}, 422, "status"),
        ({"after": "x" * 65}, 422, "after"),
        ({"after": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, 404, None),
        ({"after": "\0"}, 404, None),
        ({"since": "yesterday"}, 422, "since"),
        ({"until": "2026-01-01T00:00:00"}, 422, "until"),  # of what zone?
        ({"sincee": "2026-01-01T00:00:00Z"}, 422, "sincee"),
    ],
)
async def test_a_wrong_page_is_refused(client, query, status, field):
    answer = await client.get("/v1/messages", params=query)
    assert (answer.status_code, answer.json().get("field")) == (status, field)


async def test_health_tells_which_links_are_bound(client, bound):
    assert (await client.get("/healthz")).json() == {"status": "ok", "links": {"main": True, "plain": False}}
    bound["main"] = False
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()["links"]["main"]) == (200, False)


async def test_the_text_stays_in_the_store(client):
    reference = (await client.post("/v1/messages", json={"to": TO, "text": "a secret"})).json()["reference"]
    for path in (f"/v1/messages/{reference}", "/v1/messages", "/v1/stats"):
        assert "a secret" not in (await client.get(path)).text


async def test_a_daemon_is_ready_while_a_link_that_submits_is_bound(client, bound):
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "links": {"main": True, "plain": False}, "routes": {}, "reasons": []}
    bound.update(main=False, plain=True)
    assert (await client.get("/readyz")).json()["ready"]


async def not_ready(client):
    """Why the daemon is not ready."""
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    return answer.json()["reasons"]


async def test_a_daemon_with_no_bound_link_is_not_ready(client, bound):
    bound.update(main=False)
    assert await not_ready(client) == ["no link is bound that messages could go out on"]


async def test_a_daemon_that_stops_is_not_ready(client, gateway):
    gateway.stop()
    assert await not_ready(client) == ["the daemon is stopping"]


async def test_a_daemon_whose_store_fails_is_not_ready(client, store, monkeypatch):
    async def full():
        raise StoreUnusable("database or disk is full")

    monkeypatch.setattr(store, "probe", full)
    assert await not_ready(client) == ["the store cannot be used: database or disk is full"]


async def test_the_description_lists_every_answer_that_can_come(client):
    description = (await client.get("/openapi.json")).json()
    answers = {
        (path, method): set(operation["responses"])
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    }
    body = {"400", "413", "422", "503"}
    assert answers["/v1/messages", "post"] >= {"202"} | body
    assert answers["/v1/batches", "post"] >= {"202"} | body
    assert answers["/v1/lookups", "post"] >= {"202"} | body
    assert answers["/v1/messages", "get"] >= {"200", "404", "422", "503"}
    assert answers["/v1/messages/{reference}", "get"] >= {"200", "404", "503"}
    assert answers["/v1/lookups/{reference}", "get"] >= {"200", "404", "503"}
    for path, operations in description["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status >= "400" and path != "/readyz":
                    (media,) = answer["content"].values()
                    assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert "HTTPValidationError" not in description["components"]["schemas"]


async def test_the_description_says_what_an_error_is_written_as(client):
    description = (await client.get("/openapi.json")).json()
    responses = description["paths"]["/v1/messages"]["post"]["responses"]
    written = {status: list(one["content"]) for status, one in responses.items()}
    assert written.pop("202") == ["application/json"]
    assert set(written) >= {"400", "413", "422", "503"}
    assert all(media == ["application/problem+json"] for media in written.values())
    assert (await client.get("/openapi.json")).json() == description


async def test_a_message_in_doubt_is_sent_again_when_a_person_says_so_and_then_listed(client, store):
    reference = await in_doubt(client, store)
    body = {"decision": "resend", "references": [reference, "unknown"]}
    answer = await client.post("/v1/in-doubt", json=body)
    assert answer.status_code == 200
    assert answer.json() == {"resolved": [{"reference": reference, "moved": True, "status": "QUEUED"}]}
    listed = (await client.get("/v1/possible-duplicates")).json()["messages"]
    assert [(one["reference"], one["duplicates"]) for one in listed] == [(reference, 1)]
    after = await client.get("/v1/possible-duplicates", params={"after": reference})
    assert after.json() == {"messages": []}


async def test_a_decision_about_what_is_not_in_doubt_says_so_and_moves_nothing(client, store):
    reference = await in_doubt(client, store)
    body = {"decision": "fail", "references": [reference]}
    told = [(await client.post("/v1/in-doubt", json=body)).json()["resolved"][0] for _ in range(2)]
    assert [one["moved"] for one in told] == [True, False]
    assert {one["status"] for one in told} == {"FAILED"}


@pytest.mark.parametrize("wrong", [{"decision": "maybe"}, {"references": []}, {"references": ["x"] * 1001}])
async def test_a_decision_that_is_none_is_refused(client, wrong):
    body = {"decision": "sent", "references": ["x"]} | wrong
    answer = await client.post("/v1/in-doubt", json=body)
    assert answer.status_code == 422
    assert answer.json()["field"].startswith(next(iter(wrong)))


async def test_a_messages_own_policy_is_kept(client, store):
    told = (await client.post("/v1/messages", json={"to": TO, "text": "hello", "resubmit": "resend"})).json()
    assert (await store.message(told["reference"])).resubmit == "resend"
