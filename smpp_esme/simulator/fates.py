"""What becomes of the messages that were taken: verdicts, the receipts that report them, and subscribers' replies."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.parameters import EsmClass, MessageState, RegisteredDelivery
from smpp_esme.simulator import receipts
from smpp_esme.simulator.deliveries import Deliveries, Delivery
from smpp_esme.simulator.handsets import Verdict
from smpp_esme.simulator.subscribers import pdus_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from random import Random

    from smpp_esme.protocol.pdus import DataSm, DeliverSm
    from smpp_esme.session.session import Session
    from smpp_esme.simulator.agenda import Agenda
    from smpp_esme.simulator.bind import Bind
    from smpp_esme.simulator.forms import ReceiptForm
    from smpp_esme.simulator.handsets import Handset, Handsets
    from smpp_esme.simulator.records import Counts, Message
    from smpp_esme.simulator.settings import Settings

# "Forbidden": what a broken envelope is rejected with is not published.
_INVALID: Final = Verdict(MessageState.REJECTED, 253)
# A number: a flag's own operators cost more than all the rest of the question.
_ON_THE_WAY: Final = int(RegisteredDelivery.INTERMEDIATE_NOTIFICATION)
# smsc-centre keeps up to so many statuses of an account, for a day.
_WAITING_LIMIT: Final = 1_000_000
_WAITING_LIFETIME: Final = 86_400.0


class Fates:
    """Decides what becomes of messages, and tells their accounts.

    Args:
        agenda: what is due when.
        counts: what happened.
        handsets: who answers how.
        settings: how the SMSC behaves.
        random: decides jitter.
        changed: is called whenever something has happened.
    """

    def __init__(
        self,
        agenda: Agenda,
        counts: Counts,
        handsets: Handsets,
        *,
        settings: Settings,
        random: Random,
        changed: Callable[[], object],
    ) -> None:
        self._agenda = agenda
        self._counts = counts
        self._handsets = handsets
        self._settings = settings
        self._random = random
        self._changed = changed
        self._deliveries: dict[str, Deliveries] = {}
        self._references = count(1)
        #: Messages that no handset has yet, by account; kept only where there is a limit.
        self.queued: dict[str, int] = {}

    def join(self, bind: Bind) -> None:
        """A session is bound: what waits for its account may go out over it."""
        if bind.how != "transmitter":
            self._deliveries_of(bind.system_id).join(bind.session)

    def leave(self, bind: Bind) -> None:
        """It is over."""
        if (deliveries := self._deliveries.get(bind.system_id)) is not None:  # one with nothing waiting is falsy
            deliveries.leave(bind.session)
            if deliveries.is_over:
                del self._deliveries[bind.system_id]

    def deliver(
        self,
        system_id: str,
        pdu: DeliverSm | DataSm,
        *,
        sent: Callable[[], object] | None = None,
        taken: asyncio.Future[None] | None = None,
        not_over: Session | None = None,
    ) -> None:
        """Deliver this to the account, as `Delivery` has it; over another session than `not_over` if there is one."""
        deliveries = self._deliveries_of(system_id)
        expires = self._agenda.now() + _WAITING_LIFETIME
        delivery = Delivery(pdu, deliveries, expires, sent=sent, taken=taken)
        if not_over is None:
            deliveries.add(delivery)
        else:
            deliveries.add_elsewhere(delivery, not_over)

    def judge(self, message: Message, after: float) -> None:
        """Decide what becomes of a message, and when: so many seconds and the handset's time after it came."""
        plan = message.plan
        behaviour = self._handsets.behaviour(message.request.destination_addr)
        message.verdict = behaviour.lookup if receipts.is_lookup(message.kind) else behaviour.text
        if message.kind == "invalid":
            message.verdict = _INVALID
        if plan.verdict:
            message.verdict = plan.verdict
        delay = self._settings.receipt_delay * behaviour.slowness * (0.5 + self._random.random())
        message.due = message.at + after + delay + plan.lateness
        if plan.spread:
            message.due += plan.spread * self._random.random()

    def schedule(self, message: Message, bind: Bind) -> None:
        """See that what becomes of it is told when it is due."""
        plan, verdict = message.plan, message.verdict
        if verdict is None:
            return
        if self._settings.limits.queue is not None:
            self.queued[message.system_id] = self.queued.get(message.system_id, 0) + 1
            self._agenda.add(message.due, partial(self._unqueue, message.system_id))
        if plan.reply is not None and verdict.state is MessageState.DELIVERED:
            self._agenda.add(message.due, partial(self._reply, message, plan.reply))
        if plan.intermediate or message.request.registered_delivery & _ON_THE_WAY:
            self._schedule_intermediate(message)
        if not self.reports(message):
            return
        if len(self._agenda) >= _WAITING_LIMIT:
            self._counts.receipts_dropped += 1
            return
        not_over = bind.session if plan.elsewhere else None
        message.is_expected = True
        goes_first = plan.receipt_first and not message.is_answered
        for _ in range(plan.receipts - goes_first):
            self._agenda.add(message.due, partial(self._report_verdict, message, not_over))

    def expect(self, message: Message) -> None:
        """A receipt may be asked for now that was not when it was submitted."""
        if not message.is_expected and self.reports(message):
            message.is_expected = True
            self._agenda.add(message.due, partial(self._report_verdict, message, None))

    def reports(self, message: Message) -> bool:
        """Whether its account asked for a receipt of what became of it."""
        verdict = message.verdict
        return verdict is not None and receipts.is_wanted(message.request.registered_delivery, verdict.state)

    def report(
        self,
        message: Message,
        *,
        sent: Callable[[], object] | None = None,
        not_over: Session | None = None,
        verdict: Verdict | None = None,
        form: ReceiptForm | None = None,
    ) -> None:
        """Tell the account what became of a message, or of a verdict on the way."""
        what = verdict or message.verdict
        if what is None:
            return
        self._counts.receipts += 1
        now = self._agenda.now()
        if verdict is None:
            message.due = min(message.due, now)
        pdu = receipts.compose(
            message,
            what,
            form or message.plan.form or self._settings.form,
            submitted=self._settings.epoch + message.at,
            done=self._settings.epoch + (now if verdict else message.due),
            handset=self._answering(message),
        )
        deliveries = self._deliveries_of(message.system_id)
        if sent and not deliveries.has_receiver:
            sent()  # or its response would wait for a receiver that may never come
            sent = None
        self.deliver(message.system_id, pdu, sent=sent, not_over=not_over)
        self._changed()

    def _schedule_intermediate(self, message: Message) -> None:
        """Reports of states on the way: as the script has them, and as SMPP has them where they were asked for."""
        plan, form = message.plan, message.plan.form or self._settings.form
        on_the_way = [(state, plan.esm_class) for state in plan.intermediate]
        if not on_the_way:
            on_the_way = [(MessageState.ENROUTE, int(EsmClass.INTERMEDIATE_NOTIFICATION))]
        began = message.due - (message.due - self._agenda.now()) / 2
        for place, (state, esm_class) in enumerate(on_the_way, 1):
            marked = replace(form, esm_class=esm_class)
            due = began + (message.due - began) * place / (len(on_the_way) + 1)
            self._agenda.add(due, partial(self.report, message, verdict=Verdict(state), form=marked))

    def _report_verdict(self, message: Message, not_over: Session | None) -> None:
        if not message.is_cancelled and self.reports(message):  # else it has had its receipt, or is to have none
            self.report(message, not_over=not_over)

    def _reply(self, message: Message, text: str) -> None:
        """The handset answers; a message without a source has nobody to be answered."""
        request = message.request
        try:
            pdus = pdus_of(
                text,
                source=request.destination_addr,
                destination=request.source_addr,
                profile=message.profile,
                reference=next(self._references),
            )
        except InvalidValue:  # an address that nobody could write by hand
            pdus = []
        if not pdus or not request.source_addr:
            self._counts.replies_dropped += 1
            return
        for pdu in pdus:
            self.deliver(message.system_id, pdu)

    def _unqueue(self, system_id: str) -> None:
        self.queued[system_id] -= 1

    def _answering(self, message: Message) -> Handset | None:
        return self._handsets.handset(message.request.destination_addr) if receipts.is_lookup(message.kind) else None

    def _deliveries_of(self, system_id: str) -> Deliveries:
        deliveries = self._deliveries.get(system_id)
        if deliveries is None:
            deliveries = self._deliveries[system_id] = Deliveries(
                self._agenda,
                self._counts,
                limit=_WAITING_LIMIT,
                retry_delay=self._settings.retry_delay,
                changed=self._changed,
            )
        return deliveries
