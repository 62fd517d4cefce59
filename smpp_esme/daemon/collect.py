"""The SMSC -> receipts and messages: reads what one session delivers, writes it down, and only then answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.daemon.metrics import Metrics
from smpp_esme.daemon.receive import Receive
from smpp_esme.errors import SessionClosed
from smpp_esme.message.message import ReceiptFact
from smpp_esme.message.status import MessageStatus, of_message_state
from smpp_esme.protocol.commands import UNANSWERED, CommandStatus
from smpp_esme.protocol.pdus import RESPONSES, DataSm, DeliverSm, GenericNack
from smpp_esme.sms import hlr, receipt
from smpp_esme.sms.message_id import Form, Learner

if TYPE_CHECKING:
    from collections.abc import Callable

    from smpp_esme.daemon.metrics import LinkMeter
    from smpp_esme.protocol.pdus import Pdu
    from smpp_esme.session.link import Link
    from smpp_esme.session.session import Session
    from smpp_esme.sms.profile import Profile
    from smpp_esme.sms.receipt import Receipt
    from smpp_esme.store import Store

_log = logging.getLogger(__name__)

_DELIVERIES: Final = (DeliverSm, DataSm)


class Collect:
    """Takes in what one link delivers.

    Args:
        store: where receipts are recorded.
        link: where they come from.
        profile: the SMSC's, as bound.
        meter: what counts; by default nobody reads it.
        orphaned: called when a receipt had to be kept in limbo.
    """

    def __init__(
        self,
        store: Store,
        link: Link,
        profile: Profile,
        *,
        meter: LinkMeter | None = None,
        orphaned: Callable[[], None] | None = None,
    ) -> None:
        self._orphaned = orphaned
        self._meter = meter or Metrics().link(link.name)
        self._store = store
        self._link = link
        self._profile = profile
        self._receive = Receive(store, link.name, profile)
        self._message_ids = Learner.of(profile.message_ids)

    def change(self, profile: Profile) -> None:
        """Read what comes from now on by this profile."""
        if profile.message_ids != self._profile.message_ids:
            self._message_ids = Learner.of(profile.message_ids)
        self._profile = profile
        self._receive.change(profile)

    async def run(self) -> None:
        """Collect from all sessions of the link, until it ends or this is cancelled.

        What was not recorded was not answered.
        """
        await self._receive.restore()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._receive.watch(), name=f"receive {self._link.name}")
            with contextlib.suppress(SessionClosed):
                while True:
                    await self._collect(*await self._link.requests())
            watching.cancel()

    async def _collect(self, session: Session, requests: list[Pdu]) -> None:
        """One transaction for all that came at once; deliver_sm_resp goes out when it has committed."""
        at = datetime.now(UTC)
        deliveries = [request for request in requests if isinstance(request, _DELIVERIES)]
        found = [(request, receipt.parse(request, self._profile)) for request in deliveries]
        receipts = [one for _, one in found if one is not None]
        facts = [self._fact(one, at) for one in receipts]
        # Begun together, they are in the same transaction, or in two that follow each other.
        written, taken = await asyncio.gather(
            self._store.record_receipts(facts, at),
            self._receive.take([request for request, one in found if one is None], at),
            return_exceptions=True,
        )
        receipted, received = _responses(written), _responses(taken)
        session.respond_all(
            [(each, (received if one is None else receipted)[each.command_id]) for each, one in found]
            + [(each, _unknown(each)) for each in requests if not isinstance(each, _DELIVERIES) and _is_answered(each)]
        )
        if isinstance(written, BaseException):
            raise written
        if isinstance(taken, BaseException):
            raise taken
        self._meter.received(len(deliveries) - len(facts))
        for one, fact, each in zip(receipts, facts, written, strict=True):
            self._meter.receipt(fact, each)
            if each.reference is None and self._orphaned:
                self._orphaned()
            if each.submitted_id:
                self._learn(each.submitted_id, one.message_id)

    def _learn(self, submitted: str, receipted: str) -> None:
        before, self._message_ids = self._message_ids, self._message_ids.seen(submitted, receipted)
        if self._message_ids.form is not before.form:
            told = {"link": self._link.name, "form": self._message_ids.form, "confidence": self._message_ids.confidence}
            _log.info("collect.message_ids_learned", extra=told)

    def _fact(self, found: Receipt, at: datetime) -> ReceiptFact:
        state = found.message_state
        # A state that nobody knows is at least no better than UNKNOWN, which anything may follow.
        status = MessageStatus.UNKNOWN if state is None else of_message_state(state)
        written = (found.message_id, found.text_message_id)
        certain = self._message_ids.certain(*written)
        form = self._message_ids.form
        converted = certain and form is not None and form is not Form.LITERAL
        return ReceiptFact(
            link=self._link.name,
            message_id=certain[0] if converted else found.message_id,
            forms=(*certain, *self._message_ids.possible(*written)),
            source_addr=found.source_addr,
            destination_addr=found.destination_addr,
            message_status=status,
            final=found.is_final,
            error=found.error or None,
            error_meaning=hlr.meaning(found.error_code) or None,
            done_at=found.done_date,
            hlr=None if found.hlr is None else msgspec.to_builtins(found.hlr),
            vendor=msgspec.to_builtins(found.vendor) or None,
            raw=found.raw,
            received_at=at,
            submitted_at=found.submit_date,
        )


def _responses(written: object) -> dict[int, Pdu]:
    """What answers a delivery, by its command_id, once it is written down or could not be."""
    failed = isinstance(written, BaseException)
    status = CommandStatus.ESME_RX_T_APPN if failed else CommandStatus.ESME_ROK
    return {each.command_id: RESPONSES[each.command_id](command_status=status) for each in _DELIVERIES}


def _is_answered(request: Pdu) -> bool:
    return request.command_id not in UNANSWERED


def _unknown(request: Pdu) -> Pdu:
    """What answers a request that is none of ours to take."""
    return RESPONSES.get(request.command_id, GenericNack)(command_status=CommandStatus.ESME_RINVCMDID)
