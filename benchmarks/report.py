"""The newest figure of each kind in results.csv against its goal, and pictures of them.

Run: python -m benchmarks.report [--pictures docs/performance]
"""

import argparse
import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.results import RESULTS

Newest = dict[tuple[str, str, str], float]


class Goal(NamedTuple):
    """One row: what, where it stands in results.csv, and what it must reach."""

    what: str
    bench: str
    case: str
    metric: str
    goal: float
    unit: str
    at_least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.goal if self.at_least else value < self.goal


def _latency(case: str, what: str) -> tuple[Goal, Goal]:
    return (
        Goal(f"{what}, p50", "latency", case, "p50", 100, "ms"),
        Goal(f"{what}, p99", "latency", case, "p99", 250, "ms"),
    )


def _ratio(case: str, what: str, goal: float) -> Goal:
    return Goal(f"equal job over {what}", "equal_job", case, "ours_over_this", goal, "x", at_least=True)


GOALS: tuple[Goal, ...] = (
    _ratio("kafka-streams-eos", "Kafka Streams, exactly once", 1.3),
    _ratio("kafka-streams", "Kafka Streams, at least once", 1.0),  # it promises less: no goal of ours
    _ratio("quix", "Quix Streams", 5),
    _ratio("faust-stock", "stock Faust", 40),
    _ratio("limit", "a bare read and decode", 0.55),
    Goal("full job, a core", "full_job", "kafka", "events_per_cpu_s", 100_000, "1/s", at_least=True),
    *_latency("event_100", "event to health, 100/s"),
    *_latency("event_2000", "event to health, 2,000/s"),
    *_latency("event_10000", "event to health, 10,000/s"),
    Goal("change to trigger, 2,000/s, p99", "latency", "trigger_2000", "p99", 250, "ms"),
    Goal(
        "snapshots a second, 20 rules",
        "triggers",
        "20_rules",
        "snapshots_per_s",
        30_000,
        "1/s",
        at_least=True,
    ),
    Goal("state of triggers a customer", "triggers", "20_rules", "state_bytes_per_customer", 600, "B"),
    *_latency("webhook_100", "webhook to health, 100/s"),
    *_latency("webhook_2000", "webhook to health, 2,000/s"),
    Goal("signed webhooks, one process", "ingest", "rate", "webhooks_per_s", 5_000, "1/s", at_least=True),
    Goal("the same over the empty route", "ingest", "rate", "of_the_empty_route", 0.6, "x", at_least=True),
    Goal("webhook answered at 2,500/s, p99", "ingest", "half", "p99", 50, "ms"),
    Goal("broker away: accepted and lost", "ingest", "away", "missing", 1, "events"),
    Goal("1,000,000 customers restored", "restore", "1000000_customers", "restore_s", 10, "s"),
    Goal("1,000,000 customers re-scored", "scoring", "rescore", "seconds_per_1M", 0.5, "s"),
    Goal("a log from behind, a core", "replay", "log", "events_per_s", 150_000, "1/s", at_least=True),
    Goal("all rules on 1,000,000 customers", "rules", "20_rules_1000000_customers", "rules_s", 0.2, "s"),
    Goal("one of two workers killed: pause", "failover", "2_workers_20000_per_s", "longest_pause_s", 10, "s"),
)


def newest(path: Path = RESULTS) -> Newest:
    """The last line of each bench, case and metric."""
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    return {(line["bench"], line["case"], line["metric"]): float(line["value"]) for line in lines}


def table(found: Newest) -> Table:
    shown = Table(title="Goals and the newest figures")
    for name in ("what", "goal", "measured", ""):
        shown.add_column(name, justify="left" if name == "what" else "right")
    for goal in GOALS:
        value = found.get((goal.bench, goal.case, goal.metric))
        sign = ">=" if goal.at_least else "<"
        told = "not measured" if value is None else f"{value:,.4g} {goal.unit}"
        verdict = "" if value is None else "reached" if goal.met(value) else "MISSED"
        shown.add_row(goal.what, f"{sign} {goal.goal:,.4g} {goal.unit}", told, verdict)
    return shown


def pictures(found: Newest, folder: Path) -> Iterator[Path]:
    """One PNG each; drawn without a browser."""
    from benchmarks import charts

    drawn: dict[str, Callable[[Newest], object]] = {
        "engines": charts.engines,
        "latency": charts.latency,
        "scale": charts.scale,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in drawn.items():
        charts.save(draw(found), folder / f"{name}.png")
        yield folder / f"{name}.png"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pictures", type=Path, help="also draw, into this folder")
    chosen = options.parse_args()
    found = newest()
    Console(width=110).print(table(found))
    if chosen.pictures:
        for path in pictures(found, chosen.pictures):
            print(path)


if __name__ == "__main__":
    main()
