"""What an event log promises, in memory and on the real Kafka."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import MessageSizeTooLargeError

from libs.runtime.kafka import make_consumer, partition_of
from services.ingest.adapters.kafka_log import KafkaLog
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.record import Record
from services.ingest.ports import UnacknowledgedError
from services.ingest.testing import MemoryLog
from tests.fixtures.stack import MakeTopics

_MOST_BYTES = 4_000  # that the broker takes at once


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

    def hold_back(self, seconds: float) -> None:
        """The client leaves what it takes lying for so long before it sends it."""
        self.log._producer._message_accumulator._linger_time = seconds

    async def come_on(self) -> None:
        """It sends by itself, once the time has passed."""


class InMemory:
    def __init__(self) -> None:
        self.topic, self.log = "memory", MemoryLog()
        self.log.most_bytes = _MOST_BYTES - 1

    def hold_back(self, seconds: float) -> None:
        self.log.silent = seconds > 0

    async def come_on(self) -> None:
        self.log.silent = False
        self.log.land(len(self.log.open))

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
    # Refusing a value of more than a few hundred bytes is what the client cannot know beforehand.
    (topic,) = await make_topics("ingest-log", config={"max.message.bytes": str(_MOST_BYTES)})
    async with KafkaLog(kafka).running() as log:
        yield OnKafka(kafka, topic, log)


def record(world: OnKafka | InMemory, value: bytes) -> Record:
    return Record(world.topic, b"demo/c_1", value)


async def left_hanging(world: OnKafka | InMemory, *values: bytes) -> UnacknowledgedError:
    """Records that the client has and has not accounted for."""
    await world.log.append([record(world, b"connected")], 20.0)
    world.hold_back(0.5)
    with pytest.raises(UnacknowledgedError) as raised:
        await world.log.append([record(world, value) for value in values], 0.05)
    world.hold_back(0.0)
    return raised.value


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


async def test_records_that_land_after_the_wait_are_accounted_for(world):
    error = await left_hanging(world, b"1", b"2")
    assert [fate.done() for fate in error.sent] == [False, False]
    await world.come_on()
    await asyncio.wait(error.sent, timeout=20)
    assert [fate.exception() for fate in error.sent] == [None, None]
    assert [one.value for one in await world.read(3)] == [b"connected", b"1", b"2"]


async def test_nothing_is_sent_while_earlier_records_hang(world):
    await left_hanging(world, b"1")
    with pytest.raises(UnacknowledgedError) as raised:
        await world.log.append([record(world, b"2")], 0.05)
    assert len(raised.value.sent) == 0
    await world.come_on()
    await world.log.append([record(world, b"3")], 20.0)
    assert [one.value for one in await world.read(3)] == [b"connected", b"1", b"3"]


async def test_a_batch_that_the_broker_refuses_is_accounted_for_and_later_ones_land(world):
    if isinstance(world, InMemory):
        return
    await world.log.append([record(world, b"connected")], 20.0)
    with pytest.raises(UnacknowledgedError) as raised:
        await world.log.append([record(world, b"x" * _MOST_BYTES)], 20.0)
    assert isinstance(raised.value.sent[0].exception(), MessageSizeTooLargeError)
    await world.log.append([record(world, b"1")], 20.0)
    assert [one.value for one in await world.read(2)] == [b"connected", b"1"]


@pytest.mark.parametrize("size", [_MOST_BYTES, 2 * 1024 * 1024], ids=["for the broker", "for the client"])
async def test_a_record_that_is_too_large_says_so_and_is_accounted_for(world, size):
    await world.log.append([record(world, b"connected")], 20.0)
    with pytest.raises(UnacknowledgedError) as raised:
        await world.log.append([record(world, b"x" * size)], 20.0)
    assert raised.value.oversized
    assert [fate.exception() is None for fate in raised.value.sent] == [False]
    await world.log.append([record(world, b"1")], 20.0)
    assert [one.value for one in await world.read(2)] == [b"connected", b"1"]


async def test_another_failure_is_not_called_too_large(world):
    error = await left_hanging(world, b"1")
    await world.come_on()
    assert not error.oversized


async def test_what_the_client_finds_too_large_holds_nothing_up(world):
    if isinstance(world, InMemory):
        return
    values = [b"1", b"x" * 2 * 1024 * 1024, b"2"]
    with pytest.raises(UnacknowledgedError) as raised:
        await world.log.append([record(world, value) for value in values], 20.0)
    assert [fate.exception() is None for fate in raised.value.sent] == [True, False, True]
    assert [one.value for one in await world.read(2)] == [b"1", b"2"]


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
