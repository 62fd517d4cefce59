"""Traces of a daemon that is a process: over OTLP/HTTP, through a restart, and when nothing can be traced."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import aiohttp
import pytest

from smpp_esme.cli.tracing import tracing_of
from smpp_esme.daemon.config import TracingSettings
from smpp_esme.daemon.metrics import Metrics
from smpp_esme.errors import ConfigError
from smpp_esme.protocol.parameters import EsmClass
from smpp_esme.protocol.pdus import DeliverSm

PATIENCE = 30.0
CALLER = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


async def accepted(url, headers=None):
    """The reference of a message."""
    sent = {"to": "+79161234567", "text": "a secret word", "source": "ACME"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/v1/messages", json=sent, headers=headers) as answer,
    ):
        return (await answer.json())["reference"]


async def until(url, status):
    """The one message, once it stands there."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(PATIENCE):
        while True:
            async with http.get(f"{url}/v1/messages") as answer:
                [message] = (await answer.json())["messages"]
            if message["status"] == status:
                return message
            await asyncio.sleep(0.01)


def receipt_of(message_id, sm):
    return DeliverSm(
        source_addr=sm.destination_addr,
        destination_addr=sm.source_addr,
        esm_class=EsmClass.DELIVERY_RECEIPT,
        short_message=f"id:{message_id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 "
        "stat:DELIVRD err:000 text:".encode(),
    )


@pytest.mark.acceptance
@pytest.mark.smsc(accounts={"acme": "secret"})
async def test_a_trace_goes_on_after_a_restart(run, configuration, smsc, collector):
    smsc.script.receipt_never()
    path = configuration()
    path.write_text(f'{path.read_text()}\n[tracing]\nenabled = true\nendpoint = "{collector.url}"\n')
    first = await run(path, OTEL_SERVICE_NAME="acme-sms")
    url = (await first.logged("daemon.started"))["http"]
    reference = await accepted(url, CALLER)
    message = await until(url, "SUBMITTED")
    assert await first.stopped(signal.SIGTERM) == 0
    assert {span.name for span in collector.spans(reference)} == {"accept main", "submit_sm main"}
    assert {span.name for span in collector.all_spans} >= {"POST /v1/messages"}
    assert collector.resource["service.name"] == "acme-sms"
    second = await run(path)
    url = (await second.logged("daemon.started"))["http"]
    await second.logged("link.bound")
    await smsc.send(receipt_of(message["message_ids"][0], smsc.submit_sms[0]), "acme")
    await until(url, "DELIVERED")
    assert await second.stopped(signal.SIGTERM) == 0
    spans = {span.name: span for span in collector.spans(reference)}
    assert set(spans) == {"accept main", "submit_sm main", "receipt main"}
    root = spans["accept main"].span_id
    assert [spans[name].parent_span_id for name in ("submit_sm main", "receipt main")] == [root, root]
    whole = "".join(map(str, collector.all_spans)) + "\n".join(first.lines + second.lines)
    assert [word for word in ("secret", "9161234567", "ACME") if word in whole] == []


@pytest.mark.acceptance
@pytest.mark.smsc(accounts={"acme": "secret"})
async def test_a_stop_waits_for_a_silent_collector_no_longer_than_the_drain(run, configuration, smsc, collector):
    path = configuration()
    tables = f'\n[dispatch]\ndrain = 0.5\n[tracing]\nenabled = true\nendpoint = "{collector.url}"\n'
    path.write_text(path.read_text() + tables)
    daemon = await run(path)
    url = (await daemon.logged("daemon.started"))["http"]
    with collector.held():
        await accepted(url)
        await until(url, "DELIVERED")
        assert await daemon.stopped() == 0
    told = [json.loads(line)["event"] for line in daemon.lines]
    assert told[-2:] == ["tracing.given_up", "daemon.stopped"]


def test_where_the_extra_is_missing_that_is_said(monkeypatch):
    monkeypatch.delitem(sys.modules, "smpp_esme.daemon.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with pytest.raises(ConfigError, match=r"pip install 'smpp-esme\[otel\]'") as refused:
        tracing_of(TracingSettings(enabled=True), Metrics())
    assert refused.value.field == "tracing.enabled"


def test_check_tells_where_traces_go_and_refuses_what_run_would(command, tmp_path, monkeypatch):
    path = tmp_path / "daemon.toml"
    path.write_text(
        '[links.main]\nurl = "smpp://acme@127.0.0.1:1"\n[tracing]\nenabled = true\nsample_ratio = 0.25\n'
        'endpoint = "http://127.0.0.1:4318/v1/traces"\n'
    )
    told = command("check", "-c", str(path))
    assert told.out.splitlines()[-1] == "traces: 25% of messages, to http://127.0.0.1:4318/v1/traces"
    monkeypatch.delitem(sys.modules, "smpp_esme.daemon.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    told = command("check", "-c", str(path))
    assert (told.code, "smpp-esme[otel]" in told.err) == (1, True)


@pytest.mark.parametrize(
    "environment",
    [{"OTEL_BSP_MAX_QUEUE_SIZE": "1"}, {"OTEL_BSP_SCHEDULE_DELAY": "0"}],
    ids=["a queue shorter than a batch", "a pause that is none"],
)
def test_a_variable_that_makes_no_sense_is_refused(monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=r"OTEL_\*"):
        tracing_of(TracingSettings(enabled=True, endpoint="http://127.0.0.1:1/v1/traces"), Metrics())
