"""Faust, fed whole chunks. Nobody but this file and `reader` knows it: group, assignment, timers and service
tree stay Faust's; its per-event path, its commits and its recovery are replaced by the seams below.

Each override names the behaviour of faust-streaming 0.15.3 or aiokafka 0.14.0 it stands against.
"""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import faust
from faust.app.base import BootStrategy
from faust.serializers.codecs import Codec
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers import aiokafka as kafka_driver
from faust.types import TP, ConsumerMessage
from mode import Service

from libs.runtime.kafka import with_patience
from libs.runtime.logging import get_logger
from libs.runtime.stream.api import Chunk, Lane
from libs.runtime.stream.coverage import Place, Span
from libs.runtime.stream.engine import Engine
from libs.runtime.stream.reader import ChunkThread, Context, DaemonThread, context_of
from libs.runtime.stream.settings import StreamSettings

_log = get_logger(__name__)
_faust_log = logging.getLogger("faust")  # mode would log each service's life in the name of this module
_GROUP_COMMIT_S = 5.0  # group offsets are for lag tools; the checkpoint is the truth
_GROUP_CHECK_S = 1.0


class _Identity(Codec):
    """A chunk is a value already."""

    def _loads(self, s: Any) -> Any:
        return s

    def _dumps(self, s: Any) -> Any:
        return s


class ChunkConsumer(kafka_driver.Consumer):
    """Faust's consumer without its bookkeeping of single offsets."""

    logger = _faust_log

    def _new_consumer_thread(self) -> ChunkThread:
        return ChunkThread(self, loop=self.loop, beacon=self.beacon, Worker=DaemonThread)

    @Service.task
    async def _watch_group(self) -> None:
        while not self.should_stop:
            await self.sleep(_GROUP_CHECK_S)
            try:
                await self._thread.call_thread(self.chunk_thread.check_group)
            except Exception as error:  # noqa: BLE001 - whatever it is, the worker cannot go on
                context_of(self.app).engine.fail(error)
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
        committed = context_of(self.app).engine.committed()
        if committed and not self.app.rebalancing:
            await self._thread.call_thread(self.chunk_thread.commit_for_lag_tools, committed)
        return bool(committed)

    async def seek_to_committed(self) -> dict[TP, int]:
        """Faust rewinds to the group's offsets, behind the rows in memory: seek where the rows stand."""
        context = context_of(self.app)
        positions = context.engine.positions()
        for place, offset in positions.items():
            await self._thread.call_thread(self.chunk_thread.seek_covered, place, offset)
        return {TP(*context.tp(place)): offset for place, offset in positions.items()}

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust logs guesses about slow streams here; liveness is the age of the oldest event."""

    # -- the engine's Source

    async def seek_place(self, place: Place, offset: int) -> None:
        await self._thread.call_thread(self.chunk_thread.seek_covered, place, offset)
        # Faust drops messages below its own read offset without a word.
        self._read_offset[TP(*context_of(self.app).tp(place))] = offset or None

    async def still_member(self, offsets: Mapping[Place, int]) -> bool:
        return bool(await self._thread.call_thread(self.chunk_thread.still_member, offsets))


class ChunkTransport(kafka_driver.Transport):
    Consumer = ChunkConsumer


class _Source:
    """The consumer in the engine's words."""

    def __init__(self, consumer: ChunkConsumer) -> None:
        self._consumer = consumer

    async def seek(self, place: Place, offset: int) -> None:
        await self._consumer.seek_place(place, offset)

    def span(self, place: Place) -> Span | None:
        return self._consumer.chunk_thread.coverage.span(place)

    def log_end(self, place: Place) -> int | None:
        return self._consumer.chunk_thread.log_end(place)

    def heard_at(self, place: Place) -> float:
        return self._consumer.chunk_thread.heard_at(place)

    async def still_member(self, positions: dict[Place, int]) -> bool:
        asked = partial(self._consumer.still_member, positions)
        return await with_patience(asked, "the group: are we still a member")


class ChunkRecovery(Recovery):
    """Faust runs this beside the group's heartbeats, after each assignment and before the flow resumes."""

    logger = _faust_log

    async def _resume_streams(self, generation_id: int = 0) -> None:
        app = self.app
        engine, thread = context_of(app).engine, cast(ChunkConsumer, app.consumer).chunk_thread

        def still_ours() -> bool:
            return bool(generation_id == app.consumer_generation_id == thread.generation())

        try:
            mine = {tp.partition for tp in app.consumer.assignment()}
            restored = await engine.restore(mine, still_ours)
        except Exception as error:  # noqa: BLE001 - Faust would restart this service and go on without rows
            engine.fail(error)
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
        context_of(self.app).engine.halt()
        super().on_partitions_revoked(revoked)


class ChunkBoot(BootStrategy):
    enable_kafka_producer = False  # each partition has its own, transactional
    enable_web = False


class ChunkApp(faust.App):
    """A Faust application whose one agent hands chunks to the engine."""

    BootStrategy = ChunkBoot
    logger = _faust_log
    stream_context: Context


def build_app(
    app_id: str, lanes: dict[Lane, str], bootstrap: str, engine: Engine, settings: StreamSettings
) -> ChunkApp:
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
    app.stream_context = Context(app_id, bootstrap, lanes, settings, engine)
    app.transport = ChunkTransport(app.conf.broker_consumer, app)
    engine.attach(_Source(cast(ChunkConsumer, app.consumer)))
    # acks=False: the compiled stream loop then books no offsets of its own, which ack() could not stop.
    topic = app.topic(*lanes.values(), value_serializer=_Identity(), key_serializer="raw", acks=False)

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
