"""What a session tells whoever keeps it together with others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from smpp_esme.protocol.events import Closed
    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.session.session import Session


class Listener(Protocol):
    """Who keeps several sessions together, and wants to hear of each at once instead of waiting for it."""

    def has_room(self) -> None:
        """A window has room, and nobody waits at the session itself."""

    def has_requests(self, session: Session) -> None:
        """The peer has asked for something where nothing waited before; see `Session.take_requests`."""

    def heard(self, response: Pdu) -> None:
        """The peer answered with more than a bare yes: a command_status, or TLVs."""

    def is_over(self, session: Session, closed: Closed) -> None:
        """It has ended; what it brought before can still be taken."""
