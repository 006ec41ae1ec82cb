"""BigCommerce: Standard Webhooks headers, signed with the app's client secret; bodies are ids only.

No order names its customer and no refund its amount. With an API key they are asked for. Without one, what
a body does say becomes an event as soon as somebody is known to own the order or cart; what it cannot say is
kept as `thin_payload`.
"""

import base64
from collections.abc import Sequence
from datetime import datetime

from libs.events.families import commerce, customer, engagement
from services.ingest.domain import signatures
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import Delivery, Fact, Item, Provider, Wanted, fact, ignore, unknown_topic
from services.ingest.domain.providers._bigcommerce_objects import (
    CART,
    CUSTOMER,
    INCOMPLETE,
    OBJECTS,
    ORDER,
    SUBSCRIBER,
    ended,
)
from services.ingest.domain.reading import Node, parse_object
from services.ingest.domain.sources import Secrets, Source

_STATUS = "order/statusUpdated"
# A number only: what it is about needs an API key. A created order may be one whose payment failed.
_THIN = {
    "order/created": "order",
    "order/updated": "order",
    "order/archived": "order",
    "order/refund/created": "refund",
    "subscriber/created": "subscriber",
    "subscriber/updated": "subscriber",
}
_WITH_KEY = {"customer/updated": "customer"}  # no loss without one: who it is was told before
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


def _read(body: Node, delivery: Delivery, source: Source) -> Item:  # noqa: ARG001 (the plan's)
    scope = body.at("scope").text() or ""
    topic = scope.removeprefix("store/")
    asked = _asked(body, topic, key=source.api_key is not None)
    if asked is not None:
        return Item(wants=asked)
    reader = _READERS.get(topic)
    if reader is not None:
        return reader(body)
    if topic.partition("/")[0].lower() in _KNOWN:
        return ignore("not_about_health")
    raise unknown_topic(scope)


def _asked(body: Node, topic: str, *, key: bool) -> Wanted | None:
    """The object that there is nothing to say without, or with a key more."""
    if topic == _STATUS and body.at("data", "status", "previous_status_id").integer() == INCOMPLETE and key:
        topic = "order/created"  # its payment has gone through only now
    what = _THIN.get(topic) or (_WITH_KEY.get(topic) if key else None)
    if what is None:
        return None
    number = body.at("data", "id").must_ref("object")
    about = body.at("data", "refund", "refund_id").ref() if what == "refund" else topic.rpartition("/")[2]
    return Wanted(what, number, about or "", whole=True)


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
    found = ended(order, body.at("data", "status", "new_status_id").integer())
    facts = (fact(data, _time(body), "bigcommerce", "order", order, verb) for data, verb in found)
    return _of_order(order, *facts) if found else ignore("no_change_for_the_customer")


def _of_order(order: str, *facts: Fact) -> Item:
    """The order's customer is not named: known by an earlier word of it, else to be asked."""
    return Item(Person(anchors=(Anchor(ORDER, order),)), facts, wants=Wanted("order", order))


def _shipped(body: Node) -> Item:
    parcel = body.at("data", "id").must_ref("shipment")
    order = body.at("data", "orderId").must_ref("order of the shipment")
    data = commerce.OrderShipped(order_id=order)
    return _of_order(order, fact(data, _time(body), "bigcommerce", "shipment", parcel, "shipped"))


def _abandoned(body: Node) -> Item:
    """An hour without a change. Most carts are nobody's, as on every platform."""
    cart = body.at("data", "id").must_ref("cart")
    data = commerce.CheckoutAbandoned(checkout_id=cart)
    event = fact(data, _time(body), "bigcommerce", "cart", cart, "abandoned")
    person, asked = Person(anchors=(Anchor(CART, cart),)), Wanted("cart", cart)
    return Item(person, (event,), customer_required=False, wants=asked)


def _converted(body: Node) -> Item:
    """The one body that names two objects: whoever owns the cart owns the order, and the other way round."""
    cart = body.at("data", "id").must_ref("cart")
    order = body.at("data", "orderId").must_ref("order of the cart")
    data = commerce.CheckoutCompleted(checkout_id=cart, order_id=order)
    event = fact(data, _time(body), "bigcommerce", "cart", cart, "converted")
    person = Person(anchors=(Anchor(CART, cart), Anchor(ORDER, order)))
    return Item(person, (event,), customer_required=False, wants=Wanted("order", order))


def _unsubscribed(body: Node) -> Item:
    """The API no longer knows whose number this was: who was read when they subscribed does."""
    number = body.at("data", "id").must_ref("subscriber")
    data = engagement.EmailUnsubscribed(reason="deleted")
    event = fact(data, _time(body), "bigcommerce", "subscriber", number, "unsubscribed")
    return Item(Person(anchors=(Anchor(SUBSCRIBER, number),), contact={"email_consent": False}), (event,))


_READERS = {
    "customer/created": _customer_created,
    "subscriber/deleted": _unsubscribed,
    _STATUS: _status,
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
    objects=OBJECTS,
    topics=tuple(f"store/{topic}" for topic in (*_THIN, *_WITH_KEY, *_READERS)),
)
