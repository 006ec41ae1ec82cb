"""A partition that comes back at once needs only what was written since; one that was away needs it all."""

from tests.unit.stream.conftest import eventually
from tests.unit.stream.fakes import Bench


async def test_rows_given_back_in_order_are_not_read_again(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", b"2", b"3", b"4"))
    await bench.engine.release(1.0)
    await bench.own(0)
    assert bench.log.read == [0, 0]
    await bench.engine.take(bench.chunk(4, b"5"))
    await eventually(lambda: bench.committed() == 5)
    assert bench.log.producers[1].transactions[-1]["out"] == [(b"t/0", b"3 10")]


async def test_what_another_owner_wrote_meanwhile_is_read(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1"))
    await bench.engine.release(1.0)
    other = Bench(bench.clock)
    other.log = bench.log
    other.engine._log = other.engine._takeover._log = bench.log
    await other.own(0)
    await other.engine.take(other.chunk(1, b"5", b"6"))
    await other.engine.release(1.0)
    other.engine.failed.cancel()
    await bench.own(0)
    assert bench.log.read[-1] == 3  # two rows and a checkpoint
    assert bench.next() == 3
    await bench.engine.take(bench.chunk(3, b"1"))
    await eventually(lambda: bench.committed() == 4)
    assert bench.log.producers[-1].transactions[-1]["out"] == [(b"t/0", b"3 7")]


async def test_rows_of_an_aborted_commit_are_read_again(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1"))
    await eventually(lambda: bench.committed() == 1)
    bench.log.producers[0].may_commit.clear()
    await bench.engine.take(bench.chunk(1, b"1", b"1"))
    await bench.engine.release(0.02)
    await bench.own(0)
    assert bench.log.read[-1] == 2
    assert bench.next() == 1


async def test_rows_of_a_partition_that_went_elsewhere_are_forgotten(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1"))
    await bench.engine.release(1.0)
    await bench.own(1)
    await bench.engine.release(1.0)
    await bench.own(0)
    assert bench.log.read[-1] == 2
