"""Shopify's order export: a row a line item; what is said of the order stands on its first row.

The export has no customer number, no product numbers, no day of a refund and none of a parcel's arrival.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

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
from services.ingest.domain.reading import money
from services.ingest.domain.shopify_words import NOT_PURCHASES, ORDER, channel_of

_TEST_GATEWAY = "bogus"  # Shopify's own gateway for trying a checkout


class Who(NamedTuple):
    """All that the export says of a customer."""

    email: str
    phone: str
    name: str
    consent: bool


def _read(rows: Sequence[Cells], line: int, origin: Origin) -> Entry:
    head = rows[0]
    order = reference(head["id"] or head["name"].removeprefix("#"), "Id")
    placed = _placed(head, rows, order, origin)
    events = events_of(placed, _later(head, placed, origin), origin)
    return Entry(line, _who(head), events, anchor_of(ORDER, placed))


def _who(head: Cells) -> Who:
    # A leading apostrophe keeps spreadsheets from reading a number.
    phone = (head["phone"] or head["billing phone"]).lstrip("'")
    return Who(head["email"], phone, head["billing name"], head["accepts marketing"].lower() == "yes")


def _person(who: Who) -> Person:
    contact = {"name": who.name[:200] or None, "email_consent": who.consent or None}
    return Person(email=who.email, phone=who.phone, contact=contact)


def _placed(head: Cells, rows: Sequence[Cells], order: str, origin: Origin) -> Happened:
    if not head["created at"]:
        raise BadLineError("Created at is empty: the row continues an order whose first row is not before it")
    total = sum_of(head["total"], "Total")
    data = {
        "order_id": order,
        "amount": money(total),
        "currency": currency_of(head["currency"] or origin.currency),
        "items": sum(quantity(row["lineitem quantity"]) for row in rows),
        "channel": channel_of(head["source"].lower()),
        "gift": _is_gift(head),
        "counts": total > 0 and not _is_no_purchase(head),
    }
    at = moment(head["created at"], origin.zone)
    return Happened(event_id("shopify", "order", order, "placed"), at, commerce.OrderPlaced, data)


def _later(head: Cells, placed: Happened, origin: Origin) -> list[tuple[str, Happened]]:
    """Payment, cancellation and money back. A refund has no day: it is told at the last one that is known."""
    terms = terms_of(placed)
    order = terms["order_id"]
    paid, gone = _time(head["paid at"], origin), _time(head["cancelled at"], origin)
    found: list[tuple[str, Happened]] = []
    if paid:
        told = Happened(event_id("shopify", "order", order, "paid"), paid, commerce.OrderPaid, terms)
        found.append(("order.paid", told))
    if gone:
        data = {**terms, "placed_at": placed.at}
        told = Happened(event_id("shopify", "order", order, "cancelled"), gone, commerce.OrderCancelled, data)
        found.append(("order.cancelled", told))
    text = head["refunded amount"]
    if text and (back := sum_of(text, "Refunded Amount")):
        last = max(filter(None, (placed.at, paid, gone, _time(head["fulfilled at"], origin))))
        ident = event_id("shopify", "order", order, "refunded")
        found.append(refund(ident, placed, without_number(placed), back, last))
    return found


def _time(text: str, origin: Origin) -> datetime | None:
    return moment(text, origin.zone) if text else None


def _is_no_purchase(head: Cells) -> bool:
    """Test, void, draft and replacement orders, as a live delivery tells them."""
    return (
        head["financial status"].lower() == "voided"
        or head["source"].lower() == "shopify_draft_order"
        or head["payment method"].lower().startswith(_TEST_GATEWAY)
        or not NOT_PURCHASES.isdisjoint(tag.strip().lower() for tag in head["tags"].split(","))
    )


def _is_gift(head: Cells) -> bool:
    """A gift note, or a parcel to another name at another address."""
    for note in head["note attributes"].splitlines():
        name, _, value = note.partition(":")
        if "gift" in name.lower() and value.strip():
            return True
    return _differ(head["billing name"], head["shipping name"]) and _differ(
        head["billing zip"], head["shipping zip"]
    )


def _differ(payer: str, to: str) -> bool:
    return bool(payer and to and payer != to)


_NEEDED = frozenset({"name", "email", "financial status", "created at", "total", "lineitem quantity"})
_MORE = """
id;phone;currency;accepts marketing;paid at;cancelled at;fulfilled at;refunded amount;source;tags;
payment method;note attributes;billing name;billing phone;billing zip;shipping name;shipping zip
"""

EXPORT = Export(
    platform="shopify",
    needed=_NEEDED,
    used=_NEEDED | columns(_MORE),
    order="name",
    read=_read,
    person=_person,
)
