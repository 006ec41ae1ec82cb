"""The partitions of one worker: taking them, feeding them, sweeping them and giving them back.

Knows the log only through the ports below, so the protocol can be read, and tested, without Faust.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

import numpy as np

from libs.runtime.clock import Clock
from libs.runtime.logging import get_logger
from libs.runtime.stream.api import Chunk, StreamService
from libs.runtime.stream.coverage import Span
from libs.runtime.stream.errors import FencedError, PositionError
from libs.runtime.stream.metrics import StreamMetrics
from libs.runtime.stream.partition import Partition, Plan, Producer
from libs.runtime.stream.position import Verdict, fit
from libs.runtime.stream.quarantine import step_failed
from libs.runtime.stream.restore import Bounds, Superseded
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.state import Migrations, Restorer
from libs.runtime.stream.sweep import SliceSize, SweepTimer, sweep_now

_log = get_logger(__name__)
# A leader just elected may tell an older end for a moment.
_END_ATTEMPTS, _END_WAIT_S = 4, 0.5
_SWEEP_LOOK_S = 0.1  # wall seconds between two looks whether a sweep is due


class Log(Protocol):
    """The broker, as the engine uses it."""

    async def open_producer(self, partition: int) -> Producer:
        """Fences the partition's last owner."""
        ...

    async def read_state(self, restorers: dict[int, Restorer], still_ours: Callable[[], bool]) -> None: ...
    async def source_bounds(self, partitions: Iterable[int]) -> dict[int, Bounds]: ...


class Source(Protocol):
    """The consumer of the source topic, as the engine uses it."""

    async def seek(self, partition: int, offset: int) -> None: ...
    def span(self, partition: int) -> Span | None:
        """What has been read and not yet delivered."""
        ...

    def log_end(self, partition: int) -> int | None:
        """The end of the log as last heard; None before the first answer."""
        ...


class Job(NamedTuple):
    """What the engine runs."""

    service: StreamService
    row: "np.dtype[np.void]"
    migrate: Migrations
    clock: Clock
    plan: Plan


class Engine:
    """One event loop runs it. ``failed`` gets the error that ends the worker."""

    def __init__(self, job: Job, log: Log, settings: StreamSettings, metrics: StreamMetrics) -> None:
        self.epoch = 0  # of the assignment; chunks fetched under another one are dropped
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.restoring = True
        self._job, self._log, self._settings, self._metrics = job, log, settings, metrics
        self._source: Source | None = None
        self._owned: dict[int, Partition] = {}
        self._tasks: dict[int, list[asyncio.Task[None]]] = {}
        self._caught_up_at: dict[int, float] = {}
        self._restored_at = job.clock.wall()

    def attach(self, source: Source) -> None:
        self._source = source

    # -- assignment

    def halt(self) -> None:
        """Take nothing in any more: the partitions are being taken away. Chunks on their way are dropped."""
        self.epoch += 1
        self.restoring = True

    async def restore(self, partitions: Iterable[int], still_ours: Callable[[], bool]) -> bool:
        """Fence, read back, seek, own. False when another assignment came meanwhile."""
        await self.release(0)  # nothing is left unless a revocation was lost
        self.halt()
        epoch, numbers = self.epoch, sorted(partitions)
        self._metrics.rebalances.labels(self._metrics.app).inc()
        producers: dict[int, Producer] = {}

        def current() -> bool:
            return self.epoch == epoch and still_ours()

        try:
            await self._restore(numbers, epoch, producers, current)
        except BaseException as error:
            await asyncio.gather(*(p.close() for p in producers.values()))
            if isinstance(error, Superseded):
                return False
            raise
        self.restoring, self._restored_at = False, self._job.clock.wall()
        self._caught_up_at.clear()
        return True

    async def _restore(
        self, numbers: list[int], epoch: int, producers: dict[int, Producer], current: Callable[[], bool]
    ) -> None:
        started = time.perf_counter()
        opened = await asyncio.gather(*map(self._log.open_producer, numbers))
        producers.update(zip(numbers, opened, strict=True))
        _check(current)
        job = self._job
        restorers = {n: Restorer(job.row, job.plan.layout, job.migrate, n) for n in numbers}
        if numbers:
            await self._log.read_state(restorers, current)
        fresh = []
        for number in numbers:
            rows, after = restorers[number].finish()
            start = await self._start(number, after)
            fresh.append(
                Partition(number, epoch, rows, next_offset=start, producer=producers[number], plan=job.plan)
            )
            self._count_restored(number, restorers[number])
        for partition in fresh:
            await self._need_source().seek(partition.number, partition.next)
        _check(current)  # nothing is awaited from here on: the partitions are ours, all or none
        for partition in fresh:
            self._owned[partition.number] = partition
            self._start_tasks(partition)
        seconds = time.perf_counter() - started
        self._metrics.restore_seconds.labels(self._metrics.app).observe(seconds)
        _log.info("stream.restored", partitions=numbers, epoch=epoch, seconds=round(seconds, 3))

    async def _start(self, number: int, after: int | None) -> int:
        """Where to read on: at the checkpoint, unless retention has passed it; never past the log's end."""
        for _ in range(_END_ATTEMPTS):
            bounds = (await self._log.source_bounds([number]))[number]
            if after is None:
                return bounds.begin
            if after <= bounds.end:
                if after < bounds.begin:
                    _log.warning("stream.retention", partition=number, lost_from=after, to=bounds.begin)
                return max(after, bounds.begin)
            await asyncio.sleep(_END_WAIT_S)
        raise PositionError(
            f"partition {number}: the checkpoint says {after}, the source ends at {bounds.end}: "
            "it was truncated or made anew"
        )

    def _count_restored(self, number: int, restorer: Restorer) -> None:
        metrics = self._metrics
        metrics.restored.labels(metrics.app, str(number)).inc(restorer.records)

    def positions(self) -> dict[int, int]:
        """The next offset each owned partition expects."""
        return {number: partition.next for number, partition in self._owned.items()}

    def committed(self) -> dict[int, int]:
        return {number: partition.committed for number, partition in self._owned.items()}

    async def release(self, seconds: float) -> None:
        """Give everything back: commit within so many seconds or abort, then drop the rows."""
        owned, self._owned = self._owned, {}
        tasks, self._tasks = self._tasks, {}
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(p.commit() for p in owned.values()))
        except TimeoutError:
            _log.warning("stream.release.aborted", partitions=sorted(owned), after_s=seconds)
        finally:
            await _cancel(task for group in tasks.values() for task in group)
            await asyncio.gather(*(p.close() for p in owned.values()))
            for number in owned:
                self._metrics.forget(number)

    # -- the flow

    async def take(self, chunk: Chunk) -> None:
        """One delivered chunk: drop it, cut it, take it in, or ask for what is missing before it."""
        partition = self._owned.get(chunk.partition)
        if partition is None or chunk.epoch != partition.epoch or self.epoch != partition.epoch:
            self._drop("old epoch")
            return
        verdict, chunk = fit(chunk, partition.next)
        if verdict is Verdict.SEEN:
            self._drop("seen before")
            await self._reject_rewound(partition)
        elif verdict is Verdict.GAP:
            self._drop("gap")
            await self._need_source().seek(partition.number, partition.next)
        else:
            self._step(partition, chunk)
            await partition.room()

    def _step(self, partition: Partition, chunk: Chunk) -> None:
        metrics, label = self._metrics, (self._metrics.app, str(partition.number))
        started = time.perf_counter()
        try:
            partition.take(chunk, self._job.service.step(chunk, partition.rows, self._job.clock.now()))
        except Exception as error:
            raise step_failed(chunk, error) from error
        metrics.step_seconds.labels(metrics.app).observe(time.perf_counter() - started)
        metrics.records.labels(*label).inc(len(chunk.records))
        metrics.chunks.labels(*label).inc()

    async def _reject_rewound(self, partition: Partition) -> None:
        """Old offsets again: either the consumer was set back, or the log itself was cut short."""
        await self._start(partition.number, partition.next)
        await self._need_source().seek(partition.number, partition.next)

    def _drop(self, why: str) -> None:
        self._metrics.dropped.labels(self._metrics.app, why).inc()

    # -- time

    def caught_up(self, partition: Partition) -> bool:
        """Whether everything the broker has told of is taken in."""
        source = self._need_source()
        span, end = source.span(partition.number), source.log_end(partition.number)
        return span is not None and end is not None and partition.next >= span.start and span.end >= end

    def oldest_age(self) -> float:
        """Age of the oldest unprocessed event over all partitions, in wall seconds."""
        return max((self._age(partition) for partition in self._owned.values()), default=0.0)

    def _age(self, partition: Partition) -> float:
        """Of an event we have not seen: no older than the last one taken in, nor than the last moment
        without any waiting; with neither, as old as this assignment.
        """
        wall = self._job.clock.wall()
        if self.caught_up(partition):
            self._caught_up_at[partition.number] = wall
            return 0.0
        seen = max(partition.last_timestamp / 1000, self._caught_up_at.get(partition.number, 0.0))
        return max(0.0, wall - (seen or self._restored_at))

    async def _watch(self, partition: Partition) -> None:
        """Sweeps when due, and keeps the partition's gauges true."""
        timer = SweepTimer(timedelta(seconds=self._settings.sweep_s), self._settings.sweep_wall_s)
        size = SliceSize()
        while True:
            await asyncio.sleep(_SWEEP_LOOK_S)
            self._observe(partition)
            clock, rows = self._job.clock, partition.rows
            now = sweep_now(clock.now(), rows.watermark, caught_up=self.caught_up(partition))
            if now is not None and timer.due(now, time.monotonic()):
                timer.swept(now, time.monotonic())
                await self._sweep(partition, now, size)

    async def _sweep(self, partition: Partition, now: datetime, size: SliceSize) -> None:
        """One pass, a slice at a time; chunks are taken in between the slices."""
        metrics, started = self._metrics, time.perf_counter()
        start = 0
        while True:
            view = partition.rows.window(start, start + size.rows)
            before = time.perf_counter()
            partition.swept(self._job.service.sweep(view, now), view)
            took = time.perf_counter() - before
            metrics.slice_seconds.labels(metrics.app).observe(took)
            start += size.rows
            size.took(len(view), took)
            await partition.room()
            if start >= partition.rows.extent or self.epoch != partition.epoch:
                break
            await asyncio.sleep(0)
        metrics.sweep_seconds.labels(metrics.app).observe(time.perf_counter() - started)

    def _observe(self, partition: Partition) -> None:
        metrics, label = self._metrics, (self._metrics.app, str(partition.number))
        end = self._need_source().log_end(partition.number)
        metrics.oldest.labels(*label).set(self._age(partition))
        metrics.rows.labels(*label).set(len(partition.rows))
        behind = 0 if end is None or self.caught_up(partition) else end - partition.next
        metrics.lag.labels(*label).set(max(0, behind))

    # -- the end

    def fail(self, error: BaseException) -> None:
        """The first error wins and ends the worker: nothing is taken in after it."""
        if isinstance(error, FencedError):
            self._metrics.fenced.labels(self._metrics.app).inc()
        self.halt()
        for partition in self._owned.values():
            partition.broken = True
        if not self.failed.done():
            self.failed.set_exception(error)

    async def abandon(self) -> None:
        """Drop everything without committing."""
        owned, self._owned = self._owned, {}
        tasks, self._tasks = self._tasks, {}
        await _cancel(task for group in tasks.values() for task in group)
        await asyncio.gather(*(p.close() for p in owned.values()), return_exceptions=True)

    def _start_tasks(self, partition: Partition) -> None:
        jobs = (partition.commit_when_due(self.caught_up), self._watch(partition))
        self._tasks[partition.number] = [asyncio.create_task(self._guard(job)) for job in jobs]

    async def _guard(self, job: Coroutine[None, None, None]) -> None:
        try:
            await job
        except Exception as error:  # noqa: BLE001 - every error of a partition's tasks ends the worker
            self.fail(error)

    def _need_source(self) -> Source:
        assert self._source is not None, "attach() comes before the first assignment"
        return self._source


def _check(current: Callable[[], bool]) -> None:
    if not current():
        raise Superseded


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    gone = list(tasks)
    for task in gone:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*gone, return_exceptions=True)
