from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.protocol import codec
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.pdus import SubmitSm
from smpp_esme.protocol.tlvs import Tag
from smpp_esme.simulator import receipts
from smpp_esme.simulator.forms import DIALECTS, ReceiptForm, write_id
from smpp_esme.simulator.handsets import BEHAVIOURS, Condition, Handsets, Verdict
from smpp_esme.simulator.records import Message
from smpp_esme.sms import receipt as reader
from smpp_esme.sms import receipt_text
from smpp_esme.sms.profile import Profile

CENTRE = Profile.named("smsc-centre")
STANDARD = Profile.named("standard")
DELIVERED = Verdict(MessageState.DELIVERED)
USUAL = ReceiptForm()
#: What our own reading of receipts does not take for one: it has no keys at all.
NO_RECEIPTS = {"csv"}
# The expressions that the provider publishes for its customers.
PUBLISHED = re.compile(
    r"id:(\d+) stat:(\w+) err:(\d+) imsi:(\d*) msc:(\d*) mcc:(\d*) mnc:(\d*)"
    r" cn:([^ ]*) net:([^ ]*) rcn:([^ ]*) rnet:([^ ]*)"
)


def message(profile=CENTRE, **changed):
    return Message(
        **{"message_id": "855469", "system_id": "demo", "profile": profile, "request": SubmitSm(), "at": 0.0} | changed
    )


def composed(verdict=DELIVERED, *, handset=None, form=USUAL, **changed):
    times = {"submitted": 1_700_000_000, "done": 1_700_000_061}
    return receipts.compose(message(**changed), verdict, form, **times, handset=handset)


def test_appendix_b_to_the_letter_in_the_zone_of_the_profile():
    pdu = composed(text="This is a sample mes", profile=STANDARD)
    assert pdu.short_message == (
        b"id:855469 sub:001 dlvrd:001 submit date:2311142213 done date:2311142214 stat:DELIVRD err:000"
        b" text:This is a sample mes"
    )
    assert b"submit date:2311150113" in composed().short_message  # Moscow is three hours ahead


@pytest.mark.parametrize("condition", list(Condition))
@pytest.mark.parametrize("prefix", ["7916", "7926", "7903", "7701", "4915", "9053", "2250", "888"])
def test_a_lookup_reads_as_the_provider_publishes_it(prefix, condition):
    msisdn = f"{prefix}7654321"
    handset = Handsets(numbers={msisdn: condition}).handset(msisdn)
    verdict = BEHAVIOURS[condition].lookup or DELIVERED
    text = composed(verdict, handset=handset, kind="hlr")
    octets = text.short_message or text.tlv(Tag.MESSAGE_PAYLOAD)
    match = PUBLISHED.fullmatch(octets.decode("ascii"))
    assert match.group(1, 3, 4, 5) == ("855469", f"{verdict.error:03}", handset.imsi, handset.msc)
    record = reader.parse(text, CENTRE).hlr
    assert (record.country, record.operator) == (handset.country, handset.operator)
    assert (record.roaming_country, record.roaming_operator) == (handset.roaming_country, handset.roaming_operator)


@given(
    state=st.sampled_from(MessageState),
    error=st.integers(0, 999),
    text=st.text(max_size=20),
    form=st.sampled_from(["decimal", "hex", "padded", "uuid", "padded hex"]),
    profile=st.sampled_from([CENTRE, STANDARD]),
)
def test_what_is_written_is_read_back(state, error, text, form, profile):
    written = write_id(855469, form, "855469")
    pdu = composed(Verdict(state, error), text=text, written=written, tlv_id=written, profile=profile)
    receipt = reader.parse(codec.decode(codec.encode(pdu, 1)), profile)
    assert (receipt.message_state, receipt.error_code, receipt_text.STATES[receipt.stat]) == (state, error, state)
    assert receipt.message_id == receipt.text_message_id
    assert receipt.submit_date.timestamp() == 1_700_000_000 // 60 * 60


def test_the_vendors_tlvs_say_cost_kind_and_segments():
    pdu = composed(kind="mail", parts=3)
    values = [pdu.tlv(tag, receipts.VENDOR_TLVS) for tag in (receipts.COST, receipts.FLAGS, receipts.PARTS)]
    assert values == ["0.1000", 8, 3]
    assert reader.parse(pdu, CENTRE).vendor == {"cost": "0.1000", "flags": 8, "parts": 3}


def test_a_text_that_is_too_long_goes_into_message_payload():
    handset = Handsets().handset("22507123009")
    long = type(handset)(
        **{name: getattr(handset, name) * 4 for name in handset.__struct_fields__ if name != "condition"},
        condition=handset.condition,
    )
    pdu = composed(handset=long, kind="hlr")
    assert pdu.short_message == b""
    assert reader.parse(pdu, CENTRE).hlr.operator == long.operator


@pytest.mark.parametrize("state", [MessageState.DELIVERED, MessageState.UNDELIVERABLE, MessageState.EXPIRED])
@pytest.mark.parametrize("carrier", ["short_message", "message_payload", "data_sm"])
@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name not in NO_RECEIPTS])
def test_every_dialect_is_read_from_its_text_alone_wherever_it_stands(dialect, carrier, state):
    form = ReceiptForm(dialect=dialect, carrier=carrier, tlvs=False)
    pdu = composed(Verdict(state, 6), text="hello", form=form)
    receipt = reader.parse(codec.decode(codec.encode(pdu, 1)), CENTRE)
    assert receipt.message_id == "855469"
    assert receipt.message_state is state or (dialect, receipt.stat) == ("stat in a vendor's words", "FAILED")


def test_no_two_dialects_are_the_same():
    verdicts = (DELIVERED, Verdict(MessageState.REJECTED, 6))
    written = {
        name: tuple(composed(one, text="hello", form=ReceiptForm(dialect=name)).short_message for one in verdicts)
        for name in DIALECTS
    }
    assert len(set(written.values())) == len(DIALECTS)


def test_a_receipt_may_be_in_its_tlvs_alone_and_lie_about_itself():
    form = ReceiptForm(carrier="tlvs", esm_class=0, data_coding=8, error_in_ascii=True)
    pdu = composed(Verdict(MessageState.EXPIRED, 6), form=form)
    assert (pdu.short_message, pdu.esm_class, pdu.data_coding) == (b"", 0, 8)
    assert pdu.tlv_octets(Tag.NETWORK_ERROR_CODE) == b"006"
    receipt = reader.parse(pdu, CENTRE)
    assert (receipt.message_id, receipt.message_state) == ("855469", MessageState.EXPIRED)


def test_the_text_and_the_tlv_may_have_the_id_in_two_forms():
    pdu = composed(written="0000855469", tlv_id="d0dad")
    assert pdu.short_message.startswith(b"id:0000855469 ")
    assert pdu.tlv(Tag.RECEIPTED_MESSAGE_ID) == "d0dad"


@pytest.mark.parametrize(
    ("asked", "delivered", "failed"),
    [(0x00, False, False), (0x01, True, True), (0x02, False, True), (0x13, True, False)],
)
def test_registered_delivery_says_which_outcomes_are_reported(asked, delivered, failed):
    assert receipts.is_wanted(asked, MessageState.DELIVERED) is delivered
    assert receipts.is_wanted(asked, MessageState.UNDELIVERABLE) is failed
