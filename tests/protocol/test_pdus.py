from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from smpp_esme import testing
from smpp_esme.protocol.commands import CommandId, CommandStatus, is_response
from smpp_esme.protocol.pdus import (
    PDUS,
    RESPONSES,
    BindTransceiver,
    DeliverSm,
    GenericNack,
    Pdu,
    SmeAddress,
    SubmitSm,
    SubmitSmResp,
    UnsuccessSme,
)
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.protocol.wire import CString, Privacy, UInt

each_pdu = pytest.mark.parametrize("record", PDUS.values(), ids=lambda record: record.__name__)


@each_pdu
def test_a_class_is_named_for_its_command(record: type[Pdu]):
    name = CommandId(record.command_id).name.title().replace("_", "")
    assert record.__name__ == name
    assert PDUS[record.command_id] is record


@each_pdu
def test_every_parameter_may_be_left_out(record: type[Pdu]):
    pdu = record()
    assert all(
        getattr(pdu, name) == wire_type.default or name == "interface_version" for name, wire_type in pdu.layout.fields
    )


@each_pdu
def test_a_pdu_knows_whether_it_is_a_response(record: type[Pdu]):
    assert record().is_response == is_response(record.command_id)


def test_a_request_is_answered_by_the_class_of_its_name():
    assert {PDUS[number].__name__: answer.__name__ for number, answer in RESPONSES.items()} == {
        name: f"{name}Resp"
        for name in (
            "BindReceiver", "BindTransmitter", "BindTransceiver", "Unbind", "EnquireLink", "SubmitSm", "DeliverSm",
            "SubmitMulti", "DataSm", "QuerySm", "CancelSm", "ReplaceSm", "BroadcastSm", "QueryBroadcastSm",
            "CancelBroadcastSm",
        )
    }  # fmt: skip


def test_a_pdu_cannot_be_changed():
    with pytest.raises(AttributeError):
        SubmitSm().short_message = b"other"  # type: ignore[misc]  # that is the point
    assert msgspec.structs.replace(SubmitSm(), data_coding=8).data_coding == 8


def test_the_status_of_a_response_has_a_name_even_if_it_is_a_vendors():
    assert SubmitSmResp(command_status=0x58).status is CommandStatus.ESME_RTHROTTLED
    assert SubmitSmResp(command_status=0x4FF).status.name == "VENDOR_0x000004FF"


def test_a_tlv_is_looked_up_by_its_tag():
    pdu = DeliverSm(tlvs=(Tlv(0x1401, b"a"), TLVS.tlv(Tag.MESSAGE_STATE, 2), Tlv(0x1401, b"b")))
    assert (pdu.tlv_octets(0x1401), pdu.tlv_octets(Tag.MESSAGE_STATE), pdu.tlv_octets(0x1402)) == (b"a", b"\2", None)
    assert pdu.tlv(Tag.MESSAGE_STATE) == 2
    assert pdu.tlv(0x1401) == b"a"
    assert pdu.tlv_values(0x1401) == [b"a", b"b"]
    assert pdu.tlv(Tag.MESSAGE_PAYLOAD) is None
    assert pdu.tlv_values(Tag.MESSAGE_PAYLOAD) == []


def test_a_vendors_tlv_is_looked_up_in_the_vendors_table():
    table = TLVS.extend({0x1422: ("price", UInt(4)), 0x1402: ("mcc_mnc", CString(7))})
    assert DeliverSm(tlvs=(Tlv(0x1422, b"\1\0"),)).tlv(0x1422, table) == 256


#: No repr holds this by chance: none of its letters are in a class's or a parameter's name.
HIDDEN = "QZXQZX"


@each_pdu
def test_a_repr_never_shows_passwords_numbers_or_texts(record: type[Pdu]):
    for name, wire_type in record.layout.fields:
        if wire_type.privacy is not Privacy.OPEN:
            value = HIDDEN.encode() if wire_type.default == b"" else HIDDEN
            value = (SmeAddress(destination_addr=HIDDEN),) * 6 if wire_type.default == () else value
            shown = repr(record(**{name: value}))
            assert HIDDEN not in shown
            assert f"{name}=<6>" in shown


def test_a_record_inside_of_a_pdu_hides_the_same():
    assert repr(SmeAddress(1, 0, HIDDEN)) == "SmeAddress(dest_addr_ton=1, destination_addr=<6>)"
    assert HIDDEN not in repr(UnsuccessSme(destination_addr=HIDDEN))


def test_a_repr_shows_what_is_set_and_nothing_else():
    pdu = SubmitSm(7, data_coding=8, destination_addr="79991234567", tlvs=(Tlv(0x424, b"text"),))
    assert repr(pdu) == (
        "SubmitSm(sequence_number=7, destination_addr=<11>, data_coding=8, tlvs=(Tlv(message_payload, 4 octets)))"
    )
    assert repr(SubmitSmResp(7, 0x4FF)) == "SubmitSmResp(sequence_number=7, command_status=VENDOR_0x000004FF)"
    assert repr(GenericNack()) == "GenericNack(sequence_number=0)"


def test_a_repr_is_bounded_whatever_a_peer_sends():
    assert len(repr(SubmitSmResp(message_id="a" * 60_000))) < 300
    many = repr(SubmitSm(tlvs=(Tlv(0x2000, b""),) * 17_000))
    assert len(many) < 500
    assert many.endswith("and 16990 more))")


@given(testing.pdus())
def test_every_pdu_has_a_repr(pdu: Pdu):
    assert repr(pdu).startswith(f"{type(pdu).__name__}(sequence_number=")


def test_the_personal_and_the_secret_parameters_are_these():
    private = {
        (name, wire_type.privacy)
        for record in PDUS.values()
        for name, wire_type in record.layout.fields
        if wire_type.privacy is not Privacy.OPEN
    }
    assert private == {
        ("password", Privacy.SECRET),
        ("source_addr", Privacy.PERSONAL),
        ("destination_addr", Privacy.PERSONAL),
        ("esme_addr", Privacy.PERSONAL),
        ("short_message", Privacy.PERSONAL),
        ("dest_address", Privacy.PERSONAL),
        ("unsuccess_sme", Privacy.PERSONAL),
    }
    assert BindTransceiver(password="x") != BindTransceiver(password="y")
