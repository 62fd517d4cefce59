"""smpp_esme: an SMPP 3.4 ESME for Python.

The names below are the public API; all else is open to read and free to change. Each is imported when it is first asked
for, so that `import smpp_esme.protocol` costs the protocol alone.

Half of them are two families that a program names one of: the kinds of message, and the errors that it may catch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smpp_esme.client import (
        Deliveries,
        Esme,
        InDoubt,
        LookedUp,
        MtMessage,
        Queried,
        Refused,
        Replacement,
        Submission,
        Submitted,
        SubmittedMulti,
        connect,
    )
    from smpp_esme.errors import (
        AgainstTheRules,
        BindRefused,
        BrokenStream,
        CommandRefused,
        ConfigError,
        ConnectFailed,
        EncodingError,
        InvalidValue,
        LocalProtocolError,
        MalformedPdu,
        ProtocolError,
        RemoteProtocolError,
        ResponseTimeout,
        SessionClosed,
        SmppError,
        SubmitRefused,
    )
    from smpp_esme.protocol.commands import CommandStatus
    from smpp_esme.protocol.parameters import MessageState, RegisteredDelivery
    from smpp_esme.protocol.timers import Timers
    from smpp_esme.session.endpoint import Endpoint
    from smpp_esme.session.plan import Backoff
    from smpp_esme.session.tls import Tls
    from smpp_esme.sms.binary import Binary, BinaryHex
    from smpp_esme.sms.envelope import Bot, Call, Hlr, Mail, Ping, Sms, Soc, Telegram, Viber
    from smpp_esme.sms.hlr import HlrRecord
    from smpp_esme.sms.mo import MoMessage
    from smpp_esme.sms.profile import Profile
    from smpp_esme.sms.receipt import Receipt
    from smpp_esme.sms.wap import WapPush

__all__ = [
    "AgainstTheRules",
    "Backoff",
    "Binary",
    "BinaryHex",
    "BindRefused",
    "Bot",
    "BrokenStream",
    "Call",
    "CommandRefused",
    "CommandStatus",
    "ConfigError",
    "ConnectFailed",
    "Deliveries",
    "EncodingError",
    "Endpoint",
    "Esme",
    "Hlr",
    "HlrRecord",
    "InDoubt",
    "InvalidValue",
    "LocalProtocolError",
    "LookedUp",
    "Mail",
    "MalformedPdu",
    "MessageState",
    "MoMessage",
    "MtMessage",
    "Ping",
    "Profile",
    "ProtocolError",
    "Queried",
    "Receipt",
    "Refused",
    "RegisteredDelivery",
    "RemoteProtocolError",
    "Replacement",
    "ResponseTimeout",
    "SessionClosed",
    "SmppError",
    "Sms",
    "Soc",
    "Submission",
    "SubmitRefused",
    "Submitted",
    "SubmittedMulti",
    "Telegram",
    "Timers",
    "Tls",
    "Viber",
    "WapPush",
    "connect",
]

_HOMES = {
    "smpp_esme.client": (
        "Deliveries",
        "Esme",
        "InDoubt",
        "LookedUp",
        "MtMessage",
        "Queried",
        "Refused",
        "Replacement",
        "Submission",
        "Submitted",
        "SubmittedMulti",
        "connect",
    ),
    "smpp_esme.errors": (
        "AgainstTheRules",
        "BindRefused",
        "BrokenStream",
        "CommandRefused",
        "ConfigError",
        "ConnectFailed",
        "EncodingError",
        "InvalidValue",
        "LocalProtocolError",
        "MalformedPdu",
        "ProtocolError",
        "RemoteProtocolError",
        "ResponseTimeout",
        "SessionClosed",
        "SmppError",
        "SubmitRefused",
    ),
    "smpp_esme.protocol.commands": ("CommandStatus",),
    "smpp_esme.protocol.parameters": (
        "MessageState",
        "RegisteredDelivery",
    ),
    "smpp_esme.protocol.timers": ("Timers",),
    "smpp_esme.session.endpoint": ("Endpoint",),
    "smpp_esme.session.plan": ("Backoff",),
    "smpp_esme.session.tls": ("Tls",),
    "smpp_esme.sms.binary": (
        "Binary",
        "BinaryHex",
    ),
    "smpp_esme.sms.envelope": (
        "Bot",
        "Call",
        "Hlr",
        "Mail",
        "Ping",
        "Sms",
        "Soc",
        "Telegram",
        "Viber",
    ),
    "smpp_esme.sms.hlr": ("HlrRecord",),
    "smpp_esme.sms.mo": ("MoMessage",),
    "smpp_esme.sms.profile": ("Profile",),
    "smpp_esme.sms.receipt": ("Receipt",),
    "smpp_esme.sms.wap": ("WapPush",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name from its home (PEP 562)."""
    if name == "blocking":
        return import_module("smpp_esme.blocking")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    """The public names."""
    return __all__
