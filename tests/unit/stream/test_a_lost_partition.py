"""A producer that is fenced: the partition is lost, and taken again only if the group still says so."""

import asyncio

import pytest

from libs.runtime.stream import FencedError
from libs.runtime.stream.engine import _MOST_RETAKES
from tests.unit.stream.conftest import eventually
from tests.unit.stream.fakes import Bench


async def fence(bench: Bench, first: int) -> None:
    bench.log.producers[-1].fails = FencedError("app-0 was taken over")
    await bench.engine.take(bench.chunk(first, b"1"))


async def test_its_rows_are_dropped_and_read_again_when_it_is_still_ours(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", b"1"))
    await eventually(lambda: bench.committed() == 2)
    await fence(bench, 2)
    await eventually(lambda: len(bench.log.producers) == 2 and bench.next() == 2)
    assert bench.source.seeks[-1] == (0, 2)
    assert bench.log.producers[0].closed
    await bench.engine.take(bench.chunk(2, b"1"))
    await eventually(lambda: bench.committed() == 3)
    assert bench.log.producers[1].transactions[-1]["out"] == [(b"t/0", b"2 2")]
    assert bench.counted("fenced_total") == 1
    assert not bench.engine.failed.done()


async def test_nothing_is_taken_again_when_the_group_no_longer_knows_us(bench: Bench):
    await bench.own(0)
    bench.source.member = False
    await fence(bench, 0)
    await eventually(lambda: bench.log.producers[0].closed)
    assert bench.next() is None
    assert len(bench.log.producers) == 1


async def test_a_chunk_for_it_is_dropped_until_it_is_back(bench: Bench):
    await bench.own(0)
    bench.source.member = False
    await fence(bench, 0)
    await eventually(lambda: bench.next() is None)
    await bench.engine.take(bench.chunk(1, b"1"))
    assert bench.counted("chunks_dropped_total", why="old epoch") == 1


async def test_the_other_partitions_go_on(bench: Bench):
    await bench.own(0, 1)
    bench.source.member = False
    bench.log.producers[0].fails = FencedError("app-0 was taken over")
    await bench.engine.take(bench.chunk(0, b"1"))
    await eventually(lambda: bench.next(0) is None)
    await bench.engine.take(bench.chunk(0, b"1", partition=1))
    await eventually(lambda: bench.committed(1) == 1)


async def test_somebody_who_fences_us_again_and_again_ends_the_worker(bench: Bench):
    await bench.own(0)
    for taken in range(1, _MOST_RETAKES + 1):
        await fence(bench, 0)
        await eventually(lambda wanted=taken + 1: len(bench.log.producers) == wanted and bench.next() == 0)
    await fence(bench, 0)
    with pytest.raises(FencedError):
        await asyncio.wait_for(asyncio.shield(bench.engine.failed), 5)


async def test_fenced_while_giving_back_there_is_nothing_left_to_give(bench: Bench):
    await bench.own(0)
    bench.log.producers[0].may_commit.clear()
    await bench.engine.take(bench.chunk(0, b"1"))
    bench.log.producers[0].fails = FencedError("app-0 was taken over")
    bench.log.producers[0].may_commit.set()
    await bench.engine.release(1.0)
    assert await bench.own(0)
    assert bench.source.seeks[-1] == (0, 0)
