"""Kafka in bulk: whole batches instead of a future for each record."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from libs.events.topics import CUSTOMER_EVENTS
from libs.runtime.kafka import end_offsets, make_consumer, make_producer, partition_of
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.record import Record

_BATCH_BYTES = 512 * 1024  # half of a broker's default limit for one batch
_TOPIC = CUSTOMER_EVENTS.name


class _Id(msgspec.Struct):
    id: str


_ids = msgspec.json.Decoder(_Id)


class _Sent(NamedTuple):
    topic: str
    partition: int
    records: int
    delivery: "asyncio.Future[Any]"


class KafkaHistoryLog:
    """A HistoryLog."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["KafkaHistoryLog"]:
        """Connected for the length of the block. Raises UnavailableError."""
        with _away():
            producer = make_producer(self._bootstrap, max_batch_size=_BATCH_BYTES, linger_ms=0)
            self._producer = producer
            try:
                await producer.start()
                yield self
            finally:
                await producer.stop()

    async def append(self, records: Sequence[Record]) -> dict[int, int]:
        assert self._producer is not None
        sent: list[_Sent] = []
        with _away():
            for (topic, partition), group in (await self._by_partition(records)).items():
                await self._send(topic, partition, group, sent)
            landed = await asyncio.gather(*(one.delivery for one in sent))
        return {
            one.partition: found.offset + one.records
            for one, found in zip(sent, landed, strict=True)
            if one.topic == _TOPIC
        }

    async def ends(self) -> dict[int, int]:
        assert self._producer is not None
        with _away():
            partitions = await self._producer.partitions_for(_TOPIC)
            async with make_consumer(bootstrap=self._bootstrap) as consumer:
                return await end_offsets(consumer, _TOPIC, partitions)

    async def ids_since(self, offsets: Mapping[int, int]) -> set[str]:
        ends = await self.ends()
        behind = [TopicPartition(_TOPIC, one) for one, end in ends.items() if offsets.get(one, 0) < end]
        if not behind:
            return set()
        found: set[str] = set()
        with _away():
            async with make_consumer(bootstrap=self._bootstrap) as consumer:
                consumer.assign(behind)
                for place in behind:
                    consumer.seek(place, offsets.get(place.partition, 0))
                while left := [one for one in behind if await consumer.position(one) < ends[one.partition]]:
                    for batch in (await consumer.getmany(*left, timeout_ms=100)).values():
                        found |= {_ids.decode(record.value).id for record in batch}
        return found

    async def _by_partition(self, records: Sequence[Record]) -> dict[tuple[str, int], list[Record]]:
        assert self._producer is not None
        topics = {record.topic for record in records}
        partitions = {topic: sorted(await self._producer.partitions_for(topic)) for topic in topics}
        groups: dict[tuple[str, int], list[Record]] = {}
        for record in records:
            of_topic = partitions[record.topic]
            groups.setdefault((record.topic, partition_of(record.key, of_topic, of_topic)), []).append(record)
        return groups

    async def _send(self, topic: str, partition: int, records: Sequence[Record], sent: list[_Sent]) -> None:
        assert self._producer is not None
        batch = self._producer.create_batch()
        for record in records:
            if batch.append(key=record.key, value=record.value, timestamp=None) is None:
                sent.append(await self._sent(batch, topic, partition))
                batch = self._producer.create_batch()
                batch.append(key=record.key, value=record.value, timestamp=None)
        sent.append(await self._sent(batch, topic, partition))

    async def _sent(self, batch: Any, topic: str, partition: int) -> _Sent:
        assert self._producer is not None
        batch.close()
        delivery = await self._producer.send_batch(batch, topic, partition=partition)
        return _Sent(topic, partition, batch.record_count(), delivery)


@contextlib.contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError) as error:
        raise UnavailableError(f"Kafka: {error!r}") from error
