"""A log and a consumer in memory, for the engine's own rules."""

import asyncio
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry

from libs.runtime.clock import FakeClock
from libs.runtime.stream import Chunk, InputRecord, Lane
from libs.runtime.stream.coverage import Place, Span
from libs.runtime.stream.deadletters import dead_letter_record
from libs.runtime.stream.engine import Engine
from libs.runtime.stream.metrics import StreamMetrics
from libs.runtime.stream.partition import Plan
from libs.runtime.stream.restore import Bounds, Superseded
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.state import Restorer
from libs.runtime.stream.takeover import Job
from libs.runtime.stream.transaction import Writes, Written
from tests.unit.stream.counting import ROW, Counting

FAST = StreamSettings(commit_s=0.005, commit_behind_s=0.01, sweep_wall_s=0.001, revoke_s=0.1)


class FakeProducer:
    """Commits into the shared state and outputs, all of a transaction or nothing."""

    def __init__(self, log: "FakeLog", partition: int) -> None:
        self._log, self._partition = log, partition
        self.transactions: list[dict[str, list[tuple[bytes, bytes | None]]]] = []
        self.sent_to: list[tuple[str, int | None]] = []
        self.closed = False
        self.may_commit = asyncio.Event()
        self.may_commit.set()
        self.fails: Exception | None = None

    async def write(self, writes: Writes) -> Written:
        content: dict[str, list[tuple[bytes, bytes | None]]] = {}
        for batch in writes:
            content.setdefault(batch.topic, []).extend(batch.records)
            self.sent_to.append((batch.topic, batch.partition))
        await self.may_commit.wait()
        if self.fails is not None:
            raise self.fails
        self.transactions.append(content)
        state = self._log.state.setdefault(self._partition, [])
        state.extend(content["state"])
        return Written(sum(map(len, content.values())), len(state))

    async def close(self) -> None:
        self.closed = True


class FakeLog:
    def __init__(self) -> None:
        self.state: dict[int, list[tuple[bytes, bytes | None]]] = {}
        self.log_bounds: dict[Place, Bounds] = {}
        self.producers: list[FakeProducer] = []
        self.on_read: Callable[[], None] = lambda: None
        self.read: list[int] = []  # state records handed out, by restore

    async def open_producer(self, partition: int) -> FakeProducer:
        self.producers.append(FakeProducer(self, partition))
        return self.producers[-1]

    async def read_state(self, restorers: dict[int, Restorer], still_ours: Callable[[], bool]) -> None:
        self.on_read()
        if not still_ours():
            raise Superseded
        for number, restorer in restorers.items():
            records, start = self.state.get(number, []), restorer.next or 0
            pairs = enumerate(records[start:], start)
            restorer.apply_all(InputRecord(offset, key, value) for offset, (key, value) in pairs)
            restorer.next = len(records)
            self.read.append(len(records) - start)

    async def bounds(self, places: Iterable[Place]) -> dict[Place, Bounds]:
        return {place: self.log_bounds.get(place, Bounds(0, 1_000_000)) for place in places}


class FakeSource:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.deaf_since: float | None = None
        self.seeks: list[tuple[int, int]] = []  # of the events lane
        self.transfer_seeks: list[tuple[int, int]] = []
        self.spans: dict[Place, Span] = {}
        self.ends: dict[Place, int] = {}
        self.member = True

    async def seek(self, place: Place, offset: int) -> None:
        seeks = self.seeks if place.lane is Lane.EVENTS else self.transfer_seeks
        seeks.append((place.partition, offset))

    def span(self, place: Place) -> Span | None:
        return self.spans.get(place)

    def log_end(self, place: Place) -> int | None:
        return self.ends.get(place)

    def heard_at(self, _: Place) -> float:
        return self._clock.wall() if self.deaf_since is None else self.deaf_since

    async def still_member(self, _: dict[Place, int]) -> bool:
        return self.member


class Bench:
    """An engine with everything around it faked. Made inside the running loop."""

    def __init__(
        self, clock: FakeClock, settings: StreamSettings = FAST, lanes: tuple[Lane, ...] = (Lane.EVENTS,)
    ) -> None:
        self.log, self.source, self.service, self.clock = FakeLog(), FakeSource(clock), Counting(), clock
        self.held = False
        self.registry = CollectorRegistry()
        metrics = StreamMetrics(self.registry, "app")

        def bury(letter, partition):
            return dead_letter_record("dead", "source", letter, partition, clock.now())

        plan = Plan(
            "state", 1, bury, settings, metrics, "transfers", lambda key: int(key.rpartition(b"/")[2])
        )
        job = Job(self.service, ROW, {}, clock, plan, lanes, lambda: self.held)
        self.engine = Engine(job, self.log, settings, metrics)
        self.engine.attach(self.source)

    async def own(self, *partitions: int) -> bool:
        return await self.engine.restore(partitions, lambda: True)

    def chunk(
        self,
        first: int,
        *values: bytes,
        partition: int = 0,
        epoch: int | None = None,
        lane: Lane = Lane.EVENTS,
        key: bytes | None = None,
    ) -> Chunk:
        stamp = int(self.clock.wall() * 1000)
        records = [
            InputRecord(first + i, key or b"t/%d" % (i % 3), value, stamp) for i, value in enumerate(values)
        ]
        wanted = self.engine.epoch if epoch is None else epoch
        return Chunk(partition, wanted, first, first + len(values), records, lane)

    def next(self, partition: int = 0, lane: Lane = Lane.EVENTS) -> int | None:
        return self.engine.positions().get(Place(lane, partition))

    def all_taken(self, partition: int = 0) -> None:
        """The broker's log ends where the rows stand."""
        for place, after in self.engine.positions().items():
            if place.partition == partition:
                self.source.spans[place], self.source.ends[place] = Span(after, after), after

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"greenline_stream_{name}", {"app": "app", **labels}) or 0.0

    def committed(self, partition: int = 0, lane: Lane = Lane.EVENTS) -> int | None:
        return self.engine.committed().get(Place(lane, partition))
