"""Where the simulated SMSC misbehaves: rules as data, and the verbs that add them.

Every submit_sm and data_sm is held against the rules in order; each rule that matches changes the plan for it. In
TOML::

    [[rule]]
    verb = "refuse"
    status = "ESME_RTHROTTLED"
    to = "7999"                  # only numbers that begin so
    after = 10                   # not the first ten
    times = 3                    # three of them, then never again

    [[rule]]
    verb = "receipt_ids"
    form = "hex"
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from smpp_esme.errors import ConfigError
from smpp_esme.protocol.commands import CommandStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

    from smpp_esme.protocol.pdus import DataSm, SubmitSm

    When = Callable[[SubmitSm | DataSm], bool]

#: How a receipt writes the message_id that the response gave in decimal.
IdForm = Literal["same", "hex", "padded"]


class Plan(msgspec.Struct):
    """What is to become of one submit.

    Attributes:
        status: the command_status it is refused with; ESME_ROK takes it.
        delay: seconds that its response is held back, beside the SMSC's latency.
        answered: whether it gets a response at all.
        closes: whether the connection is cut instead of a response.
        receipt_first: whether its receipt goes out before its response.
        receipts: how many times its receipt goes out.
        id_form: how its receipt writes the message_id.
    """

    status: int = CommandStatus.ESME_ROK
    delay: float = 0.0
    answered: bool = True
    closes: bool = False
    receipt_first: bool = False
    receipts: int = 1
    id_form: IdForm = "same"


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb"):
    """The root of the rules.

    Attributes:
        to: what the destination begins with.
        after: how many that match are let go first.
        times: how many are taken after that; None takes all.
    """

    to: str = ""
    after: int = 0
    times: int | None = None

    if TYPE_CHECKING:

        def change(self, plan: Plan) -> None:
            """Write into the plan what this rule says; each verb has its own."""


class Refuse(Rule, frozen=True, kw_only=True, tag="refuse"):
    """Refuses the submit with a command_status, given by name or number."""

    status: int | str

    def __post_init__(self) -> None:
        if isinstance(self.status, str) and self.status not in CommandStatus.__members__:
            raise ValueError(f"no command_status is named {self.status}")

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.status = CommandStatus[self.status] if isinstance(self.status, str) else self.status


class Delay(Rule, frozen=True, kw_only=True, tag="delay"):
    """Holds the response back for some seconds."""

    seconds: float

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.delay += self.seconds


class DropResponse(Rule, frozen=True, kw_only=True, tag="drop_response"):
    """Takes the message and never says so."""

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.answered = False


class Close(Rule, frozen=True, kw_only=True, tag="close"):
    """Takes the message and cuts the connection instead of answering."""

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.closes = True


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


class ReceiptIds(Rule, frozen=True, kw_only=True, tag="receipt_ids"):
    """Writes the message_id in receipts otherwise than in the response."""

    form: IdForm

    def change(self, plan: Plan) -> None:
        """Write into the plan what this rule says."""
        plan.id_form = self.form


class _File(msgspec.Struct, forbid_unknown_fields=True):
    rule: list[Refuse | Delay | DropResponse | Close | ReceiptFirst | ReceiptTwice | ReceiptIds] = []


class _Step(msgspec.Struct):
    """A rule and how often it has matched."""

    rule: Rule
    when: When | None
    matched: int = 0

    def takes(self, request: SubmitSm | DataSm) -> bool:
        rule = self.rule
        if not request.destination_addr.startswith(rule.to) or (self.when and not self.when(request)):
            return False
        self.matched += 1
        return rule.after < self.matched and (rule.times is None or self.matched <= rule.after + rule.times)


_AS_EXPECTED: Final = Plan()


class Script:
    """The rules of one SMSC; an empty script has it behave.

    Every verb takes `to`, `after` and `times`, as `Rule` has them, and `when`, which is asked with the PDU; each gives
    the script back, so that verbs may be chained. Rules may be added while the SMSC runs.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._steps = [_Step(rule, None) for rule in rules]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The script in a TOML file.

        Raises:
            ConfigError: the file cannot be read, or is no script; says where.
        """
        try:
            return cls(msgspec.toml.decode(Path(path).read_bytes(), type=_File).rule)
        except OSError as error:
            raise ConfigError(str(path), error.strerror or "cannot be read", "a readable TOML file") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(str(path), str(error).replace("`", ""), "[[rule]] tables, each with a verb") from None

    def add(self, rule: Rule, when: When | None = None) -> Self:
        """Add a rule behind the others."""
        self._steps.append(_Step(rule, when))
        return self

    def refuse(
        self, status: int | str, *, when: When | None = None, to: str = "", after: int = 0, times: int | None = None
    ) -> Self:
        """Refuse with this command_status."""
        return self.add(Refuse(status=status, to=to, after=after, times=times), when)

    def delay(
        self, seconds: float, *, when: When | None = None, to: str = "", after: int = 0, times: int | None = None
    ) -> Self:
        """Hold the response back for some seconds."""
        return self.add(Delay(seconds=seconds, to=to, after=after, times=times), when)

    def drop_response(
        self, *, when: When | None = None, to: str = "", after: int = 0, times: int | None = None
    ) -> Self:
        """Take the message and never say so."""
        return self.add(DropResponse(to=to, after=after, times=times), when)

    def close_after(self, count: int, *, when: When | None = None, to: str = "") -> Self:
        """Take so many, and cut the connection, once, where the response to the last of them is due."""
        return self.add(Close(to=to, after=count - 1, times=1), when)

    def receipt_first(
        self, *, when: When | None = None, to: str = "", after: int = 0, times: int | None = None
    ) -> Self:
        """Send the receipt before the response."""
        return self.add(ReceiptFirst(to=to, after=after, times=times), when)

    def receipt_twice(
        self, *, when: When | None = None, to: str = "", after: int = 0, times: int | None = None
    ) -> Self:
        """Send the receipt twice."""
        return self.add(ReceiptTwice(to=to, after=after, times=times), when)

    def receipt_ids(
        self, form: IdForm, *, when: When | None = None, to: str = "", after: int = 0, times: int | None = None
    ) -> Self:
        """Write the message_id in receipts in this form: same, hex, or padded to ten digits."""
        return self.add(ReceiptIds(form=form, to=to, after=after, times=times), when)

    def plan(self, request: SubmitSm | DataSm) -> Plan:
        """What is to become of this submit; counts it against the rules."""
        if not self._steps:
            return _AS_EXPECTED
        plan = Plan()
        for step in self._steps:
            if step.takes(request):
                step.rule.change(plan)
                if plan.status:
                    break  # a refused submit has no receipt for the later rules to spoil
        return plan
