"""Which messages somebody looks for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from smpp_esme.message.evidence import spellings
from smpp_esme.message.status import MessageStatus

if TYPE_CHECKING:
    from smpp_esme.message.message import Message


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages are looked for; what is None does not matter.

    Attributes:
        status: where they stand.
        link: what they go out on.
        destination_addr: whom they are for; a number with or without its international prefix.
        client_reference: the caller's name; there is one message of each caller at most.
        since: kept then or later.
        until: kept before.
    """

    status: MessageStatus | None = None
    link: str | None = None
    destination_addr: str | None = None
    client_reference: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def includes(self, found: Message) -> bool:
        """Whether a message is one of them."""
        return (
            self.status in {None, found.status}
            and self.link in {None, found.link}
            and (self.destination_addr is None or found.destination_addr in self.numbers())
            and (self.since is None or found.created_at >= self.since)
            and (self.until is None or found.created_at < self.until)
        )

    def numbers(self) -> tuple[str, ...]:
        """How the subscriber's number may have been written down; a sender's name as it is."""
        given = self.destination_addr or ""
        return spellings(given) if given.lstrip("+").isdigit() and spellings(given) else (given,)
