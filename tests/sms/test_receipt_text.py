from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.sms.profile import Profile
from smpp_esme.sms.receipt_text import characters, date_of, read

STANDARD = Profile.named("standard")
MOSCOW = timezone(timedelta(hours=3))


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2601311259", datetime(2026, 1, 31, 9, 59, tzinfo=UTC)),
        ("260131125901", datetime(2026, 1, 31, 9, 59, 1, tzinfo=UTC)),
        ("202613311259", None),
        ("202601311259", datetime(2026, 1, 31, 9, 59, tzinfo=UTC)),
        ("20260131125901", datetime(2026, 1, 31, 9, 59, 1, tzinfo=UTC)),
        ("260131125901004+", datetime(2026, 1, 31, 11, 59, 1, tzinfo=UTC)),
        ("000001000000000R", None),
        ("2602311259", None),
        ("0000000000", None),
        ("00010101000000", None),
        ("26013112", None),
        ("", None),
        ("\u0662601311259", None),
        ("9" * 10_000, None),
    ],
)
def test_a_date_is_read_by_its_length_in_the_zone_that_is_given(written, moment):
    assert date_of(written, MOSCOW) == moment


@given(st.text("0123456789+-R", max_size=18), st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))))
def test_any_characters_are_a_date_or_none(written, zone):
    assert (found := date_of(written, zone)) is None or found.tzinfo is UTC


@given(st.binary(max_size=60))
def test_no_octet_is_lost_unless_the_text_is_in_utf_16(octets):
    if octets[:1] != b"\0" and octets[:2] != b"\xfe\xff":
        assert characters(octets).encode("latin-1") == octets


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert characters("\ufeffid:42".encode("utf-16-be")) == "id:42"


FORMED = "id:42 submit date:2601311259 done date:2601311301 stat:DELIVRD err:000 text:hi"


@given(st.sampled_from([" ", "  ", "\t"]), st.booleans())
def test_the_short_way_and_the_long_way_read_alike(space, upper):
    values, answer, is_formed = read(FORMED, STANDARD)
    assert is_formed
    assert not answer
    other = FORMED.replace(" stat:", f"{space}{'STAT' if upper else 'stat'}:")
    assert read(other, STANDARD)[0] == values


def test_the_pattern_of_a_profile_comes_first():
    own = msgspec.structs.replace(STANDARD, receipt_pattern=r"id:(?P<stat>\d+) .*")
    values, _, is_formed = read(FORMED, own)
    assert (values[0], values[5], is_formed) == ("", "42", True)
