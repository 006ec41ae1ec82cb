"""BigCommerce's objects as its API tells them, for bodies that are a number only. Part of bigcommerce.py."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from libs.events.families import commerce, customer, engagement
from libs.events.families.commerce import Channel
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import Item, Objects, Wanted, fact, ignore
from services.ingest.domain.reading import Node, money
from services.ingest.domain.sources import Source

CUSTOMER = "bigcommerce.customer"
ORDER, CART, SUBSCRIBER = "bigcommerce/order", "bigcommerce/cart", "bigcommerce/subscriber"
# Numbers of BigCommerce's order statuses.
INCOMPLETE, PENDING, CANCELLED, DECLINED, COMPLETED, DISPUTED = 0, 1, 5, 6, 10, 13
_UNPAID = frozenset({PENDING, CANCELLED, DECLINED})
_CHANNELS: dict[str, Channel] = {"pos": "point_of_sale", "external": "marketplace"}


def _when(node: Node, name: str) -> datetime:
    """Orders date themselves as mails do, everything newer in ISO 8601."""
    text = node.at(name).text() or ""
    try:
        found = parsedate_to_datetime(text) if "," in text else None
    except ValueError:
        found = None
    at = found if found is not None and found.tzinfo else node.at(name).instant(name)
    if at is None:
        raise NotUnderstoodError("missing_date", f"{name} is missing")
    return at


def _currency(order: Node, source: Source) -> str:
    return (order.first("currency_code", "default_currency_code").text() or source.currency).upper()


def _total(order: Node) -> str:
    total = order.at("total_inc_tax").number("total_inc_tax")
    if total is None:
        raise NotUnderstoodError("missing_amount", "total_inc_tax is missing")
    return money(total)


def _named(node: Node) -> dict[str, Any]:
    names = [node.at("first_name").text(), node.at("last_name").text()]
    return {"name": " ".join(part for part in names if part)[:200] or None}


def _customer(found: Node) -> Person:
    return Person(
        ids=((CUSTOMER, found.at("id").key()),),
        email=found.at("email").text(),
        phone=found.at("phone").text(),
        contact=_named(found),
    )


def _owner(thing: Node, anchor: Anchor) -> Person:
    """Customer 0 is a guest, known by address only."""
    number, billing = thing.at("customer_id").key(), thing.at("billing_address")
    return Person(
        ids=((CUSTOMER, None if number == "0" else number),),
        anchors=(anchor,),
        email=billing.at("email").text() or thing.at("email").text(),
        phone=billing.at("phone").text(),
        contact=_named(billing),
    )


def person(asked: Wanted, body: Node) -> Person:
    """Whose an order, a cart or a customer's number is."""
    if asked.what == "customer":
        return _customer(body)
    if asked.what == "cart":
        return _owner(body, Anchor(CART, asked.id))
    total = body.at("total_inc_tax").number("total_inc_tax")
    currency = body.first("currency_code", "default_currency_code").text()
    detail = f"{money(total)} {currency.upper()}" if total is not None and currency else None
    return _owner(body, Anchor(ORDER, asked.id, detail))


def _order(asked: Wanted, order: Node, source: Source) -> Item:
    """A purchase, unless its payment has not gone through; how it ended, if it has."""
    number = order.at("id").must_ref("order")
    status = order.at("status_id").integer()
    if status == INCOMPLETE:
        return ignore("incomplete")
    if asked.about == "archived":
        return ignore("not_about_health")
    fields = _fields(order, source, number)
    told = [(commerce.OrderPlaced(**fields), _when(order, "date_created"), "placed")]
    modified = _when(order, "date_modified") if order.at("date_modified") else told[0][1]
    if asked.about == "updated":
        told.append((commerce.OrderUpdated(**fields), modified, f"updated:{modified:%Y%m%dT%H%M%S}"))
    told += [(data, modified, verb) for data, verb in ended(number, status)]
    facts = (fact(data, at, "bigcommerce", "order", number, verb) for data, at, verb in told)
    anchor = Anchor(ORDER, number, f"{fields['amount']} {fields['currency']}")
    return Item(_owner(order, anchor), tuple(facts))


def _fields(order: Node, source: Source, number: str) -> dict[str, Any]:
    amount, via = _total(order), (order.at("order_source").text() or "www").lower()
    counted = Decimal(amount) > 0 and order.at("status_id").integer() not in _UNPAID
    return {
        "order_id": number,
        "amount": amount,
        "currency": _currency(order, source),
        "items": min(order.at("items_total").count() or 1, 1_000_000),
        "channel": next((channel for start, channel in _CHANNELS.items() if via.startswith(start)), "online"),
        "counts": counted,
    }


def ended(order: str, status: int | None) -> list[tuple[Any, str]]:
    """What a status says by itself, and the verb of its event's id. Shipping and refunds have scopes."""
    if status in {CANCELLED, DECLINED}:
        reason = "declined" if status == DECLINED else None
        return [(commerce.OrderCancelled(order_id=order, reason=reason), "cancelled")]
    if status == COMPLETED:  # shipped or picked up, and receipt confirmed
        return [(commerce.OrderDelivered(order_id=order), "delivered")]
    if status == DISPUTED:
        wanted = commerce.ReturnRequested(return_id=f"dispute-{order}", order_id=order, reason="disputed")
        return [(wanted, "disputed")]
    return []


def _refund(asked: Wanted, refunds: Node, source: Source) -> Item:
    """One of the refunds of an order: the one that the delivery named. None says its currency, which is the
    order's (`normalise.complete`), and the source's where no word of the order has said it.
    """
    found = next((one for one in refunds.each() if one.at("id").key() == asked.about), None)
    if found is None:
        raise NotUnderstoodError("thin_payload", "the API does not know the refund that is named")
    amount = found.at("total_amount").number("total_amount")
    if not amount:
        return ignore("refund_without_money")
    data = commerce.OrderRefunded(
        order_id=asked.id, refund_id=asked.about, amount=money(amount), currency=source.currency
    )
    event = fact(data, _when(found, "created"), "bigcommerce", "refund", asked.about, "refunded")
    person = Person(anchors=(Anchor(ORDER, asked.id),))
    return Item(person, (event,), wants=Wanted("order", asked.id))


def _subscriber(asked: Wanted, subscriber: Node, _source: Source) -> Item:
    """On the newsletter's list; who leaves it is gone from the API too, so the number is remembered."""
    at = _when(subscriber, "date_modified" if asked.about == "updated" else "date_created")
    event = fact(engagement.EmailSubscribed(), at, "bigcommerce", "subscriber", asked.id, "subscribed")
    contact = {**_named(subscriber), "email_consent": True}
    anchor = Anchor(SUBSCRIBER, asked.id)
    return Item(Person(anchors=(anchor,), email=subscriber.at("email").text(), contact=contact), (event,))


def _updated(asked: Wanted, found: Node, _source: Source) -> Item:
    """A customer as they are now."""
    at = _when(found, "date_modified")
    version = f"{at:%Y%m%dT%H%M%S}"
    event = fact(customer.CustomerUpdated(), at, "bigcommerce", "customer", asked.id, "updated", version)
    return Item(_customer(found), (event,))


_READERS: dict[str, Callable[[Wanted, Node, Source], Item]] = {
    "order": _order,
    "refund": _refund,
    "subscriber": _subscriber,
    "customer": _updated,
}


def _read(asked: Wanted, body: Node, source: Source) -> Sequence[Item]:
    return (_READERS[asked.what](asked, body, source),)


OBJECTS = Objects(person=person, read=_read, people=CUSTOMER, listed="order")
