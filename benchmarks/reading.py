"""A topic read to its end, as benchmarks look at what was done."""

from collections.abc import AsyncIterator

from aiokafka import TopicPartition
from aiokafka.structs import ConsumerRecord

from libs.runtime.kafka import make_consumer


async def committed(kafka: str, topic: str, partitions: int) -> AsyncIterator[ConsumerRecord]:
    """What is committed now, in order within each partition."""
    places = [TopicPartition(topic, number) for number in range(partitions)]
    async with make_consumer(bootstrap=kafka) as consumer:
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        while left := [place for place in places if await consumer.position(place) < ends[place]]:
            for records in (await consumer.getmany(*left, timeout_ms=100)).values():
                for record in records:
                    yield record
