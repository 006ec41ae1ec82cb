"""Shopify: the full REST resource of the topic, unwrapped."""

from collections.abc import Mapping
from typing import Any

from sandbox.domain.moments import Moment
from sandbox.domain.people import Person
from sandbox.domain.shapes.message import Message, dumps, local, money

SHOP = "sandbox-shop.example"
CURRENCY = "USD"
FIRST_ORDER = 5_000_000_000_000  # ids above the range of 32 bits, as real ones are


def _message(topic: str, body: Mapping[str, Any]) -> Message:
    headers = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": SHOP,
        "X-Shopify-API-Version": "2026-07",
    }
    return Message("shopify", topic, dumps(body), headers)


def customer(moment: Moment) -> Message:
    person, at = moment.person, local(moment.at)
    consent = "subscribed" if person.newsletter else "not_subscribed"
    body = {
        **_person(person),
        "created_at": at,
        "updated_at": at,
        "orders_count": 0,
        "total_spent": "0.00",
        "currency": CURRENCY,
        "tags": "simulated",
        "addresses": [],
        "accepts_marketing": person.newsletter,
        "email_marketing_consent": {
            "state": consent,
            "opt_in_level": "single_opt_in",
            "consent_updated_at": at,
        },
        "sms_marketing_consent": None,
    }
    return _message("customers/create", body)


def order(moment: Moment) -> Message:
    number, cents = FIRST_ORDER + int(moment.ref), int(moment.detail["cents"])
    units, at, total = int(moment.detail["units"]), local(moment.at), money(cents)
    body = {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Order/{number}",
        "name": f"#{moment.ref}",
        "order_number": int(moment.ref),
        "created_at": at,
        "updated_at": at,
        "processed_at": at,
        "cancelled_at": None,
        "currency": CURRENCY,
        "presentment_currency": CURRENCY,
        "financial_status": "paid",
        "fulfillment_status": None,
        "source_name": "web",
        "test": False,
        "confirmed": True,
        "email": moment.person.email,
        "contact_email": moment.person.email,
        "phone": None,
        "total_price": total,
        "current_total_price": total,
        "subtotal_price": total,
        "total_tax": "0.00",
        "total_discounts": "0.00",
        "tags": "" if moment.real else "simulated",
        "customer": _person(moment.person),
        "line_items": [_line(number, units, cents)],
        "refunds": [],
    }
    return _message("orders/create", body)


def refund(moment: Moment) -> Message:
    number = FIRST_ORDER + int(moment.detail["order"])
    at, amount = local(moment.at), money(int(moment.detail["cents"]))
    transaction = {
        "id": 6_000_000_000_000 + int(moment.ref),
        "order_id": number,
        "kind": "refund",
        "status": "success",
        "amount": amount,
        "currency": CURRENCY,
        "processed_at": at,
    }
    body = {
        "id": 500_000_000_000 + int(moment.ref),
        "order_id": number,
        "created_at": at,
        "processed_at": at,
        "note": "simulated",
        "restock": True,
        "refund_line_items": [],
        "order_adjustments": [],
        "transactions": [transaction],
    }
    return _message("refunds/create", body)


def unknown(moment: Moment) -> Message:
    """Signed and well-formed, about something nobody here understands."""
    return _message("orders/unheard_of", {"id": int(moment.ref), "note": "simulated"})


def _person(person: Person) -> dict[str, Any]:
    return {
        "id": person.shopify_id,
        "admin_graphql_api_id": f"gid://shopify/Customer/{person.shopify_id}",
        "email": person.email,
        "first_name": person.first,
        "last_name": person.last,
        "phone": None,
        "state": "enabled",
        "verified_email": True,
    }


def _line(order_number: int, units: int, cents: int) -> dict[str, Any]:
    product = 3_000 + order_number % 400
    return {
        "id": order_number * 10 + 1,
        "product_id": product,
        "variant_id": product * 10,
        "title": f"Record {product}",
        "sku": f"CD-{product}",
        "quantity": units,
        "current_quantity": units,
        "price": money(cents // max(units, 1)),
        "gift_card": False,
        "requires_shipping": True,
    }
