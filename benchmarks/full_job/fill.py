"""A topic filled with the full job's events, as fast as a broker takes them."""

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks.full_job.data import PARTITIONS, make_events
from libs.runtime.kafka import make_producer

_MOST_WAITING = 64  # batches of 256 KB on their way


class _Filler:
    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer, self._topic = producer, topic
        self._batches: list[Any] = [producer.create_batch() for _ in range(PARTITIONS)]
        self._waiting: list[asyncio.Future[Any]] = []

    async def add(self, number: int, key: bytes, value: bytes) -> None:
        now = int(time.time() * 1000)
        while self._batches[number].append(key=key, value=value, timestamp=now) is None:
            await self.send(number)

    async def send(self, number: int) -> None:
        batch, self._batches[number] = self._batches[number], self._producer.create_batch()
        if not batch.record_count():
            return
        batch.close()
        self._waiting.append(await self._producer.send_batch(batch, self._topic, partition=number))
        if len(self._waiting) >= _MOST_WAITING:
            await self.settle()

    async def settle(self) -> None:
        waiting, self._waiting = self._waiting, []
        await asyncio.gather(*waiting)


async def fill(kafka: str, topic: str, events: int) -> None:
    """All of them, in order within each partition."""
    async with make_producer(kafka) as producer:
        await producer.partitions_for(topic)
        filler = _Filler(producer, topic)
        for number, key, value in make_events(events):
            await filler.add(number, key, value)
        for number in range(PARTITIONS):
            await filler.send(number)
        await filler.settle()
