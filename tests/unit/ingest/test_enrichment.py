"""What thin payloads leave out is asked of the provider's API, for strangers only and never for long."""

import asyncio
from typing import Any

import pytest

from services.ingest.domain.people import Anchor
from services.ingest.domain.plan import Wanted
from services.ingest.ports import LetterQuery
from services.ingest.redrive import Redriver
from services.ingest.settings import IngestSettings
from tests.unit.ingest.platforms import bigcommerce, stripe, stripe_subscription
from tests.unit.ingest.shop import Shop, klaviyo, source, zendesk

ADA = {"id": 9001, "role": "end-user", "email": "Ada@Shopper.example", "name": "Ada Byron"}


def shop_of(provider: str, **more: Any) -> Shop:
    return Shop(sources=(source(provider, api_key="key-of-a-test", api_base="https://x.example"),), **more)


def bigcommerce_order(**more: Any) -> dict[str, Any]:
    return {
        "id": 250,
        "customer_id": 32,
        "date_created": "Thu, 30 May 2024 08:00:00 +0000",
        "date_modified": "Fri, 31 May 2024 11:59:00 +0000",
        "status_id": 11,
        "total_inc_tax": "80.0000",
        "items_total": 3,
        "currency_code": "EUR",
        "order_source": "www",
        "billing_address": {"first_name": "Ada", "last_name": "Byron", "email": "ada@shopper.example"},
        **more,
    }


async def test_a_stranger_is_asked_for_and_gets_an_address():
    shop = shop_of("zendesk")
    shop.apis.objects["customer", "9001"] = ADA
    event = await shop.only("zendesk", zendesk("ticket.created"))
    assert shop.profiles() == [{"email": "ada@shopper.example", "name": "Ada Byron"}]
    assert shop.identities.book.owners["demo", "email", "ada@shopper.example"] == event["subject"]
    assert shop.metric(
        "greenline_ingest_enrichments_total", provider="zendesk", object="customer", result="found"
    )


async def test_whoever_is_known_is_not_asked_for():
    shop = shop_of("zendesk")
    shop.apis.objects["customer", "9001"] = ADA
    await shop.only("zendesk", zendesk("ticket.created"))
    await shop.only("zendesk", zendesk("ticket.status_changed", {"previous": "OPEN", "current": "SOLVED"}))
    assert shop.apis.asked == [Wanted("customer", "9001")]


async def test_a_customer_of_another_tool_is_joined_by_the_address_that_was_asked_for():
    shop = Shop(sources=(source("shopify"), source("zendesk", api_key="k", api_base="https://x.example")))
    await shop.shopify(
        "customers/create", {"id": 7, "email": ADA["email"], "created_at": "2024-05-01T00:00:00Z"}
    )
    shop.apis.objects["customer", "9001"] = ADA
    event = await shop.only("zendesk", zendesk("ticket.created"))
    assert {one["subject"] for one in shop.events()} == {event["subject"]}
    assert "customer.merged" not in {one["type"] for one in shop.events()}


async def test_without_a_key_nobody_is_asked():
    shop = Shop()
    await shop.only("zendesk", zendesk("ticket.created"))
    assert shop.apis.asked == []


async def test_while_the_api_is_away_the_event_goes_on_without_and_that_is_counted():
    shop = shop_of("zendesk")
    shop.apis.away = True
    event = await shop.only("zendesk", zendesk("ticket.created"))
    assert shop.identities.book.owners["demo", "zendesk.requester", "9001"] == event["subject"]
    assert (
        shop.metric(
            "greenline_ingest_enrichments_total", provider="zendesk", object="customer", result="left_out"
        )
        == 1
    )


async def test_an_api_that_never_answers_holds_nobody_up(monkeypatch: pytest.MonkeyPatch):
    shop = shop_of("zendesk", settings=IngestSettings(api_wait_s=0.01))
    monkeypatch.setattr(shop.apis, "fetch", lambda *_: asyncio.Event().wait())
    assert await shop.only("zendesk", zendesk("ticket.created"))


async def test_an_agent_does_not_become_a_customers_address():
    shop = shop_of("zendesk")
    shop.apis.objects["customer", "9001"] = {**ADA, "role": "agent"}
    await shop.only("zendesk", zendesk("ticket.created"))
    assert shop.profiles() == []


async def test_a_profile_and_a_paying_customer_are_asked_for_too():
    shop = shop_of("klaviyo")
    attributes = {"email": "ada@shopper.example", "first_name": "Ada", "last_name": "Byron"}
    shop.apis.objects["customer", "01PROFILE"] = {"id": "01PROFILE", "attributes": attributes}
    await shop.only("klaviyo", klaviyo(("clicked_email", "e1", {})))
    assert shop.profiles() == [{"email": "ada@shopper.example", "name": "Ada Byron"}]
    shop = shop_of("stripe")
    shop.apis.objects["customer", "cus_1"] = {"id": "cus_1", "email": "ada@shopper.example"}
    await shop.only("stripe", stripe("customer.subscription.created", stripe_subscription()))
    assert shop.profiles() == [{"email": "ada@shopper.example"}]


async def test_an_order_that_is_only_named_is_fetched_and_placed():
    shop = shop_of("bigcommerce")
    shop.apis.objects["order", "250"] = bigcommerce_order()
    event = await shop.only("bigcommerce", bigcommerce("order/created", "order", 250))
    assert (event["type"], event["id"]) == ("order.placed", "bigcommerce:order:250:placed")
    assert event["time"] == "2024-05-30T08:00:00Z"
    assert event["data"] == {
        "order_id": "250",
        "amount": "80.00",
        "currency": "EUR",
        "items": 3,
    }
    assert shop.profiles() == [{"email": "ada@shopper.example", "name": "Ada Byron"}]


async def test_a_changed_order_is_told_with_its_version():
    shop = shop_of("bigcommerce")
    shop.apis.objects["order", "250"] = bigcommerce_order(status_id=5)
    await shop.post("bigcommerce", bigcommerce("order/updated", "order", 250))
    assert [one["id"].removeprefix("bigcommerce:order:250:") for one in shop.events()] == [
        "placed",
        "updated:20240531T115900",
        "cancelled",
    ]
    assert shop.events()[0]["data"]["counts"] is False


async def test_an_order_whose_payment_failed_is_no_purchase():
    shop = shop_of("bigcommerce")
    shop.apis.objects["order", "250"] = bigcommerce_order(status_id=0)
    assert await shop.ignored("bigcommerce", bigcommerce("order/created", "order", 250)) == "incomplete"


async def test_a_status_of_an_order_nobody_knew_finds_its_customer():
    shop = shop_of("bigcommerce")
    shop.apis.objects["order", "250"] = bigcommerce_order()
    body = bigcommerce("order/statusUpdated", "order", 250, status={"new_status_id": 10})
    event = await shop.only("bigcommerce", body)
    assert event["type"] == "order.delivered"
    assert shop.identities.book.owners["demo", "bigcommerce.customer", "32"] == event["subject"]


async def test_a_refund_is_fetched_with_its_amount_and_its_orders_customer():
    shop = shop_of("bigcommerce")
    refund = {"id": 7, "order_id": 250, "total_amount": 20, "created": "2024-05-31T09:00:00+00:00"}
    shop.apis.objects["refund", "250"] = [{**refund, "id": 6}, refund]
    shop.apis.objects["order", "250"] = bigcommerce_order()
    body = bigcommerce("order/refund/created", "order", 250, refund={"refund_id": 7})
    event = await shop.only("bigcommerce", body)
    assert event["data"] == {
        "order_id": "250",
        "refund_id": "7",
        "amount": "20.00",
        "currency": "EUR",  # the order's: the source's is USD
        "order_amount": "80.00",
    }


async def test_a_subscriber_consents():
    shop = shop_of("bigcommerce")
    known = {"id": 3, "email": "ada@shopper.example", "date_created": "2024-05-31T09:00:00+00:00"}
    shop.apis.objects["subscriber", "3"] = known
    event = await shop.only("bigcommerce", bigcommerce("subscriber/created", "subscriber", 3))
    assert event["type"] == "email.subscribed"
    assert shop.profiles() == [{"email": "ada@shopper.example", "email_consent": True}]


async def test_a_cart_left_behind_is_asked_for():
    shop = shop_of("bigcommerce")
    shop.apis.objects["cart", "cart-1"] = {"id": "cart-1", "customer_id": 0, "email": "ada@shopper.example"}
    event = await shop.only("bigcommerce", bigcommerce("cart/abandoned", "cart", "cart-1"))
    assert event["type"] == "checkout.abandoned"


@pytest.mark.parametrize("away", [True, False])
async def test_what_cannot_be_fetched_is_kept_and_read_again_later(away: bool):
    shop = shop_of("bigcommerce")
    shop.apis.away = away
    answer = await shop.post("bigcommerce", bigcommerce("order/created", "order", 250))
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "thin_payload")
    shop.apis.away = False
    shop.apis.objects["order", "250"] = bigcommerce_order()
    redriver = Redriver(shop.ingest.intake, shop.ports.sources, shop.letters)
    (letter,) = await redriver.waiting(LetterQuery(), 10)
    again = await redriver.one(letter.reference)
    assert again is not None
    assert again.received.events == ("bigcommerce:order:250:placed",)


async def test_an_object_that_is_not_what_it_should_be_is_kept():
    shop = shop_of("bigcommerce")
    shop.apis.objects["order", "250"] = bigcommerce_order(total_inc_tax="a lot")
    answer = await shop.post("bigcommerce", bigcommerce("order/created", "order", 250))
    assert answer.json()["dead_letter"] == "unreadable_amount"


async def test_what_an_earlier_word_said_is_not_asked_again():
    shop = shop_of("bigcommerce")
    await shop.identities.remember([("demo", "c_owner", Anchor("bigcommerce/order", "250"))])
    event = await shop.only("bigcommerce", bigcommerce("shipment/created", "shipment", 12, orderId=250))
    assert (event["subject"], shop.apis.asked) == ("c_owner", [])
