"""What is counted here is exposed as prometheus_client itself would expose it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

from smpp_esme.daemon.tally import Counts, Spreads

BOUNDS = (0.005, 0.01, 1, 2.5, 10.0)
LABELS = st.sampled_from(["main", "other", 'a "quoted" one\\'])


@pytest.fixture(autouse=True)
def _without_created():
    disable_created_metrics()


@given(events=st.lists(st.tuples(LABELS, st.one_of(st.sampled_from(BOUNDS), st.floats(0, 100)))))
def test_a_histogram_says_what_the_reference_says(events):
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    family = Spreads("waits", "How long.", ["link"], ours, bounds=BOUNDS)
    reference = Histogram("waits", "How long.", ["link"], registry=theirs, buckets=BOUNDS)
    for link, seconds in events:
        family.labels(link).observe(seconds)
        reference.labels(link).observe(seconds)
    assert generate_latest(ours) == generate_latest(theirs)


@given(events=st.lists(st.tuples(LABELS, LABELS, st.integers(0, 5))))
def test_a_counter_says_what_the_reference_says(events):
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    family = Counts("submits", "How many.", ["link", "outcome"], ours)
    reference = Counter("submits", "How many.", ["link", "outcome"], registry=theirs)
    for link, outcome, by in events:
        family.labels(link, outcome).inc(by)
        reference.labels(link, outcome).inc(by)
    assert generate_latest(ours) == generate_latest(theirs)


def test_without_labels_there_is_one_series_from_the_start():
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    Spreads("rows", "How many.", [], ours, bounds=BOUNDS)
    Counts("asked", "How often.", [], ours)
    Histogram("rows", "How many.", registry=theirs, buckets=BOUNDS)
    Counter("asked", "How often.", registry=theirs)
    assert generate_latest(ours) == generate_latest(theirs)


def test_a_series_of_too_few_labels_is_refused():
    with pytest.raises(ValueError, match="labels"):
        Counts("submits", "How many.", ["link", "outcome"], CollectorRegistry()).labels("main")
