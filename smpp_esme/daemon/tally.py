"""Counters and histograms of what happens with every message: plain numbers, read when somebody fetches them.

prometheus_client takes a lock for each number that it changes, and changes two for a histogram's every value. These are
changed and read in the event loop alone, so they need none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Generic, TypeVar

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client import CollectorRegistry


class Count:
    """How often something happened, by one set of labels.

    Attributes:
        value: so often.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, by: float = 1.0) -> None:
        """It happened again."""
        self.value += by


class Spread:
    """How large something was each time, by one set of labels.

    Args:
        bounds: the upper ends of the buckets, in order; each belongs to its own.

    Attributes:
        counts: how many fell into each bucket, and last those beyond all of them.
        total: their sum.
    """

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """It was so large this time."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


T = TypeVar("T", Count, Spread)


class _Family(Collector, ABC, Generic[T]):
    """One metric: what is measured, by its labels.

    Args:
        name: as it is exposed.
        told: what it means.
        labels: their names; with none of them there is one series from the start.
        registry: where it is read.
    """

    def __init__(self, name: str, told: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name = name
        self._told = told
        self._labels = tuple(labels)
        self._series: dict[tuple[str, ...], T] = {}
        if not labels:
            self.labels()
        registry.register(self)

    def labels(self, *values: str) -> T:
        """The series of these labels, in their order; it is there from now on."""
        found = self._series.get(values)
        if found is None:
            if len(values) != len(self._labels):
                raise ValueError(f"{self._name} has the labels {self._labels}, not {len(values)}")
            found = self._series[values] = self._made()
        return found

    @abstractmethod
    def _made(self) -> T: ...

    @abstractmethod
    def collect(self) -> Iterable[Metric]:
        """All series as they are now."""

    def describe(self) -> Iterable[Metric]:
        """What there is to collect, without any of it."""
        return []


class Counts(_Family[Count]):
    """A counter."""

    def _made(self) -> Count:
        return Count()

    def collect(self) -> Iterable[Metric]:
        """All series as they are now."""
        family = CounterMetricFamily(self._name, self._told, labels=self._labels)
        for values, count in self._series.items():
            family.add_metric(values, count.value)
        return [family]


class Spreads(_Family[Spread]):
    """A histogram; `bounds` are the upper ends of its buckets."""

    def __init__(
        self, name: str, told: str, labels: Sequence[str], registry: CollectorRegistry, *, bounds: Sequence[float]
    ) -> None:
        self._bounds = tuple(map(float, bounds))
        super().__init__(name, told, labels, registry)

    def _made(self) -> Spread:
        return Spread(self._bounds)

    def collect(self) -> Iterable[Metric]:
        """All series as they are now."""
        family = HistogramMetricFamily(self._name, self._told, labels=self._labels)
        ends = [*map(floatToGoString, self._bounds), "+Inf"]
        for values, spread in self._series.items():
            family.add_metric(values, list(zip(ends, accumulate(spread.counts), strict=True)), spread.total)
        return [family]
