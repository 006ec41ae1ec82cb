"""A customer's course: real orders at seeded hours, and how engaged they are at any time between them."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from random import Random

from sandbox.domain.log import LIVE_END, Purchase

FADE_LEAD = timedelta(days=20)  # interest wanes before the last order, not after it
FADE_DAYS = 40.0  # e-folding time of interest once a customer is on the way out
SHOPPING = timedelta(days=14)  # before a purchase people look around


@dataclass(frozen=True, slots=True)
class Order:
    """A purchase at a time of day."""

    at: datetime
    number: int
    units: int
    cents: int


@dataclass(frozen=True, slots=True)
class Course:
    """`gone`: the log shows no further order although one was due, so the last order was a farewell."""

    orders: tuple[Order, ...]
    gone: bool

    @property
    def first(self) -> datetime:
        return self.orders[0].at

    @property
    def last(self) -> datetime:
        return self.orders[-1].at

    def engagement(self, at: datetime) -> float:
        """0 to 1: full while the customer goes on buying, fading around the last order of one who leaves."""
        level = 1.0
        if self.gone:
            fading = (at - (self.last - FADE_LEAD)) / timedelta(days=FADE_DAYS)
            level = math.exp(-max(fading, 0.0))
        return level

    def shopping(self, at: datetime) -> bool:
        """Whether the next order is less than two weeks away."""
        following = self.next_order(at)
        return following is not None and following - at <= SHOPPING

    def next_order(self, at: datetime) -> datetime | None:
        position = bisect_right(self.orders, at, key=lambda order: order.at)
        return self.orders[position].at if position < len(self.orders) else None

    def buys_within(self, at: datetime, span: timedelta) -> bool:
        """What the real log says about the time after `at`: the sandbox knows the future."""
        following = self.next_order(at)
        return following is not None and following - at <= span


def make_course(purchases: Sequence[Purchase], seed: int) -> Course:
    """Real days, seeded hours between 8 and 22 o'clock."""
    rng = Random(f"course:{seed}:{purchases[0].customer}")
    orders = sorted(
        (
            Order(_at(purchase, rng), purchase.number, purchase.units, purchase.cents)
            for purchase in purchases
        ),
        key=lambda order: order.at,
    )
    return Course(tuple(orders), _gone(orders))


def _at(purchase: Purchase, rng: Random) -> datetime:
    midnight = datetime.combine(purchase.day, time(), UTC)
    return midnight + timedelta(seconds=rng.randrange(8 * 3600, 22 * 3600))


def _gone(orders: Sequence[Order]) -> bool:
    """Silent for longer than the own mean gap (30 to 120 days) when the log ends."""
    span = (orders[-1].at - orders[0].at) / timedelta(days=1)
    usual = min(max(span / max(len(orders) - 1, 1), 30.0), 120.0) if len(orders) > 1 else 75.0
    return (LIVE_END - orders[-1].at) > timedelta(days=usual)
