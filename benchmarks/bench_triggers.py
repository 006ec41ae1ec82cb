"""What triggers costs in CPU time, with the standard rules: `step` over snapshots, and what it keeps of each.

Run: python -m benchmarks.bench_triggers [--events 100000] [--customers 20000] [--dry]
The snapshots are those that scoring says of the full job's shop. Best of three.
"""

import argparse
from datetime import timedelta

from benchmarks.bench_scoring import CHUNK, best, make_records
from benchmarks.full_job.data import SPAN_DAYS, START
from benchmarks.results import Figure, append
from libs.events.topics import CUSTOMER_HEALTH
from libs.runtime.lifecycle import calm_collector
from libs.runtime.stream import Chunk, InputRecord, LocalRunner
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.row import ROW
from services.scoring.service import Scorer
from services.scoring.warm import warm_up
from services.triggers.adapters.rule_file import STANDARD, load
from services.triggers.domain.rows import TriggersRow
from services.triggers.service import Triggers

_NOW = START + timedelta(days=SPAN_DAYS)


def snapshots(events: int, customers: int) -> list[InputRecord]:
    """In the order in which scoring says them, in chunks of a worker that has caught up."""
    scoring, found = LocalRunner(Scorer(load_scorecard(STARTER)), ROW), []
    records = make_records(events, customers)
    for first in range(0, events, 200):
        said = scoring.feed(records[first : first + 200], START)
        found += [(one.key, one.value) for one in said if one.topic == CUSTOMER_HEALTH.name]
    return [InputRecord(i, key, value) for i, (key, value) in enumerate(found)]


def measure(events: int, customers: int) -> list[Figure]:
    said, rules = snapshots(events, customers), load(STANDARD)
    calm_collector()
    runner = LocalRunner(Triggers(rules), TriggersRow)
    for first in range(0, len(said), CHUNK):  # everybody is known, as after a day
        runner.feed(said[first : first + CHUNK], _NOW)
    runner.sweep(_NOW)
    case = f"{len(rules)}_rules"
    found = [Figure(case, "state_bytes_per_customer", _kept(runner), "B")]
    for name, size in (("snapshots_per_s", CHUNK), ("snapshots_per_s_in_chunks_of_100", 100)):
        seconds = best(lambda size=size: _steps(runner, said, size))  # type: ignore[misc]  # mypy: a default
        found.append(Figure(case, name, len(said) / seconds, "1/s"))
    return found


def _kept(runner: LocalRunner) -> float:
    """Bytes on the state topic a customer: the row, what its rules remember, and the keys of both."""
    size = sum(len(key) + len(value) for key, value in runner.state.items())
    return size / len(runner.rows)


def _steps(runner: LocalRunner, records: list[InputRecord], size: int) -> None:
    """`step` alone: state records are the core's cost."""
    for first in range(0, len(records), size):
        taken = records[first : first + size]
        chunk = Chunk(0, 1, taken[0].offset, taken[-1].offset + 1, taken)
        list(runner.service.step(chunk, runner.rows, _NOW))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=100_000)
    options.add_argument("--customers", type=int, default=20_000)
    options.add_argument("--dry", action="store_true", help="print the figures and keep none")
    chosen = options.parse_args()
    warm_up()
    figures = measure(chosen.events, chosen.customers)
    for figure in figures:
        print(f"triggers,{figure.case},{figure.metric},{figure.value:.5g},{figure.unit}")
    if not chosen.dry:
        append("triggers", figures)


if __name__ == "__main__":
    main()
