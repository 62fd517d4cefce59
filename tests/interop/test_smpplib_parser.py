"""Every PDU that we encode is read back by smpplib's own parser to the same values.

smpplib is an independent reading of SMPP 3.4, but not a faultless one. What it is known to read wrongly is left out
here one by one, each with its reason; everything else must agree.
"""

from __future__ import annotations

from typing import Any

import pytest
import smpplib.command
import smpplib.consts
import smpplib.exceptions
import smpplib.smpp
from hypothesis import given, settings
from hypothesis import strategies as st

from smpp_esme import testing
from smpp_esme.protocol.codec import encode
from smpp_esme.protocol.commands import CommandId, CommandStatus
from smpp_esme.protocol.pdus import PDUS, DataSm, DataSmResp, DeliverSm, Pdu, SmeAddress, SubmitMulti, SubmitSm
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv
from smpp_esme.protocol.wire import Record, UInt

pytestmark = pytest.mark.interop

#: Operations that smpplib has a name for and no class: it raises UnknownCommandError.
UNSUPPORTED = {
    "outbind", "submit_multi", "submit_multi_resp", "cancel_sm", "cancel_sm_resp", "replace_sm", "replace_sm_resp",
    "broadcast_sm", "broadcast_sm_resp", "query_broadcast_sm", "query_broadcast_sm_resp", "cancel_broadcast_sm",
    "cancel_broadcast_sm_resp",
}  # fmt: skip

#: TLVs that smpplib misreads, by the operation: None for all of them.
MISREAD: dict[tuple[type[Pdu] | None, Tag], str] = {
    (SubmitSm, Tag.SOURCE_ADDR_SUBUNIT): "takes its one octet for two and loses step with what follows",
    (None, Tag.SOURCE_TELEMATICS_ID): "takes its one octet for two and loses step (SMPP 3.4, 5.3.2.8)",
    (None, Tag.SOURCE_SUBADDRESS): "takes these octets for a C-octet string and drops the last one",
    (None, Tag.DEST_SUBADDRESS): "takes these octets for a C-octet string and drops the last one",
    (None, Tag.CALLBACK_NUM_ATAG): "takes these octets for a C-octet string and drops the last one",
    (None, Tag.MS_VALIDITY): "takes the first of the four octets that 5.0 allows for all and loses step",
    (None, Tag.ALERT_ON_MESSAGE_DELIVERY): "has no reader for its type: the value is passed over, not its octets",
    (DataSmResp, Tag.NETWORK_ERROR_CODE): "takes these octets for a C-octet string and drops the last one",
    (DataSmResp, Tag.DELIVERY_FAILURE_REASON): "takes this integer for a C-octet string and drops its only octet",
}


class NumberSource:
    """Parsing a request takes a sequence_number from smpplib's client, so there must be one."""

    sequence = 0

    def next_sequence(self) -> int:
        return 0


def name_of(record: type[Pdu]) -> str:
    return CommandId(record.command_id).name.lower()


def read_by_smpplib(octets: bytes, **options: Any) -> Any:
    return smpplib.smpp.parse_pdu(octets, client=NumberSource(), **options)


def tags_of(record: type[Pdu]) -> list[Tag]:
    """The TLVs that smpplib reads in this operation.

    One that it does not list here is a KeyError to it, and one that bears a parameter's name overwrites the parameter.
    """
    parameters = {name for name, _ in record.layout.fields}
    listed = smpplib.command.factory(name_of(record), client=NumberSource()).params.keys()
    return [
        tag
        for tag in Tag
        if TLVS.name(tag) in listed - parameters and (record, tag) not in MISREAD and (None, tag) not in MISREAD
    ]


def comparable(value: Any) -> Any:
    """smpplib leaves strings as octets."""
    return value.encode("ascii") if isinstance(value, str) else value


def pdus_for(record: type[Pdu]) -> st.SearchStrategy[Pdu]:
    # smpplib keeps one value a tag, so no tag comes twice.
    tags = tags_of(record)
    several = st.lists(testing.tlv(*tags), max_size=6, unique_by=lambda tlv: tlv.tag).map(tuple)
    return testing.pdu(record, tlvs=several if tags else st.just(()))


SUPPORTED = [record for record in PDUS.values() if name_of(record) not in UNSUPPORTED]


@pytest.mark.parametrize("record", SUPPORTED, ids=name_of)
@settings(max_examples=settings.default.max_examples // 2)
@given(data=st.data())
def test_smpplib_reads_what_we_encode(record: type[Pdu], data: st.DataObject):
    pdu = data.draw(pdus_for(record))
    octets = encode(pdu)
    parsed = read_by_smpplib(octets)
    assert parsed.command == name_of(record)
    assert (parsed.length, parsed.status, parsed.sequence) == (len(octets), pdu.command_status, pdu.sequence_number)
    if len(octets) > 16:
        for name, _ in record.layout.fields:
            expected = comparable(getattr(pdu, name))
            if name == "short_message" and not pdu.tlvs:
                expected = expected or None  # where the octets end smpplib stops reading, even at a parameter of none
            assert getattr(parsed, name) == expected, name
    for tlv in pdu.tlvs:
        assert_same_tlv(parsed, tlv)


def assert_same_tlv(parsed: Any, tlv: Tlv) -> None:
    name, expected = TLVS.name(tlv.tag), comparable(TLVS.value(tlv))
    read = getattr(parsed, name)
    if isinstance(expected, Record):  # octets to smpplib, or one integer
        expected = int.from_bytes(tlv.octets, "big") if isinstance(read, int) else tlv.octets
    assert read == expected, name


def test_every_operation_that_smpplib_knows_is_compared():
    for record in PDUS.values():
        if record in SUPPORTED:
            assert read_by_smpplib(encode(record(message_id="1") if name_of(record) == "query_sm" else record()))
        else:
            with pytest.raises(smpplib.exceptions.UnknownCommandError):
                read_by_smpplib(encode(record(dest_address=(SmeAddress(),)) if record is SubmitMulti else record()))


def test_most_tlvs_are_compared():
    compared = {tag for record in SUPPORTED for tag in tags_of(record)}
    of_3_4 = {tag for tag in Tag if not Tag.BROADCAST_CHANNEL_INDICATOR <= tag <= Tag.DEST_ADDR_NP_COUNTRY}
    assert not compared - of_3_4
    assert {TLVS.name(tag) for tag in of_3_4 - compared} == {
        # misread, see above
        "source_telematics_id", "source_subaddress", "dest_subaddress", "callback_num_atag", "delivery_failure_reason",
        "ms_validity", "alert_on_message_delivery",
        # of no operation that smpplib reads them in
        "set_dpf", "congestion_state",
    }  # fmt: skip


@pytest.mark.parametrize(("record", "tag"), MISREAD, ids=lambda value: getattr(value, "name", None))
def test_what_is_left_out_is_still_misread(record: type[Pdu] | None, tag: Tag):
    wire_type = TLVS.wire_type(tag)
    value = 7 if isinstance(wire_type, UInt) else b"\1\2\3\4"[: wire_type.limit]
    octets = encode((record or DataSm)(1, tlvs=(TLVS.tlv(tag, value), TLVS.tlv(Tag.USER_MESSAGE_REFERENCE, 513))))
    try:
        parsed = read_by_smpplib(octets, allow_unknown_opt_params=True)
    except Exception:  # noqa: BLE001 - smpplib raises what it likes; any error will do
        return
    assert (getattr(parsed, TLVS.name(tag)), parsed.user_message_reference) != (value, 513)


def test_an_unknown_tlv_is_an_error_to_smpplib_unless_it_is_told_otherwise():
    octets = encode(DeliverSm(1, tlvs=(Tlv(0x1401, b"1"), TLVS.tlv(Tag.MESSAGE_STATE, 2))))
    with pytest.raises(smpplib.exceptions.UnknownCommandError):
        read_by_smpplib(octets)
    assert read_by_smpplib(octets, allow_unknown_opt_params=True).message_state == 2


def test_a_listed_tlv_in_the_wrong_operation_is_a_key_error_to_smpplib():
    with pytest.raises(KeyError):
        read_by_smpplib(encode(DeliverSm(1, tlvs=(TLVS.tlv(Tag.SMS_SIGNAL, 1),))), allow_unknown_opt_params=True)


def test_smpplib_has_the_same_numbers_for_the_same_statuses():
    theirs = {
        name.removeprefix("SMPP_"): value
        for name, value in vars(smpplib.consts).items()
        if name.startswith("SMPP_ESME_")
    }
    assert theirs
    assert {name: CommandStatus[name].value for name in theirs} == theirs


def test_smpplib_has_the_same_tags_for_the_same_parameters():
    for name, tag in smpplib.consts.OPTIONAL_PARAMS.items():
        assert TLVS.name(tag) == name
