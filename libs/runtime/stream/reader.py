"""The consumer's own thread: reads both lanes and makes chunks of what it reads.

Faust's thread around aiokafka's consumer, with the client settings, the fetch and the commits replaced.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as kafka_driver
from faust.types import TP
from mode.threads import WorkerThread

from libs.runtime.logging import get_logger
from libs.runtime.stream.api import Chunk, Lane
from libs.runtime.stream.coverage import Coverage, Place
from libs.runtime.stream.engine import Engine
from libs.runtime.stream.lean import LeanConsumer
from libs.runtime.stream.settings import StreamSettings

_log = get_logger(__name__)
# What the broker answers to somebody who is not, or not any more, the member that asks.
_NO_MEMBER = (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
# Of a partition at once. What is read then lasts while the next is fetched: with 1 MB the reader waited 15 %
# of its time for the broker (benchmarks/equal_job).
_FETCH_BYTES = 4 * 1024 * 1024
# The client has one fetch under way to a broker, of the partitions whose last records it has handed on. When
# those are quiet (the lane of transfers mostly is) the busy ones wait for its end: at 500 ms p99 doubled.
_FETCH_WAIT_MS = 100
_POLL_IDLE_S = 3600.0  # a long restore is no reason to leave the group; readiness watches progress


@dataclass(frozen=True, slots=True)
class Context:
    """What the seams need to know; the application carries it."""

    group: str
    bootstrap: str
    lanes: dict[Lane, str]
    settings: StreamSettings
    engine: Engine

    def tp(self, place: Place) -> TopicPartition:
        return TopicPartition(self.lanes[place.lane], place.partition)

    def place(self, tp: TopicPartition) -> Place:
        lane = next(lane for lane, topic in self.lanes.items() if topic == tp.topic)
        return Place(lane, tp.partition)


def context_of(app: Any) -> Context:
    return cast(Context, app.stream_context)


class DaemonThread(WorkerThread):
    """A client that hangs in stop() (aiokafka #773) must not keep the process alive."""

    def __init__(self, service: Any, **kwargs: Any) -> None:
        super().__init__(service, **kwargs)
        self.daemon = True

    def stop(self) -> None:
        """The service has waited for its end already, with a limit; mode would wait here without one."""


class ChunkThread(kafka_driver.AIOKafkaConsumerThread):
    """The consumer's own thread and loop. Everything here runs in it, unless said otherwise."""

    logger = logging.getLogger("faust")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.coverage = Coverage()

    def _create_worker_consumer(self, _transport: Any) -> AIOKafkaConsumer:
        """Faust reads uncommitted records and leaves aiokafka's other defaults: all are set here."""
        context = context_of(self.app)
        settings, name = context.settings, f"{context.group}-{context.settings.instance}"
        return LeanConsumer(
            bootstrap_servers=context.bootstrap,
            client_id=name,
            group_id=context.group,
            group_instance_id=name,
            # Gives both lanes' partitions of one number to the same member, and members keep most of theirs.
            partition_assignment_strategy=[RangePartitionAssignor],
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_poll_records=settings.chunk_records,
            max_poll_interval_ms=int(_POLL_IDLE_S * 1000),
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            max_partition_fetch_bytes=_FETCH_BYTES,
            request_timeout_ms=30_000,
            session_timeout_ms=int(settings.session_s * 1000),
            heartbeat_interval_ms=int(settings.session_s * 1000 / 4),
            rebalance_timeout_ms=int(settings.session_s * 1000),
            metadata_max_age_ms=60_000,
        )

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 (Faust's signature)
        max_records: int | None = None,
    ) -> dict[TP, list[Chunk]]:
        """One chunk a partition, with what the consumer's own position says was read for it."""
        context = context_of(self.app)
        epoch, coverage = context.engine.epoch, self.coverage
        for tp, state in _states(consumer):
            _tell_of_moves(state, context.place(tp), coverage)
            if state.has_valid_position:
                coverage.before_fetch(context.place(tp), state.position)
        found = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        chunks = {}
        for tp, state in _states(consumer):
            records, place = found.get(tp), context.place(tp)
            if records:
                span = coverage.delivered(place, records[0].offset, state.position)
                chunks[tp] = [Chunk(tp.partition, epoch, span.start, span.end, records, place.lane)]
            elif state.has_valid_position:
                coverage.read_nothing(place, state.position)
        return chunks

    async def seek_covered(self, place: Place, offset: int) -> None:
        """A seek starts a new line of reading; both change in this thread, so no fetch sees one alone."""
        consumer, where = self._ensure_consumer(), context_of(self.app).tp(place)
        if where in consumer.assignment():
            consumer.seek(where, offset)
            self.coverage.sought(place, offset)

    async def commit_offsets(self, offsets: Mapping[Place, int]) -> None:
        """Of places that are assigned. Raises what the broker answers."""
        consumer, context = self._ensure_consumer(), context_of(self.app)
        assigned = consumer.assignment()
        wanted = {context.tp(place): at for place, at in offsets.items()}
        known = {where: OffsetAndMetadata(at, "") for where, at in wanted.items() if where in assigned}
        if known:
            await consumer.commit(known)

    async def commit_for_lag_tools(self, offsets: Mapping[Place, int]) -> None:
        """Faust crashes the worker when this fails; nobody depends on it here."""
        try:
            await self.commit_offsets(offsets)
        except KafkaError as error:
            _log.info("stream.group_offsets.skipped", error=repr(error))

    async def still_member(self, offsets: Mapping[Place, int]) -> bool:
        """A commit of offsets is the one request that makes the broker look at our generation."""
        assigned = self._ensure_consumer().assignment()
        if any(context_of(self.app).tp(place) not in assigned for place in offsets):
            return False
        try:
            await self.commit_offsets(offsets)
        except _NO_MEMBER as error:
            _log.info("stream.not_a_member", error=repr(error))
            return False
        return True

    async def check_group(self) -> None:
        """Raise what ended the group's or the fetcher's background work. Faust passes by aiokafka's own
        check, and a fenced or refused member would stand still without a word.
        """
        consumer = self._ensure_consumer()
        consumer._coordinator.check_errors()  # noqa: SLF001
        fetching = consumer._fetcher.error_future  # noqa: SLF001
        if fetching.done() and not fetching.cancelled():
            fetching.result()

    def generation(self) -> int:
        """Of the group, as the member knows it now; from any thread."""
        generation: int = self._ensure_consumer()._coordinator.generation  # noqa: SLF001
        return generation

    def log_end(self, place: Place) -> int | None:
        """As the last fetch answer told; from any thread, reading only."""
        state = self._state(place)
        return None if state is None else (state.highwater if state.lso in (None, -1) else state.lso)

    def heard_at(self, place: Place) -> float:
        """When that answer came."""
        state = self._state(place)
        return 0.0 if state is None or state.timestamp is None else state.timestamp / 1000

    def _state(self, place: Place) -> Any:
        consumer, where = self._consumer, context_of(self.app).tp(place)
        return dict(_states(consumer)).get(where) if consumer is not None else None


def _tell_of_moves(state: Any, place: Place, coverage: Coverage) -> None:
    """A position may move in the middle of a fetch: the client goes to the log's beginning by itself when
    retention has passed it, and anybody may seek. Without this, the gap would look like a hole.
    """
    if "seek" in vars(state):
        return
    for name in ("reset_to", "seek"):
        setattr(state, name, _telling(getattr(state, name), place, coverage))


def _telling(move: Callable[[int], None], place: Place, coverage: Coverage) -> Callable[[int], None]:
    def told(position: int) -> None:
        move(position)
        coverage.sought(place, position)

    return told


def _states(consumer: AIOKafkaConsumer) -> list[tuple[TopicPartition, Any]]:
    subscription = consumer._subscription.subscription  # noqa: SLF001 - position and ends without a request
    assignment = subscription.assignment if subscription is not None else None
    return [] if assignment is None else [(tp, assignment.state_value(tp)) for tp in assignment.tps]
