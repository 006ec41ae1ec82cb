"""Readers of whole topics: committed records, no group, up to where the topic ends now."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from libs.runtime.kafka import make_consumer

_AT_ONCE = 10_000  # records


@asynccontextmanager
async def reader(bootstrap: str, *topics: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that has every partition of these topics, at their beginning."""
    consumer = make_consumer(*topics, bootstrap=bootstrap, max_partition_fetch_bytes=4 * 1024 * 1024)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def whole(bootstrap: str, topic: str) -> AsyncIterator[ConsumerRecord]:
    """Every committed record up to where the topic ends now."""
    async with reader(bootstrap, topic) as consumer:
        left = set(consumer.assignment())
        ends = await consumer.end_offsets(left)
        # The position, not the last record: transactions leave markers that no reader sees.
        while left := {one for one in left if await consumer.position(one) < ends[one]}:
            found = await consumer.getmany(*left, timeout_ms=200, max_records=_AT_ONCE)
            for partition, records in found.items():
                for record in records:
                    if record.offset < ends[partition]:
                        yield record


async def end_offsets(bootstrap: str, topics: Iterable[str]) -> dict[str, dict[int, int]]:
    """The next offset of each partition for readers of committed records."""
    async with reader(bootstrap, *topics) as consumer:
        found: dict[str, dict[int, int]] = {}
        for partition, end in (await consumer.end_offsets(consumer.assignment())).items():
            found.setdefault(partition.topic, {})[partition.partition] = end
        return found
