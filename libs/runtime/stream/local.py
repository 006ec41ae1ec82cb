"""The core without Kafka: the same chunks, rows, ledger and state records, held in memory."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain

import numpy as np

from libs.runtime.stream.api import (
    Chunk,
    DeadLetter,
    InputRecord,
    Lane,
    Output,
    Record,
    SourceRecord,
    StreamService,
    Transfer,
)
from libs.runtime.stream.outputs import collect
from libs.runtime.stream.rows import Rows
from libs.runtime.stream.state import Migrations, Positions, Restorer, changed_records

DEAD_LETTERS = "dead-letters"


class LocalRunner:
    """Feeds records through a service as one partition and commits after each call.

    ``outputs``, ``dead_letters``, ``transfers`` and ``state`` (the compacted state topic) are there to be
    looked at. ``receive`` takes transfers in, those of other runners or its own; ``settle`` does so until
    none is left. ``restart`` forgets the rows and restores them from ``state``, as a worker does after a
    crash.
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
        self.transfers: list[Transfer] = []  # sent, not yet taken by anybody
        self.state: dict[bytes, bytes] = {}
        self.positions: Positions = dict.fromkeys(Lane, 0)
        self._layout, self._migrate, self._slice = layout, migrate or {}, slice_rows
        self._epoch = 1

    @property
    def next(self) -> int:
        """The offset of the next event."""
        return self.positions[Lane.EVENTS]

    def feed(
        self,
        records: Sequence[SourceRecord],
        now: datetime,
        *,
        lane: Lane = Lane.EVENTS,
        behind: bool = False,
    ) -> list[Record]:
        """One chunk of records, offsets theirs. Returns the records it gave, dead letters apart."""
        if not records:
            return []
        first, after = records[0].offset, records[-1].offset + 1
        if first < self.positions[lane]:
            raise ValueError(f"offset {first} was fed before: the next one is {self.positions[lane]}")
        chunk = Chunk(self.partition, self._epoch, first, after, records, lane, behind)
        given = self._collect(self.service.step(chunk, self.rows, now), self.rows)
        self.positions[lane] = after
        self._commit()
        return given

    def send(
        self, pairs: Iterable[tuple[bytes | None, bytes | None]], now: datetime, *, behind: bool = False
    ) -> list[Record]:
        """Keys and values as one chunk; offsets go on from the last, timestamps are ``now``."""
        return self.feed(self._records(Lane.EVENTS, pairs, now), now, behind=behind)

    def receive(self, transfers: Iterable[Transfer], now: datetime) -> list[Record]:
        """Transfers as one chunk of their lane."""
        pairs = ((transfer.key, transfer.value) for transfer in transfers)
        return self.feed(self._records(Lane.TRANSFERS, pairs, now), now, lane=Lane.TRANSFERS)

    def settle(self, now: datetime) -> list[Record]:
        """Take in its own transfers, and those that they give, until none is left."""
        given: list[Record] = []
        while self.transfers:
            sent, self.transfers = self.transfers, []
            given += self.receive(sent, now)
        return given

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
        restored = restorer.finish()
        self.rows = restored.rows
        self.positions = dict.fromkeys(Lane, 0) | restored.positions
        self._epoch += 1

    def _records(
        self, lane: Lane, pairs: Iterable[tuple[bytes | None, bytes | None]], now: datetime
    ) -> list[InputRecord]:
        stamp, first = int(now.timestamp() * 1000), self.positions[lane]
        return [InputRecord(first + i, k, v, stamp) for i, (k, v) in enumerate(pairs)]

    def _collect(self, outputs: Iterable[Output], rows: Rows) -> list[Record]:
        buried: list[DeadLetter] = []

        def bury(letter: DeadLetter, _: int) -> Record:
            buried.append(letter)
            return Record(DEAD_LETTERS, letter.record.key or b"", letter.record.value)

        found = collect(outputs, rows, self.partition, bury)
        self.transfers += [output for output in found if isinstance(output, Transfer)]
        given = [r for r in found if isinstance(r, Record) and r.topic != DEAD_LETTERS]
        self.outputs += given
        self.dead_letters += buried
        return given

    def _commit(self) -> None:
        for key, value in chain(*changed_records(self.rows, self.positions, self._layout)):
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
