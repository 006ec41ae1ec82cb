"""BigCommerce: Standard Webhooks headers, signed with the app's client secret; bodies are ids only.

No order names its customer and no refund its amount. What a body does say becomes an event as soon as
somebody is known to own the order or cart; what it cannot say is kept as `thin_payload` for enrichment.
"""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from libs.events.families import commerce, customer
from services.ingest.domain import signatures
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import Delivery, Item, Provider, fact, ignore, unknown_topic
from services.ingest.domain.reading import Node, parse_object
from services.ingest.domain.sources import Secrets, Source

CUSTOMER = "bigcommerce.customer"
ORDER, CART = "bigcommerce/order", "bigcommerce/cart"
# Numbers of BigCommerce's order statuses that say something by themselves. Shipping and refunds have scopes.
_CANCELLED, _DECLINED, _COMPLETED, _DISPUTED = 5, 6, 10, 13
_THIN = frozenset(
    {
        "order/created",  # also sent for incomplete orders, whose payment failed
        "order/updated",
        "order/archived",
        "order/refund/created",
        "subscriber/created",
        "subscriber/updated",
        "subscriber/deleted",
    }
)
_FAMILIES = """
app brand cart category channel customer information inventory metafield modifier option order pricelist
product script shipment sku store
"""
_KNOWN = frozenset(_FAMILIES.split())


def _verify(delivery: Delivery, secrets: Secrets, wall: float) -> None:
    """The scheme wants base64 and decodes it: what is signed with is the client secret's own bytes."""
    keys = [base64.b64encode(secret.encode()).decode() for secret in secrets]
    signatures.check_standard_webhooks(delivery.header, delivery.body, keys, wall)


def _items(delivery: Delivery) -> Sequence[Node]:
    return (parse_object(delivery.body),)


def _read(body: Node, delivery: Delivery, source: Source) -> Item:  # noqa: ARG001 (the plan's signature)
    scope = body.at("scope").text() or ""
    topic = scope.removeprefix("store/")
    if topic in _THIN:
        raise NotUnderstoodError(
            "thin_payload", f"{topic} carries an id only; what it is about needs an API key"
        )
    reader = _READERS.get(topic)
    if reader is not None:
        return reader(body)
    if topic.partition("/")[0].lower() in _KNOWN:
        return ignore("not_about_health")
    raise unknown_topic(scope)


def _time(body: Node) -> datetime:
    found = body.at("created_at").unix("created_at")
    if found is None:
        raise NotUnderstoodError("missing_date", "created_at is missing")
    return found


def _customer_created(body: Node) -> Item:
    """A number without an address; another source may know it (`same_as`)."""
    number = body.at("data", "id").must_ref("customer")
    event = fact(customer.CustomerCreated(), _time(body), "bigcommerce", "customer", number, "created")
    return Item(Person(ids=((CUSTOMER, body.at("data", "id").key()),)), (event,))


def _status(body: Node) -> Item:
    order = body.at("data", "id").must_ref("order")
    new = body.at("data", "status", "new_status_id").integer()
    data: Any = None
    if new in {_CANCELLED, _DECLINED}:
        verb = "cancelled"
        reason = "declined" if new == _DECLINED else None
        data = commerce.OrderCancelled(order_id=order, reason=reason)
    elif new == _COMPLETED:  # shipped or picked up, and receipt confirmed
        data, verb = commerce.OrderDelivered(order_id=order), "delivered"
    elif new == _DISPUTED:
        data = commerce.ReturnRequested(return_id=f"dispute-{order}", order_id=order, reason="disputed")
        verb = "disputed"
    if data is None:
        return ignore("no_change_for_the_customer")
    event = fact(data, _time(body), "bigcommerce", "order", order, verb)
    return Item(Person(anchors=(Anchor(ORDER, order),)), (event,))


def _shipped(body: Node) -> Item:
    parcel = body.at("data", "id").must_ref("shipment")
    order = body.at("data", "orderId").must_ref("order of the shipment")
    data = commerce.OrderShipped(order_id=order)
    event = fact(data, _time(body), "bigcommerce", "shipment", parcel, "shipped")
    return Item(Person(anchors=(Anchor(ORDER, order),)), (event,))


def _abandoned(body: Node) -> Item:
    """An hour without a change. Most carts are nobody's, as on every platform."""
    cart = body.at("data", "id").must_ref("cart")
    data = commerce.CheckoutAbandoned(checkout_id=cart)
    event = fact(data, _time(body), "bigcommerce", "cart", cart, "abandoned")
    return Item(Person(anchors=(Anchor(CART, cart),)), (event,), customer_required=False)


def _converted(body: Node) -> Item:
    """The one body that names two objects: whoever owns the cart owns the order, and the other way round."""
    cart = body.at("data", "id").must_ref("cart")
    order = body.at("data", "orderId").must_ref("order of the cart")
    data = commerce.CheckoutCompleted(checkout_id=cart, order_id=order)
    event = fact(data, _time(body), "bigcommerce", "cart", cart, "converted")
    person = Person(anchors=(Anchor(CART, cart), Anchor(ORDER, order)))
    return Item(person, (event,), customer_required=False)


_READERS = {
    "customer/created": _customer_created,
    "order/statusUpdated": _status,
    "shipment/created": _shipped,
    "cart/abandoned": _abandoned,
    "cart/converted": _converted,
}

PROVIDER = Provider(
    name="bigcommerce",
    verify=_verify,
    items=_items,
    read=_read,
    delivery_id=lambda delivery: delivery.header("webhook-id"),
)
