"""What comes as JSON, read by its type; what is wrong with it is told with what would have done."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import inspect

from smpp_esme.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Iterable

_NO_SUCH_VALUE: Final = re.compile(r"Invalid (?:enum )?value '(?P<value>.*)'(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_NO_SUCH_KEY: Final = re.compile(r"Object contains unknown field `(?P<key>.*)`(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<key>.*)`", re.DOTALL)
#: A step of a path: a key, or any element.
_STEP: Final = re.compile(r"\.(?P<key>\w+)|\[[^]]*\]")
#: So much of a value that nobody knows is told back.
_LONGEST: Final = 64


def read(octets: bytes, kind: Any) -> Any:
    """A body of this type.

    Raises:
        InvalidValue: it is none; names the key, and what is allowed there.
        msgspec.DecodeError: it is not JSON.
    """
    try:
        return msgspec.json.decode(octets, type=kind)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InvalidValue):
            raise error.__cause__ from None
        raise _told(str(error), inspect.type_info(kind), msgspec.json.decode(octets)) from None


def instead(word: str, allowed: Iterable[str]) -> str:
    """The nearest of the words that are allowed, if one is near, and all of them."""
    words = [str(each) for each in allowed]
    close = difflib.get_close_matches(word, words, n=1)
    return (f"did you mean {close[0]}? " if close else "") + f"one of {', '.join(words)}"


def _told(said: str, kind: inspect.Type, body: Any) -> InvalidValue:
    """What msgspec said, with what it knew and did not say."""
    if found := _NO_SUCH_VALUE.fullmatch(said):
        place = _place(kind, body, found["path"] or "")
        value = found["value"][:_LONGEST]
        field = _field(found["path"] or "")
        allowed = _tags(_last_holder(kind, body, found["path"] or ""), field) or _values(place)
        return InvalidValue(field, f"is {value!r}", instead(value, allowed) if allowed else "")
    if found := _NO_SUCH_KEY.fullmatch(said):
        key, holder = found["key"][:_LONGEST], _place(kind, body, found["path"] or "")
        allowed = _keys(holder)
        return InvalidValue(key, "there is no such key", instead(key, allowed) if allowed else "")
    if found := _MISSING.match(said):
        allowed = _tags(kind, found["key"])
        return InvalidValue(found["key"], "is missing", instead("", allowed) if allowed else "")
    return InvalidValue("body", said.replace("`", ""))


def _field(path: str) -> str:
    keys = [step["key"] for step in _STEP.finditer(path) if step["key"]]
    return keys[-1] if keys else "value"


def _last_holder(kind: inspect.Type, body: Any, path: str) -> inspect.Type | None:
    """The type of what holds the last key of a path."""
    return _place(kind, body, path.rpartition(".")[0])


def _place(kind: inspect.Type | None, body: Any, path: str) -> inspect.Type | None:
    """The type that is asked for at a path."""
    for step in _STEP.finditer(path):
        kind = _chosen(kind, body)
        if step["key"] and isinstance(kind, inspect.StructType):
            named = {field.encode_name: field.type for field in kind.fields}
            kind, body = named.get(step["key"]), body.get(step["key"]) if isinstance(body, dict) else None
        elif isinstance(kind, inspect.DictType):
            kind, body = kind.value_type, None
        elif isinstance(kind, inspect.ListType):
            kind, body = kind.item_type, None
        else:
            return None
    return _chosen(kind, body)


def _chosen(kind: inspect.Type | None, body: Any) -> inspect.Type | None:
    """Of several types the one that the body's tag names."""
    if not isinstance(kind, inspect.UnionType):
        return kind
    for one in kind.types:
        if isinstance(one, inspect.StructType) and isinstance(body, dict) and body.get(one.tag_field) == one.tag:
            return one
    others = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
    return others[0] if len(others) == 1 else kind


def _tags(kind: inspect.Type | None, field: str) -> list[str]:
    """The words that say which of several types a body is."""
    members = kind.types if isinstance(kind, inspect.UnionType) else ()
    return sorted(str(one.tag) for one in members if isinstance(one, inspect.StructType) and one.tag_field == field)


def _values(kind: inspect.Type | None) -> list[str]:
    if isinstance(kind, inspect.EnumType):
        return [str(one.value) for one in kind.cls]
    return [str(one) for one in kind.values] if isinstance(kind, inspect.LiteralType) else []


def _keys(kind: inspect.Type | None) -> list[str]:
    if not isinstance(kind, inspect.StructType):
        return []
    return [*([kind.tag_field] if kind.tag_field else []), *(field.encode_name for field in kind.fields)]
