"""A log and a consumer in memory, for the engine's own rules."""

import asyncio
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry

from libs.runtime.clock import FakeClock
from libs.runtime.stream import Chunk, InputRecord
from libs.runtime.stream.coverage import Span
from libs.runtime.stream.deadletters import dead_letter_record
from libs.runtime.stream.engine import Engine, Job
from libs.runtime.stream.metrics import StreamMetrics
from libs.runtime.stream.partition import Plan
from libs.runtime.stream.restore import Bounds
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.state import Restorer
from libs.runtime.stream.transaction import Writes
from tests.unit.stream.counting import ROW, Counting

FAST = StreamSettings(commit_s=0.005, commit_behind_s=0.01, sweep_wall_s=0.001, revoke_s=0.1)


class FakeProducer:
    """Commits into the shared state and outputs, all of a transaction or nothing."""

    def __init__(self, log: "FakeLog", partition: int) -> None:
        self._log, self._partition = log, partition
        self.transactions: list[dict[str, list[tuple[bytes, bytes | None]]]] = []
        self.closed = False
        self.may_commit = asyncio.Event()
        self.may_commit.set()
        self.fails: Exception | None = None

    async def write(self, writes: Writes) -> int:
        content = {topic: list(records) for topic, records in writes}
        await self.may_commit.wait()
        if self.fails is not None:
            raise self.fails
        self.transactions.append(content)
        self._log.state.setdefault(self._partition, []).extend(content["state"])
        return sum(map(len, content.values()))

    async def close(self) -> None:
        self.closed = True


class FakeLog:
    def __init__(self) -> None:
        self.state: dict[int, list[tuple[bytes, bytes | None]]] = {}
        self.bounds: dict[int, Bounds] = {}
        self.producers: list[FakeProducer] = []
        self.on_read: Callable[[], None] = lambda: None

    async def open_producer(self, partition: int) -> FakeProducer:
        self.producers.append(FakeProducer(self, partition))
        return self.producers[-1]

    async def read_state(self, restorers: dict[int, Restorer], still_ours: Callable[[], bool]) -> None:
        self.on_read()
        for number, restorer in restorers.items():
            for offset, (key, value) in enumerate(self.state.get(number, [])):
                restorer.apply(key, value, offset)

    async def source_bounds(self, partitions: Iterable[int]) -> dict[int, Bounds]:
        return {number: self.bounds.get(number, Bounds(0, 1_000_000)) for number in partitions}


class FakeSource:
    def __init__(self) -> None:
        self.seeks: list[tuple[int, int]] = []
        self.spans: dict[int, Span] = {}
        self.ends: dict[int, int] = {}

    async def seek(self, partition: int, offset: int) -> None:
        self.seeks.append((partition, offset))

    def span(self, partition: int) -> Span | None:
        return self.spans.get(partition)

    def log_end(self, partition: int) -> int | None:
        return self.ends.get(partition)


class Bench:
    """An engine with everything around it faked. Made inside the running loop."""

    def __init__(self, clock: FakeClock, settings: StreamSettings = FAST) -> None:
        self.log, self.source, self.service, self.clock = FakeLog(), FakeSource(), Counting(), clock
        self.registry = CollectorRegistry()
        metrics = StreamMetrics(self.registry, "app")

        def bury(letter, partition):
            return dead_letter_record("dead", "source", letter, partition, clock.now())

        plan = Plan("state", 1, bury, settings, metrics)
        self.engine = Engine(Job(self.service, ROW, {}, clock, plan), self.log, settings, metrics)
        self.engine.attach(self.source)

    async def own(self, *partitions: int) -> bool:
        return await self.engine.restore(partitions, lambda: True)

    def chunk(self, first: int, *values: bytes, partition: int = 0, epoch: int | None = None) -> Chunk:
        records = [InputRecord(first + i, b"t/%d" % (i % 3), value) for i, value in enumerate(values)]
        wanted = self.engine.epoch if epoch is None else epoch
        return Chunk(partition, wanted, first, first + len(values), records)

    def all_taken(self, partition: int = 0) -> None:
        """The broker's log ends where the rows stand."""
        after = self.engine.positions()[partition]
        self.source.spans[partition], self.source.ends[partition] = Span(after, after), after

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"greenline_stream_{name}", {"app": "app", **labels}) or 0.0

    def committed(self, partition: int = 0) -> int | None:
        return self.engine.committed().get(partition)
