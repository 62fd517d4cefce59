"""The rules of a script as data: which submits or binds each takes, and what it changes about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from smpp_esme.errors import InvalidValue
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.parameters import MessageState
from smpp_esme.simulator import bodies
from smpp_esme.simulator.forms import DIALECTS, Carrier, IdForm, ReceiptForm, state_of
from smpp_esme.simulator.handsets import Verdict
from smpp_esme.simulator.malformed import MALFORMED

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import DataSm, SubmitSm
    from smpp_esme.simulator.plan import BindPlan, Cut, Plan

_Seconds = Annotated[float, Meta(ge=0)]
_Count = Annotated[int, Meta(ge=0)]


def status_of(status: int | str) -> int:
    """A command_status, from its name or number.

    Raises:
        InvalidValue: nothing has this name, or no command_status this number.
    """
    if isinstance(status, str) and status not in CommandStatus.__members__:
        raise InvalidValue(
            "status", f"no command_status is named {status}", bodies.instead(status, CommandStatus.__members__)
        )
    if isinstance(status, int) and not 0 < status <= 0xFFFF_FFFF:
        raise InvalidValue("status", f"is {status}", "a number from 1 to 0xFFFFFFFF")
    return int(CommandStatus[status]) if isinstance(status, str) else status


class Counted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb"):
    """What all rules have in common.

    Attributes:
        after: how many that match are let go first.
        times: how many are taken after that; None takes all.
        chance: how likely one that is taken is changed, 0 to 1; the seed decides.
        system_id: only of this account; "" takes every account's.
    """

    after: _Count = 0
    times: _Count | None = None
    chance: Annotated[float, Meta(ge=0, le=1)] = 1.0
    system_id: str = ""


class Rule(Counted, frozen=True, kw_only=True):
    """The root of the rules about submit_sm and data_sm.

    Attributes:
        to: what the destination begins with.
        source: what the source begins with.
    """

    to: str = ""
    source: str = ""

    def takes(self, request: SubmitSm | DataSm, system_id: str) -> bool:
        """Whether it is about this submit."""
        return (
            request.destination_addr.startswith(self.to)
            and request.source_addr.startswith(self.source)
            and self.system_id in ("", system_id)
        )

    if TYPE_CHECKING:

        def change(self, plan: Plan) -> None:
            """Write into the plan what this rule says; each verb has its own."""


class Refuse(Rule, frozen=True, kw_only=True, tag="refuse"):
    """Refuses the submit with a command_status, given by name or number."""

    status: int | str

    def __post_init__(self) -> None:
        status_of(self.status)

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.status = status_of(self.status)


class Nack(Rule, frozen=True, kw_only=True, tag="nack"):
    """Refuses the submit with a generic_nack of this command_status."""

    status: int | str = "ESME_RINVCMDID"

    def __post_init__(self) -> None:
        status_of(self.status)

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.status, plan.nack = status_of(self.status), True


class Delay(Rule, frozen=True, kw_only=True, tag="delay"):
    """Holds the response back for some seconds."""

    seconds: _Seconds

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.delay += self.seconds


class DropResponse(Rule, frozen=True, kw_only=True, tag="drop_response"):
    """Takes the message and never says so."""

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.answered = False


class Close(Rule, frozen=True, kw_only=True, tag="close"):
    """Cuts the connection: before the message is taken, instead of its response, within it, or behind it."""

    where: Literal["before", "instead", "within", "behind"] = "instead"

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        cut: Cut = self.where
        plan.cut = cut


class Malform(Rule, frozen=True, kw_only=True, tag="malform"):
    """Sends a malformed PDU instead of the response, or before it."""

    kind: str

    def __post_init__(self) -> None:
        if self.kind not in MALFORMED:
            raise InvalidValue("kind", f"is {self.kind!r}", f"one of {', '.join(MALFORMED)}")

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.malformed = self.kind


class Silence(Rule, frozen=True, kw_only=True, tag="silence"):
    """Takes the message; from then on the connection is dead, though open, for good or for some seconds."""

    seconds: _Seconds | None = None

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.silence = float("inf") if self.seconds is None else self.seconds


class ReceiptFirst(Rule, frozen=True, kw_only=True, tag="receipt_first"):
    """Sends the receipt before the response."""

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.receipt_first = True


class ReceiptTwice(Rule, frozen=True, kw_only=True, tag="receipt_twice"):
    """Sends the receipt twice."""

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.receipts = 2


class ReceiptNever(Rule, frozen=True, kw_only=True, tag="receipt_never"):
    """Sends no receipt."""

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.receipts = 0


class ReceiptLate(Rule, frozen=True, kw_only=True, tag="receipt_late"):
    """Sends the receipt some seconds later, and up to `spread` later still, so that receipts overtake each other."""

    seconds: _Seconds = 0.0
    spread: _Seconds = 0.0

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.lateness += self.seconds
        plan.spread += self.spread


class ReceiptElsewhere(Rule, frozen=True, kw_only=True, tag="receipt_elsewhere"):
    """Sends the receipt over another session of the account, if there is one that receives."""

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.elsewhere = True


class Intermediate(Rule, frozen=True, kw_only=True, tag="intermediate"):
    """Reports a state on the way, by name; esm_class 4 marks it as a receipt, 32 as SMPP has it."""

    state: str = "ENROUTE"
    esm_class: Annotated[int, Meta(ge=0, le=255)] = 4

    def __post_init__(self) -> None:
        state_of(self.state)

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.intermediate = (*plan.intermediate, state_of(self.state))
        plan.esm_class = self.esm_class


class Outcome(Rule, frozen=True, kw_only=True, tag="outcome"):
    """Says what becomes of the message, whatever its handset says: a state by name, and an error code."""

    state: str
    error: Annotated[int, Meta(ge=0, le=0xFFFF)] = 0

    def __post_init__(self) -> None:
        state_of(self.state)

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.verdict = Verdict(MessageState(state_of(self.state)), self.error)


class Reply(Rule, frozen=True, kw_only=True, tag="reply"):
    """Has the handset answer the message with a text, once it has it."""

    text: str

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.reply = self.text


class ReceiptIds(Rule, frozen=True, kw_only=True, tag="receipt_ids"):
    """Writes the message_id in receipts otherwise than in the response; `tlv` is for receipted_message_id alone."""

    form: IdForm
    tlv: IdForm | None = None

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        form = plan.form or ReceiptForm()
        plan.form = msgspec.structs.replace(form, ids=self.form, tlv_ids=self.tlv or self.form)


class ReceiptForms(Rule, frozen=True, kw_only=True, tag="receipt_form"):
    """Writes the receipt in a dialect, in another place, or with parameters that lie; what is left out stays."""

    dialect: str | None = None
    carrier: Carrier | None = None
    tlvs: bool | None = None
    error_in_ascii: bool | None = None
    esm_class: Annotated[int, Meta(ge=0, le=255)] | None = None
    data_coding: Annotated[int, Meta(ge=0, le=255)] | None = None

    def __post_init__(self) -> None:
        if self.dialect is not None and self.dialect not in DIALECTS:
            raise InvalidValue("dialect", f"is {self.dialect!r}", f"one of {', '.join(DIALECTS)}")

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        names = ("dialect", "carrier", "tlvs", "error_in_ascii", "esm_class", "data_coding")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        plan.form = msgspec.structs.replace(plan.form or ReceiptForm(), **given)


class BindRule(Counted, frozen=True, kw_only=True):
    """The root of the rules about binds."""

    if TYPE_CHECKING:

        def change(self, plan: BindPlan) -> None:
            """Write into the plan what this rule says; each verb has its own."""


class RefuseBind(BindRule, frozen=True, kw_only=True, tag="refuse_bind"):
    """Refuses the bind with a command_status, given by name or number."""

    status: int | str = "ESME_RBINDFAIL"

    def __post_init__(self) -> None:
        status_of(self.status)

    def change(self, plan: BindPlan) -> None:
        """Write into the plan what this rule says."""
        plan.status = status_of(self.status)


class IgnoreBind(BindRule, frozen=True, kw_only=True, tag="ignore_bind"):
    """Never answers the bind."""

    def change(self, plan: BindPlan) -> None:
        """Write into the plan what this rule says."""
        plan.answered = False


class SplitWrites(BindRule, frozen=True, kw_only=True, tag="split_writes"):
    """Writes so many octets at a time from the bind on, however that cuts the PDUs."""

    octets: Annotated[int, Meta(ge=1)]

    def change(self, plan: BindPlan) -> None:
        """Write into the plan what this rule says."""
        plan.pieces = self.octets


class JoinWrites(BindRule, frozen=True, kw_only=True, tag="join_writes"):
    """Gathers what it writes for so many seconds, so that many PDUs come at once."""

    seconds: _Seconds

    def change(self, plan: BindPlan) -> None:
        """Write into the plan what this rule says."""
        plan.gathered = self.seconds


class ReadSlowly(BindRule, frozen=True, kw_only=True, tag="read_slowly"):
    """Lets so many seconds pass between reads."""

    seconds: _Seconds

    def change(self, plan: BindPlan) -> None:
        """Write into the plan what this rule says."""
        plan.pause = self.seconds


class FallSilent(BindRule, frozen=True, kw_only=True, tag="fall_silent"):
    """So many seconds after the bind the connection is dead, though open."""

    seconds: _Seconds

    def change(self, plan: BindPlan) -> None:
        """Write into the plan what this rule says."""
        plan.silent_after = self.seconds


class Disconnect(BindRule, frozen=True, kw_only=True, tag="disconnect"):
    """Cuts the connection so many seconds after the bind."""

    seconds: _Seconds

    def change(self, plan: BindPlan) -> None:
        """Write into the plan what this rule says."""
        plan.cut_after = self.seconds


class UnbindAfter(BindRule, frozen=True, kw_only=True, tag="unbind"):
    """Unbinds so many seconds after the bind."""

    seconds: _Seconds

    def change(self, plan: BindPlan) -> None:
        """Write into the plan what this rule says."""
        plan.unbound_after = self.seconds


#: Every rule that a file may hold.
AnyRule = (
    Refuse
    | Nack
    | Delay
    | DropResponse
    | Close
    | Malform
    | Silence
    | ReceiptFirst
    | ReceiptTwice
    | ReceiptNever
    | ReceiptLate
    | ReceiptElsewhere
    | Intermediate
    | Outcome
    | Reply
    | ReceiptIds
    | ReceiptForms
    | RefuseBind
    | IgnoreBind
    | SplitWrites
    | JoinWrites
    | ReadSlowly
    | FallSilent
    | Disconnect
    | UnbindAfter
)
