"""A stream service as a process: connect, check the topics, run, drain on SIGTERM."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from libs.runtime.clock import Clock
from libs.runtime.health import Readiness
from libs.runtime.kafka import partition_of, with_patience
from libs.runtime.lifecycle import stop_on_signals
from libs.runtime.logging import get_logger
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stream import batches
from libs.runtime.stream.api import DeadLetter, Lane, Record, StreamService
from libs.runtime.stream.coverage import Place
from libs.runtime.stream.deadletters import dead_letter_record
from libs.runtime.stream.driver import ChunkApp, build_app
from libs.runtime.stream.engine import Engine
from libs.runtime.stream.errors import LayoutError, StreamError
from libs.runtime.stream.metrics import StreamMetrics
from libs.runtime.stream.partition import Plan
from libs.runtime.stream.restore import Bounds, log_bounds, partition_counts, read_state
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.state import Migrations, Restorer
from libs.runtime.stream.takeover import Job, never_held
from libs.runtime.stream.transaction import PartitionProducer
from libs.runtime.stream.watchdog import watch

_log = get_logger(__name__)
_STOP_S = 5.0  # for Faust's services, after the partitions have been given back


class StreamWorker:
    """Runs one service over the partitions of one source topic, exactly once.

    ``layout`` is the version of ``row``: raise it with every change of the dtype and give ``migrate`` the
    step from each older version. ``outputs`` are the topics the service writes, checked before the start.
    ``transfers`` is the topic by which partitions send each other :class:`.api.Transfer`s, if they do.
    While ``held()`` silence means nothing: sweeps look no further than the last event.
    """

    engine_type: type[Engine] = Engine

    def __init__(
        self,
        *,
        app_id: str,
        source: str,
        state: str,
        dead_letters: str,
        row: "np.dtype[np.void]",
        layout: int,
        service: StreamService,
        settings: RuntimeSettings,
        stream: StreamSettings,
        clock: Clock,
        metrics: CollectorRegistry,
        outputs: Iterable[str] = (),
        migrate: Migrations | None = None,
        transfers: str | None = None,
        held: Callable[[], bool] = never_held,
    ) -> None:
        self._app_id, self._source, self._state = app_id, source, state
        self._lanes = {Lane.EVENTS: source} | ({} if transfers is None else {Lane.TRANSFERS: transfers})
        self._partitions = 0
        self._dead_letters, self._outputs = dead_letters, tuple(outputs)
        self._row, self._layout, self._migrate = np.dtype(row), layout, migrate or {}
        self._service, self._clock, self._held = service, clock, held
        self._settings, self._stream = settings, stream
        self._metrics = StreamMetrics(metrics, app_id)
        self._log = _Log(settings.kafka, app_id, self._lanes, state, stream)
        self._engine: Engine | None = None

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Until ``stop`` (SIGTERM or SIGINT when none is given): then commit and give the partitions back.

        Raises the error that ended the worker; nothing after it was committed. The process should end
        with a status other than 0, so that the supervisor starts it again.
        """
        stop = stop_on_signals() if stop is None else stop
        await asyncio.to_thread(batches.warm_up)
        if not await self._connect(stop):
            return
        engine = self._engine = self._make_engine()
        app = build_app(self._app_id, self._lanes, self._settings.kafka, engine, self._stream)
        try:
            await self._until_stopped(app, engine, stop)
            engine.halt()
            await engine.release(self._settings.drain_s)
            _log.info("stream.drained", app=self._app_id)
        except Exception as error:
            _log.error("stream.failed", app=self._app_id, error=repr(error), exc_info=error)
            raise
        finally:
            engine.failed.cancel()  # what breaks from here on is the stopping itself
            await engine.abandon()
            await _stop(app)

    def readiness(self) -> Readiness:
        """For /readyz: not while restoring, and not when an event has waited longer than the limit."""
        engine = self._engine
        if engine is None:
            return Readiness(False, "connecting")
        if engine.failed.done():
            return Readiness(False, "failed")
        if engine.restoring:
            return Readiness(False, "restoring")
        age, limit = engine.oldest_age(), self._settings.ready_age_limit_s
        late = age > limit
        return Readiness(not late, f"an event has waited {age:.0f} s" if late else "ok", age)

    def settled(self) -> bool:
        """Whether all that has waited here is taken in and told."""
        engine = self._engine
        return engine is not None and engine.settled() and self.readiness().ready

    async def _connect(self, stop: asyncio.Event) -> bool:
        """Wait for the broker, a log line an attempt; then see that the topics fit. False: asked to stop."""
        check = asyncio.create_task(with_patience(self._check_topics, f"{self._app_id}: topics", stop))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({check, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not check.done():
            check.cancel()
            return False
        check.result()
        return True

    async def _check_topics(self) -> None:
        equal = (self._state, *self._lanes.values())
        needed = (*equal, self._dead_letters, *self._outputs)
        counts = await partition_counts(self._settings.kafka, needed)
        if missing := [topic for topic, count in counts.items() if not count]:
            raise LayoutError(f"{self._app_id}: topics are missing: {', '.join(missing)}")
        want = counts[self._source]
        for topic in equal:
            if counts[topic] != want:
                raise LayoutError(
                    f"{self._app_id}: {topic} has {counts[topic]} partitions, "
                    f"{self._source} has {want}: they must be equal"
                )
        if few := [topic for topic, count in counts.items() if count < want]:
            raise LayoutError(f"{self._app_id}: fewer partitions than {self._source}: {', '.join(few)}")
        self._partitions = want

    def _make_engine(self) -> Engine:
        plan = Plan(
            self._state,
            self._layout,
            self._bury,
            self._stream,
            self._metrics,
            self._lanes.get(Lane.TRANSFERS, ""),
            self._owner_of,
        )
        job = Job(self._service, self._row, self._migrate, self._clock, plan, tuple(self._lanes), self._held)
        return self.engine_type(job, self._log, self._stream, self._metrics)

    def _owner_of(self, key: bytes) -> int:
        everyone = list(range(self._partitions))
        return partition_of(key, everyone, everyone)

    def _bury(self, letter: DeadLetter, partition: int) -> Record:
        return dead_letter_record(self._dead_letters, self._source, letter, partition, self._clock.now())

    async def _until_stopped(self, app: ChunkApp, engine: Engine, stop: asyncio.Event) -> None:
        """Start Faust and wait for a reason to end. It starts for as long as the first restore takes."""
        start = asyncio.create_task(app.start())
        crash = asyncio.create_task(_crashed(app))
        stopped = asyncio.create_task(stop.wait())
        stalled = asyncio.create_task(watch(engine.progress, self._log.bounds, self._stream.stall_s))
        reasons: set[asyncio.Future[Any]] = {crash, stopped, stalled, engine.failed}
        try:
            await asyncio.wait({start, *reasons}, return_when=asyncio.FIRST_COMPLETED)
            if start.done() and not start.exception():
                await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
            for reason in (engine.failed, start, crash, stalled):
                if reason.done():
                    reason.result()
        finally:
            for task in (start, crash, stopped, stalled):
                task.cancel()


async def _crashed(app: ChunkApp) -> None:
    await app._crashed.wait()  # noqa: SLF001 - mode has no public way to wait for it
    raise StreamError(f"Faust stopped: {app.crash_reason!r}")


async def _stop(app: ChunkApp) -> None:
    """Bounded: stop() can hang in the client's heartbeat. What is left is a daemon thread."""
    with contextlib.suppress(Exception):
        await asyncio.wait_for(app.stop(), _STOP_S)


class _Log:
    """The engine's log on Kafka."""

    def __init__(
        self, bootstrap: str, app_id: str, lanes: dict[Lane, str], state: str, settings: StreamSettings
    ) -> None:
        self._bootstrap, self._app_id, self._lanes, self._state = bootstrap, app_id, lanes, state
        self._settings = settings

    async def open_producer(self, partition: int) -> PartitionProducer:
        what = f"{self._app_id}: producer of partition {partition}"
        return await with_patience(partial(self._open_producer, partition), what)

    async def _open_producer(self, partition: int) -> PartitionProducer:
        made = PartitionProducer(self._bootstrap, self._app_id, partition, self._settings.transaction_s)
        try:
            await made.open()
        except BaseException:
            await made.close()
            raise
        return made

    async def read_state(self, restorers: dict[int, Restorer], still_ours: Callable[[], bool]) -> None:
        await read_state(self._bootstrap, self._state, restorers, still_ours)

    async def bounds(self, places: Iterable[Place]) -> dict[Place, Bounds]:
        asked = {TopicPartition(self._lanes[place.lane], place.partition): place for place in places}
        found = await log_bounds(self._bootstrap, asked)
        return {asked[where]: bounds for where, bounds in found.items()}
