"""Which events stand on the topic, in memory and on Kafka."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from libs.events.topics import CUSTOMER_EVENTS
from libs.runtime.kafka import make_producer
from services.ingest.adapters.kafka_log import KafkaLog
from services.ingest.adapters.told import KafkaTold
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.record import Record
from services.ingest.testing import MemoryLog
from services.ingest.testing_apis import MemoryTold
from tests.fixtures.stack import MakeTopics

EARLIER = datetime.now(UTC) - timedelta(days=3)


@dataclass
class Events:
    """A topic of one test's, and what is asked about it."""

    told: MemoryTold | KafkaTold
    log: MemoryLog | KafkaLog
    topic: str

    def records(self, tenant: str, *numbers: int) -> list[Record]:
        return [
            Record(self.topic, f"{tenant}/c{one}".encode(), msgspec.json.encode({"id": f"{tenant}:{one}"}))
            for one in numbers
        ]

    async def ids(self, since: datetime = EARLIER) -> set[str]:
        return (await self.told.told("t", since)).ids


@pytest.fixture
async def on_kafka(kafka: str, make_topics: MakeTopics) -> AsyncIterator[Events]:
    (topic,) = await make_topics("told")
    async with KafkaLog(kafka).running() as log:
        yield Events(KafkaTold(kafka, topic), log, topic)


@pytest.fixture
def in_memory() -> Events:
    log = MemoryLog()
    return Events(MemoryTold(log), log, CUSTOMER_EVENTS.name)


async def check(events: Events) -> None:
    assert await events.ids() == set()
    await events.log.append([*events.records("t", *range(500)), *events.records("other", 1)], 30)
    found = await events.told.told("t", EARLIER)
    assert found.ids == {f"t:{number}" for number in range(500)}
    assert found.since == EARLIER


async def test_all_events_of_a_tenant_are_found_in_memory(in_memory: Events):
    await check(in_memory)


async def test_all_events_of_a_tenant_are_found_on_kafka(on_kafka: Events):
    await check(on_kafka)


async def append_at(broker: str, moment: datetime, records: list[Record]) -> None:
    producer = make_producer(broker)
    await producer.start()
    try:
        stamp = int(moment.timestamp() * 1000)
        for one in records:
            await producer.send_and_wait(one.topic, one.value, one.key, timestamp_ms=stamp)
    finally:
        await producer.stop()


async def test_what_was_told_before_is_not_read(kafka: str, on_kafka: Events):
    await append_at(kafka, EARLIER - timedelta(minutes=1), on_kafka.records("t", *range(8)))
    await append_at(kafka, EARLIER, on_kafka.records("t", *range(8, 16)))
    assert await on_kafka.ids() == {f"t:{number}" for number in range(8, 16)}


async def test_it_is_said_from_when_on_the_topic_knows_all(kafka: str, on_kafka: Events):
    await append_at(kafka, EARLIER, on_kafka.records("t", *range(16)))
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        place = TopicPartition(on_kafka.topic, 0)
        await admin.delete_records({place: RecordsToDelete(before_offset=1)})
    finally:
        await admin.close()
    found = await on_kafka.told.told("t", EARLIER - timedelta(days=1))
    assert found.since == EARLIER.replace(microsecond=EARLIER.microsecond // 1000 * 1000)
    assert len(found.ids) == 15


async def test_a_broker_that_is_away_is_said():
    with pytest.raises(UnavailableError, match="Kafka"):
        await KafkaTold("127.0.0.1:1").told("t", EARLIER)
