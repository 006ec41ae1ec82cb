"""A sentence for each signal, made from numbers alone; what people read on a contribution."""

from typing import Any

from services.scoring.domain.signals import ENGAGEMENT, FREQUENCY, RECENCY


def sentence(signal: int, facts: Any, p_buy: float | None, horizon: float) -> str:
    """Why a signal stands where it stands. `facts` has libs.events.Facts' attributes; None = not known."""
    if signal == RECENCY:
        return _recency(facts, p_buy, horizon)
    if signal == ENGAGEMENT:
        return _engagement(facts)
    if signal == FREQUENCY:
        return _frequency(facts)
    return _support(facts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _recency(facts: Any, p_buy: float | None, horizon: float) -> str:
    gap, overdue = facts.own_gap_days, facts.days_overdue
    silence = _count(round(gap + overdue), "day")
    chance = f"{(p_buy or 0.0):.0%} likely to buy again within {horizon:.0f} days"
    return f"Last order {silence} ago, own rhythm {_count(round(gap), 'day')}; {chance}"


def _engagement(facts: Any) -> str:
    now, before = facts.engagement_30d, facts.engagement_prev_30d
    if now is None or before is None:
        return "The source of visits or clicks is silent: held as last heard"
    return f"{_count(now, 'interaction')} in 30 days, {before} in the 30 before"


def _frequency(facts: Any) -> str:
    gap = facts.own_gap_days
    return f"{_count(facts.orders_90d, 'order')} in 90 days, one every {gap:.0f} days is usual"


def _support(facts: Any) -> str:
    open_negative = facts.open_negative_tickets or 0
    if open_negative:
        return f"{_count(open_negative, 'unresolved negative contact')} with support"
    return "What was last heard from support and people, fading with time"
