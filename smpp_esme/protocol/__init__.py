"""SMPP 3.4 as data and pure functions: octets <-> PDUs <-> session events. No I/O, no clock, no logging.

What a program of its own needs is here; the records are in `pdus`, what a connection reports in `events`::

    from smpp_esme.protocol import Connection, Role, events, pdus
"""

from smpp_esme.protocol import events, pdus
from smpp_esme.protocol.codec import Framer, decode, encode
from smpp_esme.protocol.commands import CommandId, CommandStatus
from smpp_esme.protocol.connection import Connection
from smpp_esme.protocol.state import Role, State
from smpp_esme.protocol.timers import Timers
from smpp_esme.protocol.tlvs import TLVS, Tag, Tlv, TlvTable

__all__ = [
    "TLVS",
    "CommandId",
    "CommandStatus",
    "Connection",
    "Framer",
    "Role",
    "State",
    "Tag",
    "Timers",
    "Tlv",
    "TlvTable",
    "decode",
    "encode",
    "events",
    "pdus",
]
