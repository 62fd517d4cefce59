"""Kannel, a gateway of its own making and in C, bound to the simulator: a message out, its receipts, and one back."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from smpp_esme.simulator import Smsc

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

PATIENCE = 60.0
TEXT = "The quick brown fox jumps over the lazy dog. " * 8
#: Kannel's dlr-mask: delivered 1, failed 2, buffered 4, accepted by the SMSC 8, refused by it 16.
ALL_REPORTS = 31
DELIVERED, BUFFERED, ACCEPTED = "1", "4", "8"

CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = secret
smsbox-port = {smsbox}
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = simulator
host = 127.0.0.1
port = {smsc}
smsc-username = acme
smsc-password = secret
system-type = ""
transceiver-mode = true

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}

group = sendsms-user
username = tester
password = secret
concatenation = true
max-messages = 10

group = sms-service
keyword = default
catch-all = true
get-url = "{listener}/message?from=%p&to=%P&octets=%b"
max-messages = 0
"""


class Ports(NamedTuple):
    admin: int
    smsbox: int
    sendsms: int


class Listener:
    """What Kannel reports to: an HTTP server that keeps every request's parameters."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self.url = ""

    async def hear(self, request: web.Request) -> web.Response:
        # ISO-8859-1 keeps octets that are no text, one to one.
        query = dict(parse_qsl(request.rel_url.raw_query_string, encoding="latin-1"))
        self.heard.put_nowait({"path": request.path, **query})
        return web.Response()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Listener]:
        application = web.Application()
        application.router.add_get("/{anything}", self.hear)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()


class Kannel:
    """Both of its processes, on ports of their own."""

    def __init__(self, ports: Ports, directory: Path) -> None:
        self.ports = ports
        self.directory = directory

    @asynccontextmanager
    async def box(self, program: str, until_port: int) -> AsyncIterator[None]:
        with (self.directory / "kannel.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                program, "-v", "1", str(self.directory / "kannel.conf"), stdout=log, stderr=log, cwd=self.directory
            )
            try:
                await self.listening(until_port, process)
                yield
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()

    async def listening(self, port: int, process: asyncio.subprocess.Process) -> None:
        """Until the port answers; another process has no other way to tell."""
        while True:
            assert process.returncode is None, (self.directory / "kannel.log").read_text(errors="replace")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    async def send(self, text: str, *, to: str, report_to: str) -> None:
        query = {
            "username": "tester", "password": "secret", "from": "ACME", "to": to, "text": text, "charset": "UTF-8",
            "dlr-mask": str(ALL_REPORTS), "dlr-url": f"{report_to}/report?type=%d&id=%F",
        }  # fmt: skip
        url = f"http://127.0.0.1:{self.ports.sendsms}/cgi-bin/sendsms"
        async with aiohttp.ClientSession() as http, http.get(url, params=query) as answer:
            assert answer.status == 202, await answer.text()


def free_ports() -> Ports:
    """Ports nobody listens on, held together for a moment so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in Ports._fields]
    try:
        return Ports(*(one.getsockname()[1] for one in held))
    finally:
        for one in held:
            one.close()


@asynccontextmanager
async def kannel_on(
    smsc: Smsc, directory: Path, program: Callable[[str], str]
) -> AsyncIterator[tuple[Kannel, Listener]]:
    """Kannel bound to the simulator, and what it reports to."""
    bearerbox, smsbox = program("bearerbox"), program("smsbox")
    ports = free_ports()
    kannel = Kannel(ports, directory)
    async with asyncio.timeout(PATIENCE), Listener().serving() as listener:
        written = CONFIGURATION.format(smsc=smsc.port, listener=listener.url, **ports._asdict())
        (directory / "kannel.conf").write_text(written)
        async with kannel.box(bearerbox, ports.smsbox), kannel.box(smsbox, ports.sendsms):
            await smsc.until(lambda smsc: bool(smsc.binds))
            yield kannel, listener


@pytest.mark.smsc(profile="standard", accounts={"acme": "secret"})
async def test_kannel_delivers_a_message_of_three_segments_and_hears_of_each(smsc, tmp_path, foreign_program):
    async with kannel_on(smsc, tmp_path, foreign_program) as (kannel, listener):
        await kannel.send(TEXT, to="+79161234567", report_to=listener.url)
        reports = [await listener.heard.get() for _ in range(3)]  # Kannel asks for a receipt on the first segment alone
    assert [(received.text, received.segments) for received in smsc.received] == [(TEXT, 3)]
    assert {report["path"] for report in reports} == {"/report"}
    assert [report["type"] for report in reports] == [ACCEPTED, BUFFERED, DELIVERED]
    assert reports[-1]["id"] == smsc.received[0].message_ids[0]
    assert smsc.counts.receipts_answered == 2
    assert smsc.counts.malformed == 0


@pytest.mark.smsc(profile="standard", accounts={"acme": "secret"})
async def test_kannel_reads_a_text_that_the_simulator_delivers(smsc, tmp_path, foreign_program):
    async with kannel_on(smsc, tmp_path, foreign_program) as (_, listener):
        await smsc.deliver("Привет, Kannel", source="79161234567", destination="1234")
        heard = await listener.heard.get()
    assert heard["path"] == "/message"
    assert heard["from"].lstrip("+") == "79161234567"
    assert heard["octets"].encode("latin-1").decode("utf-16-be") == "Привет, Kannel"
