"""Signals from use of the product: how much, how many of its features, and whether less than before."""

from typing import Any

from numba import njit

from services.scoring.domain.buckets import whole
from services.scoring.domain.row import DAY
from services.scoring.domain.signals.scale import heard_for, level_value, trend_value
from services.scoring.domain.usage import FRESH_DAYS, features_since, uses_between

WINDOW = 14  # days


@njit(cache=True)
def usage_depth(row: Any, now: int, card: Any) -> Any:
    """Uses in 14 days, for each active seat where seats are known."""
    if row.usage_first == 0:
        return 0.0, -1.0
    today = now // DAY
    seats = max(whole(row.seats_active), 1) if row.seats_known else 1
    uses = uses_between(row, today - WINDOW + 1, today)
    return level_value(uses, card.usage_half * seats), heard_for(whole(row.usage_first) * DAY, now, WINDOW)


@njit(cache=True)
def usage_breadth(row: Any, now: int, card: Any) -> Any:  # noqa: ARG001 (as all signals)
    """Share of the features there are that was used in 30 days. Needs to be told how many there are."""
    if row.usage_first == 0 or row.features_available == 0:
        return 0.0, -1.0
    used = features_since(row, now // DAY - FRESH_DAYS + 1)
    share = min(used / whole(row.features_available), 1.0)
    return 100.0 * share, heard_for(whole(row.usage_first) * DAY, now, FRESH_DAYS)


@njit(cache=True)
def _usual(row: Any, today: int) -> int:
    """As usual_engagement: the 14 days before, and in silence never less than they were."""
    last = whole(row.usage_day)
    start = min(last, today)
    total = uses_between(row, start - 2 * WINDOW + 1, start - WINDOW)
    best = total
    for day in range(start + 1, min(today, last + WINDOW) + 1):
        total += uses_between(row, day - WINDOW, day - WINDOW)
        total -= uses_between(row, day - 2 * WINDOW, day - 2 * WINDOW)
        best = max(best, total)
    return best


@njit(cache=True)
def usage_trend(row: Any, now: int, card: Any) -> Any:
    """14 days against the 14 before, shrunk by the evidence."""
    if row.usage_first == 0:
        return 0.0, -1.0
    today = now // DAY
    recent, usual = uses_between(row, today - WINDOW + 1, today), _usual(row, today)
    shrink = card.usage_shrink
    return trend_value(recent, usual, shrink, card), (recent + usual) / (recent + usual + shrink)
