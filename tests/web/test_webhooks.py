"""Webhooks over HTTP: how they stand, dead letters, and what an operator decides."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from smpp_esme.daemon.endpoints import WebhookSettings
from smpp_esme.daemon.gateway import Gateway
from smpp_esme.daemon.metrics import Metrics
from smpp_esme.daemon.orders import Order
from smpp_esme.daemon.publish import Outcome
from smpp_esme.daemon.signing import new_secret
from smpp_esme.daemon.webhooks import Webhooks
from smpp_esme.errors import ConfigError
from smpp_esme.sms.envelope import Sms
from smpp_esme.web.app import create_app
from smpp_esme.web.auth import Caller, Scope, digest

PATIENCE = 20.0
AT = datetime(2026, 1, 1, tzinfo=UTC)
URL = "https://shop.example/t0k3n"


class Courier:
    """Answers what a test says."""

    def __init__(self):
        self.answer = Outcome(status=204, reason="HTTP 204")
        self.taken = []
        self.heard = asyncio.Condition()

    async def take(self, name, body, *, timestamp):
        async with self.heard:
            self.taken.append((name, body))
            self.heard.notify_all()
        return self.answer

    async def until(self, count):
        async with asyncio.timeout(PATIENCE), self.heard:
            await self.heard.wait_for(lambda: len(self.taken) >= count)


@pytest.fixture
def courier():
    return Courier()


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
async def webhooks(store, courier, metrics):
    @asynccontextmanager
    async def made(_name, _settings):
        yield courier

    settings = WebhookSettings(url=URL, secret=new_secret(), events=("message.queued",), attempts=1, shortest=0.01)
    await store.outbox.claim("former", owner="daemon", start=0, at=AT, until=AT)
    webhooks = Webhooks({"shop": settings}, store, courier=made, owner="daemon", metrics=metrics)
    running = asyncio.create_task(webhooks.run())
    async with asyncio.timeout(PATIENCE):
        while "shop" not in {one.name for one in await store.outbox.endpoints()}:
            await store.feed.news(0.01)
    yield webhooks
    running.cancel()
    await asyncio.wait([running])


@pytest.fixture
def gateway(store, webhooks, gateway):
    return Gateway(store, gateway._router, lambda: None, webhooks)


async def submit(gateway):
    return await gateway.submit(Order(to="+79161234567", content=Sms("hello")))


async def buried(store, count=1):
    async with asyncio.timeout(PATIENCE):
        while len(letters := await store.outbox.dead_letters("shop")) < count:
            await store.feed.news(0.01)
    return letters


async def test_it_is_told_how_each_endpoint_stands_and_nothing_secret(client, gateway, courier):
    courier.answer = Outcome(status=500, reason="HTTP 500")
    await submit(gateway)
    await courier.until(1)
    await buried(gateway._store)
    answer = await client.get("/v1/webhooks")
    former, shop = answer.json()["webhooks"]
    assert (former["name"], former["url"], former["events"]) == ("former", "", [])
    assert (shop["name"], shop["url"], shop["events"]) == ("shop", "https://shop.example", ["message.queued"])
    assert (shop["dead_letters"], shop["failure"], shop["disabled_at"]) == (1, "HTTP 500", None)
    assert "t0k3n" not in answer.text
    assert "whsec_" not in answer.text


async def test_dead_letters_are_looked_through_and_replayed(client, gateway, courier, store):
    courier.answer = Outcome(status=404, reason="HTTP 404")
    kept = await submit(gateway)
    await submit(gateway)
    await buried(store, 2)
    page = (await client.get("/v1/webhooks/shop/dead-letters", params={"limit": 1})).json()["dead_letters"]
    assert [(one["attempts"], one["reason"], one["event"]["data"]["reference"]) for one in page] == [
        (1, "HTTP 404", kept.reference)
    ]
    rest = await client.get("/v1/webhooks/shop/dead-letters", params={"after": page[0]["id"]})
    assert len(rest.json()["dead_letters"]) == 1
    courier.answer = Outcome(status=204, reason="HTTP 204")
    before = len(courier.taken)
    named = await client.post("/v1/webhooks/shop/replay", json={"dead_letters": [page[0]["id"]]})
    assert named.json() == {"replayed": 1}
    await courier.until(before + 1)
    assert (await client.post("/v1/webhooks/shop/replay", json={})).json()["replayed"] >= 1
    await courier.until(before + 2)
    assert {name for name, _ in courier.taken[:2]} == {name for name, _ in courier.taken[before:]}


async def test_a_test_posts_an_event_that_tells_nothing(client, courier, gateway):
    courier.answer = Outcome(reason="cannot connect")
    assert (await client.post("/v1/webhooks/shop/test")).json() == {
        "delivered": False, "status": None, "reason": "cannot connect"
    }  # fmt: skip
    ((name, body),) = courier.taken
    assert name.startswith("test_")
    assert b'"type":"webhook.test"' in body


async def test_an_endpoint_that_was_gone_is_enabled(client, gateway, courier, store):
    courier.answer = Outcome(status=410, reason="HTTP 410")
    await submit(gateway)
    async with asyncio.timeout(PATIENCE):
        while not (await client.get("/v1/webhooks")).json()["webhooks"][1]["disabled_at"]:
            await store.feed.news(0.01)
    courier.answer = Outcome(status=204, reason="HTTP 204")
    answer = await client.post("/v1/webhooks/shop/enable")
    assert answer.json()["webhooks"][1]["disabled_at"] is None
    await courier.until(2)
    assert courier.taken[0] == courier.taken[1]


@pytest.mark.parametrize(
    ("method", "what"), [("GET", "dead-letters"), ("POST", "replay"), ("POST", "test"), ("POST", "enable")]
)
async def test_a_webhook_that_nobody_has_is_not_found(client, gateway, method, what):
    answer = await client.request(method, f"/v1/webhooks/nobody/{what}", json={} if method == "POST" else None)
    assert answer.status_code == 404


async def test_only_an_operator_may_decide(gateway):
    import httpx2

    callers = {digest("reader"): Caller("reader", scopes=[Scope.READ])}
    app = create_app(gateway, body_limit=1024, callers=callers)
    headers = {"authorization": "Bearer reader"}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://daemon", headers=headers
    ) as reader:
        assert (await reader.get("/v1/webhooks")).status_code == 200
        for path in ("replay", "test", "enable"):
            assert (await reader.post(f"/v1/webhooks/shop/{path}", json={})).status_code == 403


async def test_how_far_behind_an_endpoint_is_can_be_measured(gateway, webhooks, courier, metrics):
    courier.answer = Outcome(status=410, reason="HTTP 410")
    await submit(gateway)
    await courier.until(1)
    await submit(gateway)
    async with asyncio.timeout(PATIENCE):
        while True:
            await webhooks.measure()
            text = (await metrics.exposition()).decode()
            if 'smpp_esme_webhook_disabled{endpoint="shop"} 1.0' in text:
                break
    assert 'smpp_esme_webhook_behind_events{endpoint="shop"} 2.0' in text
    assert 'smpp_esme_webhook_dead_letters{endpoint="shop"} 0.0' in text
    (lag,) = [line for line in text.splitlines() if line.startswith("smpp_esme_webhook_lag_seconds{")]
    assert float(lag.split()[1]) > 0


async def test_a_program_that_cannot_deliver_refuses_webhooks(store):
    with pytest.raises(ConfigError, match="cannot deliver"):
        Webhooks({"shop": WebhookSettings(url=URL, secret=new_secret())}, store)
