"""The newest checkpoint of each partition of a state topic, without reading the rows before it."""

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.runtime.stream.state import CHECKPOINT_KEY, Checkpoint
from sandbox.adapters.reading import reader

# A commit ends with its checkpoint and the transaction's marker, so a few records from the end are enough
# unless a transaction was aborted just now; then the look goes further back.
_FIRST_LOOK = 64  # records
_decode = msgspec.json.Decoder(Checkpoint).decode


async def read_checkpoints(bootstrap: str, topic: str) -> dict[int, Checkpoint]:
    """Partition -> checkpoint; a partition that has never been committed is left out."""
    found: dict[int, Checkpoint] = {}
    async with reader(bootstrap, topic) as consumer:
        partitions = consumer.assignment()
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        left, back = set(partitions), _FIRST_LOOK
        while left:
            starts = {partition: max(ends[partition] - back, begins[partition]) for partition in left}
            found.update(await _newest(consumer, starts, ends))
            left = {p for p in left if p.partition not in found and starts[p] > begins[p]}
            back *= 8
    return found


async def _newest(
    consumer: AIOKafkaConsumer, starts: dict[TopicPartition, int], ends: dict[TopicPartition, int]
) -> dict[int, Checkpoint]:
    found: dict[int, Checkpoint] = {}
    for partition, start in starts.items():
        consumer.seek(partition, start)
    left = set(starts)
    while left := {partition for partition in left if await consumer.position(partition) < ends[partition]}:
        for partition, records in (await consumer.getmany(*left, timeout_ms=200)).items():
            for record in records:
                if record.key == CHECKPOINT_KEY and record.value is not None:
                    found[partition.partition] = _decode(record.value)
    return found
