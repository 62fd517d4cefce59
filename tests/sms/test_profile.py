import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import ConfigError
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.profile import Profile, profile_names, read

WHOLE = """
name = "mine"
data_coding = { gsm7 = 0, ucs2 = 8 }
auto = ["gsm7", "ucs2"]
concatenation = "udh16"
receipt_utc_offset = "-03:30"
resubmit = "hold"
source = { ton = 5, npi = 0 }
[system_types.ISO]
data_coding = { latin1 = 0 }
flash = {}
auto = ["latin1"]
"""


def test_the_shipped_profiles_are_named_and_load():
    assert profile_names() == ("smsc-centre", "standard")
    assert [Profile.named(name).name for name in profile_names()] == list(profile_names())


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match="'nobody'; one of smsc-centre, standard"):
        Profile.named("nobody")


@pytest.mark.parametrize("name", ["../standard", "standard.toml", "", "STANDARD", "/etc/passwd"])
def test_a_name_is_no_path(name):
    with pytest.raises(ConfigError):
        Profile.named(name)


def test_smsc_centre_is_as_its_pages_say():
    profile = Profile.named("smsc-centre")
    assert profile.data_coding == {"gsm7": 0x00, "latin1": 0x04, "binary": 0x04, "ucs2": 0x08}
    assert profile.flash == {coding: octet | 0x10 for coding, octet in profile.data_coding.items()}
    assert (profile.envelopes, profile.lookups, profile.submit_multi) == (True, True, False)
    assert (profile.resubmit, profile.duplicates_refused_for) == ("resend", 60)
    assert profile.source is not None
    assert (profile.source.ton, profile.source.npi) == (5, 1)


def test_the_standard_profile_follows_the_table_of_the_specification():
    profile = Profile.named("standard")
    assert profile.data_coding == {"gsm7": 0x00, "latin1": 0x03, "binary": 0x04, "ucs2": 0x08}
    assert (profile.envelopes, profile.lookups, profile.submit_multi) == (False, False, True)
    assert profile.resubmit == "hold"


def test_a_system_type_without_meaning_changes_nothing():
    profile = Profile.named("smsc-centre")
    assert profile.bound_with("") is profile
    assert profile.bound_with("VMS") is profile
    assert profile.bound_with("ISO").auto == (Coding.LATIN1, Coding.UCS2)


def test_the_zone_of_receipts_may_be_behind_utc():
    assert read(WHOLE.encode()).receipt_zone.utcoffset(None).total_seconds() == -3.5 * 3600


def test_a_profile_loads_from_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(WHOLE, encoding="utf-8")
    assert Profile.load(path).concatenation == "udh16"


def test_a_file_that_is_not_there_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml"):
        Profile.load(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("was", "becomes", "field", "allowed"),
    [
        ('"udh16"', '"udh9"', "concatenation", "udh8 or udh16"),
        ('"hold"', '"maybe"', "resubmit", "hold or resend"),
        ("gsm7 = 0", "gsm7 = 256", "data_coding", "octet from 0x00 to 0xFF"),
        ("gsm7 = 0", "gsm9 = 0", "data_coding", "gsm7, latin1, ucs2, binary"),
        ('["gsm7", "ucs2"]', '["gsm9"]', "auto", "gsm7, latin1, ucs2, binary"),
        ('["gsm7", "ucs2"]', "[]", "auto", "one or more of"),
        ('["gsm7", "ucs2"]', '["latin1"]', "auto", "one of gsm7, ucs2"),
        ('"-03:30"', '"Moscow"', "receipt_utc_offset", "+03:00"),
        ("npi = 0", "npi = 2", "source.npi", "0, 1, 3"),
        ("npi = 0", "npr = 0", "source.npr", "ton, npi"),
        ("concatenation", "joining", "joining", "concatenation"),
        ('name = "mine"', "", "name", "lower-case letters"),
        ('"mine"', '"Mine!"', "name", "lower-case letters"),
        ("flash = {}", "flush = {}", "system_types.flush", "data_coding, flash, auto"),
        ("latin1 = 0", "ucs2 = 0", "system_types.ISO.auto", "one of ucs2"),
        ("[system_types.ISO]", "[system_types", "profile", "TOML"),
    ],
)
def test_a_wrong_key_is_refused_by_name_with_what_is_allowed(was, becomes, field, allowed):
    assert was in WHOLE
    with pytest.raises(ConfigError) as caught:
        read(WHOLE.replace(was, becomes, 1).encode())
    assert caught.value.field == field
    assert allowed in caught.value.allowed


@given(st.binary() | st.text().map(str.encode))
def test_any_octets_are_a_profile_or_a_configuration_error(octets):
    with pytest.raises(ConfigError):
        read(octets)
