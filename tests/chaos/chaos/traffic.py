"""Clients that hand messages in and survive the daemon's deaths: the same key until somebody answers."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp

HANDS = 6
#: Seconds between two requests of one client: so much traffic that every fault hits some.
PAUSE = 0.02
BATCH = 4
#: Who hands in more than the daemon gets rid of would have it drain for minutes at the end, and prove no more by that.
BACKLOG = 300
#: Any other status is a fault of the daemon's.
OK, ACCEPTED, UNAVAILABLE = 200, 202, 503


def destination(number):
    return f"7926{number:07}"


def number_of(destination_addr):
    return int(destination_addr.removeprefix("7926"))


def body(number):
    """Every fifth text takes two segments, and every third message is sent again where it comes in doubt."""
    text = f"Numbered message {number}" + (" " + "." * 160 if number % 5 == 0 else "")
    policy = {"resubmit": "resend"} if number % 3 == 0 else {}
    return {"to": "+" + destination(number), "text": text} | policy


class Traffic:
    """What was handed in, and under which references it was accepted."""

    def __init__(self, daemon):
        self._daemon = daemon
        self._next = 0
        self._stopping = False
        self._queued = 0
        self.references: dict[int, str] = {}
        self.unavailable = 0
        self.unanswered = 0

    async def run(self):
        """Hand messages in, several at a time, until `stop`; each that was begun is brought to its end."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http,
            asyncio.TaskGroup() as hands,
        ):
            for hand in range(HANDS):
                hands.create_task(self._hand_in(http, batches=hand % 3 == 0))
            hands.create_task(self._watch(http))

    def stop(self):
        self._stopping = True

    async def _watch(self, http):
        """See how much is queued; while nobody can say, nothing is."""
        while not self._stopping:
            self._queued = 0
            if url := self._daemon.url:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, ConnectionError):
                    async with http.get(url + "/v1/stats") as response:
                        self._queued = (await response.json())["QUEUED"] if response.status == OK else 0
            await asyncio.sleep(0.3)

    async def _hand_in(self, http, *, batches):
        while not self._stopping:
            if self._queued > BACKLOG:
                await asyncio.sleep(PAUSE)
                continue
            numbers = range(self._next, self._next + (BATCH if batches else 1))
            self._next = numbers.stop
            orders = [body(number) for number in numbers]
            path, content = ("/v1/batches", {"messages": orders}) if batches else ("/v1/messages", orders[0])
            answer = await self._until_answered(http, path, content, f"numbers {numbers}")
            kept = answer["messages"] if batches else [answer]
            self.references |= {number: each["reference"] for number, each in zip(numbers, kept, strict=True)}
            await asyncio.sleep(PAUSE)

    async def _until_answered(self, http, path, content, key):
        while True:
            if url := self._daemon.url:
                try:
                    async with http.post(url + path, json=content, headers={"Idempotency-Key": key}) as response:
                        if response.status == ACCEPTED:
                            return await response.json()
                        text = await response.text()
                        assert response.status == UNAVAILABLE, f"{path}: {response.status} {text}"
                        assert response.content_type == "application/problem+json"
                        self.unavailable += 1
                except (aiohttp.ClientError, TimeoutError, ConnectionError):
                    self.unanswered += 1
            await asyncio.sleep(0.05)
