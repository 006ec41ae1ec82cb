"""The seam of a stream service: plain data in, plain data out, no Kafka and no async.

A service is two functions lent the rows of one partition. The core does the I/O, the transactions and
the time; unit tests, replay and backtest drive the same two functions through :mod:`.local`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
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


class Chunk(msgspec.Struct, frozen=True):
    """All records fetched for a partition at once.

    ``epoch`` numbers the partition's assignment; ``next`` is the source offset after the last record.
    Offsets may have holes inside a chunk (transaction markers, compaction), never disorder.
    """

    partition: int
    epoch: int
    first: int
    next: int
    records: Sequence[SourceRecord]


class Record(msgspec.Struct, frozen=True):
    """An output. It is written to the partition number it came from, in that chunk's transaction."""

    topic: str
    key: bytes
    value: bytes | None


class DeadLetter(msgspec.Struct, frozen=True):
    """A record the service cannot use. The core writes it to the dead-letter topic, in the transaction."""

    record: SourceRecord
    reason: str
    detail: str = ""


Output = Record | DeadLetter


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
