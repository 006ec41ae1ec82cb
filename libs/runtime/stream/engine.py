"""The partitions of one worker: taking them, feeding them and giving them back.

Knows the log only through the ports below, so the protocol can be read, and tested, without Faust.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Protocol

import msgspec

from libs.runtime.hold import END_S
from libs.runtime.logging import get_logger
from libs.runtime.stream.api import Chunk, Lane
from libs.runtime.stream.coverage import Place, Span
from libs.runtime.stream.errors import FencedError, StepError
from libs.runtime.stream.metrics import StreamMetrics
from libs.runtime.stream.partition import Partition
from libs.runtime.stream.position import Fit, Verdict, fit
from libs.runtime.stream.quarantine import take_apart
from libs.runtime.stream.restore import Superseded
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.state import Restored, Trouble
from libs.runtime.stream.takeover import Job, Log, Takeover
from libs.runtime.stream.upkeep import Upkeep

_log = get_logger(__name__)
# Of one partition within one assignment: more means that somebody else, outside the group, uses our name.
_MOST_RETAKES = 3


class Source(Protocol):
    """The consumer of both lanes, as the engine uses it."""

    async def seek(self, place: Place, offset: int) -> None: ...
    def span(self, place: Place) -> Span | None:
        """What has been read and not yet delivered."""
        ...

    def log_end(self, place: Place) -> int | None:
        """The end of the log as last heard; None before the first answer."""
        ...

    def heard_at(self, place: Place) -> float:
        """When the end of the log was last heard, wall seconds; 0 before the first answer."""
        ...

    async def still_member(self, positions: dict[Place, int]) -> bool:
        """Whether the group, asked now, still knows us as the owner of these places."""
        ...


class Engine:
    """One event loop runs it. ``failed`` gets the error that ends the worker."""

    def __init__(self, job: Job, log: Log, settings: StreamSettings, metrics: StreamMetrics) -> None:
        self.epoch = 0  # of the assignment; chunks fetched under another one are dropped
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.restoring = True
        self._job, self._log, self._settings, self._metrics = job, log, settings, metrics
        self._takeover = Takeover(job, log, metrics)
        self._upkeep = Upkeep(job.service, job.clock, settings, metrics)
        self._source: Source | None = None
        self._owned: dict[int, Partition] = {}
        self._parked: dict[int, Restored] = {}  # rows given back in order, until the next assignment
        self._tasks: dict[int, list[asyncio.Task[None]]] = {}
        self._retaking: dict[int, asyncio.Task[None]] = {}
        self._retakes: dict[int, int] = {}  # by partition, in this assignment
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
        epoch = self.epoch
        self._metrics.rebalances.labels(self._metrics.app).inc()
        self._retakes.clear()
        try:
            await self._own(sorted(partitions), epoch, still_ours)
        except Superseded:
            return False
        finally:
            self._parked = {}  # whoever has them now moves on without us
        self.restoring, self._restored_at = False, self._job.clock.wall()
        self._caught_up_at.clear()
        return True

    async def _own(self, numbers: list[int], epoch: int, still_ours: Callable[[], bool]) -> None:
        """All of these partitions, or none of them and an error."""

        def current() -> bool:
            return self.epoch == epoch and still_ours()

        opened = await asyncio.gather(*map(self._log.open_producer, numbers))
        try:
            _check(current)
            found = await self._takeover.read_back(numbers, self._parked, current)
            for number, restored in found.items():
                for lane, offset in restored.positions.items():
                    await self._need_source().seek(Place(lane, number), offset)
            _check(current)  # nothing is awaited from here on: the partitions are ours, all or none
        except BaseException:
            await asyncio.gather(*(producer.close() for producer in opened))
            raise
        for number, producer in zip(numbers, opened, strict=True):
            partition = Partition(number, epoch, found[number], producer, self._job.plan)
            self._owned[number] = partition
            self._start_tasks(partition)

    def positions(self) -> dict[Place, int]:
        """The next offset each owned partition expects."""
        return {Place(lane, n): at for n, p in self._owned.items() for lane, at in p.next.items()}

    def committed(self) -> dict[Place, int]:
        return {Place(lane, n): at for n, p in self._owned.items() for lane, at in p.committed.items()}

    async def release(self, seconds: float) -> None:
        """Give all partitions back: commit within that time or abort; then their rows are dropped, unless
        the next assignment, which comes at once, finds them as the state topic holds them.
        """
        owned, tasks = self._take_out()
        await _cancel(self._retaking.values())
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*map(self._commit_or_lose, owned.values()))
        except TimeoutError:
            _log.warning("stream.release.aborted", partitions=sorted(owned), after_s=seconds)
        finally:
            await _cancel(tasks)
            await asyncio.gather(*(p.close() for p in owned.values()))
            parked = {number: p.park() for number, p in owned.items()}
            self._parked |= {number: rows for number, rows in parked.items() if rows is not None}

    async def _commit_or_lose(self, partition: Partition) -> None:
        try:
            await partition.commit()
        except FencedError as error:  # somebody else has it already: there is nothing left to give back
            self._lost(partition, error)

    # -- the flow

    async def take(self, chunk: Chunk) -> None:
        """One delivered chunk: drop it, cut it, take it in, or ask for what is missing before it."""
        partition = self._owned.get(chunk.partition)
        if partition is None or chunk.epoch != partition.epoch or self.epoch != partition.epoch:
            self._drop("old epoch")
            return
        verdict, chunk = self._fit(chunk, partition.next[chunk.lane])
        if verdict is Verdict.TAKE:
            chunk = msgspec.structs.replace(chunk, behind=self._is_behind(chunk))
            await self._step(partition, chunk)
            await partition.room()
        else:
            self._drop(verdict.value)
            await self._read_again(partition, chunk.lane)

    def _fit(self, chunk: Chunk, expected: int) -> Fit:
        """The position guard: the chaos tests take it out to see that they would notice."""
        return fit(chunk, expected)

    async def _step(self, partition: Partition, chunk: Chunk) -> None:
        metrics, label = self._metrics, (self._metrics.app, str(partition.number))
        started = time.perf_counter()
        try:
            if partition.suspects(chunk):
                self._take_apart(partition, chunk)
            else:
                partition.take(chunk, self._job.service.step(chunk, partition.rows, self._job.clock.now()))
        except Exception as error:
            await partition.note(_trouble(partition, chunk, error))
            raise StepError(
                f"step raised on partition {chunk.partition}, {chunk.lane.name.lower()} "
                f"{chunk.first} to {chunk.next - 1}: {error!r}"
            ) from error
        metrics.step_seconds.labels(metrics.app).observe(time.perf_counter() - started)
        metrics.records.labels(*label).inc(len(chunk.records))
        metrics.chunks.labels(*label).inc()

    def _take_apart(self, partition: Partition, chunk: Chunk) -> None:
        step, now = self._job.service.step, self._job.clock.now()
        for part in take_apart(chunk, partition.rows, lambda some, rows: list(step(some, rows, now))):
            if part.letter is None:
                partition.take(part.chunk, step(part.chunk, partition.rows, now))
            else:
                partition.take(part.chunk, [part.letter])
                self._metrics.quarantined.labels(self._metrics.app).inc()
                _log.error("stream.quarantined", partition=partition.number, detail=part.letter.detail)

    async def _read_again(self, partition: Partition, lane: Lane) -> None:
        """Old offsets again, or a gap: the consumer was moved, the log was cut short (an error), or
        retention has passed us.
        """
        place, after = Place(lane, partition.number), partition.next[lane]
        start = (await self._takeover.starts({place: after}))[place]
        self._takeover.count_lost(partition.rows, place, after, start)
        partition.skip_to(lane, start)
        await self._need_source().seek(place, start)

    def _drop(self, why: str) -> None:
        self._metrics.dropped.labels(self._metrics.app, why).inc()

    # -- standing against the log

    def current(self, partition: Partition) -> bool:
        return self.epoch == partition.epoch and self._owned.get(partition.number) is partition

    def caught_up(self, partition: Partition) -> bool:
        """Whether everything the broker has told of is taken in, on both lanes."""
        return all(self._reached(Place(lane, partition.number), at) for lane, at in partition.next.items())

    def _reached(self, place: Place, expected: int) -> bool:
        source = self._need_source()
        span, end = source.span(place), source.log_end(place)
        return span is not None and end is not None and expected >= span.start and span.end >= end

    def listening(self, partition: Partition) -> bool:
        """Whether silence counts: nothing waits before us, and the log's end has been heard just now."""
        source, since = self._need_source(), self._job.clock.wall() - END_S
        lanes = partition.next
        fresh = all(source.heard_at(Place(lane, partition.number)) >= since for lane in lanes)
        return fresh and not self._job.held()

    def settled(self) -> bool:
        """Whether all that has waited is taken in and told."""
        late = self._settings.behind_after_s
        owned = self._owned.values()
        return not self.restoring and all(not one.owing and self.age(one) <= late for one in owned)

    def _is_behind(self, chunk: Chunk) -> bool:
        """More waits behind these records, and the last of them has itself waited for long."""
        end = self._need_source().log_end(Place(chunk.lane, chunk.partition))
        if end is None or chunk.next >= end or not chunk.records:
            return False
        age = self._job.clock.wall() - chunk.records[-1].timestamp / 1000
        return age > self._settings.behind_after_s

    def progress(self) -> dict[Place, int]:
        """How far each place has been read; holes at the end of what is taken in count as read."""
        read = {}
        for place, at in self.positions().items():
            span = self._need_source().span(place)
            read[place] = span.end if span is not None and at >= span.start else at
        return read

    def lag(self, partition: Partition) -> int:
        """Records not yet taken in, holes in the offsets included."""
        if self.caught_up(partition):
            return 0
        places = {Place(lane, partition.number): at for lane, at in partition.next.items()}
        ends = {place: self._need_source().log_end(place) for place in places}
        return sum(max(0, (ends[place] or 0) - at) for place, at in places.items())

    def oldest_age(self) -> float:
        """Age of the oldest unprocessed event over all partitions, in wall seconds."""
        return max((self.age(partition) for partition in self._owned.values()), default=0.0)

    def age(self, partition: Partition) -> float:
        """Of an event we have not seen: no older than the last one taken in, nor than the last moment
        without any waiting; with neither, as old as this assignment.
        """
        wall = self._job.clock.wall()
        if self.caught_up(partition):
            self._caught_up_at[partition.number] = wall
            return 0.0
        last = max(partition.last_timestamp.values(), default=0) / 1000
        seen = max(last, self._caught_up_at.get(partition.number, 0.0))
        return max(0.0, wall - (seen or self._restored_at))

    # -- the end

    def fail(self, error: BaseException) -> None:
        """The first error wins and ends the worker: nothing is taken in after it."""
        self.halt()
        for partition in self._owned.values():
            partition.broken = True
        if not self.failed.done():
            self.failed.set_exception(error)

    async def abandon(self) -> None:
        """Drop everything without committing."""
        owned, tasks = self._take_out()
        await _cancel([*tasks, *self._retaking.values()])
        await asyncio.gather(*(p.close() for p in owned.values()), return_exceptions=True)

    def _take_out(self) -> tuple[dict[int, Partition], list[asyncio.Task[None]]]:
        owned, self._owned = self._owned, {}
        tasks, self._tasks = self._tasks, {}
        for number in owned:
            self._metrics.forget(number)
        return owned, [task for group in tasks.values() for task in group]

    def _start_tasks(self, partition: Partition) -> None:
        jobs = (partition.commit_when_due, partial(self._upkeep.keep, partition, self))
        self._tasks[partition.number] = [asyncio.create_task(self._guard(partition, job)) for job in jobs]

    async def _guard(self, partition: Partition, job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except FencedError as error:
            self._lose(partition, error)
        except Exception as error:  # noqa: BLE001 - every other error of a partition's tasks ends the worker
            self.fail(error)

    def _lose(self, partition: Partition, error: FencedError) -> None:
        """Somebody else has the partition: its rows are dropped, and taken again only if still assigned."""
        number = partition.number
        self._lost(partition, error)
        if not self.current(partition):
            return
        del self._owned[number]
        self._metrics.forget(number)
        self._retakes[number] = self._retakes.get(number, 0) + 1
        if self._retakes[number] > _MOST_RETAKES:
            self.fail(error)
            return
        retake = self._guard(partition, partial(self._retake, partition))
        self._retaking[number] = asyncio.create_task(retake)

    def _lost(self, partition: Partition, error: FencedError) -> None:
        partition.broken = True
        self._metrics.fenced.labels(self._metrics.app).inc()
        _log.warning("stream.fenced", partition=partition.number, error=str(error))

    async def _retake(self, partition: Partition) -> None:
        number = partition.number
        await _cancel(self._tasks.pop(number, ()))
        await partition.close()
        places = {Place(lane, number): at for lane, at in partition.committed.items()}
        if not await self._need_source().still_member(places):
            return  # the group will say who we are: by an assignment, or by an error that ends this worker
        with contextlib.suppress(Superseded):
            await self._own([number], partition.epoch, lambda: True)

    def _need_source(self) -> Source:
        assert self._source is not None, "attach() comes before the first assignment"
        return self._source


def _check(current: Callable[[], bool]) -> None:
    if not current():
        raise Superseded


def _trouble(partition: Partition, chunk: Chunk, error: Exception) -> Trouble:
    """Only the kind of the error is kept: its text may repeat what a record held."""
    return Trouble(
        chunk.lane, chunk.first, chunk.next, partition.committed[chunk.lane], 1, type(error).__name__
    )


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    gone = list(tasks)
    for task in gone:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*gone, return_exceptions=True)
