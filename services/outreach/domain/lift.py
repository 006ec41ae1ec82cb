"""Treated against held out: shares of success, their difference and its interval. Pure.

Wilson (1927) for one share and Newcombe (1998, method 10) for the difference of two: honest for the small
groups that playbooks have at first, where the textbook interval is not.
"""

from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959963984540054  # two-sided 95 %


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float

    def covers(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Lift:
    """`difference` is treated minus control, as a share (0.05 is 5 points)."""

    treated: float
    control: float
    difference: float
    interval: Interval


def wilson(successes: int, trials: int, z: float = Z_95) -> Interval:
    """Wilson score interval of a share; all of 0 to 1 when there are no trials."""
    if trials == 0:
        return Interval(0.0, 1.0)
    share, square = successes / trials, z * z / trials
    centre = (share + square / 2) / (1 + square)
    half = z * sqrt(share * (1 - share) / trials + square / (4 * trials)) / (1 + square)
    # Rounding must not leave the share itself outside at 0 and at 1.
    return Interval(max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))


def lift(
    treated_successes: int, treated: int, control_successes: int, control: int, z: float = Z_95
) -> Lift | None:
    """The difference of two shares with Newcombe's hybrid score interval; None while an arm is empty."""
    if not treated or not control:
        return None
    one, two = treated_successes / treated, control_successes / control
    first, second = wilson(treated_successes, treated, z), wilson(control_successes, control, z)
    difference = one - two
    low = difference - sqrt((one - first.low) ** 2 + (second.high - two) ** 2)
    high = difference + sqrt((first.high - one) ** 2 + (two - second.low) ** 2)
    return Lift(one, two, difference, Interval(low, high))
