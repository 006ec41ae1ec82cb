"""What BigCommerce's numbers become where its API may be asked."""

from typing import Any

import pytest

from services.ingest.domain.people import Anchor
from services.ingest.domain.plan import Wanted
from tests.unit.ingest.platforms import bigcommerce
from tests.unit.ingest.shop import Shop
from tests.unit.ingest.test_enrichment import bigcommerce_order, shop_of

SUBSCRIBER = {"id": 3, "email": "ada@shopper.example", "date_created": "2024-05-31T09:00:00+00:00"}
CUSTOMER = {
    "id": 32,
    "email": "ada@shopper.example",
    "first_name": "Ada",
    "last_name": "King",
    "date_modified": "2024-05-31T11:00:00Z",
}
REFUND = {"id": 7, "total_amount": 20, "created": "2024-05-31T09:00:00+00:00"}
REFUNDED = bigcommerce("order/refund/created", "order", 250, refund={"refund_id": 7})


def status(before: int, after: int) -> dict[str, Any]:
    changed = {"previous_status_id": before, "new_status_id": after}
    return bigcommerce("order/statusUpdated", "order", 250, status=changed)


async def test_whoever_leaves_the_newsletter_takes_the_consent_back():
    shop = shop_of("bigcommerce")
    shop.apis.objects["subscriber", "3"] = SUBSCRIBER
    joined = await shop.only("bigcommerce", bigcommerce("subscriber/created", "subscriber", 3))
    shop.apis.objects.clear()
    left = await shop.only("bigcommerce", bigcommerce("subscriber/deleted", "subscriber", 3))
    assert (left["type"], left["subject"]) == ("email.unsubscribed", joined["subject"])
    assert (left["id"], left["data"]) == ("bigcommerce:subscriber:3:unsubscribed", {"reason": "deleted"})
    assert shop.profiles()[-1] == {"email": "ada@shopper.example", "email_consent": False}


async def test_a_subscriber_nobody_was_told_of_is_kept():
    answer = await shop_of("bigcommerce").post(
        "bigcommerce", bigcommerce("subscriber/deleted", "subscriber", 3)
    )
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "missing_customer")


async def test_the_refund_of_a_known_order_is_in_the_orders_currency():
    shop = shop_of("bigcommerce")
    shop.apis.objects["order", "250"] = bigcommerce_order(currency_code="eur")
    shop.apis.objects["refund", "250"] = [REFUND]
    await shop.only("bigcommerce", bigcommerce("order/created", "order", 250))
    event = await shop.only("bigcommerce", REFUNDED)
    told = {name: event["data"].get(name) for name in ("amount", "currency", "order_amount")}
    assert told == {"amount": "20.00", "currency": "EUR", "order_amount": "80.00"}


async def test_the_refund_of_an_order_of_which_no_sum_is_known_is_in_the_sources_currency():
    shop = shop_of("bigcommerce")
    await shop.identities.remember([("demo", "c_owner", Anchor("bigcommerce/order", "250"))])
    shop.apis.objects["refund", "250"] = [REFUND]
    event = await shop.only("bigcommerce", REFUNDED)
    assert (event["data"]["currency"], event["data"].get("order_amount")) == ("USD", None)


async def test_a_changed_customer_is_fetched():
    shop = shop_of("bigcommerce")
    shop.apis.objects["customer", "32"] = CUSTOMER
    event = await shop.only("bigcommerce", bigcommerce("customer/updated", "customer", 32))
    assert (event["type"], event["id"]) == (
        "customer.updated",
        "bigcommerce:customer:32:updated:20240531T110000",
    )
    assert event["time"] == "2024-05-31T11:00:00Z"
    assert shop.profiles() == [{"email": "ada@shopper.example", "name": "Ada King"}]
    assert shop.apis.asked == [Wanted("customer", "32", "updated", whole=True)]


async def test_a_changed_customer_is_nothing_where_nobody_can_be_asked():
    body = bigcommerce("customer/updated", "customer", 32)
    assert await Shop().ignored("bigcommerce", body) == "not_about_health"


async def test_an_order_whose_payment_goes_through_later_is_placed_then():
    shop = shop_of("bigcommerce")
    shop.apis.objects["order", "250"] = bigcommerce_order(status_id=0)
    assert await shop.ignored("bigcommerce", bigcommerce("order/created", "order", 250)) == "incomplete"
    shop.apis.objects["order", "250"] = bigcommerce_order(status_id=11)
    event = await shop.only("bigcommerce", status(0, 11))
    assert (event["type"], event["id"]) == ("order.placed", "bigcommerce:order:250:placed")


async def test_without_a_key_a_payment_that_goes_through_later_is_not_seen():
    assert await Shop().ignored("bigcommerce", status(0, 11)) == "no_change_for_the_customer"


@pytest.mark.parametrize("before", [1, 7, 9])
async def test_any_other_change_of_status_asks_nobody(before: int):
    shop = shop_of("bigcommerce")
    await shop.identities.remember([("demo", "c_owner", Anchor("bigcommerce/order", "250"))])
    assert await shop.ignored("bigcommerce", status(before, 11)) == "no_change_for_the_customer"
    assert shop.apis.asked == []
