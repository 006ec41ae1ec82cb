"""One owned partition: its rows, what they still owe the log, and its transactions."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from libs.runtime.logging import get_logger
from libs.runtime.stream.api import Chunk, DeadLetter, Lane, Output, Record, Transfer
from libs.runtime.stream.batches import Columns
from libs.runtime.stream.metrics import StreamMetrics
from libs.runtime.stream.outputs import DeadLetterWriter, collect
from libs.runtime.stream.rows import Rows
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.state import (
    Positions,
    Restored,
    StateRecord,
    Trouble,
    changed_records,
    trouble_record,
)
from libs.runtime.stream.transaction import Batch, Writes, Written

_log = get_logger(__name__)
_MOST_OUTPUTS = 50_000  # waiting records after which a commit is due at once: bounds memory
_NOTE_S = 5.0  # for the note on a chunk that raised: the worker ends with or without it


class Producer(Protocol):
    """What a partition needs of its transactional producer."""

    async def write(self, writes: Writes) -> Written: ...
    async def close(self) -> None: ...


class Plan(NamedTuple):
    """Where a partition's commits go, and how they look."""

    state_topic: str
    layout: int
    bury: DeadLetterWriter
    settings: StreamSettings
    metrics: StreamMetrics
    transfers_topic: str = ""
    partition_of: Callable[[bytes], int] = lambda _: 0


class Partition:
    """Taking in is synchronous, committing is not: while one transaction is on its way the rows move on,
    and the next one starts when it has ended. A commit copies outputs, changed rows and checkpoint in one
    go, so they always belong together.
    """

    def __init__(self, number: int, epoch: int, restored: Restored, producer: Producer, plan: Plan) -> None:
        self.number, self.epoch, self.rows = number, epoch, restored.rows
        self.next: Positions = dict(restored.positions)
        self.committed: Positions = dict(restored.positions)
        self.trouble = restored.trouble
        self.behind = False  # the last chunk had waited, and more waited behind it
        # Chunks whose outputs were left to the sweep, and how many of these one has told. An owner before us
        # may have left some.
        self.left, self.told = 1, 0
        self.last_timestamp: dict[Lane, int] = {}  # ms, of the last record taken in
        self.broken = False  # a step or sweep raised half-way: these rows must never be committed
        self._state_next = restored.state_next
        self._unsure = False  # a transaction is under way, or was cut off: nobody knows how it ended
        self._producer, self._plan = producer, plan
        self._outputs: list[Record | Transfer] = []
        self._waiting = 0  # source records taken in since the last commit was copied
        self._since: float | None = None  # when the first of them was
        self._lock = asyncio.Lock()
        self._due = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def take(self, chunk: Chunk, outputs: Iterable[Output]) -> None:
        """Hold what a chunk gave until the commit."""
        self._hold(collect(outputs, self.rows, self.number, self._bury), len(chunk.records))
        self.next[chunk.lane] = chunk.next
        self.behind = chunk.behind
        self.left += chunk.behind
        if chunk.records:
            self.last_timestamp[chunk.lane] = chunk.records[-1].timestamp

    @property
    def owing(self) -> bool:
        """Whether something that was left to a sweep has not been told by one."""
        return self.told < self.left

    def suspects(self, chunk: Chunk) -> bool:
        """Whether this chunk must be taken apart: it ended workers often enough."""
        trouble, after = self.trouble, self._plan.settings.quarantine_after
        return trouble is not None and trouble.times >= after and trouble.holds(chunk.lane, chunk.first)

    def skip_to(self, lane: Lane, offset: int) -> None:
        """Retention has deleted what comes before."""
        self.next[lane] = offset

    def swept(self, outputs: Iterable[Output], view: Rows) -> None:
        """Hold what a slice of a sweep gave. A slice that changed nothing needs no transaction."""
        records = collect(outputs, view, self.number, self._bury)
        if records or self.rows.has_changes():
            self._hold(records, 0)

    async def room(self) -> None:
        """Wait while more is held than two commits may carry."""
        await self._room.wait()

    async def commit_when_due(self) -> None:
        """Commit until broken, soon when caught up and in large steps while behind."""
        while not self.broken:
            await self._due.wait()
            await self._ripen()
            await self.commit()

    async def commit(self) -> None:
        """Write all that is held, in one transaction; nothing held, no transaction."""
        async with self._lock:
            if self._since is None or self.broken:
                return
            after = dict(self.next)
            writes = self._copy()
            started = time.perf_counter()
            self._unsure = True
            written = await self._producer.write(writes)
            self._unsure = False
            self.committed, self._state_next = after, written.next
            metrics = self._plan.metrics
            metrics.commit_seconds.labels(metrics.app).observe(time.perf_counter() - started)
            metrics.commit_size.labels(metrics.app).observe(written.records)

    async def note(self, trouble: Trouble) -> None:
        """Store that a chunk raised, alone: the rows it left half-changed are dropped with this worker."""
        self.broken = True
        record = trouble_record(trouble if self.trouble is None else self.trouble.again(trouble))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NOTE_S), self._lock:
                await self._producer.write([Batch(self._plan.state_topic, Columns.of_pairs([record]))])

    def park(self) -> Restored | None:
        """The rows as the state topic holds them; None when something of them has not been committed."""
        open_ends = self._since is not None or self.broken or self._unsure or self.rows.has_changes()
        if open_ends or self._state_next is None:
            return None
        return Restored(self.rows, self.committed, self.trouble, self._state_next)

    async def close(self) -> None:
        await self._producer.close()

    def _hold(self, records: list[Record | Transfer], taken: int) -> None:
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

    async def _ripen(self) -> None:
        settings = self._plan.settings
        while self._since is not None and not self._full(1):
            wait = settings.commit_behind_s if self.behind else settings.commit_s
            left = self._since + wait - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(left, settings.commit_s))

    def _copy(self) -> Writes:
        outputs, self._outputs = self._outputs, []
        self._waiting, self._since = 0, None
        self._due.clear()
        self._room.set()
        state = changed_records(self.rows, self.next, self._plan.layout)
        kept = [Batch(self._plan.state_topic, records) for records in state]
        return [*self._batches(outputs), *self._trouble_over(), *kept]

    def _batches(self, outputs: list[Record | Transfer]) -> Iterable[Batch]:
        plan = self._plan
        found: dict[tuple[str, int | None], list[StateRecord]] = {}
        for output in outputs:
            if isinstance(output, Transfer):
                where: tuple[str, int | None] = (plan.transfers_topic, plan.partition_of(output.key))
            else:
                where = (output.topic, None)
            found.setdefault(where, []).append((output.key, output.value))
        return [Batch(topic, Columns.of_pairs(pairs), number) for (topic, number), pairs in found.items()]

    def _trouble_over(self) -> Iterable[Batch]:
        """A tombstone for the trouble once what it stood in the way of has been taken in."""
        trouble = self.trouble
        if trouble is None or self.next[trouble.lane] < trouble.next:
            return []
        self.trouble = None
        return [Batch(self._plan.state_topic, Columns.of_pairs([trouble_record(None)]))]

    def _bury(self, letter: DeadLetter, partition: int) -> Record:
        metrics = self._plan.metrics
        metrics.dead_letters.labels(metrics.app, str(partition)).inc()
        return self._plan.bury(letter, partition)
