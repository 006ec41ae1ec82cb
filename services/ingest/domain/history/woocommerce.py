"""WooCommerce's orders as its extension Customer/Order/Coupon Export writes them: a row an order or an item.

WooCommerce's own report (Analytics > Orders) names no customer but by their name, so nothing can be made of
it. Times are the shop's own and have no zone.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from libs.events import event_id
from libs.events.families import commerce
from libs.runtime.event_rows import BadLineError, Origin, currency_of, moment, sum_of
from services.ingest.domain.history.entry import (
    Cells,
    Entry,
    Export,
    Happened,
    anchor_of,
    columns,
    events_of,
    quantity,
    reference,
    refund,
    terms_of,
    without_number,
)
from services.ingest.domain.people import Person
from services.ingest.domain.reading import MAX_PRODUCTS, money

CUSTOMER, ANCHOR = "woocommerce.customer", "woocommerce/order"
_DRAFTS = frozenset({"auto-draft", "draft", "new", "checkout-draft"})
_UNPAID = frozenset({"pending", "pending payment", "failed", "cancelled", "trash"})
_GONE = frozenset({"cancelled", "trash"})
_ITEM, _FIELD = re.compile(r"(?<!\\);"), re.compile(r"(?<!\\)\|")


class Who(NamedTuple):
    """Number 0 is a guest, known by address only."""

    number: str
    email: str
    phone: str
    name: str


def _read(rows: Sequence[Cells], line: int, origin: Origin) -> Entry:
    head = rows[0]
    order, status = reference(head["order_id"], "order_id"), _status(head)
    if status in _DRAFTS:
        raise BadLineError("a draft, not an order")
    placed = _placed(head, rows, order, origin)
    later = (*_transitions(head, placed, origin), *_refunds(head, placed, origin))
    return Entry(line, _who(head), events_of(placed, later, origin), anchor_of(ANCHOR, placed))


def _who(head: Cells) -> Who:
    number = head["customer_id"]
    name = " ".join(part for part in (head["billing_first_name"], head["billing_last_name"]) if part)
    email = head["billing_email"] or head["customer_email"]
    return Who("" if number == "0" else number, email, head["billing_phone"], name)


def _person(who: Who) -> Person:
    contact = {"name": who.name[:200] or None}
    return Person(ids=((CUSTOMER, who.number),), email=who.email, phone=who.phone, contact=contact)


def _status(head: Cells) -> str:
    return head["status"].lower().removeprefix("wc-")


def _time(head: Cells, origin: Origin, *names: str) -> datetime | None:
    text = next((head[name] for name in names if head[name]), None)
    return moment(text, origin.zone) if text else None


def _placed(head: Cells, rows: Sequence[Cells], order: str, origin: Origin) -> Happened:
    at = _time(head, origin, "order_date", "date")
    if at is None:
        raise BadLineError("order_date is empty")
    total = sum_of(head["order_total"], "order_total")
    items, products = _items(head, rows)
    data = {
        "order_id": order,
        "amount": money(total),
        "currency": currency_of(head["order_currency"] or origin.currency),
        "items": items,
        "products": products,
        "counts": total > 0 and (_status(head) not in _UNPAID or bool(head["paid_date"])),
    }
    return Happened(event_id("woocommerce", "order", order, "placed"), at, commerce.OrderPlaced, data)


def _items(head: Cells, rows: Sequence[Cells]) -> tuple[int, tuple[str, ...]]:
    """How many pieces, and of which products: from rows of items, or from one column of all of them."""
    if head["item_quantity"]:
        pairs = [(row["item_quantity"], row["item_product_id"]) for row in rows]
    else:
        pairs = [(one.get("quantity", "1"), one.get("product_id", "")) for one in _listed(head["line_items"])]
    products = dict.fromkeys(number for _, number in pairs if re.fullmatch(r"[1-9][0-9]{0,18}", number))
    return sum(quantity(count) for count, _ in pairs) or 1, tuple(products)[:MAX_PRODUCTS]


def _transitions(head: Cells, placed: Happened, origin: Origin) -> Iterator[tuple[str, Happened]]:
    """Payment and end. A cancelled order has no day of it: it is told at the last one that is known."""
    order, terms, status = placed.data["order_id"], terms_of(placed), _status(head)
    paid = _time(head, origin, "paid_date")
    if paid:
        yield (
            "order.paid",
            Happened(event_id("woocommerce", "order", order, "paid"), paid, commerce.OrderPaid, terms),
        )
    if status in _GONE:
        reason = status if paid else f"{status}_unpaid"
        data = {**terms, "reason": reason, "placed_at": placed.at}
        number = event_id("woocommerce", "order", order, "cancelled")
        yield "order.cancelled", Happened(number, paid or placed.at, commerce.OrderCancelled, data)


def _refunds(head: Cells, placed: Happened, origin: Origin) -> Iterator[tuple[str, Happened]]:
    """Each refund with its number and day; without that column their sum, at the day of the order."""
    found = _listed(head["refunds"])
    for one in found:
        back = abs(sum_of(one.get("amount", "").lstrip("-"), "refunds.amount"))
        at = moment(one["date"], origin.zone) if one.get("date") else placed.at
        if back:
            yield _refund(placed, reference(one.get("id", ""), "refunds.id"), back, at)
    back = sum_of((head["refunded_total"] or "0").lstrip("-"), "refunded_total")
    if back and not found:
        yield _refund(placed, without_number(placed), back, placed.at)


def _refund(placed: Happened, number: str, back: Decimal, at: datetime) -> tuple[str, Happened]:
    return refund(event_id("woocommerce", "refund", number, "refunded"), placed, number, back, at)


def _listed(text: str) -> list[dict[str, str]]:
    """Things in one cell: `id:7|amount:5.00;id:8|...`, or JSON where the shop chose it."""
    if text.startswith("["):
        try:
            things = msgspec.json.decode(text, type=list[dict[str, Any]])
        except msgspec.MsgspecError:
            raise BadLineError("a list in a cell is no JSON") from None
        return [{name: str(value) for name, value in one.items() if value is not None} for one in things]
    pairs = ([field.partition(":") for field in _FIELD.split(one)] for one in _ITEM.split(text) if one)
    return [{name: value for name, _, value in fields} for fields in pairs]


_NEEDED = frozenset({"order_id", "status", "order_total"})
_MORE = """
order_date;date;paid_date;order_currency;customer_id;customer_email;billing_email;billing_phone;billing_first_name;
billing_last_name;item_quantity;item_product_id;line_items;refunds;refunded_total
"""

EXPORT = Export(
    platform="woocommerce",
    needed=_NEEDED,
    used=_NEEDED | columns(_MORE),
    order="order_id",
    read=_read,
    person=_person,
)
