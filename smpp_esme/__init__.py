"""smpp_esme: an SMPP 3.4 ESME for Python.

The names below are the public API; all else is open to read and free to change. Each is imported when it is first asked
for, so that `import smpp_esme.protocol` costs the protocol alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smpp_esme.client import Esme, Receipts, Submission, connect
    from smpp_esme.errors import (
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
    from smpp_esme.protocol.timers import Timers
    from smpp_esme.session.endpoint import Endpoint
    from smpp_esme.sms.envelope import Bot, Call, Hlr, Mail, Ping, Sms, Soc, Telegram, Viber
    from smpp_esme.sms.hlr import HlrRecord
    from smpp_esme.sms.profile import Profile
    from smpp_esme.sms.receipt import Receipt

__all__ = [
    "BindRefused",
    "Bot",
    "BrokenStream",
    "Call",
    "CommandRefused",
    "ConfigError",
    "ConnectFailed",
    "EncodingError",
    "Endpoint",
    "Esme",
    "Hlr",
    "HlrRecord",
    "InvalidValue",
    "LocalProtocolError",
    "Mail",
    "MalformedPdu",
    "Ping",
    "Profile",
    "ProtocolError",
    "Receipt",
    "Receipts",
    "RemoteProtocolError",
    "ResponseTimeout",
    "SessionClosed",
    "SmppError",
    "Sms",
    "Soc",
    "Submission",
    "SubmitRefused",
    "Telegram",
    "Timers",
    "Viber",
    "connect",
]

_HOMES = {
    "smpp_esme.client": (
        "Esme",
        "Receipts",
        "Submission",
        "connect",
    ),
    "smpp_esme.errors": (
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
    "smpp_esme.protocol.timers": ("Timers",),
    "smpp_esme.session.endpoint": ("Endpoint",),
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
    "smpp_esme.sms.profile": ("Profile",),
    "smpp_esme.sms.receipt": ("Receipt",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a public name from its home (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    """The public names."""
    return __all__
