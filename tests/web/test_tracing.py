"""A caller who traces finds our part in its trace, and the messages linked with it."""

from __future__ import annotations

import httpx2
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from smpp_esme.daemon.gateway import Gateway
from smpp_esme.daemon.metrics import Metrics
from smpp_esme.daemon.routing import Outlet, Router
from smpp_esme.daemon.tracing import Tracing
from smpp_esme.errors import StoreUnusable
from smpp_esme.message.message import reference_number
from smpp_esme.sms.profile import Profile
from smpp_esme.web.app import create_app

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
MESSAGE = {"to": "+79161234567", "text": "a secret word"}


@pytest.fixture
def memory():
    return InMemorySpanExporter()


@pytest.fixture
async def client(store, memory):
    metrics = Metrics()
    metrics.tracing = Tracing(SimpleSpanProcessor(memory), resource=Resource.create({}))
    outlet = Outlet(link="main", profile=Profile.named("smsc-centre"), source_addr="DEMO", is_bound=lambda: True)
    gateway = Gateway(store, Router([outlet]), lambda: None, tracing=metrics.tracing)
    app = create_app(gateway, body_limit=65_536, metrics=metrics)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://daemon") as opened:
        yield opened


def by_name(memory):
    return {span.name: span for span in memory.get_finished_spans()}


async def test_a_request_is_a_span_of_its_callers_and_its_message_is_linked_with_it(client, memory):
    answer = await client.post("/v1/messages", json=MESSAGE, headers=SAMPLED)
    assert answer.status_code == 202
    spans = by_name(memory)
    assert set(spans) == {"POST /v1/messages", "accept main"}
    request, accepted = spans["POST /v1/messages"], spans["accept main"]
    assert (request.kind, request.context.trace_id) == (SpanKind.SERVER, int(TRACE, 16))
    assert request.parent.span_id == int(PARENT, 16)
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/messages",
        "http.response.status_code": 202,
    }
    assert accepted.parent is None
    assert accepted.context.trace_id == reference_number(answer.json()["reference"])
    assert [link.context.span_id for link in accepted.links] == [request.context.span_id]
    assert [link.context.span_id for link in request.links] == [accepted.context.span_id]


async def test_each_message_of_a_batch_has_a_trace_of_its_own(client, memory):
    await client.post("/v1/batches", json={"messages": [MESSAGE] * 3}, headers=SAMPLED)
    spans = memory.get_finished_spans()
    [request] = [span for span in spans if span.kind is SpanKind.SERVER]
    accepted = {span.context.span_id for span in spans if span.name == "accept main"}
    assert len({span.context.trace_id for span in spans}) == 4
    assert {link.context.span_id for link in request.links} == accepted


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"traceparent": f"00-{TRACE}-{PARENT}-00"},
        {"traceparent": "00-nonsense"},
        {"traceparent": f"00-{'0' * 32}-{PARENT}-01"},
        {"traceparent": b"\xff" * 100},
    ],
    ids=["none", "not sampled", "malformed", "no trace", "octets"],
)
async def test_a_caller_who_does_not_trace_gets_no_span_and_no_link(client, memory, headers):
    assert (await client.post("/v1/messages", json=MESSAGE, headers=headers)).status_code == 202
    [accepted] = memory.get_finished_spans()
    assert (accepted.name, accepted.links) == ("accept main", ())


async def test_the_next_request_knows_nothing_of_the_one_before(client, memory):
    await client.post("/v1/messages", json=MESSAGE, headers=SAMPLED)
    memory.clear()
    await client.post("/v1/messages", json=MESSAGE)
    [accepted] = memory.get_finished_spans()
    assert accepted.links == ()


async def test_neither_paths_nor_methods_that_a_client_makes_up_are_told(client, memory):
    await client.request("BREW", "/79161234567?text=secret", headers=SAMPLED)
    [span] = memory.get_finished_spans()
    assert (span.name, span.attributes["http.route"]) == ("_OTHER none", "none")
    assert [word for word in ("9161234567", "secret", "BREW") if word in span.to_json()] == []


async def test_a_refused_request_is_a_span_and_no_error_of_ours(client, memory):
    assert (await client.post("/v1/messages", json={"to": "?", "text": "hi"}, headers=SAMPLED)).status_code == 422
    [span] = memory.get_finished_spans()
    assert span.attributes["http.response.status_code"] == 422
    assert span.status.status_code is StatusCode.UNSET


async def test_a_store_that_fails_is_an_error(client, memory, store, monkeypatch):
    async def fail(_):
        raise StoreUnusable("the disk is full")

    monkeypatch.setattr(store, "add", fail)
    assert (await client.post("/v1/messages", json=MESSAGE, headers=SAMPLED)).status_code == 503
    [span] = memory.get_finished_spans()
    assert (span.status.status_code, span.attributes["error.type"]) == (StatusCode.ERROR, "503")
