"""What scoring costs in CPU time: `step` live and behind, in large and small chunks, a sweep, 1M rows.

Run: python -m benchmarks.bench_scoring [--events 200000] [--customers 50000] [--rows 1000000]
Best of three where a run is short.
"""

import argparse
import time
from collections.abc import Callable
from datetime import timedelta

import numpy as np

from benchmarks.full_job.data import SPAN_DAYS, START, make_events
from benchmarks.results import Figure, append
from libs.events import decode_many
from libs.events.topics import CUSTOMER_HEALTH
from libs.runtime.lifecycle import calm_collector
from libs.runtime.stream import Chunk, InputRecord, LocalRunner, Record
from libs.runtime.stream.sweep import SliceSize
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.memo import Partition
from services.scoring.domain.row import ROW
from services.scoring.domain.update import find_changed, rescore
from services.scoring.service import IMPORT_QUIET_S, Scorer
from services.scoring.warm import warm_up

CHUNK = 10_000
LIVE_CHUNK, LIVE_EVENTS = 8, 20_000  # at 10,000 events/s in 12 partitions a chunk holds about so many


def make_records(events: int, customers: int, *, backfill: bool = False) -> list[InputRecord]:
    """The full job's shop, all of it in one partition."""
    made = make_events(events, customers=customers, backfill=backfill)
    return [InputRecord(i, event.key, event.value) for i, event in enumerate(made)]


_found: list[Figure] = []


def say(case: str, metric: str, value: float, unit: str) -> None:
    print(f"{case},{metric},{value:.4g},{unit}", flush=True)
    _found.append(Figure(case, metric, value, unit))


def best(work: Callable[[], object], times: int = 3) -> float:
    return min(_timed(work) for _ in range(times))


def _timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def bench_step(records: list[InputRecord]) -> LocalRunner:
    """The whole of `step`: decode, loop, snapshots encoded. State records are the core's cost, not here."""
    live, behind = _runner(), _runner()
    spent, said = _steps(live, records, CHUNK)
    waited, _ = _steps(behind, records, CHUNK, behind=True)
    snapshots = sum(record.topic == CUSTOMER_HEALTH.name for record in said)
    case = f"step_{len(live.rows)}_customers"
    say(case, "events_per_s", len(records) / spent, "1/s")
    say(case, "events_per_s_behind", len(records) / waited, "1/s")
    say(case, "snapshots_and_changes_per_event", len(said) / len(records), "1")
    say(case, "snapshots_per_s", snapshots / (spent - waited), "1/s")
    decode = best(lambda: decode_many([r.value or b"" for r in records]), 1)
    say(case, "decode_share_behind", decode / waited, "1")
    return live


def bench_small_chunks(runner: LocalRunner, records: list[InputRecord]) -> None:
    """A caught-up worker: the same customers, their next events."""
    spent, said = _steps(runner, records, LIVE_CHUNK)
    case = f"live_chunks_of_{LIVE_CHUNK}"
    say(case, "us_per_event", 1e6 * spent / len(records), "us")
    say(case, "snapshots_and_changes_per_event", len(said) / len(records), "1")


def bench_import(records: list[InputRecord]) -> None:
    """History fills the rows and says nothing; then one sweep says each customer once."""
    wall = 0.0
    runner = LocalRunner(Scorer(load_scorecard(STARTER), wall=lambda: wall), ROW)
    spent, said = _steps(runner, records, CHUNK)
    assert not said, "an import is silent"
    wall, began = IMPORT_QUIET_S, time.process_time()
    found = runner.service.sweep(runner.rows, START + timedelta(days=SPAN_DAYS))
    snapshots = sum(isinstance(o, Record) and o.topic == CUSTOMER_HEALTH.name for o in found)
    say("import", "events_per_s", len(records) / spent, "1/s")
    say("import", "snapshots_per_customer", snapshots / len(runner.rows), "1")
    say("import", "us_per_snapshot", 1e6 * (time.process_time() - began) / snapshots, "us")


def _runner() -> LocalRunner:
    return LocalRunner(Scorer(load_scorecard(STARTER)), ROW)


def _steps(
    runner: LocalRunner, records: list[InputRecord], size: int, *, behind: bool = False
) -> tuple[float, list[Record]]:
    """CPU seconds of `step` alone, and what it said."""
    spent, said = 0.0, []
    for first in range(0, len(records), size):
        taken = records[first : first + size]
        chunk = Chunk(0, 1, taken[0].offset, taken[-1].offset + 1, taken, behind=behind)
        began = time.process_time()
        outputs = list(runner.service.step(chunk, runner.rows, START))
        spent += time.process_time() - began
        said += [output for output in outputs if isinstance(output, Record)]
    return spent, said


def bench_slices(records: list[InputRecord]) -> None:
    """Sweeps of a large partition, as the core cuts them: everybody is owed a word, and then nobody."""
    runner = _runner()
    _steps(runner, records, CHUNK, behind=True)
    for case in ("slices_all_speak", "slices_none_speaks"):
        size, took = SliceSize(), []
        first = 0
        while first < runner.rows.extent:
            view, rows, began = runner.rows.window(first, first + size.rows), size.rows, time.perf_counter()
            list(runner.service.sweep(view, START + timedelta(days=SPAN_DAYS)))
            took.append(time.perf_counter() - began)
            size.took(len(view), took[-1])
            first += rows
        say(case, "p99_ms", 1e3 * float(np.quantile(took, 0.99)), "ms")
        say(case, "longest_ms", 1e3 * max(took), "ms")
        say(case, "us_per_row", 1e6 * sum(took) / runner.rows.extent, "us")


def bench_rows(runner: LocalRunner, count: int) -> None:
    """Copies of the rows that `step` left, up to `count`."""
    live = runner.rows.slots
    array = np.zeros(count, ROW)
    array[:] = runner.rows.array[live[np.arange(count) % len(live)]]
    slots = np.arange(count)
    partition = Partition(runner.rows.memo)
    world = load_scorecard(STARTER).numbers().world(partition.feeds(), partition.memo.segments)
    now = int((START + timedelta(days=SPAN_DAYS + 1)).timestamp())
    say("rows", "bytes_per_customer", ROW.itemsize, "B")
    say("rescore", "seconds_per_1M", best(lambda: rescore(array, slots, now, world)) * 1e6 / count, "s")
    quiet = best(lambda: find_changed(array, slots, now, world, True))
    say("sweep", "seconds_per_1M_to_find_what_changed", quiet * 1e6 / count, "s")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--events", type=int, default=200_000)
    options.add_argument("--customers", type=int, default=50_000)
    options.add_argument("--rows", type=int, default=1_000_000)
    chosen = options.parse_args()
    say("warm_up", "seconds", _timed(warm_up), "s")
    calm_collector()  # as the service does
    for customers in (chosen.customers // 20, chosen.customers):
        records = make_records(chosen.events + LIVE_EVENTS, customers)
        runner = bench_step(records[: chosen.events])
    bench_small_chunks(runner, records[chosen.events :])
    bench_import(make_records(chosen.events, chosen.customers, backfill=True))
    bench_slices(records)
    bench_rows(runner, chosen.rows)
    append("scoring", _found)


if __name__ == "__main__":
    main()
