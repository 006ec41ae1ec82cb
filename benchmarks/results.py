"""results.csv: what every benchmark has measured, a line a figure, newest last."""

import csv
import os
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).with_name("results.csv")
HEADER = ("date", "commit", "cores", "bench", "case", "metric", "value", "unit")


class Figure(NamedTuple):
    """One measured number."""

    case: str
    metric: str
    value: float
    unit: str


def append(bench: str, figures: Iterable[Figure], path: Path = RESULTS) -> None:
    """Add a run's figures, all with the same date, commit and number of cores."""
    run = (datetime.now(UTC).isoformat(timespec="seconds"), _commit(), os.cpu_count(), bench)
    new = not path.exists()
    with path.open("a", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        if new:
            lines.writerow(HEADER)
        lines.writerows((*run, f.case, f.metric, f"{f.value:.6g}", f.unit) for f in figures)


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    answer = subprocess.run(command, cwd=RESULTS.parent, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or "unknown"
