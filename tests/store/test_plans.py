"""The cost of a step does not grow with history: no statement of the traffic walks through a table."""

import re
import sqlite3
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import event

from smpp_esme.message.message import Accepted, Answer, Refused, Unanswered
from smpp_esme.message.notice import Selection
from smpp_esme.message.received import HeldSegment, Received, SegmentKey
from smpp_esme.message.status import MessageStatus
from smpp_esme.store import Store, reroute

TABLES = (
    "message",
    "segment",
    "event",
    "limbo",
    "limbo_form",
    "received",
    "received_segment",
    "webhook",
    "dead_letter",
)


@pytest.fixture
def url(path):
    return f"sqlite:///{path}"


async def traffic(store, new, receipt, clock, claim):
    """Everything that happens to messages, once."""
    await store.add([new(parts=2, client_reference="1", idempotency_key="1"), *[new() for _ in range(6)]])
    first, second, third, fourth, *_ = await claim()
    refused = Refused(0x58, "ESME_RTHROTTLED", "throttled", retryable=True)
    early = receipt("early", forms=("EARLY",), hlr={"mcc": "250"})
    await store.record_receipts([early], clock.now)
    answers = [
        Answer(first.id, 1, Accepted("1")),
        Answer(first.id, 2, Accepted("early")),
        Answer(second.id, 1, refused),
        Answer(third.id, 1, Unanswered(written=True)),
    ]
    await store.record_answers(answers, clock.now)
    await store.record_receipts([receipt("1", forms=("01",)), receipt("orphan")], clock.now)
    await store.record_answers([Answer(fourth.id, 1, Unanswered(written=False))], clock.now)
    await store.reroute.stranded(["main"])
    queue = await store.reroute.waiting("main", until=clock.now)
    moved = [replace(one.message, link="spare") for one in queue.free]
    assert len(await store.reroute.move(moved, from_link="main", decided="failover", at=clock.now)) == 1
    await store.reroute.move([replace(one, link="main") for one in moved], from_link="spare", decided="", at=clock.now)
    await store.recover("daemon", clock.now)
    await store.housekeeping.hasten_misdated(clock.now - timedelta(hours=1))
    await store.probe()
    await store.message(first.reference)
    await store.messages(status=MessageStatus.IN_DOUBT, after=first.reference)
    await store.messages(limit=5)
    await store.events(first.reference)
    await store.limbo()
    key = SegmentKey("main", "79990000001", "1234", "udh8", 7, 2)
    await store.inbox.keep([], held=[HeldSegment(key, b"pdu", clock.now)])
    await store.inbox.waiting("main")
    came = Received(
        reference="R", link="main", source_addr="79990000001", destination_addr="1234", text="Yes", coding="gsm7",
        data_coding=0, received_at=clock.now,
    )  # fmt: skip
    await store.inbox.keep([came], cleared=[key])
    await store.inbox.messages(after="R")
    await store.inbox.message("R")
    await store.feed.page(0)
    await store.feed.page(0, Selection.of(["message.received"], link="main"))
    await store.feed.page(0, Selection.of(reference=first.reference))
    await store.feed.page(0, Selection.of(reference="R"))


async def test_no_statement_walks_through_a_table(store, new, receipt, clock, claim, path):
    statements = {}

    def remember(_connection, _cursor, statement, parameters, *_):
        statements[statement] = parameters

    engines = [store._database.writer, store._database.readers]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", remember)
    await traffic(store, new, receipt, clock, claim)
    for engine in engines:
        event.remove(engine, "before_cursor_execute", remember)

    connection = sqlite3.connect(path)
    walks = []
    for statement, parameters in statements.items():
        if statement.startswith("BEGIN"):
            continue
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        walks += [(step, statement) for step in plan if (found := re.match(r"SCAN (\w+)", step)) and found[1] in TABLES]
    connection.close()
    assert len(statements) > 20
    assert walks == []


async def test_a_million_scheduled_messages_would_not_stand_in_the_way_of_one_that_is_due(store, new, clock, claim):
    later = clock.now + timedelta(days=1)
    await store.add([new(priority=3, next_attempt_at=later) for _ in range(2000)])
    await store.add([new()])
    steps = 0

    def count():
        nonlocal steps
        steps += 1

    def progress(connection):
        connection.connection.dbapi_connection.set_progress_handler(count, 100)

    await store._write(progress)
    assert len(await claim()) == 1
    # In hundreds of the database's own instructions: walking through 2,000 rows takes some 20,000.
    assert steps < 50


async def test_a_step_through_a_long_queue_costs_what_it_looks_at(store, new):
    await store.add([new(pinned=number % 2 == 0) for number in range(4000)])
    step = await store.reroute.waiting("main", limit=3500)
    steps = 0

    def count():
        nonlocal steps
        steps += 1

    def progress(connection):
        connection.connection.dbapi_connection.set_progress_handler(count, 100)

    await store._write(progress)
    await store._write(reroute.waiting, "main", step.after, until=None, limit=10, pinned=False)
    # In hundreds of the database's own instructions: walking through the 3,500 before it takes some 20,000.
    assert steps < 50


async def test_every_statement_of_the_traffic_has_an_index_on_postgresql(postgres_url, new, receipt, clock):
    """The tables of a test are so small that the server would rather walk them; told not to, it must know a way."""
    async with await Store.open(postgres_url, now=clock) as store:
        statements = {}

        def remember(_connection, _cursor, statement, parameters, *_):
            statements[statement] = parameters

        engines = [store._database.writer.sync_engine, store._database.readers.sync_engine]
        for engine in engines:
            event.listen(engine, "before_cursor_execute", remember)

        async def claim(limit=100):
            until = clock.now + timedelta(minutes=1)
            return await store.claim(limit, link="main", owner="daemon", lease_until=until)

        await traffic(store, new, receipt, clock, claim)
        for engine in engines:
            event.remove(engine, "before_cursor_execute", remember)
        walks = []
        async with store._database.writer.connect() as connection:
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            for statement, parameters in statements.items():
                if not statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
                    continue
                plan = [row[0] for row in await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
                scans = [re.search(r"Seq Scan on (\w+)", step) for step in plan]
                walks += [(found[1], statement) for found in scans if found and found[1] in TABLES]
    assert len(statements) > 20
    assert walks == []


async def test_postgresql_looks_a_batch_up_row_by_row_however_young_the_tables_are(postgres_url, new, receipt, clock):
    """The plan is made once: what compares all messages with all of a batch would be quadratic ever after."""
    async with await Store.open(postgres_url, now=clock) as store:
        statements = {}

        def remember(_connection, _cursor, statement, parameters, *_):
            statements[statement] = parameters

        event.listen(store._database.writer.sync_engine, "before_cursor_execute", remember)
        for _ in range(2):  # of a batch that agrees in nothing, and of one that agrees in much
            await store.add([new(), new(priority=1)])
            claimed = await store.claim(2, link="main", owner="daemon", lease_until=clock.now + timedelta(minutes=1))
            await store.record_answers([Answer(each.id, 1, Accepted(f"{each.id}")) for each in claimed], clock.now)
            await store.record_receipts([receipt(f"{each.id}") for each in claimed], clock.now)
        event.remove(store._database.writer.sync_engine, "before_cursor_execute", remember)
        compared = []
        async with store._database.writer.connect() as connection:
            for statement, parameters in statements.items():
                if "AS batch" in statement:
                    plan = [row[0] for row in await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
                    compared += [(step, statement) for step in plan if "Join Filter" in step or "Hash Cond" in step]
    assert len(statements) > 10
    assert compared == []
