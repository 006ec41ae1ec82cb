"""The service under test: a purse for each key, with two lanes, transfers, sweeps and dead letters.

What a purse earns depends on the events lane alone and what it is given on the transfers lane alone, so the
end is the same however the two lanes are mixed.
"""

import time
from collections.abc import Iterable
from datetime import datetime

import numpy as np
import numpy.typing as npt

from libs.runtime.stream import Chunk, DeadLetter, Lane, Output, Record, Rows, SourceRecord, Transfer

ROW = np.dtype(
    [
        ("n", "i8"),  # events
        ("sum", "i8"),  # their amounts, less what was moved to other keys
        ("got_n", "i8"),  # transfers from other keys
        ("got", "i8"),  # their amounts
        ("fresh", "i8"),  # events and transfers that no sweep has told of yet
        ("told", "i8"),  # those it has
    ]
)
TOLD = b"told "
_EVERY = 3  # events of a key between two outputs


class Purses:
    """An event is ``b"amount"``, or ``b"amount key"`` to move the amount on to another key."""

    def __init__(self, out: str, step_s: float = 0.0) -> None:
        self._out, self._step_s = out, step_s

    def step(self, chunk: Chunk, rows: Rows, now: datetime) -> Iterable[Output]:
        time.sleep(self._step_s)  # slow work holds the loop, and chunks wait in line
        take = self._earn if chunk.lane is Lane.EVENTS else self._receive
        for record in chunk.records:
            yield from take(chunk, record, rows)
        rows.watermark = now

    def sweep(self, rows: Rows, now: datetime) -> Iterable[Output]:
        """Tell of what is fresh: all that was told of a key must be what its row says was told."""
        for slot in rows.slots.tolist():
            row = rows.array[slot]
            if row["fresh"]:
                yield Record(self._out, rows.key_of(slot), TOLD + b"%d" % row["fresh"])
                row["told"] += row["fresh"]
                row["fresh"] = 0
                rows.touch(slot)

    def _earn(self, chunk: Chunk, record: SourceRecord, rows: Rows) -> Iterable[Output]:
        digits, _, to = (record.value or b"").partition(b" ")
        if not digits.isdigit():
            yield DeadLetter(record, "not-a-number")
            return
        key, amount = record.key or b"", int(digits)
        row = _fresh_row(rows, key)
        row["n"] += 1
        row["sum"] += 0 if to else amount
        rows.ledger.add("applied")
        if to:
            rows.ledger.add("sent")
            yield Transfer(to, b"%d %d/%d" % (amount, chunk.partition, record.offset))
        if row["n"] % _EVERY == 0:
            yield Record(self._out, key, b"%d %d" % (row["n"], row["sum"]))

    def _receive(self, _: Chunk, record: SourceRecord, rows: Rows) -> Iterable[Output]:
        key, value = record.key or b"", record.value or b""
        row = _fresh_row(rows, key)
        row["got_n"] += 1
        row["got"] += int(value.partition(b" ")[0])
        rows.ledger.add("received")
        yield Record(self._out, key, b"got " + value)


def _fresh_row(rows: Rows, key: bytes) -> "npt.NDArray[np.void]":
    slot = rows.ensure(key)
    rows.touch(slot)
    row = rows.array[slot]
    row["fresh"] += 1
    return row
