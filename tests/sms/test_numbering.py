import sys

import msgspec
import pytest

from smpp_esme.errors import ConfigError, InvalidValue
from smpp_esme.sms import numbering
from smpp_esme.sms.address import destination
from smpp_esme.sms.profile import Profile, read

STANDARD = Profile.named("standard")


def checked(strictness):
    return msgspec.structs.replace(STANDARD, numbers=strictness)


@pytest.mark.parametrize("strictness", ["digits", "possible", "valid"])
@pytest.mark.parametrize("written", ["+7 999 123-45-67", "+1 212 555 0123", "+44 7911 123456", "+225 07 00 00 00 00"])
def test_a_number_that_somebody_may_have_is_taken(written, strictness):
    assert destination(written, checked(strictness)) == destination(written)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("+999 123 456 789", "begins with no country code that exists"),
        ("+7 999 123-45-6", "is too short with country code 7"),
        ("+7 999 123-45-67-89", "is too long|has a length that no number has"),
        ("+49 1", "is too short"),
    ],
)
@pytest.mark.parametrize("strictness", ["possible", "valid"])
def test_a_number_that_nobody_can_have_is_refused_by_its_rule(written, problem, strictness):
    assert destination(written, STANDARD)
    with pytest.raises(InvalidValue, match=problem) as caught:
        destination(written, checked(strictness))
    assert caught.value.field == "destination"
    assert "country code that exists" in caught.value.allowed
    assert not any(digits in str(caught.value) for digits in written.split()[1:] if len(digits) > 1)


def test_a_range_that_is_not_given_out_is_possible_and_not_valid():
    written = "+7 000 123-45-67"
    assert destination(written, checked("possible"))
    with pytest.raises(InvalidValue, match="of no range that is given out with country code 7"):
        destination(written, checked("valid"))


def test_what_is_no_number_is_not_checked_as_one():
    assert destination("a@example.com", checked("valid"), kind="mail").addr == "a@example.com"
    assert destination("@acme_bot", checked("valid"), kind="bot").addr == "@acme_bot"


def test_without_the_library_the_profile_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    numbering.phonenumbers.cache_clear()
    document = b'name = "mine"\ndata_coding = { ucs2 = 8 }\nauto = ["ucs2"]\nnumbers = "%s"\n'
    assert read(document % b"digits").numbers == "digits"
    with pytest.raises(
        ConfigError, match="phonenumbers is not installed; pip install 'smpp-esme\\[numbers\\]'"
    ) as caught:
        read(document % b"valid")
    assert caught.value.field == "numbers"
