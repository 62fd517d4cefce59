"""Wire types: what a parameter is on the wire, and how to read and write it as Python source.

`layout` compiles a PDU's wire types into straight-line code; `reference` says what each is to construct, whose engine
the tests hold that code against. Reading is patient, sending is strict.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, get_type_hints

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: SMPP 3.4 and 5.0 as interface_version has them (SMPP 3.4, 5.2.4): where they differ, a value may fit only one.
SMPP_3_4: Final = 0x34
SMPP_5_0: Final = 0x50


class Privacy(Enum):
    """Who may see a parameter's value outside of the session."""

    OPEN = "open"
    #: Numbers and texts: kept out of repr and logs, shown in a dump that was asked for.
    PERSONAL = "personal"
    #: Passwords: shown only where a person insists.
    SECRET = "secret"  # noqa: S105 - the word, not one


class Checked(Protocol):
    """What every wire type can say of values."""

    @property
    def default(self) -> Any:
        """The value of a parameter that a patient reader had to do without."""

    @property
    def privacy(self) -> Privacy:
        """Who may see the values."""

    def problem(self, value: Any, version: int = SMPP_3_4) -> tuple[str, str] | None:
        """Say what keeps `value` off the wire and what would be allowed; None if nothing does.

        Args:
            value: whatever a caller may give.
            version: the interface_version that the peer speaks.
        """


class TlvType(Checked, Protocol):
    """What the TLV table asks of a wire type."""

    def to_octets(self, value: Any) -> bytes:
        """The octets that a TLV with this value holds; the value has no problem."""

    def from_octets(self, octets: bytes) -> Any:
        """The value of a TLV with these octets; never raises."""


class Part(Checked, Protocol):
    """What the compiler asks of a wire type, a parameter's own or an element's of a list."""

    @property
    def namespace(self) -> Mapping[str, Any]:
        """The names that its source needs."""

    def read(self, octets: bytes, at: int) -> tuple[Any, int]:
        """The value that starts at `at`, and where it ends.

        Raises:
            IndexError: the octets end first.
            ValueError: they cannot be understood; says why.
        """

    def decode_source(self, name: str) -> list[str]:
        """Lines that read local `name` from `octets` at `at` and move `at`."""

    def encode_source(self, name: str) -> list[tuple[str, str]]:
        """The octets of expression `name`, as pieces ("text", expression) or ("octets", expression)."""

    def encode_checks(self, name: str) -> list[str]:
        """Conditions over expression `name` and local `version`, any of which makes a value unfit."""


class WireType(Part, Protocol):
    """What a PDU asks of the wire type of a parameter, whose octets may end early in a response."""

    def from_octets(self, octets: bytes) -> Any:
        """The value that these octets begin, as much of it as is there; never raises."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """Parameters that belong together inside of a PDU: an element of a list, or the value of a structured TLV."""

    def __repr__(self) -> str:
        """The parameters that are set, without numbers and texts."""
        return f"{type(self).__name__}({', '.join(shown(self, parameters(type(self))))})"


def parameters(record: type[Any]) -> tuple[tuple[str, WireType], ...]:
    """The parameters of a record with their wire types, in the order of declaration and of the wire."""
    hints = get_type_hints(record, include_extras=True)
    return tuple(
        (name, hints[name].__metadata__[0]) for name in record.__struct_fields__ if hasattr(hints[name], "__metadata__")
    )


def shown(record: Any, fields: Iterable[tuple[str, WireType]]) -> list[str]:
    """The parameters that differ from their defaults, for a repr: of what is private only the length."""
    values = [(name, wire_type, getattr(record, name)) for name, wire_type in fields]
    return [
        f"{name}={value!r:.80}" if wire_type.privacy is Privacy.OPEN else f"{name}=<{len(value)}>"
        for name, wire_type, value in values
        if value != wire_type.default
    ]


def joined(pieces: Iterable[tuple[str, str]]) -> str:
    """One expression for the octets of all pieces: neighbouring strings share one join.

    A join, and not an f-string, because it refuses what is no str: None must not go out as "None". str -> ISO-8859-1
    is the cheapest way to lay single octets between strings.
    """
    merged: list[tuple[str, str]] = []
    for kind, source in pieces:
        if kind == "text" and merged and merged[-1][0] == "text":
            merged[-1] = ("text", f"{merged[-1][1]}, {source}")
        else:
            merged.append((kind, source))
    return " + ".join(f"''.join(({s},)).encode('latin-1')" if k == "text" else s for k, s in merged) or "b''"


class UInt:
    """An unsigned big-endian integer of 1, 2 or 4 octets (SMPP 3.4, 3.1).

    With `zero_is_empty` a TLV of the value 0 has no octets.
    """

    default = 0
    privacy = Privacy.OPEN
    namespace: ClassVar[dict[str, Any]] = {}

    def __init__(self, size: int, *, zero_is_empty: bool = False) -> None:
        self.size = size
        self.zero_is_empty = zero_is_empty
        self.limit = (1 << 8 * size) - 1

    def problem(self, value: Any, version: int = SMPP_3_4) -> tuple[str, str] | None:
        if isinstance(value, int) and 0 <= value <= self.limit:
            return None
        return f"{value!r} is out of range", f"an integer from 0 to {self.limit}"

    def read(self, octets: bytes, at: int) -> tuple[int, int]:
        end = at + self.size
        if end > len(octets):
            raise IndexError
        return int.from_bytes(octets[at:end], "big"), end

    def to_octets(self, value: int) -> bytes:
        return b"" if self.zero_is_empty and not value else int(value).to_bytes(self.size, "big")

    def from_octets(self, octets: bytes) -> int:
        # Peers send integers a size too wide or too narrow; the number is what was meant.
        return int.from_bytes(octets[-8:], "big")

    def decode_source(self, name: str) -> list[str]:
        if self.size == 1:
            return [f"{name} = octets[at]", "at += 1"]
        return [
            f"if at + {self.size} > len(octets): raise IndexError",
            f"{name} = int.from_bytes(octets[at:at + {self.size}], 'big')",
            f"at += {self.size}",
        ]

    def encode_source(self, name: str) -> list[tuple[str, str]]:
        if self.size == 1:
            return [("text", f"chr({name})")]
        return [("octets", f"{name}.to_bytes({self.size}, 'big')")]

    def encode_checks(self, name: str) -> list[str]:
        return []  # chr, ISO-8859-1 and to_bytes refuse what is out of range


class CString:
    """A C-octet string: ASCII, ended by NUL, at most `limit` octets with it (SMPP 3.4, 3.1).

    Read as ISO-8859-1, which no octet can break; sent as ASCII only.
    """

    default = ""
    namespace: ClassVar[dict[str, Any]] = {}

    def __init__(self, limit: int, *, exact: bool = False, privacy: Privacy = Privacy.OPEN) -> None:
        self.limit = limit
        self.exact = exact
        self.privacy = privacy

    def problem(self, value: Any, version: int = SMPP_3_4) -> tuple[str, str] | None:
        quoted = f"{value!r:.80}" if self.privacy is Privacy.OPEN else "the value"
        if not isinstance(value, str):
            return f"{quoted} is not a string", "a str"
        if not value.isascii() or "\0" in value:
            return f"{quoted} holds a character that a C-octet string cannot carry", "ASCII without NUL"
        if self.exact and value and len(value) != self.limit - 1:
            return f"{quoted} has {len(value)} characters", f"none, or exactly {self.limit - 1}"
        if len(value) >= self.limit:
            return f"{quoted} has {len(value)} characters", f"at most {self.limit - 1}"
        return None

    def read(self, octets: bytes, at: int) -> tuple[str, int]:
        nul = octets.find(0, at)
        if nul < 0:
            raise IndexError
        return octets[at:nul].decode("latin-1"), nul + 1

    def to_octets(self, value: str) -> bytes:
        return value.encode("ascii") + b"\0"

    def from_octets(self, octets: bytes) -> str:
        # Some SMSCs leave the NUL off, some pad with several.
        return octets.split(b"\0", 1)[0].decode("latin-1")

    def decode_source(self, name: str) -> list[str]:
        return [
            "if octets[at]:",
            "    nul = octets.index(0, at)",
            f"    if nul - at {'!=' if self.exact else '>='} {self.limit - self.exact}: raise IndexError",
            f"    {name} = octets[at:nul].decode('ascii')",  # what is not gets its closer look in `read`
            "    at = nul + 1",
            "else:",
            f"    {name} = ''",
            "    at += 1",
        ]

    def encode_source(self, name: str) -> list[tuple[str, str]]:
        return [("text", name), ("text", r"'\0'")]

    def encode_checks(self, name: str) -> list[str]:
        length = f"len({name}) != {self.limit - 1}" if self.exact else f"len({name}) >= {self.limit}"
        return [f"{name} and ({length} or not {name}.isascii() or '\\0' in {name})"]


class Octets:
    """Octets behind a length octet, as sm_length and short_message are (SMPP 3.4, 5.2.21 and 5.2.22).

    As a TLV's value the length is the TLV's own. `limit_5_0` is what SMPP 5.0 allows, where that is more.
    """

    default = b""
    namespace: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, limit: int, *, least: int = 0, limit_5_0: int | None = None, privacy: Privacy = Privacy.PERSONAL
    ) -> None:
        self.limit = limit
        self.limit_5_0 = limit_5_0 or limit
        self.least = least
        self.privacy = privacy

    def problem(self, value: Any, version: int = SMPP_3_4) -> tuple[str, str] | None:
        limit = self.limit if version < SMPP_5_0 else self.limit_5_0
        if not isinstance(value, bytes):
            return "the value is not bytes", "bytes"
        if not self.least <= len(value) <= limit:
            return f"{len(value)} octets", f"{self.least} to {limit} octets"
        return None

    def read(self, octets: bytes, at: int) -> tuple[bytes, int]:
        end = at + 1 + octets[at]
        if end > len(octets):
            raise IndexError
        return octets[at + 1 : end], end

    def to_octets(self, value: bytes) -> bytes:
        return value

    def from_octets(self, octets: bytes) -> bytes:
        return octets

    def decode_source(self, name: str) -> list[str]:
        return [
            "end = at + 1 + octets[at]",
            "if end > len(octets): raise IndexError",
            f"{name} = octets[at + 1:end]",
            "at = end",
        ]

    def encode_source(self, name: str) -> list[tuple[str, str]]:
        return [("text", f"chr(len({name}))"), ("octets", name)]

    def encode_checks(self, name: str) -> list[str]:
        return [f"{name}.__class__ is not bytes", over(f"len({name})", self.limit, self.limit_5_0)]


def over(length: str, limit: int, limit_5_0: int) -> str:
    """A condition: this length is past the limit of the version in force."""
    if limit_5_0 == limit:
        return f"{length} > {limit}"
    return f"{length} > {limit} and (version < {SMPP_5_0} or {length} > {limit_5_0})"


class Text:
    """ASCII without a NUL, all there is in a TLV: dates and digits of SMPP 5.0."""

    default = ""
    privacy = Privacy.OPEN

    def __init__(self, limit: int, *, least: int | None = None) -> None:
        self.limit = limit
        self.least = limit if least is None else least

    def problem(self, value: Any, version: int = SMPP_3_4) -> tuple[str, str] | None:
        if not isinstance(value, str):
            return "the value is not a string", "a str"
        if not value.isascii() or "\0" in value:
            return f"{value!r:.80} holds a character that cannot be sent", "ASCII without NUL"
        if not self.least <= len(value) <= self.limit:
            return f"{value!r:.80} has {len(value)} characters", f"{self.least} to {self.limit}"
        return None

    def to_octets(self, value: str) -> bytes:
        return value.encode("ascii")

    def from_octets(self, octets: bytes) -> str:
        # To some SMSCs these are C-octet strings as well.
        return octets.split(b"\0", 1)[0].decode("latin-1")
