"""What came in goes when it is old, a little at a time; what a webhook is still to be told of stays."""

import pytest
from sqlalchemy import insert

from smpp_esme.message.message import new_reference
from smpp_esme.message.notice import Selection
from smpp_esme.message.received import Received
from smpp_esme.store import arrivals, tables


@pytest.fixture
def wrote(store, clock):
    """Keeps so many messages of subscribers: their references."""
    made = 0

    async def keep(number=1):
        nonlocal made
        came = []
        for _ in range(number):
            made += 1
            came.append(
                Received(
                    reference=new_reference(1_767_225_600_000_000_000, made),
                    link="main",
                    source_addr="79160000001",
                    destination_addr="1234",
                    text="STOP",
                    coding="gsm",
                    data_coding=0,
                    received_at=clock.now,
                )
            )
        await store.inbox.keep(came)
        return [one.reference for one in came]

    return keep


async def walk(step, before):
    """How many steps it takes."""
    steps, after = 0, 0
    while after is not None:
        after = await step(before, after=after)
        steps += 1
    return steps


async def left(store):
    return [one.reference for one in await store.inbox.messages()]


async def events(store):
    return [one.id for one in (await store.feed.page(0, Selection.of(["message.received"]))).events]


async def webhook(store, event):
    values = {"endpoint": "shop", "event": event, "disabled_at": None, "lease_owner": None, "lease_until": None}
    await store._write(lambda connection: connection.execute(insert(tables.webhook).values(values)))


async def test_what_a_subscriber_wrote_goes_with_the_event_that_tells_of_it(store, wrote, clock):
    await wrote(2)
    limit = clock.pass_(days=1)
    young = await wrote()
    await walk(store.housekeeping.delete_received, limit)
    assert await left(store) == young
    assert len(await events(store)) == 1


async def test_what_a_webhook_is_still_to_be_told_of_stays(store, wrote, clock):
    await wrote(2)
    first, last = await events(store)
    await webhook(store, first)
    await walk(store.housekeeping.delete_received, clock.pass_(days=1))
    assert await events(store) == [last]
    await store.outbox.bury("shop", last, attempts=1, reason="HTTP 500", at=clock.now)
    await store._write(lambda connection: connection.exec_driver_sql("UPDATE webhook SET event = 1000"))
    await walk(store.housekeeping.delete_received, clock.now)
    assert (await events(store), store.housekeeping.dead_letters) == ([], 1)


async def test_an_old_receipt_in_limbo_goes_with_its_forms(store, receipt, clock):
    await store.record_receipts([receipt("1"), receipt("2")], clock.now)
    limit = clock.pass_(days=1)
    await store.record_receipts([receipt("3")], clock.now)
    await walk(store.housekeeping.delete_limbo, limit)
    assert [one.fact.message_id for one in await store.limbo(10)] == ["3"]

    def forms(connection):
        return connection.exec_driver_sql("SELECT DISTINCT limbo FROM limbo_form").scalars().all()

    assert len(await store._read(forms)) == 1


async def test_a_step_takes_a_few(store, wrote, receipt, clock, monkeypatch):
    monkeypatch.setattr(arrivals, "STEP", 4)
    await wrote(10)
    await store.record_receipts([receipt(f"{number}") for number in range(10)], clock.now)
    limit = clock.pass_(days=1)
    assert await walk(store.housekeeping.delete_received, limit) == 3
    assert await walk(store.housekeeping.delete_limbo, limit) == 3
    assert (await left(store), await store.limbo(10)) == ([], [])
