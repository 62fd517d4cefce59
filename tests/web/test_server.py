from __future__ import annotations

import asyncio
import json
import socket
import ssl
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network

import httpx2
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from smpp_esme.errors import ConfigError
from smpp_esme.web import server
from smpp_esme.web.app import create_app
from smpp_esme.web.auth import Caller, Scope, digest
from smpp_esme.web.server import Options, Server, listen, serve

TO = "+79161234567"
HEAD_LIMIT = 65_536
PATIENCE = 20.0
BODY = json.dumps({"to": TO, "text": "hello"}).encode()


@pytest.fixture(params=["h11", "httptools"], autouse=True)
def reader(request, monkeypatch):
    """What reads HTTP: all of this holds for both."""
    if request.param == "httptools":
        pytest.importorskip("httptools", reason="the extra `speed` is not installed")
    else:
        monkeypatch.setattr(server, "find_spec", lambda _: None)
    return request.param


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


async def test_half_a_body_is_not_taken_for_a_whole_one(served, store):
    _, writer = await asyncio.open_connection("127.0.0.1", served)
    chunk = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n"  # JSON that could be read, and no end
    writer.write(request("transfer-encoding: chunked", body=chunk))
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    status, _, _ = await ask(served, request(f"content-length: {len(BODY)}", body=BODY))
    assert status == 202
    assert len(await store.messages()) == 1


def test_which_is_used_is_what_is_installed(reader):
    assert server._patient(1.0).__name__ == {"h11": "PatientH11", "httptools": "PatientHttpTools"}[reader]


ENDLESS = {
    "address": (b"GET /", b"a" * 5000),
    "one header": (b"GET /healthz HTTP/1.1\r\nx: ", b"a" * 5000),
    "many headers": (b"GET /healthz HTTP/1.1\r\n", b"x: aaaaaaaa\r\n" * 400),
    "nothing": (b"", b"\r\n" * 2500),
    "a trailer": (request("transfer-encoding: chunked", body=b"1\r\n{\r\n0\r\nx: "), b"a" * 5000),
    "many trailers": (request("transfer-encoding: chunked", body=b"1\r\n{\r\n0\r\n"), b"x: aaaaaaaa\r\n" * 400),
}


@pytest.mark.parametrize("part", ENDLESS)
async def test_a_head_without_an_end_is_cut_off(served, part):
    beginning, more = ENDLESS[part]
    async with asyncio.timeout(PATIENCE):
        _, writer = await asyncio.open_connection("127.0.0.1", served)
        writer.write(beginning)
        sent = 0
        with suppress(ConnectionError):
            while sent < 8 * HEAD_LIMIT:
                writer.write(more)
                await writer.drain()
                await asyncio.sleep(0)
                sent += len(more)
        writer.transport.abort()
    assert sent < 8 * HEAD_LIMIT


async def test_more_requests_at_once_than_a_head_may_have_octets_are_all_answered(served):
    count = 2 * HEAD_LIMIT // 500
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", served)
        writer.write((b"GET /nowhere HTTP/1.1\r\nhost: daemon\r\nx: " + b"a" * 480 + b"\r\n\r\n") * count)
        for _ in range(count):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 404")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
        writer.close()


async def test_an_offer_of_http_2_changes_nothing(served, store):
    # As the JDK's client makes it with each first request.
    offer = (
        "connection: Upgrade, HTTP2-Settings",
        "upgrade: h2c",
        "http2-settings: AAEAAEAAAAIAAAAB",
    )
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", served)
        for headers in (offer, ()):
            writer.write(request(f"content-length: {len(BODY)}", *headers, body=BODY))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 202")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
        writer.close()
    assert len(await store.messages()) == 2


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


@asynccontextmanager
async def serving(app, **options):
    listener = listen("127.0.0.1", 0)
    task = asyncio.create_task(serve(app, listener, Options(**options)))
    try:
        yield listener.getsockname()[1]
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /healthz HTTP/1.1\r\nhost:", b"GET /healthz HTTP/1.1\r\nhost: daemon\r\n\r\nGET /heal"],
    ids=["nothing", "half a head", "half a second head"],
)
async def test_a_request_whose_head_does_not_come_is_given_up(app, begun):
    async with asyncio.timeout(PATIENCE), serving(app, patience=0.05) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        answered = await reader.read()  # to the end: the server closes
        writer.close()
    assert answered.startswith(b"HTTP/1.1 200") == begun.endswith(b"/heal")


async def test_a_body_that_does_not_come_is_told_so(gateway):
    app = create_app(gateway, body_limit=1000, patience=0.05)
    async with serving(app) as port:
        status, _, body = await ask(port, request("content-length: 100", body=b"{"))
    assert status == 408
    assert json.loads(body)["detail"] == "the body did not come within 0.05 seconds"


async def test_more_connections_than_are_allowed_are_told_to_come_later(app):
    async with asyncio.timeout(PATIENCE), serving(app, connections=2) as port:
        first = await asyncio.open_connection("127.0.0.1", port)
        assert (await ask(port, b"GET /healthz HTTP/1.1\r\nhost: daemon\r\n\r\n"))[0] == 503
        first[1].close()
        await first[1].wait_closed()
        assert (await ask(port, b"GET /healthz HTTP/1.1\r\nhost: daemon\r\n\r\n"))[0] == 200


async def test_a_proxy_is_believed_only_if_it_is_known(gateway):
    keys = {digest("key"): Caller("test", scopes=list(Scope), networks=[ip_network("192.0.2.0/24")])}
    app = create_app(gateway, body_limit=1000, callers=keys)
    asked = b"GET /v1/stats HTTP/1.1\r\nhost: daemon\r\nauthorization: Bearer key\r\nx-forwarded-for: 192.0.2.1\r\n\r\n"
    async with serving(app) as port:
        assert (await ask(port, asked))[0] == 403
    async with serving(app, proxies=("127.0.0.1",)) as port:
        assert (await ask(port, asked))[0] == 200


async def test_a_certificate_that_cannot_be_read_is_told(app, tmp_path):
    with listen("127.0.0.1", 0) as listener, pytest.raises(ConfigError, match=r"http\.certificate: .*No such file"):
        await serve(app, listener, Options(certificate=str(tmp_path / "missing.pem")))


@pytest.fixture
def locked(tmp_path):
    """A certificate for loopback, its authority, and a private key encrypted with "hunter22"."""
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    key = serialization.load_pem_private_key(made.private_key_pem.bytes(), None)
    secret = serialization.BestAvailableEncryption(b"hunter22")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret)
    (tmp_path / "http.key").write_bytes(pem)
    made.cert_chain_pems[0].write_to_path(str(tmp_path / "http.pem"))
    return authority, {"certificate": str(tmp_path / "http.pem"), "key": str(tmp_path / "http.key")}


async def test_an_encrypted_key_is_opened_with_its_password_also_when_it_is_renewed(app, locked):
    authority, files = locked
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with listen("127.0.0.1", 0) as listener:
        server = Server(app, listener, Options(**files, key_password="hunter22"))
        server.renew()
        running = asyncio.create_task(server.run())
        async with asyncio.timeout(PATIENCE), httpx2.AsyncClient(verify=context) as client:
            answer = await client.get(f"https://127.0.0.1:{listener.getsockname()[1]}/healthz")
        assert answer.status_code == 200
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


@pytest.mark.parametrize(
    ("password", "field"), [("", "http.certificate_key"), ("hunter23", "http.certificate_key_password")]
)
def test_a_key_that_cannot_be_opened_is_told_and_nobody_is_asked_at_the_terminal(app, locked, password, field):
    options = Options(**locked[1], key_password=password)
    with listen("127.0.0.1", 0) as listener, pytest.raises(ConfigError) as refused:
        Server(app, listener, options)
    assert refused.value.field == field
    assert "hunter2" not in f"{refused.value}{options!r}"


def test_a_key_of_another_certificate_is_no_matter_of_its_password(app, locked, tmp_path):
    trustme.CA().issue_cert("127.0.0.1").cert_chain_pems[0].write_to_path(str(tmp_path / "http.pem"))
    with listen("127.0.0.1", 0) as listener, pytest.raises(ConfigError, match="does not belong"):
        Server(app, listener, Options(**locked[1], key_password="hunter22"))


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
