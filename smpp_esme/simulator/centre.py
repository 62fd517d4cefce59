"""What the SMSC does with requests: takes messages or refuses them, and tells of them.

It knows no sockets and no event loop: time is its agenda's, and of a bind's session it needs `respond` and the like. So
it can be tested alone.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec.structs import replace

from smpp_esme.protocol.commands import CommandId, CommandStatus
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.protocol.pdus import (
    RESPONSES,
    CancelSmResp,
    DistributionList,
    GenericNack,
    QuerySmResp,
    ReplaceSmResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    UnsuccessSme,
)
from smpp_esme.simulator import receipts
from smpp_esme.simulator.fates import Fates
from smpp_esme.simulator.forms import write_id
from smpp_esme.simulator.limits import FLOODED, PARTS_MISSING, Guard, Throttle, fault
from smpp_esme.simulator.records import Message, moment
from smpp_esme.simulator.rules import status_of
from smpp_esme.sms.alphabet import gsm_encode
from smpp_esme.sms.received import octets_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from smpp_esme.protocol.pdus import CancelSm, DataSm, Pdu, QuerySm, ReplaceSm, SmeAddress, SubmitSmResp
    from smpp_esme.simulator.agenda import Agenda
    from smpp_esme.simulator.bind import Bind
    from smpp_esme.simulator.handsets import Handsets
    from smpp_esme.simulator.plan import Plan
    from smpp_esme.simulator.records import Journal, Received
    from smpp_esme.simulator.script import Script
    from smpp_esme.simulator.settings import Settings

_LOOKUPS: Final = frozenset(
    octets for text in ("__HLR__", "__PING__") for octets in (gsm_encode(text), text.encode(), text.encode("utf-16-be"))
)


#: Parameters that submit_multi shares with submit_sm (SMPP 3.4, 4.5.1).
_SHARED: Final = tuple(name for name, _ in SubmitMulti.layout.fields if name in SubmitSm.__struct_fields__)


class Centre:
    """Messages by message_id; answers what a bound session asks.

    Args:
        agenda: what is due when.
        journal: where it writes down what comes.
        handsets: who answers how.
        script: where to misbehave.
        settings: how to behave elsewhere.
        changed: is called whenever something has happened.

    Attributes:
        fates: what becomes of the messages.
    """

    def __init__(
        self,
        agenda: Agenda,
        journal: Journal,
        handsets: Handsets,
        script: Script,
        *,
        settings: Settings,
        changed: Callable[[], object],
    ) -> None:
        random = Random(settings.seed)  # noqa: S311 - repeatable is what it is to be
        self._agenda = agenda
        self._journal = journal
        self._counts = journal.counts
        self._script = script
        self._settings = settings
        self._changed = changed
        self._numbers = count(random.randrange(100_000_000, 1_000_000_000))
        # Ordered: the first of a dict that loses its first again and again takes ever longer to find.
        self._messages: OrderedDict[str, Message] = OrderedDict()
        self._guard = Guard(settings.guards)
        #: Whether a submit can be too much, or against a rule.
        self._is_strict = self._guard.is_up or not settings.limits.is_none
        self._throttles: dict[str, Throttle] = {}
        self._sweeping = False
        self.fates = Fates(agenda, journal.counts, handsets, settings=settings, random=random, changed=changed)
        self._answers: dict[int, Callable[[Bind, Any], None]] = {
            CommandId.SUBMIT_SM: self._submit,
            CommandId.DATA_SM: self._submit,
            CommandId.SUBMIT_MULTI: self._submit_multi,
            CommandId.QUERY_SM: self._query,
            CommandId.CANCEL_SM: self._cancel,
            CommandId.REPLACE_SM: self._replace,
        }

    def close(self) -> None:
        """Forget all that is still due."""
        self._agenda.clear()

    def answer(self, bind: Bind, request: Pdu) -> None:
        """Do what a bound session asks."""
        self._answers.get(request.command_id, self._refuse)(bind, request)

    # Operations

    def _submit(self, bind: Bind, request: SubmitSm | DataSm) -> None:
        """submit_sm (SMPP 3.4, 4.4) and data_sm (4.7)."""
        self._counts.submits += 1
        self._journal.submit_sms.append(request)
        plan = self._script.plan(request, bind.system_id)
        if plan.cut == "before":
            bind.session.hang_up()
            return
        if status := plan.status or fault(request) or (self._is_strict and self._excess(bind, request)):
            self._counts.refused += 1
            self._respond_later(bind, request, _refusal(request, status, plan), plan)
            return
        message = self._accept(bind, request, plan)
        response = cast("type[SubmitSmResp]", RESPONSES[request.command_id])(message_id=message.message_id)
        if plan.receipt_first and message.verdict and self.fates.reports(message):
            respond = partial(bind.answer, request, response, plan)
            self._in(self._settings.latency + plan.delay, partial(self.fates.report, message, sent=respond))
        else:
            message.is_answered = True
            self._respond_later(bind, request, response, plan)

    def _submit_multi(self, bind: Bind, request: SubmitMulti) -> None:
        """submit_multi (SMPP 3.4, 4.5), where the profile has it: one message_id for all, and a fate for each."""
        if not bind.profile.submit_multi or self._settings.guards.segments_within is not None:
            self._refuse(bind, request)
            return
        if any(isinstance(one, DistributionList) for one in request.dest_address):
            bind.session.respond(request, SubmitMultiResp(command_status=CommandStatus.ESME_RINVDLNAME))
            return
        ones = _one_by_one(request)
        plans = [replace(self._script.plan(one, bind.system_id), receipt_first=False) for one in ones]
        if plans[0].cut == "before":
            bind.session.hang_up()
            return
        number = next(self._numbers)
        taken = [self._take_one(bind, one, plan, number) for one, plan in zip(ones, plans, strict=True)]
        message_id = next((given for _, given in taken if given), "")
        refused = tuple([_unsuccessful(one, status) for one, (status, _) in zip(ones, taken, strict=True) if status])
        response = SubmitMultiResp(message_id=message_id, unsuccess_sme=refused)
        if not message_id:
            response = SubmitMultiResp(command_status=refused[0].error_status_code)
        self._respond_later(bind, request, response, plans[0])

    def _take_one(self, bind: Bind, request: SubmitSm, plan: Plan, number: int) -> tuple[int, str]:
        """One destination of several: why it was refused, or its message_id."""
        self._counts.submits += 1
        self._journal.submit_sms.append(request)
        if status := plan.status or fault(request) or (self._is_strict and self._excess(bind, request)):
            self._counts.refused += 1
            return status, ""
        return 0, self._accept(bind, request, plan, number).message_id

    def _query(self, bind: Bind, request: QuerySm) -> None:
        """query_sm (SMPP 3.4, 4.8)."""
        message = self._message(bind, request)
        if message is None:
            bind.session.respond(request, QuerySmResp(command_status=CommandStatus.ESME_RQUERYFAIL))
            return
        state = message.state(self._agenda.now())
        final = message.verdict if state is not MessageState.ENROUTE else None
        response = QuerySmResp(
            message_id=message.message_id,
            final_date=receipts.final_date(self._settings.epoch + message.due) if final else "",
            message_state=state,
            error_code=final.error & 0xFF if final else 0,
        )
        bind.session.respond(request, response)

    def _cancel(self, bind: Bind, request: CancelSm) -> None:
        """cancel_sm of one message or of all of a kind (SMPP 3.4, 4.9); what is gone cannot be cancelled."""
        now = self._agenda.now()
        named = self._message(bind, request) if request.message_id else None
        found = [named] if named else [] if request.message_id else self._of_a_kind(bind, request)
        cancelled = [message for message in found if message.state(now) is MessageState.ENROUTE]
        for message in cancelled:
            message.cancel(now)
        status = CommandStatus.ESME_ROK if cancelled else CommandStatus.ESME_RCANCELFAIL
        bind.session.respond(request, CancelSmResp(command_status=status))
        for message in cancelled:
            if self.fates.reports(message):
                self.fates.report(message)

    def _of_a_kind(self, bind: Bind, request: CancelSm) -> list[Message]:
        """The account's messages from this source to this destination, of this service_type."""
        kind = (bind.system_id, request.source_addr, request.destination_addr, request.service_type)
        return [one for one in self._messages.values() if _kind_of(one) == kind]

    def _replace(self, bind: Bind, request: ReplaceSm) -> None:
        """replace_sm (SMPP 3.4, 4.10) of a message that one submit_sm carried and no handset has yet."""
        message = self._message(bind, request)
        replaced = (
            message is not None
            and message.state(self._agenda.now()) is MessageState.ENROUTE
            and self._journal.replace(message, request)
        )
        if message and replaced:
            self.fates.expect(message)
        status = CommandStatus.ESME_ROK if replaced else CommandStatus.ESME_RREPLACEFAIL
        bind.session.respond(request, ReplaceSmResp(command_status=status))

    def _refuse(self, bind: Bind, request: Pdu) -> None:
        """What this SMSC does not offer, such as the broadcasts."""
        bind.session.respond(request, RESPONSES[request.command_id](command_status=CommandStatus.ESME_RINVCMDID))

    # Responses

    def _respond_later(self, bind: Bind, request: Pdu, response: Pdu, plan: Plan) -> None:
        delay = self._settings.latency + plan.delay
        if delay > 0:
            bind.unanswered += 1
            self._agenda.add(self._agenda.now() + delay, partial(self._respond, bind, request, response, plan))
        elif plan.is_plain:
            bind.session.respond(request, response)
        else:
            bind.answer(request, response, plan)

    def _respond(self, bind: Bind, request: Pdu, response: Pdu, plan: Plan) -> None:
        bind.unanswered -= 1
        bind.answer(request, response, plan)

    def _excess(self, bind: Bind, request: SubmitSm | DataSm) -> int:
        """The command_status of a submit that is too much, or that a guard refuses."""
        limits, now = self._settings.limits, self._agenda.now()
        if not limits.is_none:
            if limits.queue is not None and self.fates.queued.get(bind.system_id, 0) >= limits.queue:
                return status_of(limits.queue_full)
            if limits.window is not None and bind.unanswered >= limits.window:
                return status_of(limits.throttled)
            if limits.throughput is not None and not self._throttle(bind, limits.throughput).takes(now):
                return status_of(limits.throttled)
        return self._guard.status(request, now, lookup=octets_of(request) in _LOOKUPS) if self._guard.is_up else 0

    def _throttle(self, bind: Bind, throughput: int) -> Throttle:
        return self._throttles.setdefault(bind.system_id, Throttle(throughput))

    # Messages

    def _accept(self, bind: Bind, request: SubmitSm | DataSm, plan: Plan, number: int | None = None) -> Message:
        now, number = self._agenda.now(), next(self._numbers) if number is None else number
        message_id = str(number)
        if self._settings.response_ids != "decimal":
            message_id = write_id(number, self._settings.response_ids, message_id)
        message = Message(
            message_id=message_id,
            system_id=bind.system_id,
            profile=bind.profile,
            request=request,
            at=now,
            plan=plan,
        )
        form = plan.form or self._settings.form
        if form.ids != "same" or form.tlv_ids != "same":
            message.written = write_id(number, form.ids, message_id)
            message.tlv_id = write_id(number, form.tlv_ids, message_id)
        if len(self._messages) >= self._settings.keep:
            self._messages.popitem(last=False)
        self._messages[message_id] = message
        received = self._journal.take(message, self._moment(now))
        if received is None:
            self._sweep_later()
        if self._settings.guards.segments_within is None:
            self._decide(bind, message)
        elif received is not None:
            self._decide_all(bind, received)
        return message

    def _decide_all(self, bind: Bind, received: Received) -> None:
        """Decide what becomes of a text's segments: where a guard wants all of them, once all are here."""
        for message_id in received.message_ids:
            if message := self._messages.get(message_id):
                self._decide(bind, message)

    def _decide(self, bind: Bind, message: Message) -> None:
        """Decide what becomes of a message, and see that it is told."""
        self.fates.judge(message, self._settings.latency + message.plan.delay)
        if self._guard.is_up and self._guard.floods(message.request.destination_addr, message.at):
            message.verdict = FLOODED
        self.fates.schedule(message, bind)

    def _message(self, bind: Bind, request: QuerySm | CancelSm | ReplaceSm) -> Message | None:
        """The account's own message that this is about; a source that is given must be the message's."""
        message = self._messages.get(request.message_id)
        if message is None or message.system_id != bind.system_id:
            return None
        return message if request.source_addr in {"", message.request.source_addr} else None

    # Segments that never come

    def _sweep_later(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            self._agenda.add(self._agenda.now() + self._journal.deadline, self._sweep)

    def _sweep(self) -> None:
        now = self._agenda.now()
        self._sweeping = False
        given_up = self._journal.give_up(now, self._moment(now))
        if self._settings.guards.segments_within is not None:
            for message_id in [message_id for received in given_up for message_id in received.message_ids]:
                if message := self._messages.get(message_id):
                    self._fail(message, now)
        self._changed()
        if self._journal.is_waiting:
            self._sweep_later()

    def _fail(self, message: Message, now: float) -> None:
        message.verdict, message.due = PARTS_MISSING, now
        if self.fates.reports(message):
            self.fates.report(message)

    def _in(self, seconds: float, action: Callable[[], object]) -> None:
        if seconds > 0:
            self._agenda.add(self._agenda.now() + seconds, action)
        else:
            action()

    def _moment(self, now: float) -> datetime:
        return moment(self._settings.epoch + now)


def _one_by_one(request: SubmitMulti) -> list[SubmitSm]:
    """A submit_sm for each destination."""
    common = {name: getattr(request, name) for name in _SHARED}
    return [
        SubmitSm(
            request.sequence_number,
            **common,
            dest_addr_ton=one.dest_addr_ton,
            dest_addr_npi=one.dest_addr_npi,
            destination_addr=one.destination_addr,
            tlvs=request.tlvs,
        )
        for one in cast("tuple[SmeAddress, ...]", request.dest_address)
    ]


def _unsuccessful(request: SubmitSm, status: int) -> UnsuccessSme:
    return UnsuccessSme(
        dest_addr_ton=request.dest_addr_ton,
        dest_addr_npi=request.dest_addr_npi,
        destination_addr=request.destination_addr,
        error_status_code=status,
    )


def _kind_of(message: Message) -> tuple[str, str, str, str]:
    """What cancel_sm without a message_id goes by."""
    request = message.request
    return message.system_id, request.source_addr, request.destination_addr, request.service_type


def _refusal(request: Pdu, status: int, plan: Plan) -> Pdu:
    return (GenericNack if plan.nack else RESPONSES[request.command_id])(command_status=status)
