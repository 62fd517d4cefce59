"""Where the simulated SMSC misbehaves: rules in order, and the verbs that add them.

Every submit_sm and data_sm is held against the rules; each rule that matches changes the plan for it. Binds are held
against the rules about binds. In TOML::

    [[rule]]
    verb = "refuse"
    status = "ESME_RTHROTTLED"
    to = "7999"                  # only numbers that begin so
    after = 10                   # not the first ten
    times = 3                    # three of them, then never again

    [[rule]]
    verb = "receipt_ids"
    form = "hex"

    [[rule]]
    verb = "split_writes"
    octets = 3
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final, TypedDict, cast

import msgspec

from smpp_esme.errors import ConfigError, InvalidValue
from smpp_esme.simulator import rules
from smpp_esme.simulator.plan import AS_EXPECTED, BindPlan, Plan
from smpp_esme.simulator.rules import AnyRule, BindRule, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self, Unpack

    from smpp_esme.protocol.pdus import DataSm, SubmitSm
    from smpp_esme.simulator.forms import Carrier, IdForm
    from smpp_esme.simulator.plan import Cut

    When = Callable[[SubmitSm | DataSm], bool]

    class BindTaken(TypedDict, total=False):
        """Which binds a rule takes, as `BindRule` has it."""

        after: int
        times: int | None
        chance: float
        system_id: str

    class Taken(BindTaken, total=False):
        """Which submits a rule takes, as `Rule` has it; `when` is asked with the PDU."""

        when: When | None
        to: str
        source: str

    class FormTaken(Taken, total=False):
        """Likewise, and how a receipt is written, as `ReceiptForms` has it."""

        dialect: str
        carrier: Carrier
        tlvs: bool
        error_in_ascii: bool
        esm_class: int
        data_coding: int


class _File(msgspec.Struct, forbid_unknown_fields=True):
    rule: list[AnyRule] = []


class _Step(msgspec.Struct):
    """A rule and how often it has matched."""

    rule: Rule | BindRule
    when: When | None = None
    matched: int = 0

    def counts_in(self, random: Random) -> bool:
        """Whether it takes this one of those that match."""
        rule = self.rule
        self.matched += 1
        in_turn = rule.after < self.matched and (rule.times is None or self.matched <= rule.after + rule.times)
        return in_turn and (rule.chance >= 1 or random.random() < rule.chance)


_BIND_AS_EXPECTED: Final = BindPlan()


class Script:
    """The rules of one SMSC; an empty script has it behave.

    Every verb takes `after`, `times`, `chance` and `system_id`, as `Rule` has them; those about submits also `to`,
    `source`, and `when`, which is asked with the PDU. Each gives the script back, so that verbs may be chained. Rules
    may be added while the SMSC runs.
    """

    def __init__(self, rules: Iterable[Rule | BindRule] = ()) -> None:
        self._steps: list[_Step] = []
        self._bind_steps: list[_Step] = []
        self._random = Random(0)  # noqa: S311 - repeatable is what it is to be
        for rule in rules:
            self.add(rule)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The script in a TOML file.

        Raises:
            ConfigError: the file cannot be read, or is no script; says where.
        """
        try:
            return cls(cast("list[Rule | BindRule]", msgspec.toml.decode(Path(path).read_bytes(), type=_File).rule))
        except OSError as error:
            raise ConfigError(str(path), error.strerror or "cannot be read", "a readable TOML file") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(str(path), str(error).replace("`", ""), "[[rule]] tables, each with a verb") from None

    def seeded(self, seed: int) -> Self:
        """Have `chance` decided by this seed from now on."""
        self._random = Random(seed)  # noqa: S311 - likewise
        return self

    def add(self, rule: Rule | BindRule, when: When | None = None) -> Self:
        """Add a rule behind the others."""
        steps = self._steps if isinstance(rule, Rule) else self._bind_steps
        steps.append(_Step(rule, when))
        return self

    def clear(self) -> Self:
        """Forget all rules: the SMSC behaves from now on."""
        self._steps.clear()
        self._bind_steps.clear()
        return self

    # Responses

    def refuse(self, status: int | str, **taken: Unpack[Taken]) -> Self:
        """Refuse with this command_status."""
        return self._add(rules.Refuse, taken, status=status)

    def nack(self, status: int | str = "ESME_RINVCMDID", **taken: Unpack[Taken]) -> Self:
        """Refuse with a generic_nack."""
        return self._add(rules.Nack, taken, status=status)

    def delay(self, seconds: float, **taken: Unpack[Taken]) -> Self:
        """Hold the response back for some seconds."""
        return self._add(rules.Delay, taken, seconds=seconds)

    def drop_response(self, **taken: Unpack[Taken]) -> Self:
        """Take the message and never say so."""
        return self._add(rules.DropResponse, taken)

    def malform(self, kind: str, **taken: Unpack[Taken]) -> Self:
        """Send a malformed PDU, one of `MALFORMED`, instead of the response or before it."""
        return self._add(rules.Malform, taken, kind=kind)

    # Connections

    def close(self, where: Cut = "instead", **taken: Unpack[Taken]) -> Self:
        """Cut the connection: before the message is taken, instead of its response, within it, or behind it."""
        return self._add(rules.Close, taken, where=where)

    def close_after(self, count: int, *, where: Cut = "instead", when: When | None = None, to: str = "") -> Self:
        """Take so many, and cut the connection, once, where the response to the last of them is due."""
        return self.close(where, when=when, to=to, after=count - 1, times=1)

    def silence(self, seconds: float | None = None, **taken: Unpack[Taken]) -> Self:
        """Take the message; from then on the connection is dead, though open, for good or for some seconds."""
        return self._add(rules.Silence, taken, seconds=seconds)

    # Receipts

    def receipt_first(self, **taken: Unpack[Taken]) -> Self:
        """Send the receipt before the response."""
        return self._add(rules.ReceiptFirst, taken)

    def receipt_twice(self, **taken: Unpack[Taken]) -> Self:
        """Send the receipt twice."""
        return self._add(rules.ReceiptTwice, taken)

    def receipt_never(self, **taken: Unpack[Taken]) -> Self:
        """Send no receipt."""
        return self._add(rules.ReceiptNever, taken)

    def receipt_late(self, seconds: float = 0.0, *, spread: float = 0.0, **taken: Unpack[Taken]) -> Self:
        """Send the receipt so much later, and by chance up to `spread` later still: receipts overtake each other."""
        return self._add(rules.ReceiptLate, taken, seconds=seconds, spread=spread)

    def receipt_elsewhere(self, **taken: Unpack[Taken]) -> Self:
        """Send the receipt over another session of the account."""
        return self._add(rules.ReceiptElsewhere, taken)

    def receipt_ids(self, form: IdForm, *, tlv: IdForm | None = None, **taken: Unpack[Taken]) -> Self:
        """Write the message_id in receipts in this form; in the TLV as in the text unless `tlv` is given."""
        return self._add(rules.ReceiptIds, taken, form=form, tlv=tlv)

    def receipt_form(self, **form: Unpack[FormTaken]) -> Self:
        """Write the receipt in a dialect, in another place, or with parameters that lie."""
        return self._add(rules.ReceiptForms, form)

    def intermediate(self, state: str = "ENROUTE", *, esm_class: int = 4, **taken: Unpack[Taken]) -> Self:
        """Report a state on the way; as a receipt, or with esm_class 32 as SMPP has it."""
        return self._add(rules.Intermediate, taken, state=state, esm_class=esm_class)

    def outcome(self, state: str, error: int = 0, **taken: Unpack[Taken]) -> Self:
        """Say what becomes of the message, whatever its handset says."""
        return self._add(rules.Outcome, taken, state=state, error=error)

    def reply(self, text: str, **taken: Unpack[Taken]) -> Self:
        """Have the handset answer the message with a text, once it has it."""
        return self._add(rules.Reply, taken, text=text)

    # Binds

    def refuse_bind(self, status: int | str = "ESME_RBINDFAIL", **taken: Unpack[BindTaken]) -> Self:
        """Refuse the bind with this command_status."""
        return self._add(rules.RefuseBind, taken, status=status)

    def ignore_bind(self, **taken: Unpack[BindTaken]) -> Self:
        """Never answer the bind."""
        return self._add(rules.IgnoreBind, taken)

    def split_writes(self, octets: int, **taken: Unpack[BindTaken]) -> Self:
        """Write so many octets at a time from the bind on."""
        return self._add(rules.SplitWrites, taken, octets=octets)

    def join_writes(self, seconds: float, **taken: Unpack[BindTaken]) -> Self:
        """Gather what is written for so many seconds."""
        return self._add(rules.JoinWrites, taken, seconds=seconds)

    def read_slowly(self, seconds: float, **taken: Unpack[BindTaken]) -> Self:
        """Let so many seconds pass between reads."""
        return self._add(rules.ReadSlowly, taken, seconds=seconds)

    def fall_silent(self, seconds: float, **taken: Unpack[BindTaken]) -> Self:
        """So many seconds after the bind the connection is dead, though open."""
        return self._add(rules.FallSilent, taken, seconds=seconds)

    def disconnect(self, seconds: float, **taken: Unpack[BindTaken]) -> Self:
        """Cut the connection so many seconds after the bind."""
        return self._add(rules.Disconnect, taken, seconds=seconds)

    def unbind(self, seconds: float, **taken: Unpack[BindTaken]) -> Self:
        """Unbind so many seconds after the bind."""
        return self._add(rules.UnbindAfter, taken, seconds=seconds)

    # What the SMSC asks

    def plan(self, request: SubmitSm | DataSm, system_id: str = "") -> Plan:
        """What is to become of this submit; counts it against the rules."""
        if not self._steps:
            return AS_EXPECTED
        plan = Plan()
        for step in self._steps:
            rule = cast("Rule", step.rule)
            if not rule.takes(request, system_id) or (step.when and not step.when(request)):
                continue
            if step.counts_in(self._random):
                rule.change(plan)
                if plan.status:
                    break  # a refused submit has no receipt for the later rules to spoil
        return plan

    def bind_plan(self, system_id: str) -> BindPlan:
        """What is to become of this bind; counts it against the rules."""
        if not self._bind_steps:
            return _BIND_AS_EXPECTED
        plan = BindPlan()
        for step in self._bind_steps:
            if step.rule.system_id in ("", system_id) and step.counts_in(self._random):
                cast("BindRule", step.rule).change(plan)
        return plan

    def _add(self, rule: type[Rule | BindRule], taken: object, **values: object) -> Self:
        given = dict(cast("dict[str, object]", taken))
        when = cast("When | None", given.pop("when", None))
        return self.add(_rule(rule, given | values), when)


def _rule(rule: type[Rule | BindRule], values: dict[str, object]) -> Rule | BindRule:
    verb = str(rule.__struct_config__.tag)
    try:
        return msgspec.convert(values | {"verb": verb}, rule)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InvalidValue):
            raise error.__cause__ from None
        raise InvalidValue(verb, str(error).replace("`", ""), f"the keys of {rule.__name__}") from None
