"""A daemon that is killed while it tells an application of events: real processes, real sockets, real kills."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from smpp_esme.cli.demo.processes import Http, Process
from smpp_esme.daemon import signing

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(120)]

PATIENCE = 90.0
MESSAGES = 30
KILLS = 2
SECRET = signing.new_secret()
CONFIGURATION = """
[store]
url = "sqlite:///messages.sqlite3"
[http]
port = 0
[links.main]
url = "{smsc}"
profile = "smsc-centre"
source_addr = "DEMO"
in_doubt = "resend"
[webhooks.shop]
url = "{application}"
events = ["message.*"]
shortest = 0.05
longest = 0.2
attempts = 1000
"""


class Application:
    """Who is told: verifies and remembers every request, and now and then fails."""

    def __init__(self, chance):
        self.chance = chance
        self.taken: list[tuple[str, bytes]] = []
        self.heard = asyncio.Condition()

    async def hear(self, request):
        body = await request.read()
        Webhook(SECRET).verify(body, {name.lower(): value for name, value in request.headers.items()})
        if self.chance.random() < 0.1:
            return web.Response(status=503)
        async with self.heard:
            self.taken.append((request.headers["webhook-id"], body))
            self.heard.notify_all()
        return web.Response(status=204)

    @property
    def events(self):
        """Each event once, in the order in which it first came."""
        return [json.loads(body) for body in dict(self.taken).values()]


@pytest.fixture
async def stack():
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def application(stack):
    told = Application(random.Random(1))
    serving = web.Application()
    serving.router.add_post("/", told.hear)
    runner = web.AppRunner(serving)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    told.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/"
    return told


@pytest.fixture
async def daemon(tmp_path, application, stack, monkeypatch):
    """Starts the daemon, and gives its process and its HTTP interface; the simulator runs beside it."""
    monkeypatch.chdir(tmp_path)
    ready = tmp_path / "ready.json"
    arguments = ["--port", "0", "--control-port", "0", "--account", "demo:secret", "--ready-file", str(ready)]
    simulator = Process("the simulator", ["simulate", *arguments, "--receipt-delay", "0.1"], tmp_path / "simulator.log")
    await simulator.start()
    stack.push_async_callback(simulator.kill)
    async with asyncio.timeout(PATIENCE):
        while not ready.exists():
            simulator.check()
            await asyncio.sleep(0.01)
    configuration = tmp_path / "daemon.toml"
    smsc = json.loads(ready.read_text())["url"]
    configuration.write_text(CONFIGURATION.format(smsc=smsc, application=application.url))
    environment = {"SMPP_ESME_WEBHOOKS__SHOP__SECRET": SECRET}
    process = Process("the daemon", ["run", "-c", str(configuration)], tmp_path / "daemon.log", environment)
    stack.push_async_callback(process.kill)

    async def start():
        before = process.log.stat().st_size if process.log.exists() else 0
        await process.start()
        await process.until_logged('"link.bound"')
        begun = next(line for line in process.log.read_text()[before:].splitlines() if '"daemon.started"' in line)
        return process, await stack.enter_async_context(Http(json.loads(begun)["http"]))

    return start


async def wait_for(application, condition):
    async with asyncio.timeout(PATIENCE), application.heard:
        await application.heard.wait_for(condition)


async def test_a_daemon_that_is_killed_while_it_tells_leaves_nothing_out_and_changes_nothing(daemon, application):
    process, http = await daemon()
    for life in range(KILLS):
        messages = [
            {"to": f"+7926{life}{number:04}55", "text": f"{life}/{number}"} for number in range(MESSAGES // KILLS)
        ]
        await http.post("/v1/batches", {"messages": messages})
        enough = len(application.taken) + 10
        await wait_for(application, lambda enough=enough: len(application.taken) >= enough)
        await process.kill()
        process, http = await daemon()
    await wait_for(
        application, lambda: sum(one["type"] == "message.delivered" for one in application.events) == MESSAGES
    )
    kept, after = [], 0
    while (page := await http.get("/v1/events", after=after, limit=1000, type="message.*"))["events"]:
        kept += page["events"]
        after = page["after"]
    await wait_for(application, lambda: len(application.events) >= len(kept))
    # Everything that is in the store was told, each as it stands there, and first in its order.
    assert application.events[: len(kept)] == kept
    assert [one["id"] for one in application.events] == sorted({one["id"] for one in application.events})
    # What was told twice was the same under the same name.
    assert all(body == dict(application.taken)[name] for name, body in application.taken)
    assert SECRET not in process.log.read_text()
    assert application.url not in process.log.read_text()
    assert await process.stop() == 0
