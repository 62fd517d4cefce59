from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.protocol.parameters import MessageState
from smpp_esme.simulator import handsets as module
from smpp_esme.simulator.handsets import BEHAVIOURS, RANGES, SUFFIXES, Condition, Handsets, operator_of, population
from smpp_esme.sms.hlr import ERRORS

MSISDNS = st.from_regex(r"\A[1-9][0-9]{6,14}\Z")


def test_every_condition_has_a_behaviour():
    assert set(BEHAVIOURS) == set(Condition)


def test_the_documented_table_is_the_table():
    for suffix, condition in SUFFIXES.items():
        assert re.search(rf"^{suffix} +{condition.value}\b", module.__doc__, re.MULTILINE)
        assert f"...{suffix}  {condition.value}" in population()
    assert set(SUFFIXES.values()) | {Condition.PRESENT} == set(Condition)


def test_every_error_is_one_of_the_providers():
    verdicts = [verdict for one in BEHAVIOURS.values() for verdict in (one.text, one.lookup) if verdict]
    assert all(verdict.error in ERRORS for verdict in verdicts)
    assert all((verdict.state is MessageState.DELIVERED) == (verdict.error == 0) for verdict in verdicts)


@given(msisdn=MSISDNS)
def test_a_number_is_the_same_in_every_run(msisdn):
    one = Handsets().handset(msisdn)
    assert one == Handsets().handset(msisdn)
    if one.condition is not Condition.UNKNOWN:
        assert re.fullmatch("[0-9]{15}", one.imsi)
        assert one.imsi.startswith(one.mcc + one.mnc)


@pytest.mark.parametrize("prefix", [*RANGES, "888"])
def test_ported_means_another_operator_of_the_same_country(prefix):
    msisdn = f"{prefix}1234567"
    ported = Handsets(numbers={msisdn: Condition.PORTED}).handset(msisdn)
    first = operator_of(msisdn)
    assert ported.country == first.country
    if prefix != "888":  # the test network has nobody to port to
        assert ported.operator != first.name


@given(msisdn=MSISDNS, condition=st.sampled_from([Condition.ROAMING, Condition.PORTED_ROAMING]))
def test_roaming_means_abroad(msisdn, condition):
    roaming = Handsets(numbers={msisdn: condition}).handset(msisdn)
    assert roaming.roaming_country not in {"", roaming.country}
    assert roaming.roaming_operator


def test_an_absent_subscriber_has_an_imsi_and_no_msc():
    absent = Handsets().handset("79161234001")
    assert absent.imsi
    assert absent.msc == ""


@pytest.mark.parametrize("addr", ["79161234002", "user@example.org", "", "٣"])
def test_of_an_unknown_number_nothing_is_known(addr):
    unknown = Handsets().handset(addr)
    assert (unknown.imsi, unknown.msc, unknown.mcc, unknown.country, unknown.operator) == ("",) * 5


def test_the_longest_range_and_the_longest_suffix_count():
    assert operator_of("79991234567").name.startswith("MegaFON")
    assert operator_of("77771234567").mcc == "401"
    handsets = Handsets(suffixes={"1": Condition.SLOW, "01": Condition.BLOCKED})
    assert handsets.condition("7001") is Condition.BLOCKED
    assert handsets.condition("7011") is Condition.SLOW


def test_everybody_is_present_without_suffixes():
    assert Handsets(suffixes={}).condition("79161234002") is Condition.PRESENT
