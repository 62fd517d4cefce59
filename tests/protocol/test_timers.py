from __future__ import annotations

import pytest

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.timers import Due, SilenceWatch, Timers

OFF = Timers(session_init=0, enquire_link=0, inactivity=0, response=0)


def test_a_session_that_is_not_bound_in_time_is_given_up():
    watch = SilenceWatch(Timers(session_init=30), 100)
    assert watch.next_deadline() == 130
    assert watch.tick(129) is Due.NOTHING
    assert watch.tick(130) is Due.NOT_BOUND


def test_a_bound_session_is_bound_for_good():
    watch = SilenceWatch(Timers(session_init=30, enquire_link=0), 0)
    watch.bound()
    assert watch.next_deadline() is None
    assert watch.tick(1_000_000) is Due.NOTHING


def test_silence_is_probed_once_until_the_peer_is_heard_again():
    watch = SilenceWatch(Timers(enquire_link=60), 0)
    watch.bound()
    assert watch.tick(59) is Due.NOTHING
    assert watch.tick(60) is Due.PROBE
    assert watch.next_deadline() is None
    assert watch.tick(61) is Due.NOTHING
    watch.heard(65, operation=False)
    assert watch.next_deadline() == 125
    assert watch.tick(125) is Due.PROBE


def test_nobody_is_probed_before_the_bind():
    watch = SilenceWatch(Timers(session_init=0, enquire_link=1), 0)
    assert watch.next_deadline() is None
    assert watch.tick(1000) is Due.NOTHING


def test_signs_of_life_are_no_activity():
    watch = SilenceWatch(Timers(enquire_link=0, inactivity=100), 0)
    watch.bound()
    watch.heard(50, operation=True)
    watch.heard(140, operation=False)
    assert watch.tick(149) is Due.NOTHING
    assert watch.tick(150) is Due.INACTIVE


def test_what_ends_the_session_goes_before_a_probe():
    watch = SilenceWatch(Timers(enquire_link=10, inactivity=10), 0)
    watch.bound()
    assert watch.tick(10) is Due.INACTIVE


def test_the_next_deadline_is_the_nearest():
    watch = SilenceWatch(Timers(enquire_link=30, inactivity=20), 0)
    watch.bound()
    assert watch.next_deadline() == 20
    watch.heard(15, operation=True)
    assert watch.next_deadline() == 35


def test_zero_turns_every_timer_off():
    watch = SilenceWatch(OFF, 0)
    assert watch.next_deadline() is None
    watch.bound()
    assert watch.next_deadline() is None
    assert watch.tick(1e9) is Due.NOTHING


@pytest.mark.parametrize("name", Timers.__struct_fields__)
@pytest.mark.parametrize("wrong", [-1, float("nan"), "5", None])
def test_a_timer_that_is_none_is_named(name, wrong):
    with pytest.raises(InvalidValue) as refused:
        Timers(**{name: wrong})
    assert refused.value.field == f"timers.{name}"
