import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.protocol.parameters import EsmClass, MessageState
from smpp_esme.protocol.pdus import DataSm, DeliverSm
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.sms.hlr import KEYS
from smpp_esme.sms.profile import Profile
from smpp_esme.sms.receipt import FINAL, DeliveryKind, kind_of, parse, parse_text
from smpp_esme.sms.receipt_text import STATES

FOLDER = Path(__file__).parents[2] / "fixtures" / "receipts"
FIXTURES = sorted(FOLDER.glob("*.txt"))
PLACES = tomllib.loads((FOLDER / "places.toml").read_text(encoding="utf-8"))["receipt"]
VARIATIONS = tomllib.loads((FOLDER / "variations.toml").read_text(encoding="utf-8"))
STANDARD = Profile.named("standard")
SMSC_CENTRE = Profile.named("smsc-centre")
VODAFONE_UK = Profile.named("vodafone-uk")
BY_TEXT = msgspec.structs.replace(STANDARD, receipts_by_text=True)
TEXT = b"id:42 sub:001 dlvrd:001 submit date:2601311259 done date:2601311301 stat:DELIVRD err:000 text:Hello"


def unescaped(text):
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text)


def fixture(path):
    """A receipt's octets and what it is to say: a comment, the text with \\x escapes, and `field: value` lines."""
    _, text, expected = path.read_text(encoding="ascii").rstrip("\n").split("\n\n")
    fields = dict(line.partition(":")[::2] for line in expected.splitlines())
    return unescaped(text).encode("latin-1"), {name: unescaped(value.strip()) for name, value in fields.items()}


def said(receipt, name):
    value = getattr(receipt, name)
    if isinstance(value, MessageState):
        return value.name
    return value.isoformat() if isinstance(value, datetime) else str(value)


def tlvs(**values):
    return tuple(TLVS.tlv(Tag[name.upper()], value) for name, value in values.items())


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_each_recorded_variation_is_read(path):
    octets, expected = fixture(path)
    receipt = parse_text(octets, STANDARD)
    if expected.pop("none", None):
        assert receipt is None
        return
    assert {name: said(receipt, name) for name in expected} == expected
    assert receipt.raw == octets


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_what_esm_class_calls_a_receipt_is_one_whatever_its_text(path):
    octets, expected = fixture(path)
    receipt = parse(DeliverSm(esm_class=EsmClass.DELIVERY_RECEIPT, data_coding=8, short_message=octets), STANDARD)
    assert receipt is not None
    assert receipt.message_id == expected.get("message_id", receipt.message_id)
    assert receipt.raw == octets


def profile_of(case):
    changes = case.get("profile", {})
    return msgspec.structs.replace(
        Profile.named(changes.get("name", "standard")),
        **{key: value for key, value in changes.items() if key != "name"},
    )


def pdu_of(case):
    octets = bytes.fromhex(case["octets"]) if "octets" in case else case["text"].encode("latin-1")
    optional = [Tlv(int(tag, 0), bytes.fromhex(value)) for tag, value in case.get("tlvs", {}).items()]
    content = {"short_message": octets}
    if case.get("in") == "message_payload":
        optional.append(Tlv(Tag.MESSAGE_PAYLOAD, octets))
        content = {}
    kind = {"deliver_sm": DeliverSm, "data_sm": DataSm}[case.get("operation", "deliver_sm")]
    return kind(esm_class=case["esm_class"], data_coding=case.get("data_coding", 0), tlvs=tuple(optional), **content)


def plain(value):
    return "none" if value is None else value.name if isinstance(value, MessageState) else value


@pytest.mark.parametrize("case", PLACES, ids=lambda case: case["why"])
def test_a_receipt_is_read_wherever_it_stands(case):
    receipt = parse(pdu_of(case), profile_of(case))
    if "expect" not in case:
        assert receipt is None
        return
    assert {name: plain(getattr(receipt, name)) for name in case["expect"]} == case["expect"]


def test_every_variation_that_is_known_has_its_fixture():
    shown = {name for point, names in VARIATIONS.items() if point != "place" for name in names.values()}
    assert shown <= {path.stem for path in FIXTURES}
    assert len(shown) >= 45
    for why in VARIATIONS["place"].values():
        assert [case for case in PLACES if case["why"].startswith(why)], why


@pytest.mark.parametrize(
    ("bits", "kind"),
    [
        (0x00, DeliveryKind.MESSAGE),
        (0x04, DeliveryKind.RECEIPT),
        (0x08, DeliveryKind.DELIVERY_ACKNOWLEDGEMENT),
        (0x10, DeliveryKind.USER_ACKNOWLEDGEMENT),
        (0x18, DeliveryKind.CONVERSATION_ABORT),
        (0x20, DeliveryKind.INTERMEDIATE_NOTIFICATION),
        (0x24, DeliveryKind.RESERVED),
        (0x3C, DeliveryKind.RESERVED),
    ],
)
def test_esm_class_tells_what_a_pdu_brings_whatever_its_mode_and_features(bits, kind):
    assert {kind_of(bits | other) for other in (0x00, 0x03, 0x40, 0x80, 0xC3)} == {kind}


def test_the_profiles_own_words_for_a_state_count_before_the_usual_ones():
    own = msgspec.structs.replace(STANDARD, receipt_states={"gone": "deleted", "DELIVRD": "accepted"})
    states = [parse_text(f"id:1 stat:{word}", own).message_state for word in ("GONE", "delivrd", "EXPIRED")]
    assert states == [MessageState.DELETED, MessageState.ACCEPTED, MessageState.EXPIRED]


def test_a_state_of_the_profiles_own_makes_a_receipt_by_text():
    own = msgspec.structs.replace(BY_TEXT, receipt_states={"fine": "delivered"})
    text = b"id:1 done date:2601311301 stat:fine"
    assert parse(DeliverSm(short_message=text), BY_TEXT) is None
    assert parse(DeliverSm(short_message=text), own).message_state is MessageState.DELIVERED


def test_a_scheduled_state_of_the_profiles_own_is_a_state():
    own = msgspec.structs.replace(STANDARD, receipt_states={"DELIVRD": "scheduled"})
    assert parse_text("id:1 stat:DELIVRD", own).message_state is MessageState.SCHEDULED


def test_a_pattern_reads_what_fits_it_and_the_grammar_reads_the_rest():
    own = msgspec.structs.replace(STANDARD, receipt_pattern=r"(?P<stat>[A-Z]+)/(?P<id>\d+)/(?P<imsi>\d*)")
    receipt = parse_text("DELIVRD/42/250", own)
    assert (receipt.message_id, receipt.message_state, receipt.hlr.imsi) == ("42", MessageState.DELIVERED, "250")
    assert parse_text("id:43 stat:DELIVRD", own).message_id == "43"
    assert parse_text("DELIVRD-44", own) is None


def test_a_text_too_long_for_a_receipt_is_not_tried_against_the_pattern():
    own = msgspec.structs.replace(STANDARD, receipt_pattern=r"(?P<id>\d+)\.*")
    assert parse_text("1" + "." * 1023, own).message_id == "1"
    assert parse_text("1" + "." * 1024, own) is None


def test_the_first_of_several_equal_tlvs_counts():
    optional = tlvs(receipted_message_id="1", message_state=2) + tlvs(receipted_message_id="2", message_state=3)
    receipt = parse(DeliverSm(esm_class=EsmClass.DELIVERY_RECEIPT, tlvs=optional), STANDARD)
    assert (receipt.message_id, receipt.message_state) == ("1", MessageState.DELIVERED)


@given(st.binary(max_size=70))
def test_the_tlvs_are_read_as_the_table_of_tags_reads_them(octets):
    optional = tuple(Tlv(tag, octets) for tag in (Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE))
    pdu = DeliverSm(esm_class=EsmClass.DELIVERY_RECEIPT, tlvs=optional)
    receipt = parse(pdu, STANDARD)
    assert receipt.message_id == pdu.tlv(Tag.RECEIPTED_MESSAGE_ID)
    assert receipt.message_state in {None, pdu.tlv(Tag.MESSAGE_STATE)}


def test_the_zone_of_dates_is_the_profiles():
    receipt = parse_text(TEXT, SMSC_CENTRE)
    assert receipt.done_date == datetime(2026, 1, 31, 10, 1, tzinfo=UTC)
    assert receipt.done_date.tzinfo is UTC


def test_tlvs_win_over_the_text_and_its_message_id_is_kept():
    pdu = DeliverSm(
        source_addr="79991234567",
        destination_addr="ACME",
        esm_class=EsmClass.DELIVERY_RECEIPT,
        short_message=TEXT.replace(b"err:000", b"err:x"),
        tlvs=tlvs(receipted_message_id="2A", message_state=5, network_error_code=b"\x03\x00\x0b"),
    )
    receipt = parse(pdu, STANDARD)
    assert (receipt.message_id, receipt.text_message_id) == ("2A", "42")
    assert (receipt.message_state, receipt.stat) == (MessageState.UNDELIVERABLE, "DELIVRD")
    assert (receipt.error, receipt.error_code, receipt.network_error_code) == ("x", 11, b"\x03\x00\x0b")
    assert (receipt.source_addr, receipt.destination_addr) == ("79991234567", "ACME")


@pytest.mark.parametrize(
    ("octets", "code"), [(b"\x03\x00\x06", 6), (b"006", 6), (b"\x03\x01\x00", 256), (b"\x03", None), (b"", None)]
)
def test_a_network_error_code_is_binary_or_three_ascii_digits(octets, code):
    pdu = DeliverSm(
        esm_class=EsmClass.DELIVERY_RECEIPT,
        short_message=b"id:1 stat:UNDELIV",
        tlvs=(Tlv(Tag.NETWORK_ERROR_CODE, octets),),
    )
    assert parse(pdu, STANDARD).error_code == code


def test_an_unknown_message_state_leaves_the_texts():
    pdu = DeliverSm(esm_class=EsmClass.DELIVERY_RECEIPT, short_message=TEXT, tlvs=tlvs(message_state=99))
    assert parse(pdu, STANDARD).message_state is MessageState.DELIVERED


def test_a_receipt_may_be_tlvs_alone():
    pdu = DeliverSm(esm_class=EsmClass.DELIVERY_RECEIPT, tlvs=tlvs(receipted_message_id="7", message_state=2))
    receipt = parse(pdu, STANDARD)
    assert (receipt.message_id, receipt.message_state, receipt.is_final) == ("7", MessageState.DELIVERED, True)


@pytest.mark.parametrize("pdu", [DeliverSm, DataSm])
def test_a_receipt_may_come_in_message_payload_and_in_data_sm(pdu):
    receipt = parse(pdu(esm_class=EsmClass.DELIVERY_RECEIPT, tlvs=tlvs(message_payload=TEXT)), STANDARD)
    assert (receipt.message_id, receipt.text) == ("42", "Hello")


def test_a_receipt_behind_a_user_data_header_is_read():
    pdu = DeliverSm(
        esm_class=EsmClass.DELIVERY_RECEIPT | EsmClass.UDHI, short_message=bytes.fromhex("0500030c0101") + TEXT
    )
    assert parse(pdu, STANDARD).message_id == "42"


def test_without_esm_class_the_tlv_makes_it_a_receipt():
    pdu = DeliverSm(short_message=TEXT, tlvs=tlvs(receipted_message_id="42", message_state=2))
    assert parse(pdu, STANDARD).message_id == "42"


def test_a_text_alone_is_a_subscribers_message_and_marks_nothing_delivered():
    assert parse(DeliverSm(short_message=TEXT), STANDARD) is None
    assert parse(DeliverSm(short_message=b"id:1 stat:DELIVRD"), STANDARD) is None


def test_where_the_profile_says_so_a_whole_receipt_counts_by_its_text():
    assert parse(DeliverSm(short_message=TEXT), BY_TEXT).message_id == "42"
    for text in (b"id:1 stat:DELIVRD", b"id:1 done date:2601311301 stat:fine", b"my id: 5 and stat: ok", b""):
        assert parse(DeliverSm(short_message=text), BY_TEXT) is None


def test_the_mode_bits_of_esm_class_say_nothing_of_receipts():
    assert parse(DeliverSm(esm_class=0x03, short_message=TEXT), STANDARD) is None
    assert parse(DeliverSm(esm_class=0x07, short_message=TEXT), STANDARD).message_id == "42"


@pytest.mark.parametrize("esm_class", [0x08, 0x10, 0x18])
def test_acknowledgements_of_the_subscriber_are_no_receipts(esm_class):
    pdu = DeliverSm(esm_class=esm_class, short_message=TEXT, tlvs=tlvs(receipted_message_id="42"))
    assert parse(pdu, BY_TEXT) is None


def test_an_intermediate_notification_is_a_receipt_that_is_not_final():
    receipt = parse(DeliverSm(esm_class=EsmClass.INTERMEDIATE_NOTIFICATION, short_message=TEXT), STANDARD)
    assert (receipt.kind, receipt.is_final) == (DeliveryKind.INTERMEDIATE_NOTIFICATION, False)


def test_final_states_are_those_that_nothing_follows():
    names = "DELIVERED EXPIRED DELETED UNDELIVERABLE UNKNOWN REJECTED SKIPPED"
    assert {state.name for state in FINAL} == set(names.split())


@pytest.mark.parametrize(("stat", "state"), STATES.items())
def test_every_known_word_is_a_state_in_any_case(stat, state):
    for word in (stat, stat.lower()):
        assert parse_text(f"id:1 stat:{word}", STANDARD).message_state is state


def test_a_text_given_as_characters_is_read_too():
    assert parse_text(TEXT.decode(), STANDARD).done_date == datetime(2026, 1, 31, 13, 1, tzinfo=UTC)
    assert parse_text("id:1 stat:DELIVRD text:€", STANDARD).text == "€"


def test_no_repr_shows_a_number_or_a_text():
    pdu = DeliverSm(source_addr="79991234567", esm_class=EsmClass.DELIVERY_RECEIPT, short_message=TEXT)
    assert (
        repr(parse(pdu, STANDARD)) == "Receipt(message_id='42', message_state=DELIVERED, stat='DELIVRD', error='000')"
    )


HOSTILE = (
    st.lists(
        st.sampled_from(
            [
                f"{key}:"
                for key in (*KEYS, "id", "sub", "dlvrd", "stat", "err", "text", "submit date", "done date", "ID")
            ]
            + [
                " ",
                " ",
                "#",
                ":",
                "\0",
                "DELIVRD",
                "42",
                "202601311259",
                "9999999999999999",
                "260131125907012+",
                "\xff",
                "%",
                "%zz",
                "\n",
            ]
        ),
        max_size=20,
    )
    .map("".join)
    .map(lambda text: text.encode("latin-1"))
)


@given(
    HOSTILE | st.binary(max_size=300),
    st.integers(0, 255),
    st.lists(
        st.builds(
            Tlv, st.sampled_from([0x001E, 0x0427, 0x0423, 0x0424, 0x2000, 0x2001, 0x2003]), st.binary(max_size=70)
        ),
        max_size=4,
    ),
    st.sampled_from([STANDARD, SMSC_CENTRE, BY_TEXT, VODAFONE_UK]),
)
def test_any_deliver_sm_is_a_receipt_or_not_and_nothing_raises(octets, esm_class, optional, profile):
    pdu = DeliverSm(source_addr="1", esm_class=esm_class, short_message=octets, tlvs=tuple(optional))
    receipt = parse(pdu, profile)
    assert (receipt is not None) or (esm_class & 0x3C) not in {0x04, 0x20}
    if receipt is not None:
        repr(receipt)
        assert receipt.hlr is None or repr(receipt.hlr)
        assert all(date is None or date.tzinfo is UTC for date in (receipt.submit_date, receipt.done_date))


@given(HOSTILE | st.binary(max_size=300) | st.text(max_size=300))
def test_any_text_is_a_receipt_or_not(text):
    receipt = parse_text(text, SMSC_CENTRE)
    assert receipt is None or receipt.message_id


VALUES = st.text("abcdefABCDEF0123456789-._/", min_size=1, max_size=20)


@given(
    VALUES,
    VALUES,
    st.sampled_from(list(STATES)),
    VALUES,
    st.permutations(["id", "stat", "err", "sub"]),
    st.text("ab :", max_size=20),
)
def test_any_order_of_keys_gives_the_same_values(message_id, sub, stat, error, order, text):
    values = {"id": message_id, "stat": stat, "err": error, "sub": sub}
    receipt = parse_text(" ".join(f"{key}:{values[key]}" for key in order) + f" text:{text}", STANDARD)
    assert (receipt.message_id, receipt.stat, receipt.error, receipt.sub) == (message_id, stat, error, sub)
    assert receipt.text == text
