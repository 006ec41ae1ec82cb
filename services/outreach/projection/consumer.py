"""The projection's loop: poll, fold into a batch, store it with its offsets, go on.

PostgreSQL holds the positions, so a crash between any two steps repeats a batch and changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from prometheus_client import CollectorRegistry
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.events.errors import DecodeError
from libs.events.topics import CUSTOMER_EVENTS, CUSTOMER_HEALTH, CUSTOMER_TRIGGERS, OUTREACH_OUTCOMES
from libs.runtime.clock import Clock, SystemClock
from libs.runtime.kafka import make_consumer, with_patience
from libs.runtime.logging import get_logger
from services.outreach.projection import records
from services.outreach.projection.records import Batch
from services.outreach.projection.stats import ChangeLatency, ProjectionMetrics
from services.outreach.projection.store import ProjectionStore

FLUSH_S = 0.5  # wall seconds a record waits at most for company: snapshots of one customer become one row
LARGEST_BATCH = 2_000  # records in one transaction: about 50 ms of PostgreSQL
LARGEST_POLL = 500  # records folded at a time: the event loop, shared with the engine, is held under 15 ms
POLL_MS = 100
LONGEST_WAIT_S = 5.0

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProjectionTopics:
    """Where to read; tests use topics of their own."""

    events: str = CUSTOMER_EVENTS.name
    health: str = CUSTOMER_HEALTH.name
    triggers: str = CUSTOMER_TRIGGERS.name
    outcomes: str = OUTREACH_OUTCOMES.name

    def all(self) -> tuple[str, ...]:
        return (self.events, self.triggers, self.outcomes, self.health)


@dataclass(slots=True)
class Projection:
    """One reader. `latency` is read by the console; `stop` ends the loop after the batch at hand."""

    engine: AsyncEngine
    bootstrap: str
    stop: asyncio.Event
    clock: Clock = field(default_factory=SystemClock)
    topics: ProjectionTopics = field(default_factory=ProjectionTopics)
    latency: ChangeLatency = field(default_factory=ChangeLatency)
    metrics: ProjectionMetrics = field(default_factory=lambda: ProjectionMetrics(CollectorRegistry()))
    group: str = "outreach-projection"
    flush_s: float = FLUSH_S

    async def run(self) -> None:
        """Until `stop`. Kafka or PostgreSQL being away only delays it."""
        store = ProjectionStore(self.engine)
        consumer = make_consumer(bootstrap=self.bootstrap, group=self.group)
        await with_patience(consumer.start, "projection", self.stop)
        try:
            consumer.subscribe(self.topics.all(), listener=_Seeker(consumer, store, self._patiently))
            while not self.stop.is_set():
                batch = await self._collect(consumer)
                if batch.offsets:
                    await self._store(store, batch)
        finally:
            await _stop(consumer)

    async def _collect(self, consumer: AIOKafkaConsumer) -> Batch:
        """A batch: what came within `flush_s` of the first record, or as many as fit."""
        batch, loop = Batch(), asyncio.get_running_loop()
        until = float("inf")
        while not self.stop.is_set() and batch.records < LARGEST_BATCH and loop.time() < until:
            fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=LARGEST_POLL)
            if fetched and until == float("inf"):
                until = loop.time() + self.flush_s
            # Events before health: the latency wants to know an event before the change it caused.
            for partition in sorted(fetched, key=lambda one: one.topic == self.topics.health):
                self._fold(batch, partition, fetched[partition])
        return batch

    def _fold(self, batch: Batch, partition: TopicPartition, fetched: Iterable[Any]) -> None:
        is_health = partition.topic == self.topics.health
        is_event = partition.topic == self.topics.events
        for record in fetched:
            batch.records += 1
            batch.offsets[partition.topic, partition.partition] = record.offset + 1
            try:
                if record.value is None:
                    if is_health:
                        records.add_tombstone(batch, record.key)
                    continue
                head = records.read_head(record.value)
                if is_health:
                    self.latency.saw_change(records.add_snapshot(batch, head), record.timestamp)
                else:
                    records.add_event(batch, head)
                    if is_event:
                        self.latency.saw_event(head.id, record.timestamp)
            except DecodeError as error:
                # Scoring writes the dead letter of an event; here it is only a line that is missing.
                batch.unreadable += 1
                origin = f"{partition.topic}/{partition.partition}/{record.offset}"
                _log.warning("projection.unreadable", origin=origin, error=str(error))
        self.metrics.behind.set(max(0.0, self.clock.wall() - record.timestamp / 1000))

    async def _store(self, store: ProjectionStore, batch: Batch) -> None:
        async def save() -> int:
            return await store.save(batch)

        refused = await self._patiently(save, "store")
        self.metrics.records.inc(batch.records)
        self.metrics.unreadable.inc(batch.unreadable + (refused or 0))

    async def _patiently(self, action: Callable[[], Awaitable[Any]], what: str) -> Any:
        """Try until PostgreSQL is back or we are asked to stop: the batch is read again then."""
        wait = 0.2
        while True:
            try:
                return await action()
            except (SQLAlchemyError, OSError) as error:
                _log.warning("projection.postgres_away", what=what, error=repr(error), retry_in_s=wait)
                if await _stopped_within(self.stop, wait):
                    return None
                wait = min(wait * 2, LONGEST_WAIT_S)


class _Seeker(ConsumerRebalanceListener):  # type: ignore[misc]  # the client library has no types
    """Positions come from PostgreSQL, where they were written with what was read."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        store: ProjectionStore,
        patiently: Callable[[Callable[[], Awaitable[Any]], str], Awaitable[Any]],
    ) -> None:
        self._consumer, self._store, self._patiently = consumer, store, patiently

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing to do: what is not stored yet is read again by the next owner, to the same rows."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        positions = await self._patiently(self._store.positions, "positions") or {}
        for partition in assigned:
            # An offset that retention has taken away is answered by the client's own reset to the earliest.
            self._consumer.seek(partition, positions.get((partition.topic, partition.partition), 0))


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def _stop(consumer: AIOKafkaConsumer) -> None:
    try:
        await asyncio.wait_for(consumer.stop(), 5)
    except TimeoutError:
        _log.warning("projection.slow_stop")


async def run_projection(
    engine: AsyncEngine,
    bootstrap: str,
    stop: asyncio.Event,
    *,
    clock: Clock | None = None,
    latency: ChangeLatency | None = None,
    registry: CollectorRegistry | None = None,
    topics: ProjectionTopics | None = None,
) -> None:
    """Fill timeline, health points and customers until `stop`."""
    projection = Projection(
        engine,
        bootstrap,
        stop,
        clock or SystemClock(),
        topics=topics or ProjectionTopics(),
        latency=latency or ChangeLatency(),
        metrics=ProjectionMetrics(registry or CollectorRegistry()),
    )
    await projection.run()
