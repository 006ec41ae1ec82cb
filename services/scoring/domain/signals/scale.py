"""The scale of all signals: 0 to 100, `par` for what goes as it usually goes; how words fade toward it."""

from math import exp, log
from typing import Any

from numba import njit

from services.scoring.domain.row import DAY


@njit(cache=True)
def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + exp(-x))


@njit(cache=True)
def logit(p: float) -> float:
    return log(p / (1.0 - p))


@njit(cache=True)
def clamped(p: float) -> float:
    """Where a logit exists."""
    return min(max(p, 1e-12), 1.0 - 1e-12)


@njit(cache=True)
def trend_value(recent: float, usual: float, shrink: float, card: Any) -> float:
    """A ratio to what is usual as 0 to 100: `par` at 1, falling below, rising above.

    `shrink` is how much evidence a trend must outweigh.
    """
    ratio = (recent + shrink) / (usual + shrink)
    return 100.0 * sigmoid(logit(card.par / 100.0) + card.trend_slope * log(ratio))


@njit(cache=True)
def level_value(amount: float, half: float) -> float:
    """An amount as 0 to 100: 50 at `half`, never full."""
    return 100.0 * amount / (amount + half)


@njit(cache=True)
def waited(days: float, card: Any) -> float:
    """Under `par`, half as much with every `patience` days."""
    return float(card.par * 0.5 ** (days / card.patience))


@njit(cache=True)
def days_between(since: int, now: int) -> float:
    return max(now - since, 0) / DAY


@njit(cache=True)
def fade(at: int, now: int, tau_days: float) -> float:
    """What is left of a word: 1 when it falls, 37 % after tau."""
    return exp(-days_between(at, now) / tau_days)


@njit(cache=True)
def heard_for(since: int, now: int, days: float) -> float:
    """Evidence of a level: how much of its window has been listened to."""
    return min(days_between(since, now) / days, 1.0)
