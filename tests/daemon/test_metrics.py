"""What is counted is what happened, under names that nobody outside can add to."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

from smpp_esme.daemon.metrics import Metrics, measure_store
from smpp_esme.errors import StoreUnusable
from smpp_esme.message.message import Accepted, ReceiptFact, RecordedReceipt, Refused, Unanswered
from smpp_esme.message.status import MessageStatus as Status
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.session import events

TO = "+79161234567"
AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def meter(metrics):
    return metrics.link("main")


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(f"smpp_esme_{name}", labels)


def refused(status):
    known = CommandStatus(status)
    return Refused(status, known.name, known.meaning, known.retryable)


def receipt(status=Status.DELIVERED, *, final=True, received_at=AT):
    return ReceiptFact(link="main", message_id="1", message_status=status, final=final, received_at=received_at)


def recorded(*, moved=True, reference="R", submitted_at=None):
    return RecordedReceipt(reference=reference, moved=moved, status=None, submitted_at=submitted_at)


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        (Accepted("1"), "accepted"),
        (refused(CommandStatus.ESME_RTHROTTLED), "throttled"),
        (refused(CommandStatus.ESME_RMSGQFUL), "throttled"),
        (refused(CommandStatus.ESME_RINVDSTADR), "refused"),
        (refused(0x4FF), "refused"),
        (Unanswered(written=True), "unanswered"),
    ],
)
def test_an_answer_is_counted_by_what_it_says_and_timed(metrics, meter, outcome, counted):
    meter.answered(outcome, 0.02)
    outcomes = {one: value(metrics, "submit_sm_total", link="main", outcome=one) for one in meter._submit_sm}
    assert outcomes == dict.fromkeys(outcomes, 0.0) | {counted: 1.0}
    assert value(metrics, "response_seconds_sum", link="main") == 0.02
    assert value(metrics, "response_seconds_bucket", link="main", le="0.01") == 0
    assert value(metrics, "response_seconds_bucket", link="main", le="0.025") == 1


def test_a_silent_smsc_is_counted_and_so_is_its_late_answer(metrics, meter):
    meter.unanswered()
    meter.late()
    assert value(metrics, "submit_sm_total", link="main", outcome="unanswered") == 1
    assert value(metrics, "submit_sm_total", link="main", outcome="late") == 1
    assert value(metrics, "response_seconds_count", link="main") == 0


def test_refusals_are_told_apart_as_far_as_the_specification_names_them(metrics, meter):
    for status in (CommandStatus.ESME_RINVDSTADR, 0x400, 0x4FF, 0xDEADBEEF):
        meter.answered(refused(status), 0.0)
    found = [one.labels for family in metrics.refusals.collect() for one in family.samples]
    assert found == [
        {"link": "main", "command_status": "ESME_RINVDSTADR"},
        {"link": "main", "command_status": "vendor"},
    ]
    assert value(metrics, "submit_sm_refusals_total", link="main", command_status="vendor") == 3


@pytest.mark.parametrize(
    ("what", "outcome"),
    [(recorded(), "moved"), (recorded(moved=False), "repeated"), (recorded(moved=False, reference=None), "limbo")],
)
def test_a_receipt_is_counted_by_what_it_did_and_tells(metrics, meter, what, outcome):
    meter.receipt(receipt(Status.EXPIRED), what)
    assert value(metrics, "receipts_total", link="main", outcome=outcome, status="EXPIRED") == 1


@pytest.mark.parametrize(
    ("fact", "what", "seconds"),
    [
        (receipt(), recorded(submitted_at=AT - timedelta(seconds=9)), 9.0),
        (receipt(), recorded(submitted_at=AT + timedelta(seconds=9)), 0.0),
        (receipt(), recorded(submitted_at=None), None),
        (receipt(final=False), recorded(submitted_at=AT), None),
        (receipt(), recorded(submitted_at=AT, moved=False), None),
    ],
    ids=["waited for", "the clock was set back", "its response never came", "not the last word", "a repeat"],
)
def test_a_final_receipt_that_is_news_is_timed(metrics, meter, fact, what, seconds):
    meter.receipt(fact, what)
    assert value(metrics, "receipt_seconds_count", link="main") == (0 if seconds is None else 1)
    assert value(metrics, "receipt_seconds_sum", link="main") == (seconds or 0.0)


def test_what_happens_to_a_link_is_counted(metrics, meter):
    bind = {"link": "main", "bind": "transceiver 1"}
    refusal = {"command_status": CommandStatus.ESME_RALYBND, "error": "", "final": False}
    for event in (
        events.Connecting(**bind, endpoint="x"),
        events.Bound(**bind, endpoint="x", peer="x", version=0x34, preferred=True),
        events.Refused(**bind, endpoint="x", **refusal),
        events.Unreachable(**bind, endpoint="x", error=""),
        events.Lost(**bind, reason="", unanswered=3),
        events.Slowed(link="main", reason="", rate=1.0),
        events.Slowed(link="main", reason="", rate=1.0),
    ):
        meter.event(event)
    binds = {
        one: value(metrics, "binds_total", link="main", outcome=one) for one in ("bound", "refused", "unreachable")
    }
    assert binds == {"bound": 1, "refused": 1, "unreachable": 1}
    assert value(metrics, "sessions_lost_total", link="main") == 1
    assert value(metrics, "slowed_total", link="main") == 2


def test_a_method_that_a_client_makes_up_gets_no_series_of_its_own(metrics):
    for method in ("GET", "BREW", "PROPFIND"):
        metrics.asked(method, "/metrics", 405, 0.001)
    assert value(metrics, "http_requests_total", method="GET", route="/metrics", status="405") == 1
    assert value(metrics, "http_requests_total", method="other", route="/metrics", status="405") == 2


async def test_what_no_longer_waits_is_no_longer_told(metrics, store, start):
    daemon = await start(bound=False, url="smpp://demo@127.0.0.1:1")
    await daemon.submit(TO, "hello", priority=2)
    await measure_store(metrics, store, ["main"], datetime.now(UTC) + timedelta(minutes=1))
    queued = {"link": "main", "priority": "2"}
    assert value(metrics, "queue_messages", **queued) == 1
    assert value(metrics, "queue_oldest_seconds", **queued) == pytest.approx(60, abs=20)
    assert value(metrics, "messages", status="QUEUED") == 1
    await store.claim(1, link="main", owner="another", lease_until=datetime.now(UTC))
    await measure_store(metrics, store, ["main"], datetime.now(UTC))
    assert value(metrics, "queue_messages", **queued) is None
    assert value(metrics, "queue_oldest_seconds", **queued) is None
    assert value(metrics, "messages", status="SUBMITTING") == 1


async def test_a_message_for_tomorrow_is_not_late(metrics, store, start, clock):
    daemon = await start(bound=False, url="smpp://demo@127.0.0.1:1")
    await daemon.submit(TO, "hello")
    await measure_store(metrics, store, ["main"], datetime.now(UTC) - timedelta(days=1))
    assert value(metrics, "queue_oldest_seconds", link="main", priority="0") == 0


async def test_where_the_store_cannot_be_used_that_is_told_and_nothing_old(metrics, store):
    await measure_store(metrics, store, ["main"], AT)
    assert (value(metrics, "store_up"), value(metrics, "limbo_receipts")) == (1, 0)
    await store.close()
    with pytest.raises(StoreUnusable):
        await store.counts()
    await measure_store(metrics, store, ["main"], AT)
    assert value(metrics, "store_up") == 0
    assert math.isnan(value(metrics, "limbo_receipts"))
    assert value(metrics, "messages", status="QUEUED") is None


@pytest.mark.smsc(receipt_delay=0.01, latency=0.01)
async def test_a_daemon_at_work_measures_itself(start, smsc, store):
    smsc.script.refuse("ESME_RINVDSTADR", to="79160000000")
    daemon = await start(window=7, throughput=500)
    metrics = daemon.service._metrics
    for number in range(3):
        await daemon.submit(TO, f"number {number}")
    await daemon.submit("+79160000000", "refused")
    await store.until_final()
    async with asyncio.timeout(20):  # what is stored is counted before its answer leaves
        await smsc.until(lambda smsc: smsc.counts.receipts_answered == 3)
    text = (await metrics.exposition()).decode()
    assert {family.name for family in families(text)} >= {
        "smpp_esme_submit_sm",
        "smpp_esme_ready",
        "process_cpu_seconds",
    }
    assert value(metrics, "submit_sm_total", link="main", outcome="accepted") == 3
    assert value(metrics, "submit_sm_total", link="main", outcome="refused") == 1
    assert value(metrics, "submit_sm_refusals_total", link="main", command_status="ESME_RINVDSTADR") == 1
    assert value(metrics, "response_seconds_count", link="main") == 4
    assert value(metrics, "response_seconds_sum", link="main") >= 0.04
    moved, early = [
        value(metrics, "receipts_total", link="main", outcome=outcome, status="DELIVERED") or 0
        for outcome in ("moved", "limbo")  # one that overtakes the record of its response waits in limbo for it
    ]
    assert moved + early == 3
    assert value(metrics, "receipt_seconds_count", link="main") == moved
    assert value(metrics, "messages", status="DELIVERED") == 3
    assert value(metrics, "store_commit_seconds_count") >= 4
    assert value(metrics, "store_commit_rows_sum") >= 8
    now = {"sessions": 1, "sessions_wanted": 1, "window_outstanding": 0, "window_limit": 7, "pace": 500}
    assert {name: value(metrics, name, link="main") for name in now} == now
    assert value(metrics, "ready") == 1
    assert TO.lstrip("+") not in text


async def test_a_link_that_is_lost_shows(start, smsc, metrics):
    daemon = await start()
    metrics = daemon.service._metrics
    watch = daemon.service._lines["main"].link.events()
    smsc.disconnect()
    async with asyncio.timeout(20):
        async for event in watch:
            if isinstance(event, events.Bound):
                break
    await metrics.exposition()
    assert value(metrics, "sessions_lost_total", link="main") == 1
    assert value(metrics, "binds_total", link="main", outcome="bound") == 2


async def test_a_daemon_with_no_session_is_not_ready_and_says_how_many_it_wants(start, nobody):
    daemon = await start(bound=False, url=f"smpp://demo@127.0.0.1:{nobody.getsockname()[1]}", bind="pair")
    metrics = daemon.service._metrics
    await metrics.exposition()
    found = {name: value(metrics, name, link="main") for name in ("sessions", "sessions_wanted", "window_limit")}
    assert found == {"sessions": 0, "sessions_wanted": 2, "window_limit": 0}
    assert value(metrics, "ready") == 0


def test_what_is_described_is_what_is_exposed(metrics, meter):
    meter.answered(refused(CommandStatus.ESME_RINVDSTADR), 0.0)
    exposed = {
        (family.name + "_total" * (family.type == "counter"), family.type, family.documentation)
        for family in metrics.registry.collect()
        if not family.name.startswith("process_")
    }
    assert exposed == {(name, kind, told) for name, kind, _, told in metrics.described()}


def test_doubts_are_counted_by_how_they_ended(metrics):
    assert value(metrics, "doubts_ended_total", how="late_response") == 0
    metrics.doubts_ended({"late_response": 2, "person": 1})
    assert value(metrics, "doubts_ended_total", how="late_response") == 2
    assert value(metrics, "doubts_ended_total", how="receipt") == 0
