"""An application that the daemon tells of events by webhook: it fails now and then, and remembers what it was told."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from aiohttp import web

from smpp_esme.daemon import signing

if TYPE_CHECKING:
    import random
    from typing import Self

SECRET: Final = signing.new_secret()
#: The types that it is told of: on the way, and how each message ends.
EVENTS: Final = ("message.submitted", "message.in_doubt", "message.delivered", "message.failed", "message.received")
#: Of the requests that come while it works, the share that fails in each of its ways.
OFTEN: Final = 0.01


class Endpoint:
    """One endpoint, an async context manager; `url` is where it listens.

    Args:
        chance: decides what fails.

    Attributes:
        heard: what it was told, whether it said so or not: an event's identifier and the octets, in their order.
        taken: the identifiers of those that it said it has, in the order in which it first did.
    """

    def __init__(self, chance: random.Random) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.taken: dict[str, None] = {}
        self.forged = 0
        self._chance = chance
        self._works = asyncio.Event()
        self._works.set()
        self._how = ""

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/", self._hear)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.mend()
        await self._runner.cleanup()

    def fail(self) -> None:
        """From now on refuse everything, break off, or keep whoever asks waiting."""
        self._how = self._chance.choice(["refuse", "break off", "hang"])
        self._works.clear()

    def mend(self) -> None:
        """Fail no more than now and then."""
        self._how = ""
        self._works.set()

    async def _hear(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.forged += not signing.is_signed(signing.keys_of(SECRET), request.headers, body)
        name = request.headers["webhook-id"]
        self.heard.append((name, body))
        how = self._how or self._mood()
        if how == "refuse":
            return web.Response(status=503)
        if how == "hang":
            await asyncio.wait_for(self._works.wait(), 5)
        self.taken[name] = None
        if how == "break off":  # it has the event, and the daemon cannot know
            request.transport.abort()
        return web.Response(status=204)

    def _mood(self) -> str:
        luck = self._chance.random()
        return "refuse" if luck < OFTEN else "break off" if luck < 2 * OFTEN else ""

    def stories(self) -> dict[str, list[int]]:
        """The events of each message by its reference, in the order in which they were first taken."""
        said = {name: json.loads(body) for name, body in self.heard}
        found = defaultdict(list)
        for name in self.taken:
            found[said[name]["data"]["reference"]].append(said[name]["id"])
        return found
