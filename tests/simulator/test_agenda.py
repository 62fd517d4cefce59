from __future__ import annotations

import asyncio

from smpp_esme.simulator.agenda import Agenda


async def _until(condition):
    while not condition():  # noqa: ASYNC110 - what is tested is which turn of the loop brings what
        await asyncio.sleep(0)


async def test_actions_are_taken_in_the_order_of_their_time():
    loop = asyncio.get_running_loop()
    agenda, taken = Agenda(loop), []
    now = loop.time()
    for name, due in (
        ("third", now + 0.01),
        ("first", now - 1),
        ("second", now - 0.5),
        ("as early as second", now - 0.5),
    ):
        agenda.add(due, lambda name=name: taken.append(name))
    await _until(lambda: not len(agenda))
    assert taken == ["first", "second", "as early as second", "third"]


async def test_an_earlier_action_does_not_wait_for_a_later_one():
    loop = asyncio.get_running_loop()
    agenda, taken = Agenda(loop), []
    agenda.add(loop.time() + 3600, lambda: taken.append("in an hour"))
    agenda.add(loop.time(), lambda: taken.append("now"))
    await _until(lambda: taken)
    assert taken == ["now"]
    agenda.clear()
    assert len(agenda) == 0


async def test_a_long_queue_lets_others_have_their_turn():
    loop = asyncio.get_running_loop()
    agenda, taken = Agenda(loop), []
    for number in range(2000):
        agenda.add(loop.time() - 1, lambda number=number: taken.append(number))
    await _until(lambda: taken)
    assert 0 < len(taken) < 2000
    await _until(lambda: not len(agenda))
    assert taken == list(range(2000))


async def test_an_action_that_fails_costs_no_other():
    loop = asyncio.get_running_loop()
    faults = []
    loop.set_exception_handler(lambda _, context: faults.append(type(context["exception"])))
    agenda, taken = Agenda(loop), []
    agenda.add(loop.time() - 2, lambda: 1 / 0)
    agenda.add(loop.time() - 1, lambda: taken.append("taken"))
    await _until(lambda: not len(agenda))
    assert (taken, faults) == (["taken"], [ZeroDivisionError])
