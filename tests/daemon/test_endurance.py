"""Loops begin again after an outage of the store, and after nothing else."""

import asyncio

import pytest

from smpp_esme.daemon.endurance import enduring, until_first
from smpp_esme.errors import StoreOutage, StoreUnusable


def loop_of(*ends):
    """A loop that ends so, the one time after the other; an error is raised."""
    waiting = list(ends)

    async def run():
        end = waiting.pop(0)
        if end is not None:
            raise end

    return run, waiting


FULL = StoreOutage("database or disk is full")


@pytest.mark.parametrize("outage", [FULL, ExceptionGroup("", [FULL]), ExceptionGroup("", [ExceptionGroup("", [FULL])])])
async def test_an_outage_is_outlasted(virtual_time, outage, caplog):
    run, left = loop_of(outage, outage, None)
    await enduring("dispatch", run)
    assert left == []
    told = [(one.loop, one.reason, one.pause) for one in caplog.records]
    assert told == [("dispatch", "database or disk is full", 0.5), ("dispatch", "database or disk is full", 1.0)]


@pytest.mark.parametrize("error", [StoreUnusable("damaged"), ValueError("x"), ExceptionGroup("", [FULL, ValueError()])])
async def test_whatever_else_ends_a_loop_ends_it(virtual_time, error):
    run, left = loop_of(error, None)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whichever of them
        await enduring("dispatch", run)
    assert raised.value is error or raised.group_contains(ValueError)
    assert left == [None]


async def test_pauses_grow_to_a_limit_and_begin_anew_after_a_time_that_was_good(virtual_time, caplog):
    ends = [FULL] * 6

    async def run():
        if len(ends) == 1:
            await asyncio.sleep(60)
        if ends:
            raise ends.pop()

    await enduring("answers", run)
    assert [one.pause for one in caplog.records] == [0.5, 1.0, 2.0, 4.0, 5.0, 0.5]


@pytest.mark.parametrize("error", [None, ValueError("x")])
async def test_the_first_to_end_ends_the_others(error):
    run, _ = loop_of(error)
    ended = []

    async def other():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("other")

    if error is None:
        await until_first("both", run(), other())
    else:
        with pytest.raises(ValueError, match="x"):
            await until_first("both", run(), other())
    assert ended == ["other"]
