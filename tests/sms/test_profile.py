import re
import tomllib
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import ConfigError
from smpp_esme.protocol.parameters import EsmClass, MessageState
from smpp_esme.protocol.pdus import DeliverSm
from smpp_esme.protocol.tlvs import Tlv
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.compose import compose
from smpp_esme.sms.envelope import Sms
from smpp_esme.sms.profile import Profile, VendorTlv, profile_names, read, source
from smpp_esme.sms.receipt import parse

WHOLE = r"""
name = "mine"
data_coding = { gsm7 = 0, ucs2 = 8 }
auto = ["gsm7", "ucs2"]
concatenation = "udh16"
receipt_utc_offset = "-03:30"
resubmit = "hold"
receipt_pattern = '(?P<id>\d+);.*'
receipt_states = { ok = "delivered" }
number_ranges = { 7916 = "25001" }
receipt_tlvs = { price = { tag = 0x1422, type = "text" } }
source = { ton = 5, npi = 0 }
[system_types.ISO]
data_coding = { latin1 = 0 }
flash = {}
auto = ["latin1"]
"""


def test_the_shipped_profiles_are_named_and_load():
    assert profile_names() == ("sinch", "smsc-centre", "standard", "vodafone-uk", "vonage", "webcom")
    assert [Profile.named(name).name for name in profile_names()] == list(profile_names())


PINNED = {
    path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
    for path in (Path(__file__).parents[2] / "fixtures" / "profiles").glob("*.toml")
}


def test_every_shipped_profile_has_its_fixture():
    assert set(PINNED) == set(profile_names())
    assert all(cases["submit"] and cases["receipt"] for cases in PINNED.values())


@pytest.mark.parametrize(("name", "case"), [(name, case) for name in PINNED for case in PINNED[name]["submit"]])
def test_a_text_goes_as_the_profile_says(name, case):
    profile = Profile.named(name).bound_with(case.get("system_type", ""))
    composed = compose(
        Sms(case["text"]),
        "+79991234567",
        source=case["source"],
        profile=profile,
        reference=1,
        flash=case.get("flash", False),
    )
    (pdu,) = composed.pdus()
    assert {key: getattr(pdu, key) for key in case["expect"]} == case["expect"]


@pytest.mark.parametrize(("name", "case"), [(name, case) for name in PINNED for case in PINNED[name]["receipt"]])
def test_a_receipt_is_read_as_the_profile_says(name, case):
    optional = tuple(Tlv(int(tag, 0), bytes.fromhex(octets)) for tag, octets in case.get("tlvs", {}).items())
    pdu = DeliverSm(esm_class=EsmClass.DELIVERY_RECEIPT, short_message=case["text"].encode(), tlvs=optional)
    receipt = parse(pdu, Profile.named(name))
    said = {key: getattr(receipt, key) for key in case["expect"]}
    plain = {
        key: value.name if isinstance(value, MessageState) else value.isoformat() if key.endswith("date") else value
        for key, value in said.items()
    }
    assert plain == case["expect"]


def test_a_person_names_a_shipped_profile_or_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(WHOLE, encoding="utf-8")
    assert Profile.of(str(path)).name == "mine"
    assert Profile.of("standard") is Profile.named("standard")
    assert source(str(path)) == WHOLE
    assert read(source("smsc-centre").encode()) == Profile.named("smsc-centre")


def test_a_profile_takes_the_rest_from_the_one_that_it_is_like():
    like = read(b'name = "mine"\nlike = "vodafone-uk"\nreceipt_utc_offset = "+01:00"\nflash = {}')
    vodafone = Profile.named("vodafone-uk")
    assert (like.receipt_pattern, like.data_coding) == (vodafone.receipt_pattern, Profile.named("standard").data_coding)
    assert (like.name, like.title, like.receipt_utc_offset, like.flash) == ("mine", "", "+01:00", {})


@pytest.mark.parametrize("like", ['"nobody"', "1", '"../standard"', "[]"])
def test_a_profile_is_like_a_shipped_one(like):
    with pytest.raises(ConfigError, match=r"like: there is no profile .*one of sinch, smsc-centre"):
        read(f'name = "mine"\nlike = {like}'.encode())


@pytest.mark.parametrize("key", Profile.__struct_fields__)
def test_every_key_has_an_effect(key):
    folder = Path(__file__).parents[2]
    own = (folder / "smpp_esme/sms/profile.py").read_text(encoding="utf-8")
    others = "".join(path.read_text(encoding="utf-8") for path in (folder / "smpp_esme").rglob("*.py"))
    used = re.search(rf"\bself\.{key}\b", own) or re.search(
        rf"(?:profile(?:\(\))?|found|chosen|named\(name\))\.{key}\b", others
    )
    assert used is not None


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ConfigError, match="'nobody'; one of sinch, smsc-centre, standard, vodafone-uk, vonage, webcom"):
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
    assert profile.longest_validity == 86_400
    assert profile.source is not None
    assert (profile.source.ton, profile.source.npi) == (5, 1)


def test_the_standard_profile_follows_the_table_of_the_specification():
    profile = Profile.named("standard")
    assert profile.data_coding == {"gsm7": 0x00, "ascii": 0x01, "latin1": 0x03, "binary": 0x04, "ucs2": 0x08}
    assert (profile.envelopes, profile.lookups, profile.submit_multi) == (False, False, True)
    assert profile.resubmit == "hold"


def test_smsc_centre_s_own_tlvs_have_names():
    own = Profile.named("smsc-centre").own_tlvs
    assert {tag: name for tag, (name, _) in own.items()} == {
        0x2000: "cost",
        0x2001: "flags",
        0x2002: "parts",
        0x2003: "network",
    }


@pytest.mark.parametrize(
    ("kind", "octets", "value"),
    [
        ("text", b"0.2000\0", "0.2000"),
        ("text", b"25002", "25002"),
        ("text", b"", ""),
        ("text", b"\xe9\0x", "é"),
        ("integer", b"\x05\x04", 0x504),
        ("integer", b"", 0),
        ("integer", b"\1" * 1000, 0x0101010101010101),
        ("octets", b"\0\1", b"\0\1"),
    ],
)
def test_a_tlv_of_the_smsc_s_own_is_a_text_an_integer_or_octets(kind, octets, value):
    assert VendorTlv(0x2000, kind).value(octets) == value


def test_vodafone_uk_differs_from_the_book_in_its_receipts_alone():
    ours, book = Profile.named("vodafone-uk"), Profile.named("standard")
    assert (ours.data_coding, ours.flash, ours.auto) == (book.data_coding, book.flash, book.auto)
    assert ours.own_states == {"00": MessageState.DELIVERED, "01": MessageState.ENROUTE}
    assert ours.receipt_form.fullmatch("00,2601311301,2601311259,,79990000001,10110200000000,zz")["stat"] == "00"


def test_every_state_has_its_word():
    hint = get_type_hints(Profile)["receipt_states"]
    assert set(get_args(get_args(hint)[1])) == {state.name.lower() for state in MessageState}


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
        ('"udh16"', '"udh9"', "concatenation", "udh8, udh16, sar or payload"),
        ('"hold"', '"maybe"', "resubmit", "hold, resend, resend_safely, query or receipt"),
        ("gsm7 = 0", "gsm7 = 256", "data_coding", "octet from 0x00 to 0xFF"),
        ("gsm7 = 0", "gsm9 = 0", "data_coding", "gsm7, ascii, latin1, ucs2, binary"),
        ('["gsm7", "ucs2"]', '["gsm9"]', "auto", "gsm7, ascii, latin1, ucs2, binary"),
        ('["gsm7", "ucs2"]', "[]", "auto", "one or more of"),
        ('["gsm7", "ucs2"]', '["latin1"]', "auto", "one of gsm7, ucs2"),
        ('"-03:30"', '"Moscow"', "receipt_utc_offset", "+03:00"),
        (r"\d+);", r"\d+)1;", "receipt_pattern", "a repeat that stops before what follows"),
        ('"delivered"', '"done"', "receipt_states", "scheduled, enroute, delivered"),
        ("0x1422", "0x14220", "receipt_tlvs.tag", "0x0001 to 0xFFFF"),
        ('"25001"', '"MTS"', "number_ranges", "digits in quotes"),
        ("7916 =", "+7916 =", "profile", "TOML"),
        ("7916 =", '"+7916" =', "number_ranges", "digits in quotes"),
        ("receipt_pattern =", 'numbers = "some"\nreceipt_pattern =', "numbers", "digits, possible or valid"),
        ("receipt_pattern =", "longest_validity = 0\nreceipt_pattern =", "longest_validity", "more than 0"),
        ('"text"', '"string"', "receipt_tlvs.type", "text, integer or octets"),
        ("tag = 0x1422, ", "", "receipt_tlvs.tag", "0x0001 to 0xFFFF"),
        ("tag = 0x1422", "tug = 0x1422", "receipt_tlvs.tug", "tag, type"),
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
