"""The service under test, and the program that runs it as a process: counts and sums by key."""

import asyncio
import sys
from collections.abc import Iterable
from datetime import datetime

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry

from libs.runtime.clock import SystemClock
from libs.runtime.logging import configure_logging
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stream import Chunk, DeadLetter, Output, Record, Rows
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.worker import StreamWorker

ROW = np.dtype([("n", "i8"), ("sum", "i8")])


class EveryThird:
    """Each third event of a key gives an output; a sweep gives one for each row."""

    def __init__(self, out: str) -> None:
        self._out = out

    def step(self, chunk: Chunk, rows: Rows, now: datetime) -> Iterable[Output]:
        for record in chunk.records:
            key, value = record.key or b"", record.value or b""
            if value == b"raise":
                raise RuntimeError("as asked")
            if not value.isdigit():
                yield DeadLetter(record, "not-a-number")
                continue
            slot = rows.ensure(key)
            row = rows.array[slot]
            row["n"] += 1
            row["sum"] += int(value)
            rows.touch(slot)
            rows.ledger.add("applied")
            if row["n"] % 3 == 0:
                yield Record(self._out, key, b"%d %d" % (row["n"], row["sum"]))
        rows.watermark = now

    def sweep(self, rows: Rows, now: datetime) -> Iterable[Output]:
        return [Record(self._out, rows.key_of(s), b"swept %d" % now.timestamp()) for s in rows.slots.tolist()]


async def main(job: dict[str, str], instance: str) -> None:
    worker = StreamWorker(
        app_id=job["app"],
        source=job["source"],
        state=job["state"],
        dead_letters=job["dead"],
        outputs=[job["out"]],
        row=ROW,
        layout=1,
        service=EveryThird(job["out"]),
        settings=RuntimeSettings(kafka=job["kafka"]),
        stream=StreamSettings(instance=instance, sweep_s=3600),
        clock=SystemClock(),
        metrics=CollectorRegistry(),
    )
    await worker.run()


if __name__ == "__main__":
    configure_logging("counter", as_json=True)
    asyncio.run(main(msgspec.json.decode(sys.argv[1]), sys.argv[2]))
