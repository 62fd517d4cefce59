from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.protocol.composites import Composite, Flagged, Several
from smpp_esme.protocol.meanings import _SPECIAL, ENUMERATIONS, command_name, meaning
from smpp_esme.protocol.pdus import PDUS
from smpp_esme.protocol.structures import (
    BroadcastContentType,
    CallbackNum,
    MsValidity,
    NetworkErrorCode,
    Structure,
    Subaddress,
)
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv


@pytest.mark.parametrize(
    ("parameter", "value", "says"),
    [
        ("source_addr_ton", 5, "ALPHANUMERIC"),
        ("dest_addr_npi", 1, "ISDN"),
        ("dest_addr_npi", 2, "reserved"),
        ("esm_class", 0x00, "DEFAULT"),
        ("esm_class", 0x43, "STORE_AND_FORWARD|UDHI"),
        ("esm_class", 0x04, "DELIVERY_RECEIPT"),
        ("esm_class", 0x18, "CONVERSATION_ABORT"),
        ("esm_class", 0x3C, "0x3C"),
        ("registered_delivery", 0x11, "RECEIPT|INTERMEDIATE_NOTIFICATION"),
        ("message_state", 2, "DELIVERED"),
        ("message_state", 77, "reserved"),
        ("interface_version", 0x34, "SMPP 3.4"),
        ("network_error_code", NetworkErrorCode(3, 5), "network_type GSM, error_code 5"),
        ("network_error_code", NetworkErrorCode(9, 256), "network_type 9, error_code 256"),
        ("ms_validity", MsValidity(4, 1, 31), "behaviour RELATIVE_TIME, unit MINUTES, number 31"),
        ("source_subaddress", Subaddress(0xA0, b"42"), "subaddress_type USER_SPECIFIED, subaddress 34 32"),
        (
            "callback_num",
            CallbackNum(1, 1, 1, b"7"),
            "digit_mode ASCII, addr_ton INTERNATIONAL, addr_npi ISDN, digits 37",
        ),
        ("broadcast_content_type", BroadcastContentType(0, 1), "network GENERIC, content_type EMERGENCY_BROADCASTS"),
        ("broadcast_content_type", BroadcastContentType(1, 1), "network GSM, content_type 1"),
        ("broadcast_error_status", 0x108, "ESME_RINVBCASTALIAS_NAME: broadcast area alias is invalid"),
        ("broadcast_error_status", 1 << 40, "reserved"),
        ("broadcast_area_success", 90, "90 % of the area"),
        ("broadcast_area_success", 255, "not known"),
        ("broadcast_area_success", 101, "reserved"),
        ("callback_num_pres_ind", 0b0101, "presentation RESTRICTED, VERIFIED_AND_PASSED"),
        ("callback_num_pres_ind", 0b1111, "presentation reserved, NETWORK_PROVIDED"),
        ("ms_msg_wait_facilities", 0x82, "EMAIL waiting"),
        ("ms_msg_wait_facilities", 0x00, "VOICEMAIL no longer waiting"),
        ("congestion_state", 0, "idle"),
        ("congestion_state", 29, "low load"),
        ("congestion_state", 85, "optimum load"),
        ("congestion_state", 99, "nearing congestion"),
        ("congestion_state", 100, "congested"),
        ("congestion_state", 101, "reserved"),
        ("alert_on_message_delivery", 3, "HIGH_PRIORITY"),
        ("ussd_service_op", 16, "PSSD_RESPONSE"),
        ("dest_flag", 2, "DISTRIBUTION_LIST"),
        ("command_status", 0x4FF, "VENDOR_0x000004FF: vendor's own status"),
        ("priority_flag", 1, ""),
    ],
)
def test_a_value_says_what_it_means(parameter: str, value: object, says: str):
    told = meaning(parameter, value)
    assert set(told.split("|")) == set(says.split("|"))


@given(st.integers(0, 255))
def test_every_octet_of_every_parameter_has_a_meaning_or_none(octet: int):
    for parameter in (ENUMERATIONS.keys() | _SPECIAL.keys()) - {"broadcast_content_type"}:
        assert isinstance(meaning(parameter, octet), str)


@given(testing.tlv())
def test_every_tlv_has_a_meaning_or_none(tlv: Tlv):
    assert isinstance(meaning(TLVS.name(tlv.tag), TLVS.value(tlv)), str)


@given(st.sampled_from(Tag), st.binary(max_size=12))
def test_so_has_every_tlv_of_any_octets(tag: Tag, octets: bytes):
    assert isinstance(meaning(TLVS.name(tag), TLVS.value(Tlv(tag, octets))), str)


def parameters_of(wire_type: Any) -> set[str]:
    """The names within a list."""
    match wire_type:
        case Several():
            return {wire_type.count} | parameters_of(wire_type.element)
        case Flagged():
            return {wire_type.flag}.union(*(parameters_of(kind) for kind in wire_type.kinds.values()))
        case Composite():
            return {name for name, _ in wire_type.fields}
    return set()


def test_every_parameter_that_has_meanings_exists():
    fields = [field for record in PDUS.values() for field in record.layout.fields]
    exist = {name for name, _ in fields}.union(*(parameters_of(wire_type) for _, wire_type in fields))
    exist |= {tag.name.lower() for tag in Tag} | {"command_id", "command_status"}
    for tag in Tag:
        if isinstance(structure := TLVS.wire_type(tag), Structure):
            exist |= {f"{tag.name.lower()}.{name}" for name, _ in structure.fields}
    exist |= {"broadcast_content_type.generic.content_type"}
    assert ENUMERATIONS.keys() | _SPECIAL.keys() <= exist


def test_a_command_is_named_or_numbered():
    assert command_name(0x112) == "query_broadcast_sm"
    assert command_name(0x110) == "0x00000110"
