"""Kafka, the spool and the way back, with both in memory. What hangs in the client: test_hanging_records."""

import asyncio

import pytest

from libs.runtime.clock import FakeClock
from libs.runtime.metrics import make_registry
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.record import Record
from services.ingest.metrics import IngestMetrics
from services.ingest.oversized import Oversized
from services.ingest.publisher import Publisher
from services.ingest.testing import MemoryDeadLetters, MemoryLog, MemorySpool
from tests.unit.ingest.shop import NOW


def record(number: int) -> Record:
    return Record("customer.events", b"demo/c_1", str(number).encode())


class Setup:
    def __init__(self) -> None:
        self.log, self.spool = MemoryLog(), MemorySpool()
        self.metrics = IngestMetrics(make_registry())
        self.letters = MemoryDeadLetters()
        oversized = Oversized(self.letters, self.metrics, FakeClock(NOW))
        self.publisher = Publisher(
            self.log, self.spool, oversized, self.metrics, kafka_wait_s=0.1, spool_wait_s=0.1
        )

    async def drained(self) -> None:
        """Run the drainer until events go to Kafka again."""
        drainer = asyncio.create_task(self.publisher.drain_forever())
        async with asyncio.timeout(5):
            while self.publisher.spooling or self.spool.waiting:  # noqa: ASYNC110 (the drainer has no event of its own)
                await asyncio.sleep(0.01)
        drainer.cancel()
        await asyncio.wait({drainer})

    def published(self) -> list[int]:
        return [int(one.value or b"") for one in self.log.records]


@pytest.fixture
def setup() -> Setup:
    return Setup()


async def test_events_go_to_kafka_while_it_is_there(setup):
    assert await setup.publisher.publish([record(1)]) == "kafka"
    assert setup.published() == [1]
    assert setup.spool.waiting == []


async def test_events_go_to_the_spool_while_kafka_is_away(setup):
    setup.log.away = True
    assert await setup.publisher.publish([record(1), record(2)]) == "spool"
    assert [one.record for one in setup.spool.waiting] == [record(1), record(2)]


async def test_an_event_does_not_overtake_those_in_the_spool(setup):
    setup.log.away = True
    await setup.publisher.publish([record(1)])
    setup.log.away = False
    assert await setup.publisher.publish([record(2)]) == "spool"
    await setup.drained()
    assert setup.published() == [1, 2]
    assert await setup.publisher.publish([record(3)]) == "kafka"
    assert setup.published() == [1, 2, 3]


async def test_what_an_earlier_process_left_is_published_first(setup):
    await setup.spool.add([[record(1), record(2)]])
    await setup.drained()
    assert setup.published() == [1, 2]


async def test_a_record_leaves_the_spool_only_after_kafka_has_it(setup):
    setup.log.away = True
    await setup.publisher.publish([record(1)])
    drainer = asyncio.create_task(setup.publisher.drain_forever())
    await asyncio.sleep(0)
    assert len(setup.spool.waiting) == 1
    drainer.cancel()
    await asyncio.wait({drainer})
    setup.log.away = False
    await setup.drained()
    assert setup.published() == [1]


async def test_a_removal_that_fails_is_made_up_for_before_anything_is_sent_again(setup, monkeypatch):
    setup.log.away = True
    await setup.publisher.publish([record(1)])
    setup.log.away = False
    removing = setup.spool.remove

    async def fail_once(numbers):
        monkeypatch.setattr(setup.spool, "remove", removing)
        raise UnavailableError("away for a moment")

    monkeypatch.setattr(setup.spool, "remove", fail_once)
    await setup.drained()
    assert setup.published() == [1]


async def test_with_both_away_nothing_is_called_durable(setup):
    setup.log.away = setup.spool.away = True
    with pytest.raises(UnavailableError):
        await setup.publisher.publish([record(1)])


async def test_kafka_alone_is_enough_once_it_is_back(setup):
    setup.log.away = setup.spool.away = True
    with pytest.raises(UnavailableError):
        await setup.publisher.publish([record(1)])
    setup.log.away = False
    await setup.drained()
    assert await setup.publisher.publish([record(2)]) == "kafka"


async def test_nothing_to_publish_needs_nobody(setup):
    setup.log.away = setup.spool.away = True
    assert await setup.publisher.publish([]) == "kafka"


async def test_a_delivery_that_was_sent_away_while_others_had_their_turn_is_not_published(setup):
    async with setup.publisher._turn:
        deliveries = [asyncio.create_task(setup.publisher.publish([record(number)])) for number in (1, 2)]
        await asyncio.sleep(0)
        deliveries += [asyncio.create_task(setup.publisher.publish([record(3)]))]
        ends = await asyncio.gather(*deliveries, return_exceptions=True)
    assert {type(end) for end in ends} == {UnavailableError}
    await setup.publisher._line.finish()
    assert 3 not in setup.published()


async def test_it_does_not_go_back_while_a_record_is_on_its_way_into_the_spool(setup, monkeypatch):
    setup.log.away = True
    await setup.publisher.publish([record(1)])
    setup.log.away, setup.publisher._spool_wait_s = False, 5.0
    adding, may_add, add = asyncio.Event(), asyncio.Event(), setup.spool.add

    async def slowly(batches):
        adding.set()
        await may_add.wait()
        return await add(batches)

    monkeypatch.setattr(setup.spool, "add", slowly)
    second = asyncio.create_task(setup.publisher.publish([record(2)]))
    await adding.wait()
    drained = asyncio.create_task(setup.drained())
    async with asyncio.timeout(5):
        while setup.published() != [1]:  # noqa: ASYNC110 (the drainer has no event of its own)
            await asyncio.sleep(0)
    third = asyncio.create_task(setup.publisher.publish([record(3)]))
    for _ in range(20):
        await asyncio.sleep(0)  # the drainer takes it out, and would look at an empty spool
    may_add.set()
    await asyncio.gather(second, third, drained)
    assert setup.published() == [1, 2, 3]
