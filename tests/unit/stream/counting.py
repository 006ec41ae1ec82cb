"""The service of these tests: counts and sums by key, says so for each event; a sweep names every row."""

from collections.abc import Iterable
from datetime import datetime

import numpy as np

from libs.runtime.stream import Chunk, DeadLetter, Output, Record, Rows

ROW = np.dtype([("n", "i8"), ("sum", "i8")])


class Counting:
    def __init__(self) -> None:
        self.swept: list[datetime] = []

    def step(self, chunk: Chunk, rows: Rows, now: datetime) -> Iterable[Output]:
        for record in chunk.records:
            if record.value == b"raise":
                raise RuntimeError("as asked")
            if not record.value or not record.value.isdigit():
                yield DeadLetter(record, "not-a-number", f"{record.value!r}")
                continue
            slot = rows.ensure(record.key or b"?")
            row = rows.array[slot]
            row["n"] += 1
            row["sum"] += int(record.value)
            rows.touch(slot)
            rows.ledger.add("applied")
            yield Record("out", record.key or b"?", b"%d %d" % (row["n"], row["sum"]))
        rows.watermark = now

    def sweep(self, rows: Rows, now: datetime) -> Iterable[Output]:
        self.swept.append(now)
        return [Record("swept", rows.key_of(slot), b"") for slot in rows.slots.tolist()]
