"""WooCommerce: base64 HMAC-SHA256 of the raw body; the topic is a header, the body the REST resource.

Nothing is ever sent twice, and a body is as new as its sending: so every version of an order tells all that
has happened to it, and what was told before has the same id.
"""

import html
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from libs.events.families import commerce, customer
from libs.events.families.commerce import Channel
from services.ingest.domain import signatures
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import (
    JSON_TYPES,
    Answer,
    Delivery,
    Fact,
    Item,
    Objects,
    Provider,
    fact,
    ignore,
    unknown_topic,
)
from services.ingest.domain.reading import MAX_PRODUCTS, Node, money, parse_object, region_of
from services.ingest.domain.sources import Secrets, Source

CUSTOMER = "woocommerce.customer"
ORDER, SUBSCRIPTION = "woocommerce/order", "woocommerce/subscription"
_DRAFTS = frozenset({"auto-draft", "draft", "new"})
_UNPAID = frozenset({"pending", "failed", "cancelled", "trash"})
_GONE = frozenset({"cancelled", "trash"})
_STAFF = frozenset({"administrator", "shop_manager", "editor", "author", "contributor"})
_MARKETPLACES = ("amazon", "ebay", "etsy", "tiktok", "walmart")
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|#0*(?:34|38|39|60|62)|#x0*(?:22|26|27|3c|3e));", re.IGNORECASE)


def _key(secret: str) -> bytes:
    """WordPress signs with the secret after undoing its own escapes of & < > and quotes, once."""
    return _ENTITY.sub(lambda found: html.unescape(found[0].lower()), secret).encode()


def _verify(delivery: Delivery, secrets: Secrets, _wall: float) -> None:
    header = "x-wc-webhook-signature"
    given = signatures.require(delivery.header(header), header)
    signatures.check([given], secrets, lambda secret: signatures.base64_hmac(_key(secret), delivery.body))


def _handshake(delivery: Delivery) -> Answer | None:
    """On saving a webhook WooCommerce posts this unsigned form, and switches on only after a 200."""
    return Answer(200) if _PING.fullmatch(delivery.body.strip()) else None


def _items(delivery: Delivery) -> Sequence[Node]:
    return (parse_object(delivery.body),)


def _read(body: Node, delivery: Delivery, source: Source) -> Item:
    topic = (delivery.header("x-wc-webhook-topic") or "").strip().lower()
    resource, _, event = topic.partition(".")
    if resource in {"product", "coupon", "action"} or topic == "customer.deleted":
        return ignore("not_about_health")
    if resource == "customer" and event in {"created", "updated", "restored"}:
        return _customer(body, event)
    if event == "deleted" and resource in {"order", "subscription"}:
        return _deleted(body, resource)
    if resource == "order" and event in {"created", "updated", "restored"}:
        return _order(body, source, edited=event != "created")
    if resource == "subscription" and event in {"created", "updated", "switched", "restored"}:
        return _subscription(body, source, event)
    raise unknown_topic(topic)


def _utc(body: Node, name: str) -> datetime | None:
    """The `_gmt` times are UTC and do not say so; the others are the site's own, wherever that is."""
    return body.at(name).instant(name, zone=UTC)


def _when(body: Node, *names: str) -> datetime:
    found = next((at for name in names if (at := _utc(body, name))), None)
    if found is None:
        raise NotUnderstoodError("missing_date", f"{names[0]} is missing")
    return found


def _person(body: Node, anchor: Anchor) -> Person:
    """Who an order belongs to: customer 0 is a guest, known by address only."""
    number, billing = body.at("customer_id").key(), body.at("billing")
    names = [billing.at("first_name").text(), billing.at("last_name").text()]
    return Person(
        ids=((CUSTOMER, None if number == "0" else number),),
        anchors=(anchor,),
        email=billing.at("email").text(),
        phone=billing.at("phone").text(),
        contact={"name": " ".join(part for part in names if part)[:200] or None},
    )


def _total(body: Node) -> Decimal:
    """What was ordered, after edits; refunds are negative parts of their own and do not lower it."""
    total = body.at("total").number("total")
    if total is None:
        raise NotUnderstoodError("missing_amount", "total is missing")
    return total


def _currency(body: Node, source: Source) -> str:
    return (body.at("currency").text() or source.currency).upper()


def _status(body: Node) -> str:
    return (body.at("status").text() or "").lower().removeprefix("wc-")


def _meta(body: Node) -> Iterator[tuple[str, Node]]:
    return ((one.at("key").text() or "", one.at("value")) for one in body.at("meta_data").each())


def _order(body: Node, source: Source, *, edited: bool) -> Item:
    number, status = body.at("id").must_ref("order"), _status(body)
    if status in _DRAFTS:
        return ignore("draft")
    if status == "checkout-draft":
        return _checkout(body, source, number)
    fields = _order_fields(body, source, number)
    facts = [
        _of_order(number, "placed", commerce.OrderPlaced(**fields), _when(body, "date_created_gmt")),
        *_checked_out(body, number, fields),
        *(_edit(body, number, fields) if edited else ()),
        *_payment(body, number, fields),
        *_end(body, number, fields, status),
        *_refunds(body, number, fields),
        *_renewal(body, number, fields, status),
    ]
    anchor = Anchor(ORDER, number, f"{fields['amount']} {fields['currency']}")
    return Item(_person(body, anchor), tuple(facts))


def _of_order(number: str, verb: str, data: Any, at: datetime) -> Fact:
    return fact(data, at, "woocommerce", "order", number, verb)


def _checkout(body: Node, source: Source, number: str) -> Item:
    """The checkout block keeps a draft order while somebody fills it in; silence after it is for readers."""
    total = body.at("total").number("total")
    amount = None if total is None else money(total)
    data = commerce.CheckoutStarted(checkout_id=number, amount=amount, currency=_currency(body, source))
    at = _when(body, "date_created_gmt", "date_modified_gmt")
    facts = (_of_order(number, "checkout_started", data, at),)
    return Item(_person(body, Anchor(ORDER, number)), facts, customer_required=False)


def _checked_out(body: Node, number: str, fields: dict[str, Any]) -> list[Fact]:
    """The end of such a draft: the order has the number of its checkout."""
    if body.at("created_via").text() != "store-api" or not fields["counts"]:
        return []
    data = commerce.CheckoutCompleted(
        checkout_id=number, order_id=number, amount=fields["amount"], currency=fields["currency"]
    )
    at = _utc(body, "date_paid_gmt") or _when(body, "date_created_gmt")
    return [_of_order(number, "checkout_completed", data, at)]


def _order_fields(body: Node, source: Source, number: str) -> dict[str, Any]:
    total, lines = _total(body), list(body.at("line_items").each())
    products = (line.at("product_id").ref() for line in lines[:MAX_PRODUCTS])
    return {
        "order_id": number,
        "amount": money(total),
        "currency": _currency(body, source),
        "items": min(sum(line.at("quantity").count() or 0 for line in lines), 1_000_000) or 1,
        "products": tuple(dict.fromkeys(product for product in products if product not in {None, "0"})),
        "channel": _channel(body),
        "gift": _is_gift(body, lines),
        "counts": total > 0 and _is_purchase(body),
        "region": region_of(body.at("shipping", "country"), body.at("shipping", "state")),
    }


def _is_purchase(body: Node) -> bool:
    """Paid, or placed with the money to come (bank transfer, on delivery, a status of the shop's own)."""
    if any(key == "_wcpay_mode" and value.text() == "test" for key, value in _meta(body)):
        return False
    return bool(body.at("date_paid_gmt")) or _status(body) not in _UNPAID


def _channel(body: Node) -> Channel:
    via = (body.at("created_via").text() or "").lower()
    if via.startswith("pos"):
        return "point_of_sale"
    if any(market in via for market in _MARKETPLACES):
        return "marketplace"
    return "subscription" if via == "subscription" else "online"


def _is_gift(body: Node, lines: list[Node]) -> bool:
    """A gift note of a plugin's, or a parcel to another name at another address."""
    notes = [note for place in (body, *lines) for note in _meta(place)]
    if any(_speaks_of_gift(key.lower()) and value and value.flag() is not False for key, value in notes):
        return True
    to, payer = body.at("shipping"), body.at("billing")
    return all(
        to.at(part).text() and payer.at(part).text() and to.at(part).text() != payer.at(part).text()
        for part in ("first_name", "last_name", "postcode")
    )


def _speaks_of_gift(key: str) -> bool:
    return "gift" in key and "card" not in key  # a gift card may only have paid for it


def _edit(body: Node, number: str, fields: dict[str, Any]) -> list[Fact]:
    at = _when(body, "date_modified_gmt")
    return [_of_order(number, f"updated:{at:%Y%m%dT%H%M%S}", commerce.OrderUpdated(**fields), at)]


def _payment(body: Node, number: str, fields: dict[str, Any]) -> list[Fact]:
    at = _utc(body, "date_paid_gmt")
    data = commerce.OrderPaid(order_id=number, amount=fields["amount"], currency=fields["currency"])
    return [] if at is None else [_of_order(number, "paid", data, at)]


def _end(body: Node, number: str, fields: dict[str, Any], status: str) -> list[Fact]:
    """How an order ended: called off, or sent."""
    if status in _GONE:
        paid = bool(body.at("date_paid_gmt"))
        data = commerce.OrderCancelled(
            order_id=number,
            reason=status if paid else f"{status}_unpaid",
            amount=fields["amount"],
            currency=fields["currency"],
            placed_at=_utc(body, "date_created_gmt"),
        )
        return [_of_order(number, "cancelled", data, _when(body, "date_modified_gmt"))]
    done = _utc(body, "date_completed_gmt")
    if done is None or status != "completed" or not body.at("shipping_lines"):
        return []  # a download is complete, but nothing was sent
    return [_of_order(number, "shipped", commerce.OrderShipped(order_id=number), done)]


def _refunds(body: Node, number: str, fields: dict[str, Any]) -> Iterator[Fact]:
    """There is no topic for refunds: they stand in the order, negative and without a time of their own."""
    for refund in body.at("refunds").each():
        amount = abs(refund.at("total").number("refunds.total") or Decimal(0))
        if amount == 0:
            continue
        reference = refund.at("id").must_ref("refund")
        data = commerce.OrderRefunded(
            order_id=number,
            refund_id=reference,
            amount=money(amount),
            currency=fields["currency"],
            order_amount=fields["amount"],
        )
        yield fact(data, _when(body, "date_modified_gmt"), "woocommerce", "refund", reference, "refunded")


def _renewal(body: Node, number: str, fields: dict[str, Any], status: str) -> list[Fact]:
    """An order made by the Subscriptions extension: a payment that went through, or dunning."""
    found = next((value.ref() for key, value in _meta(body) if key == "_subscription_renewal"), None)
    if found is None:
        return []
    terms = {"subscription_id": found, "amount": fields["amount"], "currency": fields["currency"]}
    if paid := _utc(body, "date_paid_gmt"):
        return [_of_order(number, "renewed", commerce.SubscriptionRenewed(**terms), paid)]
    if status != "failed":
        return []
    failed = commerce.SubscriptionPaymentFailed(**terms)
    return [_of_order(number, "payment_failed", failed, _when(body, "date_modified_gmt"))]


def _deleted(body: Node, resource: str) -> Item:
    """Only the number is left. What we never heard of is no loss."""
    number = body.at("id").must_ref(resource)
    if resource == "order":
        data: Any = commerce.OrderCancelled(order_id=number, reason="deleted")
        event, anchor = fact(data, None, "woocommerce", "order", number, "cancelled"), Anchor(ORDER, number)
    else:
        data = commerce.SubscriptionCancelled(subscription_id=number, reason="deleted")
        event = fact(data, None, "woocommerce", "subscription", number, "cancelled")
        anchor = Anchor(SUBSCRIPTION, number)
    return Item(Person(anchors=(anchor,)), (event,), customer_required=False)


def _customer(body: Node, event: str) -> Item:
    number = body.at("id").must_ref("customer")
    role = (body.at("role").text() or "").lower()
    excluded = role in _STAFF or "wholesale" in role
    if event == "created":
        made = customer.CustomerCreated(excluded=excluded)
        at, ids = _when(body, "date_created_gmt"), ["created"]
    else:
        made = customer.CustomerUpdated(excluded=excluded)
        at = _when(body, "date_modified_gmt", "date_created_gmt")
        ids = ["updated", f"{at:%Y%m%dT%H%M%S}"]
    return Item(_person_of(body), (fact(made, at, "woocommerce", "customer", number, *ids),))


def _person_of(customer_: Node) -> Person:
    names = [customer_.at("first_name").text(), customer_.at("last_name").text()]
    return Person(
        ids=((CUSTOMER, customer_.at("id").key()),),
        email=customer_.at("email").text() or customer_.at("billing", "email").text(),
        phone=customer_.at("billing", "phone").text(),
        contact={"name": " ".join(part for part in names if part)[:200] or None},
    )


def _subscription(body: Node, source: Source, event: str) -> Item:
    """The Subscriptions extension. On hold may be a pause or the wait for a payment: no red flag."""
    number, status = body.at("id").must_ref("subscription"), _status(body)
    at = _when(body, "date_modified_gmt", "date_created_gmt")
    terms = _terms(body, source, number)
    version = f"{at:%Y%m%dT%H%M%S}"
    made: list[tuple[Any, datetime, str]] = []
    if status == "active":
        began = _when(body, "start_date_gmt", "date_created_gmt")
        made = [(commerce.SubscriptionStarted(**terms), began, "started")]
    if status == "pending-cancel":
        end = body.at("end_date_gmt").ref() or "soon"
        made = [(commerce.SubscriptionCancelRequested(**terms), at, f"cancel_requested:{end}")]
    elif status in {"cancelled", "expired", "trash"}:
        made = [(commerce.SubscriptionCancelled(**terms, reason=status), at, "cancelled")]
    elif status == "on-hold" and body.at("payment_retry_date_gmt"):
        made = [(commerce.SubscriptionPaymentFailed(**terms), at, f"payment_failed:{version}")]
    elif status == "active" and event == "restored":
        # Out of the bin, into which it was called off.
        made.append((commerce.SubscriptionResumed(**terms), at, f"resumed:{version}"))
    elif event != "created" and status != "pending":
        reason = None if status == "active" else body.at("status").label()
        made.append((commerce.SubscriptionChanged(**terms, reason=reason), at, f"changed:{version}"))
    facts = (fact(data, when, "woocommerce", "subscription", number, verb) for data, when, verb in made)
    return Item(_person(body, Anchor(SUBSCRIPTION, number)), tuple(facts))


def _terms(body: Node, source: Source, number: str) -> dict[str, Any]:
    unit = _DAYS.get((body.at("billing_period").text() or "").lower())
    every, total = body.at("billing_interval").count(), body.at("total").number("total")
    return {
        "subscription_id": number,
        "amount": None if total is None else money(total),
        "currency": _currency(body, source),
        "interval_days": None if unit is None or every is None else min(unit * every, 1_000_000),
        "renewal_at": _utc(body, "next_payment_date_gmt"),
    }


PROVIDER = Provider(
    name="woocommerce",
    verify=_verify,
    items=_items,
    read=_read,
    # Two deliveries of one webhook in the same second share this id: it is for people, never for recognising.
    delivery_id=lambda delivery: delivery.header("x-wc-webhook-delivery-id"),
    handshake=_handshake,
    content_types=JSON_TYPES | {"application/x-www-form-urlencoded"},
    objects=Objects(
        person=lambda _asked, body: _person_of(body),
        read=lambda _asked, body, source: (_order(body, source, edited=False),),
        people=CUSTOMER,
        listed="order",
    ),
    topics=("order.created", "order.updated", "order.deleted", "customer.created", "customer.updated"),
)
