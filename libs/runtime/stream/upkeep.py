"""What a partition needs besides its chunks: sweeps when they are due, gauges that are true."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Protocol

from libs.runtime.clock import Clock
from libs.runtime.stream.api import StreamService
from libs.runtime.stream.metrics import StreamMetrics
from libs.runtime.stream.partition import Partition
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.sweep import SliceSize, SweepTimer, sweep_now

_LOOK_S = 0.1  # wall seconds between two looks whether a sweep is due


class Standing(Protocol):
    """Where a partition stands against the log."""

    def current(self, partition: Partition) -> bool: ...
    def caught_up(self, partition: Partition) -> bool: ...
    def listening(self, partition: Partition) -> bool: ...
    def age(self, partition: Partition) -> float: ...
    def lag(self, partition: Partition) -> int: ...


class Upkeep:
    """One for each owned partition; runs beside the flow, in the same loop."""

    def __init__(
        self, service: StreamService, clock: Clock, settings: StreamSettings, metrics: StreamMetrics
    ) -> None:
        self._service, self._clock, self._settings, self._metrics = service, clock, settings, metrics

    async def keep(self, partition: Partition, standing: Standing) -> None:
        """For ever."""
        settings = self._settings
        business = timedelta(seconds=settings.sweep_s)
        timer = SweepTimer(business, settings.sweep_wall_s, settings.sweep_behind_s)
        size = SliceSize()
        while True:
            await asyncio.sleep(_LOOK_S)
            self._observe(partition, standing)
            caught_up = standing.caught_up(partition)
            behind = partition.behind = partition.behind and not caught_up
            counts = caught_up and standing.listening(partition)
            now = sweep_now(self._clock.now(), partition.rows.watermark, caught_up=counts)
            owes = partition.owing and not behind  # a backlog may come and go between two looks
            if now is not None and (timer.due(now, time.monotonic(), behind=behind) or owes):
                timer.swept(now, time.monotonic(), behind=behind)
                left = partition.left
                await self._sweep(partition, standing, now, size)
                partition.told = partition.told if behind else left

    async def _sweep(self, partition: Partition, standing: Standing, now: datetime, size: SliceSize) -> None:
        """One pass, a slice at a time; chunks are taken in between the slices."""
        metrics, started = self._metrics, time.perf_counter()
        start = 0
        while True:
            view = partition.rows.window(start, start + size.rows)
            before = time.perf_counter()
            partition.swept(self._service.sweep(view, now), view)
            took = time.perf_counter() - before
            metrics.slice_seconds.labels(metrics.app).observe(took)
            start += size.rows
            size.took(len(view), took)
            await partition.room()
            if start >= partition.rows.extent or not standing.current(partition):
                break
            await asyncio.sleep(0)
        metrics.sweep_seconds.labels(metrics.app).observe(time.perf_counter() - started)

    def _observe(self, partition: Partition, standing: Standing) -> None:
        metrics, label = self._metrics, (self._metrics.app, str(partition.number))
        metrics.oldest.labels(*label).set(standing.age(partition))
        metrics.rows.labels(*label).set(len(partition.rows))
        metrics.lag.labels(*label).set(standing.lag(partition))
