"""The state topic's records: rows, sparse records and the checkpoint. Pure: bytes in, bytes out.

Row:        key = the row's key,      value = layout version (2 bytes, big-endian) + the row's bytes
Sparse:     key = 0x01 + its key,     value = the service's bytes
Checkpoint: key = 0x00 + "checkpoint",  value = JSON, see :class:`Checkpoint`
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain

import msgspec
import numpy as np

from libs.runtime.stream.errors import StateError
from libs.runtime.stream.rows import Ledger, Rows

CHECKPOINT_KEY = b"\x00checkpoint"
SPARSE_PREFIX = b"\x01"
_LAYOUT_BYTES = 2

# From a layout version to the row's bytes in the next version.
Migrations = Mapping[int, Callable[[bytes], bytes]]


class Checkpoint(msgspec.Struct, frozen=True):
    """Where a partition stands. Written with the rows it describes, so it is never ahead or behind."""

    next: int
    layout: int
    rows: int  # how many rows and sparse records must be found with it
    sparse: int
    ledger: dict[str, int]
    watermark: datetime | None
    memo: bytes


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Checkpoint).decode


StateRecord = tuple[bytes, bytes | None]


def changed_records(rows: Rows, next_offset: int, layout: int) -> Iterator[StateRecord]:
    """What a commit writes: each changed row once as it is now, then the checkpoint as the last record.

    Everything is copied before this returns; the rows may move on while the records are being written.
    """
    slots, removed = rows.drain()
    keys = [rows.key_of(slot) for slot in slots.tolist()]
    body = _rows_of(keys, rows.array[slots].tobytes(), rows.dtype.itemsize, layout)
    gone = [(key, None) for key in removed]
    sparse = [(SPARSE_PREFIX + key, value) for key, value in rows.sparse.drain()]
    return chain(body, gone, sparse, [(CHECKPOINT_KEY, encode_checkpoint(rows, next_offset, layout))])


def _rows_of(keys: list[bytes], body: bytes, size: int, layout: int) -> Iterator[StateRecord]:
    head = layout.to_bytes(_LAYOUT_BYTES)
    for i, key in enumerate(keys):
        yield key, head + body[i * size : (i + 1) * size]


def encode_checkpoint(rows: Rows, next_offset: int, layout: int) -> bytes:
    return _encode(
        Checkpoint(
            next=next_offset,
            layout=layout,
            rows=len(rows),
            sparse=len(rows.sparse),
            ledger=rows.ledger.as_dict(),
            watermark=rows.watermark,
            memo=rows.memo,
        )
    )


class Restorer:
    """Builds a partition's rows from its state records, read in order. Refuses what it cannot read."""

    def __init__(self, dtype: np.dtype[np.void], layout: int, migrate: Migrations, partition: int) -> None:
        self.rows = Rows(dtype)
        self.checkpoint: Checkpoint | None = None
        self.records = 0
        self._layout, self._migrate, self._partition = layout, migrate, partition
        self._head = layout.to_bytes(_LAYOUT_BYTES)

    def apply(self, key: bytes | None, value: bytes | None, offset: int) -> None:
        self.records += 1
        if key is None or not key:
            raise self._refuse(offset, "it has no key")
        if key == CHECKPOINT_KEY:
            self.checkpoint = self._read_checkpoint(value, offset)
        elif key[:1] == SPARSE_PREFIX:
            self.rows.sparse.load(key[1:], value)
        elif key[:1] == CHECKPOINT_KEY[:1]:
            raise self._refuse(offset, f"its key {key!r} is unknown")
        elif value is None:
            self.rows.remove(key)
        else:
            self._apply_row(key, value, offset)

    def finish(self) -> tuple[Rows, int | None]:
        """The rows and the next source offset; None when the partition has never been committed."""
        rows, seen = self.rows, self.checkpoint
        if seen is None:
            if len(rows) or len(rows.sparse):
                raise StateError(f"state partition {self._partition} has rows but no checkpoint")
            return rows, None
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
        return rows, seen.next

    def _apply_row(self, key: bytes, value: bytes, offset: int) -> None:
        body = value[_LAYOUT_BYTES:] if value[:_LAYOUT_BYTES] == self._head else self._upgrade(value, offset)
        if len(body) != self.rows.dtype.itemsize:
            raise self._refuse(offset, f"its row has {len(body)} bytes instead of {self.rows.dtype.itemsize}")
        slot = self.rows.ensure(key)
        self.rows.array[slot] = np.frombuffer(body, self.rows.dtype)[0]

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

    def _read_checkpoint(self, value: bytes | None, offset: int) -> Checkpoint:
        try:
            return _decode(value or b"")
        except msgspec.DecodeError as error:
            raise self._refuse(offset, f"its checkpoint is unreadable ({error})") from error

    def _refuse(self, offset: int, why: str) -> StateError:
        return StateError(f"state partition {self._partition}, offset {offset}: {why}")
