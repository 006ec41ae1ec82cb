"""Shopify: base64 HMAC-SHA256 of the raw body; the topic is a header, the body the resource itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from libs.events.families import commerce, customer
from services.ingest.domain import signatures
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import (
    Delivery,
    Fact,
    Item,
    Objects,
    PrivacyRequest,
    Provider,
    Wanted,
    fact,
    ignore,
    unknown_topic,
)
from services.ingest.domain.providers import _shopify_orders as orders
from services.ingest.domain.providers._shopify_orders import CUSTOMER, contact_of, person_of, when
from services.ingest.domain.reading import Node, money, parse_object
from services.ingest.domain.shopify_words import ORDER
from services.ingest.domain.sources import Secrets, Source

SUBSCRIPTION = "shopify/subscription"
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
# A consent that changed within this time of the update is what the update is about.
_CONSENT_WINDOW = timedelta(days=1)


def _verify(delivery: Delivery, secrets: Secrets, _wall: float) -> None:
    header = "x-shopify-hmac-sha256"
    given = delivery.header(header) or delivery.header(header.removeprefix("x-"))
    given = signatures.require(given, header)
    signatures.check([given], secrets, lambda key: signatures.base64_hmac(key.encode(), delivery.body))


def _header(delivery: Delivery, name: str) -> str | None:
    """Shopify's newer "Events" send the same headers without the X-."""
    return delivery.header(f"x-shopify-{name}") or delivery.header(f"shopify-{name}")


def _topic(delivery: Delivery) -> str:
    return (_header(delivery, "topic") or "").strip().lower()


def _items(delivery: Delivery) -> Sequence[Node]:
    return (parse_object(delivery.body),)


def _read(body: Node, delivery: Delivery, source: Source) -> Item:
    topic = _topic(delivery)
    if topic in _IGNORED:
        return ignore("not_about_health")
    reader = _READERS.get(topic)
    if reader is not None:
        return reader(body, source)
    family, _, action = topic.partition("/")
    if family == "subscription_contracts":
        return _contract(body, action, delivery)
    if family == "subscription_billing_attempts":
        return _billing_attempt(body, action, delivery)
    if topic == "subscription_billing_cycles/skip":
        return _skipped(body, delivery)
    raise unknown_topic(topic)


def _checkout(body: Node, source: Source) -> Item:
    """There is no topic for abandonment: silence after a start is for readers of time to see."""
    checkout = body.first("token", "id").must_ref("checkout")
    total = body.at("total_price").number("total_price")
    amounts = {
        "amount": None if total is None else money(total),
        "currency": body.at("currency").text() or source.currency,
    }
    started = commerce.CheckoutStarted(checkout_id=checkout, **amounts)
    facts = [fact(started, when(body, "created_at"), "shopify", "checkout", checkout, "started")]
    if done := body.at("completed_at").instant("completed_at"):
        completed = commerce.CheckoutCompleted(
            checkout_id=checkout, order_id=body.at("order_id").ref(), **amounts
        )
        facts.append(fact(completed, done, "shopify", "checkout", checkout, "completed"))
    return Item(person_of(body), tuple(facts), customer_required=False)


def _customer(body: Node, created: bool) -> Item:
    number = body.at("id").must_ref("customer")
    excluded = bool({"employee", "influencer", "reseller", "staff"} & orders.tags(body))
    updated = when(body, "updated_at", "created_at")
    if created:
        made = customer.CustomerCreated(excluded=excluded)
        facts = [fact(made, when(body, "created_at"), "shopify", "customer", number, "created")]
    else:
        version = body.at("updated_at").text() or "unknown"
        changed = customer.CustomerUpdated(excluded=excluded)
        facts = [fact(changed, updated, "shopify", "customer", number, "updated", version)]
    return Item(_known(body), (*facts, *_consent_changes(body, number)))


def _known(body: Node) -> Person:
    consent = _consent(body, "email")
    return Person(
        ids=((CUSTOMER, body.at("id").key()),),
        email=body.at("email").text(),
        phone=body.at("phone").text(),
        contact=contact_of(body) | {"email_consent": consent, "sms_consent": _consent(body, "sms")},
    )


def _consent(body: Node, channel: str) -> bool | None:
    state = body.at(f"{channel}_marketing_consent", "state").text()
    if state is not None:
        return state.lower() == "subscribed"
    return body.at("accepts_marketing").flag() if channel == "email" else None


def _consent_changes(body: Node, number: str) -> list[Fact]:
    updated = body.at("updated_at").instant("updated_at")
    found = []
    for channel in ("email", "sms"):
        place = body.at(f"{channel}_marketing_consent", "consent_updated_at")
        at, consent = place.instant("consent_updated_at"), _consent(body, channel)
        if at is None or updated is None or consent is None or updated - at > _CONSENT_WINDOW:
            continue
        data = customer.CustomerConsentChanged.model_validate({"channel": channel, "consent": consent})
        version = f"{channel}.{int(at.timestamp())}"
        found.append(fact(data, at, "shopify", "customer", number, "consent", version))
    return found


def _data_request(body: Node, _source: Source) -> Item:
    reference = body.at("data_request", "id").ref() or "none"
    return Item(_named_person(body), request=PrivacyRequest("data_request", reference))


def _redact_customer(body: Node, _source: Source) -> Item:
    reference = body.at("customer", "id").ref() or "none"
    return Item(_named_person(body), request=PrivacyRequest("redact_customer", reference))


def _redact_shop(body: Node, _source: Source) -> Item:
    return Item(request=PrivacyRequest("redact_shop", body.at("shop_id").ref() or "none"))


def _named_person(body: Node) -> Person:
    """In privacy requests the customer may be an e-mail only."""
    named = body.at("customer")
    return Person(
        ids=((CUSTOMER, named.at("id").key()),),
        email=named.at("email").text(),
        phone=named.at("phone").text(),
    )


def _merged(body: Node, _source: Source) -> Item:
    """Two customers that the shop made one, the kept one first. Until it is done they are two."""
    status = (body.at("status").text() or "").lower()
    if status == "failed" or body.at("errors"):
        return ignore("merge_failed")
    if status in _MERGE_RUNS:
        return ignore("merge_not_done")
    if status != "completed":
        raise NotUnderstoodError("unknown_status", "what became of the merge is not said")
    named = [body.at(f"admin_graphql_api_customer_{which}_id") for which in ("kept", "deleted")]
    for node in named:
        node.must_ref("customer")
    return Item(Person(ids=tuple((CUSTOMER, node.key()) for node in named)))


_MERGE_RUNS = frozenset({"requested", "in_progress"})


def _contract(body: Node, action: str, delivery: Delivery) -> Item:
    if action == "update":
        # What an update brought about has a topic of its own, which tells the same.
        action = _BY_STATUS.get((body.at("status").text() or "").lower(), action)
    model = _CONTRACTS.get(action)
    if model is None:
        raise unknown_topic(_topic(delivery))
    number = body.first("id", "admin_graphql_api_id").must_ref("subscription contract")
    data = model(
        subscription_id=number,
        interval_days=_interval_days(body.at("billing_policy")),
        renewal_at=body.at("next_billing_date").instant("next_billing_date"),
        reason="expired" if action == "expire" else None,
    )
    person = Person(
        ids=((CUSTOMER, body.first("customer_id", "admin_graphql_api_customer_id").key()),),
        anchors=(Anchor(SUBSCRIPTION, number),),
    )
    version = [] if action in _ONCE else [_contract_version(body, delivery)]
    time = body.first("updated_at", "created_at").instant("updated_at") or _triggered_at(delivery)
    return Item(person, (fact(data, time, "shopify", "subscription", number, action, *version),))


_CONTRACTS: dict[str, type[commerce.SubscriptionEvent]] = {
    "create": commerce.SubscriptionStarted,
    "activate": commerce.SubscriptionResumed,
    "update": commerce.SubscriptionChanged,
    "pause": commerce.SubscriptionPaused,
    "cancel": commerce.SubscriptionCancelled,
    "expire": commerce.SubscriptionCancelled,
    "fail": commerce.SubscriptionPaymentFailed,
}
_BY_STATUS = {"paused": "pause", "cancelled": "cancel", "expired": "expire", "failed": "fail"}
_ONCE = frozenset({"create", "cancel", "expire"})  # what has ended is not activated again


def _contract_version(body: Node, delivery: Delivery) -> str:
    """The same for all deliveries that one change caused: they share an event, each has an id of its own."""
    return body.at("updated_at").text() or _header(delivery, "event-id") or _version(body, delivery)


def _interval_days(policy: Node) -> int | None:
    unit = _DAYS.get((policy.at("interval").text() or "").lower())
    number = policy.at("interval_count").count()
    return None if unit is None or number is None else min(unit * number, 1_000_000)


def _billing_attempt(body: Node, action: str, delivery: Delivery) -> Item:
    contract = body.first("subscription_contract_id", "admin_graphql_api_subscription_contract_id")
    number = contract.must_ref("subscription contract")
    if action == "success":
        data: commerce.SubscriptionEvent = commerce.SubscriptionRenewed(subscription_id=number)
    elif action in {"failure", "challenged"}:
        reason = "challenged" if action == "challenged" else body.at("error_code").label()
        data = commerce.SubscriptionPaymentFailed(subscription_id=number, reason=reason)
    else:
        raise unknown_topic(_topic(delivery))
    attempt = body.first("id", "idempotency_key").must_ref("billing attempt")
    time = body.first("completed_at", "created_at").instant("completed_at") or _triggered_at(delivery)
    person = Person(anchors=(Anchor(SUBSCRIPTION, number), *_order_anchor(body)))
    return Item(person, (fact(data, time, "shopify", "billing_attempt", attempt, action),))


def _skipped(body: Node, delivery: Delivery) -> Item:
    contract = body.first("subscription_contract_id", "contract_id").must_ref("subscription contract")
    cycle = body.first("cycle_index", "id").ref() or _version(body, delivery)
    data = commerce.SubscriptionSkipped(subscription_id=contract)
    parts = ("shopify", "subscription", contract, "skipped", cycle)
    return Item(
        Person(anchors=(Anchor(SUBSCRIPTION, contract),)), (fact(data, _triggered_at(delivery), *parts),)
    )


def _order_anchor(body: Node) -> tuple[Anchor, ...]:
    number = body.at("order_id").ref()
    return (Anchor(ORDER, number),) if number else ()


def _version(body: Node, delivery: Delivery) -> str:
    """What tells this change from the next: the resource's own version, else the delivery's id."""
    return body.at("updated_at").text() or _delivery_id(delivery) or body.at("status").text() or "unknown"


def _triggered_at(delivery: Delivery) -> datetime | None:
    return Node(_header(delivery, "triggered-at")).instant("X-Shopify-Triggered-At")


def _delivery_id(delivery: Delivery) -> str | None:
    return _header(delivery, "webhook-id")


def _order_as_told(_asked: Wanted, body: Node, source: Source) -> Sequence[Item]:
    """An order as the API has it: what its deliveries would have said by now, one by one."""
    paid = body.at("financial_status").text() in {"paid", "partially_refunded", "refunded"}
    # When it was paid is not in it: most are when they are placed, and its last change may be anything.
    undated = Node({**body.raw, "updated_at": None}) if isinstance(body.raw, dict) else body
    topics = {
        "orders/create": (body, True),
        "orders/paid": (undated, paid),
        "orders/fulfilled": (body, bool(body.at("fulfillments"))),
        "orders/cancelled": (body, bool(body.at("cancelled_at"))),
    }
    told = [orders.READERS[topic](given, source) for topic, (given, happened) in topics.items() if happened]
    number = body.first("id", "admin_graphql_api_id").raw
    refunds = (Node({"order_id": number, **one.raw}) for one in body.at("refunds").each() if one.at("id"))
    return [*told, *(orders.READERS["refunds/create"](refund, source) for refund in refunds)]


_IGNORED_TOPICS = """
orders/edited orders/delete app/uninstalled app_subscriptions/update customers/delete customers/enable
customers/disable checkouts/delete carts/create carts/update products/create products/update products/delete
shop/update order_transactions/create customer.joined_segment customer.left_segment
"""
_IGNORED = frozenset(_IGNORED_TOPICS.split())
_READERS = {
    **orders.READERS,
    "checkouts/create": _checkout,
    "checkouts/update": _checkout,
    "customers/create": lambda body, _: _customer(body, created=True),
    "customers/update": lambda body, _: _customer(body, created=False),
    "customers/merge": _merged,
    "customers/data_request": _data_request,
    "customers/redact": _redact_customer,
    "shop/redact": _redact_shop,
}

# Without customers/merge: a key that may not read merges could not subscribe to it.
_WANTED_TOPICS = """
orders/create orders/updated orders/paid orders/cancelled orders/fulfilled orders/partially_fulfilled
fulfillments/create fulfillments/update refunds/create checkouts/create checkouts/update customers/create
customers/update
"""

PROVIDER = Provider(
    name="shopify",
    verify=_verify,
    items=_items,
    read=_read,
    delivery_id=_delivery_id,
    objects=Objects(
        person=lambda _asked, body: _known(body), read=_order_as_told, people=CUSTOMER, listed="order"
    ),
    topics=tuple(_WANTED_TOPICS.split()),
)
