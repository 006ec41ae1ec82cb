"""Standard Webhooks: the door for everything else. The body is {type, timestamp, data} in our own vocabulary.

`type` is one of customer.events' types, `data` its model plus `customer`: {id, email, phone, name, ...}.
"""

import json
from collections.abc import Sequence

from libs.events import CUSTOMER_EVENT_TYPES, event_id
from libs.events.types import Frozen
from services.ingest.domain import sentiment, signatures
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import CLOSED, Delivery, Fact, Item, Provider, unknown_topic
from services.ingest.domain.reading import Node, holds_controls, parse_object
from services.ingest.domain.sources import Secrets, Source

CUSTOMER = "standard.customer"
ORDER = "standard/order"


def _verify(delivery: Delivery, secrets: Secrets, wall: float) -> None:
    signatures.check_standard_webhooks(delivery.header, delivery.body, secrets, wall)


def _items(delivery: Delivery) -> Sequence[Node]:
    return (parse_object(delivery.body),)


def _read(body: Node, delivery: Delivery, source: Source) -> Item:
    name = body.at("type").text() or ""
    model = None if name.startswith(CLOSED) else CUSTOMER_EVENT_TYPES.get(name)
    if model is None:
        raise unknown_topic(name)
    if not isinstance(body.at("data").raw, dict):
        raise NotUnderstoodError("invalid_data", "data is not an object")
    time = body.at("timestamp").instant("timestamp")
    if time is None:
        raise NotUnderstoodError("missing_date", "timestamp is missing")
    data = _data(body.at("data"), model)
    person = _person(body.at("data", "customer"), _orders(name, data, source))
    # The id of the message stays the same over retries.
    message = delivery.header("webhook-id") or ""
    return Item(person, (Fact(event_id("standard", message), data, time),))


def _data(given: Node, model: type[Frozen]) -> Frozen:
    """Our model of the sender's data. A text to be classified is read and left behind."""
    fields = {name: value for name, value in given.raw.items() if name not in {"customer", "text"}}
    felt = sentiment.classify(given.at("text").text())
    if felt and "sentiment" in model.model_fields and fields.get("sentiment") is None:
        fields["sentiment"] = felt
    data = model.model_validate_json(json.dumps(fields, default=str))
    encoded = data.model_dump_json()
    if "@" in encoded:
        raise NotUnderstoodError("contact_in_data", "an address belongs under data.customer")
    if holds_controls(encoded):
        raise NotUnderstoodError("invalid_data", "a text of it has control characters")
    return data


def _orders(name: str, data: Frozen, source: Source) -> tuple[Anchor, ...]:
    """Orders are remembered, so that a refund need not repeat their amount."""
    order = getattr(data, "order_id", None)
    if order is None:
        return ()
    amount = getattr(data, "amount", None) if name in {"order.placed", "order.updated"} else None
    currency = getattr(data, "currency", None) or source.currency
    return (Anchor(ORDER, order, f"{amount} {currency}" if amount else None),)


def _person(named: Node, anchors: tuple[Anchor, ...]) -> Person:
    return Person(
        ids=((CUSTOMER, named.at("id").key()),),
        anchors=anchors,
        email=named.at("email").text(),
        phone=named.at("phone").text(),
        contact={
            "name": (named.at("name").text() or "")[:200] or None,
            "locale": named.at("locale").label(),
            "timezone": (named.at("timezone").text() or "")[:64] or None,
            "email_consent": named.at("email_consent").flag(),
            "sms_consent": named.at("sms_consent").flag(),
        },
    )


PROVIDER = Provider(
    name="standard",
    verify=_verify,
    items=_items,
    read=_read,
    secret_fault=signatures.standard_secret_fault,
    delivery_id=lambda delivery: delivery.header("webhook-id"),
)
