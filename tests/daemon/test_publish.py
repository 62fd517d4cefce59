"""One endpoint through its good and bad days, in time that jumps."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from smpp_esme.daemon import signing
from smpp_esme.daemon.endpoints import WebhookSettings
from smpp_esme.daemon.metrics import Metrics
from smpp_esme.daemon.publish import Outcome, Publisher, retry_after
from smpp_esme.errors import StoreUnusable
from smpp_esme.message.message import Message, Segment
from smpp_esme.store import Store

AT = datetime(2026, 1, 1, tzinfo=UTC)
OK = Outcome(status=204)
BROKEN = Outcome(status=500, reason="HTTP 500")


class Application:
    """Stands in for courier and endpoint: remembers what came and when, and answers what a test says."""

    def __init__(self, loop):
        self.loop = loop
        self.came = []
        self.answers = []
        self.always = OK
        self.heard = asyncio.Condition()
        self.under_way = self.most = 0

    async def take(self, name, body, *, timestamp):
        event = json.loads(body)
        self.came.append((self.loop.time(), name, event))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.001)
        self.under_way -= 1
        async with self.heard:
            self.heard.notify_all()
        answer = self.answers.pop(0) if self.answers else self.always
        return answer(event) if callable(answer) else answer

    @property
    def ids(self):
        return [event["id"] for _, _, event in self.came]

    async def until(self, condition):
        async with self.heard:
            await self.heard.wait_for(condition)


@pytest.fixture
async def url(tmp_path, sqlite_template):
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path)}"


@pytest.fixture
async def messages(virtual_time, url):
    async with await Store.open(url, synchronous="NORMAL") as opened:
        yield opened


@pytest.fixture
def application(virtual_time):
    return Application(virtual_time)


async def submit(store, count=1):
    """So many messages, each one event."""
    kept = len(await store.messages(limit=1000))
    await store.add(
        [
            Message(
                reference=f"R{kept + number}", destination_addr="79161234567", text="hello", link="main", created_at=AT,
                segments=[Segment(number=1, short_message=b"hello")],
            )
            for number in range(count)
        ]
    )  # fmt: skip


@pytest.fixture
async def publish_to(virtual_time, messages, application):
    """Begins to deliver: `await publish_to(attempts=3)`; from the first event on."""
    running = []

    def now():
        return AT + timedelta(seconds=virtual_time.time())

    async def begun(*, owner="daemon", name="shop", courier=application, start=0, **fields):
        settings = WebhookSettings(
            url="https://shop.example/hook", secret=signing.new_secret(), **({"events": ("*",)} | fields)
        )
        meter = metrics.webhook(name)
        until = now() + timedelta(seconds=1)
        await messages.outbox.claim(name, owner=owner, start=start, at=now(), until=until)
        publisher = Publisher(name, settings, messages, courier, owner=owner, meter=meter, now=now, chance=lambda: 1.0)
        publisher.task = asyncio.create_task(publisher.run())
        running.append(publisher.task)
        return publisher

    metrics = Metrics()
    begun.metrics = metrics
    yield begun
    for one in running:
        one.cancel()
        await asyncio.wait([one])


async def end(publisher):
    await asyncio.sleep(1)  # for what was just taken to be marked as done
    publisher.task.cancel()
    await asyncio.wait([publisher.task])


def waits(application):
    moments = [moment for moment, _, _ in application.came]
    return [round(after - before) for before, after in itertools.pairwise(moments)]


async def test_events_arrive_in_their_order_each_once(publish_to, application, messages):
    publisher = await publish_to()
    await submit(messages, 300)
    await application.until(lambda: len(application.came) == 300)
    await submit(messages, 5)
    await application.until(lambda: len(application.came) == 305)
    await end(publisher)
    assert application.ids == list(range(1, 306))
    assert application.most == 1
    assert [one.event for one in await messages.outbox.endpoints()] == [305]


async def test_an_event_that_fails_is_tried_again_later_and_later_under_the_same_name(
    publish_to, application, messages
):
    application.answers = [BROKEN] * 6
    await publish_to(shortest=2, longest=20)
    await submit(messages, 2)
    await application.until(lambda: len(application.came) == 8)
    assert application.ids == [1] * 7 + [2]
    assert len({name for _, name, _ in application.came[:7]}) == 1
    assert waits(application) == [2, 4, 8, 16, 20, 20, 0]


async def test_chance_takes_up_to_half_of_a_wait(publish_to, application, messages):
    publisher = await publish_to(shortest=2, longest=20)
    publisher._chance = lambda: 0.0
    application.answers = [BROKEN] * 2
    await submit(messages)
    await application.until(lambda: len(application.came) == 3)
    assert waits(application) == [1, 2]


async def test_what_the_endpoint_asks_for_is_granted(publish_to, application, messages):
    application.answers = [Outcome(status=429, reason="HTTP 429", retry_after=100.0)]
    await publish_to(shortest=2, longest=20)
    await submit(messages)
    await application.until(lambda: len(application.came) == 2)
    assert waits(application) == [100]


async def test_an_event_that_is_refused_for_good_is_a_dead_letter_and_the_next_goes_on(
    publish_to, application, messages
):
    refused = Outcome(status=422, reason="HTTP 422")
    application.answers = [refused] * 3
    publisher = await publish_to(attempts=3, shortest=2)
    await submit(messages, 2)
    await application.until(lambda: len(application.came) == 4)
    await end(publisher)
    assert application.ids == [1, 1, 1, 2]
    assert waits(application) == [2, 4, 0]
    (letter,) = await messages.outbox.dead_letters("shop")
    assert (letter.event.id, letter.attempts, letter.reason) == (1, 3, "HTTP 422")
    text = (await publish_to.metrics.exposition()).decode()
    assert 'webhook_attempts_total{endpoint="shop",outcome="failed"} 3.0' in text
    assert 'webhook_attempts_total{endpoint="shop",outcome="delivered"} 1.0' in text
    assert 'webhook_dead_total{endpoint="shop"} 1.0' in text


async def test_while_an_endpoint_is_down_events_wait_instead_of_dying_one_by_one(publish_to, application, messages):
    application.always = Outcome(reason="cannot connect")
    publisher = await publish_to(attempts=4, shortest=2, longest=600)
    await submit(messages, 50)
    await asyncio.sleep(7_200)
    application.always = OK
    await application.until(lambda: application.ids[-1] == 50)
    dead = len(await messages.outbox.dead_letters("shop"))
    # Two hours are a dozen waits of ten minutes and the shorter ones before; four attempts make a dead letter.
    assert 3 <= dead <= 6
    delivered = application.ids[-(50 - dead) :]
    assert delivered == list(range(dead + 1, 51))
    await end(publisher)


async def test_an_endpoint_that_is_gone_is_told_nothing_until_it_is_enabled(publish_to, application, messages, caplog):
    application.answers = [OK, Outcome(status=410, reason="HTTP 410")]
    publisher = await publish_to()
    await submit(messages, 3)
    await asyncio.sleep(600)
    assert application.ids == [1, 2]
    (endpoint,) = await messages.outbox.endpoints()
    assert endpoint.disabled_at
    assert endpoint.event == 1
    assert "webhook.disabled" in [one.getMessage() for one in caplog.records]
    await end(publisher)
    publisher = await publish_to()
    await asyncio.sleep(600)
    assert application.ids == [1, 2]
    await messages.outbox.enable("shop")
    publisher.wake()
    await application.until(lambda: len(application.came) == 4)
    assert application.ids == [1, 2, 2, 3]


async def test_dead_letters_that_are_replayed_are_tried_once_more(publish_to, application, messages):
    application.always = Outcome(status=400, reason="HTTP 400")
    publisher = await publish_to(attempts=1)
    await submit(messages, 3)
    await application.until(lambda: len(application.came) == 3)
    await asyncio.sleep(10)
    application.always = OK
    application.answers = [Outcome(status=404, reason="HTTP 404")]
    assert await messages.outbox.replay("shop", None, at=AT) == 3
    publisher.wake()
    await application.until(lambda: len(application.came) == 6)
    await asyncio.sleep(10)
    assert application.ids == [1, 2, 3, 1, 2, 3]
    names = [name for _, name, _ in application.came]
    assert names[:3] == names[3:]
    (left,) = await messages.outbox.dead_letters("shop")
    assert (left.event.id, left.attempts, left.reason, left.replay_at) == (1, 2, "HTTP 404", None)


async def test_several_may_be_under_way_and_what_is_about_one_message_stays_in_order(publish_to, application, messages):
    await submit(messages, 40)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    await messages.claim(100, link="main", owner="daemon", lease_until=soon)
    publisher = await publish_to(concurrency=8)
    await application.until(lambda: len(application.came) == 80)
    await end(publisher)
    assert 1 < application.most <= 8
    for reference in {event["data"]["reference"] for _, _, event in application.came}:
        types = [event["type"] for _, _, event in application.came if event["data"]["reference"] == reference]
        assert types == ["message.queued", "message.submitting"]
    assert (await messages.outbox.endpoints())[0].event == 80


async def test_with_several_under_way_the_place_is_before_the_first_that_is_not_done(publish_to, application, messages):
    application.always = lambda event: BROKEN if event["id"] == 5 else OK
    publisher = await publish_to(concurrency=8, attempts=1000)
    await submit(messages, 40)
    await asyncio.sleep(60)
    assert set(range(1, 41)) - set(application.ids) <= set(range(6, 41))
    await end(publisher)
    assert (await messages.outbox.endpoints())[0].event == 4


async def test_what_was_delivered_but_not_written_down_is_delivered_again_under_the_same_name(
    publish_to, application, messages, monkeypatch
):
    """A kill between the delivery and the note: here, the note is never made."""
    publisher = await publish_to()
    await submit(messages, 3)
    await application.until(lambda: len(application.came) == 3)
    await asyncio.sleep(10)
    assert publisher._noted == 3

    async def dead(*_, **__):
        raise StoreUnusable("killed")

    with monkeypatch.context() as patch:
        patch.setattr(messages.outbox, "advance", dead)
        await submit(messages, 3)
        await application.until(lambda: len(application.came) == 6)
        await end(publisher)
    again = await publish_to()
    await application.until(lambda: len(application.came) == 9)
    await end(again)
    assert application.ids == [1, 2, 3, 4, 5, 6, 4, 5, 6]
    names = [name for _, name, _ in application.came]
    assert names[3:6] == names[6:]
    assert len(set(names)) == 6


async def test_a_store_that_fails_for_a_while_ends_nothing(publish_to, application, messages, monkeypatch, caplog):
    await publish_to()

    async def broken(*_, **__):
        raise StoreUnusable("no disk")

    with monkeypatch.context() as patch:
        patch.setattr(messages.feed, "page", broken)
        await asyncio.sleep(60)
    await submit(messages)
    await application.until(lambda: application.ids == [1])
    assert "webhook.store_failed" in [one.getMessage() for one in caplog.records]


async def test_of_two_daemons_one_delivers_and_the_other_takes_over_when_it_dies(publish_to, application, messages):
    other = Application(application.loop)
    first = await publish_to()
    await asyncio.sleep(1)
    await publish_to(owner="other", courier=other)
    await submit(messages, 2)
    await asyncio.sleep(600)
    assert (application.ids, other.ids) == ([1, 2], [])
    # It dies without a word: nothing is given back.
    first._let_go = lambda: asyncio.sleep(0)
    await end(first)
    await submit(messages)
    await other.until(lambda: other.ids == [3])


async def test_a_slow_endpoint_holds_up_no_other(publish_to, application, messages):
    stuck, never = Application(application.loop), asyncio.Event()

    async def take(*_, **__):
        await never.wait()

    stuck.take = take
    await publish_to(name="stuck", courier=stuck)
    await publish_to()
    await submit(messages, 10)
    await application.until(lambda: len(application.came) == 10)
    assert application.loop.time() < 60


async def test_only_what_was_chosen_is_delivered(publish_to, application, messages):
    publisher = await publish_to(events=("message.submitting",))
    await submit(messages, 2)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    await messages.claim(1, link="main", owner="daemon", lease_until=soon)
    await application.until(lambda: application.ids == [3])
    await asyncio.sleep(5)
    await end(publisher)
    assert (await messages.outbox.endpoints())[0].event == 3


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("9" * 400, 86_400.0),
        (format_datetime(AT + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(AT - timedelta(seconds=90), usegmt=True), 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("Fri, 99 Foo 2026 00:00:00 GMT", None),
    ],
)
def test_what_retry_after_asks_for(written, seconds):
    assert retry_after(written, AT.timestamp()) == seconds


def test_an_endpoint_may_be_down_for_years():
    settings = WebhookSettings(url="https://shop.example", secret=signing.new_secret())
    publisher = object.__new__(Publisher)
    publisher._settings, publisher._chance = settings, lambda: 1.0
    assert publisher._wait(1_000_000, BROKEN) == settings.longest
