"""A sentence for each signal, made from numbers alone; what people read on a contribution."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from services.scoring.domain import signals as s


def sentence(signal: int, facts: Any, p_buy: float | None, horizon: float) -> str:
    """Why a signal stands where it stands. `facts` has libs.events.Facts' attributes; None = not known."""
    if signal == s.RECENCY:
        return _recency(facts, p_buy, horizon)
    return _SENTENCES[signal](facts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _day(at: datetime | None) -> str:
    return "an unknown day" if at is None else f"{at:%Y-%m-%d}"


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


def _override(facts: Any) -> str:
    return f"Set by a person until {_day(facts.override_until)}"


def _level(facts: Any) -> str:
    if facts.engagement_30d is None:
        return "The source of visits or clicks is silent: held as last heard"
    return f"{_count(facts.engagement_30d, 'interaction')} in 30 days"


def _unresolved(facts: Any) -> str:
    tickets, negative = facts.open_tickets or 0, facts.open_negative_tickets or 0
    if negative:
        since = _day(facts.oldest_negative_at)
        return f"{_count(negative, 'negative contact')} unresolved, the oldest since {since}"
    return f"{_count(tickets, 'ticket')} open" if tickets else "Nothing is open with support"


def _csm(facts: Any) -> str:
    sentiment = facts.csm_sentiment or 0
    heard = "good" if sentiment > 0 else "bad" if sentiment < 0 else "neither good nor bad"
    return f"What a person heard last was {heard}, fading with time"


def _depth(facts: Any) -> str:
    uses = f"{_count(facts.usage_14d, 'use')} in 14 days"
    return f"{uses}, {_count(facts.seats_active, 'active seat')}" if facts.seats_active else uses


def _breadth(facts: Any) -> str:
    return f"{facts.features_used_30d} of {_count(facts.features_available, 'feature')} used in 30 days"


def _usage(facts: Any) -> str:
    return f"{_count(facts.usage_14d, 'use')} in 14 days, {facts.usage_prev_14d} in the 14 before"


def _survey(facts: Any) -> str:
    answers = (("NPS", facts.nps, 10), ("CSAT", facts.csat, 5), ("CES", facts.ces, 7))
    told = [f"{name} {score} of {most}" for name, score, most in answers if score is not None]
    return f"Answered {', '.join(told)}; fading with time"


_STANDINGS = {
    "cancel_requested": "asked to be cancelled",
    "past_due": "waits for a payment",
}


def _subscription(facts: Any) -> str:
    state = facts.subscription_state
    told = (
        f"The subscription {_STANDINGS.get(state, f'is {state}')} since {_day(facts.subscription_changed_at)}"
    )
    if facts.payment_failed_at is not None and state != "past_due":
        told += f", a payment failed on {_day(facts.payment_failed_at)}"
    return f"{told}, {_count(facts.skips, 'skip')} in a row" if facts.skips else told


def _onboarding(facts: Any) -> str:
    reached = f"{_count(facts.milestones_reached, 'milestone')} reached"
    if facts.milestone_due_at is None:
        return f"{reached}, none open"
    return f"{reached}, the next one by {_day(facts.milestone_due_at)}"


_SENTENCES: Mapping[int, Callable[[Any], str]] = {
    s.ENGAGEMENT: _engagement,
    s.FREQUENCY: _frequency,
    s.SUPPORT: _support,
    s.OVERRIDE: _override,
    s.LEVEL: _level,
    s.UNRESOLVED: _unresolved,
    s.CSM: _csm,
    s.DEPTH: _depth,
    s.BREADTH: _breadth,
    s.USAGE: _usage,
    s.SURVEY: _survey,
    s.SUBSCRIPTION: _subscription,
    s.ONBOARDING: _onboarding,
}
