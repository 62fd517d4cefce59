"""The SMSC -> receipts: reads what one session delivers, writes it down, and only then answers."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from smpp_esme.errors import SessionClosed
from smpp_esme.message.message import ReceiptFact
from smpp_esme.message.status import MessageStatus, of_message_state
from smpp_esme.protocol.commands import UNANSWERED, CommandStatus
from smpp_esme.protocol.pdus import RESPONSES, DataSm, DeliverSm, GenericNack
from smpp_esme.sms import hlr, receipt
from smpp_esme.sms import message_id as ids

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.session.link import Link
    from smpp_esme.session.session import Session
    from smpp_esme.sms.profile import Profile
    from smpp_esme.sms.receipt import Receipt
    from smpp_esme.store import Store

_log = logging.getLogger(__name__)


class Collect:
    """Takes in what one link delivers.

    Args:
        store: where receipts are recorded.
        link: where they come from.
        profile: the SMSC's, as bound.
    """

    def __init__(self, store: Store, link: Link, profile: Profile) -> None:
        self._store = store
        self._link = link
        self._profile = profile
        self._left_one = False

    async def run(self) -> None:
        """Collect from every session that the link brings, until cancelled: what was not recorded was not answered."""
        async for session in self._link.sessions():
            self._left_one = False
            try:
                while True:
                    await self._collect(session, await session.requests())
            except SessionClosed:
                continue

    async def _collect(self, session: Session, requests: list[Pdu]) -> None:
        """One transaction for all that came at once; deliver_sm_resp goes out when it has committed."""
        at = datetime.now(UTC)
        receipts = [(request, found) for request in requests if (found := self._receipt(request)) is not None]
        try:
            await self._store.record_receipts([self._fact(found, at) for _, found in receipts], at)
        except Exception:
            for request in requests:
                _answer(session, request, CommandStatus.ESME_RX_T_APPN)
            raise
        recorded = {id(request) for request, _ in receipts}
        for request in requests:
            _answer(session, request, CommandStatus.ESME_ROK if id(request) in recorded else self._refusal(request))

    def _receipt(self, request: Pdu) -> Receipt | None:
        return receipt.parse(request, self._profile) if isinstance(request, DeliverSm | DataSm) else None

    def _refusal(self, request: Pdu) -> CommandStatus:
        """What is no receipt has nobody here to read it; the SMSC is asked to keep it."""
        if isinstance(request, DeliverSm | DataSm):
            if not self._left_one:  # it comes again and again: once a session is enough to know
                _log.warning("collect.message_left_with_the_smsc", extra={"link": self._link.name})
            self._left_one = True
            return CommandStatus.ESME_RX_T_APPN
        return CommandStatus.ESME_RINVCMDID

    def _fact(self, found: Receipt, at: datetime) -> ReceiptFact:
        state = found.message_state
        # A state that nobody knows is at least no better than UNKNOWN, which anything may follow.
        status = MessageStatus.UNKNOWN if state is None else of_message_state(state)
        return ReceiptFact(
            link=self._link.name,
            message_id=found.message_id,
            # The TLV and the text often write the id in different forms (SMPP 3.4, 5.3.2.12 and Appendix B).
            forms=tuple(dict.fromkeys((*ids.forms(found.message_id), *ids.forms(found.text_message_id))))[1:],
            source_addr=found.source_addr,
            destination_addr=found.destination_addr,
            message_status=status,
            final=found.is_final,
            error=found.error or None,
            error_meaning=hlr.meaning(found.error_code) or None,
            done_at=found.done_date,
            hlr=None if found.hlr is None else msgspec.to_builtins(found.hlr),
            raw=found.raw,
            received_at=at,
        )


def _answer(session: Session, request: Pdu, status: CommandStatus) -> None:
    if request.command_id not in UNANSWERED:
        response = RESPONSES.get(request.command_id, GenericNack)
        session.respond(request, response(command_status=status))
