"""A change of a subscription contract is one event, by whichever of its topics it is told."""

from typing import Any

import pytest

from tests.unit.ingest.shop import Shop

CONTRACT = {"id": 91, "customer_id": 7001, "created_at": "2024-05-01T00:00:00Z"}


async def told(shop: Shop, topic: str, delivery: str, **more: Any) -> dict[str, Any]:
    headers = {
        "x-shopify-triggered-at": "2024-05-30T00:00:00Z",
        "x-shopify-webhook-id": delivery,
        "x-shopify-event-id": "action-1",
    }
    answer = await shop.shopify(f"subscription_contracts/{topic}", {**CONTRACT, **more}, **headers)
    (number,) = answer.json()["events"]
    return next(event for event in shop.events() if event["id"] == number)


@pytest.mark.parametrize("dated", [{}, {"updated_at": "2024-05-30T00:00:00Z"}])
@pytest.mark.parametrize(
    ("topic", "status", "kind", "reason"),
    [
        ("cancel", "cancelled", "subscription.cancelled", None),
        ("expire", "EXPIRED", "subscription.cancelled", "expired"),
        ("pause", "paused", "subscription.paused", None),
        ("fail", "failed", "subscription.payment_failed", None),
    ],
)
async def test_a_topic_and_an_update_tell_the_same_event(topic, status, kind, reason, dated):
    shop = Shop()
    one = await told(shop, topic, "wh-1", status=status, **dated)
    other = await told(shop, "update", "wh-2", status=status, **dated)
    assert (one["id"], one["data"]) == (other["id"], other["data"])
    assert (one["type"], one["data"].get("reason")) == (kind, reason)


async def test_a_contract_ends_once_however_often_it_is_touched_after_that():
    shop = Shop()
    ends = [
        await told(shop, "update", f"wh-{day}", status="cancelled", updated_at=f"2024-05-{day}T00:00:00Z")
        for day in (10, 20)
    ]
    assert {end["id"] for end in ends} == {"shopify:subscription:91:cancel"}


async def test_two_changes_stay_two_events():
    shop = Shop()
    changes = [
        await told(shop, topic, f"wh-{day}", status=status, updated_at=f"2024-05-{day}T00:00:00Z")
        for topic, status, day in (
            ("update", "active", 10),
            ("update", "paused", 11),
            ("pause", "paused", 12),
        )
    ]
    assert len({change["id"] for change in changes}) == 3
    assert [change["type"] for change in changes] == [
        "subscription.changed",
        "subscription.paused",
        "subscription.paused",
    ]
