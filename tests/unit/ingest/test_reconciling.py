"""What the API lists against what arrived: gaps are told once, as their deliveries would have told them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.ingest.app import reconciler_of
from services.ingest.domain.hooks import Hook, Repair, repairs
from services.ingest.domain.providers import discover
from services.ingest.reconciling import Report, Window
from services.ingest.settings import IngestSettings
from tests.unit.ingest.platforms import (
    bigcommerce,
    recharge_subscription,
    stripe,
    stripe_invoice,
    stripe_subscription,
    woo_order,
)
from tests.unit.ingest.shop import NOW, Shop, order, refund, source, zendesk
from tests.unit.ingest.test_enrichment import ADA, bigcommerce_order

TWO_DAYS = Window(NOW - timedelta(days=2), NOW)
HOOKS = "https://hooks.example"
SUBSCRIPTION = recharge_subscription()["subscription"]


def shop_of(provider: str, **more: Any) -> Shop:
    settings = IngestSettings(kafka_wait_s=0.2, public_url=HOOKS)
    keyed = source(provider, api_key="key-of-a-test", api_base="https://x.example", **more)
    return Shop(settings=settings, sources=(keyed,))


async def reconciled(shop: Shop, advance: Callable[[Report], None] = lambda _: None) -> Report:
    ingest = shop.ingest
    reconciler = reconciler_of(ingest.intake, shop.ports, ingest.metrics, shop.settings)
    (keyed,) = shop.ports.sources.all()
    report = await reconciler.run(keyed, TWO_DAYS, advance)
    await ingest.desk.finish()
    return report


def changed(shop: Shop, *bodies: Any, at: datetime = NOW - timedelta(hours=1)) -> None:
    shop.apis.changed += [(at, body) for body in bodies]


async def test_an_order_that_never_arrived_is_told_once():
    shop = shop_of("shopify")
    await shop.shopify("orders/create", order(1001))
    changed(shop, order(1001), order(1002), order(1003))
    report = await reconciled(shop)
    assert (report.listed, report.gaps, report.events) == (3, 2, 2)
    told = [one["id"] for one in shop.events()]
    assert told == [f"shopify:order:{number}:placed" for number in (1001, 1002, 1003)]
    again = await reconciled(shop)
    assert (again.listed, again.gaps, again.events) == (3, 0, 0)
    assert len(shop.events()) == 3


async def test_a_gap_is_told_as_its_deliveries_would_have_told_it():
    whole = order(
        1002,
        financial_status="partially_refunded",
        updated_at="2024-05-30T08:00:00-04:00",
        cancelled_at="2024-05-31T12:00:00Z",
        fulfillments=[{"id": 9, "status": "success", "created_at": "2024-05-30T20:00:00Z"}],
        refunds=[refund(1002)],
    )
    missed, heard = shop_of("shopify"), Shop()
    changed(missed, whole)
    await reconciled(missed)
    for topic in ("orders/create", "orders/paid", "orders/fulfilled", "orders/cancelled"):
        await heard.shopify(topic, whole)
    await heard.shopify("refunds/create", refund(1002))
    assert missed.events() == heard.events()


async def test_a_delivery_that_comes_after_all_is_the_same_event():
    shop = shop_of("woocommerce")
    changed(shop, woo_order())
    await reconciled(shop)
    before = {one["id"] for one in shop.events()}
    await shop.post("woocommerce", woo_order(), {"x-wc-webhook-topic": "order.created"})
    assert {one["id"] for one in shop.events()} == before


async def test_what_happened_to_an_order_that_had_arrived_is_told_if_it_was_lost():
    shop = shop_of("shopify")
    await shop.shopify("orders/create", order(1001))
    changed(shop, order(1001, cancelled_at="2024-05-31T12:00:00Z", refunds=[refund(1001)]))
    report = await reconciled(shop)
    assert (report.gaps, report.lost, report.events) == (0, 1, 2)
    assert [one["id"] for one in shop.events()] == [
        "shopify:order:1001:placed",
        "shopify:order:1001:cancelled",
        "shopify:refund:501:refunded",
    ]
    assert (await reconciled(shop)).lost == 0
    assert len(shop.events()) == 3


async def test_an_order_of_which_only_a_later_word_arrived_is_placed():
    shop = shop_of("shopify")
    await shop.shopify("orders/updated", order(1001))
    changed(shop, order(1001, created_at="2024-05-30T12:00:00Z"))
    assert (await reconciled(shop)).lost == 1
    assert [one["type"] for one in shop.events()] == ["order.updated", "order.placed"]


async def test_an_order_that_changes_while_it_is_listed_is_told_once():
    shop = shop_of("shopify")
    changed(shop, *(order(number, created_at="2024-05-31T08:00:00Z") for number in (1001, 1002, 1001)))
    report = await reconciled(shop)
    assert (report.gaps, report.lost, report.events) == (2, 0, 2)


async def test_what_happened_before_the_window_may_have_been_told_before_it():
    shop = shop_of("shopify")
    await shop.shopify("orders/create", order(1001))
    shop.log.records.clear()
    old = "2024-04-01T08:00:00Z"
    changed(shop, order(1001, created_at=old, financial_status="paid", processed_at=old))
    report = await reconciled(shop)
    assert (report.gaps, report.lost, shop.events()) == (0, 0, [])


async def test_events_that_deliveries_name_in_another_way_are_not_told_twice():
    shop = shop_of("zendesk")
    await shop.post("zendesk", zendesk("ticket.created"))
    await shop.post("zendesk", zendesk("ticket.status_changed", {"previous": "OPEN", "current": "SOLVED"}))
    ticket = zendesk("ticket.created")["detail"] | {"status": "solved", "created_at": "2024-05-31T10:00:00Z"}
    changed(shop, ticket | {"updated_at": "2024-05-31T11:00:00Z"})
    report = await reconciled(shop)
    assert (report.listed, report.gaps, report.lost) == (1, 0, 0)


async def test_a_lost_change_of_a_known_subscription_is_told():
    shop = shop_of("stripe")
    await shop.post("stripe", stripe("customer.subscription.created", stripe_subscription()))
    ended = stripe_subscription(status="canceled", ended_at=1717156800)
    changed(shop, stripe("customer.subscription.deleted", ended))
    assert (await reconciled(shop)).lost == 1
    assert [one["type"] for one in shop.events()] == ["subscription.started", "subscription.cancelled"]


async def test_drafts_and_other_things_of_no_interest_are_no_gaps():
    shop = shop_of("woocommerce")
    changed(shop, woo_order(status="auto-draft"))
    assert (await reconciled(shop)).gaps == 0
    assert shop.events() == []


async def test_what_cannot_be_told_is_counted_and_holds_up_nothing():
    shop = shop_of("woocommerce")
    changed(shop, woo_order(1, total="a lot"), woo_order(2, customer_id=0, billing={}), woo_order(3))
    report = await reconciled(shop)
    assert dict(report.refused) == {"unreadable_amount": 1, "missing_customer": 1}
    assert {one["data"].get("order_id") for one in shop.events()} == {"3"}
    assert shop.letters.letters == {}
    counted = shop.metric("greenline_ingest_reconciled_total", source="woocommerce", result="not_understood")
    assert counted == 2


async def test_what_happened_to_an_object_that_is_unknown_is_told_in_its_order():
    shop = shop_of("stripe")
    await shop.post("stripe", stripe("invoice.paid", stripe_invoice()))
    known = [one["id"] for one in shop.events()]
    ended = stripe_subscription(id="sub_2", status="canceled", ended_at=1717156800)
    changed(
        shop,
        stripe("invoice.paid", stripe_invoice()),
        stripe("customer.subscription.created", stripe_subscription(id="sub_2")),
        stripe("customer.subscription.deleted", ended),
    )
    report = await reconciled(shop)
    assert (report.listed, report.gaps) == (3, 1)
    assert [one["id"] for one in shop.events()][len(known) :] == [
        "stripe:subscription:sub_2:started",
        "stripe:subscription:sub_2:cancelled",
    ]


async def test_a_ticket_that_was_missed_is_opened_and_solved_and_its_requester_asked_for():
    shop = shop_of("zendesk")
    shop.apis.objects["customer", "9001"] = ADA
    ticket = zendesk("ticket.created")["detail"] | {"id": 88, "requester_id": 9001, "status": "solved"}
    ticket |= {"created_at": "2024-05-31T10:00:00Z", "updated_at": "2024-05-31T11:00:00Z"}
    changed(shop, ticket, ticket | {"id": 89, "status": "deleted"})
    assert (await reconciled(shop)).gaps == 1
    assert [one["id"] for one in shop.events()] == [
        "zendesk:ticket:88:opened",
        "zendesk:ticket:88:solved:20240531T110000",
    ]
    assert shop.profiles() == [{"email": "ada@shopper.example", "name": "Ada Byron"}]


@pytest.mark.parametrize(
    ("provider", "body", "told"),
    [
        ("bigcommerce", bigcommerce_order(), ["order.placed"]),
        (
            "recharge",
            {**SUBSCRIPTION, "status": "cancelled", "cancelled_at": "2024-05-31T09:00:00+00:00"},
            ["subscription.started", "subscription.cancelled"],
        ),
        (
            "gorgias",
            {
                "id": 5,
                "status": "closed",
                "customer": {"id": 3},
                "created_datetime": "2024-05-31T08:00:00",
                "closed_datetime": "2024-05-31T09:00:00",
            },
            ["ticket.opened", "ticket.solved"],
        ),
        (
            "intercom",
            {
                "id": "77",
                "state": "closed",
                "created_at": 1717140000,
                "updated_at": 1717150000,
                "contacts": {"contacts": [{"type": "contact", "id": "c1"}]},
                "source": {"type": "email", "author": {"type": "user", "id": "c1", "email": "a@b.example"}},
            },
            ["ticket.opened", "ticket.solved"],
        ),
    ],
)
async def test_gaps_of_every_provider_that_lists(provider, body, told):
    shop = shop_of(provider)
    changed(shop, body)
    assert (await reconciled(shop)).gaps == 1
    assert [one["type"] for one in shop.events()] == told
    assert (await reconciled(shop)).gaps == 0


async def test_whoever_was_met_without_an_address_gets_it():
    shop = shop_of("zendesk")
    shop.apis.away = True
    event = await shop.only("zendesk", zendesk("ticket.created"))
    shop.apis.away = False
    shop.apis.objects["customer", "9001"] = ADA
    assert (await reconciled(shop)).people == 1
    assert shop.profiles() == [{"email": "ada@shopper.example", "name": "Ada Byron"}]
    assert shop.identities.book.owners["demo", "email", "ada@shopper.example"] == event["subject"]
    assert (await reconciled(shop)).people == 0


async def test_deliveries_that_were_too_thin_are_read_first():
    shop = shop_of("bigcommerce")
    await shop.post("bigcommerce", bigcommerce("order/created", "order", 250))
    shop.apis.objects["order", "250"] = bigcommerce_order()
    changed(shop, bigcommerce_order())
    report = await reconciled(shop)
    assert (report.letters, report.gaps) == (1, 0)
    assert len(shop.events()) == 1


async def test_subscriptions_are_woken_and_made_where_the_setting_says_where_we_are():
    shop = shop_of("woocommerce")
    address = f"{HOOKS}/webhooks/woocommerce"
    shop.apis.subscriptions = [Hook("1", "order.created", address, active=False)]
    report = await reconciled(shop)
    assert report.subscriptions[0] == "order.created"
    wanted = set(discover()["woocommerce"].topics)
    assert {(hook.topic, hook.address, hook.active) for hook in shop.apis.subscriptions} == {
        (topic, address, True) for topic in wanted
    }
    assert (await reconciled(shop)).subscriptions == []
    bare = Shop(sources=(*shop.ports.sources.all(),))
    assert (await reconciled(bare)).subscriptions == []


def test_only_subscriptions_of_our_own_address_are_ours():
    found = [
        Hook("1", "Orders/Create", f"{HOOKS}/a/"),
        Hook("2", "refunds/create", "https://elsewhere.example"),
        Hook("3", "orders/paid", f"{HOOKS}/a", active=False),
        Hook("4", "orders/paid", f"{HOOKS}/a"),
        Hook("5", "carts/update", f"{HOOKS}/a", active=False),
    ]
    assert repairs(["orders/create", "refunds/create", "orders/paid"], found, f"{HOOKS}/a") == [
        Repair("carts/update", "5"),
        Repair("refunds/create"),
    ]


async def test_a_run_says_how_far_it_is():
    shop = shop_of("shopify")
    changed(shop, *(order(number) for number in range(1, 6)))
    seen: list[int] = []
    await reconciled(shop, advance=lambda report: seen.append(report.listed))
    assert seen == [2, 4, 5]


async def test_gaps_are_counted_by_source():
    shop = shop_of("shopify")
    changed(shop, order(1001))
    await reconciled(shop)
    await reconciled(shop)
    counts = {
        result: shop.metric("greenline_ingest_reconciled_total", source="shopify", result=result)
        for result in ("gap", "arrived")
    }
    assert counts == {"gap": 1, "arrived": 1}
