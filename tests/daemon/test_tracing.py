"""What happens to a message is one trace, whatever restarts in between; and who looks on never holds it up."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode

from smpp_esme.daemon.config import TracingSettings
from smpp_esme.daemon.metrics import Metrics
from smpp_esme.daemon.tracing import Tracing, span_id
from smpp_esme.errors import SessionClosed
from smpp_esme.message.message import new_reference, reference_number
from smpp_esme.message.status import MessageStatus as Status
from smpp_esme.protocol.commands import CommandStatus

TO = "+79161234567"
references = st.builds(new_reference, st.integers(0, 2**48 * 1_000_000 - 1), st.integers(0, 2**80 - 1))


@pytest.fixture(autouse=True)
def exporters_end(monkeypatch):
    """An exporter that tries again in another test's time draws random numbers there, which hypothesis takes ill."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(20)
        assert not thread.is_alive(), thread.name


@pytest.fixture
def memory():
    return InMemorySpanExporter()


@pytest.fixture
def traced(memory):
    """Makes metrics that trace into memory; what a process has."""

    def made(**options):
        metrics = Metrics()
        metrics.tracing = Tracing(SimpleSpanProcessor(memory), resource=Resource.create({}), **options)
        return metrics

    return made


def spans_of(memory, message):
    """The spans of a message's trace, by what they are of."""
    spans = [one for one in memory.get_finished_spans() if one.context.trace_id == reference_number(message.reference)]
    return sorted(spans, key=lambda span: span.start_time)


def names(spans):
    return Counter(span.name for span in spans)


def only(spans, name):
    [span] = [span for span in spans if span.name == name]
    return span


async def receipts_answered(smsc, count):
    """What is stored is traced before its answer leaves."""
    async with asyncio.timeout(20):
        await smsc.until(lambda smsc: smsc.counts.receipts_answered == count)


# One message, one trace


async def test_acceptance_submit_sm_and_receipt_are_one_trace(start, smsc, store, memory, traced):
    daemon = await start(metrics=traced(), source_addr="ACME")
    message = await daemon.submit(TO, "a secret word")
    await store.until_final()
    await receipts_answered(smsc, 1)
    spans = spans_of(memory, message)
    assert names(spans) == {"accept main": 1, "submit_sm main": 1, "receipt main": 1}
    assert len(memory.get_finished_spans()) == 3
    accepted, submitted, received = (only(spans, name) for name in ("accept main", "submit_sm main", "receipt main"))
    assert accepted.parent is None
    assert {submitted.parent.span_id, received.parent.span_id} == {accepted.context.span_id}
    assert [one.kind for one in (accepted, submitted, received)] == [
        SpanKind.PRODUCER,
        SpanKind.CLIENT,
        SpanKind.CONSUMER,
    ]
    assert accepted.start_time == round(message.created_at.timestamp() * 1e6) * 1000
    assert accepted.start_time <= accepted.end_time
    assert submitted.start_time <= submitted.end_time
    [found] = await store.messages()
    message_id = found.segments[0].message_id
    shared = {
        "messaging.system": "smpp",
        "messaging.destination.name": "main",
        "messaging.message.conversation_id": message.reference,
    }
    assert accepted.attributes == shared | {
        "messaging.operation.name": "accept",
        "messaging.operation.type": "create",
        "smpp.kind": "sms",
        "smpp.segments": 1,
        "smpp.priority": 0,
    }
    assert submitted.attributes == shared | {
        "messaging.operation.name": "submit_sm",
        "messaging.operation.type": "send",
        "messaging.message.id": message_id,
        "smpp.command_status": 0,
        "smpp.segment": 1,
        "smpp.attempt": 1,
    }
    told = dict(received.attributes)
    assert told.pop("smpp.receipt.done_at")
    assert told.pop("smpp.receipt.seconds", 0.0) >= 0
    assert told == shared | {
        "messaging.operation.name": "receipt",
        "messaging.operation.type": "process",
        "messaging.message.id": message_id,
        "smpp.receipt.status": "DELIVERED",
        "smpp.receipt.final": True,
        "smpp.receipt.moved": True,
        "smpp.receipt.error": told["smpp.receipt.error"],
    }
    whole = "".join(span.to_json() for span in spans)
    assert [secret for secret in ("secret", "ACME", TO.lstrip("+")) if secret in whole] == []


async def test_each_segment_is_a_span_and_so_is_each_receipt(start, smsc, store, memory, traced):
    daemon = await start(metrics=traced())
    message = await daemon.submit(TO, "x" * 400)
    await store.until_final()
    await receipts_answered(smsc, 3)
    spans = spans_of(memory, message)
    assert names(spans) == {"accept main": 1, "submit_sm main": 3, "receipt main": 3}
    assert len({span.context.span_id for span in spans}) == 7
    assert {span.attributes["smpp.segment"] for span in spans if span.name == "submit_sm main"} == {1, 2, 3}
    assert only(spans, "accept main").attributes["smpp.segments"] == 3


async def test_a_refusal_is_an_error_with_its_name(start, smsc, store, memory, traced):
    smsc.script.refuse("ESME_RINVDSTADR")
    daemon = await start(metrics=traced())
    message = await daemon.submit(TO, "hello")
    await store.until_final()
    refused = only(spans_of(memory, message), "submit_sm main")
    assert refused.status.status_code is StatusCode.ERROR
    assert refused.attributes["error.type"] == "ESME_RINVDSTADR"
    assert refused.attributes["smpp.command_status"] == CommandStatus.ESME_RINVDSTADR
    assert "messaging.message.id" not in refused.attributes


async def test_each_attempt_is_a_span_of_its_own(start, smsc, store, clock, memory, traced):
    smsc.script.refuse("ESME_RTHROTTLED", times=1)
    daemon = await start(metrics=traced())
    message = await daemon.submit(TO, "hello")
    await store.until(lambda found: found[0].next_attempt_at is not None and found[0].attempts == 1)
    clock.pass_(seconds=60)
    daemon.wake()
    await store.until_final()
    attempts = [span for span in spans_of(memory, message) if span.name == "submit_sm main"]
    assert [span.attributes["smpp.attempt"] for span in attempts] == [1, 2]
    assert [span.attributes.get("error.type") for span in attempts] == ["ESME_RTHROTTLED", None]
    assert [span.context.span_id for span in attempts] == [span_id(message.reference, 1, number) for number in (1, 2)]


async def test_silence_is_an_error_and_a_late_answer_hangs_below_it(start, smsc, store, memory, traced):
    smsc.script.delay(0.6)
    daemon = await start(metrics=traced(), response_timeout=0.2)
    message = await daemon.submit(TO, "hello")
    await store.until_all(Status.IN_DOUBT)
    await store.until_final()
    spans = spans_of(memory, message)
    silent, late = only(spans, "submit_sm main"), only(spans, "submit_sm_resp main")
    assert (silent.status.status_code, silent.attributes["error.type"]) == (StatusCode.ERROR, "ResponseTimeout")
    assert late.parent.span_id == silent.context.span_id
    assert late.attributes["messaging.message.id"]


async def test_a_receipt_that_overtakes_its_response_is_in_the_trace_all_the_same(start, smsc, store, memory, traced):
    smsc.script.receipt_first()
    daemon = await start(metrics=traced())
    sent = [await daemon.submit(TO, f"number {number}") for number in range(5)]
    await store.until_final()
    await receipts_answered(smsc, 5)
    await daemon.stopped()
    for message in sent:
        spans = spans_of(memory, message)
        assert names(spans) == {"accept main": 1, "submit_sm main": 1, "receipt main": 1}
        assert only(spans, "receipt main").attributes["smpp.receipt.status"] == "DELIVERED"


async def test_what_the_smsc_is_asked_is_in_the_trace(start, smsc, store, memory, traced):
    smsc.script.receipt_never()
    daemon = await start(metrics=traced())
    message = await daemon.submit(TO, "hello")
    await store.until_all(Status.SUBMITTED)
    await daemon.service.gateway.query(message.reference)
    other = await daemon.submit(TO, "another")
    await store.until(lambda found: len(found) == 2 and found[1].status is Status.SUBMITTED)
    await daemon.service.gateway.cancel(other.reference)
    asked = only(spans_of(memory, message), "query_sm main")
    assert asked.parent.span_id == only(spans_of(memory, message), "accept main").context.span_id
    [kept, _] = await store.messages()
    assert asked.attributes["messaging.message.id"] == kept.segments[0].message_id
    assert (asked.attributes["smpp.command_status"], asked.attributes["smpp.message_state"]) in {(0, 1), (0, 2)}
    assert asked.start_time <= asked.end_time
    assert only(spans_of(memory, other), "cancel_sm main").attributes["messaging.operation.name"] == "cancel_sm"


async def test_a_question_that_is_not_answered_is_an_error(start, smsc, store, memory, traced):
    smsc.script.receipt_never()
    daemon = await start(metrics=traced())
    message = await daemon.submit(TO, "hello")
    await store.until_all(Status.SUBMITTED)
    await daemon.stopped()
    with pytest.raises(SessionClosed):
        await daemon.service.gateway.query(message.reference)
    assert only(spans_of(memory, message), "query_sm main").attributes["error.type"] == "SessionClosed"


async def test_a_receipt_that_says_no_is_an_error(start, smsc, store, memory, traced):
    smsc.script.outcome("UNDELIV", 27)
    daemon = await start(metrics=traced())
    message = await daemon.submit(TO, "hello")
    await store.until_final()
    await receipts_answered(smsc, 1)
    received = only(spans_of(memory, message), "receipt main")
    assert (received.status.status_code, received.attributes["error.type"]) == (StatusCode.ERROR, "UNDELIVERABLE")


async def test_a_receipt_after_a_restart_joins_the_trace(start, smsc, store, memory, traced):
    smsc.script.receipt_late(0.5)
    first = await start(metrics=traced())
    message = await first.submit(TO, "hello")
    await store.until_all(Status.SUBMITTED)
    await first.stopped()
    before = spans_of(memory, message)
    assert names(before) == {"accept main": 1, "submit_sm main": 1}
    memory.clear()
    await start(metrics=traced())
    await store.until_final()
    await receipts_answered(smsc, 1)
    received = only(spans_of(memory, message), "receipt main")
    assert received.parent.span_id == only(before, "accept main").context.span_id
    assert received.attributes["smpp.receipt.seconds"] > 0


async def test_a_repeated_request_is_accepted_once(start, store, memory, traced):
    daemon = await start(metrics=traced(), bound=False, url="smpp://demo@127.0.0.1:1")
    for _ in range(2):
        await daemon.submit(TO, "hello", client_reference="mine")
    assert names(memory.get_finished_spans()) == {"accept main": 1}


# Which messages


@given(references, st.floats(0, 1))
def test_a_message_is_sampled_as_the_specification_samples_its_trace(reference, ratio):
    tracing = Tracing(SimpleSpanProcessor(InMemorySpanExporter()), resource=Resource.get_empty(), sample_ratio=ratio)
    theirs = TraceIdRatioBased(ratio).should_sample(None, reference_number(reference), "accept").decision
    assert tracing._is_sampled(reference) == theirs.is_sampled()


async def test_what_is_not_sampled_leaves_no_span_at_all(start, store, memory, traced):
    daemon = await start(metrics=traced(sample_ratio=0.0))
    await daemon.submit(TO, "hello")
    await store.until_final()
    assert memory.get_finished_spans() == ()


def test_without_tracing_nothing_is_loaded_that_makes_or_exports_spans():  # FastAPI loads the API for itself
    program = (
        "import sys, smpp_esme.cli.run, smpp_esme.daemon.service, smpp_esme.web.app\n"
        "from smpp_esme.cli.tracing import tracing_of\n"
        "from smpp_esme.daemon.config import TracingSettings\n"
        "from smpp_esme.daemon.metrics import Metrics\n"
        "assert tracing_of(TracingSettings(), Metrics()) is None\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert told.stdout == "[]\n"


# Where spans go


def outcomes(metrics):
    [family] = metrics.spans.collect()
    return {one.labels["outcome"]: one.value for one in family.samples if one.name.endswith("_total")}


async def test_spans_reach_a_collector_and_are_counted(start, store, collector, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.base)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20token")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    metrics = Metrics()
    metrics.tracing = Tracing.of(TracingSettings(enabled=True), metrics.spans)
    daemon = await start(metrics=metrics)
    message = await daemon.submit(TO, "hello")
    await store.until_final()
    await daemon.stopped()
    assert await metrics.tracing.stop(20)
    spans = collector.spans(message.reference)
    assert {span.name for span in spans} == {"accept main", "submit_sm main", "receipt main"}
    assert outcomes(metrics) == {"ended": 3, "exported": 3, "failed": 0}
    assert collector.resource["service.name"] == "smpp-esme"
    assert collector.resource["deployment.environment.name"] == "test"
    assert collector.asked[0]["authorization"] == "Bearer token"


@pytest.mark.parametrize(
    ("configured", "environment", "name"),
    [(None, {}, "smpp-esme"), (None, {"OTEL_SERVICE_NAME": "theirs"}, "theirs"), ("ours", {}, "ours")],
)
async def test_who_we_are_is_told_by_configuration_and_environment(
    collector, monkeypatch, configured, environment, name
):
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    metrics = Metrics()
    settings = TracingSettings(enabled=True, endpoint=collector.url, service_name=configured)
    tracing = Tracing.of(settings, metrics.spans)
    tracing.receipt(new_reference(0, 1), _fact(), moved=True, submitted_at=None)
    assert await tracing.stop(20)
    assert collector.resource["service.name"] == name


def _fact():
    from datetime import UTC, datetime

    from smpp_esme.message.message import ReceiptFact

    return ReceiptFact(link="main", message_id="1", message_status=Status.DELIVERED, received_at=datetime.now(UTC))


async def test_a_collector_that_is_not_there_holds_nobody_up(start, store, nobody):
    metrics = Metrics()
    endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1/traces"
    metrics.tracing = Tracing.of(TracingSettings(enabled=True, endpoint=endpoint), metrics.spans)
    daemon = await start(metrics=metrics)
    for number in range(20):
        await daemon.submit(TO, f"number {number}")
    await store.until_final()
    await daemon.stopped()
    await metrics.tracing.stop(0.05)
    assert outcomes(metrics)["exported"] == 0
    assert outcomes(metrics)["ended"] >= 40


async def test_a_collector_that_never_answers_is_given_up(caplog):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces"
        tracing = Tracing.of(TracingSettings(enabled=True, endpoint=endpoint), Metrics().spans)
        tracing.receipt(new_reference(0, 1), _fact(), moved=True, submitted_at=None)
        assert not await tracing.stop(0.05)
    assert [record.message for record in caplog.records if record.name.startswith("smpp_esme")] == ["tracing.given_up"]


async def test_more_spans_than_the_queue_holds_are_lost_and_nothing_waits(collector, monkeypatch):
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
    metrics = Metrics()
    tracing = Tracing.of(TracingSettings(enabled=True, endpoint=collector.url), metrics.spans)
    with collector.held():
        for number in range(100):
            tracing.receipt(new_reference(0, number), _fact(), moved=True, submitted_at=None)
    assert await tracing.stop(20)
    counted = outcomes(metrics)
    assert counted["ended"] == 100
    assert 10 <= counted["exported"] < 100
