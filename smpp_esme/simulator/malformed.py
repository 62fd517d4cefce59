"""PDUs that no SMSC should send, and some do: octets to send instead of a response, or before it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

import msgspec

from smpp_esme.protocol.commands import RESPONSE_BIT, CommandId
from smpp_esme.protocol.pdus import Pdu

_HEADER: Final = struct.Struct(">IIII")
_TLV_PAST_THE_END: Final = bytes.fromhex("001e 00ff 31")
_UNKNOWN_TLV: Final = bytes.fromhex("1500 0003 616263")


class Malformed(msgspec.Struct, frozen=True):
    """A kind of malformed PDU.

    Attributes:
        octets: makes it, of the request and the message_id.
        instead: whether it is the answer; else the right one follows it.
        is_fatal: whether nothing that follows can be read: the stream is out of step.
        about: what it is, for people.
    """

    octets: Callable[[Pdu, bytes], bytes]
    instead: bool
    is_fatal: bool
    about: str


def _pdu(command_id: int, sequence_number: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), command_id, 0, sequence_number) + body


def _answer(request: Pdu, body: bytes) -> bytes:
    return _pdu(request.command_id | RESPONSE_BIT, request.sequence_number, body)


def _stranger(body: bytes, command_id: int = CommandId.DELIVER_SM) -> bytes:
    return _pdu(command_id, 0x7FFF_0001, body)


#: By name. A message_id is a C-octet string: its NUL is written where it belongs.
MALFORMED: Final[dict[str, Malformed]] = {
    "no body": Malformed(lambda request, _: _answer(request, b""), True, False, "a response without its message_id"),
    "no nul": Malformed(_answer, True, False, "a message_id without its NUL"),
    "stray nul": Malformed(
        lambda request, message_id: _answer(request, message_id + b"\0\0"), True, False, "a NUL behind the body"
    ),
    "tlv past the end": Malformed(
        lambda request, message_id: _answer(request, message_id + b"\0" + _TLV_PAST_THE_END),
        True,
        False,
        "a TLV that is longer than the PDU",
    ),
    "unknown tlv": Malformed(
        lambda request, message_id: _answer(request, message_id + b"\0" + _UNKNOWN_TLV),
        True,
        False,
        "a vendor's TLV in the response",
    ),
    "wrong number": Malformed(
        lambda request, message_id: _pdu(
            request.command_id | RESPONSE_BIT, request.sequence_number ^ 0x4000_0000, message_id + b"\0"
        ),
        True,
        False,
        "a response to a sequence_number that was never used",
    ),
    "number 0": Malformed(
        lambda request, message_id: _pdu(request.command_id | RESPONSE_BIT, 0, message_id + b"\0"),
        True,
        False,
        "a response to sequence_number 0",
    ),
    "wrong command": Malformed(
        lambda request, message_id: _pdu(CommandId.QUERY_SM_RESP, request.sequence_number, message_id + b"\0\0\1\0"),
        True,
        False,
        "the response to another operation under this sequence_number",
    ),
    "unknown command": Malformed(
        lambda *_: _stranger(b"?", 0x0000_00FF), False, False, "a request that SMPP does not have"
    ),
    "short delivery": Malformed(lambda *_: _stranger(b"\0\1\1799"), False, False, "a deliver_sm that ends too early"),
    "short length": Malformed(
        lambda *_: struct.pack(">II", 8, CommandId.ENQUIRE_LINK), False, True, "a command_length below 16"
    ),
    "long length": Malformed(lambda *_: b"\x41" * 16, False, True, "a command_length of a thousand million octets"),
    "noise": Malformed(lambda *_: b"HTTP/1.1 400 Bad Request\r\n\r\n", False, True, "octets of another protocol"),
}
