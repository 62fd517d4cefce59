from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.session.pacing import Pacing


def departures(pacing, count, now=0.0):
    """When each of so many PDUs leaves, if each leaves as early as it may."""
    times = []
    for _ in range(count):
        now += pacing.delay(now)
        pacing.take(now)
        times.append(now)
    return times


@pytest.mark.parametrize("throughput", [0.5, 1, 7, 30, 1000])
def test_the_throughput_is_kept_from_the_first_pdu_to_the_last(throughput):
    seconds = 20
    times = departures(Pacing(throughput, 0.0), int(throughput * seconds))
    assert times == sorted(times)
    # A tenth of a second's worth may leave at once, at the start; after that it is even.
    assert times[-1] == pytest.approx(seconds - max(0.1, 1 / throughput), abs=1e-3)


@pytest.mark.parametrize("throughput", [5, 30, 100])
def test_no_second_sees_more_than_a_tenth_above_the_throughput(throughput):
    times = departures(Pacing(throughput, 0.0), throughput * 10)
    for start in times:
        assert sum(start <= time < start + 1 for time in times) <= throughput * 1.1 + 1


def test_idleness_is_saved_up_for_a_tenth_of_a_second_only():
    pacing = Pacing(100, 0.0)
    departures(pacing, 10)
    times = departures(pacing, 30, now=3600.0)
    assert sum(time == 3600.0 for time in times) == 10


def test_what_leaves_unasked_counts_too():
    pacing = Pacing(100, 0.0)
    for now in (0.0, 3600.0):
        for _ in range(10):
            pacing.take(now)
        assert pacing.delay(now) == pytest.approx(0.01)


def test_a_slow_link_sends_its_first_at_once():
    assert departures(Pacing(0.1, 5.0), 2, now=5.0) == [5.0, pytest.approx(15.0)]


def test_without_a_limit_nothing_waits():
    pacing = Pacing(0, 0.0)
    assert departures(pacing, 1000) == [0.0] * 1000
    assert pacing.second > 1_000_000


@pytest.mark.parametrize(("throughput", "second"), [(0.5, 1), (1, 1), (30, 30), (30.9, 30)])
def test_a_second_s_worth_is_at_least_one(throughput, second):
    assert Pacing(throughput, 0.0).second == second


@given(
    st.floats(0.1, 10_000),
    st.lists(st.floats(0, 5), min_size=1, max_size=100),
)
def test_who_waits_as_told_may_go_then_whatever_the_pauses(throughput, pauses):
    pacing, now = Pacing(throughput, 0.0), 0.0
    for pause in pauses:
        now += pause
        delay = pacing.delay(now)
        assert 0 <= delay <= 1 / throughput + 1e-9
        now += delay
        assert pacing.delay(now) <= 1e-9 + now * 1e-12
        pacing.take(now)
