"""Signals from tickets and from people who talked to the customer."""

from typing import Any

from numba import njit

from services.scoring.domain.buckets import whole
from services.scoring.domain.row import TICKETS_KEPT
from services.scoring.domain.signals.scale import days_between, fade, waited
from services.scoring.domain.support import is_open, trouble


@njit(cache=True)
def support_sentiment(row: Any, now: int, card: Any) -> Any:
    """Decayed sentiments around `par`; open trouble presses down, and while it is open nothing fades."""
    open_now, _ = trouble(row)
    if row.mood_at == 0 and open_now == 0:
        return 0.0, -1.0
    left = 1.0 if open_now else fade(whole(row.mood_at), now, card.mood_tau)
    weight = row.mood_weight * left
    mood = row.mood_sum * left / (weight + card.mood_shrink)
    value = card.par + mood * (100.0 - card.par if mood > 0 else card.par)
    value = max(value - card.trouble_cost * min(open_now, 2), 0.0)
    return value, 1.0 if open_now else weight / (weight + card.mood_shrink)


@njit(cache=True)
def support_unresolved(row: Any, now: int, card: Any) -> Any:
    """How long the longest open contact has waited; trouble weighs as much as `patience` days more."""
    if row.tickets_total == 0 and row.ticket_opened[0] == 0 and row.trouble_opened == 0:
        return 0.0, -1.0
    days = -1.0
    for i in range(TICKETS_KEPT):
        if is_open(row, i):
            days = max(days, days_between(whole(row.ticket_opened[i]), now))
    count, oldest = trouble(row)
    if count:
        days = max(days, days_between(oldest, now) + card.patience)
    if days < 0.0:
        return card.par, row.tickets_total / (row.tickets_total + 1.0)
    return waited(days, card), 1.0


@njit(cache=True)
def csm_sentiment(row: Any, now: int, card: Any) -> Any:
    """What a person heard last, fading toward `par`."""
    if row.csm_at == 0:
        return 0.0, -1.0
    left = fade(whole(row.csm_at), now, card.voice_tau)
    side = 100.0 - card.par if row.csm > 0 else card.par
    return card.par + left * row.csm * side, left
