"""The state topic's records: rows, sparse records and the checkpoint. Pure: bytes in, bytes out.

Row:        key = the row's key,      value = layout version (2 bytes, big-endian) + the row's bytes
Sparse:     key = 0x01 + its key,     value = the service's bytes
Checkpoint: key = 0x00 + "checkpoint",  value = JSON, see :class:`Checkpoint`
Trouble:    key = 0x00 + "trouble",     value = JSON, see :class:`Trouble`; a tombstone when it is over
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from libs.runtime.stream.api import Lane, SourceRecord
from libs.runtime.stream.batches import Columns
from libs.runtime.stream.errors import StateError
from libs.runtime.stream.rows import FIRST_ROW_KEY, Ledger, Rows

CHECKPOINT_KEY = b"\x00checkpoint"
TROUBLE_KEY = b"\x00trouble"
SPARSE_PREFIX = b"\x01"
_LAYOUT_BYTES = 2

# From a layout version to the row's bytes in the next version.
Migrations = Mapping[int, Callable[[bytes], bytes]]

# The next offset to take in, by lane.
Positions = dict[Lane, int]


class Checkpoint(msgspec.Struct, frozen=True):
    """Where a partition stands. Written with the rows it describes, so it is never ahead or behind."""

    next: int
    layout: int
    rows: int  # how many rows and sparse records must be found with it
    sparse: int
    ledger: dict[str, int]
    watermark: datetime | None
    memo: bytes
    transfers: int | None = None  # `next` of the transfers lane; None before there was one

    def positions(self) -> Positions:
        found = {Lane.EVENTS: self.next}
        return found if self.transfers is None else {**found, Lane.TRANSFERS: self.transfers}


class Trouble(msgspec.Struct, frozen=True):
    """A chunk that made `step` raise, kept over restarts: how often in a row, and where."""

    lane: Lane
    first: int
    next: int
    committed: int  # where the checkpoint stood: another one means that there was progress in between
    times: int
    error: str

    def again(self, other: "Trouble") -> "Trouble":
        """The same trouble once more, or `other` as the first of its kind."""
        same = (self.lane, self.committed) == (other.lane, other.committed)
        return msgspec.structs.replace(other, times=self.times + 1) if same else other

    def holds(self, lane: Lane, first: int) -> bool:
        """Whether a chunk that begins there may hold the record that raised."""
        return lane == self.lane and first < self.next


class Restored(NamedTuple):
    """A partition as its state topic tells."""

    rows: Rows
    positions: Positions  # empty when the partition has never been committed
    trouble: Trouble | None
    state_next: int | None  # next offset of the state partition; None when nothing is there


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Checkpoint).decode
_decode_trouble = msgspec.json.Decoder(Trouble).decode


StateRecord = tuple[bytes, bytes | None]


def changed_records(rows: Rows, positions: Positions, layout: int) -> list[Columns]:
    """What a commit writes: each changed row once as it is now, then the rest with the checkpoint last.

    Everything is copied before this returns; the rows may move on while the records are being written.
    """
    slots, removed = rows.drain()
    keys = [rows.key_of(slot) for slot in slots.tolist()]
    gone: list[StateRecord] = [(key, None) for key in removed]
    sparse = [(SPARSE_PREFIX + key, value) for key, value in rows.sparse.drain()]
    checkpoint = (CHECKPOINT_KEY, encode_checkpoint(rows, positions, layout))
    return [
        Columns.of_rows(keys, _with_layout(rows.raw[slots], layout)),
        Columns.of_pairs([*gone, *sparse, checkpoint]),
    ]


def _with_layout(rows: npt.NDArray[np.uint8], layout: int) -> npt.NDArray[np.uint8]:
    made = np.empty((len(rows), _LAYOUT_BYTES + rows.shape[1]), np.uint8)
    made[:, :_LAYOUT_BYTES] = list(layout.to_bytes(_LAYOUT_BYTES))
    made[:, _LAYOUT_BYTES:] = rows
    return made


def trouble_record(trouble: Trouble | None) -> StateRecord:
    return TROUBLE_KEY, None if trouble is None else _encode(trouble)


def encode_checkpoint(rows: Rows, positions: Positions, layout: int) -> bytes:
    return _encode(
        Checkpoint(
            next=positions[Lane.EVENTS],
            transfers=positions.get(Lane.TRANSFERS),
            layout=layout,
            rows=len(rows),
            sparse=len(rows.sparse),
            ledger=rows.ledger.as_dict(),
            watermark=rows.watermark,
            memo=rows.memo,
        )
    )


class Restorer:
    """Builds a partition's rows from its state records, read in order. Refuses what it cannot read.

    With a `base` (rows that were whole at an earlier offset) only what came after it need be applied.
    """

    def __init__(
        self,
        dtype: np.dtype[np.void],
        layout: int,
        migrate: Migrations,
        partition: int,
        base: Restored | None = None,
    ) -> None:
        self.rows = Rows(dtype) if base is None else base.rows
        self.records = 0
        self.next = None if base is None else base.state_next  # the state offset to read on from
        self._known = {} if base is None else base.positions
        self._trouble = None if base is None else base.trouble
        self._checkpoint: Checkpoint | None = None
        self._layout, self._migrate, self._partition = layout, migrate, partition
        self._head = layout.to_bytes(_LAYOUT_BYTES)
        self._plain_size = _LAYOUT_BYTES + np.dtype(dtype).itemsize

    def apply_all(self, records: Iterable[SourceRecord]) -> None:
        """In order; runs of rows in today's layout at once, which is nearly all there is."""
        run: list[SourceRecord] = []
        for record in records:
            if self._is_plain(record.key, record.value):
                run.append(record)
            else:
                self._apply_run(run)
                run = []
                self.apply(record.key, record.value, record.offset)
        self._apply_run(run)

    def _is_plain(self, key: bytes | None, value: bytes | None) -> bool:
        if value is None or len(value) != self._plain_size or not value.startswith(self._head):
            return False
        return key is not None and key >= FIRST_ROW_KEY

    def _apply_run(self, run: list[SourceRecord]) -> None:
        if not run:
            return
        self.records += len(run)
        slots = self.rows.ensure_many([record.key or b"" for record in run])
        values = np.frombuffer(b"".join(record.value or b"" for record in run), np.uint8)
        bodies = values.reshape(len(run), self._plain_size)[:, _LAYOUT_BYTES:]
        # As plain bytes: numpy would copy a structured row field by field. Of a key told twice the last wins.
        self.rows.raw[slots] = bodies

    def apply(self, key: bytes | None, value: bytes | None, offset: int) -> None:
        self.records += 1
        if key is None or not key:
            raise self._refuse(offset, "it has no key")
        if key[:1] == CHECKPOINT_KEY[:1]:
            self._apply_own(key, value, offset)
        elif key[:1] == SPARSE_PREFIX:
            self.rows.sparse.load(key[1:], value)
        elif value is None:
            self.rows.remove(key)
        else:
            self._apply_row(key, value, offset)

    def finish(self) -> Restored:
        """The rows, where they stand and what had gone wrong. Raises StateError when part of it is lost."""
        rows, seen = self.rows, self._checkpoint
        if seen is None:
            if not self._known and (len(rows) or len(rows.sparse)):
                raise StateError(f"state partition {self._partition} has rows but no checkpoint")
            return Restored(rows, self._known, self._trouble, self.next)
        if (len(rows), len(rows.sparse)) != (seen.rows, seen.sparse):
            raise StateError(
                f"state partition {self._partition} holds {len(rows)} rows and {len(rows.sparse)} sparse "
                f"records, its checkpoint says {seen.rows} and {seen.sparse}: part of it is lost"
            )
        rows._p.ledger = Ledger(seen.ledger)  # noqa: SLF001 - the storage is this package's own
        rows.memo = seen.memo
        if seen.watermark is not None:
            rows.watermark = seen.watermark
        rows.drain()  # what was read back is no change
        return Restored(rows, seen.positions(), self._trouble, self.next)

    def _apply_own(self, key: bytes, value: bytes | None, offset: int) -> None:
        try:
            if key == CHECKPOINT_KEY:
                self._checkpoint = _decode(value or b"")
            elif key == TROUBLE_KEY:
                self._trouble = None if value is None else _decode_trouble(value)
            else:
                raise self._refuse(offset, f"its key {key!r} is unknown")
        except msgspec.DecodeError as error:
            raise self._refuse(offset, f"its {key[1:].decode()} is unreadable ({error})") from error

    def _apply_row(self, key: bytes, value: bytes, offset: int) -> None:
        body = value[_LAYOUT_BYTES:] if value[:_LAYOUT_BYTES] == self._head else self._upgrade(value, offset)
        if len(body) != self.rows.dtype.itemsize:
            raise self._refuse(offset, f"its row has {len(body)} bytes instead of {self.rows.dtype.itemsize}")
        slot = self.rows.ensure(key)
        self.rows.raw[slot] = np.frombuffer(body, np.uint8)

    def _upgrade(self, value: bytes, offset: int) -> bytes:
        if len(value) <= _LAYOUT_BYTES:
            raise self._refuse(offset, f"its value has {len(value)} bytes")
        version, body = int.from_bytes(value[:_LAYOUT_BYTES]), value[_LAYOUT_BYTES:]
        while version != self._layout:
            step = self._migrate.get(version)
            if step is None:
                raise self._refuse(offset, f"its layout {version} cannot be turned into {self._layout}")
            body, version = step(body), version + 1
        return body

    def _refuse(self, offset: int, why: str) -> StateError:
        return StateError(f"state partition {self._partition}, offset {offset}: {why}")
