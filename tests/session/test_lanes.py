from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.session.lanes import HIGHEST, Lanes


def anybody(_):
    return True


def order(lanes, now=0.0):
    """All of them, in the order in which they go."""
    taken = []
    while (item := lanes.take(now, anybody)) is not None:
        taken.append(item)
    return taken


def test_the_highest_lane_goes_first_and_within_a_lane_the_first():
    lanes = Lanes()
    for item, lane in (("bulk 1", 0), ("bulk 2", 0), ("password", 3), ("notice", 1), ("password 2", 3)):
        lanes.push(item, lane, 0.0)
    assert order(lanes) == ["password", "password 2", "notice", "bulk 1", "bulk 2"]


def test_waiting_raises_by_a_lane_each_time():
    lanes = Lanes(ageing=5.0)
    lanes.push("bulk", 0, 0.0)
    lanes.push("notice", 2, 9.9)
    assert lanes.take(9.9, anybody) == "notice"  # one lane up is not two
    lanes.push("notice", 2, 9.9)
    assert lanes.take(10.0, anybody) == "bulk"  # now they are equal, and it has waited longer


def test_a_stream_of_urgent_ones_never_starves_the_others():
    lanes = Lanes(ageing=5.0)
    lanes.push("bulk", 0, 0.0)
    now = 0.0
    while True:
        now += 1.0
        lanes.push("password", HIGHEST, now)
        if lanes.take(now, anybody) == "bulk":
            break
    assert now == 15.0


def test_without_ageing_the_lanes_are_strict():
    lanes = Lanes(ageing=0)
    lanes.push("bulk", 0, 0.0)
    lanes.push("password", 3, 1e9)
    assert order(lanes, 1e9) == ["password", "bulk"]


@pytest.mark.parametrize(("lane", "goes"), [(-5, ["password", "odd"]), (99, ["odd", "password"])])
def test_a_lane_that_does_not_exist_is_the_nearest_that_does(lane, goes):
    lanes = Lanes()
    lanes.push("odd", lane, 0.0)
    lanes.push("password", HIGHEST, 1.0)
    assert order(lanes, 1.0) == goes


def test_who_does_not_fit_is_passed_over_and_keeps_its_place():
    lanes = Lanes()
    for item in ("a1", "b1", "a2"):
        lanes.push(item, 1, 0.0)
    assert lanes.take(0.0, lambda one: one.startswith("b")) == "b1"
    assert lanes.take(0.0, lambda one: one.startswith("c")) is None
    assert order(lanes) == ["a1", "a2"]


def test_all_can_be_taken_out_at_once():
    lanes = Lanes()
    for lane in range(4):
        lanes.push(lane, lane, 0.0)
    assert sorted(lanes.drain()) == [0, 1, 2, 3]
    assert len(lanes) == 0


@given(st.lists(st.tuples(st.integers(0, HIGHEST), st.floats(0, 3)) | st.none(), max_size=60), st.floats(0.1, 20))
def test_nobody_is_lost_or_given_twice_and_a_lane_keeps_its_order(steps, ageing):
    lanes, now, waiting = Lanes(ageing), 0.0, {}
    for number, step in enumerate(steps):
        if step is not None:
            lane, passed = step
            now += passed
            lanes.push(number, lane, now)
            waiting[number] = (lane, now)
        elif (taken := lanes.take(now, anybody)) is not None:
            lane, entered = waiting.pop(taken)
            assert all(other > taken for other, (its, _) in waiting.items() if its == lane)
            # Whoever it overtook is not ranked above it.
            rank = lane + (now - entered) // ageing
            assert all(its + (now - since) // ageing <= rank for its, since in waiting.values())
        assert len(lanes) == len(waiting)
    assert sorted(order(lanes, now)) == sorted(waiting)
