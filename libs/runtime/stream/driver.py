"""Faust, fed whole chunks. The only file that knows it: group, assignment, timers and service tree stay
Faust's; its per-event path, its commits and its recovery are replaced by the seams below.

Each override names the behaviour of faust-streaming 0.15.3 or aiokafka 0.14.0 it stands against.
"""

import logging
from collections.abc import Mapping
from typing import Any, cast

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.app.base import BootStrategy
from faust.serializers.codecs import Codec
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as kafka_driver
from faust.types import TP, AppT, ConsumerMessage
from mode import Service
from mode.threads import WorkerThread

from libs.runtime.logging import get_logger
from libs.runtime.stream.api import Chunk
from libs.runtime.stream.coverage import Coverage, Span
from libs.runtime.stream.engine import Engine
from libs.runtime.stream.settings import StreamSettings

_log = get_logger(__name__)
_faust_log = logging.getLogger("faust")  # mode would log each service's life in the name of this module
_GROUP_COMMIT_S = 5.0  # group offsets are for lag tools; the checkpoint is the truth
_GROUP_CHECK_S = 1.0
_POLL_IDLE_S = 3600.0  # a long restore is no reason to leave the group; readiness watches progress


class _Identity(Codec):
    """A chunk is a value already."""

    def _loads(self, s: Any) -> Any:
        return s

    def _dumps(self, s: Any) -> Any:
        return s


class _DaemonThread(WorkerThread):
    """A client that hangs in stop() (aiokafka #773) must not keep the process alive."""

    def __init__(self, service: Any, **kwargs: Any) -> None:
        super().__init__(service, **kwargs)
        self.daemon = True

    def stop(self) -> None:
        """The service has waited for its end already, with a limit; mode would wait here without one."""


class ChunkThread(kafka_driver.AIOKafkaConsumerThread):
    """The consumer's own thread and loop. Everything here runs in it, unless said otherwise."""

    logger = _faust_log

    def __post_init__(self) -> None:
        super().__post_init__()
        self.coverage = Coverage()

    def _create_worker_consumer(self, _transport: Any) -> AIOKafkaConsumer:
        """Faust reads uncommitted records and leaves aiokafka's other defaults: all are set here."""
        app = _ours(self.app)
        settings = app.stream_settings
        return AIOKafkaConsumer(
            bootstrap_servers=app.bootstrap,
            client_id=f"{app.conf.id}-{settings.instance}",
            group_id=app.conf.id,
            group_instance_id=f"{app.conf.id}-{settings.instance}",
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_poll_records=settings.chunk_records,
            max_poll_interval_ms=int(_POLL_IDLE_S * 1000),
            fetch_max_wait_ms=500,
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
        epoch = _ours(self.app).engine.epoch
        for partition, state in _states(consumer):
            if state.has_valid_position:
                self.coverage.before_fetch(partition.partition, state.position)
        found = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        chunks = {}
        for partition, state in _states(consumer):
            records = found.get(partition)
            if records:
                span = self.coverage.delivered(partition.partition, records[0].offset, state.position)
                chunks[partition] = [Chunk(partition.partition, epoch, span.start, span.end, records)]
            elif state.has_valid_position:
                self.coverage.read_nothing(partition.partition, state.position)
        return chunks

    async def seek_covered(self, partition: int, offset: int) -> None:
        """A seek starts a new line of reading; both change in this thread, so no fetch sees one alone."""
        consumer = self._ensure_consumer()
        where = TopicPartition(_ours(self.app).source_name, partition)
        if where in consumer.assignment():
            consumer.seek(where, offset)
            self.coverage.sought(partition, offset)

    async def commit_for_lag_tools(self, offsets: Mapping[int, int]) -> None:
        """Faust crashes the worker when this fails; nobody depends on it here."""
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        wanted = {TopicPartition(_ours(self.app).source_name, number): at for number, at in offsets.items()}
        known = {where: OffsetAndMetadata(at, "") for where, at in wanted.items() if where in assigned}
        try:
            if known:
                await consumer.commit(known)
        except KafkaError as error:
            _log.info("stream.group_offsets.skipped", error=repr(error))

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

    def log_end(self, partition: int) -> int | None:
        """As the last fetch answer told; from any thread, reading only."""
        consumer = self._consumer
        where = TopicPartition(_ours(self.app).source_name, partition)
        state = dict(_states(consumer)).get(where) if consumer is not None else None
        return None if state is None else (state.highwater if state.lso in (None, -1) else state.lso)


def _states(consumer: AIOKafkaConsumer) -> list[tuple[TopicPartition, Any]]:
    subscription = consumer._subscription.subscription  # noqa: SLF001 - position and ends without a request
    assignment = subscription.assignment if subscription is not None else None
    return [] if assignment is None else [(tp, assignment.state_value(tp)) for tp in assignment.tps]


class ChunkConsumer(kafka_driver.Consumer):
    """Faust's consumer without its bookkeeping of single offsets."""

    logger = _faust_log

    def _new_consumer_thread(self) -> ChunkThread:
        return ChunkThread(self, loop=self.loop, beacon=self.beacon, Worker=_DaemonThread)

    @Service.task
    async def _watch_group(self) -> None:
        while not self.should_stop:
            await self.sleep(_GROUP_CHECK_S)
            try:
                await self._thread.call_thread(self.chunk_thread.check_group)
            except Exception as error:  # noqa: BLE001 - whatever it is, the worker cannot go on
                _ours(self.app).engine.fail(error)
                return

    @property
    def chunk_thread(self) -> ChunkThread:
        return cast(ChunkThread, self._thread)

    def _to_message(self, tp: TP, record: Chunk) -> ConsumerMessage:
        """A whole chunk as one message; its offset is the last one it stands for."""
        last = record.records[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            record.next - 1,
            last.timestamp / 1000,
            0,
            None,
            None,
            cast(Any, record),
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    def ack(self, message: Any) -> bool:
        """Only what a graceful stop waits for: Faust would keep each offset in three lists."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        waiting = self._waiting_for_ack
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
        return True

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Faust would book the offsets inside each chunk as a gap: 63 % of the CPU at 2,000 events/s."""

    async def commit(self, *_: Any, **__: Any) -> bool:
        """On Faust's timer. The checkpoint is ours; the group's offsets are for lag tools."""
        committed = _ours(self.app).engine.committed()
        if committed and not self.app.rebalancing:
            await self._thread.call_thread(self.chunk_thread.commit_for_lag_tools, committed)
        return bool(committed)

    async def seek_to_committed(self) -> dict[TP, int]:
        """Faust rewinds to the group's offsets, behind the rows in memory: seek where the rows stand."""
        positions = _ours(self.app).engine.positions()
        for number, offset in positions.items():
            await self._thread.call_thread(self.chunk_thread.seek_covered, number, offset)
        return {TP(_ours(self.app).source_name, number): offset for number, offset in positions.items()}

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust logs guesses about slow streams here; liveness is the age of the oldest event."""

    # -- the engine's Source

    async def seek_source(self, partition: int, offset: int) -> None:
        await self._thread.call_thread(self.chunk_thread.seek_covered, partition, offset)
        # Faust drops messages below its own read offset without a word.
        self._read_offset[TP(_ours(self.app).source_name, partition)] = offset or None

    def span(self, partition: int) -> Span | None:
        return self.chunk_thread.coverage.span(partition)

    def log_end(self, partition: int) -> int | None:
        return self.chunk_thread.log_end(partition)


class ChunkTransport(kafka_driver.Transport):
    Consumer = ChunkConsumer


class _Source:
    """The consumer in the engine's words."""

    def __init__(self, consumer: ChunkConsumer) -> None:
        self._consumer = consumer

    async def seek(self, partition: int, offset: int) -> None:
        await self._consumer.seek_source(partition, offset)

    def span(self, partition: int) -> Span | None:
        return self._consumer.span(partition)

    def log_end(self, partition: int) -> int | None:
        return self._consumer.log_end(partition)


class ChunkRecovery(Recovery):
    """Faust runs this beside the group's heartbeats, after each assignment and before the flow resumes."""

    logger = _faust_log

    async def _resume_streams(self, generation_id: int = 0) -> None:
        app = _ours(self.app)
        thread = cast(ChunkConsumer, app.consumer).chunk_thread

        def still_ours() -> bool:
            return bool(generation_id == app.consumer_generation_id == thread.generation())

        try:
            mine = {tp.partition for tp in app.consumer.assignment() if tp.topic == app.source_name}
            restored = await app.engine.restore(mine, still_ours)
        except Exception as error:  # noqa: BLE001 - Faust would restart this service and go on without rows
            app.engine.fail(error)
            return
        if restored:
            await super()._resume_streams(generation_id)


class ChunkTables(TableManager):
    """No tables: only the place in a rebalance where Faust recovers state."""

    logger = _faust_log

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = ChunkRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Without Faust's wait of a second for tables to be declared."""
        await self._update_channels()
        await self.recovery.start()

    def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """The first thing in a rebalance and in a stop: nothing more is taken in."""
        _ours(self.app).engine.halt()
        super().on_partitions_revoked(revoked)


class ChunkBoot(BootStrategy):
    enable_kafka_producer = False  # each partition has its own, transactional
    enable_web = False


class ChunkApp(faust.App):
    """A Faust application whose one agent hands chunks to the engine."""

    BootStrategy = ChunkBoot
    logger = _faust_log
    engine: Engine
    stream_settings: StreamSettings
    bootstrap: str
    source_name: str


def _ours(app: AppT) -> ChunkApp:
    return cast(ChunkApp, app)


def build_app(app_id: str, source: str, bootstrap: str, engine: Engine, settings: StreamSettings) -> ChunkApp:
    first = bootstrap.split(",")
    app = ChunkApp(
        app_id,
        broker=[f"kafka://{address}" for address in first],
        store="memory://",
        TableManager=ChunkTables,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        broker_commit_interval=_GROUP_COMMIT_S,
        broker_session_timeout=settings.session_s,
        broker_heartbeat_interval=settings.session_s / 4,
        broker_rebalance_timeout=settings.session_s,
        stream_buffer_maxsize=8,  # chunks
        stream_recovery_delay=0.0,
        stream_wait_empty=False,
    )
    app.engine, app.stream_settings, app.bootstrap, app.source_name = engine, settings, bootstrap, source
    app.transport = ChunkTransport(app.conf.broker_consumer, app)
    engine.attach(_Source(cast(ChunkConsumer, app.consumer)))
    # acks=False: the compiled stream loop then books no offsets of its own, which ack() could not stop.
    topic = app.topic(source, value_serializer=_Identity(), key_serializer="raw", acks=False)

    @app.agent(topic, name=f"{app_id}-chunks")
    async def _feed(chunks: Any) -> None:
        async for chunk in chunks:
            await _take(engine, chunk)

    async def _revoked(*_: Any, **__: Any) -> None:
        try:
            await engine.release(settings.revoke_s)
        except Exception as error:  # noqa: BLE001 - Faust would crash services one by one
            engine.fail(error)

    app.on_partitions_revoked.connect(_revoked, weak=False)
    return app


async def _take(engine: Engine, chunk: Chunk) -> None:
    """An error that leaves an agent acknowledges its message: none may."""
    try:
        await engine.take(chunk)
    except Exception as error:  # noqa: BLE001 - see above
        engine.fail(error)
