"""What the value of a parameter says to a person: the specification's tables, as annotated dumps show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from smpp_esme.protocol import parameters as known
from smpp_esme.protocol.commands import CommandId, CommandStatus
from smpp_esme.protocol.pdus import DestFlag
from smpp_esme.protocol.wire import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import IntEnum, IntFlag

    from smpp_esme.protocol.structures import BroadcastContentType

#: Parameters that are enumerations; "tlv.field" for a field of a structured TLV. What is not here is a plain number.
ENUMERATIONS: Final[dict[str, type[IntEnum | IntFlag]]] = {
    "addr_ton": known.Ton,
    "addr_npi": known.Npi,
    "source_addr_ton": known.Ton,
    "source_addr_npi": known.Npi,
    "dest_addr_ton": known.Ton,
    "dest_addr_npi": known.Npi,
    "esme_addr_ton": known.Ton,
    "esme_addr_npi": known.Npi,
    "registered_delivery": known.RegisteredDelivery,
    "message_state": known.MessageState,
    "dest_flag": DestFlag,
    "dest_addr_subunit": known.AddrSubunit,
    "source_addr_subunit": known.AddrSubunit,
    "dest_network_type": known.Network,
    "source_network_type": known.Network,
    "dest_bearer_type": known.Bearer,
    "source_bearer_type": known.Bearer,
    "payload_type": known.PayloadType,
    "privacy_indicator": known.PrivacyIndicator,
    "source_subaddress.subaddress_type": known.SubaddressType,
    "dest_subaddress.subaddress_type": known.SubaddressType,
    "language_indicator": known.Language,
    "display_time": known.DisplayTime,
    "ms_validity.behaviour": known.ValidityBehaviour,
    "ms_validity.unit": known.ValidityUnit,
    "dpf_result": known.DpfResult,
    "set_dpf": known.SetDpf,
    "ms_availability_status": known.MsAvailabilityStatus,
    "network_error_code.network_type": known.NetworkType,
    "delivery_failure_reason": known.DeliveryFailureReason,
    "more_messages_to_send": known.MoreMessagesToSend,
    "callback_num.digit_mode": known.DigitMode,
    "callback_num.addr_ton": known.Ton,
    "callback_num.addr_npi": known.Npi,
    "alert_on_message_delivery": known.AlertOnMessageDelivery,
    "its_reply_type": known.ItsReplyType,
    "ussd_service_op": known.UssdServiceOp,
    "broadcast_area_identifier.area_format": known.BroadcastAreaFormat,
    "broadcast_channel_indicator": known.BroadcastChannelIndicator,
    "broadcast_content_type.network": known.BroadcastNetwork,
    "broadcast_content_type.generic.content_type": known.ContentType,
    "broadcast_message_class": known.BroadcastMessageClass,
    "broadcast_frequency_interval.unit": known.FrequencyUnit,
    "dest_addr_np_resolution": known.NpResolution,
}

#: The fields of esm_class, whose values are named one by one (SMPP 3.4, 5.2.12): mode, type, and two GSM features.
_ESM_CLASS_FIELDS: Final = (0x03, 0x3C, 0x40, 0x80)
_ESM_CLASS_NAMES: Final = {flag.value: name for name, flag in known.EsmClass.__members__.items()}

#: Where each load begins (SMPP 5.0, 4.8.4.18, which counts 90 twice).
_CONGESTION: Final = ((100, "congested"), (90, "nearing congestion"), (80, "optimum load"), (50, "high load"),
                      (30, "medium load"), (1, "low load"), (0, "idle"))  # fmt: skip


def meaning(parameter: str, value: Any) -> str:
    """What the value of a parameter says to a person, from the specification's tables; empty if nothing."""
    if special := _SPECIAL.get(parameter):
        return special(value)
    if isinstance(value, Record):
        return ", ".join(_told(parameter, name, getattr(value, name)) for name in value.__struct_fields__)
    names = ENUMERATIONS.get(parameter)
    if names is None or not isinstance(value, int):
        return ""
    try:
        return names(value).name or ""
    except ValueError:
        return "reserved"


def command_name(command_id: int) -> str:
    """The operation in the specification's words, or its number."""
    try:
        return CommandId(command_id).name.lower()
    except ValueError:
        return f"0x{command_id:08X}"


def _told(parameter: str, field: str, value: Any) -> str:
    """One field of a structured TLV: its name with what it means, or with what it holds."""
    says = meaning(f"{parameter}.{field}", value)
    return f"{field} {says if says not in {'', 'reserved'} else _plain(value)}"


def _plain(value: Any) -> str:
    return value.hex(" ") if isinstance(value, bytes) else str(value)


def _status(value: int) -> str:
    if value > 0xFFFF_FFFF:
        return "reserved"
    status = CommandStatus(value)
    return f"{status.name}: {status.meaning}"


def _esm_class(value: int) -> str:
    parts = [value & mask for mask in _ESM_CLASS_FIELDS if value & mask] or [0]
    return "|".join(_ESM_CLASS_NAMES.get(part, f"0x{part:02X}") for part in parts)


def _version(value: int) -> str:
    return f"SMPP {value >> 4}.{value & 0x0F}"


def _content_type(value: BroadcastContentType) -> str:
    """The types have names only where they are every network's (SMPP 5.0, 4.8.4.8)."""
    names = "generic" if value.network == known.BroadcastNetwork.GENERIC else "network"
    network = _told("broadcast_content_type", "network", value.network)
    return f"{network}, {_told(f'broadcast_content_type.{names}', 'content_type', value.content_type)}"


def _congestion(value: int) -> str:
    return next(says for least, says in _CONGESTION if value >= least) if value <= 100 else "reserved"


def _success(value: int) -> str:
    return f"{value} % of the area" if value <= 100 else "not known" if value == 255 else "reserved"


def _presentation(value: int) -> str:
    shown = value >> 2 & 3
    may = known.Presentation(shown).name if shown < 3 else "reserved"
    return f"presentation {may}, {known.Screening(value & 3).name}"


def _waiting(value: int) -> str:
    return f"{known.MessageWaiting(value & 3).name} {'waiting' if value & 0x80 else 'no longer waiting'}"


#: Parameters whose values no enumeration names.
_SPECIAL: Final[dict[str, Callable[[Any], str]]] = {
    "command_id": command_name,
    "command_status": _status,
    "error_status_code": _status,
    "broadcast_error_status": _status,
    "esm_class": _esm_class,
    "interface_version": _version,
    "sc_interface_version": _version,
    "congestion_state": _congestion,
    "broadcast_area_success": _success,
    "broadcast_content_type": _content_type,
    "callback_num_pres_ind": _presentation,
    "ms_msg_wait_facilities": _waiting,
}
