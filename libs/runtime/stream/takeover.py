"""Taking partitions over: their rows read back, and the offsets where reading goes on."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from libs.runtime.clock import Clock
from libs.runtime.logging import get_logger
from libs.runtime.stream.api import Lane, StreamService
from libs.runtime.stream.coverage import Place
from libs.runtime.stream.errors import PositionError
from libs.runtime.stream.metrics import StreamMetrics
from libs.runtime.stream.partition import Plan, Producer
from libs.runtime.stream.restore import Bounds
from libs.runtime.stream.rows import Rows
from libs.runtime.stream.state import Migrations, Restored, Restorer

_log = get_logger(__name__)
# A leader just elected may tell an older end for a moment.
_END_ATTEMPTS, _END_WAIT_S = 4, 0.5


class Log(Protocol):
    """The broker, as the engine uses it."""

    async def open_producer(self, partition: int) -> Producer:
        """Fences the partition's last owner."""
        ...

    async def read_state(self, restorers: dict[int, Restorer], still_ours: Callable[[], bool]) -> None: ...
    async def bounds(self, places: Iterable[Place]) -> dict[Place, Bounds]: ...


def never_held() -> bool:
    """For who has nobody before it to listen to: replays, benchmarks, tests."""
    return False


class Job(NamedTuple):
    """What the engine runs."""

    service: StreamService
    row: "np.dtype[np.void]"
    migrate: Migrations
    clock: Clock
    plan: Plan
    lanes: tuple[Lane, ...] = (Lane.EVENTS,)
    held: Callable[[], bool] = never_held


class Takeover:
    """Reads the log; owns nothing."""

    def __init__(self, job: Job, log: Log, metrics: StreamMetrics) -> None:
        self._job, self._log, self._metrics = job, log, metrics

    async def read_back(
        self, numbers: list[int], bases: Mapping[int, Restored], current: Callable[[], bool]
    ) -> dict[int, Restored]:
        """Rows and the offsets to read on from. `bases`: rows still held from before. Raises Superseded."""
        job, started = self._job, time.perf_counter()
        restorers = {n: Restorer(job.row, job.plan.layout, job.migrate, n, bases.get(n)) for n in numbers}
        if numbers:
            await self._log.read_state(restorers, current)
        found = {n: restorer.finish() for n, restorer in restorers.items()}
        after = {Place(lane, n): at.positions.get(lane) for n, at in found.items() for lane in job.lanes}
        starts = await self.starts(after)
        for place, start in starts.items():
            self.count_lost(found[place.partition].rows, place, after[place] or start, start)
        self._tell({n: restorer.records for n, restorer in restorers.items()}, time.perf_counter() - started)
        return {
            n: at._replace(positions={lane: starts[Place(lane, n)] for lane in job.lanes})
            for n, at in found.items()
        }

    def _tell(self, records: dict[int, int], seconds: float) -> None:
        metrics, total = self._metrics, sum(records.values())
        for number, count in records.items():
            metrics.restored.labels(metrics.app, str(number)).inc(count)
        metrics.restore_seconds.labels(metrics.app).observe(seconds)
        _log.info("stream.restored", partitions=list(records), records=total, seconds=round(seconds, 3))

    async def starts(self, wanted: dict[Place, int | None]) -> dict[Place, int]:
        """Where to read on: at the checkpoint, unless retention has passed it; never past the log's end."""
        if not wanted:
            return {}
        for _ in range(_END_ATTEMPTS):
            bounds = await self._log.bounds(wanted)
            past = [place for place, after in wanted.items() if (after or 0) > bounds[place].end]
            if not past:
                return {place: max(after or 0, bounds[place].begin) for place, after in wanted.items()}
            await asyncio.sleep(_END_WAIT_S)
        place = past[0]
        raise PositionError(
            f"partition {place.partition}: the checkpoint says {wanted[place]}, the log of "
            f"{place.lane.name.lower()} ends at {bounds[place].end}: it was truncated or made anew"
        )

    def count_lost(self, rows: Rows, place: Place, after: int, start: int) -> None:
        """Retention deleted what had not been taken in: nothing can bring it back, so it is said."""
        if start > after:
            rows.ledger.add("lost_to_retention", start - after)
            _log.error("stream.retention", place=place, lost_from=after, to=start)
