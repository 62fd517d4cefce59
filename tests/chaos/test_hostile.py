"""Wrong, oversized, slow and malformed input, over HTTP and SMPP at once: the daemon serves on."""

from __future__ import annotations

import asyncio
import io
import json
import random
import struct
from contextlib import suppress

import aiohttp
import pytest
from chaos.campaign import Campaign
from chaos.processes import PATIENCE

from smpp_esme.simulator import Script, Smsc
from smpp_esme.simulator.malformed import MALFORMED

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

LIMIT = 1 << 20
#: Requests of which none may be answered with a 5xx, nor end anything but their own connection.
HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: d\r\ncontent-type: application/json\r\n"
WRONG = [
    b"\0" * 1000,
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS ClientHello
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: d\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: d\r\n" + b"x: y\r\n" * 20_000 + b"\r\n",
    HEAD + b"content-length: 99999999999999999999\r\n\r\n",
    HEAD + b"content-length: -1\r\n\r\n",
    HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\n12345",
    HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"fffff\r\n" + b" " * 0xFFFFF + b"\r\n" + b"fffff\r\n" + b" " * 9,
    HEAD + b"content-length: 4\r\n\r\n\xff\xfe\x00\x01",
    struct.pack(">IIII", 16, 0x15, 0, 1),  # an enquire_link that has lost its way
]
BODIES = [
    b"[" * 200_000,
    b'{"to":' + b"9" * 300_000 + b"}",
    b'{"to": "\\ud800", "text": "\\udfff"}',
    b'{"to": "+79161234567", "text": ""}',
    b'{"to": "+79161234567", "text": "\\u0000"}',
    b'{"to": "+79161234567", "text": "x", "priority": 1e400}',
    b'{"to": "' + b"+" * 100_000 + b'", "text": "x"}',
    json.dumps({"to": "+79161234567", "text": "x" * 900_000}).encode(),
    b"x" * (LIMIT + 1),
    b"null",
    b"",
]


async def spoken(port, octets, *, leave=False):
    """Say these octets, and read whatever comes back until the daemon closes; or leave without a word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError):
        writer.write(octets)
        await writer.drain()
        if not leave:
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), PATIENCE)
            assert not answer.startswith(b"HTTP/1.1 5"), answer[:200]
    await left(writer)


async def left(writer):
    """Cut the connection."""
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def dribbled(port, seconds):
    """Clients that begin requests and say an octet now and then."""
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
    async with asyncio.timeout(PATIENCE):
        for octet in HEAD[: int(seconds * 10)]:
            for _, writer in connections:
                writer.write(bytes([octet]))
            await asyncio.sleep(0.1)
    for _, writer in connections:
        await left(writer)


async def posted(http, body):
    async with http.post(
        "/v1/messages", data=io.BytesIO(body), headers={"content-type": "application/json"}
    ) as response:
        await response.read()
        return response.status


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_daemon_that_is_told_nonsense_from_all_sides_serves_on(tmp_path, database):
    chance = random.Random(7)
    script = Script()
    for turn, kind in enumerate(MALFORMED):  # one after another: a link that loses every session waits ever longer
        script.malform(kind, after=20 * turn, times=3)
    script.split_writes(3, chance=0.5)
    async with (
        Smsc("standard", accounts={"demo": "secret"}, script=script, receipt_delay=0.01) as smsc,
        Campaign(tmp_path, database, chance, 1) as campaign,
    ):
        campaign.proxy._upstream = ("127.0.0.1", smsc.port)
        campaign.proxy.cut()
        port = int(campaign.daemon.url.rpartition(":")[2])
        async with (
            aiohttp.ClientSession(campaign.daemon.url, timeout=aiohttp.ClientTimeout(total=PATIENCE)) as http,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(campaign.traffic.run())
            tasks.create_task(dribbled(port, 2.0))
            for octets in WRONG * 3:
                await spoken(port, octets)
                await spoken(port, octets[: chance.randrange(len(octets))], leave=True)
            statuses = [await posted(http, body) for body in BODIES]
            assert {status // 100 for status in statuses} == {4}
            await smsc.until(lambda smsc: smsc.counts.submits > 300)
            smsc.script.clear()
            campaign.traffic.stop()
            async with http.get("/healthz") as response:
                assert response.status == 200
        # What comes now is served as if nothing had been.
        async with aiohttp.ClientSession(campaign.daemon.url) as http:
            order = {"to": "+79161234567", "text": "The end", "priority": 3}
            async with http.post("/v1/messages", json=order) as response:
                reference = (await response.json())["reference"]
            async with asyncio.timeout(PATIENCE):
                while True:
                    async with http.get(f"/v1/messages/{reference}") as response:
                        if (await response.json())["status"] == "DELIVERED":
                            break
                    await asyncio.sleep(0.05)
        campaign.daemon.check()
        assert campaign.daemon.lives == 1
        assert smsc.count("The end") == 1
