"""How a request ended, for whoever made it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from smpp_esme.errors import ResponseTimeout, SessionClosed
    from smpp_esme.protocol.pdus import Pdu


class Outcome(Protocol):
    """Who wants to know how a request ended; handed to `Session.start` with it."""

    def answered(self, response: Pdu) -> None:
        """The response came, kind or not."""

    def unanswered(self, error: ResponseTimeout | SessionClosed) -> None:
        """None came in time; whether the peer acted is unknown."""

    def late(self, response: Pdu) -> None:
        """One came after all, behind `unanswered`."""


class Awaited(asyncio.Future["Pdu"]):
    """An outcome that one task awaits."""

    def answered(self, response: Pdu) -> None:
        """The awaiting task goes on with the response."""
        if not self.done():
            self.set_result(response)

    def unanswered(self, error: ResponseTimeout | SessionClosed) -> None:
        """The awaiting task gets the error."""
        if not self.done():
            self.set_exception(error)

    def late(self, response: Pdu) -> None:
        """Nothing: whoever awaited it was told, and has gone on."""
