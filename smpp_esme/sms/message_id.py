"""The forms in which an SMSC writes one message_id.

A submit_sm_resp and the receipt often name one message differently: in hexadecimal here and decimal there, padded with
zeros or not, in another case, with or without the dashes of a UUID. Nothing in SMPP 3.4 forbids it (5.2.23: the
message_id is opaque), so a receipt is looked for under every form, the literal one first.

To index, keep a submitted message_id under `key`; to find, look every one of `keys(receipted)` up, in order.
"""

from __future__ import annotations

import re
from typing import Final

# message_id has at most 64 characters (SMPP 3.4, 5.2.23); a longer one is compared only as it stands, so that a hostile
# one costs no arithmetic.
_LONGEST: Final = 64
_UUID: Final = re.compile(r"\{?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}?")
_DECIMAL: Final = re.compile(r"[0-9]+")
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]+")


def key(message_id: str) -> str:
    """The message_id without what SMSCs change freely: case, leading zeros, padding, the dashes of a UUID."""
    folded = message_id.strip(" \0").lower()
    if len(folded) > _LONGEST:
        return folded
    if uuid := _UUID.fullmatch(folded):
        folded = "".join(uuid.groups())
    return folded.lstrip("0") or folded[:1]


def keys(message_id: str) -> tuple[str, ...]:
    """The keys under which the same message may have been submitted, the likeliest first.

    The first is the message_id's own key; then it read as decimal and written in hexadecimal, and the reverse.
    """
    own = key(message_id)
    if not own or len(own) > _LONGEST:
        return (own,) if own else ()
    found = [own]
    if _DECIMAL.fullmatch(own):
        found.append(f"{int(own):x}")
    if _HEXADECIMAL.fullmatch(own):
        found.append(str(int(own, 16)))
    return tuple(dict.fromkeys(one for one in found if len(one) <= _LONGEST))


def forms(message_id: str) -> tuple[str, ...]:
    """The message_id as it stands, then its `keys`."""
    return tuple(dict.fromkeys((message_id, *keys(message_id))))


def matches(submitted: str, receipted: str) -> bool:
    """Whether both may name one message; two empty ones never do."""
    own = key(submitted)
    return bool(own) and own in keys(receipted)
