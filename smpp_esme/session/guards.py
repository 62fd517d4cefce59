"""A provider's own rules, decided before the wire: repeats, floods, and segments that take too long. The clock is an
argument.

Some providers refuse the same text to the same number within a minute, block a number that gets too many messages in
a row, and want all segments of a message within a minute. They answer late or not at all, so it is better decided here.
Keys are opaque: whoever asks makes a digest of the text, and no text is kept.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Literal, TypeVar, get_args

import msgspec

if TYPE_CHECKING:
    from collections.abc import Hashable

    from smpp_esme.session.pacing import Pace

T = TypeVar("T")
Action = Literal["refuse", "delay", "pass"]
ACTIONS: Final[tuple[str, ...]] = get_args(Action)

#: Seconds until a message is asked about again whose segments would be too slow at the present pace.
_PACE_PATIENCE: Final = 1.0


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider does not want, and what to do about it.

    Attributes:
        repeat_within: seconds within which the same text to the same number is a repeat; 0 for no such rule.
        repeat: what to do with one.
        flood_limit: how many messages one number may get with gaps below `flood_gap`; 0 for no such rule.
        flood_gap: seconds without a message to that number after which the count begins anew.
        flood: what to do with one too many.
        segments_within: seconds within which all segments of a message must leave; 0 for no such rule.
        segments: what to do with a message for which the pace is too slow; where no pace could do it, delay refuses.
        keep: how many numbers, and how many texts, are remembered; beyond that the oldest are forgotten.
    """

    repeat_within: float = 0.0
    repeat: Action = "refuse"
    flood_limit: int = 0
    flood_gap: float = 30.0
    flood: Action = "delay"
    segments_within: float = 0.0
    segments: Action = "refuse"
    keep: int = 100_000


class Verdict(msgspec.Struct, frozen=True):
    """What to do with a message.

    Attributes:
        action: "pass" lets it go, "delay" asks again in `seconds`, "refuse" never sends it.
        reason: the rule that it breaks, in a sentence; "" where it breaks none. It may break one and pass all the same.
        seconds: until it is asked about again.
    """

    action: Action
    reason: str = ""
    seconds: float = 0.0


PASS: Final = Verdict("pass")


class Guards:
    """Decides about messages to one provider, and remembers what went.

    Args:
        rules: the provider's.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._texts: OrderedDict[Hashable, float] = OrderedDict()  # when it last went
        self._runs: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()  # how many in a row, and the last one

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return bool(self.rules.repeat_within or self.rules.flood_limit or self.rules.segments_within)

    def decide(
        self, destination: Hashable, digest: Hashable, now: float, *, segments: int = 1, pace: Pace | None = None
    ) -> Verdict:
        """What to do with a message; one that passes is remembered as gone.

        Args:
            destination: whom it is for, whatever stands for that.
            digest: what stands for its text.
            now: seconds on any clock that only goes forward.
            segments: how many submit_sm it takes.
            pace: how fast they would leave; None for at once.
        """
        verdicts = (
            self._slowness(segments, pace),
            self._repeat((destination, digest), now),
            self._flood(destination, now),
        )
        worst = max(verdicts, key=_severity)
        if worst.action == "pass":
            self._remember(destination, digest, now)
        return worst

    def late(self, first_left: float, now: float) -> Verdict:
        """What to do with the segments that are left of a message whose first one left then."""
        within = self.rules.segments_within
        if not within or now - first_left <= within:
            return PASS
        reason = f"its first segment left {now - first_left:.0f} s ago, and all must leave within {within:g} s"
        # To delay what is late already only makes it later.
        return Verdict("pass" if self.rules.segments == "pass" else "refuse", reason)

    def forget(self, destination: Hashable, digest: Hashable) -> None:
        """A message that was let go did not reach the provider, or was refused there: it may be tried again."""
        self._texts.pop((destination, digest), None)
        if run := self._runs.get(destination):
            count, last = run
            self._runs[destination] = (max(0, count - 1), last)

    # The rules

    def _repeat(self, text: Hashable, now: float) -> Verdict:
        within = self.rules.repeat_within
        last = self._texts.get(text) if within else None
        if last is None or now >= last + within:
            return PASS
        reason = f"the same text went to this number {now - last:.0f} s ago, and must not within {within:g} s"
        return Verdict(self.rules.repeat, reason, last + within - now)

    def _flood(self, destination: Hashable, now: float) -> Verdict:
        limit, gap = self.rules.flood_limit, self.rules.flood_gap
        count, last = self._run(destination, now)
        if not limit or count < limit:
            return PASS
        reason = f"{count} messages went to this number with gaps below {gap:g} s, and more than {limit} must not"
        return Verdict(self.rules.flood, reason, last + gap - now)

    def _slowness(self, segments: int, pace: Pace | None) -> Verdict:
        within = self.rules.segments_within
        if not within or pace is None or segments < 2:
            return PASS
        taken = (segments - 1) / pace.rate if pace.rate else 0.0
        if taken <= within:
            return PASS
        reason = f"its {segments} segments would take {taken:.0f} s, and all must leave within {within:g} s"
        action = self.rules.segments
        if action == "delay" and pace.ceiling and (segments - 1) / pace.ceiling > within:
            action = "refuse"
        return Verdict(action, reason, _PACE_PATIENCE if action == "delay" else 0.0)

    # What is remembered

    def _run(self, destination: Hashable, now: float) -> tuple[int, float]:
        count, last = self._runs.get(destination, (0, now))
        return (count, last) if now < last + self.rules.flood_gap else (0, now)

    def _remember(self, destination: Hashable, digest: Hashable, now: float) -> None:
        if self.rules.repeat_within:
            _put(self._texts, (destination, digest), now, self.rules.keep)
            while now >= next(iter(self._texts.values())) + self.rules.repeat_within:
                self._texts.popitem(last=False)
        if self.rules.flood_limit:
            count, _ = self._run(destination, now)
            _put(self._runs, destination, (count + 1, now), self.rules.keep)
            while now >= next(iter(self._runs.values()))[1] + self.rules.flood_gap:
                self._runs.popitem(last=False)


def _put(memory: OrderedDict[Hashable, T], key: Hashable, value: T, limit: int) -> None:
    """Enter as the newest; the oldest goes where there are too many."""
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > limit:
        memory.popitem(last=False)


def _severity(verdict: Verdict) -> tuple[int, float, bool]:
    """Refused is worse than delayed, and longer than shorter; what passes with a reason says so."""
    return ("pass", "delay", "refuse").index(verdict.action), verdict.seconds, bool(verdict.reason)
