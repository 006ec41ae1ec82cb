"""The seam of a stream service: plain data in, plain data out, no Kafka and no async.

A service is two functions lent the rows of one partition. The core does the I/O, the transactions and
the time; unit tests, replay and backtest drive the same two functions through :mod:`.local`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Protocol

import msgspec

from libs.runtime.stream.rows import Rows

Headers = Sequence[tuple[str, bytes]]


class SourceRecord(Protocol):
    """One consumed record. aiokafka's ConsumerRecord fits as it is, so nothing is copied per record."""

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def timestamp(self) -> int:
        """Wall clock of the producer in ms; never event time."""
        ...

    @property
    def headers(self) -> Headers: ...


class InputRecord(msgspec.Struct, frozen=True):
    """A :class:`SourceRecord` made by hand: tests, replay, backtest."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0
    headers: Headers = ()


class Lane(IntEnum):
    """The two topics a partition is fed from. Both have checkpoints; neither waits for the other."""

    EVENTS = 0  # the source topic
    TRANSFERS = 1  # what partitions of this service sent to each other: see :class:`Transfer`


class Chunk(msgspec.Struct, frozen=True):
    """All records fetched for a partition at once.

    ``epoch`` numbers the partition's assignment; ``next`` is the source offset after the last record.
    Offsets may have holes inside a chunk (transaction markers, compaction), never disorder.
    ``behind``: these records have waited and more wait behind them; outputs that a later one replaces may
    be left to the sweep, which comes every few seconds while behind and once when caught up.
    """

    partition: int
    epoch: int
    first: int
    next: int
    records: Sequence[SourceRecord]
    lane: Lane = Lane.EVENTS
    behind: bool = False


class Record(msgspec.Struct, frozen=True):
    """An output. It is written to the partition number it came from, in that chunk's transaction."""

    topic: str
    key: bytes
    value: bytes | None


class Transfer(msgspec.Struct, frozen=True):
    """For the partition that owns ``key``: it comes there once, in a chunk of :attr:`Lane.TRANSFERS`.

    Needs a worker with a ``transfers`` topic. It leaves with the rows it was made from, in one transaction.
    """

    key: bytes
    value: bytes


class DeadLetter(msgspec.Struct, frozen=True):
    """A record the service cannot use. The core writes it to the dead-letter topic, in the transaction."""

    record: SourceRecord
    reason: str
    detail: str = ""


Output = Record | Transfer | DeadLetter


class StreamService(Protocol):
    """Two pure functions over one partition's rows. Equal calls give equal rows and outputs.

    Change rows through ``rows.array`` and report each changed slot with ``touch`` or ``touch_many``:
    only those are stored. An output follows the rows as they are when the generator reaches it.
    """

    def step(self, chunk: Chunk, rows: Rows, now: datetime) -> Iterable[Output]:
        """Take a chunk in. Set ``rows.watermark`` to the latest ``receivedat`` in it.

        ``now`` is the business clock when the chunk is taken in; decisions that a replay must repeat
        use each event's own ``receivedat`` instead.
        """
        ...

    def sweep(self, rows: Rows, now: datetime) -> Iterable[Output]:
        """Let time alone act on ``rows.slots``: one slice of the partition, never all of a large one."""
        ...
