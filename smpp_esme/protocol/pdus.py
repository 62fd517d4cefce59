"""One record per command_id, parameters in wire order: the class is the layout (SMPP 3.4, chapter 4).

Adding a parameter is adding a line here. Every parameter has the default that stands for "not used", every record is
frozen, and a record's repr shows neither numbers nor texts nor passwords.
"""

from enum import IntEnum
from typing import Annotated, Any, ClassVar, Final

import msgspec

from smpp_esme.protocol.commands import RESPONSE_BIT, CommandId, CommandStatus
from smpp_esme.protocol.composites import Composite, Flagged, Several
from smpp_esme.protocol.layout import Layout
from smpp_esme.protocol.tlvs import TLVS, Tlv, TlvTable
from smpp_esme.protocol.wire import CString, Octets, Privacy, Record, UInt, shown

U8 = Annotated[int, UInt(1)]
U32 = Annotated[int, UInt(4)]
SystemId = Annotated[str, CString(16)]
Password = Annotated[str, CString(9, privacy=Privacy.SECRET)]
ServiceType = Annotated[str, CString(6)]
Addr = Annotated[str, CString(21, privacy=Privacy.PERSONAL)]
LongAddr = Annotated[str, CString(65, privacy=Privacy.PERSONAL)]
MessageId = Annotated[str, CString(65)]
Time = Annotated[str, CString(17, exact=True)]
#: SMPP 3.4 allows 254 octets, 5.0 allows 255 (3.4, 5.2.22; 5.0, 4.7.26).
ShortMessage = Annotated[bytes, Octets(254, limit_5_0=255)]


class Pdu(msgspec.Struct, frozen=True, gc=False):
    """What every PDU has: the header's fields, its TLVs, and what was odd when it was read.

    Attributes:
        sequence_number: the number in the header; 0 until sent, given by the connection.
        command_status: how the request ended, in a response; ESME_ROK in a request.
        tlvs: the optional parameters in the order of the wire, unknown ones included.
        oddities: sentences about what a patient reader put up with; never sent.
    """

    sequence_number: int = 0
    command_status: int = CommandStatus.ESME_ROK
    tlvs: tuple[Tlv, ...] = ()
    oddities: tuple[str, ...] = ()

    command_id: ClassVar[int]
    layout: ClassVar[Layout]

    @property
    def status(self) -> CommandStatus:
        """command_status with its name and meaning; a vendor's number is kept."""
        return CommandStatus(self.command_status)

    @property
    def is_response(self) -> bool:
        """True for a response and for generic_nack."""
        return self.command_id & RESPONSE_BIT != 0

    def tlv(self, tag: int, table: TlvTable = TLVS) -> Any:
        """The value of the first TLV with this tag, as the table has it; None if there is none."""
        for tlv in self.tlvs:
            if tlv.tag == tag:
                return table.value(tlv)
        return None

    def tlv_values(self, tag: int, table: TlvTable = TLVS) -> list[Any]:
        """The values of all TLVs with this tag: some may repeat (SMPP 3.4, 5.3.2.36)."""
        return [table.value(tlv) for tlv in self.tlvs if tlv.tag == tag]

    def tlv_octets(self, tag: int) -> bytes | None:
        """The octets of the first TLV with this tag, as they came; None if there is none."""
        return next((tlv.octets for tlv in self.tlvs if tlv.tag == tag), None)

    def __repr__(self) -> str:
        """The parameters that are set, without numbers, texts and passwords."""
        header = [f"sequence_number={self.sequence_number}"]
        if self.command_status:
            header.append(f"command_status={self.status.name}")
        tail = [f"tlvs=({_listed(self.tlvs)})"] if self.tlvs else []
        return f"{type(self).__name__}({', '.join((*header, *shown(self, self.layout.fields), *tail))})"


def _listed(tlvs: tuple[Tlv, ...], most: int = 10) -> str:
    """The first TLVs for a repr: a peer may send thousands."""
    more = [f"and {len(tlvs) - most} more"] if len(tlvs) > most else []
    return ", ".join([*map(repr, tlvs[:most]), *more])


class _Bind(Pdu, frozen=True, gc=False):
    """The parameters that the three binds share (SMPP 3.4, 4.1)."""

    system_id: SystemId = ""
    password: Password = ""
    system_type: Annotated[str, CString(13)] = ""
    interface_version: U8 = 0x34
    addr_ton: U8 = 0
    addr_npi: U8 = 0
    address_range: Annotated[str, CString(41)] = ""


class BindReceiver(_Bind, frozen=True, gc=False):
    """Asks for a session that receives only (SMPP 3.4, 4.1.3)."""


class BindTransmitter(_Bind, frozen=True, gc=False):
    """Asks for a session that submits only (SMPP 3.4, 4.1.1)."""


class BindTransceiver(_Bind, frozen=True, gc=False):
    """Asks for a session that does both (SMPP 3.4, 4.1.5)."""


class _BindResp(Pdu, frozen=True, gc=False):
    """What the answers to the three binds share; sc_interface_version is a TLV (SMPP 3.4, 4.1.2)."""

    system_id: SystemId = ""


class BindReceiverResp(_BindResp, frozen=True, gc=False):
    """Answers bind_receiver (SMPP 3.4, 4.1.4)."""


class BindTransmitterResp(_BindResp, frozen=True, gc=False):
    """Answers bind_transmitter (SMPP 3.4, 4.1.2)."""


class BindTransceiverResp(_BindResp, frozen=True, gc=False):
    """Answers bind_transceiver (SMPP 3.4, 4.1.6)."""


class Outbind(Pdu, frozen=True, gc=False):
    """The SMSC asks the ESME to bind as receiver (SMPP 3.4, 4.1.7); it has no response."""

    system_id: SystemId = ""
    password: Password = ""


class Unbind(Pdu, frozen=True, gc=False):
    """Ends the session in order (SMPP 3.4, 4.2)."""


class UnbindResp(Pdu, frozen=True, gc=False):
    """Answers unbind."""


class EnquireLink(Pdu, frozen=True, gc=False):
    """Asks whether the peer is there (SMPP 3.4, 4.11)."""


class EnquireLinkResp(Pdu, frozen=True, gc=False):
    """Says that we are."""


class GenericNack(Pdu, frozen=True, gc=False):
    """Refuses a PDU that could not be read or is not known (SMPP 3.4, 4.3)."""


class _Message(Pdu, frozen=True, gc=False):
    """The parameters that submit_sm and deliver_sm share (SMPP 3.4, 4.4.1 and 4.6.1)."""

    service_type: ServiceType = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: Addr = ""
    dest_addr_ton: U8 = 0
    dest_addr_npi: U8 = 0
    destination_addr: Addr = ""
    esm_class: U8 = 0
    protocol_id: U8 = 0
    priority_flag: U8 = 0
    schedule_delivery_time: Time = ""
    validity_period: Time = ""
    registered_delivery: U8 = 0
    replace_if_present_flag: U8 = 0
    data_coding: U8 = 0
    sm_default_msg_id: U8 = 0
    short_message: ShortMessage = b""


class _MessageResp(Pdu, frozen=True, gc=False):
    """What the answers to submit_sm, deliver_sm and data_sm carry (SMPP 3.4, 4.4.2)."""

    message_id: MessageId = ""


class SubmitSm(_Message, frozen=True, gc=False):
    """Hands a message to the SMSC (SMPP 3.4, 4.4)."""


class SubmitSmResp(_MessageResp, frozen=True, gc=False):
    """Gives the message_id, or refuses."""


class DestFlag(IntEnum):
    """What a destination of submit_multi is (SMPP 3.4, 5.2.25)."""

    SME_ADDRESS = 1
    DISTRIBUTION_LIST = 2


class SmeAddress(Record, frozen=True, gc=False):
    """A destination of submit_multi: one number (SMPP 3.4, 4.5.1.1)."""

    dest_addr_ton: U8 = 0
    dest_addr_npi: U8 = 0
    destination_addr: Addr = ""


class DistributionList(Record, frozen=True, gc=False):
    """A destination of submit_multi: the numbers that the SMSC keeps under a name (SMPP 3.4, 4.5.1.2)."""

    dl_name: Annotated[str, CString(21)] = ""


class UnsuccessSme(Record, frozen=True, gc=False):
    """A destination that a submit_multi did not reach, and why (SMPP 3.4, 4.5.2.1)."""

    dest_addr_ton: U8 = 0
    dest_addr_npi: U8 = 0
    destination_addr: Addr = ""
    error_status_code: U32 = 0


_DestAddress = Flagged("dest_flag", {DestFlag.SME_ADDRESS: SmeAddress, DestFlag.DISTRIBUTION_LIST: DistributionList})


class SubmitMulti(Pdu, frozen=True, gc=False):
    """Hands a message for several destinations to the SMSC (SMPP 3.4, 4.5); 5.0 allows one more of them."""

    service_type: ServiceType = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: Addr = ""
    dest_address: Annotated[
        tuple[SmeAddress | DistributionList, ...],
        Several(_DestAddress, count="number_of_dests", limit=254, limit_5_0=255, least=1),
    ] = ()
    esm_class: U8 = 0
    protocol_id: U8 = 0
    priority_flag: U8 = 0
    schedule_delivery_time: Time = ""
    validity_period: Time = ""
    registered_delivery: U8 = 0
    replace_if_present_flag: U8 = 0
    data_coding: U8 = 0
    sm_default_msg_id: U8 = 0
    short_message: ShortMessage = b""


class SubmitMultiResp(Pdu, frozen=True, gc=False):
    """Gives the message_id, and the destinations that were not reached (SMPP 3.4, 4.5.2)."""

    message_id: MessageId = ""
    unsuccess_sme: Annotated[tuple[UnsuccessSme, ...], Several(Composite(UnsuccessSme), count="no_unsuccess")] = ()


class DeliverSm(_Message, frozen=True, gc=False):
    """Hands a message or a delivery receipt to the ESME (SMPP 3.4, 4.6)."""


class DeliverSmResp(_MessageResp, frozen=True, gc=False):
    """Takes a delivery over; its message_id is unused and empty (SMPP 3.4, 4.6.2)."""


class DataSm(Pdu, frozen=True, gc=False):
    """Carries a message either way, its text in message_payload (SMPP 3.4, 4.7)."""

    service_type: ServiceType = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: LongAddr = ""
    dest_addr_ton: U8 = 0
    dest_addr_npi: U8 = 0
    destination_addr: LongAddr = ""
    esm_class: U8 = 0
    registered_delivery: U8 = 0
    data_coding: U8 = 0


class DataSmResp(_MessageResp, frozen=True, gc=False):
    """Answers data_sm."""


class QuerySm(Pdu, frozen=True, gc=False):
    """Asks for the state of a message (SMPP 3.4, 4.8)."""

    message_id: MessageId = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: Addr = ""


class QuerySmResp(Pdu, frozen=True, gc=False):
    """Tells the state of a message."""

    message_id: MessageId = ""
    final_date: Time = ""
    message_state: U8 = 0
    error_code: U8 = 0


class CancelSm(Pdu, frozen=True, gc=False):
    """Cancels a message, or all of a service_type to one destination (SMPP 3.4, 4.9)."""

    service_type: ServiceType = ""
    message_id: MessageId = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: Addr = ""
    dest_addr_ton: U8 = 0
    dest_addr_npi: U8 = 0
    destination_addr: Addr = ""


class CancelSmResp(Pdu, frozen=True, gc=False):
    """Answers cancel_sm."""


class ReplaceSm(Pdu, frozen=True, gc=False):
    """Replaces a message that has not left yet (SMPP 3.4, 4.10)."""

    message_id: MessageId = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: Addr = ""
    schedule_delivery_time: Time = ""
    validity_period: Time = ""
    registered_delivery: U8 = 0
    sm_default_msg_id: U8 = 0
    short_message: ShortMessage = b""


class ReplaceSmResp(Pdu, frozen=True, gc=False):
    """Answers replace_sm."""


class AlertNotification(Pdu, frozen=True, gc=False):
    """A handset is reachable again (SMPP 3.4, 4.12); it has no response."""

    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: LongAddr = ""
    esme_addr_ton: U8 = 0
    esme_addr_npi: U8 = 0
    esme_addr: LongAddr = ""


class BroadcastSm(Pdu, frozen=True, gc=False):
    """Hands a message for all handsets in an area to the SMSC (SMPP 5.0, 4.4.1).

    The areas, what kind of message it is, how often and how many times it goes out are TLVs, and required.
    """

    service_type: ServiceType = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: Addr = ""
    message_id: MessageId = ""
    priority_flag: U8 = 0
    schedule_delivery_time: Time = ""
    validity_period: Time = ""
    replace_if_present_flag: U8 = 0
    data_coding: U8 = 0
    sm_default_msg_id: U8 = 0


class BroadcastSmResp(_MessageResp, frozen=True, gc=False):
    """Gives the message_id; areas that failed are TLVs, each with its broadcast_error_status (SMPP 5.0, 4.4.1.2)."""


class QueryBroadcastSm(Pdu, frozen=True, gc=False):
    """Asks how far a broadcast has got (SMPP 5.0, 4.6.1)."""

    message_id: MessageId = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: Addr = ""


class QueryBroadcastSmResp(_MessageResp, frozen=True, gc=False):
    """Tells it in TLVs: message_state, the areas and the success in each (SMPP 5.0, 4.6.1.3)."""


class CancelBroadcastSm(Pdu, frozen=True, gc=False):
    """Cancels a broadcast, or all of a service_type (SMPP 5.0, 4.6.2)."""

    service_type: ServiceType = ""
    message_id: MessageId = ""
    source_addr_ton: U8 = 0
    source_addr_npi: U8 = 0
    source_addr: Addr = ""


class CancelBroadcastSmResp(Pdu, frozen=True, gc=False):
    """Answers cancel_broadcast_sm."""


#: Every PDU that we read and write, by command_id.
PDUS: Final[dict[int, type[Pdu]]] = {
    CommandId.BIND_RECEIVER: BindReceiver,
    CommandId.BIND_RECEIVER_RESP: BindReceiverResp,
    CommandId.BIND_TRANSMITTER: BindTransmitter,
    CommandId.BIND_TRANSMITTER_RESP: BindTransmitterResp,
    CommandId.BIND_TRANSCEIVER: BindTransceiver,
    CommandId.BIND_TRANSCEIVER_RESP: BindTransceiverResp,
    CommandId.OUTBIND: Outbind,
    CommandId.UNBIND: Unbind,
    CommandId.UNBIND_RESP: UnbindResp,
    CommandId.ENQUIRE_LINK: EnquireLink,
    CommandId.ENQUIRE_LINK_RESP: EnquireLinkResp,
    CommandId.GENERIC_NACK: GenericNack,
    CommandId.SUBMIT_SM: SubmitSm,
    CommandId.SUBMIT_SM_RESP: SubmitSmResp,
    CommandId.SUBMIT_MULTI: SubmitMulti,
    CommandId.SUBMIT_MULTI_RESP: SubmitMultiResp,
    CommandId.DELIVER_SM: DeliverSm,
    CommandId.DELIVER_SM_RESP: DeliverSmResp,
    CommandId.DATA_SM: DataSm,
    CommandId.DATA_SM_RESP: DataSmResp,
    CommandId.QUERY_SM: QuerySm,
    CommandId.QUERY_SM_RESP: QuerySmResp,
    CommandId.CANCEL_SM: CancelSm,
    CommandId.CANCEL_SM_RESP: CancelSmResp,
    CommandId.REPLACE_SM: ReplaceSm,
    CommandId.REPLACE_SM_RESP: ReplaceSmResp,
    CommandId.ALERT_NOTIFICATION: AlertNotification,
    CommandId.BROADCAST_SM: BroadcastSm,
    CommandId.BROADCAST_SM_RESP: BroadcastSmResp,
    CommandId.QUERY_BROADCAST_SM: QueryBroadcastSm,
    CommandId.QUERY_BROADCAST_SM_RESP: QueryBroadcastSmResp,
    CommandId.CANCEL_BROADCAST_SM: CancelBroadcastSm,
    CommandId.CANCEL_BROADCAST_SM_RESP: CancelBroadcastSmResp,
}

for _command_id, _record in PDUS.items():
    _record.command_id = int(_command_id)
    _record.layout = Layout(_record, int(_command_id))

#: The response that answers each request; a PDU without one here is answered by nothing or by generic_nack.
RESPONSES: Final[dict[int, type[Pdu]]] = {
    command_id: PDUS[command_id | RESPONSE_BIT]
    for command_id in PDUS
    if not command_id & RESPONSE_BIT and command_id | RESPONSE_BIT in PDUS
}
