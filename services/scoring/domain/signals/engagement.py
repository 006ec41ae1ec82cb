"""Signals from visits, clicks, replies and orders a person placed: how many, and fewer than before or not."""

from typing import Any

import numpy as np
from numba import njit

from services.scoring.domain.buckets import whole
from services.scoring.domain.engagement import Days, engaged_between
from services.scoring.domain.inlined import inlined
from services.scoring.domain.row import DAY, ENGAGED_DAYS
from services.scoring.domain.signals.scale import heard_for, level_value, trend_value

WINDOW = 30  # days
_BEFORE = ENGAGED_DAYS - 2 * WINDOW
"""Where in Days.upto the window before begins, on the day of the last interaction."""


@njit(cache=True)
def feed_asof(row: Any, now: int, feeds: Any, card: Any) -> int:
    """The moment up to which this customer's engagement was listened to.

    A feed that has been silent for the whole tenant is missing, not silence (FIELD.md 2): what it
    measures stands as it stood when the feed was last alive.
    """
    grace = whole(card.feed_days * DAY)
    asof = now
    if row.last_visit:
        asof = min(asof, whole(feeds.site_last) + grace)
    if row.last_click:
        asof = min(asof, whole(feeds.mail_last) + grace)
    return asof


@inlined
def usual_engagement(row: Any, days: Days, today: int) -> int:
    """What the last 30 days are held against: the 30 days before, and in silence never less than it was.

    While the customer is silent the window before slides over what was once recent; the largest
    sum it has had since the last interaction holds, so an emptying window does not look like recovery.
    Once the last interaction is in it, it can only lose.
    """
    silent = today - whole(row.engaged_day)
    if silent < 0:
        return engaged_between(row, days, today - 2 * WINDOW + 1, today - WINDOW)
    best = np.int32(0)
    for start in range(_BEFORE, _BEFORE + min(silent, WINDOW) + 1):
        best = max(best, days.upto[start + WINDOW] - days.upto[start])
    return whole(best)


@inlined
def _heard(row: Any, days: Days, now: int, feeds: Any, card: Any) -> Any:
    """Up to when was listened, the interactions of the window that ends there, and how sure they are: half
    when the feed has fallen silent since.
    """
    asof = feed_asof(row, now, feeds, card)
    today = asof // DAY
    return asof, engaged_between(row, days, today - WINDOW + 1, today), 1.0 if asof == now else 0.5


@inlined
def engagement_trend(row: Any, days: Days, now: int, feeds: Any, card: Any) -> Any:
    """30 days against the 30 before, shrunk by the evidence. Orders alone do not make it seen."""
    if row.last_visit == 0 and row.last_click == 0:
        return 0.0, -1.0
    asof, recent, sure = _heard(row, days, now, feeds, card)
    usual = usual_engagement(row, days, asof // DAY)
    shrink = card.engagement_shrink
    evidence = (recent + usual) / (recent + usual + shrink)
    return trend_value(recent, usual, shrink, card), evidence * sure


@njit(cache=True)
def engagement_level(row: Any, days: Days, now: int, feeds: Any, card: Any) -> Any:
    """Interactions in 30 days, whatever they were before."""
    if row.last_visit == 0 and row.last_click == 0:
        return 0.0, -1.0
    asof, recent, sure = _heard(row, days, now, feeds, card)
    evidence = heard_for(whole(row.first_seen), asof, WINDOW)
    return level_value(recent, card.level_half), evidence * sure
