"""Dates, amounts and answers that cannot be true. By the business clock, so a simulated past works."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

from libs.events.families.relationship import SCALES, SurveyAnswered
from services.ingest.domain.errors import NotUnderstoodError

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # before there were online shops
_ANSWER = SurveyAnswered.__name__  # of the model, and of the hot struct
AHEAD = timedelta(days=1)  # clocks of shops and zones nobody set right


class Dated(Protocol):
    """A fact, or an event in a hot struct."""

    @property
    def time(self) -> datetime | None: ...
    @property
    def data(self) -> object: ...


def check(fact: Dated, now: datetime, max_amount: int) -> None:
    """Raises NotUnderstoodError for a fact from the future, from before 1990, of an absurd amount, or off its
    survey's scale.
    """
    if fact.time is not None and fact.time > now + AHEAD:
        raise NotUnderstoodError("absurd_date", "the event lies more than a day in the future")
    if fact.time is not None and fact.time < EARLIEST:
        raise NotUnderstoodError("absurd_date", "the event lies before 1990")
    for name in _amounts(type(fact.data)):  # type: ignore[arg-type]  # it has a hash
        _check_amount(fact.data, name, max_amount)
    if type(fact.data).__name__ == _ANSWER:
        _check_answer(fact.data)


def _fields(kind: type) -> set[str]:
    return {name for one in kind.__mro__ for name in vars(one).get("__annotations__", ())}


@cache
def _amounts(kind: type) -> tuple[str, ...]:
    """The sums that such data has: to ask each for what it has not was a tenth of a delivery's time."""
    return tuple(name for name in ("amount", "order_amount") if name in _fields(kind))


def _check_answer(data: Any) -> None:
    low, high = SCALES[data.kind]
    if not low <= data.score <= high:
        raise NotUnderstoodError("invalid_data", f"an answer of {data.kind} is {low} to {high}")


def _check_amount(data: object, name: str, max_amount: int) -> None:
    amount = getattr(data, name)
    if amount is None:
        return
    value = Decimal(amount)
    if value > max_amount:
        raise NotUnderstoodError("absurd_amount", f"{name} is over the limit of {max_amount}")
    if value < 0:
        raise NotUnderstoodError("absurd_amount", f"{name} is negative")
