"""Dates and amounts that cannot be true. Checked against the business clock, so a simulated past works."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Protocol

from services.ingest.domain.errors import NotUnderstoodError

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # before there were online shops
AHEAD = timedelta(days=1)  # clocks of shops and zones nobody set right


class Dated(Protocol):
    """A fact, or an event in a hot struct."""

    @property
    def time(self) -> datetime | None: ...
    @property
    def data(self) -> object: ...


def check(fact: Dated, now: datetime, max_amount: int) -> None:
    """Raises NotUnderstoodError for a fact from the future, from before 1990, or of an absurd amount."""
    if fact.time is not None and fact.time > now + AHEAD:
        raise NotUnderstoodError("absurd_date", "the event lies more than a day in the future")
    if fact.time is not None and fact.time < EARLIEST:
        raise NotUnderstoodError("absurd_date", "the event lies before 1990")
    for name in _amounts(type(fact.data)):  # type: ignore[arg-type]  # it has a hash
        _check_amount(fact.data, name, max_amount)


@cache
def _amounts(kind: type) -> tuple[str, ...]:
    """The sums that such data has: to ask each for what it has not was a tenth of a delivery's time."""
    fields = {name for one in kind.__mro__ for name in vars(one).get("__annotations__", ())}
    return tuple(name for name in ("amount", "order_amount") if name in fields)


def _check_amount(data: object, name: str, max_amount: int) -> None:
    amount = getattr(data, name)
    if amount is None:
        return
    value = Decimal(amount)
    if value > max_amount:
        raise NotUnderstoodError("absurd_amount", f"{name} is over the limit of {max_amount}")
    if value < 0:
        raise NotUnderstoodError("absurd_amount", f"{name} is negative")
