"""Recharge's subscriptions and charges become our events, in either version of its API."""

from typing import Any

import pytest

from tests.unit.ingest.platforms import recharge_charge, recharge_subscription, sign_legacy
from tests.unit.ingest.shop import NOW, Shop, dumps, order, sign, source

JSON = {"content-type": "application/json"}


async def post(shop: Shop, body: Any, topic: str | None = None, **headers: str) -> Any:
    path = "/webhooks/recharge" + (f"?topic={topic}" if topic else "")
    signed = {**JSON, **(headers or sign("recharge", dumps(body)))}
    return await shop.request("POST", path, dumps(body), signed)


async def deliver(shop: Shop, body: Any, topic: str | None = None) -> list[dict[str, Any]]:
    answer = await post(shop, body, topic)
    assert answer.status_code == 200, answer.text
    return [
        next(e for e in reversed(shop.events()) if e["id"] == number) for number in answer.json()["events"]
    ]


async def test_a_new_subscription_is_started_with_or_without_a_topic():
    shop = Shop()
    fresh = recharge_subscription(updated_at="2024-03-01T00:00:20+00:00")
    (event,) = await deliver(shop, fresh)
    assert (event["id"], event["time"]) == ("recharge:subscription:4001:started", "2024-03-01T00:00:00Z")
    assert event["data"] == {
        "subscription_id": "4001",
        "amount": "25.00",
        "currency": "USD",
        "interval_days": 28,  # charged every fourth week, sent every second
        "renewal_at": "2024-06-20T00:00:00Z",
    }
    (again,) = await deliver(shop, recharge_subscription(), "subscription/created")
    assert again["id"] == event["id"]


@pytest.mark.parametrize(
    ("topic", "kind", "verb"),
    [
        (None, "subscription.changed", "changed"),
        ("subscription/updated", "subscription.changed", "changed"),
        ("subscription/swapped", "subscription.changed", "changed"),
        ("subscription/unskipped", "subscription.changed", "changed"),
        ("subscription/activated", "subscription.resumed", "activated"),
        ("subscription/paused", "subscription.paused", "paused"),
        ("subscription/skipped", "subscription.skipped", "skipped"),
        ("subscription/deleted", "subscription.cancelled", "deleted"),
        ("order/created", "subscription.changed", "changed"),  # another resource's topic: the body wins
    ],
)
async def test_the_topic_in_the_url_tells_what_the_body_does_not(topic, kind, verb):
    (event,) = await deliver(Shop(), recharge_subscription(), topic)
    assert (event["type"], event["time"]) == (kind, "2024-05-31T09:00:00Z")
    assert event["id"] == f"recharge:subscription:4001:{verb}:20240531T090000"


CANCELLED = {
    "status": "CANCELLED",
    "cancelled_at": "2024-05-30T04:07:19",
    "updated_at": "2024-05-30T04:07:20",
    "cancellation_reason": "Too expensive",
    "cancellation_reason_comments": "write to ada@shopper.example",
    "max_retries_reached": 0,
}


@pytest.mark.parametrize(
    "topic", [None, "subscription/cancelled", "subscription/updated", "subscription/activated"]
)
async def test_an_end_is_the_bodys_word_whatever_the_url_says(topic):
    shop = Shop()
    (event,) = await deliver(shop, recharge_subscription(**CANCELLED), topic)
    assert (event["type"], event["time"]) == ("subscription.cancelled", "2024-05-30T04:07:19Z")
    assert event["id"] == "recharge:subscription:4001:cancelled:20240530T040719"
    assert event["data"]["reason"] == "too_expensive"
    assert "renewal_at" not in event["data"]
    assert not any(b"ada@" in (record.value or b"") for record in shop.log.records)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"max_retries_reached": 1}, "max_retries_reached"),
        ({"max_retries_reached": True}, "max_retries_reached"),
        ({"status": "expired", "cancelled_at": None}, "expired"),
        ({"cancellation_reason": None}, None),
    ],
)
async def test_an_end_by_card_or_by_date_is_told_from_one_that_was_wanted(more, reason):
    (event,) = await deliver(Shop(), recharge_subscription(**{**CANCELLED, **more}))
    assert event["data"].get("reason") == reason


async def test_a_second_end_after_a_return_is_another_event():
    shop = Shop()
    (first,) = await deliver(shop, recharge_subscription(**CANCELLED))
    (back,) = await deliver(shop, recharge_subscription(), "subscription/activated")
    assert back["type"] == "subscription.resumed"
    (second,) = await deliver(
        shop, recharge_subscription(**{**CANCELLED, "cancelled_at": "2024-05-31T11:00:00"})
    )
    assert first["id"] != second["id"]


async def test_the_older_api_has_other_types_for_the_same():
    older = recharge_subscription(
        status="ACTIVE",
        price=12.5,
        presentment_currency=None,
        created_at="2024-03-01T00:00:00",
        updated_at="2024-05-31T09:00:00",
        next_charge_scheduled_at="2024-06-20T00:00:00",
        email="ada@shopper.example",
    )
    shop = Shop(sources=(source("recharge", currency="EUR"),))
    (event,) = await deliver(shop, older)
    assert (event["data"]["amount"], event["data"]["currency"]) == ("25.00", "EUR")
    assert event["time"] == "2024-05-31T09:00:00Z"
    assert shop.profiles() == [{"email": "ada@shopper.example"}]


async def test_a_payment_renews_each_of_its_subscriptions_once_and_is_no_order():
    shop = Shop()
    (event,) = await deliver(shop, recharge_charge(), "charge/paid")
    assert (event["type"], event["id"]) == ("subscription.renewed", "recharge:charge:7001:renewed:4001")
    assert (event["data"], event["time"]) == ({"subscription_id": "4001"}, "2024-05-31T10:00:00Z")
    lines = [
        {"subscription_id": 1},
        {"subscription_id": 2},
        {"subscription_id": 1},
        {"subscription_id": None},
    ]
    two = (await post(shop, recharge_charge(status="SUCCESS", type="RECURRING", line_items=lines))).json()
    assert two["events"] == ["recharge:charge:7001:renewed:1", "recharge:charge:7001:renewed:2"]
    assert two["duplicates"] == 0


async def test_the_first_payment_is_the_start_and_not_a_renewal():
    assert await deliver(Shop(), recharge_charge(type="checkout"), "charge/paid") == []


async def test_each_failed_attempt_and_giving_up_are_told():
    shop = Shop()
    failed = recharge_charge(status="error", charge_attempts=2, error_type="CARD_DECLINED")
    (event,) = await deliver(shop, failed, "charge/failed")
    assert event["id"] == "recharge:charge:7001:payment_failed:4001:2"
    assert event["data"] == {"subscription_id": "4001", "attempt": 2, "reason": "card_declined"}
    assert await deliver(shop, failed) == [event]
    (over,) = await deliver(shop, failed, "charge/max_retries_reached")
    assert over["data"]["reason"] == "max_retries_reached"
    (untold,) = await deliver(shop, recharge_charge(status="ERROR"))
    assert untold["id"] == "recharge:charge:7001:payment_failed:4001:20240531T100001"
    (paid,) = await deliver(shop, recharge_charge(), "charge/failed")
    assert paid["type"] == "subscription.renewed"


@pytest.mark.parametrize("status", ["refunded", "PARTIALLY_REFUNDED", "queued", "skipped"])
async def test_refunds_and_charges_to_come_are_not_told_here(status):
    shop = Shop()
    assert await deliver(shop, recharge_charge(status=status)) == []
    assert shop.letters.letters == {}


async def test_orders_and_customers_say_who_is_who_and_nothing_else():
    linked = source("recharge", same_as={"recharge.external": "shopify.customer"})
    shop = Shop(sources=(source("shopify"), linked))
    await shop.shopify("orders/create", order())
    ada = {"id": 5001, "first_name": "Ada", "external_customer_id": {"ecommerce": "7001"}}
    assert await deliver(shop, {"customer": ada}, "customer/created") == []
    (event,) = await deliver(shop, recharge_subscription())
    assert event["subject"] == shop.events()[0]["subject"]
    assert await deliver(shop, {"order": {"id": 1, "customer_id": 5001, "email": "a@b.example"}}) == []
    assert await deliver(shop, {"order": {"id": 2}}) == []


async def test_an_older_customer_names_its_shopify_number_itself():
    shop = Shop()
    await shop.shopify("orders/create", order())
    await deliver(shop, {"customer": {"id": 5001, "shopify_customer_id": "7001"}})
    (event,) = await deliver(shop, recharge_subscription())
    assert event["subject"] == shop.events()[0]["subject"]


async def test_an_included_customer_stands_beside_the_resource():
    shop = Shop()
    body = {"customer": {"id": 5001, "email": "ada@shopper.example"}, **recharge_subscription()}
    (event,) = await deliver(shop, body, "subscription/paused")
    assert event["type"] == "subscription.paused"
    assert shop.profiles() == [{"email": "ada@shopper.example"}]


@pytest.mark.parametrize("name", ["onetime", "address", "store"])
async def test_resources_of_no_interest_are_accepted_in_silence(name):
    shop = Shop()
    assert await deliver(shop, {name: {"id": 1}}) == []
    assert shop.letters.letters == {}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"unheard_of": {"id": 1}}, "unknown_topic"),
        ({"subscription": []}, "unknown_topic"),
        (recharge_subscription(id=None), "missing_id"),
        (recharge_subscription(created_at=None, updated_at=None), "missing_date"),
        (recharge_subscription(customer_id=None), "missing_customer"),
        (recharge_subscription(price="free"), "unreadable_amount"),
    ],
)
async def test_what_cannot_be_used_is_kept_with_its_topic(body, reason):
    shop = Shop()
    answer = await post(shop, body, "subscription/updated")
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, reason)
    (letter,) = shop.letters.letters.values()
    assert letter.headers["topic"] == "subscription/updated"


async def test_the_legacy_signature_is_taken_and_a_longer_body_under_it_is_not():
    shop, body = Shop(), recharge_subscription()
    assert (await post(shop, body, **sign_legacy(dumps(body)))).status_code == 200
    # What a length extension must begin with: the padding of SHA-256.
    longer = dumps(body) + b"\x80" + b"\x00" * 20 + dumps(body)
    answer = await shop.request("POST", "/webhooks/recharge", longer, {**JSON, **sign_legacy(longer)})
    assert (answer.status_code, shop.letters.letters) == (401, {})


async def test_two_days_are_tolerated_because_recharge_tries_for_as_long():
    shop, body = Shop(), dumps(recharge_subscription())
    for hour, status in ((13, 200), (11, 401)):
        at = NOW.replace(month=5, day=30, hour=hour)
        headers = {**JSON, **sign("recharge", body, at=at)}
        assert (await shop.request("POST", "/webhooks/recharge", body, headers)).status_code == status
