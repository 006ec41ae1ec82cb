"""What people said of calls, read from outreach's topic from its beginning to its present end."""

from aiokafka import TopicPartition

from libs.runtime.errors import ConfigError
from libs.runtime.kafka import end_offsets, make_consumer
from libs.runtime.stream.restore import partition_counts

_TYPE = b'"outreach.feedback"'  # a cheap look before anything is decoded; few records are verdicts


async def verdicts(bootstrap: str, topic: str) -> list[bytes]:
    """The records, as they stand. Raises ConfigError when there is no such topic."""
    count = (await partition_counts(bootstrap, [topic]))[topic]
    if not count:
        raise ConfigError(f"{bootstrap} has no topic {topic}: has outreach ever run there?")
    consumer = make_consumer(bootstrap=bootstrap)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(count)])
        ends = await end_offsets(consumer, topic, range(count))
        found: list[bytes] = []
        for number, end in ends.items():
            place = TopicPartition(topic, number)
            await consumer.seek_to_beginning(place)
            while await consumer.position(place) < end:
                records = (await consumer.getmany(place, timeout_ms=200)).get(place, [])
                found += [record.value for record in records if record.value and _TYPE in record.value]
    finally:
        await consumer.stop()
    return found
