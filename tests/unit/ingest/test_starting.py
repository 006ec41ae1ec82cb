"""A process that starts: what an earlier one left in the spool goes before anything new."""

import asyncio
from collections.abc import Sequence

import pytest

from services.ingest.ports import Spooled
from services.ingest.testing import MemorySpool
from tests.unit.ingest.shop import Shop, order
from tests.unit.ingest.test_publisher import Setup, record


class HeldSpool(MemorySpool):
    """Says what waits only once it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()
        self.asked = asyncio.Event()

    async def oldest(self, limit: int, most_bytes: int) -> list[Spooled]:
        self.asked.set()
        await self.may.wait()
        return await super().oldest(limit, most_bytes)


async def left(spool: MemorySpool, numbers: Sequence[int]) -> None:
    await spool.add([[record(number) for number in numbers]])


async def test_it_serves_only_once_it_has_looked():
    spool, serves = HeldSpool(), asyncio.Event()
    await left(spool, [1, 2])
    shop = Shop(spool=spool)

    async def life() -> None:
        async with shop.ingest.working():
            serves.set()
            await shop.shopify("orders/create", order(1))

    living = asyncio.create_task(life())
    await spool.asked.wait()
    for _ in range(50):
        await asyncio.sleep(0)
    assert not serves.is_set()
    spool.may.set()
    await living
    assert [one.value for one in shop.log.records[:2]] == [b"1", b"2"]


async def test_with_nothing_left_the_first_delivery_goes_to_kafka():
    shop = Shop()
    async with shop.ingest.working():
        assert (await shop.shopify("orders/create", order(1))).json()["durable"] == "kafka"


async def test_new_ones_are_published_after_those_that_were_left():
    setup = Setup()
    await left(setup.spool, [1, 2])
    await setup.publisher.begin()
    assert await setup.publisher.publish([record(3)]) == "spool"
    await setup.drained()
    assert setup.published() == [1, 2, 3]


@pytest.mark.parametrize("hangs", [True, False])
async def test_without_postgres_it_serves_all_the_same(hangs, monkeypatch):
    monkeypatch.setattr("services.ingest.publisher.BEGIN_S", 0.05)
    setup = Setup()
    spool = HeldSpool() if hangs else setup.spool
    setup.publisher._spool = spool
    spool.away = True
    await setup.publisher.begin()
    assert await setup.publisher.publish([record(1)]) == "kafka"
