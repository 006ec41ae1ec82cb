"""Every night, by the business clock, one process of all compares each source that has a key."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.runtime.lifecycle import cancel_all
from services.ingest.app import compose, reconciler_of
from services.ingest.nightly import LOOK_BACK, SETTLING, Nightly, next_night
from services.ingest.settings import IngestSettings
from tests.unit.ingest.shop import NOW, Shop, order, source

NIGHT = datetime(2024, 6, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "night"),
    [
        (NOW, NIGHT),
        (NIGHT, NIGHT + timedelta(days=1)),
        (NIGHT - timedelta(seconds=1), NIGHT),
    ],
)
def test_the_next_night_is_always_ahead(now: datetime, night: datetime):
    assert next_night(now, 3) == night


def shop_of(*names: str) -> Shop:
    keyed = [source("shopify", name=name, api_key="k", api_base="https://x.example") for name in names]
    return Shop(sources=(*keyed, source("woocommerce")))


def nightly(shop: Shop) -> Nightly:
    ingest = shop.ingest
    return Nightly(
        reconciler=reconciler_of(ingest.intake, shop.ports, ingest.metrics, shop.settings),
        sources=shop.ports.sources,
        keys=shop.answers,
        metrics=ingest.metrics,
        clock=shop.clock,
        hour=3,
    )


async def test_two_days_are_looked_at_up_to_what_is_still_on_its_way():
    shop = shop_of("shopify")
    begin, end = NIGHT - LOOK_BACK, NIGHT - SETTLING
    for number, at in enumerate((begin - timedelta(seconds=1), begin, end)):
        shop.apis.changed.append((at, order(number + 1)))
    await nightly(shop).work(NIGHT)
    assert [one["data"]["order_id"] for one in shop.events()] == ["2"]


async def test_one_process_does_the_work_of_a_night():
    shop, asked = shop_of("shopify"), []
    listed = shop.apis.listed

    def counted(*window):
        asked.append(window)
        return listed(*window)

    shop.apis.listed = counted
    await asyncio.gather(*(nightly(shop).work(NIGHT) for _ in range(3)))
    assert len(asked) == 1
    assert list(shop.answers.earlier) == [("reconcile/shopify", "2024-06-02")]
    counted = shop.metric("greenline_ingest_reconciled_timestamp_seconds", source="shopify")
    assert counted == shop.clock.wall()


async def test_a_source_that_fails_does_not_keep_the_next_from_its_turn():
    shop = shop_of("first", "second")
    shop.apis.changed.append((NIGHT - timedelta(hours=1), order()))
    hold, asked = shop.apis.listed, []

    def listed(keyed, since, until):
        asked.append(keyed.name)
        shop.apis.away = keyed.name == "first"
        return hold(keyed, since, until)

    shop.apis.listed = listed
    await nightly(shop).work(NIGHT)
    assert asked == ["first", "second"]
    assert len(shop.events()) == 1


async def test_it_waits_for_the_hour_by_the_business_clock():
    shop = shop_of("shopify")
    shop.apis.changed.append((NIGHT - timedelta(hours=1), order()))
    done = asyncio.Event()

    async def sleep(seconds: float) -> None:
        assert seconds <= 60
        shop.clock.advance(timedelta(hours=4))
        if shop.events():
            done.set()
        await asyncio.sleep(0)

    awake = nightly(shop)
    awake._sleep = sleep
    task = asyncio.create_task(awake.work_forever())
    async with asyncio.timeout(30):
        await done.wait()
    await cancel_all(task)
    assert shop.clock.now() > NIGHT


def test_it_can_be_switched_off():
    shop = Shop()
    assert shop.ingest.nightly is not None
    off = compose(IngestSettings(reconcile_hour=-1), replace(shop.ports), shop.clock)
    assert off.nightly is None
