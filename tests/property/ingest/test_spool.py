"""Whatever goes away and settles when: what was accepted arrives once, in order for each key."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.runtime.clock import FakeClock
from libs.runtime.metrics import make_registry
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.record import Record
from services.ingest.metrics import IngestMetrics
from services.ingest.oversized import Oversized
from services.ingest.ports import SpoolDepth, Spooled
from services.ingest.publisher import Publisher
from services.ingest.testing import MemoryDeadLetters, MemoryLog, MemorySpool
from tests.property.ingest.jumping import JumpingLoop
from tests.unit.ingest.shop import NOW

T = TypeVar("T")
_WAIT_S = 1.5  # of a delivery for Kafka, and for the spool
_DRAINED_S = 600.0  # of the loop's time, in which a spool that nothing hinders is empty


class SlowSpool(MemorySpool):
    """Its deeds come late, its answers later still, and some are lost on the way."""

    def __init__(self, delays_s: Sequence[float]) -> None:
        super().__init__()
        self._delays: Iterator[float] = cycle(delays_s)

    async def _slowly(self, deed: Callable[[], Awaitable[T]]) -> T:
        await asyncio.sleep(next(self._delays))
        found = await deed()
        await asyncio.sleep(next(self._delays))
        self.check()
        return found

    async def add(self, batches: Sequence[Sequence[Record]]) -> list[int]:
        return await self._slowly(lambda: super(SlowSpool, self).add(batches))

    async def oldest(self, limit: int, most_bytes: int) -> list[Spooled]:
        return await self._slowly(lambda: super(SlowSpool, self).oldest(limit, most_bytes))

    async def remove(self, numbers: Sequence[int]) -> None:
        return await self._slowly(lambda: super(SlowSpool, self).remove(numbers))

    async def depth(self) -> SpoolDepth:
        return await self._slowly(super().depth)


class World:
    """One process, and what becomes of the deliveries that it is given."""

    def __init__(self, delays_s: Sequence[float]) -> None:
        self.log, self.spool = MemoryLog(), SlowSpool(delays_s)
        metrics = IngestMetrics(make_registry())
        oversized = Oversized(MemoryDeadLetters(), metrics, FakeClock(NOW))
        self.publisher = Publisher(
            self.log, self.spool, oversized, metrics, kafka_wait_s=_WAIT_S, spool_wait_s=_WAIT_S
        )
        self.accepted: list[Record] = []
        self._numbers = count()
        self._deliveries: list[tuple[Sequence[Record], asyncio.Task[bool]]] = []

    def deliver(self, keys: Sequence[bytes]) -> None:
        records = [Record("customer.events", key, str(next(self._numbers)).encode()) for key in keys]
        self._deliveries.append((records, asyncio.create_task(self._accepts(records))))

    async def _accepts(self, records: Sequence[Record]) -> bool:
        try:
            await self.publisher.publish(records)
        except UnavailableError:
            return False
        return True

    async def run(self, happenings: Sequence["Happening"]) -> None:
        drainer = asyncio.create_task(self.publisher.drain_forever())
        for happen, pause_s in happenings:
            happen(self)
            await asyncio.sleep(pause_s)
        self.log.silent = self.spool.away = False
        self.log.land(len(self.log.open))
        self.accepted = [one for records, task in self._deliveries if await task for one in records]
        async with asyncio.timeout(_DRAINED_S):
            while self.publisher.spooling or self.spool.waiting:  # noqa: ASYNC110 (the loop's seconds cost nothing)
                await asyncio.sleep(1.0)
        drainer.cancel()


Happening = tuple[Callable[[World], None], float]


def silence(world: World) -> None:
    world.log.silent = True


def speak(world: World) -> None:
    world.log.silent = False
    world.log.land(len(world.log.open))


def land_some(world: World) -> None:
    world.log.land((len(world.log.open) + 1) // 2)


def refuse(world: World) -> None:
    world.log.refuse()


def postgres_goes(world: World) -> None:
    world.spool.away = True


def postgres_comes(world: World) -> None:
    world.spool.away = False


@dataclass(frozen=True)
class Delivery:
    keys: list[bytes]

    def __call__(self, world: World) -> None:
        world.deliver(self.keys)


def deliveries() -> st.SearchStrategy[Delivery]:
    keys = st.lists(st.sampled_from([b"demo/c_1", b"demo/c_2"]), min_size=1, max_size=3)
    return st.builds(Delivery, keys)


def lives() -> st.SearchStrategy[list[Happening]]:
    others = st.sampled_from([silence, silence, speak, land_some, refuse, postgres_goes, postgres_comes])
    pauses = st.sampled_from([0.0, 0.0, 0.01, 0.1, 0.7, 1.5, 3.0])
    return st.lists(st.tuples(deliveries() | others, pauses), min_size=5, max_size=40)


DELAYS = st.lists(st.sampled_from([0.0, 0.001, 0.05, 0.5]), min_size=1, max_size=7)


@settings(max_examples=300)
@given(lives(), DELAYS)
def test_what_was_accepted_arrives_once_and_in_order(happenings, delays_s):
    async def live() -> World:
        world = World(delays_s)
        await world.run(happenings)
        return world

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        world = runner.run(live())
    arrived = Counter(one.value for one in world.log.records)
    assert {one.value: arrived[one.value] for one in world.accepted} == {
        one.value: 1 for one in world.accepted
    }
    for key in {one.key for one in world.accepted}:
        told = [one for one in world.accepted if one.key == key]
        assert [one for one in world.log.records if one in told] == told
