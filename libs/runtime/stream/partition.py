"""One owned partition: its rows, what they still owe the log, and its transactions."""

import asyncio
import time
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from libs.runtime.stream.api import Chunk, DeadLetter, Output, Record
from libs.runtime.stream.metrics import StreamMetrics
from libs.runtime.stream.outputs import DeadLetterWriter, collect
from libs.runtime.stream.rows import Rows
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.state import StateRecord, changed_records
from libs.runtime.stream.transaction import Writes

_MOST_OUTPUTS = 50_000  # waiting records after which a commit is due at once: bounds memory


class CaughtUp(Protocol):
    """Whether a partition has taken in all there is."""

    def __call__(self, partition: "Partition") -> bool: ...


class Producer(Protocol):
    """What a partition needs of its transactional producer."""

    async def write(self, writes: Writes) -> int: ...
    async def close(self) -> None: ...


class Plan(NamedTuple):
    """Where a partition's commits go, and how they look."""

    state_topic: str
    layout: int
    bury: DeadLetterWriter
    settings: StreamSettings
    metrics: StreamMetrics


class Partition:
    """Taking in is synchronous, committing is not: while one transaction is on its way the rows move on,
    and the next one starts when it has ended. A commit copies outputs, changed rows and checkpoint in one
    go, so they always belong together.
    """

    def __init__(
        self, number: int, epoch: int, rows: Rows, *, next_offset: int, producer: Producer, plan: Plan
    ) -> None:
        self.number, self.epoch, self.rows, self.next = number, epoch, rows, next_offset
        self.committed = next_offset
        self.last_timestamp = 0  # ms, of the last record taken in
        self.broken = False  # a step or sweep raised half-way: these rows must never be committed
        self._producer, self._plan = producer, plan
        self._outputs: list[Record] = []
        self._waiting = 0  # source records taken in since the last commit was copied
        self._since: float | None = None  # when the first of them was
        self._lock = asyncio.Lock()
        self._due = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def take(self, chunk: Chunk, outputs: Iterable[Output]) -> None:
        """Hold what a chunk gave until the commit."""
        self._hold(collect(outputs, self.rows, self.number, self._bury), len(chunk.records))
        self.next = chunk.next
        self.last_timestamp = chunk.records[-1].timestamp if chunk.records else self.last_timestamp

    def swept(self, outputs: Iterable[Output], view: Rows) -> None:
        """Hold what a slice of a sweep gave. A slice that changed nothing needs no transaction."""
        records = collect(outputs, view, self.number, self._bury)
        if records or self.rows.has_changes():
            self._hold(records, 0)

    async def room(self) -> None:
        """Wait while more is held than two commits may carry."""
        await self._room.wait()

    async def commit_when_due(self, caught_up: CaughtUp) -> None:
        """Commit for ever, soon when caught up and in large steps while behind. Ends by an error only."""
        while True:
            await self._due.wait()
            await self._ripen(caught_up)
            await self.commit()

    async def commit(self) -> None:
        """Write all that is held, in one transaction; nothing held, no transaction."""
        async with self._lock:
            if self._since is None or self.broken:
                return
            after = self.next
            writes = self._copy()
            started = time.perf_counter()
            count = await self._producer.write(writes)
            self.committed = after
            metrics = self._plan.metrics
            metrics.commit_seconds.labels(metrics.app).observe(time.perf_counter() - started)
            metrics.commit_size.labels(metrics.app).observe(count)

    async def close(self) -> None:
        await self._producer.close()

    def _hold(self, records: list[Record], taken: int) -> None:
        self._outputs += records
        self._waiting += taken
        if self._since is None:
            self._since = time.monotonic()
        self._due.set()
        if self._full(2):
            self._room.clear()

    def _full(self, times: int) -> bool:
        return (
            self._waiting >= times * self._plan.settings.commit_records
            or len(self._outputs) >= times * _MOST_OUTPUTS
        )

    async def _ripen(self, caught_up: CaughtUp) -> None:
        settings = self._plan.settings
        while self._since is not None and not self._full(1):
            wait = settings.commit_s if caught_up(self) else settings.commit_behind_s
            left = self._since + wait - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(left, settings.commit_s))

    def _copy(self) -> Writes:
        by_topic: dict[str, list[StateRecord]] = {}
        for record in self._outputs:
            by_topic.setdefault(record.topic, []).append((record.key, record.value))
        self._outputs, self._waiting, self._since = [], 0, None
        self._due.clear()
        self._room.set()
        state = changed_records(self.rows, self.next, self._plan.layout)
        return [*by_topic.items(), (self._plan.state_topic, state)]

    def _bury(self, letter: DeadLetter, partition: int) -> Record:
        metrics = self._plan.metrics
        metrics.dead_letters.labels(metrics.app, str(partition)).inc()
        return self._plan.bury(letter, partition)
