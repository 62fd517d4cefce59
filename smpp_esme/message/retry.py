"""Whether a refused submit_sm is tried again, and when. Pure: the time is an argument."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.protocol.commands import CommandStatus

if TYPE_CHECKING:
    from datetime import datetime

    from smpp_esme.message.message import Refused

#: By these the SMSC asks us to slow down and finds no fault with the message (SMPP 3.4, 5.1.3).
THROTTLES: Final = frozenset({CommandStatus.ESME_RMSGQFUL, CommandStatus.ESME_RTHROTTLED})


class Patience(msgspec.Struct, kw_only=True, frozen=True):
    """How often something is tried, and how the pauses grow: doubled each time, up to the longest.

    Attributes:
        attempts: submits in all, the first one included.
        shortest: the first pause, in seconds.
        longest: no pause is longer, in seconds.
    """

    attempts: int
    shortest: float
    longest: float

    def pause(self, attempts: int) -> float | None:
        """Seconds to wait after this many attempts, or None when patience is at its end."""
        if attempts >= self.attempts:
            return None
        # The exponent is bounded so that a long history cannot overflow a float.
        return min(self.longest, self.shortest * 2.0 ** min(max(attempts, 1) - 1, 32))


class Retry(msgspec.Struct, kw_only=True, frozen=True):
    """The policy for refused messages.

    Attributes:
        throttled: for ESME_RTHROTTLED and ESME_RMSGQFUL. Long, because the fault is our speed, and pacing mends that.
        passing: for every other command_status that its table calls retryable, such as ESME_RSYSERR.
    """

    throttled: Patience = Patience(attempts=200, shortest=1.0, longest=30.0)
    passing: Patience = Patience(attempts=6, shortest=2.0, longest=300.0)

    def next_attempt_at(self, refused: Refused, *, attempts: int, at: datetime) -> datetime | None:
        """When to try again, or None: the refusal is final.

        Args:
            refused: the SMSC's answer.
            attempts: how often the message was submitted, this time included.
            at: when it was refused.
        """
        if refused.command_status in THROTTLES:
            pause = self.throttled.pause(attempts)
        elif refused.retryable:
            pause = self.passing.pause(attempts)
        else:
            pause = None
        return None if pause is None else at + timedelta(seconds=pause)
