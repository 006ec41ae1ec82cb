"""What the full job costs scoring itself, in CPU time: no Kafka, all in this process."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.full_job.data import PARTITIONS, START, make_events
from benchmarks.results import Figure
from libs.events.topics import CUSTOMER_HEALTH
from libs.runtime.stream import Chunk, InputRecord, Lane, Record, Rows
from libs.runtime.stream.state import changed_records
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.row import LAYOUT, ROW
from services.scoring.service import Scorer

EVENTS = 1_000_000  # as many as between two sweeps at the goal: ten seconds
_COMMIT = 200_000  # as many as between two commits at the goal: two seconds
_WARM_UP = 0.25  # share that is not counted
_NOW = START.replace(year=START.year + 1)

Log = list[list[InputRecord]]


class Spent(NamedTuple):
    """CPU seconds, and for how many events or rows."""

    seconds: float = 0.0
    units: int = 0

    def each(self) -> float:
        """Microseconds."""
        return 1e6 * self.seconds / max(self.units, 1)


def make_log(events: int) -> Log:
    """The records by partition, in order."""
    log: Log = [[] for _ in range(PARTITIONS)]
    for number, key, value in make_events(events):
        log[number].append(InputRecord(len(log[number]), key, value))
    return log


def chunks(log: Log, size: int) -> Iterator[Chunk]:
    """From each partition in turn while it has any: a worker with a backlog reads them so."""
    for first in range(0, max(map(len, log)), size):
        for number, records in enumerate(log):
            if taken := records[first : first + size]:
                yield Chunk(number, 1, first, first + len(taken), taken, behind=True)


class Job:
    """Twelve partitions of one worker that is behind."""

    def __init__(self, log: Log, size: int) -> None:
        self._events, self._chunks = sum(map(len, log)), list(chunks(log, size))
        self._scorer = Scorer(load_scorecard(STARTER))
        self._rows = [Rows(ROW) for _ in range(PARTITIONS)]
        self.step, self.commit, self.sweep = Spent(), Spent(), Spent()

    def run(self) -> None:
        done = 0
        for chunk in self._chunks:
            before, done = done, done + len(chunk.records)
            warm = done > self._events * _WARM_UP
            self.step = self._timed(self.step if warm else Spent(), self._take, chunk)
            if done // _COMMIT > before // _COMMIT:
                self.commit = self._timed(self.commit if warm else Spent(), self._store)
        self.sweep = self._timed(Spent(), self._say)

    def _timed(self, before: Spent, work: Callable[..., int], *arguments: Any) -> Spent:
        began = time.process_time()
        units = work(*arguments)
        return Spent(before.seconds + time.process_time() - began, before.units + units)

    def _take(self, chunk: Chunk) -> int:
        said = list(self._scorer.step(chunk, self._rows[chunk.partition], _NOW))
        assert not said, "nothing is said while behind"
        return len(chunk.records)

    def _store(self) -> int:
        """Rows as the core copies them for a transaction."""
        return sum(len(c) for r in self._rows for c in changed_records(r, {Lane.EVENTS: 0}, LAYOUT))

    def _say(self) -> int:
        """Each partition up to the last event taken in. Counts the snapshots."""
        outputs = [o for r in self._rows for o in self._scorer.sweep(r, r.watermark or _NOW)]
        return sum(isinstance(o, Record) and o.topic == CUSTOMER_HEALTH.name for o in outputs)

    def figures(self, case: str) -> Iterator[Figure]:
        """The parts add up: rows and snapshots a customer come as often as at the goal."""
        rows, snapshots = self.commit.units / self.step.units, self.sweep.units / self._events
        parts = (self.step.each(), rows * self.commit.each(), snapshots * self.sweep.each())
        yield Figure(case, "step_events_per_s", 1e6 / self.step.each(), "1/s")
        for name, cost in zip(("step", "commit", "sweep"), parts, strict=True):
            yield Figure(case, f"{name}_us_per_event", cost, "us")
        yield Figure(case, "rows_per_event", rows, "1")
        yield Figure(case, "snapshots_per_event", snapshots, "1")
        yield Figure(case, "commit_us_per_row", self.commit.each(), "us")
        yield Figure(case, "sweep_us_per_snapshot", self.sweep.each(), "us")
        yield Figure(case, "events_per_s", 1e6 / sum(parts), "1/s")


def measure(events: int) -> list[Figure]:
    log, found = make_log(events), []
    for size in (4_000, 10_000):
        job = Job(log, size)
        job.run()
        found += list(job.figures(f"local_chunks_of_{size}"))
    return found
