"""Record batches made from whole columns: the client's own builder takes a call, and a microsecond, a record.

The bytes are Kafka's record batch of message format 2 (kafka.apache.org/documentation, "Record Batch"):
no compression, no headers, one timestamp for all.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from aiokafka.record.util import calc_crc32c
from numba import njit

Bytes = npt.NDArray[np.uint8]
Sizes = npt.NDArray[np.int64]

# base offset, length, leader epoch, magic, crc, attributes, last offset delta, first and last timestamp,
# producer id, producer epoch, base sequence, count
_HEADER = struct.Struct(">qiibIhiqqqhii")
_AFTER_LENGTH, _AFTER_CRC = 12, 21  # where what the length, and what the checksum covers begins
_MAGIC, _TRANSACTIONAL = 2, 0x10
_OVERHEAD = 24  # bytes of a record besides key and value, at most: four numbers of 5, four of 1
_NULL = -1


class Columns:
    """Keys and values of records, end to end. Iterating gives them in pairs."""

    __slots__ = ("key_sizes", "keys", "value_sizes", "values")

    def __init__(self, keys: bytes, key_sizes: Sizes, values: Bytes, value_sizes: Sizes) -> None:
        self.keys, self.key_sizes = keys, key_sizes
        self.values, self.value_sizes = values, value_sizes  # a size of -1: no value, a tombstone

    @classmethod
    def of_pairs(cls, pairs: Sequence[tuple[bytes, bytes | None]]) -> "Columns":
        keys = [key for key, _ in pairs]
        values = [value or b"" for _, value in pairs]
        sizes = _sizes(values)
        sizes[[value is None for _, value in pairs]] = _NULL
        return cls(b"".join(keys), _sizes(keys), np.frombuffer(b"".join(values), np.uint8), sizes)

    @classmethod
    def of_rows(cls, keys: Sequence[bytes], rows: Bytes) -> "Columns":
        """`rows`: (n, width), one value a key."""
        count, width = rows.shape
        return cls(b"".join(keys), _sizes(keys), rows.reshape(-1), np.full(count, width, np.int64))

    def __len__(self) -> int:
        return len(self.key_sizes)

    def __iter__(self) -> Iterator[tuple[bytes, bytes | None]]:
        values = self.values.tobytes()
        key_at = value_at = 0
        for key_size, value_size in zip(self.key_sizes.tolist(), self.value_sizes.tolist(), strict=True):
            key, key_at = self.keys[key_at : key_at + key_size], key_at + key_size
            value = None if value_size == _NULL else values[value_at : value_at + value_size]
            value_at += max(value_size, 0)
            yield key, value


def _sizes(pieces: Sequence[bytes]) -> Sizes:
    return np.fromiter(map(len, pieces), np.int64, len(pieces))


class EncodedBatch:
    """What `AIOKafkaProducer.send_batch` takes in place of its own builder: a finished body that still
    waits for the producer's id and sequence.
    """

    def __init__(self, buffer: bytearray, count: int, timestamp: int) -> None:
        self._buffer, self._count, self._timestamp = buffer, count, timestamp
        self._producer = (-1, -1, 0)
        self._built = False

    def record_count(self) -> int:
        return self._count

    def size(self) -> int:
        return len(self._buffer)

    def close(self) -> None:
        """It was never open."""

    def closed(self) -> bool:
        return True

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer = (producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytearray:
        if not self._built:
            self._built = True
            self._write_header(0)
            self._write_header(calc_crc32c(memoryview(self._buffer)[_AFTER_CRC:]))
        return self._buffer

    def _write_header(self, crc: int) -> None:
        length, last, time = len(self._buffer) - _AFTER_LENGTH, self._count - 1, self._timestamp
        body = (_TRANSACTIONAL, last, time, time, *self._producer, self._count)
        _HEADER.pack_into(self._buffer, 0, 0, length, -1, _MAGIC, crc, *body)


def encode(columns: Columns, timestamp: int, most_bytes: int) -> Iterable[EncodedBatch]:
    """Transactional batches of at most that size each, unless one record alone is larger. Milliseconds."""
    if not len(columns):
        return
    keys = _Pieces.of(np.frombuffer(columns.keys, np.uint8), columns.key_sizes)
    values = _Pieces.of(columns.values, columns.value_sizes)
    bounds = keys.ends + values.ends + _OVERHEAD * np.arange(1, len(columns) + 1)
    start = 0
    while start < len(columns):
        before = bounds[start - 1] if start else 0
        stop = max(int(np.searchsorted(bounds, before + most_bytes - _HEADER.size, "right")), start + 1)
        out = np.empty(_HEADER.size + int(bounds[stop - 1] - before), np.uint8)
        end = _write(out, _HEADER.size, (start, stop), keys, values)
        yield EncodedBatch(bytearray(out[:end].data), stop - start, timestamp)
        start = stop


class _Pieces(NamedTuple):
    """Pieces of one text: where each ends, and how long it is."""

    text: Bytes
    sizes: Sizes
    ends: Sizes

    @classmethod
    def of(cls, text: Bytes, sizes: Sizes) -> "_Pieces":
        return cls(text, sizes, np.cumsum(np.maximum(sizes, 0)))


@njit(cache=True)
def _varint(out: Any, at: int, number: int) -> int:
    """Zigzag, seven bits a byte, least first; returns the place after it."""
    rest = np.uint64((number << 1) ^ (number >> 63))
    while rest > 127:
        out[at] = np.uint8(rest & np.uint64(127)) | np.uint8(128)
        rest >>= np.uint64(7)
        at += 1
    out[at] = np.uint8(rest)
    return at + 1


@njit(cache=True)
def _varint_size(number: int) -> int:
    rest, size = np.uint64((number << 1) ^ (number >> 63)), 1
    while rest > 127:
        rest >>= np.uint64(7)
        size += 1
    return size


@njit(cache=True)
def _piece(out: Any, at: int, pieces: _Pieces, i: int) -> int:
    """Size and bytes; only a size of -1 where there is nothing."""
    size: int = pieces.sizes[i]
    at = _varint(out, at, size)
    if size > 0:
        out[at : at + size] = pieces.text[pieces.ends[i] - size : pieces.ends[i]]
    return at + max(size, 0)


@njit(cache=True)
def _write(out: Any, at: int, span: tuple[int, int], keys: _Pieces, values: _Pieces) -> int:
    """The records of the span one behind the other; returns the place after them."""
    for i in range(span[0], span[1]):
        place = i - span[0]
        size = 3 + _varint_size(place)  # attributes, distance in time (0) and in offset, no headers
        size += _varint_size(keys.sizes[i]) + keys.sizes[i]
        size += _varint_size(values.sizes[i]) + max(values.sizes[i], 0)
        at = _varint(out, at, size)
        out[at] = out[at + 1] = 0
        at = _varint(out, at + 2, place)
        at = _piece(out, _piece(out, at, keys, i), values, i)
        out[at] = 0
        at += 1
    return at


def warm_up() -> None:
    """Compile, or read what was compiled: a commit must not wait for it."""
    list(encode(Columns.of_pairs([(b"k", b"v"), (b"k", None)]), 0, 1024))
    list(encode(Columns.of_rows([b"k"], np.zeros((1, 4), np.uint8)), 0, 1024))
