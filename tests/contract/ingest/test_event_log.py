"""What an event log promises, in memory and on the real Kafka."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import TopicPartition

from libs.runtime.kafka import make_consumer, partition_of
from services.ingest.adapters.kafka_log import KafkaLog
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.record import Record
from services.ingest.testing import MemoryLog
from tests.fixtures.stack import MakeTopics


class OnKafka:
    """The real log, its topic, and a way to read it."""

    def __init__(self, bootstrap: str, topic: str, log: KafkaLog) -> None:
        self.bootstrap, self.topic, self.log = bootstrap, topic, log

    async def read(self, number: int) -> list[Record]:
        consumer = make_consumer(self.topic, bootstrap=self.bootstrap)
        await consumer.start()
        try:
            found: list[Record] = []
            async with asyncio.timeout(20):
                while len(found) < number:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += [Record(one.topic, one.key, one.value) for one in records]
            return found
        finally:
            await consumer.stop()


class InMemory:
    def __init__(self) -> None:
        self.topic, self.log = "memory", MemoryLog()

    async def read(self, number: int) -> list[Record]:
        assert len(self.log.records) == number
        return self.log.records


@pytest.fixture(params=["memory", "kafka"])
async def world(
    request: pytest.FixtureRequest, kafka: str, make_topics: MakeTopics
) -> AsyncIterator[OnKafka | InMemory]:
    if request.param == "memory":
        yield InMemory()
        return
    (topic,) = await make_topics("ingest-log")
    async with KafkaLog(kafka).running() as log:
        yield OnKafka(kafka, topic, log)


async def test_records_are_there_in_order_once_append_returns(world):
    records = [Record(world.topic, b"demo/c_1", str(number).encode()) for number in range(20)]
    await world.log.append(records, 10.0)
    assert await world.read(20) == records


async def test_a_tombstone_is_appended(world):
    await world.log.append([Record(world.topic, b"demo/c_1", None)], 10.0)
    assert [one.value for one in await world.read(1)] == [None]


async def test_a_log_that_was_never_reached_is_unavailable_after_the_wait():
    async with KafkaLog("127.0.0.1:1").running() as log:
        with pytest.raises(UnavailableError):
            await log.append([Record("t", b"k", b"v")], 0.1)


async def test_a_key_stands_on_the_partition_that_everybody_expects(world):
    if isinstance(world, InMemory):
        return
    await world.log.append([Record(world.topic, b"demo/c_9", b"x")], 10.0)
    consumer = make_consumer(bootstrap=world.bootstrap)
    await consumer.start()
    try:
        expected = TopicPartition(world.topic, partition_of(b"demo/c_9", [0, 1, 2, 3], []))
        assert (await consumer.end_offsets([expected]))[expected] == 1
    finally:
        await consumer.stop()
