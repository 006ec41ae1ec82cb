"""What an element of a history file says, before anybody knows which customer of ours it is about."""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from libs.events.families.commerce import OrderRefunded
from libs.events.hot import data_struct, event_struct
from libs.events.types import Frozen
from libs.runtime.event_rows import BadLineError, Origin
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.reading import MAX_REFERENCE, money

NOBODY_YET = "nobody"  # the subject until the identity is resolved
Cells = Mapping[str, str]


class Entry(NamedTuple):
    """An element: the line it begins on, whose it is in the file's words, what happened in hot structs."""

    line: int
    who: Hashable
    events: Sequence[Any]
    anchor: Anchor | None = None


class Export(NamedTuple):
    """One platform's export: a row an order, or a row a line item with the rows of an order together."""

    platform: str
    needed: frozenset[str]
    """Columns without which nothing can be read; by them the file is recognised."""
    used: frozenset[str]
    order: str
    """The column that says which order a row belongs to."""
    read: Callable[[Sequence[Cells], int, Origin], Entry]
    """The rows of one order. Raises BadLineError."""
    person: Callable[[Any], Person]
    """Who `Entry.who` is."""


class Happened(NamedTuple):
    """One transition of an order."""

    id: str
    at: datetime
    model: type[Frozen]
    data: dict[str, Any]


def event(name: str, one: Happened, origin: Origin) -> Any:
    """A hot struct; what a model would refuse is found when the bytes are read back."""
    kind: Any = event_struct(name)
    return kind(
        id=one.id,
        source=origin.source,
        tenant=origin.tenant,
        subject=NOBODY_YET,
        time=one.at,
        receivedat=one.at,
        dataschema=kind.current_schema,
        data=data_struct(one.model)(**one.data),
    )


def events_of(placed: Happened, later: Iterable[tuple[str, Happened]], origin: Origin) -> list[Any]:
    """An order and what became of it."""
    return [event(name, one, origin) for name, one in (("order.placed", placed), *later)]


def anchor_of(kind: str, placed: Happened) -> Anchor:
    """The order, for later deliveries that name it without its customer."""
    data = placed.data
    return Anchor(kind, data["order_id"], f"{data['amount']} {data['currency']}")


def terms_of(placed: Happened) -> dict[str, Any]:
    data = placed.data
    return {"order_id": data["order_id"], "amount": data["amount"], "currency": data["currency"]}


def refund(ident: str, placed: Happened, number: str, back: Decimal, at: datetime) -> tuple[str, Happened]:
    """Money back, by the number of the refund."""
    terms = terms_of(placed)
    data = {**terms, "refund_id": number, "amount": money(back), "order_amount": terms["amount"]}
    return "order.refunded", Happened(ident, at, OrderRefunded, data)


def without_number(placed: Happened) -> str:
    """The number of a refund that the export gives none."""
    return f"{placed.data['order_id'][:119]}-exported"


def reference(text: str, what: str) -> str:
    """An id that may stand in an event. Raises BadLineError."""
    if not text or len(text) > MAX_REFERENCE or not text.isprintable() or "@" in text:
        raise BadLineError(f"{what} is empty" if not text else f"{what} is no usable id")
    return text


@lru_cache(1_000)
def quantity(text: str) -> int:
    """How many of an item; what is no number counts as one."""
    return min(int(text), 1_000_000) if re.fullmatch(r"[0-9]{1,9}", text) else 1


def columns(text: str) -> frozenset[str]:
    """Names between semicolons."""
    return frozenset(name.strip() for name in text.split(";"))
