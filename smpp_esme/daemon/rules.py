"""The provider's own rules, as they apply to messages; see `smpp_esme.session.guards`."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from smpp_esme.message.message import Refused
from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.session.guards import Guards

if TYPE_CHECKING:
    from smpp_esme.message.message import Message
    from smpp_esme.session.guards import Rules, Verdict
    from smpp_esme.session.pacing import Pace

_log = logging.getLogger(__name__)


class Guarded:
    """Says of messages to one provider whether they may go.

    Args:
        link: what logs call it.
        rules: the provider's.
    """

    def __init__(self, link: str, rules: Rules) -> None:
        self._link = link
        self._guards = Guards(rules)

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return bool(self._guards)

    def change(self, rules: Rules) -> None:
        """Go by these rules from now on; what went is remembered."""
        self._guards.rules = rules

    def refusal(self, message: Message, now: float, pace: Pace) -> Refused | None:
        """Why a message that was claimed does not go now; None if it goes, and then it counts as gone."""
        if not self._guards:
            return None
        destination, digest = _keys(message)
        segments = len(message.segments)
        return self._told(self._guards.decide(destination, digest, now, segments=segments, pace=pace))

    def lateness(self, since_first: float) -> Refused | None:
        """Why the segments that are left of a message do not go, whose first one left so many seconds ago."""
        return self._told(self._guards.late(0.0, since_first))

    def forget(self, message: Message) -> None:
        """A message that went was refused, or not answered: it may be tried again."""
        if self._guards:
            self._guards.forget(*_keys(message))

    def _told(self, verdict: Verdict) -> Refused | None:
        if verdict.reason:
            _log.info("dispatch.rule", extra={"link": self._link, "action": verdict.action, "reason": verdict.reason})
        if verdict.action == "pass":
            return None
        if verdict.action == "delay":  # it is tried again as if the SMSC had asked us to be slower
            return Refused(CommandStatus.ESME_RTHROTTLED, "HELD_BACK", verdict.reason, retryable=True)
        return Refused(CommandStatus.ESME_RSUBMITFAIL, "AGAINST_THE_RULES", verdict.reason, retryable=False)


def _keys(message: Message) -> tuple[str, bytes]:
    """Number and text, as they are remembered: of the text, a digest only."""
    return message.destination_addr, hashlib.blake2b(message.text.encode(), digest_size=16).digest()
