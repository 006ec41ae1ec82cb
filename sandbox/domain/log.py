"""The real order log: one line a purchase (customer, day, units, amount), and a seeded sample of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random

HISTORY_START = datetime(1997, 1, 1, tzinfo=UTC)
LIVE_START = datetime(1997, 10, 1, tzinfo=UTC)
"""First nine months are history, the rest is played live."""
LIVE_END = datetime(1998, 7, 1, tzinfo=UTC)
"""The log's last day is 1998-06-30."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """One line of the log. `number` is the line, so an order's id is the same in every run."""

    customer: int
    number: int
    day: date
    units: int
    cents: int


Log = Mapping[int, tuple[Purchase, ...]]


def parse(lines: Iterable[str]) -> Log:
    """The log by customer, in the order of the days. The header and blank lines are skipped."""
    found: dict[int, list[Purchase]] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if words and words[0].isdigit():
            customer, day, units, amount = words
            purchase = Purchase(
                int(customer),
                number,
                _day(day),
                int(units),
                int(Decimal(amount).scaleb(2).to_integral_value()),
            )
            found.setdefault(purchase.customer, []).append(purchase)
    return {
        customer: tuple(sorted(lines, key=lambda p: (p.day, p.number))) for customer, lines in found.items()
    }


def sample(log: Log, count: int, seed: int) -> Log:
    """`count` customers drawn without replacement; the same seed draws the same."""
    chosen = Random(f"sample:{seed}").sample(sorted(log), min(count, len(log)))
    return {customer: log[customer] for customer in sorted(chosen)}


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))
