"""Proportions with intervals, and percentiles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054  # normal quantile at 97.5 %


@dataclass(frozen=True, slots=True)
class Proportion:
    """`hits` of `total`."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else math.nan


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float

    def covers(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson(seen: Proportion, z: float = Z95) -> Interval:
    """Score interval of one proportion (Wilson 1927); everything from 0 to 1 when nothing was seen."""
    if seen.total == 0:
        return Interval(0.0, 1.0)
    n, p = seen.total, seen.value
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Interval(max(centre - half, 0.0), min(centre + half, 1.0))


def difference(treated: Proportion, control: Proportion, z: float = Z95) -> Interval:
    """Interval of treated minus control from the two score intervals (Newcombe 1998, method 10)."""
    if treated.total == 0 or control.total == 0:
        return Interval(-1.0, 1.0)
    one, two = wilson(treated, z), wilson(control, z)
    p, q = treated.value, control.value
    low = p - q - math.hypot(p - one.low, two.high - q)
    high = p - q + math.hypot(one.high - p, q - two.low)
    return Interval(low, high)


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; not a number when there are none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    rank = math.ceil(share * len(ordered))
    return ordered[min(max(rank - 1, 0), len(ordered) - 1)]
