"""What one source may send, which of its topics are used, and what counts it."""

import asyncio
from datetime import timedelta

from services.ingest.domain.letters import topic_of
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import hash_of
from services.ingest.settings import IngestSettings
from tests.unit.ingest.held_log import HeldLog
from tests.unit.ingest.shop import Shop, order, source
from tests.unit.ingest.test_events_api import ORDER, TOKEN, post


def make_shop(**limits: int) -> Shop:
    return Shop(sources=(source("shopify", limits=limits), source("shopify", name="shopify-2")))


async def statuses(shop: Shop, number: int, name: str = "shopify") -> list[int]:
    topic = {"x-shopify-topic": "orders/create"}
    return [(await shop.post(name, order(i), topic)).status_code for i in range(number)]


async def test_a_source_has_its_burst_and_then_what_it_earns():
    shop = make_shop(per_second=2, burst=3)
    assert await statuses(shop, 5) == [200, 200, 200, 429, 429]
    shop.clock.advance(timedelta(seconds=1))
    assert await statuses(shop, 3) == [200, 200, 429]
    assert shop.metric("greenline_ingest_requests_total", source="shopify", outcome="limited") == 3


async def test_what_one_source_sends_leaves_another_alone():
    shop = make_shop(per_second=1, burst=1)
    assert await statuses(shop, 2) == [200, 429]
    assert await statuses(shop, 2, "shopify-2") == [200, 200]


async def test_the_wait_is_told_in_whole_seconds_rounded_up():
    shop = make_shop(per_second=1, burst=1)
    await statuses(shop, 1)
    shop.clock.advance(timedelta(seconds=0.75))
    answer = await shop.shopify("orders/create", order())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


async def test_other_limits_count_from_when_they_are_in_force():
    shop = make_shop(per_second=1, burst=1)
    assert await statuses(shop, 2) == [200, 429]
    shop.ingest.ports.sources._sources["shopify"] = source("shopify", limits={"per_second": 1, "burst": 2})
    assert await statuses(shop, 3) == [200, 200, 429]


async def test_a_full_house_costs_a_source_nothing():
    log = HeldLog()
    limited = source("shopify", limits={"per_second": 1, "burst": 2})
    shop = Shop(settings=IngestSettings(max_in_flight=1), sources=(limited,), log=log)
    first = asyncio.create_task(shop.shopify("orders/create", order()))
    await log.reached.wait()
    assert await statuses(shop, 3) == [429, 429, 429]
    log.go.set()
    assert (await first).status_code == 200
    assert await statuses(shop, 2) == [200, 429]


async def test_posting_events_has_the_limits_and_the_switch_of_its_source():
    limited = source("standard", tokens=[hash_of(TOKEN)], limits={"per_second": 1, "burst": 1})
    shop = Shop(sources=(limited,))
    answers = [await post(shop, ORDER, key) for key in ("k1", "k2")]
    assert [one.status_code for one in answers] == [200, 429]
    assert answers[1].headers["retry-after"] == "1"
    off = Shop(sources=(source("standard", tokens=[hash_of(TOKEN)], enabled=False),))
    assert (await post(off, ORDER)).status_code == 403


async def test_posting_events_while_nobody_knows_the_sources_is_not_a_wrong_token():
    shop = Shop()
    shop.ingest.ports.sources.away = True
    answer = await post(shop, ORDER)
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


async def test_topics_that_a_source_does_not_use_are_ignored_and_not_kept():
    shop = Shop(sources=(source("shopify", topics=["orders/create"]),))
    assert (await shop.shopify("orders/create", order())).json()["events"]
    for topic in ("orders/cancelled", "no/such/topic"):
        answer = await shop.shopify(topic, order(cancelled_at="2024-05-31T09:00:00Z"))
        assert (answer.status_code, answer.json()["events"]) == (200, [])
    assert shop.metric("greenline_ingest_ignored_total", provider="shopify", reason="topic_off") == 2
    assert not shop.letters.letters


async def test_what_the_law_makes_us_honour_is_taken_whatever_the_topics():
    shop = Shop(sources=(source("shopify", topics=["orders/create"]),))
    await shop.shopify("orders/create", order())
    body = {"shop_id": 1, "shop_domain": "x", "customer": {"id": 7001, "email": "ada@shopper.example"}}
    assert (await shop.shopify("customers/redact", body)).status_code == 200
    (row,) = await shop.privacy.requests()
    assert row.kind == "redact_customer"


def test_a_topic_of_woocommerce_is_its_topic_and_not_its_event():
    told = {"x-wc-webhook-topic": "order.created", "x-wc-webhook-event": "created"}
    assert topic_of(told, Node(None)) == "order.created"
