"""Files of events: JSON Lines of our envelope, or CSV with a line a purchase. Read in a stream.

A line that cannot be used is counted and named; the others are used.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from libs.events import decode_many, schema_uri
from libs.events.families.commerce import OrderPlaced
from libs.events.families.engagement import EmailClicked, EmailSent, SiteVisited
from libs.events.families.relationship import TicketOpened
from libs.events.hot import data_struct, event_struct
from libs.events.types import Frozen
from libs.runtime.errors import ConfigError

BLOCK = 10_000  # events at once
NAMED = 20  # problems whose lines are kept; all are counted
TENANT = "file"
CUSTOMER, TIME, TYPE, AMOUNT, CURRENCY = "customer_id", "time", "type", "amount", "currency"
_LONGEST_ID = 200
_YEARS = range(1970, 2100)
_SHORT = {"": "order.placed", "order": "order.placed", "purchase": "order.placed"}


class Problem(NamedTuple):
    """Why a line was left out."""

    line: int
    what: str


class _BadLineError(Exception):
    """One line; its text says what is wrong."""


class EventFile:
    """``blocks`` yields events as the stream's hot structs; ``refused`` and ``problems`` fill meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.refused = 0
        self.problems: list[Problem] = []
        try:
            self.size = path.stat().st_size
        except OSError as error:
            raise ConfigError(f"events {path}: {error.strerror}") from error

    def blocks(self, advance: Callable[[int], None] = lambda _: None) -> Iterator[list[Any]]:
        """Up to 10,000 events at a time. `advance` is told the bytes read. Raises ConfigError."""
        with self.path.open("rb") as file:
            start = file.read(1)
        read = self._json_lines if start == b"{" else self._csv
        yield from read(advance)

    def _refuse(self, line: int, what: str) -> None:
        self.refused += 1
        if len(self.problems) < NAMED:
            self.problems.append(Problem(line, what))

    # -- JSON Lines

    def _json_lines(self, advance: Callable[[int], None]) -> Iterator[list[Any]]:
        number = 1
        with self.path.open("rb") as file:
            while lines := list(islice(file, BLOCK)):
                advance(sum(map(len, lines)))
                yield self._decoded(lines, number)
                number += len(lines)

    def _decoded(self, lines: list[bytes], first: int) -> list[Any]:
        numbers = [number for number, line in enumerate(lines, first) if not line.isspace()]
        found = decode_many([line for line in lines if not line.isspace()])
        for place, error in found.refused.items():
            self._refuse(numbers[place], str(error))
        return found.events

    # -- CSV

    def _csv(self, advance: Callable[[int], None]) -> Iterator[list[Any]]:
        events: list[Any] = []
        with self.path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            lines = csv.reader(_told(file, advance))
            columns = self._columns(next(lines, []))
            for row in lines:
                if not row:
                    continue
                try:
                    events.append(_event(lines.line_num, _cells(row, columns)))
                except _BadLineError as error:
                    self._refuse(lines.line_num, str(error))
                if len(events) == BLOCK:
                    yield events
                    events = []
        yield events

    def _columns(self, header: list[str]) -> Mapping[str, int]:
        columns = {name.strip().lower(): i for i, name in enumerate(header)}
        missing = [name for name in (CUSTOMER, TIME, AMOUNT) if name not in columns]
        if missing:
            raise ConfigError(
                f"{self.path}:1: no column {', '.join(missing)}; the header of a CSV of events names "
                "customer_id,time,type,amount,currency (others are ignored)"
            )
        return columns


def _told(file: Any, advance: Callable[[int], None]) -> Iterator[str]:
    for line in file:
        advance(len(line))
        yield line


def _cells(row: list[str], columns: Mapping[str, int]) -> dict[str, str]:
    wanted = (CUSTOMER, TIME, TYPE, AMOUNT, CURRENCY)
    where = {name: columns[name] for name in wanted if name in columns}
    if len(row) <= max(where.values()):
        raise _BadLineError(f"{len(row)} fields, the header has {len(columns)}")
    return {name: row[i].strip() for name, i in where.items()}


def _event(line: int, cells: dict[str, str]) -> Any:
    customer = cells[CUSTOMER]
    if not customer or len(customer) > _LONGEST_ID:
        raise _BadLineError("customer_id is empty" if not customer else "customer_id is too long")
    name = cells.get(TYPE, "").lower()
    name = _SHORT.get(name, name)
    make = _MAKERS.get(name)
    if make is None:
        raise _BadLineError(f"type {name!r} is not one of {', '.join(_MAKERS)}: others need JSON Lines")
    at = _moment(cells[TIME])
    return event_struct(name)(
        id=f"file:{line}",
        source="file/csv",
        tenant=TENANT,
        subject=customer,
        time=at,
        receivedat=at,
        dataschema=schema_uri(name),
        data=make(line, cells),
    )


def _moment(text: str) -> datetime:
    """UTC where the text has no zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _BadLineError(f"time {text!r} is no ISO 8601 date or time") from None
    if at.year not in _YEARS:
        raise _BadLineError(f"time {text!r} is not between 1970 and 2099")
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _order(line: int, cells: dict[str, str]) -> Any:
    amount, currency = cells[AMOUNT], cells.get(CURRENCY, "").upper() or "USD"
    try:
        value = Decimal(amount)
    except InvalidOperation:
        raise _BadLineError(f"amount {amount!r} is no number") from None
    if not value.is_finite() or value < 0:
        raise _BadLineError(f"amount {amount!r} is not a sum that was paid")
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        raise _BadLineError(f"currency {currency!r} is no ISO 4217 code")
    return _struct(OrderPlaced, order_id=f"line-{line}", amount=f"{value:f}", currency=currency)


def _struct(model: type[Frozen], **fields: Any) -> Any:
    return data_struct(model)(**fields)


_MAKERS: dict[str, Callable[[int, dict[str, str]], Any]] = {
    "order.placed": _order,
    "site.visited": lambda line, _: _struct(SiteVisited, session_id=f"line-{line}"),
    "email.sent": lambda line, _: _struct(EmailSent, message_id=f"line-{line}"),
    "email.clicked": lambda line, _: _struct(EmailClicked, message_id=f"line-{line}"),
    "ticket.opened": lambda line, _: _struct(TicketOpened, ticket_id=f"line-{line}"),
}
"""What a line without more than a customer and a time can say."""
