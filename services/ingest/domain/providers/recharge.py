"""Recharge: two signatures, no topic in the request, the resource under its own name.

What happened is read from the resource's state. Skips, pauses and returns to life leave no state behind: for
those the webhook's URL must end in ?topic=subscription/skipped and so on. The URL is not signed: that a
subscription has ended or a charge was paid is the body's word, whatever the URL says.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.events.families import commerce
from libs.events.families.commerce import SubscriptionEvent
from services.ingest.domain import signatures
from services.ingest.domain.errors import NotUnderstoodError, UnverifiedError
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import (
    Delivery,
    Fact,
    Item,
    Objects,
    Provider,
    Wanted,
    fact,
    ignore,
    unknown_topic,
)
from services.ingest.domain.reading import Node, money, parse_object
from services.ingest.domain.schemes import Scheme
from services.ingest.domain.sources import Secrets, Source

CUSTOMER, EXTERNAL = "recharge.customer", "recharge.external"
SHOPIFY_CUSTOMER = "shopify.customer"
SUBSCRIPTION = "recharge/subscription"
_SCHEME = Scheme(
    header="x-recharge-webhook-signature",
    signed="{timestamp}.{body}",
    signature_name="v1",
    timestamp_name="t",
    tolerance_s=172_800.0,  # two days either way, Recharge's own rule: it tries again for as long
)
_FRESH = timedelta(minutes=1)  # a subscription touched no later than this after its making is a new one
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_OVER = frozenset({"cancelled", "expired"})
_SILENT = frozenset({"address", "onetime", "checkout", "plan", "store", "async_batch", "bundle_selection"})
_BY_TOPIC: dict[str, type[SubscriptionEvent]] = {
    "created": commerce.SubscriptionStarted,
    "activated": commerce.SubscriptionResumed,
    "paused": commerce.SubscriptionPaused,
    "skipped": commerce.SubscriptionSkipped,
    "deleted": commerce.SubscriptionCancelled,
}


def _verify(delivery: Delivery, secrets: Secrets, wall: float) -> None:
    """The legacy header counts only where the new one is missing, never where it fails.

    It is a plain digest, so whoever has seen one delivery can sign a longer body; what they can add starts
    with a byte that no text has there, and so proves nothing.
    """
    if delivery.header(_SCHEME.header) is not None:
        _SCHEME.verify(delivery, secrets, wall)
        return
    header = "x-recharge-hmac-sha256"
    legacy = signatures.require(delivery.header(header), header)
    signatures.check([legacy], secrets, lambda key: hashlib.sha256(key.encode() + delivery.body).hexdigest())
    try:
        delivery.body.decode()
    except UnicodeDecodeError:
        raise UnverifiedError("the legacy signature proves text only") from None


def _items(delivery: Delivery) -> Sequence[Node]:
    return (parse_object(delivery.body),)


def _topic(delivery: Delivery) -> tuple[str, str]:
    said = (delivery.header("x-recharge-topic") or delivery.query.get("topic") or "").strip().lower()
    family, _, action = said.partition("/")
    return family, action


def _read(body: Node, delivery: Delivery, source: Source) -> Item:
    family, action = _topic(delivery)
    there = [name for name in _READERS if isinstance(body.at(name).raw, dict)]
    if not there:
        if any(body.at(name) for name in _SILENT):
            return ignore("not_about_health")
        raise unknown_topic(f"{family}/{action}" if family else None)
    # Included objects stand beside the resource.
    resource = family if family in there else there[0]
    return _READERS[resource](body, action if family == resource else "", source)


def _when(thing: Node, *names: str) -> datetime:
    """Times of the 2021-01 API have no zone; they are taken as UTC."""
    found = thing.first(*names).instant(names[0], zone=UTC)
    if found is None:
        raise NotUnderstoodError("missing_date", f"{names[0]} is missing")
    return found


def _person(body: Node, thing: Node, subscriptions: Sequence[str] = ()) -> Person:
    named = thing.at("customer") or body.at("customer")
    names = [named.at("first_name").text(), named.at("last_name").text()]
    return Person(
        ids=(
            (CUSTOMER, (thing.at("customer_id") or named.at("id")).key()),
            (SHOPIFY_CUSTOMER, named.at("shopify_customer_id").key()),
            (EXTERNAL, named.at("external_customer_id", "ecommerce").key()),
        ),
        anchors=tuple(Anchor(SUBSCRIPTION, number) for number in subscriptions),
        email=thing.at("email").text() or named.at("email").text(),
        phone=named.at("phone").text(),
        contact={"name": " ".join(part for part in names if part)[:200] or None},
    )


def _subscription(body: Node, action: str, source: Source) -> Item:
    thing = body.at("subscription")
    number = thing.at("id").must_ref("subscription")
    terms = _terms(thing, source, number)
    made = _over(thing, terms, number) or _alive(thing, action, terms, number)
    return Item(_person(body, thing, [number]), (made,))


def _ids(number: str, *parts: str) -> tuple[str, ...]:
    return ("recharge", "subscription", number, *parts)


def _over(thing: Node, terms: dict[str, Any], number: str) -> Fact | None:
    """A life may end more than once: the moment tells one end from the next."""
    status = thing.at("status").label() or ""
    if status not in _OVER and not thing.at("cancelled_at"):
        return None
    at = _when(thing, "cancelled_at", "updated_at")
    tried = thing.at("max_retries_reached")
    by_card = tried.flag() is True or tried.integer() == 1
    reason = "max_retries_reached" if by_card else thing.at("cancellation_reason").label()
    reason = "expired" if status == "expired" else reason
    data = commerce.SubscriptionCancelled(**(terms | {"renewal_at": None}), reason=reason)
    return fact(data, at, *_ids(number, "cancelled", f"{at:%Y%m%dT%H%M%S}"))


def _alive(thing: Node, action: str, terms: dict[str, Any], number: str) -> Fact:
    made, touched = _when(thing, "created_at", "updated_at"), _when(thing, "updated_at", "created_at")
    if action == "created" or (not action and abs(touched - made) <= _FRESH):
        return fact(commerce.SubscriptionStarted(**terms), made, *_ids(number, "started"))
    model = _BY_TOPIC.get(action, commerce.SubscriptionChanged)
    verb = action if action in _BY_TOPIC else "changed"
    reason = "deleted" if action == "deleted" else None
    return fact(model(**terms, reason=reason), touched, *_ids(number, verb, f"{touched:%Y%m%dT%H%M%S}"))


def _terms(thing: Node, source: Source, number: str) -> dict[str, Any]:
    price, quantity = thing.at("price").number("price"), thing.at("quantity").count()
    unit = _DAYS.get(thing.at("order_interval_unit").label() or "")
    # Prepaid: what is charged comes less often than what is sent.
    every = thing.first("charge_interval_frequency", "order_interval_frequency").count()
    return {
        "subscription_id": number,
        "amount": None if price is None else money(price * (1 if quantity is None else quantity)),
        "currency": (thing.at("presentment_currency").text() or source.currency).upper(),
        "interval_days": None if unit is None or every is None else min(unit * every, 1_000_000),
        "renewal_at": thing.at("next_charge_scheduled_at").instant("next_charge", zone=UTC),
    }


def _charge(body: Node, action: str, _source: Source) -> Item:
    """A payment of one or more subscriptions. The order it makes is the shop's to tell, as is its refund."""
    thing = body.at("charge")
    number, status = thing.at("id").must_ref("charge"), thing.at("status").label() or ""
    subscriptions = _subscriptions_of(thing)
    person = _person(body, thing, subscriptions)
    if status in {"refunded", "partially_refunded"}:
        return ignore("orders_come_from_the_shop")
    if status == "success":
        # The first payment comes with the subscription's making, which tells of it.
        renews = thing.at("type").label() != "checkout"
        paid = [_paid(thing, number, one) for one in subscriptions if renews]
        return Item(person, tuple(paid), customer_required=False)
    if status == "error" or action in {"failed", "max_retries_reached"}:
        failed = [_failed(thing, number, one, action) for one in subscriptions]
        return Item(person, tuple(failed))
    return ignore("not_about_health")


def _subscriptions_of(charge: Node) -> list[str]:
    """Each once, in the API of 2021-01 or of 2021-11; one-off lines have none."""
    lines = [*charge.at("line_items").each()]
    ids = [
        (line.at("purchase_item_id") if _is_subscription(line) else line.at("subscription_id")).ref()
        for line in lines
    ]
    return list(dict.fromkeys(one for one in ids if one))


def _is_subscription(line: Node) -> bool:
    return line.at("purchase_item_type").label() == "subscription"


def _paid(charge: Node, number: str, subscription: str) -> Fact:
    data = commerce.SubscriptionRenewed(subscription_id=subscription)
    at = _when(charge, "processed_at", "updated_at", "created_at")
    return fact(data, at, "recharge", "charge", number, "renewed", subscription)


def _failed(charge: Node, number: str, subscription: str, action: str) -> Fact:
    attempt = charge.first("charge_attempts", "number_times_tried").count()
    given_up = action == "max_retries_reached"
    reason = action if given_up else charge.at("error_type").label()
    data = commerce.SubscriptionPaymentFailed(subscription_id=subscription, attempt=attempt, reason=reason)
    at = _when(charge, "last_charge_attempt", "updated_at", "created_at")
    version = action if given_up else str(attempt) if attempt is not None else f"{at:%Y%m%dT%H%M%S}"
    return fact(data, at, "recharge", "charge", number, "payment_failed", subscription, version)


def _linked(name: str) -> "Reader":
    """Who is who, and nothing else: the shop tells of its orders and customers."""

    def read(body: Node, _action: str, _source: Source) -> Item:
        thing = Node(None) if name == "customer" else body.at(name)
        return Item(_person(body, thing), customer_required=False)

    return read


Reader = Callable[[Node, str, Source], Item]
_READERS: dict[str, Reader] = {
    "subscription": _subscription,
    "charge": _charge,
    "order": _linked("order"),
    "customer": _linked("customer"),
}


def _of_object(_asked: Wanted, customer: Node) -> Person:
    """Its own number stands under `id`, the shop's beside it."""
    return _person(Node({"customer": customer.raw}), Node(None))


def _as_told(_asked: Wanted, thing: Node, source: Source) -> Sequence[Item]:
    """A subscription as the API has it: begun, and over if it is."""
    number = thing.at("id").must_ref("subscription")
    terms = _terms(thing, source, number)
    ended = _over(thing, terms, number)
    facts = (_alive(thing, "created", terms, number), *([ended] if ended else []))
    return (Item(_person(Node(None), thing, [number]), facts),)


PROVIDER = Provider(
    name="recharge",
    verify=_verify,
    items=_items,
    read=_read,
    objects=Objects(person=_of_object, read=_as_told, people=CUSTOMER, listed="subscription"),
)
