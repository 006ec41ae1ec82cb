"""Which events stand on customer.events, read from there: nothing else knows all of them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from libs.events.topics import CUSTOMER_EVENTS
from libs.runtime.kafka import make_consumer
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.gaps import Told


class _Id(msgspec.Struct):
    id: str


_ids = msgspec.json.Decoder(_Id)


class KafkaTold:
    """A ToldEvents. It connects for each question: there is one a night."""

    def __init__(self, bootstrap: str, topic: str = CUSTOMER_EVENTS.name) -> None:
        self._bootstrap = bootstrap
        self._topic = topic

    async def told(self, tenant: str, since: datetime) -> Told:
        consumer = make_consumer(self._topic, bootstrap=self._bootstrap)
        try:
            await consumer.start()
            return await _read(consumer, f"{tenant}/".encode(), since)
        except (KafkaError, OSError) as error:
            raise UnavailableError(f"Kafka: {error!r}") from error
        finally:
            await consumer.stop()  # also of one that could not start


async def _read(consumer: AIOKafkaConsumer, key: bytes, since: datetime) -> Told:
    partitions = sorted(consumer.assignment())
    ends = await consumer.end_offsets(partitions)
    oldest = await consumer.beginning_offsets(partitions)
    asked = {one: int(since.timestamp() * 1000) for one in partitions}
    found = await consumer.offsets_for_times(asked)
    starts = {one: place.offset if place is not None else ends[one] for one, place in found.items()}
    for place, offset in starts.items():
        consumer.seek(place, offset)
    told = Told(since, set())
    async for records in _batches(consumer, ends):
        for record in records:
            cut = TopicPartition(record.topic, record.partition)
            if oldest[cut] and record.offset == oldest[cut]:
                # Retention has taken what came before it: from here on we know all.
                told.since = max(told.since, datetime.fromtimestamp(record.timestamp / 1000, UTC))
            if record.key.startswith(key):
                told.ids.add(_ids.decode(record.value).id)
    return told


async def _batches(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> Any:
    while left := [one for one, end in ends.items() if await consumer.position(one) < end]:
        for batch in (await consumer.getmany(*left, timeout_ms=100)).values():
            yield batch
