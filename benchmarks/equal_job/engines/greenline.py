"""Ours: a service of two functions on the streaming core, exactly once."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

import numba
import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry

from benchmarks.equal_job.job import CHUNK, COMMIT_S, EVERY, Spec, decode, start, tally
from libs.runtime.clock import SystemClock
from libs.runtime.lifecycle import calm_collector
from libs.runtime.logging import configure_logging
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stream import Chunk, Output, Record, Rows
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.worker import StreamWorker

ROW = np.dtype([("n", "i8"), ("s", "i8")])
Column = npt.NDArray[np.int64]


@numba.njit
def count(
    array: npt.NDArray[np.void], dirty: npt.NDArray[np.bool_], slots: Column, amounts: Column
) -> tuple[Column, Column, Column]:
    """Apply a chunk's events; where a customer's tenth was, and its n and s at that moment."""
    at, n, s = np.empty_like(slots), np.empty_like(slots), np.empty_like(slots)
    found = 0
    for i in range(len(slots)):
        row = array[slots[i]]
        row.n += 1
        row.s += amounts[i]
        dirty[slots[i]] = True
        if row.n % EVERY == 0:
            at[found], n[found], s[found] = i, row.n, row.s
            found += 1
    return at[:found], n[:found], s[:found]


class Counter:
    """The equal job."""

    def __init__(self, out: str) -> None:
        self._out = out

    def step(self, chunk: Chunk, rows: Rows, now: datetime) -> Iterable[Output]:
        records = chunk.records
        amounts = np.fromiter((decode(r.value).amount for r in records), np.int64, len(records))
        keys = [r.key for r in records]
        slots = rows.ensure_many(keys)
        tenth = count(rows.array, rows.dirty, slots, amounts)
        rows.watermark = now
        for i, n, s in zip(*map(np.ndarray.tolist, tenth), strict=True):
            yield Record(self._out, keys[i], tally(n, s))

    def sweep(self, _rows: Rows, _now: datetime) -> Iterable[Output]:
        return ()


def worker(spec: Spec) -> StreamWorker:
    return StreamWorker(
        app_id=spec.app,
        source=spec.source,
        state=spec.state,
        dead_letters=spec.dead_letters,
        outputs=[spec.out],
        row=ROW,
        layout=1,
        service=Counter(spec.out),
        settings=RuntimeSettings(kafka=spec.kafka),
        stream=StreamSettings(commit_s=COMMIT_S, commit_behind_s=COMMIT_S, chunk_records=CHUNK),
        clock=SystemClock(),
        metrics=CollectorRegistry(),
    )


def warm_up() -> None:
    """Compile the loop: a step holds the event loop, and with it the group's heartbeats."""
    count(np.zeros(1, ROW), np.zeros(1, np.bool_), np.zeros(1, np.int64), np.zeros(1, np.int64))


if __name__ == "__main__":
    configure_logging("equal-job", as_json=True)
    warm_up()
    calm_collector()
    asyncio.run(worker(start()).run())
