"""Two customers whom a Shopify shop makes one are one here, once that is done."""

from typing import Any

import pytest

from tests.unit.ingest.shop import Shop, order


def merge(
    kept: int | str = 7001, deleted: int | str = 7002, status: str = "completed", **more: Any
) -> dict[str, Any]:
    return {
        "admin_graphql_api_customer_kept_id": f"gid://shopify/Customer/{kept}",
        "admin_graphql_api_customer_deleted_id": f"gid://shopify/Customer/{deleted}",
        "status": status,
        "errors": [],
        **more,
    }


def order_of(number: int, customer: int) -> dict[str, Any]:
    address = f"{customer}@shopper.example"
    return order(number, email=address, customer={"id": customer, "email": address})


async def two_customers() -> Shop:
    shop = Shop()
    for number in (7002, 7001):
        await shop.shopify("orders/create", order_of(number, number))
    kept, gone = (event["subject"] for event in reversed(shop.events()))
    assert kept != gone
    return shop


async def test_what_was_the_deleted_customers_is_the_kept_ones():
    shop = await two_customers()
    gone, kept = (event["subject"] for event in shop.events())
    answer = await shop.shopify("customers/merge", merge())
    assert answer.status_code == 200, answer.text
    merged = shop.events()[-1]
    assert (merged["type"], merged["subject"], merged["data"]) == ("customer.merged", gone, {"into": kept})
    await shop.shopify("orders/create", order_of(3, 7002))
    assert shop.events()[-1]["subject"] == kept
    await shop.shopify(
        "refunds/create",
        {
            "id": 1,
            "order_id": 7002,
            "created_at": "2024-05-31T09:00:00Z",
            "transactions": [{"kind": "refund", "status": "success", "amount": "1.00", "currency": "USD"}],
        },
    )
    assert shop.events()[-1]["subject"] == kept


async def test_a_merge_that_comes_twice_is_one():
    shop = await two_customers()
    for _ in range(2):
        await shop.shopify("customers/merge", merge())
    assert [event["type"] for event in shop.events()].count("customer.merged") == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (merge(status="failed"), "merge_failed"),
        (merge(errors=[{"customer_ids": [7002], "field_name": "gift_cards"}]), "merge_failed"),
        (merge(status="in_progress"), "merge_not_done"),
        (merge(status="REQUESTED"), "merge_not_done"),
    ],
)
async def test_customers_stay_two_while_the_merge_is_not_done(body, reason):
    shop = await two_customers()
    before = len(shop.events())
    answer = await shop.shopify("customers/merge", body)
    assert (answer.status_code, len(shop.events())) == (200, before)
    assert shop.metric("greenline_ingest_ignored_total", provider="shopify", reason=reason) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (merge(status=""), "unknown_status"),
        (merge(status="undone"), "unknown_status"),
        (merge(admin_graphql_api_customer_deleted_id=None), "missing_id"),
        (merge(admin_graphql_api_customer_kept_id=""), "missing_id"),
    ],
)
async def test_a_merge_that_does_not_say_enough_is_kept(body, reason):
    answer = await Shop().shopify("customers/merge", body)
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, reason)


@pytest.mark.parametrize("topic", ["customer.joined_segment", "customer.left_segment"])
async def test_segments_of_the_shop_are_not_about_health(topic):
    shop = Shop()
    assert (await shop.shopify(topic, {"customerId": "gid://shopify/Customer/7001"})).status_code == 200
    assert shop.metric("greenline_ingest_ignored_total", provider="shopify", reason="not_about_health") == 1
