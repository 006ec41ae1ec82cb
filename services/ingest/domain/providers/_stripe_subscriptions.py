"""Stripe's subscriptions: what one change of one of them says. Part of the provider file stripe.py.

`customer.subscription.updated` carries the whole subscription and, under previous_attributes, what its
changed members were before: the picture before and the picture after, compared.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from libs.events.families import commerce
from libs.events.families.commerce import SubscriptionEvent
from services.ingest.domain.plan import Fact, fact
from services.ingest.domain.providers._stripe_amounts import currency_of, money_of
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import Source

SUBSCRIPTION = "stripe/subscription"
_BEGUN = frozenset({"active", "trialing"})
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}


def started(event: Node, source: Source, number: str, at: datetime) -> list[Fact]:
    """At creation, unless it waits for its first payment: then with the update that follows it."""
    thing = event.at("data", "object")
    if thing.at("status").text() not in _BEGUN:
        return []
    data = commerce.SubscriptionStarted(**_terms(thing, source, number))
    return [fact(data, thing.at("created").unix("created") or at, *_ids(number, "started"))]


def updated(event: Node, source: Source, number: str, at: datetime) -> list[Fact]:
    """Every transition of one update; the event's own id tells it from the next of its kind."""
    after = event.at("data", "object")
    before = _before(event)
    version = event.at("id").must_ref("event")
    if before.at("status").text() == "incomplete" and after.at("status").text() in _BEGUN:
        return started(event, source, number, at)
    terms = _terms(after, source, number)
    return [
        fact(model(**terms, reason=reason), at, *_ids(number, verb, version))
        for verb, model, reason in _transitions(before, after)
    ]


def ended(event: Node, source: Source, number: str, at: datetime) -> list[Fact]:
    """It is over, whether somebody wanted that or a card kept failing: the reason tells."""
    thing = event.at("data", "object")
    terms = _terms(thing, source, number) | {"renewal_at": None}
    data = commerce.SubscriptionCancelled(**terms, reason=_why(thing))
    return [fact(data, thing.at("ended_at").unix("ended_at") or at, *_ids(number, "cancelled"))]


def paused(event: Node, source: Source, number: str, at: datetime) -> list[Fact]:
    """Stripe's own pause: a trial ended without a card. A pause somebody asked for is an update."""
    terms = _terms(event.at("data", "object"), source, number)
    data = commerce.SubscriptionPaused(**terms, reason="trial_without_card")
    return [fact(data, at, *_ids(number, "paused", event.at("id").must_ref("event")))]


def resumed(event: Node, source: Source, number: str, at: datetime) -> list[Fact]:
    data = commerce.SubscriptionResumed(**_terms(event.at("data", "object"), source, number))
    return [fact(data, at, *_ids(number, "resumed", event.at("id").must_ref("event")))]


def _ids(number: str, *parts: str) -> tuple[str, ...]:
    return ("stripe", "subscription", number, *parts)


def _before(event: Node) -> Node:
    after, changed = event.at("data", "object").raw, event.at("data", "previous_attributes").raw
    return Node({**after, **(changed if isinstance(changed, dict) else {})})


def _transitions(before: Node, after: Node) -> Iterator[tuple[str, type[SubscriptionEvent], str | None]]:
    """A card that fails or works again, and the turn of a period, are told by invoices: not here."""
    if _ending(after) and not _ending(before):
        yield "cancel_requested", commerce.SubscriptionCancelRequested, _why(after)
    if _ending(before) and not _ending(after):
        yield "kept", commerce.SubscriptionResumed, "cancellation_withdrawn"
    was_held, is_held = bool(before.at("pause_collection")), bool(after.at("pause_collection"))
    if is_held and not was_held:
        yield "paused", commerce.SubscriptionPaused, after.at("pause_collection", "behavior").label()
    if was_held and not is_held:
        yield "resumed", commerce.SubscriptionResumed, None
    old, new = _plan(before), _plan(after)
    if old and new and old != new:
        yield "changed", commerce.SubscriptionChanged, None


def _ending(thing: Node) -> bool:
    return thing.at("cancel_at_period_end").flag() is True or bool(thing.at("cancel_at"))


def _why(thing: Node) -> str | None:
    """A code that was chosen, never the comment beside it."""
    return thing.at("cancellation_details").first("feedback", "reason").label()


def _plan(thing: Node) -> list[tuple[str | None, str | None]] | None:
    """What is subscribed to and how many of it; None where the picture has items without their prices."""
    items = list(thing.at("items", "data").each())
    prices = [item.first("price", "plan").at("id").text() for item in items]
    counts = [item.at("quantity").text() for item in items]
    whole = (thing.at("plan", "id").text(), thing.at("quantity").text())
    return [*zip(prices, counts, strict=True), whole] if all(prices) else None


def _terms(thing: Node, source: Source, number: str) -> dict[str, Any]:
    items = list(thing.at("items", "data").each())
    prices = [item.first("price", "plan") for item in items]
    first = next(iter(prices), Node(None))
    currency = currency_of(thing if thing.at("currency") else first, source)
    minor = _per_interval(items)
    return {
        "subscription_id": number,
        "amount": None if minor is None else money_of(Node(minor), currency),
        "currency": currency,
        "interval_days": _interval_days(first.at("recurring") or first),
        "renewal_at": None if _ending(thing) else _period_end(thing, items),
    }


def _per_interval(items: list[Node]) -> Decimal | None:
    """What one interval costs; None if any part of it is metered or tiered."""
    total = Decimal(0)
    for item in items:
        price = item.first("price", "plan")
        names = ("unit_amount_decimal", "unit_amount", "amount_decimal", "amount")
        unit, quantity = price.first(*names).number("unit_amount"), item.at("quantity").count()
        if unit is None or quantity is None:
            return None
        total += unit * quantity
    return total if items else None


def _interval_days(cycle: Node) -> int | None:
    unit, every = _DAYS.get(cycle.at("interval").text() or ""), cycle.at("interval_count").count()
    return None if unit is None or every is None else min(unit * every, 1_000_000)


def _period_end(thing: Node, items: list[Node]) -> datetime | None:
    """Since the API of 2025-03-31 each item has a period of its own: the first that ends."""
    if (whole := thing.at("current_period_end").unix("current_period_end")) is not None:
        return whole
    ends = (item.at("current_period_end").unix("current_period_end") for item in items)
    return min((end for end in ends if end), default=None)
