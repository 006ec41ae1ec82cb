"""Kafka: reading with positions kept in PostgreSQL, and publishing what the outbox holds."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from sqlalchemy import select

from libs.runtime.clock import Clock
from libs.runtime.errors import FatalError, TransientError
from libs.runtime.kafka import end_offsets, make_consumer, make_producer, with_patience
from libs.runtime.logging import get_logger
from services.outreach.adapters.database import Sessions
from services.outreach.adapters.patience import retrying
from services.outreach.models import ConsumerOffset
from services.outreach.ports import OutEvent, Record

_log = get_logger(__name__)

Handler = Callable[[Sequence[Record]], Awaitable[object]]

_DAY = timedelta(days=1)
_POLL_MS = 200  # wall; how soon an idle reader notices that it should stop


class KafkaPublisher:
    """Plain idempotent producer, never a transaction: an open one would stall every reader."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None

    async def publish(self, events: Sequence[OutEvent]) -> None:
        try:
            producer = await self._started()
            # send() returns once a record is in its partition's batch, so records of a key keep their order.
            waiting = [await producer.send(one.topic, one.value, key=one.key) for one in events]
            await asyncio.gather(*waiting)
        except (KafkaError, OSError) as error:
            raise TransientError(f"Kafka did not take {len(events)} events: {error!r}") from error

    async def close(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = make_producer(self._bootstrap)
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer


class Reader:
    """Reads every partition of a topic in order and hands batches to a handler that stores the positions.

    Two processes may read the same topic: the handler's transaction locks the partition's position, so the
    second to come finds its records done. `name` is the topic's name in consumer_offsets.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        sessions: Sessions,
        handler: Handler,
        clock: Clock,
        *,
        name: str | None = None,
        batch: int = 500,
        rest_s: float = 0.0,
    ) -> None:
        """`rest_s`: between batches that are not half full, where nobody waits for a single record."""
        self._bootstrap = bootstrap
        self._topic = topic
        self._name = name or topic
        self._sessions = sessions
        self._handler = handler
        self._clock = clock
        self._batch = batch
        self._rest_s = rest_s
        self._waiting_since: float | None = None
        self.caught_up = asyncio.Event()
        self.listened_until: datetime | None = None

    @property
    def oldest_age_s(self) -> float:
        """Wall seconds since records began to wait, 0 when there are none."""
        return 0.0 if self._waiting_since is None else self._clock.wall() - self._waiting_since

    async def run(self, stop: asyncio.Event) -> None:
        """Until asked to stop. Kafka and PostgreSQL may go away and come back meanwhile."""
        while not stop.is_set():
            consumer = make_consumer(self._topic, bootstrap=self._bootstrap)
            try:
                await with_patience(consumer.start, f"reader of {self._topic}", stop)
                await self._seek(consumer, stop)
                while not stop.is_set():
                    if 0 < await self._poll(consumer, stop) < self._batch // 2:
                        await self._rest(stop)
            except (KafkaError, OSError) as error:
                if not stop.is_set():
                    _log.warning("reader.again", topic=self._topic, error=repr(error))
                    await asyncio.sleep(1)
            finally:
                await consumer.stop()

    async def _seek(self, consumer: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        stored = await retrying(self._stored, f"positions of {self._name}", stop)
        while not consumer.assignment() and not stop.is_set():
            _log.warning("reader.no_topic", topic=self._topic)
            await asyncio.sleep(1)  # without a group the client assigns every partition once it knows them
        assigned = sorted(consumer.assignment())
        ends = await end_offsets(consumer, self._topic, [one.partition for one in assigned])
        for one in assigned:
            position = stored.get(one.partition, 0)
            if position > ends[one.partition]:
                raise FatalError(
                    f"{self._topic}/{one.partition} ends at {ends[one.partition]}, but {position} of its"
                    " records were already read: was the topic made anew? If so, delete its rows from"
                    f" outreach.consumer_offsets (topic {self._name!r}) and start again"
                )
            consumer.seek(one, position)

    async def _stored(self) -> dict[int, int]:
        async with self._sessions() as session:
            found = await session.execute(
                select(ConsumerOffset.partition, ConsumerOffset.next_offset).where(
                    ConsumerOffset.topic == self._name
                )
            )
            return {row.partition: row.next_offset for row in found}

    async def _rest(self, stop: asyncio.Event) -> None:
        """A batch costs five trips to PostgreSQL, whether it has one record or thousands."""
        with suppress(TimeoutError):
            if self._rest_s:
                await asyncio.wait_for(stop.wait(), self._rest_s)

    async def _poll(self, consumer: AIOKafkaConsumer, stop: asyncio.Event) -> int:
        """Take what has come; how many records."""
        fetched = await consumer.getmany(timeout_ms=_POLL_MS, max_records=self._batch)
        records = [
            Record(one.partition, one.offset, one.key or b"", one.value)
            for batch in fetched.values()
            for one in batch
        ]
        if records:
            self._waiting_since = self._waiting_since or self._clock.wall()
            await retrying(lambda: self._handler(records), f"records of {self._topic}", stop)
        answered = await self._answered_at_end(consumer)
        if answered is not None:
            self._waiting_since = None
            self.listened_until = self._business_at(answered)
            self.caught_up.set()
        return len(records)

    async def _answered_at_end(self, consumer: AIOKafkaConsumer) -> float | None:
        """The wall time of the oldest of the brokers' last answers, if all they told of has been read.

        A broker that is away answers nothing: then time stands still here, and silence is not taken for real.
        """
        oldest: float | None = None
        for partition in consumer.assignment():
            end, told = consumer.last_stable_offset(partition), consumer.last_poll_timestamp(partition)
            if end is None or told is None or await consumer.position(partition) < end:
                return None
            oldest = told / 1000 if oldest is None else min(oldest, told / 1000)
        return oldest

    def _business_at(self, wall: float) -> datetime:
        """Business time at a wall time shortly before now."""
        scale = _DAY.total_seconds() / self._clock.wall_seconds(_DAY)
        return self._clock.now() - timedelta(seconds=max(self._clock.wall() - wall, 0.0) * scale)
