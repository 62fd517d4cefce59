from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.protocol.structures import (
    BillingIdentification,
    BroadcastAreaIdentifier,
    BroadcastContentType,
    BroadcastFrequencyInterval,
    CallbackNum,
    CallbackNumAtag,
    ItsSessionInfo,
    MsValidity,
    NetworkErrorCode,
    Structure,
    Subaddress,
)
from smpp_esme.protocol.tlvs import TLVS, Tag

STRUCTURES: dict[Tag, Structure] = {
    tag: structure for tag in Tag if isinstance(structure := TLVS.wire_type(tag), Structure)
}
each_structure = pytest.mark.parametrize("tag", STRUCTURES, ids=TLVS.name)

#: One value of each, and its octets as the specification lays them out.
EXAMPLES: list[tuple[Tag, Any, str]] = [
    (Tag.NETWORK_ERROR_CODE, NetworkErrorCode(3, 256), "03 0100"),
    (Tag.SOURCE_SUBADDRESS, Subaddress(0xA0, b"42"), "a0 3432"),
    (Tag.DEST_SUBADDRESS, Subaddress(0x80, b"\x47\0"), "80 4700"),
    (Tag.CALLBACK_NUM, CallbackNum(1, 1, 1, b"7812"), "01 01 01 37383132"),
    (Tag.CALLBACK_NUM_ATAG, CallbackNumAtag(3, b"shop"), "03 73686f70"),
    (Tag.CALLBACK_NUM_ATAG, CallbackNumAtag(8), "08"),
    (Tag.MS_VALIDITY, MsValidity(2), "02"),
    (Tag.MS_VALIDITY, MsValidity(4, 1, 31), "04 01 001f"),
    (Tag.MS_VALIDITY, MsValidity(4, 0, 31), "04 00 001f"),
    (Tag.ITS_SESSION_INFO, ItsSessionInfo(7, 0b101), "07 05"),
    (Tag.BROADCAST_AREA_IDENTIFIER, BroadcastAreaIdentifier(0, b"north"), "00 6e6f727468"),
    (Tag.BROADCAST_CONTENT_TYPE, BroadcastContentType(0, 0x0100), "00 0100"),
    (Tag.BROADCAST_FREQUENCY_INTERVAL, BroadcastFrequencyInterval(9, 31), "09 001f"),
    (Tag.BILLING_IDENTIFICATION, BillingIdentification(0x81, b"\1\2"), "81 0102"),
]


@pytest.mark.parametrize(("tag", "value", "octets"), EXAMPLES)
def test_a_structure_is_laid_out_as_the_specification_says(tag: Tag, value: Any, octets: str):
    tlv = TLVS.tlv(tag, value)
    assert tlv.octets == bytes.fromhex(octets)
    assert TLVS.value(tlv) == value
    assert TLVS.tlv(tag, tlv.octets) == tlv


def test_every_structure_has_an_example():
    assert {tag for tag, _, _ in EXAMPLES} == STRUCTURES.keys()


@each_structure
@given(data=st.data())
def test_what_a_structure_can_hold_comes_back(tag: Tag, data: st.DataObject):
    structure = STRUCTURES[tag]
    value = data.draw(testing.values(structure))
    assert structure.problem(value) is None
    octets = structure.to_octets(value)
    assert structure.from_octets(octets) == value
    assert structure.problem(octets) is None


@each_structure
@given(octets=st.binary(max_size=1100))
def test_octets_of_any_length_are_read_as_far_as_they_go(tag: Tag, octets: bytes):
    value = STRUCTURES[tag].from_octets(octets)
    assert type(value) is STRUCTURES[tag].record
    assert repr(value)


@each_structure
def test_octets_of_another_length_are_not_sent(tag: Tag):
    structure = STRUCTURES[tag]
    for octets in (b"", bytes(structure.limit + 1)):
        assert structure.problem(octets) is not None


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"000", (0, 0)),
        (b"042", (0, 42)),
        (b"65535", (0, 65_535)),
        (b"0", (0, 0)),
        (b"\x03\x00\x06", (3, 6)),
        (b"\x03\x06", (3, 6)),
        (b"\x03", (3, 0)),
        (b"", (0, 0)),
        (b"\x08\x01\x02\xff", (8, 0x0102)),
        (b"9" * 5000, (0x39, 0x3939)),
    ],
)
def test_a_network_error_code_is_read_in_octets_and_in_digits(octets: bytes, value: tuple[int, int]):
    assert STRUCTURES[Tag.NETWORK_ERROR_CODE].from_octets(octets) == NetworkErrorCode(*value)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (NetworkErrorCode(256, 0), "network_type: 256 is out of range"),
        (NetworkErrorCode(0, 65_536), "error_code: 65536 is out of range"),
        (NetworkErrorCode(3.0, 0), "network_type: 3.0 is out of range"),  # type: ignore[arg-type]  # that is the point
        ((3, 0), "tuple is none"),
        (MsValidity(), "MsValidity is none"),
        (b"\3", "1 octets"),
    ],
)
def test_a_value_that_does_not_fit_is_told_by_its_field(value: Any, problem: str):
    found = STRUCTURES[Tag.NETWORK_ERROR_CODE].problem(value)
    assert found is not None
    assert found[0].startswith(problem)
    assert found[1]


def test_the_second_octet_of_its_session_info_holds_two_things():
    info = ItsSessionInfo(1, 0b1010_0111)
    assert (info.dialogue_number, info.is_last) == (0b101_0011, True)
    assert not ItsSessionInfo(1, 0b10).is_last


def test_a_number_to_call_back_is_not_shown():
    assert repr(CallbackNum(1, 1, 1, b"7812")) == "CallbackNum(digit_mode=1, addr_ton=1, addr_npi=1, digits=<4>)"
