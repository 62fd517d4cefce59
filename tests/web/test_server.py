from __future__ import annotations

import asyncio
import json
import socket

import httpx2
import pytest

from smpp_esme.errors import ConfigError
from smpp_esme.web.server import listen, serve

TO = "+79161234567"
PATIENCE = 20.0
BODY = json.dumps({"to": TO, "text": "hello"}).encode()


@pytest.fixture
async def served(app):
    """The application behind uvicorn on a free port of loopback: its port."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(app, listener))
    yield port
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


async def ask(port, octets):
    """The answer to these octets: status, headers and body, as they stand on the wire."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(octets)
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            status, _, rest = head.partition("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in rest.split("\r\n") if line)
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            return int(status.split()[1]), headers, body
        finally:
            writer.close()
            await writer.wait_closed()


def request(*headers, body=b""):
    head = "\r\n".join(["POST /v1/messages HTTP/1.1", "host: daemon", "content-type: application/json", *headers])
    return head.encode() + b"\r\n\r\n" + body


async def test_a_message_submitted_over_a_socket_is_in_the_store(served, store):
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{served}", timeout=PATIENCE) as client:
        answer = await client.post("/v1/messages", content=BODY, headers={"content-type": "application/json"})
        assert answer.status_code == 202
        assert "server" not in answer.headers
        reference = answer.json()["reference"]
        assert (await store.message(reference)).text == "hello"
        assert (await client.get(f"/v1/messages/{reference}")).json()["status"] == "QUEUED"
        assert (await client.get("/healthz")).json()["status"] == "ok"


async def test_a_body_in_chunks_is_counted_as_it_comes(served, store):
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    status, headers, _ = await ask(served, request("transfer-encoding: chunked", body=chunk * 2 + b"0\r\n\r\n"))
    assert (status, headers["content-type"]) == (413, "application/problem+json")
    whole = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"
    status, _, _ = await ask(served, request("transfer-encoding: chunked", body=whole))
    assert status == 202
    assert len(await store.messages()) == 1


async def test_a_body_announced_as_too_large_is_refused_before_it_comes(served):
    status, headers, _ = await ask(served, request("content-length: 65537"))
    assert (status, headers["content-type"]) == (413, "application/problem+json")


@pytest.mark.parametrize("length", ["9" * 19, "9" * 30, "-1", "x", "1, 2"])
async def test_a_senseless_length_is_the_senders_fault(served, length):
    status, _, _ = await ask(served, request(f"content-length: {length}"))
    assert status in {400, 413}


async def test_octets_that_are_no_http_are_the_senders_fault(served):
    status, _, _ = await ask(served, b"\x00\x00\x00\x10\x00\x00\x00\x15\x00\x00\x00\x00\x00\x00\x00\x01\r\n\r\n")
    assert status == 400


async def test_a_client_that_leaves_in_the_middle_harms_nobody(served, store):
    _, writer = await asyncio.open_connection("127.0.0.1", served)
    writer.write(request("content-length: 1000", body=BODY))
    await writer.drain()
    writer.transport.abort()
    status, _, _ = await ask(served, request(f"content-length: {len(BODY)}", body=BODY))
    assert status == 202
    assert len(await store.messages()) == 1


async def test_a_stop_lets_the_open_request_end_and_takes_no_other(app, store, monkeypatch):
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(app, listener))
    add, began, go_on = store.add, asyncio.Event(), asyncio.Event()

    async def slow(messages):
        began.set()
        await go_on.wait()
        return await add(messages)

    monkeypatch.setattr(store, "add", slow)
    asking = asyncio.create_task(ask(port, request(f"content-length: {len(BODY)}", "connection: close", body=BODY)))
    async with asyncio.timeout(PATIENCE):
        await began.wait()
        serving.cancel()
        await asyncio.sleep(0)
        go_on.set()
        assert (await asking)[0] == 202
        with pytest.raises(asyncio.CancelledError):
            await serving
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


def test_a_port_in_use_is_told_with_a_way_out():
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as refused:
            listen("127.0.0.1", port)
    assert f"127.0.0.1:{port}" in str(refused.value)
    assert refused.value.allowed == "another host or port"


@pytest.mark.parametrize("host", ["256.0.0.1", "host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_ours_is_told(host):
    with pytest.raises(ConfigError, match="http"):
        listen(host, 0)


def test_ipv6_is_listened_on():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with listen("::1", 0) as listener:
        assert listener.family is socket.AF_INET6
