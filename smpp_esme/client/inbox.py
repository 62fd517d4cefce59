"""What the SMSC delivers: told apart, handed to whoever reads it, answered when that is done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from smpp_esme.client.subscribers import Subscribers, answer
from smpp_esme.errors import LocalProtocolError, SessionClosed
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.pdus import DataSm, DeliverSm
from smpp_esme.sms import receipt as receipts
from smpp_esme.sms.mo import MoMessage
from smpp_esme.sms.receipt import Receipt

if TYPE_CHECKING:
    from smpp_esme.client.correlation import Correlation
    from smpp_esme.client.streams import Deliveries, Delivery
    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.session.session import Session
    from smpp_esme.sms.profile import Profile

T = TypeVar("T")

#: What brings something from a subscriber or about one.
_DELIVERING: Final = (DeliverSm, DataSm)


class _Delivered(Generic[T]):
    """A delivery in one PDU."""

    __slots__ = ("_request", "_session", "value")

    def __init__(self, value: T, session: Session, request: Pdu) -> None:
        self.value = value
        self._session = session
        self._request = request

    def answer(self, status: CommandStatus) -> None:
        answer(self._session, self._request, status)


class Inbox:
    """Takes the requests of the SMSC's.

    A receipt goes to its submission and to the loop that reads receipts; while there is none it is answered ESME_ROK
    at once. A message from a subscriber goes to the loop that reads messages; while there is none it is left with the
    SMSC by ESME_RX_T_APPN.
    """

    def __init__(self, profile: Profile, correlation: Correlation) -> None:
        self._profile = profile
        self._correlation = correlation
        self._subscribers = Subscribers(profile, self._put_message)
        self._readers: dict[type, Deliveries[Any]] = {}
        self._over: SessionClosed | None = None

    def subscribe(self, reader: Deliveries[T]) -> None:
        """Hand deliveries to this reader from now on.

        Raises:
            LocalProtocolError: another reads them already.
        """
        if taken := [kind.__name__ for kind in reader.kinds if kind in self._readers]:
            raise LocalProtocolError(f"{' and '.join(taken)} have a reader already: one loop reads them")
        self._readers.update(dict.fromkeys(reader.kinds, reader))
        if self._over:
            reader.end(self._over)

    def unsubscribe(self, reader: Deliveries[T]) -> None:
        """Let go of a reader."""
        for kind in reader.kinds:
            del self._readers[kind]
        if MoMessage in reader.kinds:
            self._subscribers.close()

    def take(self, session: Session, request: Pdu) -> None:
        """Take one request of the SMSC's; what goes wrong with it goes wrong with it alone."""
        try:
            self._take(session, request)
        except Exception as error:  # noqa: BLE001 - a mistake of ours: told to the loop's handler, and the SMSC keeps the PDU
            answer(session, request, CommandStatus.ESME_RX_T_APPN)
            told = {"message": f"{type(request).__name__} could not be taken", "exception": error}
            asyncio.get_running_loop().call_exception_handler(told)

    def end(self, error: SessionClosed) -> None:
        """No more will be delivered."""
        self._over = error
        self._subscribers.end()
        for reader in set(self._readers.values()):
            reader.end(error)

    def _take(self, session: Session, request: Pdu) -> None:
        if not isinstance(request, _DELIVERING):
            answer(session, request, CommandStatus.ESME_RINVCMDID)
        elif receipt := receipts.parse(request, self._profile):
            self._take_receipt(receipt, session, request)
        elif MoMessage not in self._readers:
            answer(session, request, CommandStatus.ESME_RX_T_APPN)
        elif message := self._subscribers.take(session, request):
            self._put_message(_Delivered(message, session, request))

    def _take_receipt(self, receipt: Receipt, session: Session, request: Pdu) -> None:
        self._correlation.match(receipt)
        if reader := self._readers.get(Receipt):
            reader.put(_Delivered(receipt, session, request))
        else:
            answer(session, request, CommandStatus.ESME_ROK)

    def _put_message(self, delivery: Delivery[MoMessage | None]) -> None:
        if reader := self._readers.get(MoMessage):
            reader.put(delivery)
        else:
            delivery.answer(CommandStatus.ESME_RX_T_APPN)
