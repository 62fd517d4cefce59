"""TLVs: the optional parameters (SMPP 3.4, 5.3), and the table that says what each tag holds.

A PDU keeps its TLVs as they came, tag and octets in order, so that unknown ones survive and go back out unchanged. What
the octets mean is looked up only when somebody asks, in a table to which a vendor's tags are added as data::

    table = TLVS.extend({0x2000: ("cost", CString(7))})
    submit_sm = SubmitSm(tlvs=(table.tlv(0x2000, "10.5"),))
    cost = deliver_sm.tlv(0x2000, table)
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from smpp_esme.errors import EncodingError
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
from smpp_esme.protocol.wire import CString, Octets, Privacy, Text, UInt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smpp_esme.protocol.wire import TlvType

_TAG_AND_LENGTH: Final = struct.Struct(">HH")


class Tag(IntEnum):
    """The tags of SMPP 3.4 (table 5-7) and of 5.0 (table 4-60).

    `REPEATED` says which of them a PDU may have several times; `Pdu.tlv_values` gives all.
    """

    DEST_ADDR_SUBUNIT = 0x0005
    DEST_NETWORK_TYPE = 0x0006
    DEST_BEARER_TYPE = 0x0007
    DEST_TELEMATICS_ID = 0x0008
    SOURCE_ADDR_SUBUNIT = 0x000D
    SOURCE_NETWORK_TYPE = 0x000E
    SOURCE_BEARER_TYPE = 0x000F
    SOURCE_TELEMATICS_ID = 0x0010
    QOS_TIME_TO_LIVE = 0x0017
    PAYLOAD_TYPE = 0x0019
    ADDITIONAL_STATUS_INFO_TEXT = 0x001D
    RECEIPTED_MESSAGE_ID = 0x001E
    MS_MSG_WAIT_FACILITIES = 0x0030
    PRIVACY_INDICATOR = 0x0201
    SOURCE_SUBADDRESS = 0x0202
    DEST_SUBADDRESS = 0x0203
    USER_MESSAGE_REFERENCE = 0x0204
    USER_RESPONSE_CODE = 0x0205
    SOURCE_PORT = 0x020A
    DESTINATION_PORT = 0x020B
    SAR_MSG_REF_NUM = 0x020C
    LANGUAGE_INDICATOR = 0x020D
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    CALLBACK_NUM_PRES_IND = 0x0302
    CALLBACK_NUM_ATAG = 0x0303
    NUMBER_OF_MESSAGES = 0x0304
    CALLBACK_NUM = 0x0381
    DPF_RESULT = 0x0420
    SET_DPF = 0x0421
    MS_AVAILABILITY_STATUS = 0x0422
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    DELIVERY_FAILURE_REASON = 0x0425
    MORE_MESSAGES_TO_SEND = 0x0426
    MESSAGE_STATE = 0x0427
    CONGESTION_STATE = 0x0428
    USSD_SERVICE_OP = 0x0501
    BROADCAST_CHANNEL_INDICATOR = 0x0600
    BROADCAST_CONTENT_TYPE = 0x0601
    BROADCAST_CONTENT_TYPE_INFO = 0x0602
    BROADCAST_MESSAGE_CLASS = 0x0603
    BROADCAST_REP_NUM = 0x0604
    BROADCAST_FREQUENCY_INTERVAL = 0x0605
    BROADCAST_AREA_IDENTIFIER = 0x0606
    BROADCAST_ERROR_STATUS = 0x0607
    BROADCAST_AREA_SUCCESS = 0x0608
    BROADCAST_END_TIME = 0x0609
    BROADCAST_SERVICE_GROUP = 0x060A
    BILLING_IDENTIFICATION = 0x060B
    SOURCE_NETWORK_ID = 0x060D
    DEST_NETWORK_ID = 0x060E
    SOURCE_NODE_ID = 0x060F
    DEST_NODE_ID = 0x0610
    DEST_ADDR_NP_RESOLUTION = 0x0611
    DEST_ADDR_NP_INFORMATION = 0x0612
    DEST_ADDR_NP_COUNTRY = 0x0613
    DISPLAY_TIME = 0x1201
    SMS_SIGNAL = 0x1203
    MS_VALIDITY = 0x1204
    ALERT_ON_MESSAGE_DELIVERY = 0x130C
    ITS_REPLY_TYPE = 0x1380
    ITS_SESSION_INFO = 0x1383


class Tlv(msgspec.Struct, frozen=True, gc=False):
    """One optional parameter as it stands on the wire.

    Attributes:
        tag: its number, known or not.
        octets: its value, 0 to 65,535 octets.
    """

    tag: int
    octets: bytes

    def __repr__(self) -> str:
        """The tag and the length; a value may be a number or a text and is not shown."""
        return f"Tlv({name_of(self.tag)}, {len(self.octets)} octets)"


class TlvTable:
    """What each tag is called and holds; immutable, `extend` gives a larger one."""

    def __init__(self, entries: Mapping[int, tuple[str, TlvType]]) -> None:
        self._entries = dict(entries)

    def extend(self, entries: Mapping[int, tuple[str, TlvType]]) -> TlvTable:
        """A table that knows these tags too: ``TLVS.extend({0x2000: ("cost", CString(7))})``.

        A tag that is known already is known by its new name and type.
        """
        return TlvTable(self._entries | dict(entries))

    def name(self, tag: int) -> str:
        """The parameter's name, or its number in hexadecimal."""
        entry = self._entries.get(tag)
        return entry[0] if entry else f"0x{tag:04X}"

    def knows(self, tag: int) -> bool:
        """True if the tag has a name here."""
        return tag in self._entries

    def wire_type(self, tag: int) -> TlvType:
        """What the parameter holds; octets, if the tag is unknown."""
        entry = self._entries.get(tag)
        return entry[1] if entry else _ANY

    def value(self, tlv: Tlv) -> Any:
        """The value of a TLV; never raises.

        It is an int, a str, bytes, or a record of `structures`, as its tag has it; bytes for an unknown tag. Integers
        of another size, strings without a NUL and structures of another length are read as far as they go.
        """
        entry = self._entries.get(tlv.tag)
        return entry[1].from_octets(tlv.octets) if entry else tlv.octets

    def tlv(self, tag: int, value: Any) -> Tlv:
        """A TLV to send.

        Raises:
            EncodingError: the value is not what the tag holds, or too long.
        """
        wire_type = self.wire_type(tag)
        if trouble := wire_type.problem(value):
            raise EncodingError(self.name(tag), *trouble)
        return Tlv(tag, wire_type.to_octets(value))


_ANY: Final = Octets(0xFFFF)
_U8, _U16, _U32 = UInt(1), UInt(2), UInt(4)
_OPEN = Privacy.OPEN

#: What each tag holds (SMPP 3.4, 5.3.2, and 5.0, 4.8.4).
_WIRE_TYPES: Final[dict[Tag, TlvType]] = {
    Tag.DEST_ADDR_SUBUNIT: _U8,
    Tag.DEST_NETWORK_TYPE: _U8,
    Tag.DEST_BEARER_TYPE: _U8,
    Tag.DEST_TELEMATICS_ID: _U16,
    Tag.SOURCE_ADDR_SUBUNIT: _U8,
    Tag.SOURCE_NETWORK_TYPE: _U8,
    Tag.SOURCE_BEARER_TYPE: _U8,
    Tag.SOURCE_TELEMATICS_ID: _U8,
    Tag.QOS_TIME_TO_LIVE: _U32,
    Tag.PAYLOAD_TYPE: _U8,
    Tag.ADDITIONAL_STATUS_INFO_TEXT: CString(256),
    Tag.RECEIPTED_MESSAGE_ID: CString(65),
    Tag.MS_MSG_WAIT_FACILITIES: _U8,
    Tag.PRIVACY_INDICATOR: _U8,
    Tag.SOURCE_SUBADDRESS: Structure(Subaddress),
    Tag.DEST_SUBADDRESS: Structure(Subaddress),
    Tag.USER_MESSAGE_REFERENCE: _U16,
    Tag.USER_RESPONSE_CODE: _U8,
    Tag.SOURCE_PORT: _U16,
    Tag.DESTINATION_PORT: _U16,
    Tag.SAR_MSG_REF_NUM: _U16,
    Tag.LANGUAGE_INDICATOR: _U8,
    Tag.SAR_TOTAL_SEGMENTS: _U8,
    Tag.SAR_SEGMENT_SEQNUM: _U8,
    Tag.SC_INTERFACE_VERSION: _U8,
    Tag.CALLBACK_NUM_PRES_IND: _U8,
    Tag.CALLBACK_NUM_ATAG: Structure(CallbackNumAtag),
    Tag.NUMBER_OF_MESSAGES: _U8,
    Tag.CALLBACK_NUM: Structure(CallbackNum),
    Tag.DPF_RESULT: _U8,
    Tag.SET_DPF: _U8,
    Tag.MS_AVAILABILITY_STATUS: _U8,
    Tag.NETWORK_ERROR_CODE: Structure(NetworkErrorCode, digits=True),
    Tag.MESSAGE_PAYLOAD: _ANY,
    Tag.DELIVERY_FAILURE_REASON: _U8,
    Tag.MORE_MESSAGES_TO_SEND: _U8,
    Tag.MESSAGE_STATE: _U8,
    Tag.CONGESTION_STATE: _U8,
    Tag.USSD_SERVICE_OP: _U8,
    Tag.BROADCAST_CHANNEL_INDICATOR: _U8,
    Tag.BROADCAST_CONTENT_TYPE: Structure(BroadcastContentType),
    Tag.BROADCAST_CONTENT_TYPE_INFO: Octets(255, least=1, privacy=_OPEN),
    Tag.BROADCAST_MESSAGE_CLASS: _U8,
    Tag.BROADCAST_REP_NUM: _U16,
    Tag.BROADCAST_FREQUENCY_INTERVAL: Structure(BroadcastFrequencyInterval),
    Tag.BROADCAST_AREA_IDENTIFIER: Structure(BroadcastAreaIdentifier),
    Tag.BROADCAST_ERROR_STATUS: _U32,
    Tag.BROADCAST_AREA_SUCCESS: _U8,
    Tag.BROADCAST_END_TIME: Text(16),
    Tag.BROADCAST_SERVICE_GROUP: Octets(255, least=1, privacy=_OPEN),
    Tag.BILLING_IDENTIFICATION: Structure(BillingIdentification),
    Tag.SOURCE_NETWORK_ID: CString(65),
    Tag.DEST_NETWORK_ID: CString(65),
    Tag.SOURCE_NODE_ID: Text(6),
    Tag.DEST_NODE_ID: Text(6),
    Tag.DEST_ADDR_NP_RESOLUTION: _U8,
    Tag.DEST_ADDR_NP_INFORMATION: Text(10),
    Tag.DEST_ADDR_NP_COUNTRY: Text(5, least=1),
    Tag.DISPLAY_TIME: _U8,
    Tag.SMS_SIGNAL: _U16,
    Tag.MS_VALIDITY: Structure(MsValidity, short=1),
    Tag.ALERT_ON_MESSAGE_DELIVERY: UInt(1, zero_is_empty=True),
    Tag.ITS_REPLY_TYPE: _U8,
    Tag.ITS_SESSION_INFO: Structure(ItsSessionInfo),
}

#: Each tag under its own name.
TLVS: Final = TlvTable({tag: (tag.name.lower(), wire_type) for tag, wire_type in _WIRE_TYPES.items()})

#: What a PDU may have several times: the n-th callback_num goes with the n-th pres_ind and atag (SMPP 3.4, 5.3.2.36),
#: each area of a broadcast is one TLV and so is what became of it (SMPP 5.0, 4.4.1).
REPEATED: Final = frozenset(
    {
        Tag.CALLBACK_NUM,
        Tag.CALLBACK_NUM_PRES_IND,
        Tag.CALLBACK_NUM_ATAG,
        Tag.BROADCAST_AREA_IDENTIFIER,
        Tag.BROADCAST_AREA_SUCCESS,
        Tag.BROADCAST_ERROR_STATUS,
    }
)


def name_of(tag: int) -> str:
    """The name that SMPP gives the tag, or its number in hexadecimal."""
    return TLVS.name(tag)


def read(octets: bytes, at: int) -> tuple[tuple[Tlv, ...], tuple[str, ...]]:
    """The TLVs from `at` to the end of a PDU, and what was odd about them; never raises.

    A last TLV that is cut short, and stray octets, are reported and left out: they must not cost the PDU.
    """
    tlvs: list[Tlv] = []
    end = len(octets)
    while at + 4 <= end:
        tag, length = _TAG_AND_LENGTH.unpack_from(octets, at)
        at += 4
        if at + length > end:
            return tuple(tlvs), (f"TLV {name_of(tag)} declares {length} octets and {end - at} are there",)
        tlvs.append(Tlv(tag, octets[at : at + length]))
        at += length
    return tuple(tlvs), () if at == end else (f"{end - at} stray octets after the last parameter",)


def to_octets(tlvs: Iterable[Tlv]) -> bytes:
    """The TLVs as they stand at the end of a PDU.

    Raises:
        EncodingError: a tag or a value does not fit into 16 bits of tag or length.
    """
    pieces = []
    for tlv in tlvs:
        try:
            pieces.append(_TAG_AND_LENGTH.pack(tlv.tag, len(tlv.octets)) + tlv.octets)
        except (struct.error, TypeError) as error:
            raise EncodingError(
                f"TLV {tlv.tag!r}", "tag or length does not fit", "tag 0 to 65535 and at most 65535 octets"
            ) from error
    return b"".join(pieces)
