from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.pdus import GenericNack, SubmitSmResp
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.session.pacing import Adaptation, Pacing

THROTTLED = SubmitSmResp(command_status=CommandStatus.ESME_RTHROTTLED)
FULL = SubmitSmResp(command_status=CommandStatus.ESME_RMSGQFUL)


def congested(percent):
    return SubmitSmResp(message_id="1", tlvs=(TLVS.tlv(Tag.CONGESTION_STATE, percent),))


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


# Learning


@pytest.mark.parametrize("refusal", [THROTTLED, FULL, GenericNack(command_status=CommandStatus.ESME_RTHROTTLED)])
def test_a_refusal_halves_the_rate_at_once_and_says_why(refusal):
    pacing = Pacing(100, 0.0)
    assert pacing.heard(refusal, 5.0)
    pace = pacing.state(5.0)
    assert (pace.rate, pace.ceiling, pace.reason, pace.held) == (50.0, 100, refusal.status.name, 1.0)


def test_after_a_refusal_nothing_leaves_for_a_moment_and_then_at_the_new_rate():
    pacing = Pacing(100, 0.0)
    departures(pacing, 50)
    pacing.heard(THROTTLED, 5.0)
    assert pacing.allowance(5.5) == 0
    times = departures(pacing, 100, now=5.0)
    assert times[0] == 6.0
    assert sum(time < 7.0 for time in times) == pytest.approx(55, abs=2)  # half, and a tenth of that saved up


def test_what_was_on_its_way_is_not_counted_again_but_keeps_everything_held():
    pacing = Pacing(100, 0.0)
    pacing.heard(THROTTLED, 5.0)
    assert not pacing.heard(THROTTLED, 5.9)
    assert (pacing.state(5.9).rate, pacing.state(5.9).held) == (50.0, 1.0)
    assert pacing.heard(THROTTLED, 6.5)
    assert pacing.state(6.5).rate == pytest.approx(25.5, abs=0.6)


def test_the_rate_climbs_back_slowly_and_evenly_and_then_forgets_why():
    pacing = Pacing(100, 0.0)
    pacing.heard(THROTTLED, 0.0)
    rates = [pacing.state(float(now)).rate for now in range(1, 27)]
    assert rates[:4] == pytest.approx([50, 52, 54, 56])
    assert rates[-1] == 100
    assert pacing.state(26.0).reason == ""


def test_however_often_it_is_refused_something_leaves():
    pacing = Pacing(100, 0.0)
    for now in range(0, 100, 2):
        pacing.heard(THROTTLED, float(now))
    assert 1.0 <= pacing.state(99.0).rate <= 7.0


def test_a_throughput_below_the_least_is_never_raised():
    pacing = Pacing(0.2, 0.0)
    pacing.heard(THROTTLED, 0.0)
    assert pacing.state(0.0).rate == 0.2


def test_without_a_throughput_a_refusal_takes_the_measure_from_how_fast_it_went_and_lifts_it_again():
    pacing = Pacing(0, 0.0)
    for second in range(3):
        pacing.take(float(second), 400)
    assert pacing.heard(THROTTLED, 3.0)
    assert pacing.state(3.0).rate == pytest.approx(200)
    assert pacing.allowance(4.0) < 100
    assert pacing.state(30.0).rate > 400
    assert pacing.state(60.0).rate == 0
    assert pacing.allowance(60.0) > 1_000_000


@pytest.mark.parametrize(
    ("percent", "rate"), [(0, 100), (79, 100), (85, 100), (90, 90), (99, 90), (100, 50), (101, 100)]
)
def test_congestion_state_is_honoured(percent, rate):
    pacing = Pacing(100, 0.0)
    assert pacing.heard(congested(percent), 5.0) == (rate < 100)
    pace = pacing.state(5.0)
    assert pace.rate == rate
    assert pace.reason == (f"congestion_state {percent}" if rate < 100 else "")
    assert pace.held == 0


def test_at_its_optimum_the_load_is_not_raised():
    pacing = Pacing(100, 0.0)
    pacing.heard(THROTTLED, 0.0)
    for now in range(1, 20):
        pacing.heard(congested(85), float(now))
    assert pacing.state(20.0).rate == pytest.approx(50)
    assert pacing.state(25.0).rate == pytest.approx(60)


def test_a_congestion_state_that_cannot_be_read_says_nothing():
    pacing = Pacing(100, 0.0)
    assert not pacing.heard(SubmitSmResp(tlvs=(Tlv(Tag.CONGESTION_STATE, b"\x00\x64\x64"),)), 0.0)
    assert not pacing.heard(SubmitSmResp(command_status=CommandStatus.ESME_RINVDSTADR), 0.0)
    assert pacing.state(0.0).reason == ""


@given(
    st.sampled_from([0, 1, 30, 500]),
    st.lists(
        st.tuples(st.floats(0, 3), st.sampled_from([None, THROTTLED, FULL, congested(95), congested(85)])), max_size=80
    ),
)
def test_the_rate_stays_between_the_least_and_the_ceiling_and_who_waits_as_told_may_go(throughput, steps):
    least = Adaptation().least
    pacing, now = Pacing(throughput, 0.0), 0.0
    for passed, said in steps:
        now += passed
        if said is not None:
            pacing.heard(said, now)
        pace = pacing.state(now)
        if throughput:
            assert min(least, throughput) <= pace.rate <= throughput
        else:
            assert pace.rate == 0 or pace.rate >= least
        assert bool(pace.reason) == (pace.rate != throughput)
        now += pacing.delay(now)
        assert pacing.allowance(now + 1e-6) >= 1
        pacing.take(now)
    # Left alone, it is as fast as ever.
    assert pacing.state(now + 200.0).rate == throughput


@given(st.floats(1, 1000), st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_no_second_after_a_refusal_sees_more_than_the_rate_allows(throughput, gaps):
    pacing = Pacing(throughput, 0.0)
    pacing.heard(THROTTLED, 0.0)
    now, times = 0.0, []
    for gap in gaps:
        now += gap
        now += pacing.delay(now)
        pacing.take(now)
        times.append(now)
    for start in times:
        climbed = min(throughput, throughput * (0.5 + 0.02 * start))  # what the rate is a second later
        assert sum(start <= time < start + 1 for time in times) <= max(1.0, climbed * 1.1) + 1


def test_what_was_given_back_can_leave_at_once():
    pacing = Pacing(10, 0.0)
    pacing.take(0.0)
    assert pacing.allowance(0.0) == 0
    pacing.give_back(1)
    assert pacing.allowance(0.0) == 1


# Another throughput


@pytest.mark.parametrize(("before", "after"), [(10, 1000), (1000, 10), (0, 30), (30, 7)])
def test_another_throughput_holds_from_its_moment_on(before, after):
    pacing = Pacing(before, 0.0)
    if before:
        departures(pacing, before)
    pacing.change(after, 5.0)
    times = departures(pacing, after * 10, now=5.0)
    assert times[-1] == pytest.approx(15.0 - max(0.1, 1 / after), abs=0.11 + 1 / after)
    assert pacing.second == after


def test_no_throughput_any_more_is_no_limit():
    pacing = Pacing(5, 0.0)
    pacing.change(0, 1.0)
    assert departures(pacing, 100, now=1.0)[-1] == 1.0


def test_what_the_smsc_said_holds_through_a_change():
    pacing = Pacing(100, 0.0, Adaptation(hold=0))
    pacing.heard(THROTTLED, 1.0)
    assert pacing.state(1.0).rate == 50
    pacing.change(200, 1.0)
    assert (pacing.state(1.0).rate, pacing.state(1.0).ceiling) == (50, 200)
    assert pacing.state(1.0).reason == "ESME_RTHROTTLED"
    assert 50 < pacing.state(10.0).rate < 200
    assert pacing.state(1000.0).rate == 200
    pacing.change(20, 1001.0)
    assert pacing.state(1001.0).rate == 20


def test_a_ceiling_below_the_slowed_rate_is_kept_at_once():
    pacing = Pacing(100, 0.0)
    pacing.heard(THROTTLED, 1.0)
    pacing.change(10, 1.0)
    assert pacing.state(1.0).rate == 10


def test_without_a_throughput_a_slowed_link_still_climbs_to_its_ceiling_and_is_free_then():
    pacing = Pacing(100, 0.0, Adaptation(hold=0, regain=0.5))
    pacing.heard(THROTTLED, 1.0)
    pacing.change(0, 1.0)
    assert pacing.state(1.0).rate == 50
    assert pacing.state(1000.0).rate == 0
