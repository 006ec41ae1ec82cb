"""A running service from outside: what its partitions hold, and asking them for something."""

from collections.abc import Callable

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.runtime.errors import ConfigError
from libs.runtime.kafka import make_consumer, make_producer
from libs.runtime.stream.restore import partition_counts
from libs.runtime.stream.state import CHECKPOINT_KEY, Checkpoint
from services.triggers.domain.book import watches_of
from services.triggers.domain.guard import Watch
from services.triggers.domain.requests import Request, encode

# Records. A checkpoint is the last record of each commit; behind it come the markers of aborted ones.
_TAIL = 100

Watches = dict[int, dict[str, Watch]]


async def watches(bootstrap: str, state: str) -> Watches:
    """What each partition knows of its rules, as last committed."""
    numbers = range(await _partitions(bootstrap, state))
    consumer = make_consumer(bootstrap=bootstrap)
    await consumer.start()
    try:
        found = {number: await _checkpoint(consumer, TopicPartition(state, number)) for number in numbers}
    finally:
        await consumer.stop()
    return {number: watches_of(one.memo) for number, one in found.items() if one}


async def ask(bootstrap: str, topic: str, part: Callable[[int, int], Request]) -> None:
    """Each partition gets its part of a request; `part` is told its number and how many there are."""
    count = await _partitions(bootstrap, topic)
    producer = make_producer(bootstrap)
    await producer.start()
    try:
        for number in range(count):
            request = part(number, count)
            await producer.send_and_wait(topic, encode(request), key=request.rule.encode(), partition=number)
    finally:
        await producer.stop()


async def _partitions(bootstrap: str, topic: str) -> int:
    count = (await partition_counts(bootstrap, [topic]))[topic]
    if not count:
        raise ConfigError(f"{bootstrap} has no topic {topic}: has the service ever run there?")
    return count


async def _checkpoint(consumer: AIOKafkaConsumer, place: TopicPartition) -> Checkpoint | None:
    consumer.assign([place])
    begin = (await consumer.beginning_offsets([place]))[place]
    end = (await consumer.end_offsets([place]))[place]
    for start in (max(begin, end - _TAIL), begin):
        consumer.seek(place, start)
        found = None
        while await consumer.position(place) < end:
            for record in (await consumer.getmany(place, timeout_ms=200)).get(place, []):
                found = record.value if record.key == CHECKPOINT_KEY else found
        if found is not None:
            return msgspec.json.decode(found, type=Checkpoint)
    return None
