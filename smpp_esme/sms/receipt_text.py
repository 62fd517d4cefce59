"""The text of a receipt: its values by their keys, whatever their order, case and number (SMPP 3.4, Appendix B)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.sms import hlr, pattern, times

if TYPE_CHECKING:
    from smpp_esme.sms.profile import Profile

# Appendix B's words, SMPP 5.0's, and those that SMSCs use instead.
STATES: Final = {
    "SCHEDLD": MessageState.SCHEDULED,
    "SCHEDULED": MessageState.SCHEDULED,
    "ENROUTE": MessageState.ENROUTE,
    "BUFFRED": MessageState.ENROUTE,
    "BUFFERD": MessageState.ENROUTE,
    "BUFFERED": MessageState.ENROUTE,
    "DELIVRD": MessageState.DELIVERED,
    "DELIVERED": MessageState.DELIVERED,
    "0": MessageState.DELIVERED,
    "EXPIRED": MessageState.EXPIRED,
    "DELETED": MessageState.DELETED,
    "UNDELIV": MessageState.UNDELIVERABLE,
    "UNDELVRD": MessageState.UNDELIVERABLE,
    "UNDELIVERABLE": MessageState.UNDELIVERABLE,
    "FAILED": MessageState.UNDELIVERABLE,
    "ACCEPTD": MessageState.ACCEPTED,
    "ACCEPTED": MessageState.ACCEPTED,
    "ACKED": MessageState.ACCEPTED,
    "UNKNOWN": MessageState.UNKNOWN,
    "REJECTD": MessageState.REJECTED,
    "REJECTED": MessageState.REJECTED,
    "DND_REJECTED": MessageState.REJECTED,
    "SKIPPED": MessageState.SKIPPED,
}

# The forms that nearly all receipts have, Appendix B's and the HLR answer's: one match instead of a search for keys.
_APPENDIX_B: Final = re.compile(
    r"id:(\S++)(?: sub:(\S*+) dlvrd:(\S*+))? submit date:(\S*+) done date:(\S*+) stat:(\S++)"
    r"(?: err:(\S*+)(?: [Tt]ext:(.*+))?)?",
    re.DOTALL,
)
_HLR_ANSWER: Final = re.compile(r"id:(\S++) stat:(\S++) err:(\S*+)" + "".join(rf" {key}:(\S*+)" for key in hlr.KEYS))
#: The values of a receipt in the order of Appendix B; those it lacks are empty.
Values = tuple[str, str, str, str, str, str, str, str]
_KEYS: Final = ("id", "sub", "dlvrd", "submitdate", "donedate", "stat", "err", "text")
#: Where in `Values` these stand.
ID, DONE_DATE, STAT = 0, 4, 5
_HLR_KEYS: Final = ("id", "stat", "err", *hlr.KEYS)
_NO_ANSWER: Final[Mapping[str, str]] = {}
# A key stands at the front or after a space; `id:` also after a prefix, as in `79990000000#id:`.
_KEY: Final = re.compile(
    r"(?:(?<!\S)|(?<=[^\sA-Z0-9_])(?=id:))"
    rf"(id|sub|dlvrd|submit ?date|done ?date|stat|err|text|{'|'.join(hlr.KEYS)}):",
    re.IGNORECASE,
)


def characters(raw: bytes) -> str:
    """A receipt's octets as characters: ISO-8859-1, which loses no octet, whatever data_coding says; or UTF-16BE."""
    # No receipt in ISO-8859-1 begins with a NUL or with U+FEFF.
    if raw.startswith((b"\0", b"\xfe\xff")):
        return raw.decode("utf-16-be", "replace").removeprefix("\ufeff")
    return raw.decode("latin-1")


#: The values, the fields by their keys if it answers an HLR lookup, and whether it is wholly of a known form.
Written = tuple[Values, Mapping[str, str], bool]


def read(text: str, profile: Profile) -> Written:
    """What a text says, read by the profile's pattern, by the two forms that are common, or by its keys."""
    text = text.rstrip("\0")
    if profile.receipt_pattern and (written := _by_pattern(text, profile)):
        return written
    if match := _APPENDIX_B.fullmatch(text):
        return cast("Values", match.groups("")), _NO_ANSWER, True
    if match := _HLR_ANSWER.fullmatch(text):
        return _sorted(dict(zip(_HLR_KEYS, match.groups(), strict=True)), is_formed=True)
    return _sorted(_fields(text), is_formed=False)


def _by_pattern(text: str, profile: Profile) -> Written | None:
    if profile.receipt_form is None or len(text) > pattern.LONGEST_TEXT:
        return None
    match = profile.receipt_form.fullmatch(text)
    if match is None:
        return None
    return _sorted({name.replace("_", ""): value for name, value in match.groupdict("").items()}, is_formed=True)


def _sorted(fields: Mapping[str, str], *, is_formed: bool) -> Written:
    values = cast("Values", tuple(fields.get(key, "") for key in _KEYS))
    return values, fields if "imsi" in fields or "msc" in fields else _NO_ANSWER, is_formed


def _fields(text: str) -> dict[str, str]:
    """The values by their keys, in lower case without spaces; `text` also for what follows the last value unasked."""
    places = _places(text)
    ends = [*(start for _, start, _ in places), len(text)][1:]
    fields: dict[str, str] = {}
    unasked: list[str] = []
    for (name, _, start), end in zip(places, ends, strict=True):
        value = text[start:end]
        if name == "text":
            fields[name] = value if end == len(text) else value.strip()
            continue
        fields[name], _, rest = value.strip().partition(" ")
        unasked += rest.split()
    return _with_unasked(fields, unasked)


def _places(text: str) -> list[tuple[str, int, int]]:
    """The keys, each with where it begins and ends; `text` is the last, unless id or stat come only after it."""
    places: dict[str, tuple[str, int, int]] = {}
    for match in _KEY.finditer(text):
        name = match[1].lower().replace(" ", "")
        if name not in places:
            places[name] = (name, match.start(), match.end())
        if name == "text" and "id" in places and "stat" in places:
            break
    return list(places.values())


def _with_unasked(fields: dict[str, str], words: list[str]) -> dict[str, str]:
    # Some SMSCs leave out `stat:`, some leave out `text:`, and write the value all the same.
    if fields and "stat" not in fields and (stat := next((word for word in words if word.upper() in STATES), "")):
        words.remove(stat)
        fields["stat"] = stat
    if words and "text" not in fields:
        fields["text"] = " ".join(words)
    return fields


# The longest date is SMPP's absolute time; longer strings are not worth remembering.
_LONGEST_DATE: Final = 16


def date_of(written: str, zone: timezone) -> datetime | None:
    """A receipt's date in UTC, or None if it is none.

    Ten digits are YYMMDDhhmm; twelve YYMMDDhhmmss or, where that is no date, YYYYMMDDhhmm; fourteen YYYYMMDDhhmmss;
    sixteen characters SMPP's absolute time.
    """
    return _date(written, zone) if len(written) <= _LONGEST_DATE else None


@lru_cache(maxsize=2048)
def _date(written: str, zone: timezone) -> datetime | None:
    if len(written) == _LONGEST_DATE:
        return _absolute(written)
    if not written.isascii() or not written.isdigit():
        return None
    match len(written):
        case 10:
            return _dated("20" + written, zone)
        case 12:
            return _dated("20" + written, zone) or _dated(written, zone)
        case 14:
            return _dated(written, zone)
    return None


def _absolute(written: str) -> datetime | None:
    if written[-1] == "R":
        return None
    try:
        return times.moment_of(written, datetime.min.replace(tzinfo=UTC))
    except InvalidValue:
        return None


def _dated(digits: str, zone: timezone) -> datetime | None:
    month, day, hour, minute, second = (int(digits[at : at + 2] or 0) for at in range(4, 14, 2))
    try:
        return datetime(int(digits[:4]), month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
