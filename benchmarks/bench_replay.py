"""What a log costs from behind, in CPU time: file to columns, columns to rows, rows to a day's frame on disk.

Run: python -m benchmarks.bench_replay [--events 500000] [--customers 50000]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bench_scoring import make_records
from benchmarks.results import Figure, append
from libs.runtime.event_file import EventFile
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.offline.frames import daily
from services.scoring.offline.log import EventLog, build_log
from services.scoring.offline.replay import Replay, end_of
from services.scoring.warm import warm_up

DAYS = 10  # frames of the last days


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(path: Path, folder: Path) -> list[Figure]:
    logs: list[EventLog] = []
    reading = min(_seconds(lambda: logs.append(build_log(EventFile(path).blocks()))) for _ in range(3))
    log, card = logs[-1], load_scorecard(STARTER)
    _, last = log.days()
    applying = _seconds(lambda: Replay(log, card.numbers()).advance(end_of(last)))
    holding = _seconds(lambda: Replay(log, card.numbers()).hold_bands(last - DAYS + 1))
    rows = 0

    def write() -> None:
        nonlocal rows
        for day in daily(log, card, last - DAYS + 1, last):
            day.frame.write_parquet(folder / day.name)
            rows += day.frame.height

    writing = _seconds(write) - holding
    size = sum(file.stat().st_size for file in folder.glob("*.parquet"))
    case = "log"
    return [
        Figure(case, "events_per_s", log.size / (reading + applying), "1/s"),
        Figure(case, "read_events_per_s", log.size / reading, "1/s"),
        Figure(case, "us_per_row_and_day", 1e6 * writing / rows, "us"),
        Figure(case, "bytes_per_row", size / rows, "B"),
        Figure(case, "weekly_looks_s", holding, "s"),
    ]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=500_000)
    options.add_argument("--customers", type=int, default=50_000)
    options.add_argument("--dry", action="store_true", help="print the figures and keep none")
    chosen = options.parse_args()
    warm_up()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "events.jsonl"
        with path.open("wb") as file:
            file.writelines((r.value or b"") + b"\n" for r in make_records(chosen.events, chosen.customers))
        figures = measure(path, folder)
    for figure in figures:
        print(f"{figure.case},{figure.metric},{figure.value:.4g},{figure.unit}")
    if not chosen.dry:
        append("replay", figures)


if __name__ == "__main__":
    main()
