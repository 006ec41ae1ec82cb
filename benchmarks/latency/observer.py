"""When what an event caused could be read by anybody: the time at which the committed record arrived."""

import asyncio
import re
import time
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.events.topics import CUSTOMER_HEALTH
from libs.runtime.kafka import make_consumer
from libs.runtime.topics import PARTITIONS

_PATIENCE_S = 300.0
_CAUSE = re.compile(rb'"cause":"([^"]+)"')


class Observer:
    """Reads a topic of ours from its present end on, as any consumer would."""

    def __init__(self, kafka: str, topic: str = CUSTOMER_HEALTH.name) -> None:
        self._kafka, self._topic = kafka, topic
        self.seen: dict[bytes, float] = {}  # event id -> wall time
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        consumer = make_consumer(bootstrap=self._kafka, fetch_max_wait_ms=500)
        await consumer.start()
        partitions = [TopicPartition(self._topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_end(*partitions)
        for partition in partitions:
            await consumer.position(partition)
        self._task = asyncio.create_task(self._read(consumer))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def heard(self, count: int) -> None:
        """Until so much has been seen."""
        async with asyncio.timeout(_PATIENCE_S):
            while len(self.seen) < count:  # noqa: ASYNC110 (a look ten times a second is no load)
                await asyncio.sleep(0.1)

    async def quiet(self, seconds: float = 10.0) -> None:
        """Until nothing new has come for so long."""
        count = -1
        while count != len(self.seen):
            count = len(self.seen)
            await asyncio.sleep(seconds)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        try:
            while True:
                found = await consumer.getmany(timeout_ms=1000)
                now = time.time()
                for records in found.values():
                    for record in records:
                        cause = _CAUSE.search(record.value or b"")
                        if cause:
                            self.seen.setdefault(cause[1], now)
        finally:
            await consumer.stop()
