"""Events over HTTP: pages, and streams over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta

import httpx2
import jsonschema
import pytest

from smpp_esme.daemon.gateway import Gateway
from smpp_esme.errors import StoreOutage
from smpp_esme.message.message import Accepted, Answer, ReceiptFact
from smpp_esme.message.received import Received
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import Store
from smpp_esme.web.app import create_app
from smpp_esme.web.auth import Caller, Scope, digest
from smpp_esme.web.events import Streams
from smpp_esme.web.server import Options, listen, serve

PATIENCE = 20.0
AT = datetime(2026, 1, 1, tzinfo=UTC)
MEDIA_TYPE = "text/event-stream"


@pytest.fixture
def submit(gateway):
    from smpp_esme.daemon.orders import Order
    from smpp_esme.sms.envelope import Sms

    async def submitted(number=0, **order):
        return await gateway.submit(Order(to=f"+7916123{number:04}", content=Sms(f"text {number}"), **order))

    return submitted


def received(reference, text):
    return Received(
        reference=reference, link="main", source_addr="79160000001", destination_addr="1234", text=text,
        coding="gsm7", data_coding=0, received_at=AT,
    )  # fmt: skip


async def come(store, number):
    await store.inbox.keep([received(f"CAME{number}", f"text {number}")])


async def deliver(store):
    """What a link would do with all that is queued."""
    soon = datetime.now(UTC) + timedelta(minutes=1)
    claimed = await store.claim(100, link="main", owner="daemon", lease_until=soon)
    await store.record_answers([Answer(one.id, 1, Accepted(f"m{one.id}")) for one in claimed], AT)
    facts = [
        ReceiptFact(
            link="main", message_id=f"m{one.id}", source_addr=one.destination_addr, error="000",
            message_status=MessageStatus.DELIVERED, received_at=AT,
        )
        for one in claimed
    ]  # fmt: skip
    await store.record_receipts(facts, AT)


# Pages


async def test_events_are_paged(client, store, submit):
    first = await submit(1)
    await deliver(store)
    page = (await client.get("/v1/events", params={"limit": 3})).json()
    assert [one["type"] for one in page["events"]] == ["message.queued", "message.submitting", "message.submitted"]
    assert page["more"] is True
    rest = (await client.get("/v1/events", params={"after": page["after"]})).json()
    assert [one["type"] for one in rest["events"]] == ["message.delivered"]
    assert rest["events"][0]["data"]["reference"] == first.reference
    assert rest["events"][0]["data"]["error"] == "000"
    assert rest["more"] is False
    assert (await client.get("/v1/events", params={"after": rest["after"]})).json()["events"] == []


async def test_pages_may_be_of_some_events_only(client, store, submit):
    first, second = await submit(1), await submit(2)
    await deliver(store)
    await come(store, 1)

    async def types(**query):
        return [one["type"] for one in (await client.get("/v1/events", params=query)).json()["events"]]

    assert await types(type="message.received") == ["message.received"]
    assert await types(type=["message.delivered", "message.received"]) == [
        *["message.delivered"] * 2,
        "message.received",
    ]
    assert await types(reference=second.reference, type="message.queued") == ["message.queued"]
    assert len(await types(reference=first.reference)) == 4
    assert await types(link="plain") == []


@pytest.mark.parametrize(
    ("query", "field"), [({"type": "message.gone"}, "type"), ({"after": 7}, "after"), ({"after": "x"}, "after")]
)
async def test_a_question_that_makes_no_sense_is_refused(client, query, field):
    answer = await client.get("/v1/events", params=query)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_the_events_of_a_message_that_is_not_kept_are_not_found(client):
    assert (await client.get("/v1/events", params={"reference": "NOBODY"})).status_code == 404


async def test_every_event_is_as_the_description_says(app, client, store, submit):
    await submit(1)
    await deliver(store)
    await come(store, 1)
    described = app.openapi()
    page = described["paths"]["/v1/events"]["get"]["responses"]["200"]["content"]["application/json"]
    schema = page["schema"] | {"components": described["components"]}
    told = (await client.get("/v1/events")).json()
    assert told["events"]
    validator = jsonschema.Draft202012Validator(schema)
    assert [*validator.iter_errors(told), *validator.iter_errors(page["example"])] == []


# Streams


class Stream:
    """A client of an event stream, over a socket, which reads no further than it is asked to."""

    def __init__(self, port):
        self.port = port

    async def begin(self, path="/v1/events", **headers):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        named = {"host": "daemon", "accept": MEDIA_TYPE} | {k.replace("_", "-"): v for k, v in headers.items()}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        self.status = int(head.split()[1])
        self.head = head
        return self

    async def frame(self):
        """The next frame, as its fields; None at the end."""
        async with asyncio.timeout(PATIENCE):
            size = int(await self.reader.readline(), 16)
            chunk = await self.reader.readexactly(size + 2)
        self.frames = [
            dict(line.split(": ", 1) for line in frame.split("\n"))
            for frame in chunk[:-2].decode().split("\n\n")
            if frame
        ]
        return self.frames if size else None

    async def events(self, count):
        """The next so many events, whatever else comes in between."""
        found = []
        while len(found) < count:
            found += [one for one in await self.frame() if "data" in one]
        return found

    def end(self):
        self.writer.transport.abort()


@pytest.fixture
async def follow():
    """Begins to follow a stream: `await follow(port, path, last_event_id="7")`."""
    begun = []

    async def following(port, path="/v1/events", **headers):
        begun.append(Stream(port))
        return await begun[-1].begin(path, **headers)

    yield following
    for one in begun:
        one.end()


@pytest.fixture
async def serving(gateway):
    """Serves the gateway on a free port: its port."""
    running = []

    async def served(gateway=gateway, *, limit=10, heartbeat=1000.0, patience=30.0, callers=None):
        app = create_app(gateway, body_limit=1024, streams=Streams(limit, heartbeat), callers=callers)
        listener = listen("127.0.0.1", 0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)  # so that little is under way
        running.append(asyncio.create_task(serve(app, listener, Options(patience=patience))))
        return listener.getsockname()[1]

    yield served
    gateway.stop()
    for one in running:
        one.cancel()
        await asyncio.wait([one])


async def test_what_happens_is_told_as_it_happens(follow, serving, store, submit):
    await submit(1)
    stream = await follow(await serving())
    assert stream.status == 200
    assert f"content-type: {MEDIA_TYPE}" in stream.head
    (begin,) = await stream.frame()
    assert begin == {"retry": "2000", "id": "1"}
    second = await submit(2)
    await come(store, 1)
    queued, came = await stream.events(2)
    assert (queued["id"], queued["event"]) == ("2", "message.queued")
    told = json.loads(queued["data"])
    assert (told["id"], told["type"], told["data"]["reference"]) == (2, "message.queued", second.reference)
    assert json.loads(came["data"])["data"]["text"] == "text 1"


async def test_a_stream_that_is_cut_goes_on_where_it_was_without_gap_or_repetition(follow, serving, store, submit):
    port = await serving()
    first = await follow(port)
    await first.frame()
    await submit(1)
    (last,) = await first.events(1)
    first.end()
    await submit(2)
    second = await follow(port, last_event_id=last["id"])
    await submit(3)
    found = await second.events(2)
    assert [one["id"] for one in found] == ["2", "3"]


async def test_a_stream_that_is_cut_before_its_first_event_knows_where_to_go_on(follow, serving, store, submit):
    await submit(1)
    port = await serving()
    first = await follow(port)
    (begin,) = await first.frame()
    first.end()
    await submit(2)
    second = await follow(port, last_event_id=begin["id"])
    assert [one["id"] for one in await second.events(1)] == ["2"]


async def test_a_stream_goes_on_across_a_restart(follow, serving, path, submit, store, gateway):
    first = await follow(await serving(), "/v1/events?after=0")
    await submit(1)
    (last,) = await first.events(1)
    gateway.stop()
    while await first.frame() is not None:
        pass
    await store.close()
    async with await Store.open(f"sqlite:///{path}", synchronous="NORMAL") as reopened:
        again = Gateway(reopened, gateway._router, lambda: None)
        await come(reopened, 1)
        stream = await follow(await serving(again), last_event_id=last["id"])
        (event,) = await stream.events(1)
        assert (event["id"], event["event"]) == ("2", "message.received")
        again.stop()


async def test_a_stream_may_be_of_some_events_only_and_its_place_moves_on_all_the_same(follow, serving, store, submit):
    port = await serving(heartbeat=0.01)
    stream = await follow(port, "/v1/events?type=message.received&link=main")
    await submit(1)
    await deliver(store)
    while (await stream.frame())[0] != {"": "", "id": "4"}:
        pass
    await come(store, 1)
    assert [one["event"] for one in await stream.events(1)] == ["message.received"]


async def test_a_stream_without_events_says_that_it_is_there(follow, serving):
    stream = await follow(await serving(heartbeat=0.01))
    await stream.frame()
    assert [await stream.frame() for _ in range(2)] == [[{"": "", "id": "0"}]] * 2


async def test_a_backlog_is_streamed_in_order(follow, serving, store, submit):
    for number in range(3):
        await submit(number)
    await deliver(store)
    stream = await follow(await serving(), "/v1/events?after=2")
    found = await stream.events(10)
    assert [int(one["id"]) for one in found] == list(range(3, 13))


@pytest.mark.parametrize("last", ["x", "-1", "99", str(1 << 63)])
async def test_a_place_that_makes_no_sense_is_refused(follow, serving, last):
    stream = await follow(await serving(), last_event_id=last)
    assert stream.status == 422


async def test_too_many_streams_are_refused_until_one_ends(follow, serving):
    port = await serving(limit=1)
    first = await follow(port)
    assert (await follow(port)).status == 429
    first.end()
    async with asyncio.timeout(PATIENCE):
        while (await follow(port)).status != 200:
            pass


async def test_no_more_are_opened_than_may_be_however_many_ask_at_once(follow, serving, store, monkeypatch):
    """Between the question whether there is room and the stream lies the store, which may be slow, or fail."""
    port, asked, go_on = await serving(limit=1), [], asyncio.Event()
    end = store.feed.end

    async def slow():
        asked.append(len(asked))
        if len(asked) == 3:
            go_on.set()
        await go_on.wait()
        return await end()

    async def failing():
        raise StoreOutage("the disk is full")

    monkeypatch.setattr(store.feed, "end", failing)
    assert [one.status for one in await asyncio.gather(*[follow(port) for _ in range(3)])] == [503] * 3
    monkeypatch.setattr(store.feed, "end", slow)
    streams = await asyncio.gather(*[follow(port) for _ in range(3)])
    assert sorted(one.status for one in streams) == [200, 429, 429]


async def test_a_daemon_that_stops_ends_its_streams_and_opens_no_others(follow, serving, gateway):
    port = await serving()
    stream = await follow(port)
    await stream.frame()
    gateway.stop()
    assert await stream.frame() is None
    assert (await follow(port)).status == 503


async def test_only_a_key_that_may_read_may_follow(follow, serving):
    callers = {
        digest("reader"): Caller("reader", scopes=[Scope.READ]),
        digest("sender"): Caller("sender", scopes=[Scope.SUBMIT]),
    }
    port = await serving(callers=callers)
    assert (await follow(port)).status == 401
    assert (await follow(port, authorization="Bearer sender")).status == 403
    assert (await follow(port, authorization="Bearer reader")).status == 200


async def test_a_reader_that_does_not_read_holds_one_page_and_is_cut_off(serving, store, monkeypatch):
    """The store is not read ahead of him, however much there is; and in the end he loses the connection."""
    await store.inbox.keep([received(f"LONG{number}", "x" * 40_000) for number in range(60)])
    reads, begun = [], asyncio.Event()
    read = store.feed.page

    async def one_by_one(after, selection, *, limit):
        reads.append(after)
        if len(reads) == 2:  # the first is the question's own
            begun.set()
        return await read(after, selection, limit=1)

    monkeypatch.setattr(store.feed, "page", one_by_one)
    port = await serving(patience=0.2)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, ("127.0.0.1", port))
        head = b"GET /v1/events?after=0 HTTP/1.1\r\nhost: daemon\r\naccept: text/event-stream\r\n\r\n"
        await loop.sock_sendall(deaf, head)
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
            (streaming,) = [one for one in asyncio.all_tasks() if one.get_name() == "event stream"]
            await asyncio.wait([streaming])
        assert len(reads) < 10


async def test_following_costs_nothing_when_nobody_does(store, submit):
    looks = []
    store.feed._look = lambda: looks.append(1)
    await submit(1)
    assert looks == []


async def test_a_failing_store_ends_a_stream_and_says_so_in_the_log(follow, serving, gateway, caplog, monkeypatch):
    from smpp_esme.errors import StoreUnusable

    stream = await follow(await serving())
    await stream.frame()

    async def broken(*_, **__):
        raise StoreUnusable("no disk")

    monkeypatch.setattr(gateway.events._feed, "page", broken)
    gateway.events._feed.committed(1, 0.0)
    assert await stream.frame() is None
    assert [one.getMessage() for one in caplog.records] == ["events.stream_ended"]


async def test_a_browser_asks_for_both(serving):
    """What says that it takes a stream gets one, whatever else it takes."""
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{await serving()}/v1/events", headers={"accept": "*/*"})
    assert answer.headers["content-type"] == "application/json"
