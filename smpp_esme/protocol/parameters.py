"""The enumerated parameters of SMPP (SMPP 3.4, 5.2 and 5.3.2)."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final


class Ton(IntEnum):
    """Type of number (SMPP 3.4, 5.2.5)."""

    UNKNOWN = 0
    INTERNATIONAL = 1
    NATIONAL = 2
    NETWORK_SPECIFIC = 3
    SUBSCRIBER_NUMBER = 4
    ALPHANUMERIC = 5
    ABBREVIATED = 6


class Npi(IntEnum):
    """Numbering plan indicator (SMPP 3.4, 5.2.6)."""

    UNKNOWN = 0
    ISDN = 1
    DATA = 3
    TELEX = 4
    LAND_MOBILE = 6
    NATIONAL = 8
    PRIVATE = 9
    ERMES = 10
    INTERNET = 14
    WAP = 18


class EsmClass(IntFlag):
    """Message mode, message type and GSM features of a message (SMPP 3.4, 5.2.12)."""

    DEFAULT = 0x00
    DATAGRAM = 0x01
    FORWARD = 0x02
    STORE_AND_FORWARD = 0x03
    DELIVERY_RECEIPT = 0x04
    DELIVERY_ACKNOWLEDGEMENT = 0x08
    USER_ACKNOWLEDGEMENT = 0x10
    CONVERSATION_ABORT = 0x18
    INTERMEDIATE_NOTIFICATION = 0x20
    UDHI = 0x40
    REPLY_PATH = 0x80


#: The bits of esm_class that say what kind of message a deliver_sm carries (SMPP 3.4, 5.2.12).
MESSAGE_TYPE_MASK: Final = 0x3C


class RegisteredDelivery(IntFlag):
    """Which receipts and acknowledgements are asked for (SMPP 3.4, 5.2.17)."""

    NONE = 0x00
    RECEIPT = 0x01
    RECEIPT_ON_FAILURE = 0x02
    DELIVERY_ACKNOWLEDGEMENT = 0x04
    USER_ACKNOWLEDGEMENT = 0x08
    INTERMEDIATE_NOTIFICATION = 0x10


class MessageState(IntEnum):
    """What the SMSC says of a message (SMPP 3.4, 5.2.28; SCHEDULED and SKIPPED are of 5.0)."""

    SCHEDULED = 0
    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8
    SKIPPED = 9


class NetworkType(IntEnum):
    """First octet of network_error_code (SMPP 3.4, 5.3.2.31)."""

    ANSI_136 = 1
    IS_95 = 2
    GSM = 3


#: What a number in a parameter means to a person, for annotated dumps; parameters not named here are plain numbers.
MEANINGS: Final[dict[str, type[IntEnum | IntFlag]]] = {
    "addr_ton": Ton,
    "addr_npi": Npi,
    "source_addr_ton": Ton,
    "source_addr_npi": Npi,
    "dest_addr_ton": Ton,
    "dest_addr_npi": Npi,
    "esme_addr_ton": Ton,
    "esme_addr_npi": Npi,
    "esm_class": EsmClass,
    "registered_delivery": RegisteredDelivery,
    "message_state": MessageState,
}
