"""The operations and the answers of SMPP: command_id and command_status (SMPP 3.4, 5.1.2 and 5.1.3)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Self

RESPONSE_BIT: Final = 0x8000_0000


class CommandId(IntEnum):
    """What a PDU is: table 5-1 of SMPP 3.4 and the broadcast operations of 5.0."""

    BIND_RECEIVER = 0x0000_0001
    BIND_TRANSMITTER = 0x0000_0002
    QUERY_SM = 0x0000_0003
    SUBMIT_SM = 0x0000_0004
    DELIVER_SM = 0x0000_0005
    UNBIND = 0x0000_0006
    REPLACE_SM = 0x0000_0007
    CANCEL_SM = 0x0000_0008
    BIND_TRANSCEIVER = 0x0000_0009
    OUTBIND = 0x0000_000B
    ENQUIRE_LINK = 0x0000_0015
    SUBMIT_MULTI = 0x0000_0021
    ALERT_NOTIFICATION = 0x0000_0102
    DATA_SM = 0x0000_0103
    BROADCAST_SM = 0x0000_0111
    QUERY_BROADCAST_SM = 0x0000_0112
    CANCEL_BROADCAST_SM = 0x0000_0113
    GENERIC_NACK = 0x8000_0000
    BIND_RECEIVER_RESP = 0x8000_0001
    BIND_TRANSMITTER_RESP = 0x8000_0002
    QUERY_SM_RESP = 0x8000_0003
    SUBMIT_SM_RESP = 0x8000_0004
    DELIVER_SM_RESP = 0x8000_0005
    UNBIND_RESP = 0x8000_0006
    REPLACE_SM_RESP = 0x8000_0007
    CANCEL_SM_RESP = 0x8000_0008
    BIND_TRANSCEIVER_RESP = 0x8000_0009
    ENQUIRE_LINK_RESP = 0x8000_0015
    SUBMIT_MULTI_RESP = 0x8000_0021
    DATA_SM_RESP = 0x8000_0103
    BROADCAST_SM_RESP = 0x8000_0111
    QUERY_BROADCAST_SM_RESP = 0x8000_0112
    CANCEL_BROADCAST_SM_RESP = 0x8000_0113


#: Requests that SMPP 3.4 leaves without a response (4.1.7, 4.12).
UNANSWERED: Final = frozenset({CommandId.OUTBIND, CommandId.ALERT_NOTIFICATION})


def is_response(command_id: int) -> bool:
    """True if the number marks a response; generic_nack counts as one (SMPP 3.4, 5.1.2.1)."""
    return command_id & RESPONSE_BIT != 0


class CommandStatus(IntEnum):
    """How a request ended: table 5-2 of SMPP 3.4, and 5.0's additions from 0x100.

    A number outside the tables is kept: ``CommandStatus(0x4FF).name == "VENDOR_0x000004FF"``.

    Attributes:
        meaning: one sentence for a person.
        retryable: whether the same request may succeed later, unchanged.
    """

    meaning: str
    retryable: bool

    def __new__(cls, value: int, meaning: str = "", retryable: bool = False) -> Self:  # noqa: FBT001, FBT002 - columns
        """One row of the table below: number, meaning, whether a retry makes sense."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        member.retryable = retryable
        return member

    @classmethod
    def _missing_(cls, value: object) -> CommandStatus | None:
        if not isinstance(value, int) or not 0 <= value <= 0xFFFF_FFFF:
            return None
        # Not cached: a peer may send any of 2**32 numbers and must not be able to fill our memory.
        vendor = 0x400 <= value <= 0x4FF
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = "vendor's own status" if vendor else "status outside the specification"
        member.retryable = False
        member._name_ = f"{'VENDOR' if vendor else 'RESERVED'}_0x{value:08X}"
        return member

    ESME_ROK = 0x00, "no error"
    ESME_RINVMSGLEN = 0x01, "message length is invalid"
    ESME_RINVCMDLEN = 0x02, "command length is invalid"
    ESME_RINVCMDID = 0x03, "command_id is invalid"
    ESME_RINVBNDSTS = 0x04, "incorrect bind status for this command"
    ESME_RALYBND = 0x05, "already bound"
    ESME_RINVPRTFLG = 0x06, "priority_flag is invalid"
    ESME_RINVREGDLVFLG = 0x07, "registered_delivery is invalid"
    ESME_RSYSERR = 0x08, "system error at the SMSC", True
    ESME_RINVSRCADR = 0x0A, "source address is invalid"
    ESME_RINVDSTADR = 0x0B, "destination address is invalid"
    ESME_RINVMSGID = 0x0C, "message_id is invalid"
    ESME_RBINDFAIL = 0x0D, "bind failed"
    ESME_RINVPASWD = 0x0E, "password is invalid"
    ESME_RINVSYSID = 0x0F, "system_id is invalid"
    ESME_RCANCELFAIL = 0x11, "cancel_sm failed"
    ESME_RREPLACEFAIL = 0x13, "replace_sm failed"
    ESME_RMSGQFUL = 0x14, "message queue is full", True
    ESME_RINVSERTYP = 0x15, "service_type is invalid"
    ESME_RINVNUMDESTS = 0x33, "number of destinations is invalid"
    ESME_RINVDLNAME = 0x34, "distribution list name is invalid"
    ESME_RINVDESTFLAG = 0x40, "dest_flag is invalid"
    ESME_RINVSUBREP = 0x42, "submit with replace is invalid"
    ESME_RINVESMCLASS = 0x43, "esm_class is invalid"
    ESME_RCNTSUBDL = 0x44, "cannot submit to the distribution list"
    ESME_RSUBMITFAIL = 0x45, "submit failed"
    ESME_RINVSRCTON = 0x48, "source_addr_ton is invalid"
    ESME_RINVSRCNPI = 0x49, "source_addr_npi is invalid"
    ESME_RINVDSTTON = 0x50, "dest_addr_ton is invalid"
    ESME_RINVDSTNPI = 0x51, "dest_addr_npi is invalid"
    ESME_RINVSYSTYP = 0x53, "system_type is invalid"
    ESME_RINVREPFLAG = 0x54, "replace_if_present_flag is invalid"
    ESME_RINVNUMMSGS = 0x55, "number of messages is invalid"
    ESME_RTHROTTLED = 0x58, "throttled: the allowed message rate was exceeded", True
    ESME_RINVSCHED = 0x61, "schedule_delivery_time is invalid"
    ESME_RINVEXPIRY = 0x62, "validity_period is invalid"
    ESME_RINVDFTMSGID = 0x63, "predefined message is invalid or not found"
    ESME_RX_T_APPN = 0x64, "receiver's temporary error", True
    ESME_RX_P_APPN = 0x65, "receiver's permanent error"
    ESME_RX_R_APPN = 0x66, "receiver rejects this message"
    ESME_RQUERYFAIL = 0x67, "query_sm failed"
    ESME_RINVOPTPARSTREAM = 0xC0, "optional part of the PDU is in error"
    ESME_ROPTPARNOTALLWD = 0xC1, "optional parameter is not allowed"
    ESME_RINVPARLEN = 0xC2, "parameter length is invalid"
    ESME_RMISSINGOPTPARAM = 0xC3, "an expected optional parameter is missing"
    ESME_RINVOPTPARAMVAL = 0xC4, "optional parameter value is invalid"
    ESME_RDELIVERYFAILURE = 0xFE, "delivery failed"
    ESME_RUNKNOWNERR = 0xFF, "unknown error"
    ESME_RSERTYPUNAUTH = 0x100, "service_type is not authorised"
    ESME_RPROHIBITED = 0x101, "operation is prohibited"
    ESME_RSERTYPUNAVAIL = 0x102, "service_type is unavailable", True
    ESME_RSERTYPDENIED = 0x103, "service_type is denied"
    ESME_RINVDCS = 0x104, "data_coding is invalid"
    ESME_RINVSRCADDRSUBUNIT = 0x105, "source_addr_subunit is invalid"
    ESME_RINVDSTADDRSUBUNIT = 0x106, "dest_addr_subunit is invalid"
    ESME_RINVBCASTFREQINT = 0x107, "broadcast_frequency_interval is invalid"
    ESME_RINVBCASTALIAS_NAME = 0x108, "broadcast area alias is invalid"
    ESME_RINVBCASTAREAFMT = 0x109, "broadcast area format is invalid"
    ESME_RINVNUMBCAST_AREAS = 0x10A, "number of broadcast areas is invalid"
    ESME_RINVBCASTCNTTYPE = 0x10B, "broadcast_content_type is invalid"
    ESME_RINVBCASTMSGCLASS = 0x10C, "broadcast_message_class is invalid"
    ESME_RBCASTFAIL = 0x10D, "broadcast_sm failed"
    ESME_RBCASTQUERYFAIL = 0x10E, "query_broadcast_sm failed"
    ESME_RBCASTCANCELFAIL = 0x10F, "cancel_broadcast_sm failed"
    ESME_RINVBCAST_REP = 0x110, "broadcast_rep_num is invalid"
    ESME_RINVBCASTSRVGRP = 0x111, "broadcast_service_group is invalid"
    ESME_RINVBCASTCHANIND = 0x112, "broadcast_channel_indicator is invalid"
