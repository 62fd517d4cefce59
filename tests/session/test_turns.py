from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import SessionClosed
from smpp_esme.session.pacing import Pacing
from smpp_esme.session.turns import Turns
from smpp_esme.simulator.virtual_time import run


class Window:
    """A session of which only the window matters."""

    def __init__(self, room, name="one"):
        self.connection = SimpleNamespace(room=room, window=room)
        self.name = name

    def start(self, count):
        self.connection.room -= count
        assert self.connection.room >= 0, "more was started than there was room for"


def turns_with(*windows, throughput=0.0):
    turns = Turns(Pacing(throughput, 0.0))
    for window in windows:
        turns.add(window)
    return turns


async def waiting(turns, *args, **options):
    """A task that waits for its turn."""
    task = asyncio.ensure_future(turns.take(*args, **options))
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def turn():
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_turn_is_had_at_once_where_there_is_room():
    window = Window(3)
    assert await turns_with(window).take() == (window, 1)


@pytest.mark.parametrize(("most", "given"), [(1, 1), (3, 3), (100, 5)])
async def test_as_many_turns_are_given_as_are_wanted_and_fit(most, given):
    assert (await turns_with(Window(5)).take(most))[1] == given


async def test_the_session_with_the_most_room_is_used():
    few, many = Window(2), Window(5)
    assert (await turns_with(few, many).take())[0] is many


async def test_segments_stay_on_the_session_that_is_named():
    few, many = Window(1), Window(5)
    turns = turns_with(few, many)
    assert (await turns.take(on=few))[0] is few
    few.start(1)
    second = await waiting(turns, on=few)
    few.connection.room = 1
    turns.give()
    assert (await second)[0] is few


async def test_what_cannot_wait_overtakes_what_can():
    window = Window(0)
    turns = turns_with(window)
    bulk = [await waiting(turns) for _ in range(3)]
    password = await waiting(turns, lane=3)
    window.connection.room = 1
    turns.give()
    await turn()
    assert password.done()
    assert not any(task.done() for task in bulk)
    for task in bulk:
        task.cancel()


async def test_a_turn_that_was_given_is_kept_from_those_who_come_meanwhile():
    window, order = Window(0), []
    turns = turns_with(window)

    async def submit(name):
        session, count = await turns.take()
        session.start(count)
        order.append(name)

    first = asyncio.ensure_future(submit("first"))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(submit("second"))  # comes to run before the first one does
    window.connection.room = 1
    turns.give()
    await turn()
    assert order == ["first"]
    window.connection.room = 1
    turns.give()
    await asyncio.gather(first, second)
    assert order == ["first", "second"]


async def test_a_turn_whose_owner_is_cancelled_is_the_next_one_s():
    window = Window(0)
    turns = turns_with(window)
    first, second = await waiting(turns), await waiting(turns)
    window.connection.room = 1
    turns.give()
    first.cancel()
    assert await second == (window, 1)
    assert turns.waiting == 0


async def test_whoever_is_cancelled_while_it_waits_takes_nothing():
    window = Window(0)
    turns = turns_with(window)
    gone = [await waiting(turns) for _ in range(500)]
    stays = await waiting(turns)
    for task in gone:
        task.cancel()
    await turn()
    assert turns.waiting == 1
    assert len(turns._paced) < 10  # and they are not kept until there is room again
    window.connection.room = 1
    turns.give()
    assert await stays == (window, 1)


async def test_who_waits_for_a_session_that_ends_is_told_and_others_go_elsewhere():
    one, other = Window(0), Window(0)
    turns = turns_with(one, other)
    bound_to, free = await waiting(turns, on=one), await waiting(turns)
    turns.remove(one)
    with pytest.raises(SessionClosed):
        await bound_to
    with pytest.raises(SessionClosed):
        await turns.take(on=one)
    other.connection.room = 1
    turns.give()
    assert (await free)[0] is other


async def given_and_gone(on):
    """Somebody whose turn came on a session that ended before it could be used."""
    window = Window(0)
    turns = turns_with(window)
    task = await waiting(turns, on=window if on else None)
    window.connection.room = 1
    turns.give()
    turns.remove(window)
    await turn()
    return turns, task


async def test_a_turn_on_the_very_session_that_ends_before_it_is_used_is_not_used():
    _, task = await given_and_gone(on=True)
    with pytest.raises(SessionClosed):
        await task


async def test_a_turn_on_any_session_that_ends_before_it_is_used_is_had_on_the_next():
    turns, task = await given_and_gone(on=False)
    assert not task.done()
    turns.add(next_one := Window(1))
    assert await task == (next_one, 1)


async def test_when_it_is_over_everybody_is_told():
    turns = turns_with(Window(0))
    tasks = [await waiting(turns), await waiting(turns, paced=False)]
    turns.end(SessionClosed("enough"))
    for task in (*tasks, turns.take()):
        with pytest.raises(SessionClosed, match="enough"):
            await task


def test_the_pace_is_kept_over_all_sessions_and_no_turn_is_late():
    async def main():
        turns, times = turns_with(Window(1000), Window(1000), throughput=10), []
        loop = asyncio.get_running_loop()

        async def submit():
            session, count = await turns.take()
            session.start(count)
            times.append(loop.time())

        await asyncio.gather(*(submit() for _ in range(50)))
        return times

    assert run(main()) == pytest.approx([max(0.0, number / 10) for number in range(50)])


def test_what_is_not_paced_does_not_wait_for_the_pace():
    async def main():
        turns = turns_with(Window(1000), throughput=1)
        await turns.take()
        submit = await waiting(turns)
        await turns.take(paced=False)
        at = asyncio.get_running_loop().time()
        await submit
        return at, asyncio.get_running_loop().time()

    assert run(main()) == (0.0, 1.0)


def test_a_bulk_run_that_is_paced_lets_a_password_through_with_the_next_token():
    async def main():
        turns, order = turns_with(Window(1000), throughput=1), []

        async def submit(what, lane):
            await turns.take(lane=lane)
            order.append(what)

        bulk = [asyncio.ensure_future(submit("bulk", 0)) for _ in range(10)]
        await asyncio.sleep(2.5)
        await submit("password", 3)
        at = asyncio.get_running_loop().time()
        await asyncio.gather(*bulk)
        return order.index("password"), at

    assert run(main()) == (3, 3.0)


class Office:
    """Turns over a few windows, and everybody who wants one."""

    def __init__(self, rooms, throughput):
        self.windows = [Window(room, str(number)) for number, room in enumerate(rooms)]
        self.alive = list(self.windows)
        self.outstanding = dict.fromkeys(self.windows, 0)
        self.turns = turns_with(*self.windows, throughput=throughput)
        self.tasks = []

    async def submit(self, most, lane, on):
        session, count = await self.turns.take(most, lane=lane, on=on, paced=lane != 2)
        assert 1 <= count <= most
        assert on in (None, session)
        assert session in self.alive
        session.start(count)  # which asserts that there is room
        self.outstanding[session] += count

    def take(self, which, count):
        on = self.windows[which % len(self.windows)] if which % 3 == 0 else None
        self.tasks.append(asyncio.ensure_future(self.submit(count, which % 4, on)))

    def cancel(self, which, count):
        if self.tasks:
            self.tasks[which % len(self.tasks)].cancel()

    def answer(self, which, count):
        window = self.windows[which % len(self.windows)]
        answered = min(count, self.outstanding[window])
        self.outstanding[window] -= answered
        window.connection.room += answered
        self.turns.give()

    def end(self, which, count):
        window = self.windows[which % len(self.windows)]
        if len(self.alive) > 1 and window in self.alive:
            self.alive.remove(window)
            self.turns.remove(window)

    async def close(self):
        while not all(task.done() for task in self.tasks):
            for which in range(len(self.windows)):
                self.answer(which, 100)
            await asyncio.sleep(0.1)
        return await asyncio.gather(*self.tasks, return_exceptions=True)


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    st.lists(
        st.tuples(
            st.sampled_from(["take", "take", "take", "cancel", "answer", "answer", "end"]),
            st.integers(0, 20),
            st.integers(1, 4),
            st.sampled_from([None, 0, 0.1, 0.5]),
        ),
        max_size=80,
    ),
    st.sampled_from([0.0, 5.0]),
)
def test_windows_are_never_overrun_and_everybody_has_a_turn_in_the_end(rooms, steps, throughput):
    async def main():
        office = Office(rooms, throughput)
        for what, which, count, pause in steps:
            getattr(office, what)(which, count)
            if pause is not None:
                await asyncio.sleep(pause)
        for one in await office.close():
            assert one is None or isinstance(one, SessionClosed | asyncio.CancelledError)
        assert office.turns.waiting == 0
        assert all(office.turns._sessions[window] == 0 for window in office.alive)  # no room is kept for anybody

    run(main())


class Sized:
    """A session with a window of which some is taken."""

    def __init__(self, window):
        self.taken = 0
        self.connection = SimpleNamespace(window=window, widen=self._widen)
        self._measure()

    def _measure(self):
        self.connection.room = self.connection.window - self.taken

    def _widen(self, window):
        self.connection.window = max(self.connection.window, window)
        self._measure()

    def start(self, count):
        self.taken += count
        assert self.taken <= self.connection.window, "more was started than there was room for"
        self._measure()

    def ended(self, count):
        self.taken -= count
        self._measure()


async def test_a_window_that_grows_gives_turns_to_those_who_wait():
    session = Sized(2)
    turns = turns_with(session)
    session.start((await turns.take(5))[1])
    second = await waiting(turns, 5)
    turns.resize(4)
    assert (await second)[1] == 2


async def test_a_window_that_shrinks_takes_no_turn_back_and_then_gives_fewer():
    session = Sized(10)
    turns = turns_with(session)
    session.start((await turns.take(10))[1])
    first = await waiting(turns, 5)
    session.ended(1)
    turns.give()
    turns.resize(3)
    session.start((await first)[1])  # it was there when it was given
    second = await waiting(turns, 5)
    session.ended(session.taken - 3)
    turns.give()
    await turn()
    assert not second.done()
    session.ended(2)
    turns.give()
    assert (await second)[1] == 2


async def test_a_session_that_comes_later_is_held_to_the_same_window():
    turns = turns_with()
    turns.resize(3)
    turns.add(Sized(10))
    assert (await turns.take(10))[1] == 3


@given(st.lists(st.tuples(st.sampled_from(["take", "end", "resize"]), st.integers(1, 12)), max_size=40))
def test_however_often_the_size_changes_no_window_is_overrun(steps):
    async def changing():
        session, limit = Sized(5), 5
        turns = turns_with(session)
        for step, number in steps:
            if step == "resize":
                limit = number
                turns.resize(number)
            elif step == "end":
                session.ended(min(number, session.taken))
                turns.give()
            elif given := turns.take_now(number):
                session.start(given[1])
                assert session.taken <= limit
            else:
                assert session.taken >= limit

    asyncio.run(changing())


async def test_who_is_cancelled_when_its_session_has_just_gone_costs_nobody_a_turn():
    gone, kept = Window(0), Window(0)
    turns = turns_with(gone, kept)
    left = await waiting(turns, on=gone)
    others = [await waiting(turns, on=kept) for _ in range(2)]
    turns.remove(gone)
    left.cancel()
    await turn()
    assert left.cancelled()
    assert turns.waiting == 2
    for other in others:
        kept.connection.room = 1
        turns.give()
        await turn()
        assert other.done()
        kept.start(1)
