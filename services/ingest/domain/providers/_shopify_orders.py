"""Shopify's orders, payments, parcels, refunds and returns. Part of the provider file shopify.py."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from libs.events.families import commerce
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import Fact, Item, fact, ignore
from services.ingest.domain.reading import MAX_PRODUCTS, Node, money, region_of
from services.ingest.domain.shopify_words import NOT_PURCHASES, ORDER, channel_of
from services.ingest.domain.sources import Source

CUSTOMER = "shopify.customer"

Reader = Callable[[Node, Source], Item]


def when(body: Node, *names: str) -> datetime:
    """The first of these times that is there. Raises NotUnderstoodError if none is."""
    found = body.first(*names).instant(names[0])
    if found is None:
        raise NotUnderstoodError("missing_date", f"{names[0]} is missing")
    return found


def tags(body: Node) -> set[str]:
    """Tags come as one string with commas, or as a list."""
    raw = body.at("tags")
    words = (
        (raw.text() or "").split(",") if isinstance(raw.raw, str) else [n.text() or "" for n in raw.each()]
    )
    return {word.strip().lower() for word in words}


def contact_of(named: Node) -> dict[str, Any]:
    """Name and locale of a customer resource."""
    names = [named.at("first_name").text(), named.at("last_name").text()]
    name = " ".join(part for part in names if part)
    return {"name": name[:200] or None, "locale": named.first("locale", "customer_locale").label()}


def person_of(body: Node) -> Person:
    """Who an order or checkout belongs to; guests only have an e-mail or a phone."""
    named = body.at("customer")
    consent = body.at("buyer_accepts_marketing").flag()
    contact = contact_of(named)
    # The language is that of the checkout: the customer in it has none.
    contact["locale"] = contact["locale"] or body.at("customer_locale").label()
    return Person(
        ids=((CUSTOMER, named.at("id").key()),),
        email=body.first("email", "contact_email").text() or named.at("email").text(),
        phone=body.at("phone").text() or named.at("phone").text(),
        # The checkout's box only ever adds a consent; taking it away has its own topic.
        contact=contact | {"email_consent": consent or None},
    )


def _order_id(body: Node) -> str:
    return body.first("id", "admin_graphql_api_id").must_ref("order")


def _with_anchor(body: Node, source: Source, order: str) -> Person:
    total = body.at("total_price").number("total_price")
    detail = None if total is None else f"{money(total)} {_currency(body, source)}"
    person = person_of(body)
    return Person(person.ids, (Anchor(ORDER, order, detail),), person.email, person.phone, person.contact)


def _amount(body: Node) -> Decimal:
    """What was ordered, after edits and before refunds (those are events of their own)."""
    current = body.at("current_total_price").number("current_total_price")
    total = body.at("total_price").number("total_price")
    if current is None:
        if total is None:
            raise NotUnderstoodError("missing_amount", "total_price is missing")
        return total
    worth = current + sum((_refunded(refund) for refund in body.at("refunds").each()), Decimal(0))
    # Some refunds do not lower current_total_price; none makes an order worth more than its total.
    return worth if total is None else min(worth, max(total, current))


def _refunded(refund: Node) -> Decimal:
    """Money that really went back."""
    return sum(
        (
            line.at("amount").number("transactions.amount") or Decimal(0)
            for line in refund.at("transactions").each()
            if line.at("kind").text() == "refund" and line.at("status").text() == "success"
        ),
        Decimal(0),
    )


def _currency(body: Node, source: Source) -> str:
    return (body.at("currency").text() or source.currency).upper()


def _order_fields(body: Node, source: Source, order: str) -> dict[str, Any]:
    amount = _amount(body)
    lines = list(body.at("line_items").each())
    products = (line.at("product_id").ref() for line in lines[:MAX_PRODUCTS])
    return {
        "order_id": order,
        "amount": money(amount),
        "currency": _currency(body, source),
        "items": min(sum(line.at("quantity").count() or 0 for line in lines), 1_000_000) or 1,
        "products": tuple(dict.fromkeys(product for product in products if product)),
        "channel": channel_of((body.at("source_name").text() or "web").lower()),
        "gift": _is_gift(body),
        "counts": amount > 0 and not _is_no_purchase(body),
        "region": region_of(
            body.at("shipping_address", "country_code"), body.at("shipping_address", "province_code")
        ),
    }


def _is_no_purchase(body: Node) -> bool:
    """Test, void, fraud, draft and replacement orders are on the timeline and nowhere else."""
    return (
        body.at("test").flag() is True
        or body.at("financial_status").text() == "voided"
        or body.at("cancel_reason").text() == "fraud"
        or (body.at("source_name").text() or "") == "shopify_draft_order"
        or not tags(body).isdisjoint(NOT_PURCHASES)
    )


def _is_gift(body: Node) -> bool:
    """A gift note, or a parcel to another name at another address."""
    notes = [*body.at("note_attributes").each()]
    notes += [note for line in body.at("line_items").each() for note in line.at("properties").each()]
    if any("gift" in (note.at("name").text() or "").lower() and note.at("value") for note in notes):
        return True
    to, payer = body.at("shipping_address"), body.at("billing_address")
    return all(
        to.at(part).text() and payer.at(part).text() and to.at(part).text() != payer.at(part).text()
        for part in ("first_name", "last_name", "zip")
    )


def _placed(body: Node, source: Source) -> Item:
    order = _order_id(body)
    data = commerce.OrderPlaced(**_order_fields(body, source, order))
    at = when(body, "processed_at", "created_at")
    return Item(_with_anchor(body, source, order), (fact(data, at, "shopify", "order", order, "placed"),))


def _updated(body: Node, source: Source) -> Item:
    order = _order_id(body)
    data = commerce.OrderUpdated(**_order_fields(body, source, order))
    at, version = when(body, "updated_at"), body.at("updated_at").text() or ""
    return Item(
        _with_anchor(body, source, order), (fact(data, at, "shopify", "order", order, "updated", version),)
    )


def _paid(body: Node, source: Source) -> Item:
    order = _order_id(body)
    data = commerce.OrderPaid(order_id=order, amount=money(_amount(body)), currency=_currency(body, source))
    at = when(body, "updated_at", "processed_at", "created_at")
    return Item(_with_anchor(body, source, order), (fact(data, at, "shopify", "order", order, "paid"),))


def _cancelled(body: Node, source: Source) -> Item:
    order = _order_id(body)
    total = body.at("total_price").number("total_price")
    data = commerce.OrderCancelled(
        order_id=order,
        reason=body.at("cancel_reason").label(),
        amount=None if total is None else money(total),
        currency=_currency(body, source),
        placed_at=body.first("processed_at", "created_at").instant("created_at"),
    )
    at = when(body, "cancelled_at", "updated_at")
    return Item(_with_anchor(body, source, order), (fact(data, at, "shopify", "order", order, "cancelled"),))


def _order_shipped(body: Node, source: Source) -> Item:
    order = _order_id(body)
    parcels = [event for parcel in body.at("fulfillments").each() for event in _parcel(parcel, order)]
    if not parcels:
        data = commerce.OrderShipped(order_id=order)
        parcels = [fact(data, when(body, "updated_at"), "shopify", "order", order, "shipped")]
    return Item(_with_anchor(body, source, order), tuple(parcels))


def _fulfillment(body: Node, _source: Source) -> Item:
    order = body.at("order_id").must_ref("order of the fulfillment")
    person = Person(anchors=(Anchor(ORDER, order),), email=body.at("email").text())
    facts = _parcel(body, order)
    return Item(person, tuple(facts)) if facts else ignore("fulfillment_not_sent")


def _parcel(body: Node, order: str) -> list[Fact]:
    """A fulfillment that is on its way, and its arrival."""
    if body.at("status").text() not in {"success", "open", "pending", None}:
        return []
    parcel = body.first("id", "admin_graphql_api_id").must_ref("fulfillment")
    carrier, due = body.at("tracking_company").label(), body.at("estimated_delivery_at").instant()
    shipped = commerce.OrderShipped(order_id=order, carrier=carrier, due_at=due)
    ids = ("shopify", "fulfillment", parcel)
    facts = [fact(shipped, when(body, "created_at", "updated_at"), *ids, "shipped")]
    if body.at("shipment_status").text() == "delivered":
        delivered = commerce.OrderDelivered(order_id=order)
        facts.append(fact(delivered, when(body, "updated_at", "created_at"), *ids, "delivered"))
    return facts


def _fulfillment_event(body: Node, _source: Source) -> Item:
    if body.at("status").text() != "delivered":
        return ignore("parcel_on_its_way")
    order = body.at("order_id").must_ref("order of the fulfillment")
    parcel = body.at("fulfillment_id").must_ref("fulfillment")
    data = commerce.OrderDelivered(order_id=order)
    event = fact(data, when(body, "happened_at", "created_at"), "shopify", "fulfillment", parcel, "delivered")
    return Item(Person(anchors=(Anchor(ORDER, order),)), (event,))


def _refund(body: Node, source: Source) -> Item:
    """A refund names neither customer nor total: the order finds the one, transactions sum to the other."""
    order = body.at("order_id").must_ref("order of the refund")
    refund = body.first("id", "admin_graphql_api_id").must_ref("refund")
    amount = _refunded(body)
    swapped = bool(body.at("return", "exchange_line_items")) or (amount == 0 and bool(body.at("return")))
    if amount == 0 and not swapped:
        return ignore("refund_without_money")
    currencies = (line.at("currency").text() for line in body.at("transactions").each())
    data = commerce.OrderRefunded(
        order_id=order,
        refund_id=refund,
        amount=money(amount),
        currency=next((found.upper() for found in currencies if found), source.currency),
        exchange=swapped,
    )
    at = when(body, "processed_at", "created_at")
    event = fact(data, at, "shopify", "refund", refund, "refunded")
    return Item(Person(anchors=(Anchor(ORDER, order),)), (event,))


def _return(body: Node, model: type[commerce.ReturnReceived | commerce.ReturnClosed]) -> Item:
    order, number = _return_ids(body)
    data = model(return_id=number, order_id=order)
    verb = "received" if model is commerce.ReturnReceived else "closed"
    at = body.first("closed_at", "updated_at", "created_at").instant("closed_at")
    event = fact(data, at, "shopify", "return", number, verb)
    return Item(Person(anchors=(Anchor(ORDER, order),)), (event,))


def _return_requested(body: Node, source: Source) -> Item:
    order, number = _return_ids(body)
    total = body.at("total_price").number("total_price")
    lines = [*body.at("return_line_items").each()]
    reasons = (line.at("return_reason").label() for line in lines)
    data = commerce.ReturnRequested(
        return_id=number,
        order_id=order,
        amount=None if total is None else money(total),
        currency=None if total is None else _currency(body, source),
        reason=next((reason for reason in reasons if reason), None),
        exchange=bool(body.at("exchange_line_items")),
    )
    at = body.first("requested_at", "created_at").instant("created_at")
    event = fact(data, at, "shopify", "return", number, "requested")
    return Item(Person(anchors=(Anchor(ORDER, order),)), (event,))


def _return_ids(body: Node) -> tuple[str, str]:
    place = body.at("order_id") or body.at("order").first("id", "admin_graphql_api_id")
    number = body.first("id", "admin_graphql_api_id").must_ref("return")
    return place.must_ref("order of the return"), number


READERS: dict[str, Reader] = {
    "orders/create": _placed,
    "orders/updated": _updated,
    "orders/paid": _paid,
    "orders/cancelled": _cancelled,
    "orders/fulfilled": _order_shipped,
    "orders/partially_fulfilled": _order_shipped,
    "fulfillments/create": _fulfillment,
    "fulfillments/update": _fulfillment,
    "fulfillment_events/create": _fulfillment_event,
    "refunds/create": _refund,
    "returns/request": _return_requested,
    "returns/approve": _return_requested,
    "returns/process": lambda body, _: _return(body, commerce.ReturnReceived),
    "returns/close": lambda body, _: _return(body, commerce.ReturnClosed),
    "returns/cancel": lambda body, _: _return(body, commerce.ReturnClosed),
    "returns/decline": lambda body, _: _return(body, commerce.ReturnClosed),
}
