"""Bodies of WooCommerce, BigCommerce, Stripe and Recharge, and how each of them signs."""

import base64
import hashlib
import hmac
from typing import Any

SECRETS = {
    "woocommerce": "woo-unit-test-secret",
    "bigcommerce": "bigcommerce-unit-test-client-secret",
    "stripe": "whsec_stripe_unit_test",
    "recharge": "recharge-unit-test-client-secret",
}
NOON = 1717156800  # 2024-05-31T12:00:00Z


def sign(provider: str, body: bytes, key: str, seconds: str, message: str) -> dict[str, str]:
    """The headers that prove a body."""
    if provider == "woocommerce":
        return {"x-wc-webhook-signature": _base64(key, body)}
    if provider == "bigcommerce":
        signature = f"v1,{_base64(key, f'{message}.{seconds}.'.encode() + body)}"
        return {"webhook-id": message, "webhook-timestamp": seconds, "webhook-signature": signature}
    signature = hmac.digest(key.encode(), f"{seconds}.".encode() + body, "sha256").hex()
    name = "stripe-signature" if provider == "stripe" else "x-recharge-webhook-signature"
    return {name: f"t={seconds},v1={signature}"}


def sign_legacy(body: bytes, key: str = SECRETS["recharge"]) -> dict[str, str]:
    """Recharge's older scheme: a plain digest."""
    return {"x-recharge-hmac-sha256": hashlib.sha256(key.encode() + body).hexdigest()}


def _base64(key: str, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key.encode(), signed, "sha256")).decode()


def woo_order(number: int = 501, **more: Any) -> dict[str, Any]:
    """A WooCommerce order, paid by card in the shop's own checkout."""
    return {
        "id": number,
        "number": str(number),
        "status": "processing",
        "currency": "EUR",
        "created_via": "checkout",
        "customer_id": 61,
        "total": "48.50",
        "date_created": "2024-05-30T10:00:00",
        "date_created_gmt": "2024-05-30T08:00:00",
        "date_modified_gmt": "2024-05-30T08:01:30",
        "date_paid_gmt": "2024-05-30T08:01:00",
        "date_completed_gmt": None,
        "billing": {
            "first_name": "Ada",
            "last_name": "Byron",
            "postcode": "10115",
            "email": "ada@shopper.example",
            "phone": "+1 212 555 0143",
        },
        "shipping": {"first_name": "Ada", "last_name": "Byron", "postcode": "20095"},
        "line_items": [
            {"id": 1, "product_id": 71, "quantity": 2, "price": 20, "total": "40.00", "meta_data": []},
            {"id": 2, "product_id": 72, "quantity": 1, "price": 3.5, "total": "3.50", "meta_data": []},
        ],
        "shipping_lines": [{"id": 3, "method_id": "flat_rate", "total": "5.00"}],
        "refunds": [],
        "meta_data": [],
        **more,
    }


def woo_customer(**more: Any) -> dict[str, Any]:
    return {
        "id": 61,
        "email": "ada@shopper.example",
        "first_name": "Ada",
        "last_name": "Byron",
        "role": "customer",
        "date_created_gmt": "2024-05-01T06:00:00",
        "date_modified_gmt": "2024-05-02T07:00:00",
        "billing": {"phone": "", "email": ""},
        **more,
    }


def woo_subscription(**more: Any) -> dict[str, Any]:
    """As the Subscriptions extension sends it: an order with a rhythm."""
    return {
        **woo_order(900, total="19.00"),
        "status": "active",
        "billing_period": "month",
        "billing_interval": "2",
        "start_date_gmt": "2024-04-01T00:00:00",
        "next_payment_date_gmt": "2024-06-01T00:00:00",
        "payment_retry_date_gmt": "",
        "end_date_gmt": "",
        **more,
    }


def bigcommerce(scope: str, kind: str, number: int | str, **data: Any) -> dict[str, Any]:
    """A BigCommerce callback: ids only."""
    return {
        "scope": f"store/{scope}",
        "store_id": "2001",
        "data": {"type": kind, "id": number, **data},
        "hash": "0" * 40,
        "created_at": NOON,
        "producer": "stores/unittest",
    }


def stripe(topic: str, thing: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    """A Stripe event about a thing, with what its changed members were before."""
    changed = {} if before is None else {"previous_attributes": before}
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": "2024-04-10",
        "created": NOON,
        "livemode": True,
        "type": topic,
        "data": {"object": thing, **changed},
    }


def stripe_item(price: str = "price_a", unit: int = 1500, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": "si_1",
        "quantity": quantity,
        "price": {
            "id": price,
            "currency": "usd",
            "unit_amount": unit,
            "recurring": {"interval": "month", "interval_count": 1},
        },
        **more,
    }


def stripe_subscription(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "status": "active",
        "currency": "usd",
        "created": NOON - 86_400,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "pause_collection": None,
        "current_period_end": NOON + 86_400,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "items": {"object": "list", "data": list(items or (stripe_item(),))},
        **more,
    }


def stripe_invoice(**more: Any) -> dict[str, Any]:
    return {
        "id": "in_1",
        "object": "invoice",
        "customer": "cus_1",
        "customer_email": "ada@shopper.example",
        "customer_name": "Ada Byron",
        "subscription": "sub_1",
        "billing_reason": "subscription_cycle",
        "currency": "usd",
        "amount_due": 1500,
        "amount_paid": 1500,
        "attempt_count": 1,
        "next_payment_attempt": None,
        "status_transitions": {"paid_at": NOON - 60},
        "lines": {
            "data": [
                {"quantity": 1, "price": {"product": "prod_1"}, "period": {"start": NOON, "end": NOON + 9}}
            ]
        },
        **more,
    }


def stripe_charge(**more: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 5000,
        "amount_refunded": 0,
        "currency": "usd",
        "customer": "cus_1",
        "payment_intent": "pi_1",
        "billing_details": {"email": "card.holder@elsewhere.example", "name": "Somebody Else"},
        **more,
    }


def stripe_session(**more: Any) -> dict[str, Any]:
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "mode": "payment",
        "payment_status": "paid",
        "payment_intent": "pi_1",
        "invoice": None,
        "amount_total": 5000,
        "currency": "usd",
        "customer": None,
        "customer_details": {"email": "ada@shopper.example", "name": "Ada Byron", "phone": None},
        **more,
    }


def recharge_subscription(**more: Any) -> dict[str, Any]:
    """A Recharge subscription in the API of 2021-11, made some time ago."""
    subscription = {
        "id": 4001,
        "customer_id": 5001,
        "status": "active",
        "price": "12.50",
        "quantity": 2,
        "presentment_currency": "USD",
        "order_interval_unit": "week",
        "order_interval_frequency": "2",
        "charge_interval_frequency": "4",
        "created_at": "2024-03-01T00:00:00+00:00",
        "updated_at": "2024-05-31T09:00:00+00:00",
        "next_charge_scheduled_at": "2024-06-20",
        "cancelled_at": None,
        "cancellation_reason": None,
        "cancellation_reason_comments": None,
        "max_retries_reached": False,
        **more,
    }
    return {"subscription": subscription}


def recharge_charge(**more: Any) -> dict[str, Any]:
    charge = {
        "id": 7001,
        "status": "success",
        "type": "recurring",
        "customer": {
            "id": 5001,
            "email": "ada@shopper.example",
            "external_customer_id": {"ecommerce": "7001"},
        },
        "line_items": [
            {"purchase_item_type": "subscription", "purchase_item_id": 4001, "subscription_id": None},
            {"purchase_item_type": "onetime", "purchase_item_id": 99},
        ],
        "created_at": "2024-05-20T00:00:00+00:00",
        "processed_at": "2024-05-31T10:00:00+00:00",
        "updated_at": "2024-05-31T10:00:01+00:00",
        **more,
    }
    return {"charge": charge}
