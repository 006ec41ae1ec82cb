"""Memory a customer and time an event at 10,000, 100,000 and 1,000,000 customers: the lines should be flat.

Run: python -m benchmarks.bench_scale. CPU time of scoring's `step` while behind, customers drawn uniformly:
the worst case for the processor's caches. In this process, without Kafka.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import numpy as np
import psutil
from rich.progress import track

from benchmarks.results import Figure, append
from libs.events import build, encode
from libs.events.families.engagement import SiteVisited
from libs.runtime.lifecycle import calm_collector
from libs.runtime.stream import Chunk, InputRecord, Lane, Rows
from libs.runtime.stream.state import changed_records
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.row import LAYOUT, ROW
from services.scoring.service import Scorer
from services.scoring.warm import warm_up

SIZES = (10_000, 100_000, 1_000_000)
EVENTS, CHUNK = 400_000, 4_000
_COMMIT = 200_000  # events between two commits: two seconds at the goal
_NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _records(customers: int) -> list[InputRecord]:
    visit = SiteVisited(session_id="session", pages=3, seconds=90)
    event = build(visit, id="ID", source="x", tenant="demo", subject="SUBJECT", time=_NOW, receivedat=_NOW)
    template = encode(event)
    who = np.random.default_rng(7).integers(0, customers, EVENTS).tolist()
    return [InputRecord(i, _key(number), _filled(template, i, number)) for i, number in enumerate(who)]


def _key(number: int) -> bytes:
    return b"demo/c%d" % number


def _filled(template: bytes, i: int, number: int) -> bytes:
    return template.replace(b'"ID"', b'"e%d"' % i).replace(b"SUBJECT", b"c%d" % number)


def _chunks(records: list[InputRecord]) -> Iterator[Chunk]:
    for first in range(0, len(records), CHUNK):
        yield Chunk(0, 1, first, first + CHUNK, records[first : first + CHUNK], behind=True)


def _memory() -> int:
    return int(psutil.Process().memory_info().rss)


def measure(customers: int) -> list[Figure]:
    records, before = _records(customers), _memory()
    rows, scorer = Rows(ROW), Scorer(load_scorecard(STARTER))
    slots = rows.ensure_many(map(_key, range(customers)))
    rows.array["spend"][slots] = 1  # memory that nobody has written to is not there yet
    held = _memory() - before
    list(changed_records(rows, {Lane.EVENTS: 0}, LAYOUT))
    stepped = committed = 0.0
    for chunk in _chunks(records):
        began = time.process_time()
        list(scorer.step(chunk, rows, _NOW))
        stepped += time.process_time() - began
        if chunk.next % _COMMIT == 0:
            began = time.process_time()
            changed_records(rows, {Lane.EVENTS: chunk.next}, LAYOUT)
            committed += time.process_time() - began
    case = f"{customers}_customers"
    return [
        Figure(case, "bytes_per_customer", held / customers, "B"),
        Figure(case, "step_us_per_event", 1e6 * stepped / EVENTS, "us"),
        Figure(case, "commit_us_per_event", 1e6 * committed / EVENTS, "us"),
    ]


def main() -> None:
    warm_up()
    calm_collector()
    assert msgspec.json.decode(_records(1)[0].value or b"")["subject"] == "c0"
    figures = [figure for size in track(SIZES, "customers") for figure in measure(size)]
    append("scale", figures)
    for figure in figures:
        print(f"scale,{figure.case},{figure.metric},{figure.value:.3f},{figure.unit}")


if __name__ == "__main__":
    main()
