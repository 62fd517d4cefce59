"""The enumerated parameters of SMPP (SMPP 3.4, 5.2 and 5.3.2; 5.0, 4.7 and 4.8)."""

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
    """Whose numbers a network_error_code has (SMPP 3.4, 5.3.2.31; from 4 on 5.0, 4.8.4.42)."""

    ANSI_136 = 1
    IS_95 = 2
    GSM = 3
    ANSI_136_CAUSE = 4
    IS_95_CAUSE = 5
    ANSI_41 = 6
    SMPP = 7
    MESSAGE_CENTRE = 8


class AddrSubunit(IntEnum):
    """Part of a handset, in dest_addr_subunit and source_addr_subunit (SMPP 3.4, 5.3.2.1)."""

    UNKNOWN = 0
    MS_DISPLAY = 1
    MOBILE_EQUIPMENT = 2
    SMART_CARD_1 = 3
    EXTERNAL_UNIT_1 = 4


class Network(IntEnum):
    """Kind of network, in dest_network_type and source_network_type (SMPP 3.4, 5.3.2.3)."""

    UNKNOWN = 0
    GSM = 1
    ANSI_136_TDMA = 2
    IS_95_CDMA = 3
    PDC = 4
    PHS = 5
    IDEN = 6
    AMPS = 7
    PAGING_NETWORK = 8


class Bearer(IntEnum):
    """What carries a message, in dest_bearer_type and source_bearer_type (SMPP 3.4, 5.3.2.5)."""

    UNKNOWN = 0
    SMS = 1
    CIRCUIT_SWITCHED_DATA = 2
    PACKET_DATA = 3
    USSD = 4
    CDPD = 5
    DATATAC = 6
    FLEX_REFLEX = 7
    CELL_BROADCAST = 8


class PayloadType(IntEnum):
    """What is in a message_payload (SMPP 3.4, 5.3.2.10)."""

    DEFAULT = 0
    WCMP = 1


class PrivacyIndicator(IntEnum):
    """Privacy level of a message (SMPP 3.4, 5.3.2.14)."""

    NOT_RESTRICTED = 0
    RESTRICTED = 1
    CONFIDENTIAL = 2
    SECRET = 3


class SubaddressType(IntEnum):
    """First octet of a subaddress (SMPP 3.4, 5.3.2.15)."""

    NSAP_EVEN = 0x80
    NSAP_ODD = 0x88
    USER_SPECIFIED = 0xA0


class Language(IntEnum):
    """Language of a message, in language_indicator (SMPP 3.4, 5.3.2.19)."""

    UNSPECIFIED = 0
    ENGLISH = 1
    FRENCH = 2
    SPANISH = 3
    GERMAN = 4
    PORTUGUESE = 5


class DisplayTime(IntEnum):
    """How long a handset shows a message (SMPP 3.4, 5.3.2.26)."""

    TEMPORARY = 0
    DEFAULT = 1
    INVOKE = 2


class ValidityBehaviour(IntEnum):
    """How long a handset keeps a message, in ms_validity (SMPP 3.4, 5.3.2.27; the last one is of 5.0)."""

    STORE_INDEFINITELY = 0
    POWER_DOWN = 1
    REGISTRATION_AREA = 2
    DISPLAY_ONLY = 3
    RELATIVE_TIME = 4


class ValidityUnit(IntEnum):
    """Unit of time in ms_validity (SMPP 5.0, 4.8.4.41)."""

    SECONDS = 0
    MINUTES = 1
    HOURS = 2
    DAYS = 3
    WEEKS = 4
    MONTHS = 5
    YEARS = 6


class DpfResult(IntEnum):
    """Whether the delivery pending flag was set (SMPP 3.4, 5.3.2.28)."""

    NOT_SET = 0
    SET = 1


class SetDpf(IntEnum):
    """Whether it should be (SMPP 3.4, 5.3.2.29)."""

    NOT_REQUESTED = 0
    REQUESTED = 1


class MsAvailabilityStatus(IntEnum):
    """Whether a handset can be reached (SMPP 3.4, 5.3.2.30)."""

    AVAILABLE = 0
    DENIED = 1
    UNAVAILABLE = 2


class DeliveryFailureReason(IntEnum):
    """Why a message was not delivered (SMPP 3.4, 5.3.2.33)."""

    DESTINATION_UNAVAILABLE = 0
    DESTINATION_ADDRESS_INVALID = 1
    PERMANENT_NETWORK_ERROR = 2
    TEMPORARY_NETWORK_ERROR = 3


class MoreMessagesToSend(IntEnum):
    """Whether more messages for the same destination follow (SMPP 3.4, 5.3.2.34)."""

    NO_MORE = 0
    MORE = 1


class DigitMode(IntEnum):
    """How the digits of a callback_num are written (SMPP 3.4, 5.3.2.36)."""

    TBCD = 0
    ASCII = 1


class Presentation(IntEnum):
    """Whether a callback_num may be shown: bits 3 and 2 of callback_num_pres_ind (SMPP 3.4, 5.3.2.37)."""

    ALLOWED = 0
    RESTRICTED = 1
    NOT_AVAILABLE = 2


class Screening(IntEnum):
    """Who vouches for a callback_num: bits 1 and 0 of callback_num_pres_ind (SMPP 3.4, 5.3.2.37)."""

    NOT_SCREENED = 0
    VERIFIED_AND_PASSED = 1
    VERIFIED_AND_FAILED = 2
    NETWORK_PROVIDED = 3


class MessageWaiting(IntEnum):
    """What waits for the subscriber: bits 1 and 0 of ms_msg_wait_facilities (SMPP 3.4, 5.3.2.13)."""

    VOICEMAIL = 0
    FAX = 1
    EMAIL = 2
    OTHER = 3


class AlertOnMessageDelivery(IntEnum):
    """How a handset alerts (SMPP 3.4, 5.3.2.41, where the TLV is empty; 5.0, 4.8.4.2)."""

    DEFAULT = 0
    LOW_PRIORITY = 1
    MEDIUM_PRIORITY = 2
    HIGH_PRIORITY = 3


class ItsReplyType(IntEnum):
    """How a subscriber is asked to reply (SMPP 3.4, 5.3.2.42)."""

    DIGIT = 0
    NUMBER = 1
    TELEPHONE_NUMBER = 2
    PASSWORD = 3
    CHARACTER_LINE = 4
    MENU = 5
    DATE = 6
    TIME = 7
    CONTINUE = 8


class UssdServiceOp(IntEnum):
    """USSD operation (SMPP 3.4, 5.3.2.44)."""

    PSSD_INDICATION = 0
    PSSR_INDICATION = 1
    USSR_REQUEST = 2
    USSN_REQUEST = 3
    PSSD_RESPONSE = 16
    PSSR_RESPONSE = 17
    USSR_CONFIRM = 18
    USSN_CONFIRM = 19


class BroadcastAreaFormat(IntEnum):
    """How an area is described, in broadcast_area_identifier (SMPP 5.0, 4.8.4.4)."""

    ALIAS = 0
    ELLIPSOID_ARC = 1
    POLYGON = 2


class BroadcastChannelIndicator(IntEnum):
    """Which cell broadcast channel (SMPP 5.0, 4.8.4.7)."""

    BASIC = 0
    EXTENDED = 1


class BroadcastNetwork(IntEnum):
    """Whose numbers a broadcast_content_type has (SMPP 5.0, 4.8.4.8)."""

    GENERIC = 0
    GSM = 1
    TDMA = 2
    CDMA = 3


class BroadcastMessageClass(IntEnum):
    """Where a handset takes a broadcast (SMPP 5.0, 4.8.4.12)."""

    NONE = 0
    CLASS_1 = 1
    CLASS_2 = 2
    CLASS_3 = 3


class FrequencyUnit(IntEnum):
    """Unit of time in broadcast_frequency_interval (SMPP 5.0, 4.8.4.11)."""

    AS_FREQUENTLY_AS_POSSIBLE = 0x00
    SECONDS = 0x08
    MINUTES = 0x09
    HOURS = 0x0A
    DAYS = 0x0B
    WEEKS = 0x0C
    MONTHS = 0x0D
    YEARS = 0x0E


class NpResolution(IntEnum):
    """What number portability says of a destination, in dest_addr_np_resolution (SMPP 5.0, 4.8.4.22)."""

    NOT_QUERIED = 0
    NOT_PORTED = 1
    PORTED = 2


class ContentType(IntEnum):
    """What a broadcast is about, where broadcast_content_type says GENERIC (SMPP 5.0, 4.8.4.8)."""

    INDEX = 0x0000
    EMERGENCY_BROADCASTS = 0x0001
    IRDB_DOWNLOAD = 0x0002
    NEWS_FLASHES = 0x0010
    GENERAL_NEWS_LOCAL = 0x0011
    GENERAL_NEWS_REGIONAL = 0x0012
    GENERAL_NEWS_NATIONAL = 0x0013
    GENERAL_NEWS_INTERNATIONAL = 0x0014
    BUSINESS_NEWS_LOCAL = 0x0015
    BUSINESS_NEWS_REGIONAL = 0x0016
    BUSINESS_NEWS_NATIONAL = 0x0017
    BUSINESS_NEWS_INTERNATIONAL = 0x0018
    SPORTS_NEWS_LOCAL = 0x0019
    SPORTS_NEWS_REGIONAL = 0x001A
    SPORTS_NEWS_NATIONAL = 0x001B
    SPORTS_NEWS_INTERNATIONAL = 0x001C
    ENTERTAINMENT_NEWS_LOCAL = 0x001D
    ENTERTAINMENT_NEWS_REGIONAL = 0x001E
    ENTERTAINMENT_NEWS_NATIONAL = 0x001F
    ENTERTAINMENT_NEWS_INTERNATIONAL = 0x0020
    HOSPITALS = 0x0021
    DOCTORS = 0x0022
    PHARMACY = 0x0023
    LOCAL_TRAFFIC = 0x0030
    LONG_DISTANCE_TRAFFIC = 0x0031
    TAXIS = 0x0032
    WEATHER = 0x0033
    FLIGHT_SCHEDULES = 0x0034
    RESTAURANTS = 0x0035
    LODGINGS = 0x0036
    RETAIL_DIRECTORY = 0x0037
    ADVERTISEMENTS = 0x0038
    STOCK_QUOTES = 0x0039
    EMPLOYMENT_OPPORTUNITIES = 0x0040
    TECHNOLOGY_NEWS = 0x0041
    DISTRICT = 0x0070
    NETWORK_INFORMATION = 0x0071
    OPERATOR_SERVICES = 0x0080
    DIRECTORY_ENQUIRIES_NATIONAL = 0x0081
    DIRECTORY_ENQUIRIES_INTERNATIONAL = 0x0082
    CUSTOMER_CARE_NATIONAL = 0x0083
    CUSTOMER_CARE_INTERNATIONAL = 0x0084
    LOCAL_DATE_AND_TIME = 0x0085
    MULTI_CATEGORY_SERVICES = 0x0100
