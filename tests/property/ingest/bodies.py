"""Good bodies of every provider, small ones, and the places in them."""

import json

from tests.unit.ingest import platforms, tools
from tests.unit.ingest.shop import klaviyo, order, refund, segment, standard, zendesk

GOOD = {
    "shopify": [order(), refund(), order(fulfillments=[{"id": 1, "created_at": "2024-05-30T08:00:00Z"}])],
    "klaviyo": [
        klaviyo(("bounced_email", "e1", {"email": "a@b.example"}), ("submitted_review", "e", {"rating": 3}))
    ],
    "zendesk": [
        zendesk("ticket.created"),
        zendesk("ticket.csat_received", {"satisfaction_score": {"score": 4}}),
        zendesk("user.created", email="a@b.example"),
    ],
    "segment": [segment("page"), segment("track", "Product Viewed", properties={"product_id": "p"})],
    "standard": [
        standard("order.placed", {"customer": {"id": "1"}, "order_id": "o", "amount": "1", "currency": "USD"})
    ],
    **tools.GOOD,
    "woocommerce": [
        platforms.woo_order(status="completed", date_completed_gmt="2024-05-31T00:00:00"),
        platforms.woo_order(refunds=[{"id": 1, "total": "-2.00"}], status="cancelled"),
        platforms.woo_order(meta_data=[{"key": "_subscription_renewal", "value": "900"}]),
        platforms.woo_subscription(),
        platforms.woo_customer(),
    ],
    "bigcommerce": [
        platforms.bigcommerce("customer/created", "customer", 5),
        platforms.bigcommerce("order/statusUpdated", "order", 250, status={"new_status_id": 5}),
        platforms.bigcommerce("subscriber/deleted", "subscriber", 5),
        platforms.bigcommerce("cart/converted", "cart", "c-1", orderId=250),
    ],
    "stripe": [
        platforms.stripe("invoice.paid", platforms.stripe_invoice()),
        platforms.stripe("invoice.payment_failed", platforms.stripe_invoice()),
        platforms.stripe("charge.refunded", platforms.stripe_charge(amount_refunded=5000)),
        platforms.stripe("charge.dispute.closed", {"id": "dp_1", "charge": "ch_1", "status": "lost"}),
        platforms.stripe("checkout.session.completed", platforms.stripe_session()),
        platforms.stripe("customer.created", {"id": "cus_1", "preferred_locales": ["de"]}),
        platforms.stripe("customer.subscription.created", platforms.stripe_subscription()),
        platforms.stripe(
            "customer.subscription.updated",
            platforms.stripe_subscription(cancel_at=platforms.NOON, pause_collection={"behavior": "void"}),
            {"cancel_at": None, "pause_collection": None, "items": {"data": [platforms.stripe_item("b")]}},
        ),
    ],
    "recharge": [
        platforms.recharge_subscription(),
        platforms.recharge_subscription(status="cancelled", cancelled_at="2024-05-01T00:00:00"),
        platforms.recharge_charge(),
        platforms.recharge_charge(status="error", charge_attempts=2),
    ],
}
TOPICS = [
    *(
        "orders/create",
        "orders/updated",
        "orders/paid",
        "orders/cancelled",
        "orders/fulfilled",
        "refunds/create",
    ),
    *(
        "fulfillments/update",
        "fulfillment_events/create",
        "returns/request",
        "returns/close",
        "checkouts/update",
    ),
    *("customers/create", "customers/update", "customers/redact", "customers/data_request", "shop/redact"),
    *(
        "subscription_contracts/update",
        "subscription_billing_attempts/failure",
        "subscription_billing_cycles/skip",
    ),
    *("order.created", "order.updated", "order.deleted", "customer.created", "customer.updated"),
    *("subscription.created", "subscription.updated", "subscription.deleted", "order.", "."),
    *("subscription/created", "subscription/skipped", "charge/failed", "charge/max_retries_reached"),
    *("", "a/b", "orders/"),
]
TOPIC_HEADERS = ("x-shopify-topic", "x-wc-webhook-topic", "x-recharge-topic")


def paths(body: object, here: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Every place in a document."""
    found = [here]
    children = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, child in children:
        found += paths(child, (*here, name))
    return found


def replaced(body: object, path: tuple[object, ...], value: object) -> object:
    """A copy of a document with another value at one place."""
    if not path:
        return value
    copy = json.loads(json.dumps(body))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return copy
