"""smpp_esme: an SMPP 3.4 ESME for Python.

The names below are the public API; all else is open to read and free to change.
"""

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
