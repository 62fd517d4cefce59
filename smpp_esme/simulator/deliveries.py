"""What waits to be delivered to one account, over whichever of its sessions can take it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.errors import CommandRefused, EncodingError, LocalProtocolError, ResponseTimeout, SessionClosed
from smpp_esme.protocol.state import State
from smpp_esme.protocol.wire import SMPP_3_4

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from smpp_esme.protocol.pdus import DataSm, DeliverSm, Pdu
    from smpp_esme.session.session import Session
    from smpp_esme.simulator.agenda import Agenda
    from smpp_esme.simulator.records import Counts

_RECEIVING: Final = frozenset({State.BOUND_RX, State.BOUND_TRX})


class Delivery:
    """One deliver_sm or data_sm on its way; told by the session how it ended, and delivered again until it is taken.

    Args:
        pdu: what is delivered.
        deliveries: where it waits.
        expires: when it is given up, on the event loop's clock.
        sent: is called when it first leaves.
        taken: is resolved when the ESME takes it, or fails when it is given up; None for a receipt.
    """

    __slots__ = ("deliveries", "expires", "pdu", "sent", "taken")

    def __init__(
        self,
        pdu: DeliverSm | DataSm,
        deliveries: Deliveries,
        expires: float,
        *,
        sent: Callable[[], object] | None = None,
        taken: asyncio.Future[None] | None = None,
    ) -> None:
        self.pdu = pdu
        self.deliveries = deliveries
        self.expires = expires
        self.sent = sent
        self.taken = taken

    def answered(self, response: Pdu) -> None:
        """The ESME took it, or did not."""
        if not response.command_status:
            self.deliveries.took(self)
        elif response.status.retryable:
            self.deliveries.put_off(self)
        else:
            self.deliveries.drop(self, CommandRefused(response.status, "the delivery"))

    def unanswered(self, error: ResponseTimeout | SessionClosed) -> None:
        """Nobody knows whether the ESME took it, so it is delivered again (SMPP 3.4, 2.9)."""
        if isinstance(error, ResponseTimeout):
            self.deliveries.put_off(self)
        else:
            self.deliveries.put_back(self)

    def late(self, response: Pdu) -> None:
        """It is on its way again already; the ESME knows a repeat when it sees one."""


class Deliveries:
    """The queue of one account.

    While no session of the account receives, deliveries wait; a limit bounds how many. A session gets no more at a time
    than its window has room for.

    Args:
        agenda: the SMSC's.
        counts: the SMSC's.
        limit: how many deliveries may wait; what is too much is dropped, and counted.
        retry_delay: seconds until what was not taken goes out again.
        changed: is called whenever the counts have changed.
    """

    def __init__(
        self,
        agenda: Agenda,
        counts: Counts,
        *,
        limit: int,
        retry_delay: float,
        changed: Callable[[], object],
    ) -> None:
        self._agenda = agenda
        self._counts = counts
        self._limit = limit
        self._retry_delay = retry_delay
        self._changed = changed
        self._waiting: deque[Delivery] = deque()
        self._sessions: deque[Session] = deque()
        self._pumping = False
        self._put_off = 0

    def __len__(self) -> int:
        """How many deliveries wait for a session with room."""
        return len(self._waiting)

    @property
    def is_over(self) -> bool:
        """Whether nothing waits or goes out again in a while, and no session of the account is here."""
        return not (self._waiting or self._put_off or self._sessions)

    @property
    def has_receiver(self) -> bool:
        """Whether a session of the account receives."""
        return any(session.connection.state in _RECEIVING for session in self._sessions)

    def join(self, session: Session) -> None:
        """A session of the account is bound to receive."""
        self._sessions.append(session)
        self._pump_soon()

    def leave(self, session: Session) -> None:
        """It no longer is."""
        if session in self._sessions:
            self._sessions.remove(session)

    def add(self, delivery: Delivery) -> None:
        """Deliver this as soon as a session has room, in turn."""
        if len(self._waiting) >= self._limit:
            self.drop(delivery, SessionClosed("too many deliveries wait"))
            return
        self._waiting.append(delivery)
        self._pump_soon()

    def add_elsewhere(self, delivery: Delivery, session: Session) -> None:
        """Deliver this now over a session that is not this one; in turn if there is none with room."""
        for other in self._sessions:
            if other is not session and other.connection.state in _RECEIVING and other.connection.room:
                self._start(other, delivery)
                return
        self.add(delivery)

    def pump(self) -> None:
        """Hand to the sessions what they have room for."""
        self._pumping = False
        if not self._waiting:
            return
        self._sessions.rotate()
        for session in self._sessions:
            if session.connection.state in _RECEIVING:
                self._fill(session)

    # How a delivery ended

    def took(self, delivery: Delivery) -> None:
        """The ESME has it."""
        if delivery.taken is None:
            self._counts.receipts_answered += 1
        elif not delivery.taken.done():
            delivery.taken.set_result(None)
        self._settled()

    def put_off(self, delivery: Delivery) -> None:
        """It goes out again in a while."""
        self._count_repeat(delivery)
        self._put_off += 1
        self._agenda.add(self._agenda.now() + self._retry_delay, lambda: self._go_on(delivery))
        self._settled()

    def put_back(self, delivery: Delivery) -> None:
        """It goes out again over the next session."""
        self._count_repeat(delivery)
        self._waiting.appendleft(delivery)
        self._settled()

    def drop(self, delivery: Delivery, error: Exception) -> None:
        """It is given up."""
        if delivery.sent:
            delivery.sent()
        if delivery.taken is None:
            self._counts.receipts_dropped += 1
        elif not delivery.taken.done():
            delivery.taken.set_exception(error)
        self._settled()

    # Inside

    def _go_on(self, delivery: Delivery) -> None:
        self._put_off -= 1
        self.add(delivery)

    def _settled(self) -> None:
        self._pump_soon()
        self._changed()

    def _pump_soon(self) -> None:
        if not self._pumping and self._waiting:
            self._pumping = True
            self._agenda.soon(self.pump)

    def _fill(self, session: Session) -> None:
        now = self._agenda.now()
        for _ in range(min(session.connection.room, len(self._waiting))):
            delivery = self._waiting.popleft()
            if delivery.expires < now:
                self.drop(delivery, SessionClosed("nobody took it in time"))
            elif not self._start(session, delivery):
                return

    def _start(self, session: Session, delivery: Delivery) -> bool:
        try:
            session.start(_for_version(delivery.pdu, session.connection.version), delivery)
        except EncodingError as error:
            self.drop(delivery, error)
        except (LocalProtocolError, SessionClosed):
            self._waiting.appendleft(delivery)
            return False
        else:
            if delivery.sent:
                delivery.sent()
                delivery.sent = None
        return True

    def _count_repeat(self, delivery: Delivery) -> None:
        if delivery.taken is None:
            self._counts.receipts_repeated += 1


def _for_version(pdu: DeliverSm | DataSm, version: int) -> DeliverSm | DataSm:
    """The delivery without its TLVs where the ESME speaks a version that has none; the text says the same."""
    return pdu if version >= SMPP_3_4 else msgspec.structs.replace(pdu, tlvs=())
