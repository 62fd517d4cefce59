import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.protocol.parameters import EsmClass, MessageState
from smpp_esme.protocol.pdus import DeliverSm
from smpp_esme.sms.hlr import ERRORS, decimal, meaning, record, unquoted
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
    receipt = parse(pdu, SMSC_CENTRE)
    assert receipt is not None
    assert receipt.hlr is not None
    assert {name: getattr(receipt.hlr, name) for name in case["record"]} == case["record"]
    assert (receipt.hlr.msisdn, receipt.hlr.raw) == (case["msisdn"], case["answer"])
    assert receipt.hlr.ported is None


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


def test_roaming_is_known_only_if_something_is():
    home = record({"imsi": "25099"}, None, msisdn="1", raw="")
    abroad = record({"rnet": "Beispiel"}, None, msisdn="1", raw="")
    nobody = record({}, None, msisdn="1", raw="")
    assert [one.roaming for one in (home, abroad, nobody)] == [False, True, None]


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
