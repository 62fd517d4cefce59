from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.protocol.pdus import SubmitSm
from smpp_esme.simulator.limits import Guard, Guards, Throttle

HELLO = SubmitSm(destination_addr="79161234567", short_message=b"hello")


@given(st.lists(st.floats(0, 0.5), max_size=60), st.integers(1, 5))
def test_no_second_has_more_than_the_throughput(gaps, throughput):
    throttle, now, taken = Throttle(throughput), 0.0, []
    for gap in gaps:
        now += gap
        if throttle.takes(now):
            taken.append(now)
        else:
            assert len([at for at in taken if at > now - 1.0]) == throughput
    assert all(len([at for at in taken if end - 1.0 < at <= end]) <= throughput for end in taken)


@given(st.lists(st.floats(0, 50), max_size=40))
def test_two_of_the_same_are_taken_only_a_minute_apart(gaps):
    guard, now, taken = Guard(Guards(repeat_within=60.0)), 0.0, []
    for gap in gaps:
        now += gap
        if not guard.status(HELLO, now, lookup=False):
            taken.append(now)
    assert all(later - earlier >= 60.0 for earlier, later in pairwise(taken))


@given(st.lists(st.booleans(), max_size=200))
def test_a_flood_is_a_run_without_a_pause(pauses):
    guard, now, run = Guard(Guards(flood=50, flood_gap=30.0)), 0.0, 0
    for pause in pauses:
        now += 30.0 if pause else 29.0
        run = 1 if pause or not run else run + 1
        assert guard.floods("79161234567", now) is (run > 50)


def test_a_repeat_is_the_same_text_to_the_same_number_whoever_sends_it():
    guard = Guard(Guards(repeat_within=60.0))
    others = [
        HELLO,
        SubmitSm(destination_addr="79161234568", short_message=b"hello"),
        SubmitSm(destination_addr="79161234567", short_message=b"hello", data_coding=8),
        SubmitSm(destination_addr="79161234567", source_addr="ACME", short_message=b"hello"),
    ]
    assert [bool(guard.status(one, 0.0, lookup=False)) for one in others] == [False, False, False, True]
