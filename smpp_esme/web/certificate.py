"""How long a certificate is good for. Python's ssl tells that of a peer's alone, so some DER is read here."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from smpp_esme.errors import InvalidValue

if TYPE_CHECKING:
    from pathlib import Path

_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_LONG: Final = 0x80


def expiry(path: Path) -> datetime:
    """Until when the first certificate of a PEM file is good.

    Raises:
        OSError: the file cannot be read.
        InvalidValue: there is no certificate in it.
    """
    _, begin, rest = path.read_text("ascii", errors="replace").partition(_BEGIN)
    body, end, _ = rest.partition(_END)
    try:
        return _not_after(ssl.PEM_cert_to_DER_cert(begin + body + end))
    except (ValueError, IndexError):
        raise InvalidValue("certificate", f"there is none in {path}", "a PEM file") from None


def _not_after(octets: bytes) -> datetime:
    """The end of the validity of a Certificate (RFC 5280, 4.1)."""
    certificate, _ = _inside(octets, _SEQUENCE)
    signed, _ = _inside(certificate, _SEQUENCE)
    if signed[0] == _VERSION:
        signed = _after(signed)
    for _ in ("serialNumber", "signature", "issuer"):
        signed = _after(signed)
    validity, _ = _inside(signed, _SEQUENCE)
    until = _after(validity)
    written, _ = _inside(until)
    # Of the two digits of a UTCTime's year 50 and above are of the last century (RFC 5280, 4.1.2.5.1).
    century = "" if until[0] != _UTC_TIME else "19" if written[:2] >= b"50" else "20"
    return datetime.strptime(f"{century}{written.decode('ascii')}", "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _inside(octets: bytes, tag: int | None = None) -> tuple[bytes, bytes]:
    """What is in the first element, and what follows it."""
    if tag is not None and octets[0] != tag:
        raise ValueError(tag)
    length, begin = octets[1], 2
    if length & _LONG:
        begin += length & ~_LONG
        length = int.from_bytes(octets[2:begin])
    return octets[begin : begin + length], octets[begin + length :]


def _after(octets: bytes) -> bytes:
    return _inside(octets)[1]
