"""One attempt, over real sockets."""

from __future__ import annotations

import asyncio
import json
import ssl
import time

import pytest
import trustme
from aiohttp import web
from standardwebhooks import Webhook

from smpp_esme.daemon import signing
from smpp_esme.daemon.courier import Courier
from smpp_esme.daemon.endpoints import WebhookSettings
from smpp_esme.errors import ConfigError

SECRET = signing.new_secret()
BODY = b'{"id":1}'
PATIENCE = 20.0


class Application:
    """Whoever is told: remembers what it heard, and answers as a test wants."""

    def __init__(self):
        self.heard = []
        self.answer = lambda: web.Response(status=204)
        self.url = ""

    async def hear(self, request):
        self.heard.append((request.path_qs, dict(request.headers), await request.read()))
        return self.answer()


async def served(application, *, tls=None):
    running = web.Application()
    running.router.add_route("*", "/{path:.*}", application.hear)
    runner = web.AppRunner(running)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    application.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/hook?token=t0k3n"
    return runner


@pytest.fixture
async def application():
    heard = Application()
    runner = await served(heard)
    yield heard
    await runner.cleanup()


def settings(url, **fields):
    return WebhookSettings(**({"url": url, "secret": SECRET} | fields))


async def taken(url, **fields):
    async with Courier("shop", settings(url, **fields)) as courier:
        return await courier.take("evt_1", BODY, timestamp=1_800_000_000)


async def test_an_event_is_posted_as_it_is_and_signed(application):
    async with Courier("shop", settings(application.url)) as courier:
        outcome = await courier.take("evt_1", BODY, timestamp=int(time.time()))
    assert outcome.delivered
    ((path, headers, body),) = application.heard
    assert (path, body, headers["Content-Type"]) == ("/hook?token=t0k3n", BODY, "application/json")
    assert headers["User-Agent"].startswith("smpp-esme/")
    assert headers["webhook-id"] == "evt_1"
    assert Webhook(SECRET).verify(body, {name.lower(): value for name, value in headers.items()}) == json.loads(BODY)


@pytest.mark.parametrize(
    ("status", "delivered", "refused", "gone"),
    [
        (200, True, False, False),
        (299, True, False, False),
        (400, False, True, False),
        (408, False, False, False),
        (410, False, True, True),
        (429, False, False, False),
        (500, False, False, False),
        (503, False, False, False),
    ],
)
async def test_the_status_decides(application, status, delivered, refused, gone):
    application.answer = lambda: web.Response(status=status, text="secret words", headers={"retry-after": "7"})
    outcome = await taken(application.url)
    assert (outcome.status, outcome.delivered, outcome.refused, outcome.gone) == (status, delivered, refused, gone)
    assert (outcome.reason, outcome.retry_after) == (f"HTTP {status}", 7.0)


async def test_a_redirect_is_not_followed(application):
    application.answer = lambda: web.Response(status=307, headers={"location": "/elsewhere"})
    outcome = await taken(application.url)
    assert not outcome.delivered
    assert outcome.reason == "HTTP 307: redirects are not followed"
    assert len(application.heard) == 1


async def test_an_answer_that_does_not_come_is_not_awaited_for_ever():
    never = asyncio.Event()

    async def hear(_):
        await never.wait()

    slow = Application()
    slow.hear = hear
    runner = await served(slow)
    outcome = await taken(slow.url, timeout=0.05)
    never.set()
    await runner.cleanup()
    assert outcome.reason == "no answer within 0.05 seconds"


async def test_an_answer_without_end_is_not_read_to_its_end():
    async def hear(request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x" * 65_536)
        except ConnectionError:
            return answer

    endless = Application()
    endless.hear = hear
    runner = await served(endless)
    async with asyncio.timeout(PATIENCE):
        assert (await taken(endless.url)).delivered
    await runner.cleanup()


async def test_nobody_there_is_told_without_the_address(nobody):
    port = nobody.getsockname()[1]
    outcome = await taken(f"http://127.0.0.1:{port}/t0k3n")
    assert outcome.status is None
    assert outcome.reason.startswith("cannot connect: ")
    assert "t0k3n" not in outcome.reason
    assert str(port) not in outcome.reason


async def test_a_host_must_prove_who_it_is(tmp_path):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    application = Application()
    runner = await served(application, tls=context)
    assert (await taken(application.url)).reason == "the host's certificate is not trusted"
    assert (await taken(application.url, ca=str(tmp_path / "ca.pem"))).delivered
    await runner.cleanup()
    with pytest.raises(ConfigError, match=r"webhooks\.shop\.ca: No such file"):
        Courier("shop", settings(application.url, ca=str(tmp_path / "nothing.pem")))


async def test_no_cookie_is_kept(application):
    application.answer = lambda: web.Response(headers={"set-cookie": "a=b"})
    async with Courier("shop", settings(application.url)) as courier:
        for _ in range(2):
            await courier.take("evt_1", BODY, timestamp=1)
    assert [headers.get("Cookie") for _, headers, _ in application.heard] == [None, None]
