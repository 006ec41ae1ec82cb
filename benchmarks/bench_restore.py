"""How long a worker needs to have a million customers in memory again, read from the state topic.

Run: python benchmarks/bench_restore.py [--customers 1000000] [--partitions 12]
The topic is filled through the core's own transactions, each row once; then a worker starts on it.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator

import numpy as np
from prometheus_client import CollectorRegistry

from benchmarks.broker import Topic, broker
from benchmarks.results import Figure, append
from libs.runtime.clock import SystemClock
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stream import Lane, Rows
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.state import changed_records
from libs.runtime.stream.transaction import Batch, PartitionProducer
from libs.runtime.stream.worker import StreamWorker
from libs.runtime.topics import ensure_topics
from services.scoring.domain.row import ROW

_COMMIT = 20_000  # rows a transaction: as large as a commit while behind
_COMPACT = {"cleanup.policy": "compact"}


class Idle:
    """A service with nothing to do: what is measured is the core."""

    def step(self, *_: object) -> tuple[()]:
        return ()

    def sweep(self, *_: object) -> tuple[()]:
        return ()


def commits(number: int, customers: int) -> Iterator[list[Batch]]:
    """A partition's rows as a worker would have written them."""
    rows, noise = Rows(ROW), np.random.default_rng(number)
    for first in range(0, customers, _COMMIT):
        keys = [b"demo/c%d-%d" % (number, i) for i in range(first, min(first + _COMMIT, customers))]
        slots = rows.ensure_many(keys)
        rows.array["spend"][slots] = noise.integers(0, 1_000_000, len(slots))
        rows.touch_many(slots)
        yield [Batch("state", part) for part in changed_records(rows, {Lane.EVENTS: 0}, 1)]


async def fill(kafka: str, customers: int, partitions: int) -> None:
    for number in range(partitions):
        producer = PartitionProducer(kafka, "filler", number, 60.0)
        await producer.open()
        share = customers // partitions + (number < customers % partitions)
        for writes in commits(number, share):
            await producer.write(writes)
        await producer.close()
        print(f"filled partition {number}", flush=True)


def make_worker(kafka: str, registry: CollectorRegistry) -> StreamWorker:
    return StreamWorker(
        app_id="restore",
        source="source",
        state="state",
        dead_letters="dead",
        row=ROW,
        layout=1,
        service=Idle(),
        settings=RuntimeSettings(kafka=kafka),
        stream=StreamSettings(sweep_s=3600),
        clock=SystemClock(),
        metrics=registry,
    )


async def restore(kafka: str) -> dict[str, float]:
    registry, stop = CollectorRegistry(), asyncio.Event()
    worker = make_worker(kafka, registry)
    began, cpu = time.perf_counter(), time.process_time()
    running = asyncio.create_task(worker.run(stop))
    while not worker.readiness().ready and not running.done():  # noqa: ASYNC110 (readiness tells nobody)
        await asyncio.sleep(0.05)
    found = {"ready_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}
    sample = registry.get_sample_value
    found["restore_s"] = sample("greenline_stream_restore_seconds_sum", {"app": "restore"}) or 0.0
    stop.set()
    await running
    return found


async def measure(kafka: str, customers: int, partitions: int) -> list[Figure]:
    topics = [Topic("source"), Topic("dead"), Topic("state", _COMPACT)]
    await ensure_topics(kafka, topics, partitions=partitions)
    await fill(kafka, customers, partitions)
    found = await restore(kafka)
    return [Figure(f"{customers}_customers", name, value, "s") for name, value in found.items()]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--customers", type=int, default=1_000_000)
    options.add_argument("--partitions", type=int, default=12)
    chosen = options.parse_args()
    with broker() as kafka:
        figures = asyncio.run(measure(kafka, chosen.customers, chosen.partitions))
    append("restore", figures)
    for figure in figures:
        print(f"restore,{figure.case},{figure.metric},{figure.value:.3f},{figure.unit}")


if __name__ == "__main__":
    main()
