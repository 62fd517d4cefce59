from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.pdus import DeliverSm, Pdu, SubmitSm, SubmitSmResp
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.protocol.wire import UInt


@given(testing.pdus())
def test_what_is_generated_can_be_sent(pdu: Pdu):
    assert encode(pdu)


@given(testing.pdu(SubmitSm, data_coding=st.just(8), tlvs=st.just(())))
def test_single_parameters_can_be_chosen(pdu: SubmitSm):
    assert type(pdu) is SubmitSm
    assert (pdu.data_coding, pdu.tlvs, pdu.command_status) == (8, (), 0)


@given(testing.pdus([SubmitSmResp, DeliverSm]))
def test_pdus_can_be_chosen_by_class(pdu: Pdu):
    assert isinstance(pdu, SubmitSmResp | DeliverSm)


@given(testing.tlvs(Tag.MESSAGE_STATE, 0x1422, table=TLVS.extend({0x1422: ("price", UInt(4))})))
def test_tlvs_can_be_chosen_by_tag(several: tuple[Tlv, ...]):
    assert {tlv.tag for tlv in several} <= {Tag.MESSAGE_STATE, 0x1422}
    assert all(len(tlv.octets) == (4 if tlv.tag == 0x1422 else 1) for tlv in several)


def test_what_is_no_wire_type_is_refused():
    with pytest.raises(TypeError, match="no wire type"):
        testing.values(object())
