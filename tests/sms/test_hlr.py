import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.protocol.parameters import EsmClass, MessageState
from smpp_esme.protocol.pdus import DeliverSm
from smpp_esme.sms.hlr import ERRORS, calling_code, decimal, meaning, record, unquoted
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.receipt import parse

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "hlr").glob("*.toml"))
SMSC_CENTRE = Profile.named("smsc-centre")


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_an_answer_becomes_a_record(path):
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    pdu = DeliverSm(
        source_addr=case["msisdn"],
        esm_class=EsmClass.DELIVERY_RECEIPT,
        short_message=case["answer"].encode("ascii"),
    )
    ranges = case.get("number_ranges", {})
    receipt = parse(pdu, msgspec.structs.replace(SMSC_CENTRE, number_ranges=ranges))
    assert receipt is not None
    assert receipt.hlr is not None
    assert {name: getattr(receipt.hlr, name) for name in case["record"]} == case["record"]
    assert (receipt.hlr.msisdn, receipt.hlr.raw) == (case["msisdn"], case["answer"])
    assert ranges or receipt.hlr.ported is None


@pytest.mark.parametrize(
    ("state", "error", "reachable"),
    [
        (MessageState.DELIVERED, "000", True),
        (MessageState.DELIVERED, "0", True),
        (MessageState.DELIVERED, "6", False),
        (MessageState.DELIVERED, "", None),
        (MessageState.DELIVERED, "x", None),
        (MessageState.UNDELIVERABLE, "1", False),
        (MessageState.EXPIRED, "", False),
        (MessageState.REJECTED, "248", None),
        (MessageState.ENROUTE, "0", None),
        (MessageState.UNKNOWN, "0", None),
        (None, "0", None),
    ],
)
def test_reachable_follows_its_rule(state, error, reachable):
    assert record({"err": error}, state, msisdn="1", raw="").reachable is reachable


@pytest.mark.parametrize(
    ("state", "error", "rule"),
    [
        (MessageState.DELIVERED, "000", "DELIVERED with error 0"),
        (MessageState.DELIVERED, "6", "DELIVERED with error 6"),
        (MessageState.DELIVERED, "", "DELIVERED without an error code"),
        (MessageState.EXPIRED, "6", "EXPIRED"),
        (MessageState.REJECTED, "248", "REJECTED"),
        (None, "0", "no known state"),
    ],
)
def test_reachable_says_by_which_rule(state, error, rule):
    assert record({"err": error}, state, msisdn="1", raw="").reachable_rule == rule


def test_roaming_is_known_only_if_something_is():
    home = record({"imsi": "25099"}, None, msisdn="1", raw="")
    abroad = record({"rnet": "Beispiel"}, None, msisdn="1", raw="")
    nobody = record({}, None, msisdn="1", raw="")
    assert [one.roaming for one in (home, abroad, nobody)] == [False, True, None]
    assert [one.hints for one in (home, abroad, nobody)] == [{}] * 3


@pytest.mark.parametrize(
    ("msisdn", "msc", "roaming", "hint"),
    [
        ("79990000001", "4917100000000", True, "the switch's country code is 49, the number's 7"),
        ("+79990000001", "375290000000", True, "the switch's country code is 375, the number's 7"),
        ("79990000001", "79160000000", False, None),
        ("79990000001", "", False, None),
        ("79990000001", "0049171000000", False, None),
        ("79990000001", "unknown", False, None),
        ("", "4917100000000", False, None),
    ],
)
def test_a_switch_abroad_hints_at_roaming(msisdn, msc, roaming, hint):
    found = record({"imsi": "250990000000001", "msc": msc}, None, msisdn=msisdn, raw="")
    assert (found.roaming, found.hints.get("roaming")) == (roaming, hint)


RANGES = {"7": "25099", "7999": "25011", "79990": "25002"}


@pytest.mark.parametrize(
    ("msisdn", "fields", "ported"),
    [
        ("79990000001", {"mcc": "250", "mnc": "02"}, False),
        ("79990000001", {"mcc": "250", "mnc": "98"}, True),
        ("+79990000001", {"imsi": "250020000000001"}, False),
        ("79991000001", {"imsi": "250020000000001"}, True),
        ("79160000001", {"imsi": "250990000000001"}, False),
        ("79160000001", {}, None),
        ("4917100000000", {"imsi": "250990000000001"}, None),
        ("", {"imsi": "250990000000001"}, None),
    ],
)
def test_a_range_of_another_network_hints_at_a_ported_number(msisdn, fields, ported):
    found = record(fields, None, msisdn=msisdn, raw="", number_ranges=RANGES)
    assert found.ported is ported
    assert ("ported" in found.hints) == (ported is not None)


def test_a_hint_names_networks_and_never_the_subscriber():
    found = record({"imsi": "250020000000001"}, None, msisdn="79991000001", raw="", number_ranges=RANGES)
    assert found.hints == {"ported": "the number's range is of network 25011, the subscriber of 25002"}


def test_the_ranges_are_the_profiles():
    profile = msgspec.structs.replace(SMSC_CENTRE, number_ranges=RANGES)
    answer = b"id:1 stat:DELIVRD err:000 imsi:250980000000005 msc:79980000000 mcc:250 mnc:98 cn: net: rcn: rnet:"
    pdu = DeliverSm(source_addr="79990000005", esm_class=EsmClass.DELIVERY_RECEIPT, short_message=answer)
    assert parse(pdu, profile).hlr.ported is True
    assert parse(pdu, SMSC_CENTRE).hlr.ported is None


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("79991234567", "7"),
        ("12025550123", "1"),
        ("4917112345678", "49"),
        ("375291234567", "375"),
        ("99890123456", "998"),
        ("2250700000000", "225"),
        ("2712345678", "27"),
        ("0791234567", ""),
        ("1234567", ""),
        ("+79991234567", ""),
        ("\u0667\u0669\u0669\u0669\u0661\u0662\u0663\u0664", ""),
    ],
)
def test_a_number_in_international_form_has_a_country_code(number, code):
    assert calling_code(number) == code


def test_errors_mean_what_the_provider_says():
    assert len(ERRORS) == 32
    assert meaning(0) == meaning("000") == "no error"
    assert meaning(6) == meaning("006") == "the subscriber is off or out of coverage"
    assert meaning(255) == "rejected by the operator without a code"
    assert [meaning(unknown) for unknown in (999, "", None, "21b", "\u0660", "9" * 30)] == [""] * 6


def test_only_ascii_digits_are_a_number():
    assert [decimal(text) for text in ("012", "", "-1", " 1", "\u0661", "²", "1" * 10)] == [
        12,
        None,
        None,
        None,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Russian+Federation", "Russian Federation"),
        ("%D0%96", "Ж"),
        ("%C6", "Ж"),  # windows-1251
        ("50%", "50%"),
        ("%zz+", "%zz "),
        ("", ""),
        ("S\u00f6hne", "Söhne"),
    ],
)
def test_names_are_url_decoded(value, name):
    assert unquoted(value) == name


@given(st.text())
def test_any_name_is_decoded(value):
    assert isinstance(unquoted(value), str)


def test_no_repr_shows_a_number():
    shown = repr(record({"imsi": "250991234567890", "id": "7"}, None, msisdn="79991234567", raw="79991234567"))
    assert shown == "HlrRecord(message_id='7', stat='', reachable=None)"
