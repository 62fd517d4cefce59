"""Wire types: `construct` constructs that also know how to write themselves as Python source.

construct's engine reads and builds them as they stand and is the reference; `layout` compiles a PDU's wire types into
straight-line code. Reading is patient, sending is strict.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, ClassVar, Protocol

import construct


class Privacy(Enum):
    """Who may see a parameter's value outside of the session."""

    OPEN = "open"
    #: Numbers and texts: kept out of repr and logs, shown in a dump that was asked for.
    PERSONAL = "personal"
    #: Passwords: shown only where a person insists.
    SECRET = "secret"  # noqa: S105 - the word, not one


class WireType(Protocol):
    """What the compiler and the TLV table ask of a wire type; each is a `construct.Construct` as well.

    Attributes:
        default: the value of a parameter that a patient reader had to do without.
        privacy: who may see the values.
    """

    default: Any
    privacy: Privacy

    def problem(self, value: Any) -> tuple[str, str] | None:
        """Say what keeps `value` off the wire and what would be allowed; None if nothing does."""

    def read(self, octets: bytes, at: int) -> tuple[Any, int]:
        """The value that starts at `at`, and where it ends.

        Raises:
            IndexError: the octets end first.
        """

    def to_octets(self, value: Any) -> bytes:
        """The octets of a value that has no problem."""

    def from_octets(self, octets: bytes) -> Any:
        """The value of a TLV with these octets; never raises."""

    def decode_source(self, name: str) -> list[str]:
        """Lines that read local `name` from `octets` at `at` and move `at`."""

    def encode_source(self, name: str) -> list[tuple[str, str]]:
        """The octets of local `name`, as pieces ("text", expression) or ("octets", expression)."""

    def encode_checks(self, name: str) -> list[str]:
        """Conditions over local `name`, any of which makes a value unfit."""


class UInt(construct.Adapter):  # type: ignore[misc]  # construct ships no types
    """An unsigned big-endian integer of 1, 2 or 4 octets (SMPP 3.4, 3.1)."""

    default = 0
    privacy = Privacy.OPEN
    _SUBCON: ClassVar = {1: construct.Int8ub, 2: construct.Int16ub, 4: construct.Int32ub}

    def __init__(self, size: int) -> None:
        super().__init__(self._SUBCON[size])
        self.size = size
        self.limit = (1 << 8 * size) - 1

    def _decode(self, obj: int, context: Any, path: Any) -> int:
        return obj

    def _encode(self, obj: int, context: Any, path: Any) -> int:
        return obj

    def problem(self, value: Any) -> tuple[str, str] | None:
        if isinstance(value, int) and 0 <= value <= self.limit:
            return None
        return f"{value!r} is out of range", f"an integer from 0 to {self.limit}"

    def read(self, octets: bytes, at: int) -> tuple[int, int]:
        end = at + self.size
        if end > len(octets):
            raise IndexError
        return int.from_bytes(octets[at:end], "big"), end

    def to_octets(self, value: int) -> bytes:
        return int(value).to_bytes(self.size, "big")

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
            return [("text", f"CHARACTER[{name}]")]
        return [("octets", f"{name}.to_bytes({self.size}, 'big')")]

    def encode_checks(self, name: str) -> list[str]:
        return []  # CHARACTER and to_bytes refuse what is out of range


class CString(construct.Adapter):  # type: ignore[misc]  # construct ships no types
    """A C-octet string: ASCII, ended by NUL, at most `limit` octets with it (SMPP 3.4, 3.1).

    Read as ISO-8859-1, which no octet can break; sent as ASCII only.
    """

    default = ""

    def __init__(self, limit: int, *, exact: bool = False, privacy: Privacy = Privacy.OPEN) -> None:
        super().__init__(construct.NullTerminated(construct.GreedyBytes))
        self.limit = limit
        self.exact = exact
        self.privacy = privacy

    def _decode(self, obj: bytes, context: Any, path: Any) -> str:
        return obj.decode("latin-1")

    def _encode(self, obj: str, context: Any, path: Any) -> bytes:
        return obj.encode("ascii")

    def problem(self, value: Any) -> tuple[str, str] | None:
        shown = f"{value!r:.80}" if self.privacy is Privacy.OPEN else "the value"
        if not isinstance(value, str):
            return f"{shown} is not a string", "a str"
        if not value.isascii() or "\0" in value:
            return f"{shown} holds a character that a C-octet string cannot carry", "ASCII without NUL"
        if self.exact and value and len(value) != self.limit - 1:
            return f"{shown} has {len(value)} characters", f"none, or exactly {self.limit - 1}"
        if len(value) >= self.limit:
            return f"{shown} has {len(value)} characters", f"at most {self.limit - 1}"
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
            f"    {name} = octets[at:nul].decode('latin-1')",
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


class Octets(construct.Adapter):  # type: ignore[misc]  # construct ships no types
    """Octets behind a length octet, as sm_length and short_message are (SMPP 3.4, 5.2.21 and 5.2.22).

    As a TLV's value the length is the TLV's own.
    """

    default = b""

    def __init__(self, limit: int, *, least: int = 0, privacy: Privacy = Privacy.PERSONAL) -> None:
        super().__init__(construct.Prefixed(construct.Int8ub, construct.GreedyBytes))
        self.limit = limit
        self.least = least
        self.privacy = privacy

    def _decode(self, obj: bytes, context: Any, path: Any) -> bytes:
        return obj

    def _encode(self, obj: bytes, context: Any, path: Any) -> bytes:
        return obj

    def problem(self, value: Any) -> tuple[str, str] | None:
        if not isinstance(value, bytes):
            return "the value is not bytes", "bytes"
        if not self.least <= len(value) <= self.limit:
            return f"{len(value)} octets", f"{self.least} to {self.limit} octets"
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
        return [("text", f"CHARACTER[len({name})]"), ("octets", name)]

    def encode_checks(self, name: str) -> list[str]:
        return [f"{name}.__class__ is not bytes or len({name}) > {self.limit}"]
