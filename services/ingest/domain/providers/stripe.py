"""Stripe: hex HMAC-SHA256 of time and body; one envelope for everything.

Money is told once: a paid invoice, or a paid Checkout session without one, is the order; a charge only says
what went back. A subscription's state is told once too: its own events start, change and end it, its invoices
renew it and say when a payment failed.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from libs.events.families import commerce
from services.ingest.domain.errors import NotUnderstoodError
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
from services.ingest.domain.providers._stripe_amounts import currency_of, money_of, number_of
from services.ingest.domain.providers._stripe_subscriptions import (
    SUBSCRIPTION,
    ended,
    paused,
    resumed,
    started,
    updated,
)
from services.ingest.domain.reading import MAX_PRODUCTS, Node, parse_object
from services.ingest.domain.schemes import Scheme
from services.ingest.domain.sources import Source

CUSTOMER = "stripe.customer"
ORDER, CHARGE = "stripe/order", "stripe/charge"
_RENEWALS = frozenset({"subscription_cycle", "subscription"})
_FAMILIES = """
account application application_fee balance billing billing_portal capability cash_balance charge checkout
climate coupon credit_note customer customer_cash_balance_transaction entitlements file
financial_connections identity invoice invoice_payment invoiceitem issuing_authorization issuing_card
issuing_cardholder issuing_dispute issuing_token issuing_transaction mandate payment_intent payment_link
payment_method payout person plan price product promotion_code quote radar refund reporting review
setup_intent sigma source subscription_schedule tax tax_rate terminal test_helpers topup transfer treasury
"""
_KNOWN = frozenset(_FAMILIES.split())


# As Stripe's own libraries do: only an old time may be a replay.
_SCHEME = Scheme(
    header="stripe-signature",
    signed="{timestamp}.{body}",
    signature_name="v1",
    timestamp_name="t",
    may_be_ahead=True,
)


def _items(delivery: Delivery) -> Sequence[Node]:
    return (parse_object(delivery.body),)


def _read(event: Node, delivery: Delivery, source: Source) -> Item:  # noqa: ARG001 (the plan's signature)
    topic = event.at("type").text() or ""
    if event.at("object").text() == "v2.core.event":
        raise NotUnderstoodError("thin_payload", "a v2 event names its object only; send snapshot events")
    if event.at("livemode").flag() is False and not source.simulated:
        return ignore("test_mode")
    reader = _READERS.get(topic)
    if reader is not None:
        return reader(event, source)
    if topic in _SUBSCRIPTIONS:
        return _subscription(event, source, topic)
    if topic.partition(".")[0] in _KNOWN:
        return ignore("not_about_health")
    raise unknown_topic(topic)


def _object(event: Node) -> Node:
    return event.at("data", "object")


def _time(event: Node) -> datetime:
    found = event.at("created").unix("created")
    if found is None:
        raise NotUnderstoodError("missing_date", "created is missing")
    return found


def _id(node: Node) -> Node:
    """A reference: the id, or the whole object where somebody expanded it."""
    return node.at("id") or node


def _customer_id(thing: Node) -> tuple[str, str | None]:
    return CUSTOMER, _id(thing.at("customer")).key()


def _name(node: Node) -> str | None:
    return (node.text() or "")[:200] or None


def _subscription(event: Node, source: Source, topic: str) -> Item:
    thing = _object(event)
    number = thing.at("id").must_ref("subscription")
    facts = _SUBSCRIPTIONS[topic](event, source, number, _time(event))
    person = Person(ids=(_customer_id(thing),), anchors=(Anchor(SUBSCRIPTION, number),))
    if not facts and topic.endswith(".updated"):
        return ignore("no_change_for_the_customer")
    return Item(person, tuple(facts))


def _customer(event: Node, _source: Source) -> Item:
    """Whose number it is. Who is new or on the staff is for the shop's platform to say."""
    return Item(_person_of(_object(event)))


def _person_of(thing: Node) -> Person:
    locales = [locale.label() for locale in thing.at("preferred_locales").each()]
    return Person(
        ids=((CUSTOMER, thing.at("id").key()),),
        email=thing.at("email").text(),
        phone=thing.at("phone").text(),
        contact={"name": _name(thing.at("name")), "locale": next(iter(locales), None)},
    )


def _subscription_of(invoice: Node) -> str | None:
    """Since the API of 2025-03-31 under `parent`."""
    details = invoice.at("parent", "subscription_details")
    return _id(invoice.at("subscription") or details.at("subscription")).ref()


def _invoice_person(invoice: Node, subscription: str | None, detail: str | None = None) -> Person:
    number = invoice.at("id").must_ref("invoice")
    anchors = [Anchor(ORDER, number, detail)]
    anchors += [Anchor(SUBSCRIPTION, subscription)] if subscription else []
    return Person(
        ids=(_customer_id(invoice),),
        anchors=tuple(anchors),
        email=invoice.at("customer_email").text(),
        phone=invoice.at("customer_phone").text(),
        contact={"name": _name(invoice.at("customer_name"))},
    )


def _invoice_paid(event: Node, source: Source) -> Item:
    """Two topics tell this of one invoice: `invoice.paid` and `invoice.payment_succeeded`."""
    invoice, subscription = _object(event), _subscription_of(_object(event))
    number, currency = invoice.at("id").must_ref("invoice"), currency_of(_object(event), source)
    amount = money_of(invoice.at("amount_paid"), currency)
    at = invoice.at("status_transitions", "paid_at").unix("paid_at") or _time(event)
    reason = invoice.at("billing_reason").text()
    facts = []
    if Decimal(amount or 0) > 0:
        # The first payment of a subscription is a decision, the next ones are not.
        renewal = subscription is not None and reason != "subscription_create"
        facts.append(_order(invoice, number, (amount, currency), at, renewal=renewal))
    if subscription and reason in _RENEWALS:
        ends = (line.at("period", "end").unix("period.end") for line in invoice.at("lines", "data").each())
        renewed = commerce.SubscriptionRenewed(
            subscription_id=subscription,
            amount=amount,
            currency=currency,
            renewal_at=max((end for end in ends if end), default=None),
        )
        facts.append(fact(renewed, at, "stripe", "invoice", number, "renewed"))
    detail = f"{amount} {currency}" if amount else None
    return Item(_invoice_person(invoice, subscription, detail), tuple(facts))


def _order(invoice: Node, number: str, price: tuple[str | None, str], at: datetime, *, renewal: bool) -> Fact:
    lines = list(invoice.at("lines", "data").each())
    products = (
        (_id(line.at("price", "product")) or line.at("pricing", "price_details", "product")).ref()
        for line in lines[:MAX_PRODUCTS]
    )
    data = commerce.OrderPlaced(
        order_id=number,
        amount=price[0] or "0",
        currency=price[1],
        items=min(sum(line.at("quantity").count() or 0 for line in lines), 1_000_000) or 1,
        products=tuple(dict.fromkeys(product for product in products if product)),
        channel="subscription" if renewal else "online",
    )
    return fact(data, at, "stripe", "order", number, "placed")


def _invoice_failed(event: Node, source: Source) -> Item:
    """Dunning. A first payment that fails is a subscription that never began."""
    invoice, subscription = _object(event), _subscription_of(_object(event))
    if subscription is None or invoice.at("billing_reason").text() == "subscription_create":
        return ignore("no_subscription_yet")
    number, currency = invoice.at("id").must_ref("invoice"), currency_of(_object(event), source)
    attempt = invoice.at("attempt_count").count()
    data = commerce.SubscriptionPaymentFailed(
        subscription_id=subscription,
        amount=money_of(invoice.at("amount_due"), currency),
        currency=currency,
        attempt=attempt,
        reason=None if invoice.at("next_payment_attempt") else "last_attempt",
    )
    ids = ("stripe", "invoice", number, "payment_failed", str(attempt))
    return Item(_invoice_person(invoice, subscription), (fact(data, _time(event), *ids),))


def _order_of(thing: Node) -> str:
    """What a payment was for: its invoice if the API tells, else the payment intent, else itself."""
    return (_id(thing.at("invoice")) or _id(thing.at("payment_intent")) or thing.at("id")).must_ref("payment")


def _charge_person(charge: Node) -> Person:
    """The name on a card is the payer's, who may be somebody else: it counts for guests only."""
    number = charge.at("id").must_ref("charge")
    owner = _customer_id(charge)
    paid_by = charge.at("billing_details").at("email").text() or charge.at("receipt_email").text()
    anchors = [Anchor(CHARGE, number), Anchor(ORDER, _order_of(charge))]
    intent = _id(charge.at("payment_intent")).ref()
    anchors += [Anchor(ORDER, intent)] if intent else []
    return Person(ids=(owner,), anchors=tuple(dict.fromkeys(anchors)), email=None if owner[1] else paid_by)


def _charge_succeeded(event: Node, _source: Source) -> Item:
    """No purchase of its own (see above): whose charge it is, for refunds and disputes that do not say."""
    return Item(_charge_person(_object(event)), customer_required=False)


def _charge_refunded(event: Node, source: Source) -> Item:
    """`amount_refunded` is the sum so far: what went back this time is the step from before."""
    charge, before = _object(event), event.at("data", "previous_attributes")
    number, currency = charge.at("id").must_ref("charge"), currency_of(_object(event), source)
    so_far = number_of(charge.at("amount_refunded"))
    step = so_far - number_of(before.at("amount_refunded"))
    if step <= 0:
        return ignore("refund_without_money")
    listed = (
        one.at("id").ref()
        for one in charge.at("refunds", "data").each()
        if one.at("amount").number("refunds.amount") == step
    )
    data = commerce.OrderRefunded(
        order_id=_order_of(charge),
        refund_id=next((one for one in listed if one), f"{number}:{so_far}"),
        amount=money_of(Node(step), currency) or "0",
        currency=currency,
        order_amount=money_of(charge.at("amount"), currency),
    )
    event_ = fact(data, _time(event), "stripe", "charge", number, "refunded", str(so_far))
    return Item(_charge_person(charge), (event_,), customer_required=False)


def _dispute(event: Node, source: Source) -> Item:
    """A chargeback is a demand for the money back; one that is lost is a refund."""
    dispute, at = _object(event), _time(event)
    number, currency = dispute.at("id").must_ref("dispute"), currency_of(_object(event), source)
    order, charge = _order_of(dispute), _id(dispute.at("charge")).ref()
    named: dict[str, Any] = {
        "order_id": order,
        "amount": money_of(dispute.at("amount"), currency),
        "currency": currency,
    }
    reason, ids = dispute.at("reason").label(), ("stripe", "dispute", number)
    if event.at("type").text() == "charge.dispute.created":
        facts = [fact(commerce.ReturnRequested(return_id=number, reason=reason, **named), at, *ids, "opened")]
    else:
        facts = [fact(commerce.ReturnClosed(return_id=number, order_id=order), at, *ids, "closed")]
        if dispute.at("status").text() == "lost":
            facts.append(fact(commerce.OrderRefunded(refund_id=number, **named), at, *ids, "refunded"))
    anchors = [Anchor(CHARGE, charge)] if charge else []
    email = dispute.at("evidence", "customer_email_address").text()
    return Item(Person(anchors=(*anchors, Anchor(ORDER, order)), email=email), tuple(facts))


def _session(event: Node, source: Source) -> Item:
    """A Checkout page: left behind, or gone through. Money that comes days later has a topic of its own."""
    session, at = _object(event), _time(event)
    number, currency = session.at("id").must_ref("checkout session"), currency_of(_object(event), source)
    amount = money_of(session.at("amount_total"), currency)
    known: dict[str, Any] = {"checkout_id": number, "amount": amount, "currency": currency}
    if event.at("type").text() == "checkout.session.expired":
        left = fact(commerce.CheckoutAbandoned(**known), at, "stripe", "checkout", number, "abandoned")
        return Item(_session_person(session, ()), (left,), customer_required=False)
    bought = session.at("mode").text() == "payment" and session.at("payment_status").text() == "paid"
    order = _order_of(session) if bought and Decimal(amount or 0) > 0 else None
    completed = commerce.CheckoutCompleted(order_id=order, **known)
    facts = [fact(completed, at, "stripe", "checkout", number, "completed")]
    anchors: tuple[Anchor, ...] = ()
    if order:
        data = commerce.OrderPlaced(
            order_id=order, amount=amount or "0", currency=currency, gift=_is_gift(session)
        )
        facts.append(fact(data, at, "stripe", "order", order, "placed"))
        anchors = (Anchor(ORDER, order, f"{amount} {currency}"),)
    return Item(_session_person(session, anchors), tuple(facts), customer_required=False)


def _session_person(session: Node, anchors: tuple[Anchor, ...]) -> Person:
    details = session.at("customer_details")
    return Person(
        ids=(_customer_id(session),),
        anchors=anchors,
        email=details.at("email").text() or session.at("customer_email").text(),
        phone=details.at("phone").text(),
        contact={"name": _name(details.at("name"))},
    )


def _is_gift(session: Node) -> bool:
    """A parcel to another name at another postal code."""
    payer = session.at("customer_details")
    to = session.at("shipping_details") or session.at("collected_information", "shipping_details")
    pairs = [(place.at("name").text(), place.at("address", "postal_code").text()) for place in (to, payer)]
    return all(here and there and here != there for here, there in zip(*pairs, strict=True))


_SUBSCRIPTIONS = {
    "customer.subscription.created": started,
    "customer.subscription.updated": updated,
    "customer.subscription.deleted": ended,
    "customer.subscription.paused": paused,
    "customer.subscription.resumed": resumed,
}
_READERS = {
    "customer.created": _customer,
    "customer.updated": _customer,
    "invoice.paid": _invoice_paid,
    "invoice.payment_succeeded": _invoice_paid,
    "invoice.payment_failed": _invoice_failed,
    "charge.succeeded": _charge_succeeded,
    "charge.refunded": _charge_refunded,
    "charge.dispute.created": _dispute,
    "charge.dispute.closed": _dispute,
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "checkout.session.expired": _session,
}


def _listed(_asked: Wanted, event: Node, source: Source) -> Sequence[Item]:
    """Stripe lists its events as it delivered them."""
    return (_read(event, Delivery({}, b""), source),)


PROVIDER = Provider(
    name="stripe",
    verify=_SCHEME.verify,
    items=_items,
    read=_read,
    delivery_id=lambda delivery: parse_object(delivery.body).at("id").ref(),
    objects=Objects(
        person=lambda _asked, body: _person_of(body),
        read=_listed,
        people=CUSTOMER,
        listed="event",
    ),
)
