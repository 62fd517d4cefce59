"""Absolute and relative time in schedule_delivery_time and validity_period (SMPP 3.4, 7.1.1).

Sixteen characters, `YYMMDDhhmmsstnnp`: tenths of a second in t, quarter hours from UTC in nn, and in p either `+` or
`-` for a time ahead of or behind UTC, or `R` for a time that counts from now.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from smpp_esme.errors import InvalidValue

_QUARTER: Final = timedelta(minutes=15)
# nn runs from 00 to 48 (7.1.1.1).
_MOST_QUARTERS: Final = 48
# Days have two digits, and some SMSCs take no more of them than a month has.
_LONGEST: Final = timedelta(days=31)
_WRITTEN: Final = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9])([0-9]{2})([-+R])")
_FORM: Final = "sixteen characters as in 260131235959004+ or 000001000000000R"


def absolute(moment: datetime) -> str:
    """A moment as absolute time, in its own zone where that is a whole number of quarter hours, else in UTC.

    Raises:
        InvalidValue: the moment has no zone, or its year is not 2000 to 2099.
    """
    offset = moment.utcoffset()
    if offset is None:
        raise InvalidValue("time", "has no time zone", "an aware datetime")
    quarters, rest = divmod(offset, _QUARTER)
    if rest or abs(quarters) > _MOST_QUARTERS:
        moment, quarters = moment.astimezone(UTC), 0
    if not 2000 <= moment.year <= 2099:
        raise InvalidValue("time", f"is in the year {moment.year}", "years 2000 to 2099")
    tenths = moment.microsecond // 100_000
    return f"{moment:%y%m%d%H%M%S}{tenths}{abs(quarters):02}{'-' if quarters < 0 else '+'}"


def relative(seconds: float) -> str:
    """A number of seconds from now as relative time, to the second.

    Raises:
        InvalidValue: negative, not a number, or longer than 31 days.
    """
    if not 0 <= seconds <= _LONGEST.total_seconds():
        raise InvalidValue("time", f"of {seconds:g} seconds", "0 to 2678400 seconds, which are 31 days")
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"0000{day:02}{hour:02}{minute:02}{second:02}000R"


def moment_of(written: str, now: datetime) -> datetime:
    """The moment, in UTC, that an absolute or relative time stands for.

    Args:
        written: the parameter's sixteen characters.
        now: what a relative time counts from.

    Raises:
        InvalidValue: the characters are no time.
    """
    match = _WRITTEN.fullmatch(written)
    if match is None:
        raise InvalidValue("time", "is not of SMPP's form", _FORM)
    numbers = [int(group) for group in match.groups()[:8]]
    try:
        return _counted(numbers, now) if match[9] == "R" else _dated(numbers, ahead=match[9] == "+")
    except (ValueError, OverflowError):
        raise InvalidValue("time", "is no date and time that exists", _FORM) from None


def check_validity(written: str, longest: float | None, *, start: datetime) -> None:
    """Refuse a validity_period that the SMSC does not take.

    Args:
        written: the parameter; "" leaves it to the SMSC.
        longest: in seconds, by the SMSC's profile; None sets no limit.
        start: what it counts from: now, or when delivering is to begin.

    Raises:
        InvalidValue: it is longer.
    """
    if not written or longest is None:
        return
    seconds = (moment_of(written, start) - start).total_seconds()
    if seconds > longest:
        raise InvalidValue("validity_period", f"is {seconds:.0f} seconds", f"up to {longest:.0f} with this profile")


def _dated(numbers: list[int], *, ahead: bool) -> datetime:
    year, month, day, hour, minute, second, tenth, quarters = numbers
    if quarters > _MOST_QUARTERS:
        raise ValueError
    zone = timezone(quarters * _QUARTER if ahead else -quarters * _QUARTER)
    written = datetime(2000 + year, month, day, hour, minute, second, tenth * 100_000, zone)
    return written.astimezone(UTC)


def _counted(numbers: list[int], now: datetime) -> datetime:
    years, months, days, hours, minutes, seconds, tenths, _ = numbers
    month = now.month - 1 + months
    # The 31st of a month that has fewer days becomes its last.
    first = now.astimezone(UTC).replace(year=now.year + years + month // 12, month=month % 12 + 1, day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    start = first + timedelta(days=min(now.day, (following - first).days) - 1)
    return start + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=tenths * 100)
