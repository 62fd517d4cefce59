"""Wire types made of wire types: records, one of several records, and lists of either (SMPP 3.4, 4.5).

They write themselves as source by asking their parts to; only a list takes a loop.
"""

# ruff: noqa: D102 - what the methods mean is said once, in wire.TlvType

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from smpp_esme.protocol.wire import SMPP_3_4, SMPP_5_0, Privacy, Record, joined, over, parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The name of a list's element in compiled source.
_ONE: Final = "one"


class Composite:
    """Parameters one after another, as a record: an element of a list."""

    privacy = Privacy.PERSONAL

    def __init__(self, record: type[Record]) -> None:
        self.record = record
        self.fields = parameters(record)
        self.default = record()
        self.namespace = {record.__name__: record}

    def problem(self, value: Any, version: int = SMPP_3_4) -> tuple[str, str] | None:
        if not isinstance(value, self.record):
            return f"{type(value).__name__} is none", f"a {self.record.__name__}"
        for name, part in self.fields:
            if trouble := part.problem(getattr(value, name), version):
                return f"{name}: {trouble[0]}", trouble[1]
        return None

    def read(self, octets: bytes, at: int) -> tuple[Record, int]:
        values = []
        for _, part in self.fields:
            value, at = part.read(octets, at)
            values.append(value)
        return self.record(*values), at

    def decode_source(self, name: str) -> list[str]:
        lines = [line for part_name, part in self.fields for line in part.decode_source(f"{name}_{part_name}")]
        values = ", ".join(f"{name}_{part_name}" for part_name, _ in self.fields)
        return [*lines, f"{name} = {self.record.__name__}({values})"]

    def encode_source(self, name: str) -> list[tuple[str, str]]:
        return [piece for part_name, part in self.fields for piece in part.encode_source(f"{name}.{part_name}")]

    def encode_checks(self, name: str) -> list[str]:
        parts = [check for part_name, part in self.fields for check in part.encode_checks(f"{name}.{part_name}")]
        return [f"{name}.__class__ is not {self.record.__name__}", *parts]


class Flagged:
    """One of several records behind an octet that says which, as dest_flag does (SMPP 3.4, 5.2.25).

    Args:
        flag: the name of that octet.
        records: what each of its values stands for.
    """

    privacy = Privacy.PERSONAL

    def __init__(self, flag: str, records: Mapping[int, type[Record]]) -> None:
        self.flag = flag
        self.kinds = {number: Composite(record) for number, record in records.items()}
        self.default = next(iter(self.kinds.values())).default
        self.namespace = {record.__name__: record for record in records.values()}
        self._flags = {record: number for number, record in records.items()}

    def problem(self, value: Any, version: int = SMPP_3_4) -> tuple[str, str] | None:
        number = self._flags.get(type(value))
        if number is None:
            return f"{type(value).__name__} is none", " or ".join(self.namespace)
        return self.kinds[number].problem(value, version)

    def read(self, octets: bytes, at: int) -> tuple[Record, int]:
        kind = self.kinds.get(octets[at])
        if kind is None:
            raise ValueError(f"{self.flag} {octets[at]} is unknown")
        return kind.read(octets, at + 1)

    def decode_source(self, name: str) -> list[str]:
        lines = ["flag = octets[at]", "at += 1"]
        for branch, (number, kind) in zip(("if", *["elif"] * len(self.kinds)), self.kinds.items(), strict=False):
            lines += [f"{branch} flag == {number}:", *(f"    {line}" for line in kind.decode_source(name))]
        return [*lines, "else: raise IndexError"]

    def encode_source(self, name: str) -> list[tuple[str, str]]:
        branches = [
            f"{joined([('text', repr(chr(number))), *kind.encode_source(name)])}"
            f" if {name}.__class__ is {kind.record.__name__} else "
            for number, kind in self.kinds.items()
        ]
        return [("octets", f"({''.join(branches)}None)")]

    def encode_checks(self, name: str) -> list[str]:
        branches = [
            f"({' or '.join(kind.encode_checks(name))}) if {name}.__class__ is {kind.record.__name__} else "
            for kind in self.kinds.values()
        ]
        return [f"({''.join(branches)}True)"]


class Several:
    """A list behind an octet that counts its elements, as a tuple (SMPP 3.4, 4.5.1).

    Args:
        element: what each of them is.
        count: the name of that octet.
        limit: how many there may be; `limit_5_0` for SMPP 5.0, where that is more.
        least: how few.
    """

    default = ()
    privacy = Privacy.PERSONAL

    def __init__(
        self,
        element: Composite | Flagged,
        *,
        count: str,
        limit: int = 255,
        limit_5_0: int | None = None,
        least: int = 0,
    ) -> None:
        self.element = element
        self.count = count
        self.limit = limit
        self.limit_5_0 = limit_5_0 or limit
        self.least = least
        self.namespace = element.namespace

    def problem(self, value: Any, version: int = SMPP_3_4) -> tuple[str, str] | None:
        limit = self.limit if version < SMPP_5_0 else self.limit_5_0
        if not isinstance(value, tuple):
            return f"{type(value).__name__} is no tuple", "a tuple"
        if not self.least <= len(value) <= limit:
            return f"there are {len(value)}", f"{self.least} to {limit}"
        for number, one in enumerate(value):
            if trouble := self.element.problem(one, version):
                return f"[{number}] {trouble[0]}", trouble[1]
        return None

    def read(self, octets: bytes, at: int) -> tuple[tuple[Record, ...], int]:
        several = []
        count, at = octets[at], at + 1
        for _ in range(count):
            one, at = self.element.read(octets, at)
            several.append(one)
        return tuple(several), at

    def from_octets(self, octets: bytes) -> tuple[Record, ...]:
        """The elements that are whole."""
        several: list[Record] = []
        at = 1
        try:
            for _ in range(octets[0]):
                one, at = self.element.read(octets, at)
                several.append(one)
        except (IndexError, ValueError):
            pass
        return tuple(several)

    def decode_source(self, name: str) -> list[str]:
        return [
            "count = octets[at]",
            "at += 1",
            f"if not {self.least} <= count <= {self.limit_5_0}: raise IndexError",
            f"{name} = []",
            "for _ in range(count):",
            *(f"    {line}" for line in self.element.decode_source(_ONE)),
            f"    {name}.append({_ONE})",
            f"{name} = tuple({name})",
        ]

    def encode_source(self, name: str) -> list[tuple[str, str]]:
        element = joined(self.element.encode_source(_ONE))
        return [("text", f"chr(len({name}))"), ("octets", f"b''.join([{element} for {_ONE} in {name}])")]

    def encode_checks(self, name: str) -> list[str]:
        return [
            f"{name}.__class__ is not tuple",
            f"len({name}) < {self.least}",
            over(f"len({name})", self.limit, self.limit_5_0),
            f"any({' or '.join(self.element.encode_checks(_ONE))} for {_ONE} in {name})",
        ]
