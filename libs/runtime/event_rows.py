"""A row of a CSV of events to an event, and how cells read: times, sums, currencies. Computes only."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from libs.events import event_id, schema_uri
from libs.events.families.commerce import OrderPlaced
from libs.events.families.engagement import EmailClicked, EmailSent, SiteVisited
from libs.events.families.relationship import TicketOpened
from libs.events.hot import data_struct, event_struct
from libs.events.types import Frozen

TENANT = "file"
CUSTOMER, TIME, AMOUNT = "customer_id", "time", "amount"
TYPE, CURRENCY, ORDER = "type", "currency", "order_id"
_LONGEST_ID = 128  # libs.events.types.Reference
_YEARS = range(1970, 2100)
_FOUR_PLACES = Decimal("0.0001")  # libs.events.types.Amount
_CENTS = Decimal("0.01")
_MAX_DIGITS = 12  # before the point
_SHORT = {"": "order.placed", "order": "order.placed", "purchase": "order.placed"}


class BadLineError(Exception):
    """One line; its text says what is wrong."""


class Place(NamedTuple):
    """Where reading goes on: a byte, and the number of the line that begins there."""

    byte: int = 0
    line: int = 1


START = Place()


class Problem(NamedTuple):
    """Why a line was left out."""

    line: int
    what: str


class Origin(NamedTuple):
    """What the events of a CSV carry, which says nothing about it itself."""

    ids: str = "file"
    """Begins the ids of events without one; with it they differ from those of another file."""
    platform: str | None = None
    """Whose orders these are: with it an order's id makes the event id that a live delivery makes."""
    tenant: str = TENANT
    source: str = "file/csv"
    currency: str = "USD"
    zone: tzinfo = UTC
    """Of times that name none."""


class RowReader:
    """One row to one event. Raises BadLineError; made of a header that lacks a column it does too."""

    def __init__(self, columns: Mapping[str, int], origin: Origin) -> None:
        missing = [name for name in (CUSTOMER, TIME, AMOUNT) if name not in columns]
        if missing:
            raise BadLineError(
                f"no column {', '.join(missing)}; the header of a CSV of events names "
                "customer_id,time,type,amount,currency (order_id may be there too, others are ignored)"
            )
        self._origin = origin
        wanted = (CUSTOMER, TIME, AMOUNT, TYPE, CURRENCY, ORDER)
        self._places = [columns.get(name, len(columns)) for name in wanted]
        here = [place for place in self._places if place < len(columns)]
        self._width, self._header = max(here) + 1, len(columns)

    def __call__(self, cells: Sequence[str], line: int) -> Any:
        if len(cells) < self._width:
            raise BadLineError(f"{len(cells)} fields, the header has {self._header}")
        # A column that is not there lies behind the others, on the empty cell that is added here.
        row = [*cells[: self._header], *[""] * (self._header + 1 - len(cells))]
        customer, time, amount, kind, currency, order = [row[place].strip() for place in self._places]
        if not customer or len(customer) > _LONGEST_ID:
            raise BadLineError("customer_id is empty" if not customer else "customer_id is too long")
        shape = _SHAPES.get(kind) or _shape(kind)
        if len(order) > _LONGEST_ID:
            raise BadLineError("order_id is too long")
        origin = self._origin
        at = moment(time, origin.zone)
        number = f"{origin.ids}:{line}"
        return shape.event(
            id=self._id(shape, order) if order else number,
            source=origin.source,
            tenant=origin.tenant,
            subject=customer,
            time=at,
            receivedat=at,
            dataschema=shape.schema,
            data=shape.make(order or number, amount, currency or origin.currency),
        )

    def _id(self, shape: "_Shape", order: str) -> str:
        """An order's own id is one fact with what a live delivery says of it."""
        return event_id(self._origin.platform or self._origin.ids, "order", order, shape.verb)


def moment(text: str, zone: tzinfo = UTC) -> datetime:
    """A time in UTC, of that zone where the text has none. Raises BadLineError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadLineError(f"time {text!r} is no ISO 8601 date or time") from None
    if at.year not in _YEARS:
        raise BadLineError(f"time {text!r} is not between 1970 and 2099")
    if at.tzinfo is None:
        return at.replace(tzinfo=zone) if zone is UTC else at.replace(tzinfo=zone).astimezone(UTC)
    return at.astimezone(UTC)


def sum_of(text: str, what: str = "amount") -> Decimal:
    """A sum that was paid, as the wire can carry it. Raises BadLineError."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise BadLineError(f"{what} {text!r} is no number") from None
    if not value.is_finite() or value < 0:
        raise BadLineError(f"{what} {text!r} is not a sum that was paid")
    if value.adjusted() >= _MAX_DIGITS:
        raise BadLineError(f"{what} {text!r} has more than {_MAX_DIGITS} digits")
    if value.same_quantum(_CENTS):  # nearly all; to take a number apart costs as much as to read it
        return value
    exponent = value.as_tuple().exponent
    return value.quantize(_FOUR_PLACES) if isinstance(exponent, int) and exponent < -4 else value


def currency_of(text: str) -> str:
    """Raises BadLineError."""
    code = text.upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise BadLineError(f"currency {code!r} is no ISO 4217 code")
    return code


_Make = Callable[[str, str, str], Any]


def _order(number: str, amount: str, currency: str) -> Any:
    value = sum_of(amount)
    return _ORDER(order_id=number, amount=f"{value:f}", currency=currency_of(currency))


def _named(model: type[Frozen], field: str) -> _Make:
    struct = data_struct(model)
    return lambda number, _amount, _currency: struct(**{field: number})


_ORDER = data_struct(OrderPlaced)
_MAKERS: dict[str, _Make] = {
    "order.placed": _order,
    "site.visited": _named(SiteVisited, "session_id"),
    "email.sent": _named(EmailSent, "message_id"),
    "email.clicked": _named(EmailClicked, "message_id"),
    "ticket.opened": _named(TicketOpened, "ticket_id"),
}
"""What a line without more than a customer and a time can say."""


class _Shape(NamedTuple):
    """What a type's events are made with."""

    event: Any
    schema: str
    verb: str
    make: _Make


_SHAPES: dict[str, _Shape] = {}
"""By the spellings that were met and are one of the types."""


def _shape(kind: str) -> _Shape:
    """Raises BadLineError."""
    name = _SHORT.get(kind.lower(), kind.lower())
    if name not in _MAKERS:
        raise BadLineError(f"type {name!r} is not one of {', '.join(_MAKERS)}: others need JSON Lines")
    shape = _Shape(event_struct(name), schema_uri(name), name.partition(".")[2], _MAKERS[name])
    return _SHAPES.setdefault(kind, shape)
