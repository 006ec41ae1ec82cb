"""Conversion of treated against held out, by assignment, and the planted effect beside it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sandbox.domain.answers import WINDOW
from sandbox.domain.statistics import Interval, Proportion, difference

OWED = "post-support"
"""A remedy owed is never held out, so it has no control group."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision of outreach about one trigger. `customer` is Greenline's id."""

    trigger: str
    decision: str
    customer: str
    at: datetime
    playbook: str | None
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Bought:
    customer: str
    at: datetime
    order_id: str


@dataclass(frozen=True, slots=True)
class Lift:
    """`planted`: treated customers whose only order in the window was one that outreach caused."""

    treated: Proportion
    control: Proportion
    planted: int

    @property
    def interval(self) -> Interval:
        return difference(self.treated, self.control)

    @property
    def value(self) -> float:
        return self.treated.value - self.control.value

    @property
    def planted_effect(self) -> float:
        """Absolute uplift that was put in: known exactly, since the sandbox knows who would have bought."""
        return self.planted / self.treated.total if self.treated.total else 0.0


def lift(
    decisions: Sequence[Decided], orders: Iterable[Bought], planted: Collection[str], now: datetime
) -> Lift:
    """First assignment of each customer whose 30-day window is over; suppressed triggers assign nobody."""
    bought: dict[str, list[Bought]] = {}
    for order in orders:
        bought.setdefault(order.customer, []).append(order)
    arms: dict[str, list[Decided]] = {"opened": [], "held_out": []}
    for first in _first_assignments(decisions):
        if first.at + WINDOW <= now:
            arms[first.decision].append(first)
    outcomes = {arm: [_orders_of(one, bought) for one in found] for arm, found in arms.items()}
    caused = sum(
        1 for orders in outcomes["opened"] if orders and all(order.order_id in planted for order in orders)
    )
    treated, control = (
        Proportion(sum(1 for orders in outcomes[arm] if orders), len(outcomes[arm]))
        for arm in ("opened", "held_out")
    )
    return Lift(treated, control, caused)


def _first_assignments(decisions: Sequence[Decided]) -> Iterable[Decided]:
    first: dict[str, Decided] = {}
    for one in sorted(decisions, key=lambda one: (one.at, one.trigger)):
        if one.decision != "suppressed" and one.playbook != OWED:
            first.setdefault(one.customer, one)
    return first.values()


def _orders_of(one: Decided, bought: dict[str, list[Bought]]) -> list[Bought]:
    return [order for order in bought.get(one.customer, ()) if one.at < order.at <= one.at + WINDOW]
