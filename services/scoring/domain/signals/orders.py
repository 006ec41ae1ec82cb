"""Signals from orders: when the next one is due, and whether they come as often as they did."""

from math import isnan, log
from typing import Any

from numba import njit

from services.scoring.domain.orders import order_days_in, order_span
from services.scoring.domain.purchase import Rhythm
from services.scoring.domain.row import DAY
from services.scoring.domain.signals.scale import clamped, logit, sigmoid, trend_value


@njit(cache=True)
def health_of(p: float, spend: float, intercept: float, slope: float, spend_slope: float) -> float:
    """The fitted chance of a purchase: 1 / (1 + exp(-(c0 + c1 logit(p) + c2 log1p(spend))))."""
    return sigmoid(intercept + slope * logit(clamped(p)) + spend_slope * log(1.0 + spend))


@njit(cache=True)
def will_buy(row: Any, rhythm: Rhythm, card: Any) -> float:
    """p_buy as it is told: once it has been fitted, the share of such customers who do buy."""
    if not rhythm.known or isnan(card.intercept):
        return rhythm.p_buy
    return health_of(rhythm.p_buy, max(row.spend, 0), card.intercept, card.slope, card.spend_slope)


@njit(cache=True)
def purchase_recency(row: Any, rhythm: Rhythm, card: Any) -> Any:
    """p_buy on a scale where a customer who has just bought for the first time stands at the anchor."""
    if not rhythm.known:
        return 0.0, -1.0
    p = clamped(rhythm.p_buy)
    spend = card.spend_slope * log(1.0 + max(row.spend, 0))
    value = 100.0 * sigmoid(card.anchor_logit + card.slope * (logit(p) - card.anchor_p) + spend)
    return value, (rhythm.repeats + 1.0) / (rhythm.repeats + 2.0)


@njit(cache=True)
def order_frequency_trend(row: Any, now: int, rhythm: Rhythm, card: Any) -> Any:
    """Repeat order days of the window against those the own gap lets expect, shrunk by the evidence.

    In silence what is expected stays and what is counted falls. Needs two order days: one is no rhythm.
    """
    first, last = order_span(row, True)
    if last // DAY == first // DAY:
        return 0.0, -1.0
    today, first_day = now // DAY, first // DAY
    since = max(today - card.frequency_days + 1, first_day + 1)
    recent = order_days_in(row, since, today)
    days = min(max((now - first) / DAY, 0.0), float(card.frequency_days))
    expected = days / rhythm.gap
    shrink = card.frequency_shrink
    return trend_value(recent, expected, shrink, card), (recent + expected) / (recent + expected + shrink)
