"""What is old is forgotten, a little at a time, and what is not final is never touched."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from smpp_esme.errors import UnknownReference
from smpp_esme.message.message import Accepted, Answer
from smpp_esme.message.notice import LinkData, LinkFact, Selection
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import retention, tables

S = MessageStatus


@pytest.fixture
def delivered(store, new, claim, clock, receipt):
    """Keeps so many messages, and brings them to their end."""

    async def ended(number=1, **fields):
        await store.add([new(**fields) for _ in range(number)])
        claimed = await claim(number)
        answers = [
            Answer(each.id, part.number, Accepted(f"{each.id}.{part.number}"))
            for each in claimed
            for part in each.segments
        ]
        await store.record_answers(answers, clock.now)
        await store.record_receipts([receipt(each.outcome.message_id) for each in answers], clock.now)
        return [each.reference for each in claimed]

    return ended


async def walk(step, before):
    """How many steps it takes."""
    steps, after = 0, 0
    while after is not None:
        after = await step(before, after=after)
        steps += 1
    return steps


async def test_an_old_message_goes_with_its_segments_and_its_history(store, delivered, clock):
    [old] = await delivered(parts=2)
    limit = clock.pass_(days=1)
    [young] = await delivered()  # whose only segment stands in its own row
    await walk(store.housekeeping.delete_old, limit)
    with pytest.raises(UnknownReference):
        await store.message(old)
    assert (await store.message(young)).status is S.DELIVERED
    assert (await store.counts())[S.DELIVERED] == 1

    def rows(connection):
        return [
            connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in ("segment", "event")
        ]

    assert await store._read(rows) == [0, 4]


async def test_what_is_not_final_is_kept_however_old_it_is(store, new, claim, clock):
    await store.add([new() for _ in range(2)])
    await claim(1)
    await walk(store.housekeeping.delete_old, clock.pass_(days=10_000))
    assert sum((await store.counts()).values()) == 2


async def test_what_is_forgotten_already_is_not_written_again(store, delivered, clock):
    await delivered(10)
    await delivered(5, parts=2)

    def changes(connection):
        return connection.exec_driver_sql("SELECT total_changes()").scalar_one()

    before = clock.pass_(days=1)
    await walk(store.housekeeping.clear_texts, before)
    if not store.name.startswith("sqlite"):
        pytest.skip("SQLite counts what it has changed")
    counted = await store._write(changes)
    await walk(store.housekeeping.clear_texts, before)
    assert await store._write(changes) == counted


async def test_a_text_is_forgotten_and_the_rest_stays(store, delivered, clock):
    [reference] = await delivered(parts=2, wish='{"text":"Privet"}')
    before = await store.message(reference)
    await walk(store.housekeeping.clear_texts, clock.pass_(days=1))
    kept = await store.message(reference)
    assert (kept.text, [part.short_message for part in kept.segments]) == ("", [b"", b""])
    assert (kept.status, kept.destination_addr) == (before.status, before.destination_addr)
    wishes = await store._read(
        lambda connection: connection.exec_driver_sql("SELECT wish FROM message").scalars().all()
    )
    assert wishes == [None]
    assert len(await store.events(reference)) > 0


async def test_a_late_receipt_for_what_was_deleted_waits_in_limbo(store, delivered, clock, receipt):
    [reference] = await delivered()
    message = await store.message(reference)
    await walk(store.housekeeping.delete_old, clock.pass_(days=1))
    [recorded] = await store.record_receipts([receipt(message.segments[0].message_id)], clock.now)
    assert recorded.reference is None
    assert len(await store.limbo()) == 1


async def test_it_goes_in_steps_and_ends_where_messages_are_young(store, delivered, clock, monkeypatch):
    monkeypatch.setattr(retention, "STEP", 3)
    await delivered(7)
    limit = clock.pass_(days=1)
    await delivered(50)
    assert await walk(store.housekeeping.delete_old, limit) == 3
    assert (await store.counts())[S.DELIVERED] == 50


async def test_messages_for_a_link_that_is_no_more_are_counted(store, new, claim):
    await store.add([new(link=link) for link in ("main", "old", "old", "older")])
    assert await store.housekeeping.stranded(["main", "spare"]) == {"old": 2, "older": 1}
    await claim(link="old")
    assert await store.housekeeping.stranded(["main", "spare"]) == {"older": 1}


async def test_messages_scheduled_for_later_count_too(store, new, clock):
    await store.add([new(link="old", next_attempt_at=clock.now + timedelta(days=1))])
    assert await store.housekeeping.stranded([]) == {"old": 1}


async def test_events_go_and_what_they_came_to_stays(store, delivered, new, clock):
    [old] = await delivered(parts=2)
    [waiting] = await store.add([new(link="other")])
    limit = clock.pass_(days=1)
    [young] = await delivered()
    await walk(store.housekeeping.delete_events, limit)
    assert await store.events(old) == []
    assert (await store.message(old)).status is S.DELIVERED
    assert len(await store.events(waiting.reference)) == 1
    assert len(await store.events(young)) == 4
    assert (await store.counts())[S.DELIVERED] == 2


async def test_an_event_that_a_webhook_is_still_to_be_told_stays(store, delivered, clock):
    [old] = await delivered()
    events = await store.events(old)

    def told_of_two(connection):
        connection.exec_driver_sql(f"INSERT INTO webhook (endpoint, event) VALUES ('shop', {events[1].id})")

    await store._write(told_of_two)
    await walk(store.housekeeping.delete_events, clock.pass_(days=1))
    assert await store.events(old) == events[2:]


async def test_a_dead_letter_keeps_its_event(store, delivered, clock):
    [old] = await delivered()
    events = await store.events(old)

    def died(connection):
        columns = "event, endpoint, at, attempts, reason"
        connection.exec_driver_sql(f"INSERT INTO dead_letter ({columns}) VALUES ({events[1].id}, 'shop', 0, 1, 'gone')")

    await store._write(died)
    await walk(store.housekeeping.delete_events, clock.pass_(days=1))
    assert await store.events(old) == events[1:2]


async def webhook(store, name, event, **fields):
    values = {"endpoint": name, "event": event, "disabled_at": None, "lease_owner": None, "lease_until": None} | fields
    await store._write(lambda connection: connection.execute(insert(tables.webhook).values(values)))


async def test_a_message_stays_while_a_webhook_is_still_to_be_told_of_it(store, delivered, clock):
    [told], [untold] = await delivered(parts=2), await delivered()
    await webhook(store, "shop", (await store.events(untold))[-2].id)
    await walk(store.housekeeping.delete_old, clock.pass_(days=1))
    assert (await store.message(untold)).status is S.DELIVERED
    with pytest.raises(UnknownReference):
        await store.message(told)
    await store._write(lambda connection: connection.exec_driver_sql("UPDATE webhook SET event = event + 1"))
    await walk(store.housekeeping.delete_old, clock.now)
    with pytest.raises(UnknownReference):
        await store.message(untold)


async def test_an_endpoint_that_nobody_delivers_to_any_more_keeps_nothing(store, delivered, clock):
    """Not this daemon, nor another: whatever was configured once would keep every event for ever."""
    [old] = await delivered()
    limit = clock.pass_(days=1)
    step, delete_old = store.housekeeping.delete_events, store.housekeeping.delete_old
    await webhook(store, "removed", 0)
    await webhook(store, "dead", 0, lease_owner="another", lease_until=clock.now)
    await webhook(store, "gone", 0, disabled_at=clock.now)

    async def walked(step):
        await walk(lambda before, *, after: step(before, after=after, endpoints={"shop"}, at=clock.now), limit)

    await webhook(store, "elsewhere", 0, lease_owner="another", lease_until=clock.now + timedelta(seconds=1))
    await walked(step)
    await walked(delete_old)
    assert len(await store.events(old)) == 4
    clock.pass_(seconds=1)
    await webhook(store, "shop", 0)
    await walked(step)
    assert len(await store.events(old)) == 4
    await store._write(lambda connection: connection.exec_driver_sql("DELETE FROM webhook WHERE endpoint = 'shop'"))
    await walked(step)
    assert await store.events(old) == []
    await walked(delete_old)
    assert store.housekeeping.dead_letters == 0


async def test_a_dead_letter_goes_with_its_message_and_is_counted(store, delivered, clock):
    [old] = await delivered()
    await webhook(store, "shop", event := (await store.events(old))[-1].id)
    await store.outbox.bury("shop", event, attempts=1, reason="HTTP 500", at=clock.now)
    await walk(store.housekeeping.delete_old, clock.pass_(days=1))
    assert await store.outbox.dead_letters("shop") == []
    assert store.housekeeping.dead_letters == 1


async def test_what_links_told_goes_with_messages_of_its_age_unless_a_webhook_waits_for_it(store, delivered, clock):
    def lost(at):
        return LinkFact(state="LOST", at=at, data=LinkData(link="main", bind="transceiver 1"))

    async def kept():
        return [one.id for one in (await store.feed.page(0, Selection.of(["link.*"]))).events]

    await store.outbox.announce([lost(clock.now) for _ in range(3)])
    old = await kept()
    limit = clock.pass_(days=1)
    await store.outbox.announce([lost(clock.now)])
    await delivered()
    await webhook(store, "shop", old[0])
    await store.outbox.bury("bank", old[1], attempts=1, reason="HTTP 500", at=clock.now)
    await walk(store.housekeeping.delete_old, limit)
    assert await kept() == [*old[1:], old[2] + 1]
    await store._write(lambda connection: connection.exec_driver_sql("UPDATE webhook SET event = 1000"))
    await walk(store.housekeeping.delete_old, limit)
    assert await kept() == [old[1], old[2] + 1]
