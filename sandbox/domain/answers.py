"""How simulated customers answer outreach: a known share of those who would not have bought does buy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from sandbox.domain.course import Order
from sandbox.domain.log import LIVE_END
from sandbox.domain.moments import Moment
from sandbox.domain.story import Customer, order_placed

WINDOW = timedelta(days=30)
"""An order within this time counts as the outcome; also the time in which one customer answers once."""
FIRST_PLANTED = 1_000_000  # above every line number of the log
SOONEST, LATEST = timedelta(hours=6), timedelta(days=6)


@dataclass(frozen=True, slots=True)
class Treatment:
    """One customer reached once. `planted`: the order that only outreach caused."""

    email: str
    at: datetime
    would_buy: bool
    planted: Order | None


@dataclass(slots=True)
class Answers:
    """Remembers whom outreach reached and what it caused, so that the planted effect is known exactly."""

    customers: Mapping[str, Customer]
    effect: float
    seed: int
    treatments: list[Treatment] = field(default_factory=list)
    _last: dict[str, datetime] = field(default_factory=dict)

    def reached(self, email: str, at: datetime) -> Moment | None:
        """Outreach reached this address at `at`; the order it causes, if it causes one."""
        customer = self.customers.get(email)
        if customer is None or self._answered_lately(email, at):
            return None
        self._last[email] = at
        would_buy = customer.course.buys_within(at, WINDOW)
        planted = None if would_buy else self._plant(customer, email, at)
        self.treatments.append(Treatment(email, at, would_buy, planted))
        return order_placed(customer.person, planted, real=False) if planted else None

    def planted_orders(self) -> set[int]:
        return {treatment.planted.number for treatment in self.treatments if treatment.planted}

    def _answered_lately(self, email: str, at: datetime) -> bool:
        last = self._last.get(email)
        return last is not None and at - last < WINDOW

    def _plant(self, customer: Customer, email: str, at: datetime) -> Order | None:
        """Seeded by customer and by how often they were reached, not by the minute it happened."""
        times = sum(1 for treatment in self.treatments if treatment.email == email)
        rng = Random(f"answer:{self.seed}:{email}:{times}")
        if rng.random() >= self.effect:
            return None
        when = at + SOONEST + (LATEST - SOONEST) * rng.random()
        if when >= LIVE_END:
            return None
        number = FIRST_PLANTED + customer.person.number * 50 + times
        return Order(when, number, units=1, cents=rng.randrange(900, 6000))
