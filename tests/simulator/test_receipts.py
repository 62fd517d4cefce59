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
from smpp_esme.simulator.handsets import BEHAVIOURS, Condition, Handsets, Verdict
from smpp_esme.simulator.records import Message
from smpp_esme.sms import receipt as reader
from smpp_esme.sms.profile import Profile

CENTRE = Profile.named("smsc-centre")
STANDARD = Profile.named("standard")
DELIVERED = Verdict(MessageState.DELIVERED)
# The expressions that the provider publishes for its customers.
PUBLISHED = re.compile(
    r"id:(\d+) stat:(\w+) err:(\d+) imsi:(\d*) msc:(\d*) mcc:(\d*) mnc:(\d*)"
    r" cn:([^ ]*) net:([^ ]*) rcn:([^ ]*) rnet:([^ ]*)"
)


def message(profile=CENTRE, **changed):
    return Message(
        **{"message_id": "855469", "system_id": "demo", "profile": profile, "request": SubmitSm(), "at": 0.0} | changed
    )


def composed(verdict=DELIVERED, *, handset=None, **changed):
    return receipts.compose(message(**changed), verdict, submitted=1_700_000_000, done=1_700_000_061, handset=handset)


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
    form=st.sampled_from(["same", "hex", "padded"]),
    profile=st.sampled_from([CENTRE, STANDARD]),
)
def test_what_is_written_is_read_back(state, error, text, form, profile):
    pdu = composed(Verdict(state, error), text=text, id_form=form, profile=profile)
    receipt = reader.parse(codec.decode(codec.encode(pdu, 1)), profile)
    assert (receipt.message_state, receipt.error_code, reader.STATES[receipt.stat]) == (state, error, state)
    assert receipt.message_id == receipt.text_message_id
    assert receipt.submit_date.timestamp() == 1_700_000_000 // 60 * 60


def test_the_vendors_tlvs_say_cost_kind_and_segments():
    pdu = composed(kind="mail", parts=3)
    values = [pdu.tlv(tag, receipts.VENDOR_TLVS) for tag in (receipts.COST, receipts.FLAGS, receipts.PARTS)]
    assert values == ["0.1000", 8, 3]


def test_a_text_that_is_too_long_goes_into_message_payload():
    handset = Handsets().handset("22507123009")
    long = type(handset)(
        **{name: getattr(handset, name) * 4 for name in handset.__struct_fields__ if name != "condition"},
        condition=handset.condition,
    )
    pdu = composed(handset=long, kind="hlr")
    assert pdu.short_message == b""
    assert reader.parse(pdu, CENTRE).hlr.operator == long.operator


@pytest.mark.parametrize(
    ("asked", "delivered", "failed"),
    [(0x00, False, False), (0x01, True, True), (0x02, False, True), (0x13, True, False)],
)
def test_registered_delivery_says_which_outcomes_are_reported(asked, delivered, failed):
    assert receipts.is_wanted(asked, MessageState.DELIVERED) is delivered
    assert receipts.is_wanted(asked, MessageState.UNDELIVERABLE) is failed
