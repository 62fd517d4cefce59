"""What an operator asks and decides over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from smpp_esme.message.message import Answer, ReceiptFact, Unanswered
from smpp_esme.message.status import MessageStatus

TO = "+79161234567"


async def kept(client, **fields):
    return (await client.post("/v1/messages", json={"to": TO, "text": "a secret"} | fields)).json()["reference"]


@pytest.fixture
async def doubtful(client, store):
    """A message in doubt."""
    reference = await kept(client)
    now = datetime.now(UTC)
    [claimed] = await store.claim(1, link="main", owner="me", lease_until=now + timedelta(minutes=1))
    await store.record_answers([Answer(claimed.id, 1, Unanswered(written=True))], now)
    return reference


@pytest.fixture
async def orphans(store):
    """Three receipts that belong to nobody, one of them of another link."""
    now = datetime.now(UTC)
    facts = [
        ReceiptFact(
            link=link,
            message_id=message_id,
            source_addr="79161234567",
            destination_addr="DEMO",
            message_status=MessageStatus.DELIVERED,
            raw=b"a secret",
            received_at=now,
        )
        for link, message_id in (("main", "A"), ("main", "B"), ("plain", "C"))
    ]
    await store.record_receipts(facts, now)
    return [each.id for each in await store.limbo()]


async def test_limbo_comes_in_pages_and_never_with_a_text(client, orphans):
    answer = await client.get("/v1/limbo", params={"limit": 2})
    page = answer.json()
    assert [one["message_id"] for one in page["receipts"]] == ["A", "B"]
    assert "a secret" not in answer.text
    page = (await client.get("/v1/limbo", params={"limit": 2, "after": page["next"]})).json()
    assert ([one["message_id"] for one in page["receipts"]], page["next"]) == (["C"], None)
    page = (await client.get("/v1/limbo", params={"link": "plain"})).json()
    assert [one["message_id"] for one in page["receipts"]] == ["C"]


async def test_a_receipt_is_given_to_its_message(client, doubtful, orphans):
    answer = await client.post(f"/v1/limbo/{orphans[0]}/attach", json={"reference": doubtful})
    assert answer.json() == {"reference": doubtful, "moved": True, "status": "DELIVERED"}
    assert (await client.get(f"/v1/messages/{doubtful}")).json()["message_ids"] == ["A"]
    again = await client.post(f"/v1/limbo/{orphans[1]}/attach", json={"reference": doubtful})
    assert again.json()["moved"] is False
    assert len((await client.get("/v1/limbo")).json()["receipts"]) == 2


async def test_what_is_not_there_is_404(client, doubtful, orphans):
    for path, reference in ((f"/v1/limbo/{orphans[0]}/attach", "nobody"), ("/v1/limbo/999/attach", doubtful)):
        assert (await client.post(path, json={"reference": reference})).status_code == 404
    for verb in ("cancel", "query"):
        assert (await client.post(f"/v1/messages/nobody/{verb}")).status_code == 404


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 30])
async def test_a_wrong_number_of_a_receipt_is_named(client, doubtful, number):
    answer = await client.post(f"/v1/limbo/{number}/attach", json={"reference": doubtful})
    assert (answer.status_code, answer.json()["field"]) == (422, "id")
    answer = await client.post("/v1/limbo/dismiss", json={"ids": [number]})
    assert (answer.status_code, answer.json()["field"]) == (422, "ids.0")


async def test_dismissed_receipts_are_off_the_list_and_the_count(client, orphans):
    assert (await client.get("/v1/stats")).json()["limbo"] == 3
    assert (await client.post("/v1/limbo/dismiss", json={"ids": orphans[:2]})).json() == {"dismissed": 2}
    assert [one["id"] for one in (await client.get("/v1/limbo")).json()["receipts"]] == orphans[2:]
    everything = (await client.get("/v1/limbo", params={"dismissed": True})).json()["receipts"]
    assert [one["dismissed_at"] is None for one in everything] == [False, False, True]
    assert (await client.get("/v1/stats")).json()["limbo"] == 1


async def test_stats_count_every_status_and_what_goes_nowhere(client, store, new_on, doubtful):
    await store.add([new_on("renamed"), new_on("renamed"), new_on("main")])
    counts = (await client.get("/v1/stats")).json()
    assert counts["stranded"] == {"renamed": 2}
    assert (counts["QUEUED"], counts["IN_DOUBT"], counts["possible_duplicates"]) == (3, 1, 0)
    assert set(MessageStatus) <= counts.keys()
    await client.post("/v1/in-doubt", json={"decision": "resend", "references": [doubtful]})
    assert (await client.get("/v1/stats")).json()["possible_duplicates"] == 1


async def test_what_is_queued_is_cancelled_without_asking_anybody(client):
    reference = await kept(client)
    answer = (await client.post(f"/v1/messages/{reference}/cancel")).json()
    assert (answer["message"]["status"], answer["answers"]) == ("CANCELLED", [])


async def test_a_link_that_is_not_there_is_503(client, store, new_on):
    [message] = await store.add([new_on("renamed")])
    answer = await client.post(f"/v1/messages/{message.reference}/query")
    assert (answer.status_code, answer.json()["title"]) == (503, "The link cannot be used")


async def test_messages_are_looked_for_by_what_is_known_of_them(client):
    first = await kept(client, client_reference="order 1")
    second = await kept(client, to="+79160000001", link="plain")
    cases = [
        ({"to": "+79161234567"}, [first]),
        ({"link": "plain"}, [second]),
        ({"client_reference": "order 1"}, [first]),
        ({"client_reference": "order 2"}, []),
        ({"since": "2026-01-01T00:00:00+03:00"}, [first, second]),
        ({"until": "2026-01-01T00:00:00Z"}, []),
    ]
    for query, references in cases:
        page = (await client.get("/v1/messages", params=query)).json()
        assert ([one["reference"] for one in page["messages"]], page["next"]) == (references, None)
    page = (await client.get("/v1/messages", params={"limit": 1})).json()
    assert page["next"] == first


async def test_a_text_is_explained_and_not_kept(client):
    told = (await client.post("/v1/explain", json={"text": "Привет", "link": "plain"})).json()
    assert (told["coding"], told["segments"], told["left"]) == ("ucs2", 1, 64)
    assert [one["character"] for one in told["forced"]] == list("Привет")
    assert told["transliteration"] is None
    assert (await client.get("/v1/messages")).json()["messages"] == []
    latin = (await client.post("/v1/explain", json={"text": "Привет", "link": "plain", "transliterate": True})).json()
    assert (latin["coding"], latin["text"]) == ("gsm7", "Privet")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "x", "link": "nowhere"}, "link"),
        ({"text": "x", "coding": "ebcdic"}, "coding"),
        ({"text": "x" * 39_999}, "text"),
        ({"text": "x", "to": "7" * 65}, "to"),
    ],
)
async def test_what_cannot_be_explained_is_named(client, body, field):
    answer = await client.post("/v1/explain", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def reroute(client, name, **body):
    return await client.post(f"/v1/links/{name}/reroute", json=body)


async def test_a_queue_is_moved_in_steps_and_what_stays_is_told_with_why(client, store):
    references = [await kept(client) for _ in range(3)]
    await kept(client, link="main")
    await kept(client, comment="for the provider alone")
    first = (await reroute(client, "main", to="plain", limit=2)).json()
    assert (first["moved"], first["left"]) == (2, {})
    rest = (await reroute(client, "main", to="plain", after=first["next"])).json()
    assert rest == {"moved": 1, "left": {"pinned": 1, "unfit": 1}, "next": None}
    assert [(await store.message(one)).link for one in references] == ["plain"] * 3
    assert (await reroute(client, "main", to="plain", pinned=True)).json()["moved"] == 1


async def test_a_queue_of_a_link_that_is_no_more_is_moved(client, store, new_on):
    """Whatever it was called."""
    [known, unknown] = await store.add([replace(new_on("old/link"), wish="{}"), new_on("old/link")])
    answer = await reroute(client, "old%2Flink", to="main")
    assert answer.json() == {"moved": 1, "left": {"unknown": 1}, "next": None}
    assert (await store.message(known.reference)).link == "main"
    assert (await store.message(unknown.reference)).link == "old/link"


async def test_the_last_step_through_a_queue_that_is_empty_by_then_is_no_mistake(client, store, new_on):
    await store.add([replace(new_on("old"), wish="{}") for _ in range(2)])
    first = (await reroute(client, "old", to="main", limit=2)).json()
    assert first["next"]
    last = await reroute(client, "old", to="main", after=first["next"])
    assert (last.status_code, last.json()) == (200, {"moved": 0, "left": {}, "next": None})
    assert (await reroute(client, "old", to="main")).status_code == 404


@pytest.mark.parametrize(
    ("name", "body", "status", "field"),
    [
        ("nowhere", {"to": "main"}, 404, None),
        ("main", {"to": "nowhere"}, 422, "to"),
        ("main", {"to": "main"}, 422, "to"),
        ("main", {"to": "plain", "after": "x"}, 422, "after"),
        ("main", {"to": "plain", "limit": 0}, 422, "limit"),
        ("main", {"to": 1}, 422, "to"),
    ],
)
async def test_what_cannot_be_moved_anywhere_is_named(client, name, body, status, field):
    answer = await reroute(client, name, **body)
    assert (answer.status_code, answer.json().get("field")) == (status, field)
