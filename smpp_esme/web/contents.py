"""The kinds of message as JSON: their schema, from the typed values themselves."""

from __future__ import annotations

import inspect
import re
from typing import Any, Final

import msgspec

from smpp_esme.sms.content import KINDS

# "Attributes:" as the package's docstrings have it: a name, and what it is, perhaps over several lines.
_ATTRIBUTE: Final = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def content_schema() -> dict[str, Any]:
    """The JSON schema of a `content`: one of the kinds, each known by its `kind`."""
    _, components = msgspec.json.schema_components(tuple(KINDS.values()))
    return {"title": "Content", "oneOf": [described(components[kind.__name__], kind) for kind in KINDS.values()]}


def described(schema: dict[str, Any], kind: type) -> dict[str, Any]:
    """A type's schema with what its docstring says of it and of its attributes."""
    about, _, attributes = inspect.getdoc(kind).partition("\n\nAttributes:\n")  # type: ignore[union-attr]  # each has one
    schema["description"] = about
    for name, said in _ATTRIBUTE.findall(attributes):
        schema["properties"][name]["description"] = " ".join(said.split())
    return schema
