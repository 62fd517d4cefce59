from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.protocol.commands import CommandId
from smpp_esme.protocol.pdus import EnquireLink, SubmitSm
from smpp_esme.protocol.window import HIGHEST_SEQUENCE_NUMBER, Window

SUBMIT_SM = SubmitSm()


def at(window: Window, last: int) -> Window:
    """A window whose last sequence_number was `last`."""
    window._last = last
    return window


def test_numbers_begin_at_one_and_go_up_by_one():
    window = Window(10)
    assert [window.add(SUBMIT_SM, None, 0) for _ in range(3)] == [1, 2, 3]


def test_after_the_highest_number_comes_one():
    window = at(Window(10), HIGHEST_SEQUENCE_NUMBER - 1)
    assert [window.add(SUBMIT_SM, None, 0) for _ in range(3)] == [0x7FFF_FFFF, 1, 2]


def test_a_number_that_still_waits_is_skipped():
    window = Window(10)
    for _ in range(4):
        window.add(SUBMIT_SM, None, 0)
    window.take(1)
    window.take(3)
    at(window, HIGHEST_SEQUENCE_NUMBER)
    assert [window.add(SUBMIT_SM, None, 0) for _ in range(3)] == [1, 3, 5]


@given(st.integers(0, HIGHEST_SEQUENCE_NUMBER), st.lists(st.integers(0, 20), max_size=60))
def test_no_number_is_given_twice_while_it_waits(last: int, answered: list[int]):
    window, waiting = at(Window(1000), last), set()
    for which in answered:
        number = window.add(SUBMIT_SM, None, 0)
        assert 1 <= number <= HIGHEST_SEQUENCE_NUMBER
        assert number not in waiting
        waiting.add(number)
        if which < len(waiting):
            window.take(number := sorted(waiting)[which])
            waiting.discard(number)
        assert len(window) == len(waiting) == window.size - window.room


def test_what_is_taken_is_what_was_added():
    window = Window(2)
    number = window.add(SUBMIT_SM, "context", 5)
    taken = window.take(number)
    assert taken is not None
    assert (taken.request, taken.context, taken.deadline) == (SUBMIT_SM, "context", 5)
    assert window.take(number) is None


def test_a_response_of_another_operation_takes_nothing():
    window = Window(2)
    number = window.add(SUBMIT_SM, None, 0)
    assert window.take(number, CommandId.DATA_SM) is None
    assert window.take(number, CommandId.SUBMIT_SM) is not None


def test_room_is_what_is_left():
    window = Window(2)
    assert window.room == 2
    number = window.add(SUBMIT_SM, None, 0)
    window.add(SUBMIT_SM, None, 0)
    assert window.room == 0
    window.take(number)
    assert window.room == 1
    window.take_all()
    assert window.room == 2


def test_a_probe_takes_no_room_and_gives_none_back():
    window = Window(1)
    probe = window.add(EnquireLink(), None, 0, counted=False)
    assert window.room == 1
    window.add(SUBMIT_SM, None, 0)
    assert (len(window), window.room) == (2, 0)
    window.take(probe)
    assert window.room == 0


def test_a_request_that_was_never_written_is_forgotten():
    window = Window(1)
    window.discard(window.add(SUBMIT_SM, None, 0))
    window.discard(99)
    assert (len(window), window.room) == (0, 1)


def test_the_only_one_is_taken_only_if_it_is_the_only_one():
    window = Window(2)
    assert window.take_only() is None
    window.add(SUBMIT_SM, "first", 0)
    window.add(SUBMIT_SM, "second", 0)
    assert window.take_only() is None
    window.take(1)
    only = window.take_only()
    assert only is not None
    assert only.context == "second"
    assert window.room == 2


def test_what_is_due_is_taken_oldest_first_and_the_rest_waits():
    window = Window(10)
    for deadline in (10, 11, 12):
        window.add(SUBMIT_SM, deadline, deadline)
    assert window.next_deadline() == 10
    assert window.take_due(9) == []
    assert [one.context for one in window.take_due(11)] == [10, 11]
    assert (window.next_deadline(), window.room) == (12, 9)
    assert [one.context for one in window.take_due(1000)] == [12]
    assert window.next_deadline() is None


def test_what_has_for_ever_is_never_due():
    window = Window(1)
    window.add(SUBMIT_SM, None, math.inf)
    assert window.next_deadline() is None
    assert window.take_due(1e12) == []


def test_a_request_apart_is_due_at_its_own_time():
    window = Window(10)
    window.add(SUBMIT_SM, "alike", 10)
    window.add(SUBMIT_SM, "late", 20, alike=False)
    window.add(SUBMIT_SM, "early", 5, alike=False)
    window.add(SUBMIT_SM, "never", math.inf, alike=False)
    assert (len(window), window.room, window.next_deadline()) == (4, 6, 5)
    assert [one.context for one in window.take_due(10)] == ["early", "alike"]
    assert window.next_deadline() == 20
    assert [one.context for one in window.take_due(20)] == ["late"]
    assert (len(window), window.next_deadline(), window.take_due(1e9)) == (1, None, [])


def test_a_request_apart_that_was_answered_is_due_no_more():
    window = Window(10)
    number = window.add(SUBMIT_SM, None, 5, alike=False)
    assert window.take(number, CommandId.DATA_SM) is None
    assert window.take(number, CommandId.SUBMIT_SM) is not None
    assert (window.next_deadline(), window.take_due(9), len(window)) == (None, [], 0)
    at(window, number - 1)
    assert window.add(SUBMIT_SM, "again", 7, alike=False) == number
    assert window.next_deadline() == 7
    assert window.take_only().context == "again"


def test_what_is_not_counted_need_not_be_drained():
    window = Window(2)
    window.add(EnquireLink(), None, 0, counted=False)
    assert window.is_drained
    number = window.add(SUBMIT_SM, None, 0, alike=False)
    assert not window.is_drained
    window.take(number)
    assert window.is_drained


def test_answered_requests_leave_nothing_behind():
    window = Window(10)
    for _ in range(10_000):
        window.take(window.add(SUBMIT_SM, None, 1e9, alike=False))
    assert len(window._deadlines) < 50


times = st.integers(0, 30)


@given(st.lists(st.tuples(st.sampled_from(["alike", "apart", "answer", "time"]), times), max_size=80))
def test_everything_is_due_once_and_in_time(steps: list[tuple[str, int]]):
    window, waiting, now = at(Window(1000), HIGHEST_SEQUENCE_NUMBER - 5), {}, 0
    for step, value in steps:
        match step:
            case "alike":
                waiting[window.add(SUBMIT_SM, None, now + 10)] = now + 10
            case "apart":
                waiting[window.add(SUBMIT_SM, None, now + value, alike=False)] = now + value
            case "answer" if waiting:
                number = list(waiting)[value % len(waiting)]
                assert window.take(number).deadline == waiting.pop(number)
            case "time":
                now += value
                due = sorted(deadline for deadline in waiting.values() if deadline <= now)
                assert [one.deadline for one in window.take_due(now)] == due
                waiting = {number: deadline for number, deadline in waiting.items() if deadline > now}
        assert window.next_deadline() == min(waiting.values(), default=None)
        assert len(window) == len(waiting)
    assert [one.deadline for one in window.take_all()] == list(waiting.values())
    assert (len(window), window.room, window.next_deadline()) == (0, 1000, None)


def test_a_request_given_up_is_found_by_a_late_response_of_its_own_operation():
    window = Window(10)
    number = window.add(SUBMIT_SM, "mine", 5)
    (given_up,) = window.take_due(5)
    assert window.take_late(number, CommandId.ENQUIRE_LINK) is None
    assert window.take_late(number, CommandId.SUBMIT_SM) == given_up
    assert window.take_late(number, CommandId.SUBMIT_SM) is None


def test_a_number_given_anew_no_longer_stands_for_what_was_given_up():
    window = Window(10)
    number = window.add(SUBMIT_SM, "first", 5)
    window.take_due(5)
    at(window, number - 1 or HIGHEST_SEQUENCE_NUMBER)
    assert window.add(SUBMIT_SM, "second", 9) == number
    assert window.take_late(number, CommandId.SUBMIT_SM) is None


def test_what_is_remembered_of_requests_given_up_is_bounded(monkeypatch):
    monkeypatch.setattr("smpp_esme.protocol.window._LATE_LIMIT", 3)
    window = Window(10)
    numbers = [window.add(SUBMIT_SM, None, 5) for _ in range(5)]
    window.take_due(5)
    found = [window.take_late(number, CommandId.SUBMIT_SM) is not None for number in numbers]
    assert found == [False, False, True, True, True]


def test_everything_left_is_taken_oldest_first():
    window = at(Window(10), HIGHEST_SEQUENCE_NUMBER - 1)
    for context in "abc":
        window.add(SUBMIT_SM, context, 0)
    assert [one.context for one in window.take_all()] == ["a", "b", "c"]
    assert len(window) == 0
