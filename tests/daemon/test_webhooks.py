"""Endpoints that come, change and go while the daemon delivers."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from smpp_esme.daemon import signing
from smpp_esme.daemon.endpoints import WebhookSettings
from smpp_esme.daemon.publish import Outcome
from smpp_esme.daemon.webhooks import Webhooks
from smpp_esme.errors import ConfigError, UnknownEndpoint
from smpp_esme.message.message import Message, Segment
from smpp_esme.store import Store


class World:
    """What couriers deliver, and when their endpoints answer."""

    def __init__(self):
        self.told = []
        self.open = {}
        self.answering = asyncio.Event()
        self.answering.set()
        self.heard = asyncio.Condition()

    def courier(self, name, settings):
        if settings.ca == "missing":
            raise ConfigError(f"webhooks.{name}.ca", "cannot be read", "a PEM file")
        return Courier(self, name, settings)

    def of(self, name):
        return [event for to, _, event in self.told if to == name]

    async def until(self, name, count):
        async with asyncio.timeout(60), self.heard:
            await self.heard.wait_for(lambda: len(self.of(name)) >= count)


class Courier:
    def __init__(self, world, name, settings):
        self._world, self._name, self._settings = world, name, settings

    async def __aenter__(self):
        self._world.open[self._name] = self._world.open.get(self._name, 0) + 1
        return self

    async def __aexit__(self, *_):
        self._world.open[self._name] -= 1

    async def take(self, name, body, *, timestamp):
        del name, timestamp
        await self._world.answering.wait()
        self._world.told.append((self._name, self._settings.url, json.loads(body)["id"]))
        async with self._world.heard:
            self._world.heard.notify_all()
        return Outcome(status=204)


@pytest.fixture
async def messages(virtual_time, url):
    async with await Store.open(url, synchronous="NORMAL") as opened:
        yield opened


@pytest.fixture
def world(virtual_time):
    return World()


@pytest.fixture
async def webhooks(messages, world):
    made = Webhooks({}, messages, courier=world.courier, owner="daemon")
    running = asyncio.create_task(made.run())
    await asyncio.sleep(0)
    yield made
    running.cancel()
    await asyncio.wait([running])
    assert not any(world.open.values())


SECRET = signing.new_secret()


def endpoint(path="hook", **fields):
    return WebhookSettings(url=f"https://shop.example/{path}", secret=SECRET, events=("*",), **fields)


async def submit(store, *references):
    segments = [Segment(number=1, short_message=b"hello")]
    at = datetime(2026, 1, 1, tzinfo=UTC)
    fields = {"destination_addr": "7", "text": "hello", "link": "main", "created_at": at, "segments": segments}
    for reference in references:
        await store.add([Message(reference=reference, **fields)])


async def begun(store, name):
    """Wait until somebody delivers to an endpoint."""
    async with asyncio.timeout(60):
        while name not in {one.name for one in await store.outbox.endpoints()}:  # noqa: ASYNC110 - time is virtual
            await asyncio.sleep(0.1)


async def test_a_new_endpoint_begins_now_and_a_removed_one_is_told_no_more(webhooks, world, messages):
    await submit(messages, "A")
    webhooks.change({"shop": endpoint()})
    await begun(messages, "shop")
    await submit(messages, "B")
    await world.until("shop", 1)
    webhooks.change({"bank": endpoint()})
    await begun(messages, "bank")
    await submit(messages, "C")
    await world.until("bank", 1)
    assert (world.of("shop"), world.of("bank")) == ([2], [3])
    assert [one.url for one in await webhooks.endpoints()] == ["https://shop.example", ""]
    with pytest.raises(UnknownEndpoint):
        await webhooks.test("shop")


async def test_one_that_comes_back_goes_on_where_it_was(webhooks, world, messages):
    webhooks.change({"shop": endpoint()})
    await begun(messages, "shop")
    await submit(messages, "A")
    await world.until("shop", 1)
    webhooks.change({})
    await asyncio.sleep(1)
    await submit(messages, "B", "C")
    webhooks.change({"shop": endpoint("new")})
    await world.until("shop", 3)
    assert [(path.rpartition("/")[2], event) for _, path, event in world.told] == [("hook", 1), ("new", 2), ("new", 3)]


async def test_what_is_under_way_to_a_changed_endpoint_ends_first_and_is_told_once(webhooks, world, messages):
    webhooks.change({"shop": endpoint()})
    await begun(messages, "shop")
    world.answering.clear()
    await submit(messages, "A", "B")
    await asyncio.sleep(3)
    webhooks.change({"shop": endpoint("new")})
    webhooks.change({"shop": endpoint("newer")})
    await asyncio.sleep(3)
    assert world.open["shop"] == 1
    world.answering.set()
    await world.until("shop", 2)
    await asyncio.sleep(3)
    assert [(path.rpartition("/")[2], event) for _, path, event in world.told] == [("hook", 1), ("newer", 2)]


async def test_one_that_is_as_it_was_is_left_alone(webhooks, world, messages):
    webhooks.change({"shop": endpoint()})
    await begun(messages, "shop")
    publisher = webhooks._publishers["shop"]
    webhooks.change({"shop": endpoint(), "bank": endpoint()})
    await begun(messages, "bank")
    assert webhooks._publishers["shop"] is publisher
    assert list(webhooks.names) == ["shop", "bank"]


async def test_one_that_waits_for_its_next_attempt_or_to_be_enabled_leaves_at_once(webhooks, world, messages):
    webhooks.change({"shop": endpoint()})
    await begun(messages, "shop")
    await messages.outbox.disable("shop", owner="daemon", at=datetime(2026, 1, 1, tzinfo=UTC))
    webhooks.change({})
    await asyncio.sleep(1)
    assert world.open == {"shop": 0}


async def test_what_could_not_be_delivered_with_is_refused_before_anything_changes(webhooks, world):
    webhooks.change({"shop": endpoint()})
    with pytest.raises(ConfigError, match=r"webhooks\.bank\.ca"):
        webhooks.check({"shop": endpoint(), "bank": endpoint(ca="missing")})
    assert list(webhooks.names) == ["shop"]
