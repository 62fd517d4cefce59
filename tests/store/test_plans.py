"""The cost of a step does not grow with history: no statement of the traffic walks through a table."""

import re
import sqlite3
from datetime import timedelta

from sqlalchemy import event

from smpp_esme.message.message import Accepted, Answer, Refused, Unanswered
from smpp_esme.message.status import MessageStatus

TABLES = ("message", "segment", "event", "limbo", "limbo_form")


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
    await store.hand_back([fourth], clock.now)
    await store.recover("daemon", clock.now)
    await store.next_due_at("main")
    await store.message(first.reference)
    await store.messages(status=MessageStatus.IN_DOUBT, after=first.reference)
    await store.messages(limit=5)
    await store.events(first.reference)
    await store.limbo()


async def test_no_statement_walks_through_a_table(store, new, receipt, clock, claim, path):
    statements = {}

    def remember(_connection, _cursor, statement, parameters, *_):
        statements[statement] = parameters

    engines = [store._database.writer.sync_engine, store._database.readers.sync_engine]
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
        connection.connection.dbapi_connection.driver_connection._conn.set_progress_handler(count, 100)

    await store._write(progress)
    assert len(await claim()) == 1
    # In hundreds of the database's own instructions: walking through 2,000 rows takes some 20,000.
    assert steps < 50
