"""How fast to submit: a token bucket that learns from refusals. The clock is an argument.

The throughput is a ceiling. Below it the rate follows the SMSC: a refusal that says "slower" halves it at once, and
then it climbs back by a little every second (additive increase, multiplicative decrease, as TCP does it).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import msgspec

from smpp_esme.protocol.commands import CommandStatus
from smpp_esme.protocol.tlvs import Tag

if TYPE_CHECKING:
    from smpp_esme.protocol.pdus import Pdu

#: A bucket this many seconds deep: bursts stay below what an SMSC measures over a second.
_DEPTH: Final = 0.1
#: A clock that counts since the machine started cannot tell the last millionth of a token.
_TOLERANCE: Final = 1e-6
#: By these the SMSC asks us to slow down and finds no fault with the message (SMPP 3.4, 5.1.3).
THROTTLES: Final = frozenset({CommandStatus.ESME_RMSGQFUL, CommandStatus.ESME_RTHROTTLED})
#: congestion_state (SMPP 5.0, 4.8.4.18), in percent: from 80 on the load is at its optimum, from 90 on near too much.
_OPTIMUM: Final = 80
_NEAR: Final = 90
_CONGESTED: Final = 100


class Adaptation(msgspec.Struct, frozen=True, kw_only=True):
    """How the rate follows what the SMSC says.

    Attributes:
        slower: what is left of the rate after ESME_RTHROTTLED, ESME_RMSGQFUL or a congestion_state of 100.
        cautious: what is left of it after a congestion_state from 90 to 99.
        regain: which part of the ceiling is regained in a second without any of these.
        settle: seconds in which further refusals are the same one: what was on its way already is refused as well.
        hold: seconds in which nothing leaves after a refusal; most SMSCs count by the second.
        least: submit_sm a second, however often it is refused.
    """

    slower: float = 0.5
    cautious: float = 0.9
    regain: float = 0.02
    settle: float = 1.0
    hold: float = 1.0
    least: float = 1.0


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast it goes at one moment, and why no faster.

    Attributes:
        rate: submit_sm a second; 0 for no limit.
        ceiling: what it climbs to; 0 for no limit.
        reason: what the SMSC said, such as "ESME_RTHROTTLED"; "" at full speed.
        held: seconds for which nothing leaves at all.
    """

    rate: float
    ceiling: float
    reason: str
    held: float


class Pacing:
    """Spreads submit_sm PDUs evenly over time; segments count, messages do not.

    Where there is no throughput, a refusal puts a ceiling where there was none: it is taken from how fast it went, and
    lifted again when the rate has climbed to twice that.

    Args:
        throughput: submit_sm a second; 0 for no limit.
        now: seconds on any clock that only goes forward.
        adaptation: how the rate follows what the SMSC says.
    """

    def __init__(self, throughput: float, now: float, adaptation: Adaptation | None = None) -> None:
        self.throughput = throughput
        self._adaptation = adaptation or Adaptation()
        self._ceiling = throughput
        self._base = throughput  # the rate at `_since`, from where it climbs
        self._since = now
        self._reason = ""
        self._tokens = self._depth(throughput)
        self._filled = now
        self._held_until = now
        self._settled = now
        self._counted = self._counted_before = 0.0
        self._counting_since = now

    @property
    def second(self) -> int:
        """How many PDUs may leave in a second, at least one: no more need be at hand."""
        return max(1, int(self.throughput)) if self.throughput else sys.maxsize

    # Leaving

    def delay(self, now: float) -> float:
        """Seconds until one more PDU may leave; 0 if it may now."""
        held = max(0.0, self._held_until - now)
        rate = self._rate(now)
        if not rate:
            return held
        self._fill(now, rate)
        return max(held, (1.0 - self._tokens) / rate)

    def allowance(self, now: float) -> int:
        """How many PDUs may leave now."""
        if self._held_until > now:
            return 0
        rate = self._rate(now)
        if not rate:
            return sys.maxsize
        self._fill(now, rate)
        return max(0, int(self._tokens + _TOLERANCE))

    def take(self, now: float, count: int = 1) -> None:
        """Count so many PDUs that leave."""
        self._measure(now, count)
        if rate := self._rate(now):
            self._fill(now, rate)
            self._tokens -= count

    def give_back(self, count: int) -> None:
        """So many that were counted did not leave."""
        self._counted = max(0.0, self._counted - count)
        if self._ceiling:
            self._tokens += count

    def hold(self, until: float) -> None:
        """Let nothing leave before then."""
        self._held_until = max(self._held_until, until)

    def change(self, throughput: float, now: float, adaptation: Adaptation | None = None) -> None:
        """Go by another throughput from now on; what the SMSC has said holds until it is climbed away from.

        Args:
            throughput: submit_sm a second; 0 for no limit.
            now: seconds on the same clock as ever.
            adaptation: how the rate follows what the SMSC says; None leaves that as it is.
        """
        rate = self._rate(now)
        if rate:
            self._fill(now, rate)
        self._filled = now
        self._adaptation = adaptation or self._adaptation
        self.throughput = throughput
        self._ceiling = throughput or (self._ceiling if self._reason else 0.0)
        self._base = min(rate, self._ceiling) if self._reason else throughput
        self._since = max(now, self._since)
        self._tokens = min(self._tokens, self._depth(self._base))

    # Learning

    def heard(self, response: Pdu, now: float) -> bool:
        """Learn from what the SMSC says to a submit_sm; True if it goes slower from now on."""
        if response.command_status in THROTTLES:
            self.hold(now + self._adaptation.hold)
            return self._slow(CommandStatus(response.command_status).name, self._adaptation.slower, now)
        state = response.tlv(Tag.CONGESTION_STATE) if response.tlvs else None
        return isinstance(state, int) and self._congested(state, now)

    def state(self, now: float) -> Pace:
        """How fast it goes now, and why no faster."""
        rate = self._rate(now)
        held = max(0.0, self._held_until - now)
        return Pace(rate=rate, ceiling=self.throughput, reason=self._reason, held=held)

    # Inside

    def _congested(self, state: int, now: float) -> bool:
        reason = f"congestion_state {state}"
        if state == _CONGESTED:
            return self._slow(reason, self._adaptation.slower, now)
        if _NEAR <= state < _CONGESTED:
            return self._slow(reason, self._adaptation.cautious, now)
        if _OPTIMUM <= state < _NEAR and self._reason:  # stay where we are
            self._base, self._since = self._rate(now), now + self._adaptation.settle
        return False

    def _slow(self, reason: str, left: float, now: float) -> bool:
        if now < self._settled:
            return False
        rate = self._rate(now) or self._measured(now)
        if not self._ceiling:
            self._ceiling = max(2.0 * rate, self._adaptation.least)
        self._base = min(rate, max(rate * left, self._adaptation.least))
        self._since = self._settled = now + self._adaptation.settle
        self._reason = reason
        self._tokens = min(self._tokens, self._depth(self._base))
        return True

    def _rate(self, now: float) -> float:
        """The rate at this moment; once it has climbed all the way, the refusal is forgotten."""
        if not self._reason:
            return self._ceiling
        climbed = self._base + max(0.0, now - self._since) * self._adaptation.regain * self._ceiling
        if climbed < self._ceiling:
            return climbed
        self._reason = ""
        self._ceiling = self._base = self.throughput
        return self._ceiling

    def _fill(self, now: float, rate: float) -> None:
        self._tokens = min(self._depth(rate), self._tokens + max(0.0, now - self._filled) * rate)
        self._filled = now

    def _depth(self, rate: float) -> float:
        return max(1.0, rate * _DEPTH)

    def _measure(self, now: float, count: int) -> None:
        """Count by the second, so that there is a rate to start from where none was set."""
        passed = now - self._counting_since
        if passed >= 1.0:
            self._counted_before = self._counted / passed
            self._counted, self._counting_since = 0.0, now
        self._counted += count

    def _measured(self, now: float) -> float:
        self._measure(now, 0)
        return max(self._counted_before, self._counted, self._adaptation.least)
