"""What became of an intervention or of a control window: one rule for both arms. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class ObservedOrder:
    """One order as its events so far tell it. Amounts in minor units of the intervention's currency."""

    order_id: str
    placed_at: datetime | None = None
    version_at: datetime | None = None
    amount_minor: int = 0
    counts: bool = True
    cancelled: bool = False
    refunds: dict[str, int] = field(default_factory=dict)

    @property
    def net_minor(self) -> int:
        return max(self.amount_minor - sum(self.refunds.values()), 0)


@dataclass(frozen=True, slots=True)
class OrderFact:
    """One event about an order; `at` is its event time."""

    kind: Literal["placed", "updated", "cancelled", "refunded"]
    order_id: str
    at: datetime
    amount_minor: int = 0
    counts: bool = True
    refund_id: str = ""


def observe(order: ObservedOrder, fact: OrderFact) -> ObservedOrder:
    """Fold one event in. Any order of arrival and any repetition give the same result."""
    if fact.kind == "cancelled":
        return replace(order, cancelled=True)
    if fact.kind == "refunded":
        return replace(order, refunds={**order.refunds, fact.refund_id: fact.amount_minor})
    placed = order.placed_at
    if fact.kind == "placed":
        placed = fact.at if placed is None else min(placed, fact.at)
    if _is_older(fact, order.version_at):
        return replace(order, placed_at=placed)
    return replace(
        order, placed_at=placed, version_at=fact.at, amount_minor=fact.amount_minor, counts=fact.counts
    )


def _is_older(fact: OrderFact, version_at: datetime | None) -> bool:
    """A version that came late. An update of the same moment is younger than the order itself."""
    if version_at is None:
        return False
    return fact.at < version_at or (fact.kind == "placed" and fact.at == version_at)


@dataclass(frozen=True, slots=True)
class Result:
    result: Literal["success", "failure"]
    orders: int
    revenue_minor: int


def result(orders: Iterable[ObservedOrder], opened_at: datetime, closes_at: datetime) -> Result:
    """Success is a purchase with event time in (opened_at, closes_at] that was neither undone nor returned.

    An exact tie at `opened_at` happened before anything could have been shown, so it does not count.
    """
    bought = [one for one in orders if _within(one, opened_at, closes_at)]
    # An order in another currency has no amount here, but it is a purchase all the same.
    kept = [one for one in bought if one.net_minor > 0 or one.amount_minor == 0]
    return Result("success" if kept else "failure", len(kept), sum(one.net_minor for one in kept))


def _within(order: ObservedOrder, opened_at: datetime, closes_at: datetime) -> bool:
    if not order.counts or order.cancelled or order.placed_at is None:
        return False
    return opened_at < order.placed_at <= closes_at
