"""Those who wait together are written together, and none of them pays for another's mistake."""

import asyncio

import pytest

from smpp_esme.store.group_commit import ROWS_TOGETHER, CommitUnknown, DatabaseAway, GroupCommit


class Recorded:
    """A database that remembers its transactions, and ends one only when it is let."""

    def __init__(self):
        self.committed = []
        self.errors = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, change):
        await self.gate.wait()
        transaction = []
        outcome = change(transaction)
        if self.errors:
            raise self.errors.pop(0)
        self.committed.append(transaction)
        return outcome


async def test_a_database_that_is_away_is_asked_once_for_all_who_wait():
    database = Recorded()
    database.gate.clear()
    commits = GroupCommit(database)
    first = asyncio.create_task(commits.write(appends(0)))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(commits.write(appends(number))) for number in range(1, 4)]
    await asyncio.sleep(0)
    database.errors = [DatabaseAway("gone"), DatabaseAway("gone")]
    database.gate.set()
    told = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [type(one) for one in told] == [DatabaseAway] * 4
    assert database.errors == []
    assert await commits.write(appends(4)) == 4
    assert database.committed == [[4]]


def appends(value):
    def change(transaction):
        transaction.append(value)
        return value

    return change


def fails(transaction):
    raise ValueError("mine")


def all_at_once(transaction, items):
    transaction.append(items)
    return [ValueError(item) if item < 0 else item for item in items]


@pytest.fixture
def database():
    return Recorded()


@pytest.fixture
def commits(database):
    return GroupCommit(database)


async def test_whoever_watches_is_told_of_every_commit_and_of_nothing_else(commits, database):
    told = []
    commits.watchers.append(lambda rows, seconds: told.append((rows, seconds >= 0)))
    database.gate.clear()
    first = asyncio.ensure_future(commits.write(appends(0)))
    await asyncio.sleep(0)
    others = asyncio.gather(commits.write(appends(1), rows=7), commits.write(appends(2), rows=5))
    await asyncio.sleep(0)
    database.gate.set()
    await asyncio.gather(first, others)
    with pytest.raises(ValueError, match="mine"):
        await commits.write(fails)
    assert told == [(1, True), (12, True)]


async def test_who_waits_during_a_transaction_shares_the_next(commits, database):
    database.gate.clear()
    first = asyncio.ensure_future(commits.write(appends(0)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.ensure_future(commits.write(appends(number))) for number in (1, 2, 3)]
    await asyncio.sleep(0)
    database.gate.set()
    assert await asyncio.gather(first, *others) == [0, 1, 2, 3]
    assert database.committed == [[0], [1, 2, 3]]


async def test_one_change_serves_all_who_ask_for_it(commits, database):
    asked = [commits.write_together(all_at_once, number, rows=1) for number in (1, 2, 3)]
    assert await asyncio.gather(*asked) == [1, 2, 3]
    assert database.committed == [[[1, 2, 3]]]


async def test_an_outcome_that_is_an_error_is_its_callers_alone(commits):
    asked = [commits.write_together(all_at_once, number, rows=1) for number in (1, -2, 3)]
    one, two, three = await asyncio.gather(*asked, return_exceptions=True)
    assert (one, three) == (1, 3)
    assert isinstance(two, ValueError)


async def test_a_part_that_fails_does_not_spoil_the_others(commits, database):
    asked = [commits.write(appends(1)), commits.write(fails), commits.write(appends(3))]
    one, two, three = await asyncio.gather(*asked, return_exceptions=True)
    assert (one, three) == (1, 3)
    assert str(two) == "mine"
    assert database.committed == [[1], [3]]


async def test_a_transaction_has_its_bound_and_one_caller_is_never_divided(commits, database):
    half = ROWS_TOGETHER // 2
    rows = [half, half, 1, 3 * ROWS_TOGETHER]
    await asyncio.gather(*[commits.write(appends(number), rows=number) for number in rows])
    assert database.committed == [[half, half], [1], [3 * ROWS_TOGETHER]]


async def test_what_is_shared_has_the_same_bound(commits, database):
    await asyncio.gather(*[commits.write_together(all_at_once, number, rows=ROWS_TOGETHER) for number in (1, 2)])
    assert database.committed == [[[1]], [[2]]]


async def test_who_is_cancelled_before_his_turn_has_written_nothing(commits, database):
    database.gate.clear()
    first = asyncio.ensure_future(commits.write(appends(1)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = asyncio.ensure_future(commits.write(appends(2)))
    third = asyncio.ensure_future(commits.write_together(all_at_once, 3, rows=1))
    fourth = asyncio.ensure_future(commits.write_together(all_at_once, 4, rows=1))
    await asyncio.sleep(0)
    second.cancel()
    third.cancel()
    database.gate.set()
    assert await first == 1
    assert await fourth == 4
    assert database.committed == [[1], [[4]]]


async def test_a_transaction_that_has_begun_goes_on_without_its_caller(commits, database):
    database.gate.clear()
    gone = asyncio.ensure_future(commits.write(appends(1)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gone.cancel()
    database.gate.set()
    await commits.finish()
    assert database.committed == [[1]]


async def test_after_a_commit_that_nobody_knows_of_all_are_told_and_nothing_is_repeated(commits, database):
    database.errors = [CommitUnknown("gone")]
    asked = [commits.write(appends(1)), commits.write_together(all_at_once, 2, rows=1)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in told] == [CommitUnknown] * 2
    assert database.committed == []
    assert await commits.write(appends(3)) == 3


async def test_the_next_who_comes_after_a_pause_is_written_too(commits, database):
    for number in (1, 2):
        assert await commits.write(appends(number)) == number
    assert database.committed == [[1], [2]]


async def test_who_goes_last_finds_what_the_others_of_the_transaction_changed(commits, database):
    database.gate.clear()
    before = asyncio.create_task(commits.write(appends(0)))
    await asyncio.sleep(0)
    last = asyncio.create_task(commits.write(len, last=True))
    await asyncio.sleep(0)
    others = [asyncio.create_task(commits.write(appends(number))) for number in (1, 2)]
    await asyncio.sleep(0)
    database.gate.set()
    assert await asyncio.gather(before, last, *others) == [0, 2, 1, 2]
    assert database.committed == [[0], [1, 2]]
