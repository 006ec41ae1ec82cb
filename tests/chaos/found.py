"""What the workers left on the topics, as readers of committed records see it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from libs.runtime.kafka import make_consumer
from libs.runtime.stream.state import CHECKPOINT_KEY, TROUBLE_KEY, Checkpoint
from tests.chaos.job import PARTITIONS, Job
from tests.chaos.purses import ROW, TOLD
from tests.chaos.reference import Purse, Where

_LAYOUT_BYTES = 2


class Row(NamedTuple):
    purse: Purse
    fresh: int
    told: int


@dataclass
class State:
    """The state topic, followed from its beginning."""

    rows: dict[Where, Row] = field(default_factory=dict)
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    troubles: int = 0

    def apply(self, record: ConsumerRecord) -> None:
        if record.key == CHECKPOINT_KEY:
            self.checkpoints[record.partition] = msgspec.json.decode(record.value, type=Checkpoint)
        elif record.key == TROUBLE_KEY:
            self.troubles += 1
        else:
            self.rows[record.partition, record.key] = _row(record.value[_LAYOUT_BYTES:])

    def ledger(self, name: str) -> int:
        return sum(checkpoint.ledger.get(name, 0) for checkpoint in self.checkpoints.values())

    def events_taken(self, number: int) -> int:
        checkpoint = self.checkpoints.get(number)
        return 0 if checkpoint is None else checkpoint.next

    def transfers_taken(self, number: int) -> int:
        checkpoint = self.checkpoints.get(number)
        return 0 if checkpoint is None else checkpoint.transfers or 0


def _row(body: bytes) -> Row:
    n, total, got_n, got, fresh, told = np.frombuffer(body, ROW)[0].item()
    return Row(Purse(n, total, got_n, got), fresh, told)


@dataclass
class Outputs:
    """The out topic: each output, and when its batch was appended."""

    counts: Counter[tuple[int, bytes, bytes]] = field(default_factory=Counter)
    told: Counter[Where] = field(default_factory=Counter)
    times: dict[int, list[int]] = field(default_factory=dict)  # ms, by partition

    def apply(self, record: ConsumerRecord) -> None:
        if record.value.startswith(TOLD):
            self.told[record.partition, record.key] += int(record.value.removeprefix(TOLD))
            return
        self.counts[record.partition, record.key, record.value] += 1
        times = self.times.setdefault(record.partition, [])
        if not times or times[-1] != record.timestamp:
            times.append(record.timestamp)

    def longest_pause(self) -> float:
        """Seconds between two commits of a partition while there was load."""
        gaps = [np.diff(times).max(initial=0) for times in self.times.values()]
        return max(gaps, default=0) / 1000


class Follower:
    """Reads a topic to its end, then to its new end."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str) -> None:
        self._consumer = consumer
        self._places = [TopicPartition(topic, number) for number in range(PARTITIONS)]

    @classmethod
    @asynccontextmanager
    async def of(cls, kafka: str, topic: str) -> AsyncIterator[Self]:
        async with make_consumer(bootstrap=kafka, max_partition_fetch_bytes=4 << 20) as consumer:
            made = cls(consumer, topic)
            consumer.assign(made._places)
            await consumer.seek_to_beginning(*made._places)
            yield made

    async def ends(self) -> dict[int, int]:
        return {
            place.partition: end for place, end in (await self._consumer.end_offsets(self._places)).items()
        }

    async def news(self) -> AsyncIterator[ConsumerRecord]:
        """What is committed now and has not been read: in order within each partition."""
        ends = await self._consumer.end_offsets(self._places)
        while left := [place for place in self._places if await self._consumer.position(place) < ends[place]]:
            for records in (await self._consumer.getmany(*left, timeout_ms=100)).values():
                for record in records:
                    yield record
            await asyncio.sleep(0)


async def read(kafka: str, topic: str) -> list[ConsumerRecord]:
    """All that is committed; memory for a round's worth."""
    async with Follower.of(kafka, topic) as follower:
        return [record async for record in follower.news()]


async def read_state(job: Job) -> State:
    state = State()
    for record in await read(job.kafka, job.state):
        state.apply(record)
    return state


async def read_outputs(job: Job) -> Outputs:
    outputs = Outputs()
    for record in await read(job.kafka, job.out):
        outputs.apply(record)
    return outputs


async def all_taken(job: Job) -> None:
    """Until both lanes are taken in to their ends; for ever, if they never are."""
    state = State()
    async with Follower.of(job.kafka, job.state) as follower:
        async with Follower.of(job.kafka, job.source) as source:
            ends = await source.ends()
        await _until(follower, state, lambda: all(state.events_taken(p) >= at for p, at in ends.items()))
        # An end also counts the marks of transactions, which no chunk need cover: the last record does.
        last = {record.partition: record.offset for record in await read(job.kafka, job.transfers)}
        await _until(follower, state, lambda: all(state.transfers_taken(p) > at for p, at in last.items()))


async def _until(follower: Follower, state: State, true: Callable[[], bool]) -> None:
    while not true():
        async for record in follower.news():
            state.apply(record)
        await asyncio.sleep(0.05)
