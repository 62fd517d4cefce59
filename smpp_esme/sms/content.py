"""Every kind of message: typed values, by name and from plain fields, as JSON or a command line has them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.binary import Binary, BinaryHex
from smpp_esme.sms.coding import Coding
from smpp_esme.sms.envelope import Hlr, Ping, Sms, TextContent
from smpp_esme.sms.wap import WapPush

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smpp_esme.sms.profile import Profile

OctetContent = Binary | BinaryHex | WapPush
Content = TextContent | OctetContent
KINDS: Final[dict[str, type[Content]]] = {
    content.kind: content for content in (*get_args(TextContent), *get_args(OctetContent))
}

_LOOKUPS: Final = frozenset({Hlr.kind, Ping.kind})
_OCTETS: Final = frozenset(content.kind for content in get_args(OctetContent))


def is_offered(kind: str, profile: Profile) -> bool:
    """Whether an SMSC takes messages of a kind at all; what is in one may still be wrong."""
    if kind in _LOOKUPS:
        return profile.lookups
    if kind in _OCTETS:
        return Coding.BINARY in profile.data_coding
    return kind == Sms.kind or profile.envelopes


def content_from(fields: Mapping[str, object]) -> Content:
    """The content that these fields describe: `kind`, and the fields of its class.

    Octets are given in base64, times as in RFC 3339.

    Raises:
        InvalidValue: names the field and what is allowed.
    """
    kind = fields.get("kind", "sms")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidValue("kind", "is not known", f"one of {', '.join(KINDS)}")
    names = KINDS[kind].__struct_fields__
    if unknown := next((name for name in fields if name not in names and name != "kind"), None):
        raise InvalidValue(unknown, f"is no field of {kind}", f"{', '.join(names) or 'no field'}")
    try:
        return msgspec.convert(dict(fields), type=KINDS[kind])
    except msgspec.ValidationError as error:
        raise _wrong_field(error, KINDS[kind]) from None


def _wrong_field(error: msgspec.ValidationError, kind: type[Content]) -> InvalidValue:
    if isinstance(error.__cause__, InvalidValue):
        return error.__cause__
    problem, _, place = str(error).replace("`", "").partition(" - at $.")
    missing = problem.removeprefix("Object missing required field ")
    field, problem = (missing, "is missing") if missing != problem else (place, problem.lower())
    return InvalidValue(field, problem, _allowed(get_type_hints(kind).get(field)))


def _allowed(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    if hint is bytes:
        return "octets in base64"
    return "a time as in 2026-11-21T12:00:00Z" if datetime in get_args(hint) else "a text"
