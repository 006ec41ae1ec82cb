"""The core without Kafka: the same chunks, rows, ledger and state records, held in memory."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from libs.runtime.stream.api import (
    Chunk,
    DeadLetter,
    InputRecord,
    Output,
    Record,
    SourceRecord,
    StreamService,
)
from libs.runtime.stream.outputs import collect
from libs.runtime.stream.rows import Rows
from libs.runtime.stream.state import Migrations, Restorer, changed_records

DEAD_LETTERS = "dead-letters"


class LocalRunner:
    """Feeds records through a service as one partition and commits after each call.

    ``outputs``, ``dead_letters`` and ``state`` (the compacted state topic) are there to be looked at.
    ``restart`` forgets the rows and restores them from ``state``, as a worker does after a crash.
    """

    def __init__(
        self,
        service: StreamService,
        dtype: np.dtype[np.void],
        *,
        layout: int = 1,
        migrate: Migrations | None = None,
        partition: int = 0,
        slice_rows: int | None = None,
    ) -> None:
        self.service, self.partition = service, partition
        self.rows = Rows(dtype)
        self.outputs: list[Record] = []
        self.dead_letters: list[DeadLetter] = []
        self.state: dict[bytes, bytes] = {}
        self.next = 0
        self._layout, self._migrate, self._slice = layout, migrate or {}, slice_rows
        self._epoch = 1

    def feed(self, records: Sequence[SourceRecord], now: datetime) -> list[Record]:
        """One chunk of records, offsets theirs. Returns the records it gave, dead letters apart."""
        if not records:
            return []
        if records[0].offset < self.next:
            raise ValueError(f"offset {records[0].offset} was fed before: the next one is {self.next}")
        after = records[-1].offset + 1
        chunk = Chunk(self.partition, self._epoch, records[0].offset, after, records)
        given = self._collect(self.service.step(chunk, self.rows, now), self.rows)
        self.next = after
        self._commit()
        return given

    def send(self, pairs: Iterable[tuple[bytes | None, bytes | None]], now: datetime) -> list[Record]:
        """Keys and values as one chunk; offsets go on from the last, timestamps are ``now``."""
        stamp = int(now.timestamp() * 1000)
        return self.feed([InputRecord(self.next + i, k, v, stamp) for i, (k, v) in enumerate(pairs)], now)

    def sweep(self, now: datetime) -> list[Record]:
        """One full pass, in slices of ``slice_rows`` rows if that is set; always at least one slice."""
        given: list[Record] = []
        extent = self.rows.extent
        size = self._slice or max(extent, 1)
        for start in range(0, max(extent, 1), size):
            window = self.rows.window(start, start + size)
            given += self._collect(self.service.sweep(window, now), window)
        self._commit()
        return given

    def restart(self) -> None:
        """Lose the memory, restore it from the state records."""
        restorer = Restorer(self.rows.dtype, self._layout, self._migrate, self.partition)
        for offset, (key, value) in enumerate(self.state.items()):
            restorer.apply(key, value, offset)
        self.rows, after = restorer.finish()
        self.next = after or 0
        self._epoch += 1

    def _collect(self, outputs: Iterable[Output], rows: Rows) -> list[Record]:
        buried: list[DeadLetter] = []

        def bury(letter: DeadLetter, _: int) -> Record:
            buried.append(letter)
            return Record(DEAD_LETTERS, letter.record.key or b"", letter.record.value)

        given = [r for r in collect(outputs, rows, self.partition, bury) if r.topic != DEAD_LETTERS]
        self.outputs += given
        self.dead_letters += buried
        return given

    def _commit(self) -> None:
        for key, value in changed_records(self.rows, self.next, self._layout):
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
