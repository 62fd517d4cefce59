"""What every kind of message has in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import msgspec


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """One kind of message; `content` has them all."""

    kind: ClassVar[str]

    @abstractmethod
    def text(self) -> str:
        """What stands for it wherever a text is kept: the short message's own text or, of octets, their digits."""

    def __repr__(self) -> str:
        """The kind; never what it says or to whom."""
        return f"{type(self).__name__}({len(self.text())} characters)"
