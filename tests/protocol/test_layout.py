"""The compiled functions against construct's own engine, which reads and builds the same layouts step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import construct
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.errors import EncodingError, MalformedPdu
from smpp_esme.protocol import reference
from smpp_esme.protocol.composites import Several
from smpp_esme.protocol.layout import HEADER
from smpp_esme.protocol.pdus import (
    PDUS,
    BindTransceiver,
    DataSmResp,
    DistributionList,
    Pdu,
    SmeAddress,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    UnsuccessSme,
)
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.protocol.wire import SMPP_3_4, SMPP_5_0, CString, Octets, UInt

if TYPE_CHECKING:
    from collections.abc import Callable

#: These run once for every PDU, so each may try less.
a_share_of_the_examples = settings(max_examples=settings.default.max_examples // 4)
each_pdu = pytest.mark.parametrize("record", PDUS.values(), ids=lambda record: record.__name__)


def as_container(pdu: Pdu, command_length: int) -> dict[str, Any]:
    return {
        "command_length": command_length,
        "command_id": pdu.command_id,
        "command_status": pdu.command_status,
        "sequence_number": pdu.sequence_number,
        **{name: getattr(pdu, name) for name, _ in pdu.layout.fields},
        "tlvs": [{"tag": tlv.tag, "octets": tlv.octets} for tlv in pdu.tlvs],
    }


def from_container(record: type[Pdu], parsed: construct.Container) -> Pdu:
    return record(
        sequence_number=parsed.sequence_number,
        command_status=parsed.command_status,
        tlvs=tuple(Tlv(tlv.tag, tlv.octets) for tlv in parsed.tlvs),
        **{name: parsed[name] for name, _ in record.layout.fields},
    )


@each_pdu
@a_share_of_the_examples
@given(data=st.data())
def test_encoding_agrees_with_construct(record: type[Pdu], data: st.DataObject):
    pdu = data.draw(testing.pdu(record))
    octets = record.layout.encode(pdu, pdu.sequence_number)
    if len(octets) == 16:  # a refusal without a body, which no declarative layout knows
        assert not record.layout.fields or pdu.command_status
    else:
        assert octets == reference.pdu(record).build(as_container(pdu, len(octets)))


@each_pdu
@a_share_of_the_examples
@given(data=st.data())
def test_decoding_agrees_with_construct(record: type[Pdu], data: st.DataObject):
    pdu = data.draw(testing.pdu(record))
    octets = reference.pdu(record).build(as_container(pdu, 0))
    decoded = record.layout.decode(octets, pdu.command_status, pdu.sequence_number)
    assert decoded == from_container(record, reference.pdu(record).parse(octets)) == pdu


@each_pdu
@a_share_of_the_examples
@given(body=st.binary(max_size=80) | st.text(st.sampled_from("\0\1a"), max_size=80).map(str.encode))
def test_on_any_octets_both_read_the_same_or_both_find_fault(record: type[Pdu], body: bytes):
    octets = HEADER.pack(16 + len(body), record.command_id, 0, 1) + body
    try:
        expected = from_container(record, reference.pdu(record).parse(octets))
    except construct.ConstructError:
        expected = None
    try:
        decoded = record.layout.decode(octets, 0, 1)
    except MalformedPdu:
        decoded = None
    if expected is None:
        assert decoded is None or decoded.oddities
    else:
        assert decoded is not None
        assert as_container(decoded, 0) == as_container(expected, 0)


@each_pdu
@a_share_of_the_examples
@given(data=st.data())
def test_the_straight_line_and_the_patient_reader_read_the_same(record: type[Pdu], data: st.DataObject):
    pdu = data.draw(testing.pdu(record))
    octets = record.layout.encode(pdu, pdu.sequence_number)
    assert record.layout.read(octets, pdu.command_status, pdu.sequence_number) == pdu


def unfit(wire_type: Any) -> list[Any]:
    """Values just past what a parameter can hold, and values of no type that it holds."""
    match wire_type:
        case UInt():
            return [-1, wire_type.limit + 1, "1", None, b"\1", 1.5, 1.0, 0.0]
        case CString():
            return ["a" * wire_type.limit, "é", "a\0b", "\0", "\u0661", None, 0, 7, b"", b"abc", [], ["a"], False]
        case Octets():
            return [bytes(wire_type.limit + 1), "", "text", None, 0, bytearray(b"abc"), memoryview(b"abc"), []]
        case Several():
            one = wire_type.element.default
            wrong = (None, SubmitSm(), msgspec.structs.replace(one, dest_addr_ton=256))
            return [(one,) * (wire_type.limit_5_0 + 1), None, [one], one, "", *((one, other) for other in wrong)]
    raise AssertionError


@each_pdu
def test_each_parameter_beyond_its_limit_is_refused_by_name(record: type[Pdu], sendable: Callable[..., Pdu]):
    for name, wire_type in record.layout.fields:
        for value in unfit(wire_type):
            with pytest.raises(EncodingError) as refused:
                record.layout.encode(sendable(record, **{name: value}), 1)
            assert refused.value.field == f"{record.__name__}.{name}", value
            assert refused.value.allowed


@each_pdu
def test_each_parameter_at_its_limit_is_sent(record: type[Pdu], sendable: Callable[..., Pdu]):
    for name, wire_type in record.layout.fields:
        match wire_type:
            case UInt():
                value: Any = wire_type.limit
            case CString():
                value = "a" * (wire_type.limit - 1)
            case Octets():
                value = bytes(wire_type.limit)
            case Several():
                value = (wire_type.element.default,) * wire_type.limit
        octets = record.layout.encode(sendable(record, **{name: value}), 1)
        assert getattr(record.layout.decode(octets, 0, 1), name) == value


@pytest.mark.parametrize(
    ("pdu", "sequence_number", "field"),
    [
        (SubmitSm(), -1, "SubmitSm.sequence_number"),
        (SubmitSm(), 1 << 32, "SubmitSm.sequence_number"),
        (SubmitSm(), None, "SubmitSm.sequence_number"),
        (SubmitSmResp(command_status=-1), 1, "SubmitSmResp.command_status"),
        (SubmitSmResp(command_status=1 << 32, message_id="1"), 1, "SubmitSmResp.command_status"),
        (SubmitSm(tlvs=(None,)), 1, "SubmitSm"),  # type: ignore[arg-type]  # what a caller without mypy may do
        (SubmitSm(tlvs=7), 1, "SubmitSm"),  # type: ignore[arg-type]  # likewise
        (SubmitSm(tlvs=(Tlv(70_000, b""),)), 1, "TLV 70000"),
    ],
)
def test_a_header_or_a_tlv_that_cannot_be_written_is_refused_by_name(pdu: Pdu, sequence_number: int, field: str):
    with pytest.raises(EncodingError) as refused:
        pdu.layout.encode(pdu, sequence_number)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("pdu", "field", "problem"),
    [
        (SubmitMulti(), "SubmitMulti.dest_address", "there are 0; 1 to 254"),
        (SubmitMulti(dest_address=(SmeAddress(),) * 255), "SubmitMulti.dest_address", "there are 255; 1 to 254"),
        (
            SubmitMulti(dest_address=(SmeAddress(), DistributionList("a" * 21))),
            "SubmitMulti.dest_address",
            f"[1] dl_name: '{'a' * 21}' has 21 characters; at most 20",
        ),
        (
            SubmitMulti(dest_address=(UnsuccessSme(),)),  # type: ignore[arg-type]  # that is the point
            "SubmitMulti.dest_address",
            "[0] UnsuccessSme is none; SmeAddress or DistributionList",
        ),
        (
            SubmitMultiResp(unsuccess_sme=(UnsuccessSme(error_status_code=-1),)),
            "SubmitMultiResp.unsuccess_sme",
            "[0] error_status_code: -1 is out of range; an integer from 0 to 4294967295",
        ),
    ],
)
def test_what_is_wrong_with_a_list_is_told_by_its_place(pdu: Pdu, field: str, problem: str):
    with pytest.raises(EncodingError) as refused:
        pdu.layout.encode(pdu, 1)
    assert str(refused.value) == f"{field}: {problem}"


def test_no_list_tells_a_number():
    with pytest.raises(EncodingError) as refused:
        SubmitMulti.layout.encode(SubmitMulti(dest_address=(SmeAddress(destination_addr="7" * 21),)), 1)
    assert "777" not in str(refused.value)


def test_5_0_has_one_more_octet_of_text_and_one_more_destination():
    for pdu in (SubmitSm(short_message=bytes(255)), SubmitMulti(dest_address=(SmeAddress(),) * 255)):
        octets = pdu.layout.encode(pdu, 1, SMPP_5_0)
        assert msgspec.structs.replace(pdu.layout.decode(octets, 0, 1), sequence_number=0) == pdu
        for version in (0x33, SMPP_3_4, SMPP_5_0 - 1):
            with pytest.raises(EncodingError):
                pdu.layout.encode(pdu, 1, version)
    with pytest.raises(EncodingError, match="0 to 255 octets"):
        SubmitSm.layout.encode(SubmitSm(short_message=bytes(256)), 1, SMPP_5_0)


def test_a_request_with_tlvs_is_not_sent_to_a_peer_that_knows_none():
    pdu = SubmitSm(tlvs=(TLVS.tlv(Tag.MESSAGE_PAYLOAD, b"text"), Tlv(0x1401, b"")))
    with pytest.raises(EncodingError) as refused:
        pdu.layout.encode(pdu, 1, 0x33)
    assert str(refused.value) == (
        "SubmitSm.tlvs: the peer knows no TLVs, and these are there: message_payload, 0x1401; none"
    )
    assert pdu.layout.encode(pdu, 1, 0x34)


def test_a_response_goes_out_without_the_tlvs_that_the_peer_does_not_know():
    pdu = DataSmResp(1, message_id="7", tlvs=(TLVS.tlv(Tag.DELIVERY_FAILURE_REASON, 1),))
    octets = pdu.layout.encode(pdu, 1, 0x33)
    assert pdu.layout.decode(octets, 0, 1) == msgspec.structs.replace(pdu, tlvs=())


def test_a_refused_password_is_not_told():
    with pytest.raises(EncodingError) as refused:
        BindTransceiver.layout.encode(BindTransceiver(password="hunter2-hunter2"), 1)
    assert "hunter2" not in str(refused.value)


def test_a_string_of_a_subclass_goes_out_as_what_it_holds():
    from enum import Enum

    class Sender(str, Enum):  # noqa: UP042 - what people wrote before StrEnum; its format() changed in 3.12
        ACME = "ACME-1"

    octets = SubmitSm.layout.encode(SubmitSm(source_addr=Sender.ACME), 1)
    assert b"\0ACME-1\0" in octets
