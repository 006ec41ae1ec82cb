"""Numbers, times and codes as people read them. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from libs.events.money import to_text

NOTHING = "\u2013"  # shown where there is no value
BANDS = ("red", "yellow", "green")
STAGES = ("new", "mid", "loyal", "lapsed")
SEVERITIES = {4: "Remedy owed", 3: "High", 2: "Medium", 1: "Low"}
OUTCOMES = {
    "reached": "Reached",
    "resolved": "Resolved",
    "not_resolved": "Not resolved",
    "no_answer": "No answer",
    "declined": "Declined",
}
OUTCOME_HINTS = {
    "reached": "We spoke or wrote, and it went as planned",
    "resolved": "Their problem is fully solved",
    "not_resolved": "We spoke; the problem is still open",
    "no_answer": "Nobody there; try again later",
    "declined": "They do not want this",
}
VERDICTS = {"right": "Right", "wrong": "Wrong", "missed": "Missed"}
WHY_WRONG = {
    "came_back": "They came back by themselves",
    "known": "We knew, and it is fine",
    "wrong_data": "The data behind it is wrong",
    "not_a_customer": "Not a real customer",
    "too_early": "Too early to worry",
    "other": "Something else",
}
OVERRIDE = "override"  # the contribution that holds a person's word: without a weight, but with points
SENTIMENTS = {"positive": "Positive", "neutral": "Neutral", "negative": "Negative"}
SUBSCRIPTION = {
    "active": "active",
    "paused": "paused",
    "cancel_requested": "asked to cancel",
    "cancelled": "cancelled",
    "past_due": "payment overdue",
}
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


def label(code: str) -> str:
    """A code as words: `new-customer` is New customer."""
    words = code.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def signal(name: str) -> str:
    """A contribution's name. One of them is no signal but what a person said, and is told as such."""
    return "A person's override" if name == OVERRIDE else label(name)


def money(minor: int | None, currency: str | None) -> str:
    """Minor units with the currency; without a currency there is no amount to show."""
    if minor is None or not currency:
        return NOTHING
    whole, _, part = to_text(abs(minor), currency).partition(".")
    grouped = f"{int(whole):,}" + (f".{part}" if part else "")
    sign = "-" if minor < 0 else ""
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{grouped}" if symbol else f"{sign}{grouped} {currency}"


def day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"


def moment(at: datetime) -> str:
    return f"{day(at)}, {at:%H:%M}"


def _count(number: float, unit: str) -> str:
    whole = round(number)
    if whole == 1:
        return f"1 {unit}"
    return f"{whole:,} {f'{unit[:-1]}ies' if unit.endswith('ry') else f'{unit}s'}"


def span(length: timedelta) -> str:
    """A length of time in its largest sensible unit."""
    seconds = abs(length.total_seconds())
    for unit, size, until in (("minute", 60, 90 * 60), ("hour", 3600, 36 * 3600), ("day", 86_400, None)):
        if until is None or seconds < until:
            return _count(seconds / size, unit)
    raise AssertionError("unreachable: the last unit has no end")


def ago(at: datetime, now: datetime) -> str:
    return "just now" if now - at < timedelta(minutes=1) else f"{span(now - at)} ago"


def due(at: datetime, now: datetime) -> str:
    return f"{span(now - at)} overdue" if at < now else f"in {span(at - now)}"


def assignee(name: str) -> str:
    """A person of the team file (`eva.novak`) or, as `pool:<name>`, nobody in that pool yet."""
    if name.startswith("pool:"):
        return f"{label(name[5:])} pool"
    return name.replace(".", " ").title() if name.islower() else name


@dataclass(frozen=True, slots=True)
class Known:
    """One thing we know of a customer, in plain words."""

    topic: str
    text: str


Facts = dict[str, Any]
_Sayer = Callable[[Facts, datetime], str | None]


def _time(facts: Facts, name: str) -> datetime | None:
    value = facts.get(name)
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _when(name: str, text: str) -> _Sayer:
    def say(facts: Facts, now: datetime) -> str | None:
        at = _time(facts, name)
        return None if at is None else text.format(ago=ago(at, now), day=day(at))

    return say


def _number(name: str, unit: str, text: str = "{n}", least: float = 1) -> _Sayer:
    def say(facts: Facts, _now: datetime) -> str | None:
        value = facts.get(name)
        return None if value is None or value < least else text.format(n=_count(value, unit))

    return say


def _orders(facts: Facts, now: datetime) -> str | None:
    total = facts.get("orders_total")
    if total is None:
        return None
    if total == 0:
        return "No orders yet"
    last = _time(facts, "last_order_at")
    tail = f", the last one {ago(last, now)}" if last else ""
    return f"{_count(total, 'order')} so far{tail}"


def _rhythm(facts: Facts, now: datetime) -> str | None:
    """Lateness is reckoned here: a snapshot's counts may be a day old, but its times do not age."""
    gap, late = facts.get("own_gap_days"), facts.get("days_overdue")
    if gap is None:
        return None
    if last := _time(facts, "last_order_at"):
        late = (now - last) / timedelta(days=1) - gap
    text = f"Usually orders every {_count(gap, 'day')}"
    if late is None:
        return text
    return f"{text}; {_count(late, 'day')} late" if late >= 1 else f"{text}; not late"


def _odds(facts: Facts, _now: datetime) -> str | None:
    chance = facts.get("silence_tail_p")
    if chance is None:
        return None
    return f"A silence this long happens in {chance:.0%} of this customer's gaps"


def _spend(facts: Facts, _now: datetime) -> str | None:
    total = facts.get("spend_total")
    return None if not total else f"Has spent {money(total, facts.get('currency'))} net"


def _engagement(facts: Facts, _now: datetime) -> str | None:
    now_30, before = facts.get("engagement_30d"), facts.get("engagement_prev_30d")
    if now_30 is None:
        return None
    text = f"{_count(now_30, 'interaction')} in the last 30 days"
    return text if before is None else f"{text}, {before:,} in the 30 before"


def _visits(facts: Facts, _now: datetime) -> str | None:
    visits = facts.get("visits_30d")
    if visits is None or facts.get("site_known") is False:
        return None
    since = facts.get("visits_since_order")
    tail = f"; {since:,} since the last order" if since else ""
    return f"{_count(visits, 'visit')} in the last 30 days{tail}"


def _returned(facts: Facts, now: datetime) -> str | None:
    at = _time(facts, "last_return_at")
    if at is None:
        return None
    share = facts.get("returned_share")
    return f"Returned {f'{share:.0%} of ' if share else ''}an order {ago(at, now)}"


def _negative(facts: Facts, now: datetime) -> str | None:
    number, oldest = facts.get("open_negative_tickets"), _time(facts, "oldest_negative_at")
    if not number:
        return None
    age = f", the oldest for {span(now - oldest)}" if oldest else ""
    return f"{_count(number, 'unhappy ticket')} open{age}"


def _subscription(facts: Facts, now: datetime) -> str | None:
    state = facts.get("subscription_state")
    if state in (None, "none"):
        return None
    at = _time(facts, "subscription_changed_at")
    return f"Subscription {SUBSCRIPTION.get(str(state), str(state))}" + (f", {ago(at, now)}" if at else "")


def _recurring(facts: Facts, _now: datetime) -> str | None:
    mrr = facts.get("mrr")
    return None if not mrr else f"Pays {money(mrr, facts.get('currency'))} a month"


def _scale(name: str, text: str) -> _Sayer:
    def say(facts: Facts, _now: datetime) -> str | None:
        value = facts.get(name)
        return None if value is None else text.format(n=value)

    return say


_SAYINGS: tuple[tuple[str, _Sayer], ...] = (
    ("Purchases", _orders),
    ("Purchases", _spend),
    ("Purchases", _rhythm),
    ("Purchases", _odds),
    ("Purchases", _when("first_order_at", "Customer since {day}")),
    ("Returns", _returned),
    ("Engagement", _engagement),
    ("Engagement", _visits),
    ("Engagement", _when("last_visit_at", "Last visit {ago}")),
    ("Engagement", _number("clicks_30d", "e-mail click", "{n} in the last 30 days")),
    ("Engagement", _number("sends_since_engagement", "e-mail", "{n} sent since they last engaged")),
    ("Engagement", _when("unsubscribed_at", "Unsubscribed from e-mail {ago}")),
    ("Support", _negative),
    ("Support", _number("open_tickets", "open ticket")),
    ("Support", _number("tickets_14d", "ticket", "{n} in the last 14 days")),
    ("Subscription", _subscription),
    ("Subscription", _recurring),
    ("Subscription", _number("skips", "skipped delivery", "{n} in a row")),
    ("Subscription", _when("payment_failed_at", "A payment failed {ago}")),
    ("Feedback", _scale("nps", "Would recommend us: {n} of 10")),
    ("Feedback", _scale("csat", "Satisfaction: {n} of 5")),
    ("Feedback", _number("reviews_positive", "good review", "Wrote {n}")),
    ("Usage", _number("usage_14d", "use", "{n} of the product in 14 days", least=0)),
)


def facts_in_words(facts: Facts, now: datetime) -> list[Known]:
    """What is known, in the order a person would tell it. What is not known is not said."""
    said = ((topic, say(facts, now)) for topic, say in _SAYINGS)
    return [Known(topic, text) for topic, text in said if text]
