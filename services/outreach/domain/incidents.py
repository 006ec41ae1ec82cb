"""Cause before customer: firings of one rule that share a product, carrier, region or release far beyond
its base rate are one incident. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from math import lgamma, log, log10

KINDS = ("product", "carrier", "region", "release")
HISTORY = timedelta(days=28)  # what is usual for a rule: four of every weekday, and one month's end

_PRIOR = 20  # firings' worth of belief that the rule has no taste of its own, until its history says so
_CALM = 0.5  # an incident ends at half of what opens one, so that it does not flap
_NEGLIGIBLE = 1e-17  # of a sum of doubles


@dataclass(frozen=True, slots=True)
class Limits:
    """What makes an incident. `chance`: false alarms of one rule in one window, at most."""

    window: timedelta = timedelta(hours=24)
    least: int = 10
    lift: float = 3.0
    chance: float = 0.001


@dataclass(frozen=True, slots=True)
class Seen:
    """One value among those a rule fired for. Everything counts customers, and only those of whom the kind
    is known: `fired` of `of` within the window, `before` of `before_of` in the rule's history,
    `customers` of `known` in the shop.
    """

    kind: str
    value: str
    fired: int
    of: int
    customers: int
    known: int
    before: int = 0
    before_of: int = 0

    @property
    def share(self) -> float:
        """Of customers. Someone more than was counted has it: the count may be a little old, and never 0."""
        return (self.customers + 1) / (self.known + 1)

    @property
    def usual(self) -> float:
        """What is to be expected of a firing: the customers' share, or the rule's own where that is more.

        A rule about subscriptions always fires for the products that are subscriptions.
        """
        own = (self.before + _PRIOR * self.share) / (self.before_of + _PRIOR)
        return max(self.share, own)

    @property
    def lift(self) -> float:
        """How many times as likely to fire customers with the value are as those without it."""
        rest = (
            self.of - self.fired + 0.5
        )  # half a customer: with nobody else firing it is large, not infinite
        return self.fired / rest * (1 - self.usual) / self.usual


@dataclass(frozen=True, slots=True)
class Finding:
    """One value that explains firings; the chance of as many is 10 to the power of `log_chance`."""

    seen: Seen
    log_chance: float


def log_tail(least: int, of: int, share: float) -> float:
    """log10 of the chance that at least so many of so many have what a share of all have (binomial)."""
    if share >= 1:
        return 0.0
    if least > of or share <= 0:
        return float("-inf")
    first = _log_term(least, of, share)
    total, term, odds = 1.0, 1.0, share / (1 - share)
    for k in range(least, of):
        term *= (of - k) / (k + 1) * odds
        total += term
        if term < total * _NEGLIGIBLE:
            break
    return (first + log(total)) / log(10)


def _log_term(k: int, of: int, share: float) -> float:
    ways = lgamma(of + 1) - lgamma(k + 1) - lgamma(of - k + 1)
    return ways + k * log(share) + (of - k) * log(1 - share)


def find(seen: Iterable[Seen], limits: Limits) -> Finding | None:
    """The value that explains most, or None. Each look asks of every value, and there is a look for each
    firing of the window: the chance allowed is divided by both (Bonferroni).
    """
    values = list(seen)
    found = [one for one in (_judge(each, len(values), limits) for each in values) if one is not None]
    return min(found, key=_strongest_first, default=None)


def _strongest_first(found: Finding) -> tuple[float, str, str]:
    return found.log_chance, found.seen.kind, found.seen.value


def _judge(seen: Seen, values: int, limits: Limits) -> Finding | None:
    if seen.fired < limits.least or seen.lift < limits.lift:
        return None
    chance = log_tail(seen.fired, seen.of, seen.usual)
    allowed = log10(limits.chance) - log10(values * seen.of)
    return Finding(seen, chance) if chance <= allowed else None


def is_over(seen: Seen, limits: Limits) -> bool:
    """Whether an incident has ended by itself: few fire any more, or hardly more than elsewhere."""
    return seen.fired < limits.least * _CALM or seen.lift < limits.lift * _CALM


def in_words(rule: str, found: Finding, window: timedelta) -> str:
    seen, hours = found.seen, round(window / timedelta(hours=1))
    told = f"{_percent(seen.share)} of all customers do"
    if seen.usual > seen.share:
        told += f", {_percent(seen.usual)} of those it fires for as a rule"
    chance = f"1 in 10^{-found.log_chance:.0f} by chance"
    return (
        f"{seen.fired} of the {seen.of} customers {rule} fired for in {hours} h"
        f" have {seen.kind} {seen.value}; {told}: {chance}"
    )


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %") if share >= 0.01 else "under 1 %"
