"""BigCommerce's ids become what events they can."""

from typing import Any

import pytest

from services.ingest.domain.people import Anchor
from tests.unit.ingest.platforms import bigcommerce
from tests.unit.ingest.shop import NOW, Shop


async def deliver(shop: Shop, body: Any) -> list[dict[str, Any]]:
    answer = await shop.post("bigcommerce", body)
    assert answer.status_code == 200, answer.text
    return [next(e for e in shop.events() if e["id"] == number) for number in answer.json()["events"]]


async def known(*anchors: Anchor) -> Shop:
    """A shop in which enrichment, or whatever comes later, has said whose these objects are."""
    shop = Shop()
    await shop.identities.remember([("demo", "c_owner", anchor) for anchor in anchors])
    return shop


ORDER, CART = Anchor("bigcommerce/order", "250", "80.00 USD"), Anchor("bigcommerce/cart", "cart-1")


async def test_a_new_customer_is_known_by_number():
    (created,) = await deliver(Shop(), bigcommerce("customer/created", "customer", 32))
    assert (created["type"], created["id"]) == ("customer.created", "bigcommerce:customer:32:created")
    assert created["time"] == "2024-05-31T12:00:00Z"


@pytest.mark.parametrize(
    ("new", "kind", "data"),
    [
        (5, "order.cancelled", {"order_id": "250"}),
        (6, "order.cancelled", {"order_id": "250", "reason": "declined"}),
        (10, "order.delivered", {"order_id": "250"}),
        (
            13,
            "return.requested",
            {
                "return_id": "dispute-250",
                "order_id": "250",
                "reason": "disputed",
                "order_amount": "80.00",
            },
        ),
    ],
)
async def test_a_status_that_speaks_for_itself_becomes_an_event_once_the_order_is_somebodys(new, kind, data):
    body = bigcommerce(
        "order/statusUpdated", "order", 250, status={"previous_status_id": 11, "new_status_id": new}
    )
    shop = await known(ORDER)
    (event,) = await deliver(shop, body)
    assert (event["type"], event["subject"], event["data"]) == (kind, "c_owner", data)
    assert [again["id"] for again in await deliver(shop, body)] == [event["id"]]


@pytest.mark.parametrize("new", [0, 1, 2, 3, 4, 7, 8, 9, 11, 12, 14, None, "x"])
async def test_other_statuses_say_nothing_or_have_a_scope_of_their_own(new):
    shop = await known(ORDER)
    assert (
        await deliver(shop, bigcommerce("order/statusUpdated", "order", 250, status={"new_status_id": new}))
        == []
    )
    assert shop.letters.letters == {}


async def test_a_parcel_is_sent():
    (event,) = await deliver(await known(ORDER), bigcommerce("shipment/created", "shipment", 12, orderId=250))
    assert (event["type"], event["id"]) == ("order.shipped", "bigcommerce:shipment:12:shipped")
    assert event["data"] == {"order_id": "250"}


async def test_whoever_owns_the_cart_owns_the_order_it_became():
    shop = await known(CART)
    (left,) = await deliver(shop, bigcommerce("cart/abandoned", "cart", "cart-1", token="t"))
    assert (left["type"], left["data"]) == ("checkout.abandoned", {"checkout_id": "cart-1"})
    (bought,) = await deliver(shop, bigcommerce("cart/converted", "cart", "cart-1", orderId=250))
    assert bought["data"] == {"checkout_id": "cart-1", "order_id": "250"}
    (sent,) = await deliver(shop, bigcommerce("shipment/created", "shipment", 12, orderId=250))
    assert {left["subject"], bought["subject"], sent["subject"]} == {"c_owner"}


async def test_a_cart_of_nobody_is_ignored():
    shop = Shop()
    assert await deliver(shop, bigcommerce("cart/abandoned", "cart", "cart-1")) == []
    assert await deliver(shop, bigcommerce("cart/converted", "cart", "cart-1", orderId=250)) == []
    assert shop.metric("greenline_ingest_ignored_total", provider="bigcommerce", reason="anonymous") == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (bigcommerce("order/created", "order", 250), "thin_payload"),
        (bigcommerce("order/updated", "order", 250), "thin_payload"),
        (bigcommerce("order/refund/created", "order", 250, refund={"refund_id": 3}), "thin_payload"),
        (bigcommerce("subscriber/deleted", "subscriber", 5), "missing_customer"),
        (bigcommerce("shipment/created", "shipment", 12, orderId=250), "missing_customer"),
        (bigcommerce("shipment/created", "shipment", 12), "missing_id"),
        (bigcommerce("order/statusUpdated", "order", 250, status={"new_status_id": 5}), "missing_customer"),
        ({**bigcommerce("customer/created", "customer", 1), "created_at": None}, "missing_date"),
        (bigcommerce("unheard/of", "x", 1), "unknown_topic"),
        ({}, "unknown_topic"),
    ],
)
async def test_what_an_id_alone_cannot_say_is_kept_for_enrichment(body, reason):
    shop = Shop()
    answer = await shop.post("bigcommerce", body)
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, reason)
    (letter,) = shop.letters.letters.values()
    assert letter.headers["webhook-id"] == "msg_1"


@pytest.mark.parametrize("scope", ["product/updated", "cart/updated", "customer/updated", "customer/deleted"])
async def test_scopes_of_no_interest_are_accepted_in_silence(scope):
    shop = Shop()
    assert await deliver(shop, bigcommerce(scope, scope.partition("/")[0], 1)) == []
    assert shop.letters.letters == {}


async def test_an_old_delivery_is_refused():
    old = NOW.replace(hour=11)
    assert (
        await Shop().post("bigcommerce", bigcommerce("customer/created", "customer", 1), at=old)
    ).status_code == 401
