from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.times import absolute, check_validity, moment_of, relative

NOW = datetime(2024, 1, 31, 10, 0, tzinfo=UTC)
QUARTERS = st.integers(-48, 48).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))


def ahead(**offset):
    return timezone(timedelta(**offset))


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2012, 3, 5, 12, 43, 50, tzinfo=UTC), "120305124350000+"),
        (datetime(2024, 11, 21, 9, 40, 51, 200_000, ahead(hours=1)), "241121094051204+"),
        (datetime(2026, 1, 31, 23, 59, 59, 999_999, ahead(hours=-3, minutes=-30)), "260131235959914-"),
        (datetime(2026, 1, 31, 12, 0, 0, 0, ahead(hours=5, minutes=53)), "260131060700000+"),  # no quarter: UTC
    ],
)
def test_a_moment_is_written_in_its_zone_or_in_utc(moment, written):
    assert absolute(moment) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (7590, "000000020630000R"),
        (86_400, "000001000000000R"),
        (3600, "000000010000000R"),
        (0, "000000000000000R"),
        (59.9, "000000000059000R"),
        (31 * 86_400, "000031000000000R"),
    ],
)
def test_seconds_are_written_as_days_hours_minutes_and_seconds(seconds, written):
    assert relative(seconds) == written


@pytest.mark.parametrize("seconds", [-1, 31 * 86_400 + 1, float("nan"), float("inf")])
def test_seconds_that_cannot_be_written_are_refused(seconds):
    with pytest.raises(InvalidValue, match="31 days"):
        relative(seconds)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(InvalidValue, match="time zone"):
        absolute(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("year", [1999, 2100])
def test_a_moment_of_another_century_is_refused(year):
    with pytest.raises(InvalidValue, match="2000 to 2099"):
        absolute(datetime(year, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("120305124350000+", datetime(2012, 3, 5, 12, 43, 50, tzinfo=UTC)),
        ("150203040506708+", datetime(2015, 2, 3, 2, 5, 6, 700_000, tzinfo=UTC)),
        ("150203040506708-", datetime(2015, 2, 3, 6, 5, 6, 700_000, tzinfo=UTC)),
        ("000000020630000R", datetime(2024, 1, 31, 12, 6, 30, tzinfo=UTC)),
        ("000100000000000R", datetime(2024, 2, 29, 10, 0, tzinfo=UTC)),
        ("010203040506000R", datetime(2025, 4, 3, 14, 5, 6, tzinfo=UTC)),
        ("001200000000500R", datetime(2025, 1, 31, 10, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_a_written_time_is_a_moment_in_utc(written, moment):
    assert moment_of(written, NOW) == moment


@pytest.mark.parametrize(
    "written",
    [
        "",
        "120305124350000",
        "120305124350000Z",
        "121305124350000+",
        "120230124350000+",
        "120305254350000+",
        "120305124350049+",
        "\u066120305124350000+",
        "120305124350000+ ",
    ],
)
def test_what_is_no_time_is_refused(written):
    with pytest.raises(InvalidValue, match="time"):
        moment_of(written, NOW)


def test_a_time_beyond_the_calendar_is_refused():
    with pytest.raises(InvalidValue):
        moment_of("999999999999900R", datetime(9999, 12, 31, tzinfo=UTC))


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30), timezones=QUARTERS)  # noqa: DTZ001 - hypothesis adds zones
)
def test_any_moment_survives_to_the_tenth(moment):
    expected = moment.replace(microsecond=moment.microsecond // 100_000 * 100_000)
    assert moment_of(absolute(moment), NOW) == expected


@given(st.integers(0, 31 * 86_400))
def test_any_number_of_seconds_survives(seconds):
    assert moment_of(relative(seconds), NOW) == NOW + timedelta(seconds=seconds)


@given(st.text(max_size=20) | st.from_regex(r"\A[0-9]{15}[-+R]\Z"))
def test_any_text_is_a_time_or_refused(text):
    try:
        moment = moment_of(text, NOW)
    except InvalidValue:
        return
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "written", ["", "000001000000000R", "240201100000000+", "240201130000012+", "000000000000000R"]
)
def test_a_validity_up_to_the_limit_is_taken(written):
    assert check_validity(written, 86_400, start=NOW) is None
    seconds = (moment_of(written, NOW) - NOW).total_seconds() if written else 0
    assert seconds <= 86_400


@pytest.mark.parametrize("written", ["000001000001000R", "240201100001000+", "000031000000000R"])
def test_a_longer_validity_is_refused_unless_there_is_no_limit(written):
    check_validity(written, None, start=NOW)
    with pytest.raises(InvalidValue, match="up to 86400 with this profile") as caught:
        check_validity(written, 86_400, start=NOW)
    assert caught.value.field == "validity_period"
