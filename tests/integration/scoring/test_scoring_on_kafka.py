"""Scoring on the real Kafka: events in, health out, the ledger in the checkpoint, through a restart."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from libs.events.families.commerce import OrderPlaced
from libs.events.families.customer import CustomerErased, CustomerMerged
from libs.events.families.engagement import SiteVisited
from libs.events.topics import CUSTOMER_HEALTH, HEALTH_CHANGES
from tests.integration.scoring.shop import START, Shop


def order(number: int) -> OrderPlaced:
    return OrderPlaced(order_id=str(number), amount="20.00", currency="USD")


async def test_an_event_becomes_health_and_a_duplicate_does_not_through_a_restart(shop: Shop) -> None:
    first = shop.event(order(1), "e1")
    async with shop.service():
        await shop.send(first, b"junk", first)
        (snapshot,) = await shop.said(CUSTOMER_HEALTH.name, 1)
        assert snapshot.data.facts.orders_total == 1
        assert (await shop.said(HEALTH_CHANGES.name, 1))[0].data.before is None
    async with shop.service():
        await shop.send(first, shop.event(SiteVisited(session_id="s"), "e2"))
        last = (await shop.said(CUSTOMER_HEALTH.name, 2))[-1]
    assert (last.data.facts.orders_total, last.data.facts.visits_30d) == (1, 1)
    assert await shop.ledger() == {"applied": 2, "duplicate": 2, "dead_lettered": 1}


async def test_silence_lowers_health_on_the_running_clock(shop: Shop) -> None:
    async with shop.service():
        await shop.send(shop.event(order(1), "e1"))
        await shop.said(CUSTOMER_HEALTH.name, 1)
    shop.set_clock(days_per_second=20)
    async with shop.service():
        before, *_, after = await shop.said(CUSTOMER_HEALTH.name, 3)
    assert after.data.cause == "silence"
    assert after.data.score < before.data.score
    assert after.data.facts.tenure_days > before.data.facts.tenure_days


async def test_history_is_said_once_and_marked_before_the_first_live_event(shop: Shop) -> None:
    old = [shop.event(order(n), f"e{n}", START - timedelta(days=30 * n), backfill=True) for n in range(1, 6)]
    async with shop.service():
        await shop.send(*old, shop.event(SiteVisited(session_id="s"), "live"))
        imported, live = await shop.said(CUSTOMER_HEALTH.name, 2)
    assert (imported.backfill, live.backfill) == (True, False)
    assert (imported.data.facts.orders_total, imported.data.facts.site_known) == (5, False)
    assert live.data.cause == "live"


async def test_a_merge_moves_the_row_to_the_survivors_partition_and_an_erasure_leaves_nothing(
    shop: Shop,
) -> None:
    other = Shop(shop.kafka, shop.wiring, shop.clock_file, f"bob-{uuid4().hex[:8]}", shop.port)
    async with shop.service():
        await shop.send(shop.event(order(1), "e1"))
        await other.send(other.event(order(2), "e2"))
        await other.said(CUSTOMER_HEALTH.name, 1)
        await shop.send(shop.event(CustomerMerged(into=other.customer), "m"))
        joined = (await other.said(CUSTOMER_HEALTH.name, 2))[-1]
        await shop.send(shop.event(order(3), "e3"))  # late, for the one who is gone
        after = (await other.said(CUSTOMER_HEALTH.name, 3))[-1]
        await other.send(other.event(CustomerErased(request_id="r"), "x"))
        tombstones = await shop.tombstones(CUSTOMER_HEALTH.name, {shop.key, other.key})
    assert (joined.data.facts.orders_total, joined.data.cause) == (2, "m")
    assert after.data.facts.orders_total == 3
    assert tombstones == {shop.key, other.key}
    ledger = await shop.ledger()
    assert (ledger["applied"], ledger["forwarded"], ledger["arrived"]) == (5, 1, 1)
    assert ledger["rows_sent"] == ledger["rows_received"] == 1
    async with shop.service():  # what is left of both survives a restart: nothing, and a marker
        await shop.send(shop.event(order(4), "e4"))
        await other.send(other.event(order(5), "e5"))
        async with asyncio.timeout(20):
            while (await shop.ledger()).get("after_erasure", 0) < 2:  # noqa: ASYNC110 (a topic tells nobody)
                await asyncio.sleep(0.1)
