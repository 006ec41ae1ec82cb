"""Shopify's topics become our events."""

import pytest

from tests.unit.ingest.shop import Shop, order, refund, source


async def only_event(shop: Shop, topic: str, body: dict, **headers: str) -> dict:
    answer = await shop.shopify(topic, body, **headers)
    assert answer.status_code == 200, answer.text
    (number,) = answer.json()["events"]
    return next(event for event in reversed(shop.events()) if event["id"] == number)


async def test_an_order_is_placed():
    event = await only_event(Shop(), "orders/create", order())
    assert event["id"] == "shopify:order:1001:placed"
    assert event["source"] == "shopify/demo"
    assert event["time"] == "2024-05-30T12:00:00Z"
    assert event["receivedat"] == "2024-06-01T12:00:00Z"
    assert event["data"] == {
        "order_id": "1001",
        "amount": "59.90",
        "currency": "USD",
        "items": 3,
        "products": ["31", "32"],
    }


async def test_an_imported_order_happened_when_it_was_processed():
    event = await only_event(Shop(), "orders/create", order(processed_at="2023-01-02T00:00:00Z"))
    assert event["time"] == "2023-01-02T00:00:00Z"


@pytest.mark.parametrize(
    "more",
    [
        {"test": True},
        {"financial_status": "voided"},
        {"cancel_reason": "fraud"},
        {"total_price": "0.00", "current_total_price": "0.00"},
        {"source_name": "shopify_draft_order"},
        *({"tags": f"vip, {tag}"} for tag in ("Replacement", "exchange", "test", "draft")),
    ],
)
async def test_what_is_no_purchase_does_not_count(more):
    event = await only_event(Shop(), "orders/create", order(**more))
    assert event["data"]["counts"] is False


@pytest.mark.parametrize(
    ("source_name", "channel"),
    [("pos", "point_of_sale"), ("amazon-us", "marketplace"), ("subscription_contract", "subscription")],
)
async def test_the_channel_is_kept(source_name, channel):
    event = await only_event(Shop(), "orders/create", order(source_name=source_name))
    assert event["data"]["channel"] == channel


@pytest.mark.parametrize(
    "more",
    [
        {"note_attributes": [{"name": "Gift message", "value": "Happy birthday"}]},
        {"line_items": [{"product_id": 1, "quantity": 1, "properties": [{"name": "_gift", "value": "yes"}]}]},
        {
            "billing_address": {"first_name": "Ada", "last_name": "Byron", "zip": "10001"},
            "shipping_address": {"first_name": "Max", "last_name": "Hill", "zip": "94110"},
        },
    ],
)
async def test_a_gift_is_marked_and_its_words_are_not_kept(more):
    shop = Shop()
    event = await only_event(shop, "orders/create", order(**more))
    assert event["data"]["gift"] is True
    assert b"birthday" not in b"".join(record.value or b"" for record in shop.log.records)


async def test_moving_house_is_no_gift():
    body = order(
        billing_address={"first_name": "Ada", "last_name": "Byron", "zip": "10001"},
        shipping_address={"first_name": "Ada", "last_name": "Byron", "zip": "94110"},
    )
    assert "gift" not in (await only_event(Shop(), "orders/create", body))["data"]


async def test_an_edited_order_has_what_it_is_worth_now_before_refunds():
    body = order(current_total_price="30.00", refunds=[refund(amount="10.00")])
    event = await only_event(Shop(), "orders/updated", body)
    assert event["type"] == "order.updated"
    assert event["data"]["amount"] == "40.00"
    assert event["id"] == "shopify:order:1001:updated:2024-05-30T08:00:05-04:00"


async def test_a_refund_that_lowered_nothing_makes_an_order_worth_no_more_than_its_total():
    event = await only_event(Shop(), "orders/updated", order(refunds=[refund(amount="10.00")]))
    assert event["data"]["amount"] == "59.90"


async def test_an_order_tells_the_language_of_its_checkout():
    shop = Shop()
    await only_event(shop, "orders/create", order(customer_locale="de-AT"))
    assert shop.profiles()[-1]["locale"] == "de-at"


async def test_payment_cancellation_and_parcels_are_told():
    shop = Shop()
    assert (await only_event(shop, "orders/paid", order()))["type"] == "order.paid"
    cancelled = order(cancelled_at="2024-05-31T00:00:00Z", cancel_reason="customer")
    event = await only_event(shop, "orders/cancelled", cancelled)
    assert (event["data"]["reason"], event["data"]["placed_at"]) == ("customer", "2024-05-30T12:00:00Z")
    parcel = {
        "id": 44,
        "order_id": 1001,
        "status": "success",
        "shipment_status": None,
        "tracking_company": "UPS Ground",
        "created_at": "2024-05-31T01:00:00Z",
        "updated_at": "2024-05-31T02:00:00Z",
    }
    shipped = await only_event(shop, "fulfillments/create", parcel)
    assert (shipped["type"], shipped["data"]["carrier"]) == ("order.shipped", "ups_ground")
    again = await only_event(shop, "orders/fulfilled", order(fulfillments=[parcel]))
    assert again["id"] == shipped["id"]
    answer = await shop.shopify("fulfillments/update", {**parcel, "shipment_status": "delivered"})
    assert answer.json()["events"] == [shipped["id"], "shopify:fulfillment:44:delivered"]


async def test_a_refund_finds_its_customer_and_the_amount_of_its_order():
    shop = Shop()
    placed = await only_event(shop, "orders/create", order())
    refunded = await only_event(shop, "refunds/create", refund())
    assert refunded["subject"] == placed["subject"]
    assert refunded["data"] == {
        "order_id": "1001",
        "refund_id": "501",
        "amount": "20.00",
        "currency": "USD",
        "order_amount": "59.90",
    }


async def test_only_money_that_went_back_is_refunded():
    shop = Shop()
    await shop.shopify("orders/create", order())
    lines = [
        {"kind": "refund", "status": "success", "amount": "5.00", "currency": "USD"},
        {"kind": "refund", "status": "failure", "amount": "7.00", "currency": "USD"},
        {"kind": "sale", "status": "success", "amount": "59.90", "currency": "USD"},
    ]
    event = await only_event(shop, "refunds/create", refund(transactions=lines))
    assert event["data"]["amount"] == "5.00"
    answer = await shop.shopify("refunds/create", refund(transactions=[]))
    assert (answer.status_code, answer.json()["events"]) == (200, [])


async def test_an_exchange_is_marked_as_one():
    shop = Shop()
    await shop.shopify("orders/create", order())
    event = await only_event(shop, "refunds/create", refund(transactions=[], **{"return": {"id": 5}}))
    assert event["data"]["exchange"] is True


async def test_a_return_is_asked_for_and_closed():
    shop = Shop()
    await shop.shopify("orders/create", order())
    body = {"id": 61, "order": {"id": 1001}, "created_at": "2024-05-31T00:00:00Z"}
    asked = await only_event(
        shop, "returns/request", {**body, "return_line_items": [{"return_reason": "SIZE_TOO_SMALL"}]}
    )
    assert asked["data"]["reason"] == "size_too_small"
    assert asked["data"]["order_id"] == "1001"
    assert (await only_event(shop, "returns/close", body))["type"] == "return.closed"


async def test_a_checkout_without_a_name_is_nobodys_and_with_one_it_is_started():
    shop = Shop()
    body = {
        "id": 77,
        "token": "tok",
        "email": None,
        "created_at": "2024-05-31T00:00:00Z",
        "total_price": "10.00",
        "completed_at": None,
    }
    answer = await shop.shopify("checkouts/create", body)
    assert (answer.status_code, answer.json()["events"]) == (200, [])
    assert shop.metric("greenline_ingest_ignored_total", provider="shopify", reason="anonymous") == 1
    event = await only_event(shop, "checkouts/update", {**body, "email": "ada@shopper.example"})
    assert (event["type"], event["data"]["amount"]) == ("checkout.started", "10.00")
    done = {**body, "email": "ada@shopper.example", "completed_at": "2024-05-31T00:05:00Z"}
    answer = await shop.shopify("checkouts/update", done)
    assert answer.json()["events"] == ["shopify:checkout:tok:started", "shopify:checkout:tok:completed"]


def customer(**more) -> dict:
    return {
        "id": 7001,
        "email": "ada@shopper.example",
        "first_name": "Ada",
        "last_name": "Byron",
        "phone": "+1 212 555 0143",
        "tags": "",
        "created_at": "2024-05-01T00:00:00Z",
        "updated_at": "2024-05-01T00:00:00Z",
        **more,
    }


async def test_a_customer_has_a_profile_and_no_address_in_events():
    shop = Shop()
    event = await only_event(shop, "customers/create", customer())
    assert event["type"] == "customer.created"
    assert shop.profiles() == [{"email": "ada@shopper.example", "phone": "+12125550143", "name": "Ada Byron"}]
    assert not any(secret in str(shop.events()) for secret in ("ada@", "Byron", "5550143"))


async def test_staff_are_excluded():
    event = await only_event(Shop(), "customers/update", customer(tags="Employee, vip"))
    assert event["data"]["excluded"] is True


async def test_a_change_of_consent_is_told_once_it_happens():
    shop = Shop()
    consent = {"state": "unsubscribed", "consent_updated_at": "2024-05-20T00:00:00Z"}
    fresh = customer(updated_at="2024-05-20T00:00:01Z", email_marketing_consent=consent)
    answer = await shop.shopify("customers/update", fresh)
    told = [event for event in shop.events() if event["type"] == "customer.consent_changed"]
    assert [event["data"] for event in told] == [{"channel": "email", "consent": False}]
    assert shop.profiles()[-1]["email_consent"] is False
    later = customer(updated_at="2024-05-28T00:00:00Z", email_marketing_consent=consent)
    answer = await shop.shopify("customers/update", later)
    assert len(answer.json()["events"]) == 1


async def test_a_profile_is_published_when_it_changes_and_not_otherwise():
    shop = Shop()
    await shop.shopify("customers/create", customer())
    await shop.shopify("orders/create", order(1))
    await shop.shopify("orders/create", order(2))
    assert len(shop.profiles()) == 1
    await shop.shopify("customers/update", customer(first_name="Augusta"))
    assert shop.profiles()[1:] == [
        {"email": "ada@shopper.example", "phone": "+12125550143", "name": "Augusta Byron"}
    ]


async def test_subscriptions_follow_their_contract():
    shop = Shop()
    contract = {
        "id": 91,
        "customer_id": 7001,
        "status": "active",
        "currency_code": "USD",
        "billing_policy": {"interval": "month", "interval_count": 2},
        "created_at": "2024-05-01T00:00:00Z",
    }
    headers = {"x-shopify-triggered-at": "2024-05-30T00:00:00Z", "x-shopify-webhook-id": "wh-1"}
    started = await only_event(shop, "subscription_contracts/create", contract, **headers)
    assert (started["type"], started["data"]["interval_days"]) == ("subscription.started", 60)
    paused = await only_event(
        shop, "subscription_contracts/update", {**contract, "status": "paused"}, **headers
    )
    assert paused["type"] == "subscription.paused"
    failed = {"id": 5, "subscription_contract_id": 91, "error_code": "CARD_EXPIRED"}
    failure = await only_event(shop, "subscription_billing_attempts/failure", failed, **headers)
    assert (failure["type"], failure["data"]["reason"]) == ("subscription.payment_failed", "card_expired")
    assert failure["subject"] == started["subject"]
    skip = {"subscription_contract_id": 91, "cycle_index": 3}
    assert (await only_event(shop, "subscription_billing_cycles/skip", skip, **headers))["type"] == (
        "subscription.skipped"
    )
    gone = await only_event(shop, "subscription_contracts/cancel", contract, **headers)
    assert gone["type"] == "subscription.cancelled"


async def test_a_customer_who_asks_to_be_forgotten_is():
    shop = Shop()
    placed = await only_event(shop, "orders/create", order())
    body = {
        "shop_id": 1,
        "customer": {"id": 7001, "email": "ada@shopper.example"},
        "orders_to_redact": [1001],
    }
    answer = await shop.shopify("customers/redact", body)
    assert answer.status_code == 200
    assert shop.events()[-1]["type"] == "customer.erased"
    assert shop.events()[-1]["subject"] == placed["subject"]
    assert shop.profiles()[-1] is None
    assert await shop.identities.who(["7001", "ada@shopper.example", "1001"]) == []
    assert [request.kind for request in await shop.privacy.requests()] == ["redact_customer"]
    again = await only_event(shop, "orders/create", order())
    assert again["subject"] != placed["subject"]


@pytest.mark.parametrize(
    ("topic", "kind"), [("customers/data_request", "data_request"), ("shop/redact", "redact_shop")]
)
async def test_other_privacy_requests_are_recorded(topic, kind):
    shop = Shop()
    body = {"shop_id": 1, "customer": {"id": 7001}, "data_request": {"id": 9}}
    assert (await shop.shopify(topic, body)).status_code == 200
    assert [request.kind for request in await shop.privacy.requests()] == [kind]
    assert shop.events() == []


async def test_topics_of_no_interest_are_accepted_in_silence():
    shop = Shop()
    answer = await shop.shopify("products/update", {"id": 1})
    assert (answer.status_code, answer.json()["events"]) == (200, [])
    assert shop.letters.letters == {}


async def test_history_is_marked_and_has_the_same_ids():
    sources = (source("shopify"), source("shopify", name="shopify-history", backfill=True, simulated=True))
    shop = Shop(sources=sources)
    live = await only_event(shop, "orders/create", order())
    answer = await shop.post("shopify-history", order(), {"x-shopify-topic": "orders/create"})
    old = shop.events()[-1]
    assert answer.json()["events"] == [live["id"]]
    assert (old["backfill"], old["simulated"], old["source"]) == (True, True, live["source"])
