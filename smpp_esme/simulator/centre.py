"""What the SMSC does with messages: takes them, forwards them to handsets, and reports what became of them."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from functools import partial
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, Final, cast

from smpp_esme.protocol.commands import CommandId, CommandStatus
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.pdus import RESPONSES, CancelSmResp, QuerySmResp, ReplaceSmResp
from smpp_esme.simulator import receipts
from smpp_esme.simulator.agenda import Agenda
from smpp_esme.simulator.deliveries import Deliveries, Delivery
from smpp_esme.simulator.handsets import Verdict
from smpp_esme.simulator.records import Message, moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smpp_esme.protocol.pdus import (
        BindTransceiver,
        CancelSm,
        DataSm,
        DeliverSm,
        Pdu,
        QuerySm,
        ReplaceSm,
        SubmitSm,
        SubmitSmResp,
    )
    from smpp_esme.session.session import Session
    from smpp_esme.simulator.handsets import Handsets
    from smpp_esme.simulator.records import Journal
    from smpp_esme.simulator.script import Plan, Script
    from smpp_esme.sms.profile import Profile

_HOWS: Final = {
    CommandId.BIND_RECEIVER: "receiver",
    CommandId.BIND_TRANSMITTER: "transmitter",
    CommandId.BIND_TRANSCEIVER: "transceiver",
}
# source_addr and destination_addr hold 20 characters (SMPP 3.4, 5.2.8); data_sm's hold more, and a receipt is a
# deliver_sm.
_LONGEST_ADDRESS: Final = 20
# "Forbidden": what a broken envelope is rejected with is not published.
_INVALID: Final = Verdict(MessageState.REJECTED, 253)
# smsc-centre keeps up to so many statuses of an account, for a day.
_WAITING_LIMIT: Final = 1_000_000
_WAITING_LIFETIME: Final = 86_400.0


class Bind:
    """One bound session.

    Attributes:
        session: the session itself.
        system_id: the account.
        how: transceiver, transmitter or receiver.
        system_type: as in the bind.
        interface_version: likewise.
        profile: the SMSC's profile as this bind has it.
        peer: the other end's address.
    """

    def __init__(self, session: Session, request: BindTransceiver, profile: Profile) -> None:
        self.session = session
        self.system_id = request.system_id
        self.how = _HOWS[CommandId(request.command_id)]
        self.system_type = request.system_type
        self.interface_version = request.interface_version
        self.profile = profile.bound_with(request.system_type)
        self.peer = session.peer

    def __repr__(self) -> str:
        return f"<Bind {self.system_id!r} as {self.how} from {self.peer}>"


class Centre:
    """Messages by message_id, deliveries by account; answers what a bound session asks.

    Args:
        journal: where it writes down what comes.
        handsets: who answers how.
        script: where to misbehave.
        receipt_delay: seconds from a response to its receipt, on the average.
        latency: seconds from a submit to its response.
        retry_delay: seconds until a delivery that was not taken goes out again.
        seed: decides message_ids and jitter.
        keep: how many messages query_sm is told of.
        changed: is called whenever something has happened.
    """

    def __init__(  # noqa: PLR0913 - what Smsc was told, handed on
        self,
        journal: Journal,
        handsets: Handsets,
        script: Script,
        *,
        receipt_delay: float,
        latency: float,
        retry_delay: float,
        seed: int,
        keep: int,
        changed: Callable[[], object],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._agenda = Agenda(self._loop)
        self._epoch = time.time() - self._loop.time()
        self._journal = journal
        self._counts = journal.counts
        self._handsets = handsets
        self._script = script
        self._receipt_delay = receipt_delay
        self._latency = latency
        self._retry_delay = retry_delay
        self._random = Random(seed)  # noqa: S311 - repeatable is what it is to be
        self._message_ids = count(self._random.randrange(100_000_000, 1_000_000_000))
        self._keep = keep
        self._changed = changed
        # Ordered: the first of a dict that loses its first again and again takes ever longer to find.
        self._messages: OrderedDict[str, Message] = OrderedDict()
        self._deliveries: dict[str, Deliveries] = {}
        self._sweeping = False
        self._answers: dict[int, Callable[[Bind, Any], None]] = {
            CommandId.SUBMIT_SM: self._submit,
            CommandId.DATA_SM: self._submit,
            CommandId.QUERY_SM: self._query,
            CommandId.CANCEL_SM: self._cancel,
            CommandId.REPLACE_SM: self._replace,
        }

    def close(self) -> None:
        """Forget all that is still due."""
        self._agenda.clear()

    def join(self, bind: Bind) -> None:
        """A session is bound: what waits for its account may go out over it."""
        if bind.how != "transmitter":
            self._deliveries_of(bind.system_id).join(bind.session)

    def leave(self, bind: Bind) -> None:
        """It is over."""
        if deliveries := self._deliveries.get(bind.system_id):
            deliveries.leave(bind.session)
            if not len(deliveries) and not deliveries.has_session:
                del self._deliveries[bind.system_id]

    def answer(self, bind: Bind, request: Pdu) -> None:
        """Do what a bound session asks."""
        self._answers.get(request.command_id, self._refuse)(bind, request)

    def deliver(
        self,
        system_id: str,
        pdu: DeliverSm,
        *,
        sent: Callable[[], object] | None = None,
        taken: asyncio.Future[None] | None = None,
    ) -> None:
        """Deliver this to the account, as `Delivery` has it."""
        deliveries = self._deliveries_of(system_id)
        expires = self._loop.time() + _WAITING_LIFETIME
        deliveries.add(Delivery(pdu, deliveries, expires, sent=sent, taken=taken))

    # Operations

    def _submit(self, bind: Bind, request: SubmitSm | DataSm) -> None:
        """submit_sm (SMPP 3.4, 4.4) and data_sm (4.7)."""
        self._counts.submits += 1
        self._journal.submit_sms.append(request)
        plan = self._script.plan(request)
        response = cast("type[SubmitSmResp]", RESPONSES[request.command_id])  # or DataSmResp, which is the same
        if status := plan.status or _fault(request):
            self._counts.refused += 1
            refuse = partial(bind.session.respond, request, response(command_status=status))
            self._in(self._latency + plan.delay, refuse)
            return
        message = self._accept(bind, request, plan)
        respond: Callable[[], object]
        respond = partial(bind.session.respond, request, response(message_id=message.message_id))
        if plan.closes:
            respond = partial(bind.session.abort, "the script cut it")
        elif not plan.answered:
            respond = _nothing
        if plan.receipt_first and message.verdict and self._reports(message):
            self._in(self._latency + plan.delay, partial(self._report, message, sent=respond))
            return
        self._in(self._latency + plan.delay, respond)
        self._schedule(message, plan)

    def _query(self, bind: Bind, request: QuerySm) -> None:
        """query_sm (SMPP 3.4, 4.8)."""
        message = self._message(bind, request.message_id)
        if message is None:
            bind.session.respond(request, QuerySmResp(command_status=CommandStatus.ESME_RQUERYFAIL))
            return
        state = message.state(self._loop.time())
        final = message.verdict if state is not MessageState.ENROUTE else None
        response = QuerySmResp(
            message_id=message.message_id,
            final_date=receipts.final_date(self._epoch + message.due) if final else "",
            message_state=state,
            error_code=final.error if final else 0,
        )
        bind.session.respond(request, response)

    def _cancel(self, bind: Bind, request: CancelSm) -> None:
        """cancel_sm of one message (SMPP 3.4, 4.9); one that is gone, or all of a kind, cannot be cancelled."""
        now = self._loop.time()
        message = self._message(bind, request.message_id)
        if message is None or message.state(now) is not MessageState.ENROUTE:
            bind.session.respond(request, CancelSmResp(command_status=CommandStatus.ESME_RCANCELFAIL))
            return
        message.cancel(now)
        bind.session.respond(request, CancelSmResp())
        if self._reports(message):
            self._report(message)

    def _replace(self, bind: Bind, request: ReplaceSm) -> None:
        """replace_sm (SMPP 3.4, 4.10): nothing is ever replaced."""
        bind.session.respond(request, ReplaceSmResp(command_status=CommandStatus.ESME_RREPLACEFAIL))

    def _refuse(self, bind: Bind, request: Pdu) -> None:
        """What this SMSC does not offer, such as submit_multi and the broadcasts (smsc-centre has neither)."""
        bind.session.respond(request, RESPONSES[request.command_id](command_status=CommandStatus.ESME_RINVCMDID))

    # The fate of a message

    def _accept(self, bind: Bind, request: SubmitSm | DataSm, plan: Plan) -> Message:
        now = self._loop.time()
        message = Message(
            message_id=str(next(self._message_ids)),
            system_id=bind.system_id,
            profile=bind.profile,
            request=request,
            at=now,
            id_form=plan.id_form,
        )
        if len(self._messages) >= self._keep:
            self._messages.popitem(last=False)
        self._messages[message.message_id] = message
        if self._journal.take(message, self._moment(now)) is None:
            self._sweep_later()
        self._judge(message, self._latency + plan.delay)
        return message

    def _judge(self, message: Message, after: float) -> None:
        """Decide what becomes of it, and when."""
        behaviour = self._handsets.behaviour(message.request.destination_addr)
        message.verdict = behaviour.lookup if receipts.is_lookup(message.kind) else behaviour.text
        if message.kind == "invalid":
            message.verdict = _INVALID
        delay = self._receipt_delay * behaviour.slowness * (0.5 + self._random.random())
        message.due = message.at + after + delay

    def _schedule(self, message: Message, plan: Plan) -> None:
        if message.verdict is None or not self._reports(message):
            return
        if len(self._agenda) >= _WAITING_LIMIT:
            self._counts.receipts_dropped += 1
            return
        for _ in range(plan.receipts):
            self._agenda.add(message.due, partial(self._report_verdict, message))

    def _report_verdict(self, message: Message) -> None:
        if not message.is_cancelled:  # then it has had its receipt
            self._report(message)

    def _reports(self, message: Message) -> bool:
        verdict = message.verdict
        return verdict is not None and receipts.is_wanted(message.request.registered_delivery, verdict.state)

    def _report(self, message: Message, *, sent: Callable[[], object] | None = None) -> None:
        if message.verdict is None:
            return
        self._counts.receipts += 1
        now = self._loop.time()
        message.due = min(message.due, now)
        pdu = receipts.compose(
            message,
            message.verdict,
            submitted=self._epoch + message.at,
            done=self._epoch + message.due,
            handset=self._answering(message),
        )
        deliveries = self._deliveries_of(message.system_id)
        if sent and not deliveries.has_receiver:
            sent()  # or its response would wait for a receiver that may never come
            sent = None
        self.deliver(message.system_id, pdu, sent=sent)
        self._changed()

    # Inside

    def _answering(self, message: Message) -> Any:
        return self._handsets.handset(message.request.destination_addr) if receipts.is_lookup(message.kind) else None

    def _message(self, bind: Bind, message_id: str) -> Message | None:
        """The account's own message with this id."""
        message = self._messages.get(message_id)
        return message if message and message.system_id == bind.system_id else None

    def _deliveries_of(self, system_id: str) -> Deliveries:
        deliveries = self._deliveries.get(system_id)
        if deliveries is None:
            deliveries = self._deliveries[system_id] = Deliveries(
                self._agenda, self._counts, limit=_WAITING_LIMIT, retry_delay=self._retry_delay, changed=self._changed
            )
        return deliveries

    def _in(self, seconds: float, action: Callable[[], object]) -> None:
        if seconds > 0:
            self._agenda.add(self._loop.time() + seconds, action)
        else:
            action()

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            self._agenda.add(self._loop.time() + self._journal.deadline, self._sweep)

    def _sweep(self) -> None:
        now = self._loop.time()
        self._sweeping = False
        self._journal.give_up(now, self._moment(now))
        self._changed()
        if self._journal.is_waiting:
            self._sweep_later()

    def _moment(self, now: float) -> datetime:
        return moment(self._epoch + now)


def _fault(request: SubmitSm | DataSm) -> int:
    """The command_status of a submit that no SMSC takes."""
    if not 0 < len(request.destination_addr) <= _LONGEST_ADDRESS:
        return CommandStatus.ESME_RINVDSTADR
    if len(request.source_addr) > _LONGEST_ADDRESS:
        return CommandStatus.ESME_RINVSRCADR
    return CommandStatus.ESME_ROK


def _nothing() -> None:
    """The response that does not come."""
