"""WooCommerce's topics become our events."""

from typing import Any

import pytest

from tests.unit.ingest.platforms import woo_customer, woo_order, woo_subscription
from tests.unit.ingest.shop import Shop


async def deliver(shop: Shop, topic: str, body: Any) -> list[dict[str, Any]]:
    """The events of one delivery, as they stand on the topic."""
    answer = await shop.post("woocommerce", body, {"x-wc-webhook-topic": topic})
    assert answer.status_code == 200, answer.text
    return [last(shop, number) for number in answer.json()["events"]]


def last(shop: Shop, number: str) -> dict[str, Any]:
    return next(event for event in reversed(shop.events()) if event["id"] == number)


async def test_an_order_is_placed_and_paid():
    placed, paid = await deliver(Shop(), "order.created", woo_order())
    assert (placed["id"], placed["time"]) == ("woocommerce:order:501:placed", "2024-05-30T08:00:00Z")
    assert placed["data"] == {
        "order_id": "501",
        "amount": "48.50",
        "currency": "EUR",
        "items": 3,
        "products": ["71", "72"],
    }
    assert (paid["type"], paid["time"]) == ("order.paid", "2024-05-30T08:01:00Z")
    assert paid["data"] == {"order_id": "501", "amount": "48.50", "currency": "EUR"}


async def test_a_later_version_tells_all_again_with_the_same_ids_so_a_lost_delivery_is_no_loss():
    shop = Shop()
    first = {event["id"] for event in await deliver(shop, "order.created", woo_order())}
    done = woo_order(
        status="completed",
        total="40.00",
        date_modified_gmt="2024-05-31T09:00:00",
        date_completed_gmt="2024-05-31T09:00:00",
    )
    later = {event["id"]: event for event in await deliver(shop, "order.updated", done)}
    assert later.keys() - first == {
        "woocommerce:order:501:updated:20240531T090000",
        "woocommerce:order:501:shipped",
    }
    assert first <= later.keys()
    assert later["woocommerce:order:501:updated:20240531T090000"]["data"]["amount"] == "40.00"
    assert await deliver(shop, "order.updated", done) == list(later.values())


async def test_a_download_is_complete_without_a_parcel():
    done = woo_order(status="completed", date_completed_gmt="2024-05-31T09:00:00", shipping_lines=[])
    types = [event["type"] for event in await deliver(Shop(), "order.created", done)]
    assert types == ["order.placed", "order.paid"]


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({"status": "pending", "date_paid_gmt": None}, False),
        ({"status": "failed", "date_paid_gmt": None}, False),
        ({"status": "cancelled", "date_paid_gmt": None}, False),
        ({"status": "cancelled"}, True),  # order.cancelled takes it back
        ({"status": "on-hold", "date_paid_gmt": None}, True),
        ({"status": "processing", "date_paid_gmt": None}, True),  # cash on delivery
        ({"status": "refunded"}, True),
        ({"status": "wc-packed", "date_paid_gmt": None}, True),  # a shop's own status
        ({"total": "0.00"}, False),
        ({"meta_data": [{"key": "_wcpay_mode", "value": "test"}]}, False),
    ],
)
async def test_only_purchases_count(more, counts):
    placed = (await deliver(Shop(), "order.created", woo_order(**more)))[0]
    assert placed["data"].get("counts", True) is counts


async def test_an_order_paid_after_all_counts_in_its_next_version():
    shop = Shop()
    waiting = woo_order(status="pending", date_paid_gmt=None)
    (placed,) = await deliver(shop, "order.created", waiting)
    assert placed["data"]["counts"] is False
    events = await deliver(shop, "order.updated", woo_order())
    updated = next(event for event in events if event["type"] == "order.updated")
    assert "counts" not in updated["data"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"status": "cancelled"}, "cancelled"),
        ({"status": "cancelled", "date_paid_gmt": None}, "cancelled_unpaid"),
        ({"status": "trash"}, "trash"),
    ],
)
async def test_a_cancelled_order_says_whether_it_was_ever_paid(more, reason):
    cancelled = (await deliver(Shop(), "order.updated", woo_order(**more)))[-1]
    assert (cancelled["type"], cancelled["id"]) == ("order.cancelled", "woocommerce:order:501:cancelled")
    assert cancelled["data"] == {
        "order_id": "501",
        "reason": reason,
        "amount": "48.50",
        "currency": "EUR",
        "placed_at": "2024-05-30T08:00:00Z",
    }


async def test_partial_refunds_are_told_one_by_one_and_their_reasons_are_not_kept():
    shop = Shop()
    refunds = [{"id": 11, "reason": "ada@shopper.example was cross", "total": "-10.00"}]
    events = await deliver(shop, "order.updated", woo_order(refunds=refunds))
    assert events[-1]["id"] == "woocommerce:refund:11:refunded"
    assert events[-1]["data"] == {
        "order_id": "501",
        "refund_id": "11",
        "amount": "10.00",
        "currency": "EUR",
        "order_amount": "48.50",
    }
    refunds += [{"id": 12, "total": "-38.50"}, {"id": 13, "total": "0.00"}]
    more = await deliver(shop, "order.updated", woo_order(refunds=refunds))
    told = [event["data"]["amount"] for event in more if event["type"] == "order.refunded"]
    assert told == ["10.00", "38.50"]
    assert not any(b"cross" in (record.value or b"") for record in shop.log.records)


@pytest.mark.parametrize(
    "more",
    [
        {"meta_data": [{"key": "Gift message", "value": "Happy birthday"}]},
        {"line_items": [{"product_id": 1, "quantity": 1, "meta_data": [{"key": "_gift", "value": "yes"}]}]},
        {"shipping": {"first_name": "Max", "last_name": "Hill", "postcode": "94110"}},
    ],
)
async def test_a_gift_is_marked_and_its_words_are_not_kept(more):
    shop = Shop()
    placed = (await deliver(shop, "order.created", woo_order(**more)))[0]
    assert placed["data"]["gift"] is True
    assert b"birthday" not in b"".join(record.value or b"" for record in shop.log.records)


@pytest.mark.parametrize(
    "meta", [{"key": "_gift_card_used", "value": "GC-1"}, {"key": "is_gift", "value": "false"}]
)
async def test_a_gift_card_that_paid_and_moving_house_are_no_gift(meta):
    placed = (await deliver(Shop(), "order.created", woo_order(meta_data=[meta])))[0]
    assert "gift" not in placed["data"]


@pytest.mark.parametrize(
    ("via", "channel"),
    [("pos-rest-api", "point_of_sale"), ("subscription", "subscription"), ("amazon-import", "marketplace")],
)
async def test_the_channel_is_kept(via, channel):
    placed = (await deliver(Shop(), "order.created", woo_order(created_via=via)))[0]
    assert placed["data"]["channel"] == channel


async def test_a_guest_is_known_by_address_and_becomes_the_customer_who_signs_up():
    shop = Shop()
    guest = (await deliver(shop, "order.created", woo_order(customer_id=0)))[0]
    other = woo_order(502, customer_id=0, billing={"email": "max@elsewhere.example"})
    assert (await deliver(shop, "order.created", other))[0]["subject"] != guest["subject"]
    (created,) = await deliver(shop, "customer.created", woo_customer())
    assert created["subject"] == guest["subject"]
    assert not any(word in str(shop.events()) for word in ("ada@", "Byron", "5550143"))


async def test_a_checkout_that_is_being_filled_in_is_no_order_yet():
    shop = Shop()
    draft = woo_order(status="checkout-draft", date_paid_gmt=None)
    (started,) = await deliver(shop, "order.created", draft)
    assert (started["type"], started["data"]["checkout_id"]) == ("checkout.started", "501")
    assert await deliver(shop, "order.created", {**draft, "id": 502, "customer_id": 0, "billing": {}}) == []
    assert await deliver(shop, "order.created", woo_order(status="auto-draft")) == []
    bought = await deliver(shop, "order.updated", woo_order(created_via="store-api"))
    assert bought[1]["data"] == {**started["data"], "order_id": "501"}
    assert (bought[1]["type"], bought[1]["subject"]) == ("checkout.completed", started["subject"])
    assert shop.letters.letters == {}


async def test_a_deleted_order_finds_its_customer_and_an_unknown_one_is_no_loss():
    shop = Shop()
    placed = (await deliver(shop, "order.created", woo_order()))[0]
    (gone,) = await deliver(shop, "order.deleted", {"id": 501})
    assert (gone["type"], gone["subject"]) == ("order.cancelled", placed["subject"])
    assert (gone["data"], gone["time"]) == ({"order_id": "501", "reason": "deleted"}, "2024-06-01T12:00:00Z")
    assert await deliver(shop, "order.deleted", {"id": 999}) == []


async def test_a_customer_has_a_profile_and_staff_and_resellers_are_excluded():
    shop = Shop()
    (created,) = await deliver(shop, "customer.created", woo_customer())
    assert (created["id"], created["time"]) == ("woocommerce:customer:61:created", "2024-05-01T06:00:00Z")
    assert shop.profiles() == [{"email": "ada@shopper.example", "name": "Ada Byron"}]
    for role in ("shop_manager", "wholesale_customer"):
        (updated,) = await deliver(shop, "customer.updated", woo_customer(role=role))
        assert updated["id"] == "woocommerce:customer:61:updated:20240502T070000"
        assert updated["data"]["excluded"] is True


@pytest.mark.parametrize("topic", ["product.updated", "coupon.created", "action.woocommerce_add_to_cart"])
async def test_topics_of_no_interest_are_accepted_in_silence(topic):
    shop = Shop()
    assert await deliver(shop, topic, {"id": 1}) == []
    assert await deliver(shop, "customer.deleted", {"id": 1}) == []
    assert shop.letters.letters == {}


async def test_the_ping_that_switches_a_webhook_on_is_answered_200_and_nothing_else_unsigned_is():
    shop = Shop()
    form = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
    hello = await shop.request("POST", "/webhooks/woocommerce", b"webhook_id=12", form)
    assert (hello.status_code, shop.events()) == (200, [])
    for body in (b"webhook_id=12&id=1", b"webhook_id=x", b"", b"id=12"):
        assert (await shop.request("POST", "/webhooks/woocommerce", body, form)).status_code == 401


async def test_two_deliveries_in_one_second_share_an_id_and_both_are_taken():
    shop = Shop()
    for number in (1, 2):
        headers = {"x-wc-webhook-topic": "order.created", "x-wc-webhook-delivery-id": "same"}
        answer = await shop.post("woocommerce", woo_order(number), headers)
        assert answer.json()["events"][0] == f"woocommerce:order:{number}:placed"


async def test_a_renewal_that_is_paid_renews_and_one_that_fails_is_dunning():
    shop = Shop()
    renewal = {"created_via": "subscription", "meta_data": [{"key": "_subscription_renewal", "value": "900"}]}
    renewed = (await deliver(shop, "order.created", woo_order(**renewal)))[-1]
    assert (renewed["type"], renewed["id"]) == ("subscription.renewed", "woocommerce:order:501:renewed")
    assert renewed["data"] == {"subscription_id": "900", "amount": "48.50", "currency": "EUR"}
    unpaid = woo_order(502, status="failed", date_paid_gmt=None, **renewal)
    assert (await deliver(shop, "order.updated", unpaid))[-1]["type"] == "subscription.payment_failed"
    waiting = woo_order(503, status="pending", date_paid_gmt=None, **renewal)
    assert [one["type"] for one in await deliver(shop, "order.created", waiting)] == ["order.placed"]


@pytest.mark.parametrize(
    ("topic", "more", "types"),
    [
        ("created", {}, ["subscription.started"]),
        ("created", {"status": "pending"}, []),
        ("updated", {}, ["subscription.started", "subscription.changed"]),
        ("switched", {}, ["subscription.started", "subscription.changed"]),
        ("restored", {}, ["subscription.started", "subscription.resumed"]),
        ("restored", {"status": "cancelled"}, ["subscription.cancelled"]),
        ("updated", {"status": "pending"}, []),
        ("updated", {"status": "pending-cancel"}, ["subscription.cancel_requested"]),
        ("updated", {"status": "cancelled"}, ["subscription.cancelled"]),
        ("updated", {"status": "expired"}, ["subscription.cancelled"]),
        ("updated", {"status": "on-hold"}, ["subscription.changed"]),
        (
            "updated",
            {"status": "on-hold", "payment_retry_date_gmt": "2024-06-02T00:00:00"},
            ["subscription.payment_failed"],
        ),
    ],
)
async def test_subscriptions_follow_their_status(topic, more, types):
    events = await deliver(Shop(), f"subscription.{topic}", woo_subscription(**more))
    assert [event["type"] for event in events] == types


async def test_a_subscription_has_its_terms_and_a_deleted_one_ends():
    shop = Shop()
    (started,) = await deliver(shop, "subscription.created", woo_subscription())
    assert started["data"] == {
        "subscription_id": "900",
        "amount": "19.00",
        "currency": "EUR",
        "interval_days": 60,
        "renewal_at": "2024-06-01T00:00:00Z",
    }
    (gone,) = await deliver(shop, "subscription.deleted", {"id": 900})
    assert (gone["type"], gone["subject"]) == ("subscription.cancelled", started["subject"])


async def test_a_customer_who_is_back_from_the_bin_is_known_again():
    shop = Shop()
    (event,) = await deliver(shop, "customer.restored", woo_customer())
    assert event["type"] == "customer.updated"
    assert shop.profiles() == [{"email": "ada@shopper.example", "name": "Ada Byron"}]


@pytest.mark.parametrize(
    ("topic", "body", "reason"),
    [
        ("order.created", woo_order(date_created_gmt=None), "missing_date"),
        ("order.created", woo_order(total=""), "missing_amount"),
        ("order.created", {"code": "woocommerce_rest_cannot_view", "message": "no"}, "missing_id"),
        ("order.created", woo_order(customer_id=0, billing={}), "missing_customer"),
        ("order.vanished", woo_order(), "unknown_topic"),
        ("", woo_order(), "unknown_topic"),
    ],
)
async def test_what_cannot_be_used_is_kept(topic, body, reason):
    answer = await Shop().post("woocommerce", body, {"x-wc-webhook-topic": topic})
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, reason)
