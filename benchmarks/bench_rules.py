"""What evaluating every standard rule on a million customers costs. Run: python -m benchmarks.bench_rules

Time of the sweep's own path: the rows' fields as columns, then all rules.
"""

import argparse
import time
from datetime import UTC, datetime

import numpy as np

from benchmarks.results import Figure, append
from libs.runtime.stream.sweep import LARGEST
from services.triggers.adapters.rule_file import STANDARD, load
from services.triggers.domain import rows as layout
from services.triggers.domain.evaluator import Evaluator
from services.triggers.domain.vocabulary import STORED

_NOW = datetime(2026, 6, 1, tzinfo=UTC)


def random_rows(count: int) -> layout.Array:
    """Values within what a fact may be, a tenth of them unknown."""
    noise, rows = np.random.default_rng(7), np.zeros(count, layout.TriggersRow)
    for column in STORED:
        kind = rows[column.name].dtype
        if kind.kind == "M":
            days = noise.integers(0, 300, count).astype("m8[D]")
            rows[column.name] = np.datetime64("2026-06-01", "us") - days
        elif kind.kind == "f":
            rows[column.name] = noise.random(count) * 100
        elif column.choices:
            rows[column.name] = noise.integers(0, len(column.choices) + 1, count)
        else:
            rows[column.name] = noise.integers(0, 2, count)
    return rows


def measure(count: int) -> list[Figure]:
    rules = load(STANDARD)
    evaluator, rows = Evaluator(rules), random_rows(count)
    labels = layout.Labels.of(["consumer", "wholesale"])
    best = {"columns": 9e9, "rules": 9e9}
    for _ in range(3):
        began = time.perf_counter()
        columns = layout.columns(rows, labels, _NOW, evaluator.columns)
        for name in evaluator.columns:
            columns[name]
        made = time.perf_counter()
        evaluator.evaluate(columns)
        ended = time.perf_counter()
        best = {"columns": min(best["columns"], made - began), "rules": min(best["rules"], ended - made)}
    best["in_slices"] = _sliced(evaluator, rows, labels)
    case = f"{len(rules)}_rules_{count}_customers"
    return [Figure(case, f"{name}_s", seconds, "s") for name, seconds in best.items()]


def _sliced(evaluator: Evaluator, rows: layout.Array, labels: layout.Labels) -> float:
    """Both, as a sweep does it between chunks: so many rows at a time."""
    began = time.perf_counter()
    for first in range(0, len(rows), LARGEST):
        evaluator.evaluate(layout.columns(rows[first : first + LARGEST], labels, _NOW, evaluator.columns))
    return time.perf_counter() - began


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--customers", type=int, default=1_000_000)
    figures = measure(options.parse_args().customers)
    append("rules", figures)
    for figure in figures:
        print(f"rules,{figure.case},{figure.metric},{figure.value:.4f},{figure.unit}")


if __name__ == "__main__":
    main()
