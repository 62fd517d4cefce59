from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.errors import EncodingError
from smpp_esme.protocol import reference, tlvs
from smpp_esme.protocol.codec import decode, encode
from smpp_esme.protocol.pdus import SubmitSm
from smpp_esme.protocol.structures import CallbackNum, NetworkErrorCode
from smpp_esme.protocol.tlvs import REPEATED, TLVS, Tag, Tlv
from smpp_esme.protocol.wire import CString, UInt


@given(testing.tlvs())
def test_tlvs_come_back_in_their_order(several: tuple[Tlv, ...]):
    assert tlvs.read(b"body" + tlvs.to_octets(several), 4) == (several, ())


@given(testing.tlv())
def test_a_tlv_is_laid_out_as_construct_has_it(one: Tlv):
    assert reference.TLV.build({"tag": one.tag, "octets": one.octets}) == tlvs.to_octets([one])


@given(st.sampled_from(Tag), st.data())
def test_a_value_comes_back_from_its_tlv(tag: Tag, data: st.DataObject):
    value = data.draw(testing.values(TLVS.wire_type(tag)))
    assert TLVS.value(TLVS.tlv(tag, value)) == value


@given(st.binary(max_size=200))
def test_hostile_octets_are_read_as_far_as_they_go_and_the_rest_is_told(octets: bytes):
    several, oddities = tlvs.read(octets, 0)
    written = tlvs.to_octets(several)
    assert octets.startswith(written)
    assert bool(oddities) == (len(written) < len(octets))


@given(testing.tlv(), testing.tlv())
def test_a_last_tlv_that_is_cut_short_is_left_out_and_told(first: Tlv, last: Tlv):
    whole = tlvs.to_octets([first])
    octets = whole + tlvs.to_octets([last])
    for end in range(len(whole) + 1, len(octets)):
        several, oddities = tlvs.read(octets[:end], 0)
        assert several == (first,)
        assert len(oddities) == 1


def test_every_tag_has_a_name_and_a_type():
    for tag in Tag:
        assert TLVS.knows(tag)
        assert TLVS.name(tag) == tag.name.lower()


def test_an_unknown_tag_is_a_number_and_its_value_octets():
    assert TLVS.name(0x1401) == "0x1401"
    assert TLVS.value(Tlv(0x1401, b"\0\1")) == b"\0\1"
    assert TLVS.tlv(0x1401, b"\0\1") == Tlv(0x1401, b"\0\1")


def test_a_vendors_tag_is_added_as_data():
    table = TLVS.extend({0x1402: ("mcc_mnc", CString(7)), 0x1422: ("price", UInt(4))})
    assert table.tlv(0x1402, "25002") == Tlv(0x1402, b"25002\0")
    assert table.value(Tlv(0x1422, b"\0\0\0\7")) == 7
    assert table.name(0x1402) == "mcc_mnc"
    assert not TLVS.knows(0x1402)


def test_the_example_of_the_documentation():
    table = TLVS.extend({0x2000: ("cost", CString(7))})
    assert decode(encode(SubmitSm(1, tlvs=(table.tlv(0x2000, "10.5"),)))).tlv(0x2000, table) == "10.5"
    with pytest.raises(EncodingError, match=r"cost: '1000\.55' has 7 characters; at most 6"):
        table.tlv(0x2000, "1000.55")


def test_a_known_tag_can_be_given_another_type():
    table = TLVS.extend({Tag.NETWORK_ERROR_CODE: ("network_error_code", CString(4))})
    assert table.value(Tlv(Tag.NETWORK_ERROR_CODE, b"042")) == "042"


def test_unknown_tlvs_go_out_as_they_came():
    tail = bytes.fromhex("1401 0002 0001  3fff 0000  1401 0001 ff  0423 0001 07")
    octets = encode(SubmitSm(1)) + tail
    octets = len(octets).to_bytes(4, "big") + octets[4:]
    assert encode(decode(octets)) == octets


def test_all_tags_of_3_4_and_5_0_are_there():
    assert len(Tag) == 45 + 19
    assert all(tag in Tag for tag in REPEATED)


@pytest.mark.parametrize(
    ("tag", "value", "name"),
    [
        (Tag.MESSAGE_STATE, 256, "message_state"),
        (Tag.MESSAGE_STATE, b"\2", "message_state"),
        (Tag.RECEIPTED_MESSAGE_ID, "x" * 65, "receipted_message_id"),
        (Tag.RECEIPTED_MESSAGE_ID, "é", "receipted_message_id"),
        (Tag.NETWORK_ERROR_CODE, b"\3\0", "network_error_code"),
        (Tag.SOURCE_SUBADDRESS, b"1", "source_subaddress"),
        (Tag.NETWORK_ERROR_CODE, NetworkErrorCode(256, 0), "network_error_code"),
        (Tag.NETWORK_ERROR_CODE, CallbackNum(1, 1, 1, b"1"), "network_error_code"),
        (Tag.BROADCAST_END_TIME, "2611151200", "broadcast_end_time"),
        (Tag.SOURCE_NODE_ID, b"123456", "source_node_id"),
        (Tag.SOURCE_NODE_ID, "12345", "source_node_id"),
        (Tag.SC_INTERFACE_VERSION, 52.0, "sc_interface_version"),
        (0x1401, "text", "0x1401"),
        (0x1401, bytes(65_536), "0x1401"),
    ],
)
def test_a_value_that_its_tag_does_not_hold_is_refused_by_name(tag: int, value: object, name: str):
    with pytest.raises(EncodingError) as refused:
        TLVS.tlv(tag, value)
    assert refused.value.field == name


@pytest.mark.parametrize("wrong", [Tlv(-1, b""), Tlv(65_536, b""), Tlv(1, bytes(65_536)), Tlv(1, "text")])
def test_a_tlv_that_no_16_bits_hold_is_refused(wrong: Tlv):
    with pytest.raises(EncodingError, match=r"TLV .*does not fit"):
        tlvs.to_octets([wrong])


def test_a_tlv_does_not_show_its_value():
    assert repr(TLVS.tlv(Tag.MESSAGE_PAYLOAD, b"a secret")) == "Tlv(message_payload, 8 octets)"
