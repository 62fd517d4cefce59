"""The provider's own rules, kept before the wire; see `smpp_esme.session.guards`."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final, TypedDict

import msgspec

from smpp_esme.errors import AgainstTheRules, InvalidValue
from smpp_esme.session.events import RuleBroken
from smpp_esme.session.guards import ACTIONS, Guards, Rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smpp_esme.client.outgoing import MtMessage
    from smpp_esme.protocol.pdus import SubmitSm
    from smpp_esme.session.guards import Action, Verdict
    from smpp_esme.session.link import Link
    from smpp_esme.sms.profile import Profile


class Actions(TypedDict, total=False):
    """What is done about a message that breaks one of the profile's rules: "refuse", "delay" or "pass".

    Attributes:
        repeat: the same text to the same number within `duplicates_refused_for` ("pass").
        flood: more than `flood_limit` messages to one number with gaps below `flood_gap` ("pass").
        segments: segments that cannot all leave within `segments_within` ("refuse").
    """

    repeat: Action
    flood: Action
    segments: Action


#: A repeat may be meant, and a flood is for the provider to judge; half a message is of no use to anybody.
_ACTIONS: Final[Actions] = {"repeat": "pass", "flood": "pass", "segments": "refuse"}


def rules_of(profile: Profile, actions: Actions) -> Rules:
    """What the provider does not want, by its profile, and what is done about it.

    Raises:
        InvalidValue: an action or a rule is not known.
    """
    for rule, action in actions.items():
        if rule not in _ACTIONS:
            raise InvalidValue("rules", f"has no rule {rule!r}", ", ".join(_ACTIONS))
        if action not in ACTIONS:
            raise InvalidValue(f"rules.{rule}", f"is {action!r}", ", ".join(ACTIONS))
    return Rules(
        repeat_within=profile.duplicates_refused_for,
        flood_limit=profile.flood_limit,
        flood_gap=profile.flood_gap,
        segments_within=profile.segments_within,
        **(_ACTIONS | actions),
    )


class Guarded:
    """Says of messages whether they may go, and lets those who watch the link know of each that breaks a rule.

    Args:
        link: what they go over.
        rules: the provider's.
    """

    def __init__(self, link: Link, rules: Rules) -> None:
        self._link = link
        self._guards = Guards(rules)

    @staticmethod
    def of(link: Link, rules: Rules) -> Guarded | None:
        """None where the provider has no rules."""
        guarded = Guarded(link, rules)
        return guarded if guarded._guards else None

    def wait(self, message: MtMessage, pdus: Sequence[SubmitSm]) -> float:
        """Seconds until this message is to be asked about again; 0 if it goes now, and then it counts as gone.

        Raises:
            AgainstTheRules: it is never to go.
        """
        now = asyncio.get_running_loop().time()
        verdict = self._guards.decide(*_keys(message, pdus), now, segments=len(pdus), pace=self._link.pacing.state(now))
        self._tell(verdict)
        return verdict.seconds if verdict.action == "delay" else 0.0

    async def admit(self, message: MtMessage, pdus: Sequence[SubmitSm]) -> None:
        """Wait until this message may go. Cancelling is safe: it counts as gone once this has returned.

        Raises:
            AgainstTheRules: it is never to go.
        """
        while seconds := self.wait(message, pdus):  # noqa: ASYNC110 - it is time that is waited for
            await asyncio.sleep(seconds)

    def first_left(self, first_left: float | None) -> float:
        """When the first segment of a message left: now, where another is about to leave and this says None.

        Raises:
            AgainstTheRules: the SMSC would not put it together with the others any more.
        """
        now = asyncio.get_running_loop().time()
        if first_left is None:
            return now
        self._tell(self._guards.late(first_left, now))
        return first_left

    def forget(self, message: MtMessage, pdus: Sequence[SubmitSm]) -> None:
        """A message that went was refused or not answered: it may be tried again."""
        self._guards.forget(*_keys(message, pdus))

    def _tell(self, verdict: Verdict) -> None:
        if verdict.reason:
            self._link.tell(RuleBroken(link=self._link.name, action=verdict.action, reason=verdict.reason))
        if verdict.action == "refuse":
            raise AgainstTheRules(verdict.reason)


def _keys(message: MtMessage, pdus: Sequence[SubmitSm]) -> tuple[str, bytes]:
    """Number and text, as they are remembered: of the text, a digest only."""
    content = message.typed_content
    written = msgspec.msgpack.encode((content.kind, content))
    return pdus[0].destination_addr, hashlib.blake2b(written, digest_size=16).digest()
