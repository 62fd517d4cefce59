import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import Npi, Ton
from smpp_esme.sms.address import Address, destination, source
from smpp_esme.sms.profile import Profile

SMSC_CENTRE = Profile.named("smsc-centre")


@pytest.mark.parametrize(
    "written",
    [
        "+7 999 123-45-67",
        "79991234567",
        "7 (999) 123.45.67",
        "  +7\u00a0999\u2009123\u201145\u201367 ",
    ],
)
def test_a_destination_is_its_digits_with_the_country_code(written):
    assert destination(written) == Address(Ton.INTERNATIONAL, Npi.ISDN, "79991234567")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", "is empty"),
        ("+", "is empty"),
        (" - ", "is empty"),
        ("8 800 CALL", "has 'C' at 6"),
        ("+7+999", r"has '\+'"),
        ("1234567890123456", "has 16 digits"),
        ("0079991234567", "begins with 0"),
        ("\u0667\u0669\u0669\u0669", "at 0"),
        ("\uff17\uff19\uff19\uff19", "at 0"),
        ("79991234567\0", r"has '\\x00'"),
        ("79991234567\n8", r"has '\\n'"),
        ("user@example.com", "has 'u' at 0"),
    ],
)
def test_what_is_no_number_is_refused_with_the_reason(written, problem):
    with pytest.raises(InvalidValue, match=problem) as caught:
        destination(written)
    assert caught.value.field == "destination"
    assert "+7 999 123-45-67" in caught.value.allowed


def test_mail_goes_to_an_e_mail_address_or_to_a_number():
    assert destination("a.b@example.com", kind="mail") == Address(Ton.ALPHANUMERIC, Npi.UNKNOWN, "a.b@example.com")
    assert destination("+7 999 1234567", kind="mail").addr == "79991234567"


@pytest.mark.parametrize(
    "written", ["a@b", "a b@example.com", "a@example.com,b@example.com", "<a@example.com>", "é@example.com"]
)
def test_what_is_no_e_mail_address_is_refused(written):
    with pytest.raises(InvalidValue, match="not of its form"):
        destination(written, kind="mail")


def test_an_e_mail_address_fits_the_parameter():
    assert len(destination("12345678@example.com", kind="mail").addr) == 20
    with pytest.raises(InvalidValue, match="has 21 characters"):
        destination("123456789@example.com", kind="mail")


@pytest.mark.parametrize("written", ["@acme_bot", "#123456789"])
def test_a_bot_message_goes_to_a_nick_or_an_id(written):
    assert destination(written, kind="bot").addr == written


@pytest.mark.parametrize("written", ["@a", "@1acme", "#", "#12x", "@acme bot"])
def test_what_is_no_nick_is_refused(written):
    with pytest.raises(InvalidValue, match="destination"):
        destination(written, kind="bot")


def test_a_nick_is_no_destination_for_other_kinds():
    with pytest.raises(InvalidValue):
        destination("@acme_bot", kind="tgm")


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("ACME", Address(Ton.ALPHANUMERIC, Npi.UNKNOWN, "ACME")),
        ("Acme & Co-1", Address(Ton.ALPHANUMERIC, Npi.UNKNOWN, "Acme & Co-1")),
        ("12345", Address(Ton.NETWORK_SPECIFIC, Npi.UNKNOWN, "12345")),
        ("+7 999 123-45-67", Address(Ton.INTERNATIONAL, Npi.ISDN, "79991234567")),
        ("79991234567", Address(Ton.INTERNATIONAL, Npi.ISDN, "79991234567")),
        ("", Address(Ton.UNKNOWN, Npi.UNKNOWN, "")),
        (".", Address(Ton.ALPHANUMERIC, Npi.UNKNOWN, ".")),
    ],
)
def test_a_source_is_a_name_a_short_code_or_a_number(written, address):
    assert source(written) == address


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("TwelveLetter", "has 12 characters"),
        ("Жук", "has 'Ж' at 0"),
        ("a`b", "has '`' at 1"),
        ("a[b]", r"has '\[' at 1"),
        ("a\nb", r"has '\\n' at 1"),
        ("Ñandu", "has 'Ñ' at 0"),
        ("1234567890123456", "has 16 digits"),
    ],
)
def test_a_source_that_a_network_cannot_show_is_refused(written, problem):
    with pytest.raises(InvalidValue, match=problem) as caught:
        source(written)
    assert caught.value.field == "source"


def test_smsc_centre_wants_5_1_for_sources_and_1_1_for_destinations():
    for written in ("ACME", ".", "", "12345", "79991234567"):
        assert (source(written, SMSC_CENTRE).ton, source(written, SMSC_CENTRE).npi) == (5, 1)
    assert destination("a@example.com", SMSC_CENTRE, kind="mail").ton == Ton.INTERNATIONAL
    assert source(".", SMSC_CENTRE).addr == "."


def test_no_repr_shows_a_number():
    assert repr(destination("79991234567")) == "Address(INTERNATIONAL, ISDN, 11 characters)"


@given(st.text(max_size=30), st.sampled_from(["sms", "mail", "bot"]))
def test_any_text_is_an_address_of_up_to_20_ascii_characters_or_refused(written, kind):
    for address_of in (lambda: destination(written, kind=kind), lambda: source(written)):
        try:
            address = address_of()
        except InvalidValue:
            continue
        assert address.addr.isascii()
        assert len(address.addr) <= 20
        assert "\0" not in address.addr


@given(st.from_regex(r"\A[1-9][0-9]{0,14}\Z"), st.data())
def test_punctuation_changes_no_number(digits, data):
    written = "".join(digit + data.draw(st.sampled_from(["", " ", "-", "(", ")", "."])) for digit in digits)
    assert destination("+" + written).addr == digits
