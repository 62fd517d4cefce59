"""Numbers against the world's numbering plans (ITU-T E.164), by the library phonenumbers.

Asked for by a profile's `numbers`. The library is imported then and not before: it takes some 30 ms and 3 MB, each
country's plan is read when its first number comes, and a check takes some tens of microseconds.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Final

from smpp_esme.errors import ConfigError, InvalidValue

#: What the checks are called in a profile: digits alone, a length that the country has, a range that it has given out.
POSSIBLE, VALID = "possible", "valid"
_WAY_OUT: Final = 'a number with its country code that exists, or numbers = "digits" in the profile'


def check(field: str, digits: str, strictness: str) -> None:
    """Refuse a number that cannot be anybody's; the country code comes first in `digits`, without a +.

    Raises:
        InvalidValue: says which rule it breaks, and never the number.
        ConfigError: phonenumbers is not installed.
    """
    library = phonenumbers()
    try:
        number = library.parse(f"+{digits}")
    except library.NumberParseException as error:
        raise InvalidValue(field, _UNREADABLE.get(error.error_type, "is no number"), _WAY_OUT) from None
    possible = library.is_possible_number_with_reason(number)
    if possible != library.ValidationResult.IS_POSSIBLE:
        problem = _LENGTHS.get(possible, "has a length that no number has")
        raise InvalidValue(field, f"{problem} with country code {number.country_code}", _WAY_OUT)
    if strictness == VALID and not library.is_valid_number(number):
        problem = f"is of no range that is given out with country code {number.country_code}"
        raise InvalidValue(field, problem, _WAY_OUT)


# phonenumbers' own numbers for what is wrong: of NumberParseException and of ValidationResult.
_UNREADABLE: Final = {0: "begins with no country code that exists", 3: "is too short", 4: "is too long"}
_LENGTHS: Final = {2: "is too short", 3: "is too long", 4: "lacks its area code"}


@cache
def phonenumbers() -> Any:
    """The library.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return import_module("phonenumbers")
    except ModuleNotFoundError:
        raise ConfigError("numbers", "phonenumbers is not installed", "pip install 'smpp-esme[numbers]'") from None
