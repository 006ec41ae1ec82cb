"""Soon when caught up, in large steps while behind; and what behind means."""

import asyncio

from msgspec.structs import replace

from libs.runtime.clock import FakeClock
from libs.runtime.stream import Lane
from libs.runtime.stream.coverage import Place
from tests.unit.stream.conftest import NOW, eventually
from tests.unit.stream.fakes import FAST, Bench

PLACE = Place(Lane.EVENTS, 0)
PATIENT = FAST.model_copy(update={"commit_behind_s": 60.0})


def backlog(bench: Bench, first: int, *values: bytes, age_s: float):
    """Records that were written so long ago, with more behind them."""
    chunk = bench.chunk(first, *values)
    stamp = int((bench.clock.wall() - age_s) * 1000)
    bench.source.ends[PLACE] = 1_000
    return replace(chunk, records=[replace(record, timestamp=stamp) for record in chunk.records])


async def test_while_behind_a_commit_waits_for_more_and_comes_when_caught_up():
    bench = Bench(FakeClock(NOW), PATIENT)
    await bench.own(0)
    await bench.engine.take(backlog(bench, 0, b"1", b"1", age_s=30))
    await asyncio.sleep(0.05)
    assert bench.log.producers[0].transactions == []
    bench.source.ends[PLACE] = 3
    await bench.engine.take(bench.chunk(2, b"1"))
    await eventually(lambda: bench.committed() == 3)
    assert len(bench.log.producers[0].transactions) == 1
    await bench.engine.release(1.0)
    bench.engine.failed.cancel()


async def test_while_behind_a_commit_comes_when_enough_is_held():
    bench = Bench(FakeClock(NOW), PATIENT.model_copy(update={"commit_records": 4}))
    await bench.own(0)
    await bench.engine.take(backlog(bench, 0, b"1", b"1", age_s=30))
    await bench.engine.take(backlog(bench, 2, b"1", b"1", age_s=30))
    await eventually(lambda: bench.committed() == 4)
    await bench.engine.release(1.0)
    bench.engine.failed.cancel()


async def behind(bench: Bench, chunk) -> bool:
    """What the service was told."""
    seen = []
    step = bench.service.step
    bench.service.step = lambda chunk, rows, now: (seen.append(chunk.behind), step(chunk, rows, now))[1]
    await bench.engine.take(chunk)
    return seen[0]


async def test_records_that_have_waited_with_more_behind_them_are_behind(bench: Bench):
    await bench.own(0)
    assert await behind(bench, backlog(bench, 0, b"1", age_s=5))


async def test_fresh_records_are_not_behind_however_many_follow(bench: Bench):
    """Under load there is always something more; that alone must not delay what is said."""
    await bench.own(0)
    assert not await behind(bench, backlog(bench, 0, b"1", age_s=0.5))


async def test_the_last_records_of_a_backlog_are_not_behind(bench: Bench):
    await bench.own(0)
    chunk = backlog(bench, 0, b"1", age_s=500)
    bench.source.ends[PLACE] = 1
    assert not await behind(bench, chunk)
