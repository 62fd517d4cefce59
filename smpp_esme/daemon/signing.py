"""Signatures of webhooks by the Standard Webhooks scheme (https://www.standardwebhooks.com, 1.0.0)."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final

from smpp_esme.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: What every secret begins with, so that one that has leaked can be found.
PREFIX: Final = "whsec_"
_SHORTEST, _LONGEST, _OURS = 24, 64, 32


def new_secret() -> str:
    """A secret that nobody has yet."""
    return PREFIX + b64encode(secrets.token_bytes(_OURS)).decode()


def keys_of(written: str) -> tuple[bytes, ...]:
    """The keys that some secrets stand for, which are written with white space between them.

    Raises:
        InvalidValue: one is no secret; it is not repeated.
    """
    return tuple(_key(number, one) for number, one in enumerate(written.split(), 1))


def headers(keys: Sequence[bytes], *, name: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that say of a request who sent it, and when; one signature for each key.

    Args:
        keys: what the receiver may know.
        name: the message's identifier, the same at every attempt.
        timestamp: of this attempt, in seconds since 1970.
        body: the request's body, as it goes out.
    """
    return {
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signatures(keys, f"{name}.{timestamp}.".encode() + body)),
    }


def is_signed(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes) -> bool:
    """Whether one of the keys signed a request; how old it is, is for the caller to judge.

    Args:
        keys: what it may be signed with.
        headers: the request's, by lower-case name or in a mapping that does not mind.
        body: as it came.
    """
    content = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}.".encode() + body
    shown = headers.get("webhook-signature", "").encode("utf-8", "replace").split()
    return any(hmac.compare_digest(ours.encode(), theirs) for ours in _signatures(keys, content) for theirs in shown)


def _signatures(keys: Sequence[bytes], content: bytes) -> Iterable[str]:
    return (f"v1,{b64encode(hmac.digest(key, content, hashlib.sha256)).decode()}" for key in keys)


def _key(number: int, secret: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True) if secret.startswith(PREFIX) else b""
    except (binascii.Error, ValueError):
        key = b""
    if not _SHORTEST <= len(key) <= _LONGEST:
        allowed = f"{PREFIX} and {_SHORTEST} to {_LONGEST} octets in base64, as `smpp-esme webhook secret` makes it"
        raise InvalidValue("secret", f"number {number} is none", allowed)
    return key
