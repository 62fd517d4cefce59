"""What waits is counted by link and priority, and what is done with is not looked at."""

import sqlite3
from datetime import timedelta

import pytest
from sqlalchemy import event

from smpp_esme.store.backlog import Backlog, Waiting

LINKS = ["main", "second", "empty"]


async def test_an_empty_store_has_no_backlog(store):
    assert await store.backlog(LINKS) == Backlog(queue=[], limbo=0)


async def test_what_is_queued_is_counted_by_link_and_priority_with_the_first_that_is_due(store, new, clock, claim):
    began = clock.now
    later = began + timedelta(days=1)
    await store.add([new(), new(next_attempt_at=later), new(priority=3, next_attempt_at=later), new(link="second")])
    queue = (await store.backlog(LINKS)).queue
    assert sorted(queue, key=lambda one: (one.link, one.priority)) == [
        Waiting(link="main", priority=0, messages=2, due_at=began),
        Waiting(link="main", priority=3, messages=1, due_at=later),
        Waiting(link="second", priority=0, messages=1, due_at=began),
    ]
    await claim()
    assert {(one.link, one.priority): one.messages for one in (await store.backlog(LINKS)).queue} == {
        ("main", 0): 1,
        ("main", 3): 1,
        ("second", 0): 1,
    }


async def test_receipts_of_nobody_are_counted(store, clock, receipt):
    await store.record_receipts([receipt("1"), receipt("2"), receipt("1")], clock.now)
    assert (await store.backlog(LINKS)).limbo == 2


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_the_queue_is_counted_from_the_index_that_holds_nothing_else(store, new, path):
    asked = []
    event.listen(store._database.readers, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    await store.backlog(LINKS)
    [(queue, parameters)] = [one for one in asked if "priority" in one[0]]
    with sqlite3.connect(path) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {queue}", parameters)]
    connection.close()
    assert [step for step in plan if "message" in step] == ["SEARCH message USING INDEX message_claim (link=?)"]
