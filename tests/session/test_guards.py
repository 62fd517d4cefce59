from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.session.guards import Guards, Rules
from smpp_esme.session.pacing import Pace

#: What one large provider publishes.
PUBLISHED = Rules(repeat_within=60.0, flood_limit=50, flood_gap=30.0, segments_within=60.0)


def pace(rate, ceiling=None):
    return Pace(rate=rate, ceiling=rate if ceiling is None else ceiling, reason="", held=0.0)


def changed(**fields):
    return Guards(Rules(**{name: getattr(PUBLISHED, name) for name in Rules.__struct_fields__} | fields))


# Repeats


def test_the_same_text_to_the_same_number_is_refused_for_a_minute():
    guards = Guards(PUBLISHED)
    assert guards.decide("79161234567", b"hello", 0.0).action == "pass"
    repeat = guards.decide("79161234567", b"hello", 59.9)
    assert repeat.action == "refuse"
    assert repeat.reason == "the same text went to this number 60 s ago, and must not within 60 s"
    assert guards.decide("79161234567", b"hello", 60.0).action == "pass"


@pytest.mark.parametrize(("destination", "digest"), [("79161234568", b"hello"), ("79161234567", b"Hello")])
def test_another_number_or_another_text_is_no_repeat(destination, digest):
    guards = Guards(PUBLISHED)
    guards.decide("79161234567", b"hello", 0.0)
    assert guards.decide(destination, digest, 0.0).action == "pass"


def test_a_repeat_may_be_delayed_to_when_it_is_none():
    guards = changed(repeat="delay")
    guards.decide("number", "text", 10.0)
    delayed = guards.decide("number", "text", 30.0)
    assert (delayed.action, delayed.seconds) == ("delay", 40.0)
    assert guards.decide("number", "text", 30.0 + delayed.seconds).action == "pass"


def test_a_repeat_may_pass_and_says_so():
    guards = changed(repeat="pass")
    guards.decide("number", "text", 0.0)
    verdict = guards.decide("number", "text", 1.0)
    assert verdict.action == "pass"
    assert "the same text" in verdict.reason


def test_a_message_that_was_refused_there_may_be_tried_again():
    guards = Guards(PUBLISHED)
    guards.decide("number", "text", 0.0)
    guards.forget("number", "text")
    assert guards.decide("number", "text", 1.0).reason == ""


def test_what_is_delayed_or_refused_is_not_remembered_as_gone():
    guards = Guards(PUBLISHED)
    guards.decide("number", "text", 0.0)
    for now in range(1, 60):
        guards.decide("number", "text", float(now))
    assert guards.decide("number", "text", 60.0).action == "pass"


# Floods


def flooded(guards, count, gap=1.0):
    """So many different messages to one number; the time after the last of them."""
    for number in range(count):
        assert guards.decide("number", number, number * gap).action == "pass"
    return count * gap


def test_more_than_fifty_messages_in_a_row_wait_for_a_gap():
    guards = Guards(PUBLISHED)
    now = flooded(guards, 50)
    delayed = guards.decide("number", "one more", now)
    assert (delayed.action, delayed.seconds) == ("delay", 29.0)
    assert "50 messages went to this number with gaps below 30 s" in delayed.reason
    now += delayed.seconds
    assert guards.decide("number", "one more", now).action == "pass"
    assert guards.decide("number", "and another", now).action == "pass"  # the count has begun anew


def test_messages_with_gaps_are_no_flood():
    assert flooded(Guards(PUBLISHED), 200, gap=30.0) == 6000.0


def test_other_numbers_are_not_counted():
    guards = Guards(PUBLISHED)
    now = flooded(guards, 50)
    assert guards.decide("another number", "text", now).action == "pass"


@pytest.mark.parametrize("action", ["refuse", "pass"])
def test_a_flood_may_be_refused_or_pass(action):
    guards = changed(flood=action)
    verdict = guards.decide("number", "one more", flooded(guards, 50))
    assert verdict.action == action
    assert verdict.reason


# Segments


@pytest.mark.parametrize(
    ("segments", "rate", "action"), [(61, 1.0, "pass"), (62, 1.0, "refuse"), (255, 0.0, "pass"), (1, 0.001, "pass")]
)
def test_a_message_whose_segments_would_take_too_long_is_refused_before_the_first_leaves(segments, rate, action):
    assert Guards(PUBLISHED).decide("number", "text", 0.0, segments=segments, pace=pace(rate)).action == action


def test_a_message_may_wait_for_a_pace_that_has_been_lowered_but_not_for_one_that_never_comes():
    guards = changed(segments="delay")
    assert guards.decide("number", "text", 0.0, segments=90, pace=pace(1.0, ceiling=2.0)).action == "delay"
    refused = guards.decide("number", "text", 0.0, segments=90, pace=pace(1.0, ceiling=1.2))
    assert refused.action == "refuse"
    assert "its 90 segments would take 89 s" in refused.reason


def test_segments_that_come_too_late_do_not_leave():
    guards = Guards(PUBLISHED)
    assert guards.late(0.0, 60.0).action == "pass"
    assert guards.late(0.0, 61.0).action == "refuse"
    assert changed(segments="delay").late(0.0, 61.0).action == "refuse"
    assert changed(segments="pass").late(0.0, 61.0).action == "pass"


# All of them


def test_without_rules_everything_passes_and_nothing_is_kept():
    guards = Guards(Rules())
    assert not guards
    for _ in range(100):
        assert guards.decide("number", "text", 0.0, segments=255, pace=pace(0.1)).reason == ""
    assert guards.late(0.0, 1e9).reason == ""
    assert not guards._texts
    assert not guards._runs


def test_the_worst_of_several_verdicts_counts():
    guards = changed(repeat="delay", flood="refuse")
    now = flooded(guards, 50)
    assert guards.decide("number", 49, now).action == "refuse"


STEPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.floats(0, 40)), max_size=120)
SMALL = {"repeat_within": 60.0, "flood_limit": 4, "flood_gap": 30.0}


@given(STEPS, st.sampled_from(["refuse", "delay"]), st.sampled_from(["refuse", "delay"]))
def test_what_passes_keeps_every_rule_and_a_delay_ends_when_it_says(steps, repeat, flood):
    guards, now = Guards(Rules(**SMALL, repeat=repeat, flood=flood)), 0.0
    texts, runs = {}, defaultdict(list)
    for destination, digest, passed in steps:
        now += passed
        verdict = guards.decide(destination, digest, now)
        if verdict.action == "delay":
            assert 0 < verdict.seconds <= 60 + 1e-6
            now += verdict.seconds
            verdict = guards.decide(destination, digest, now)
        if verdict.action != "pass":
            assert verdict.reason
            continue
        assert now - texts.get((destination, digest), -1e9) >= 60 - 1e-6
        texts[destination, digest] = now
        run = runs[destination]
        if run and now - run[-1] >= 30:
            run.clear()
        run.append(now)
        assert len(run) <= 4


@given(STEPS, st.integers(1, 5))
def test_memory_is_bounded_and_forgets_the_oldest(steps, keep):
    guards, now = Guards(Rules(**SMALL, keep=keep)), 0.0
    for destination, digest, passed in steps:
        now += passed / 10
        passes = guards.decide(destination, digest, now).action == "pass"
        assert len(guards._texts) <= keep
        assert len(guards._runs) <= keep
        if passes:
            assert guards.decide(destination, digest, now).action == "refuse"  # the newest is remembered


def test_what_is_too_old_to_matter_is_not_kept():
    guards = Guards(PUBLISHED)
    for number in range(1000):
        guards.decide(number, "text", float(number))
    assert len(guards._texts) <= 60
    assert len(guards._runs) <= 30
