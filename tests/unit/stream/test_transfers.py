"""The second lane: what partitions of one service send to each other, once."""

import pytest

from libs.runtime.clock import FakeClock
from libs.runtime.stream import Lane, LocalRunner, Transfer
from libs.runtime.stream.coverage import Place, Span
from libs.runtime.stream.restore import Bounds
from tests.unit.stream.conftest import NOW, eventually
from tests.unit.stream.counting import ROW, Counting
from tests.unit.stream.fakes import Bench


class Handing(Counting):
    """Counts as before; `give` sends what the key has to the key named after it."""

    def step(self, chunk, rows, now):
        for record in chunk.records:
            if chunk.lane is Lane.TRANSFERS:
                row = rows.array[rows.ensure(record.key)]
                row["n"] += int(record.value)
                rows.touch(rows.find(record.key))
            elif record.value.startswith(b"give "):
                count = rows.array[rows.ensure(record.key)]["n"]
                rows.remove(record.key)
                yield Transfer(record.value[5:], b"%d" % count)
            else:
                rows.array[rows.ensure(record.key)]["n"] += 1
                rows.touch(rows.find(record.key))


@pytest.fixture
async def bench():
    made = Bench(FakeClock(NOW), lanes=tuple(Lane))
    made.engine._job = made.engine._job._replace(service=Handing())
    yield made
    await made.engine.release(1.0)
    made.engine.failed.cancel()


async def test_it_leaves_in_the_transaction_of_the_rows_it_was_made_from_for_the_owner_of_its_key(bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", b"1", b"give t/7", key=b"t/0"))
    await eventually(lambda: bench.committed() == 3)
    [transaction] = bench.log.producers[0].transactions
    assert transaction["transfers"] == [(b"t/7", b"2")]
    assert ("transfers", 7) in bench.log.producers[0].sent_to
    assert (b"t/0", None) in transaction["state"]


async def test_both_lanes_have_a_place_in_the_checkpoint(bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", key=b"t/0"))
    await bench.engine.take(bench.chunk(5, b"9", key=b"t/0", lane=Lane.TRANSFERS))
    assert bench.next(lane=Lane.TRANSFERS) == 0  # five were never delivered: a gap in this lane alone
    assert bench.source.transfer_seeks[-1] == (0, 0)
    await bench.engine.take(bench.chunk(0, b"9", b"9", key=b"t/0", lane=Lane.TRANSFERS))
    await eventually(lambda: bench.committed(lane=Lane.TRANSFERS) == 2)
    assert b'"next":1,' in bench.log.state[0][-1][1]
    assert b'"transfers":2' in bench.log.state[0][-1][1]


async def test_a_transfer_told_again_is_seen(bench):
    await bench.own(0)
    for _ in range(2):
        await bench.engine.take(bench.chunk(0, b"9", key=b"t/0", lane=Lane.TRANSFERS))
    await bench.engine.release(1.0)
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"9", key=b"t/0", lane=Lane.TRANSFERS))
    assert bench.counted("chunks_dropped_total", why="seen before") == 2
    assert bench.source.transfer_seeks == [(0, 0), (0, 1), (0, 1), (0, 1)]


async def test_a_checkpoint_from_before_there_were_transfers_reads_them_from_the_start(bench):
    single = Bench(bench.clock)
    single.engine._log = single.engine._takeover._log = bench.log
    await single.own(0)
    await single.engine.take(single.chunk(0, b"1"))
    await single.engine.release(1.0)
    single.engine.failed.cancel()
    bench.log.log_bounds[Place(Lane.TRANSFERS, 0)] = Bounds(4, 9)
    await bench.own(0)
    assert bench.source.seeks[-1] == (0, 1)
    assert bench.source.transfer_seeks[-1] == (0, 4)


async def test_a_worker_is_caught_up_when_both_lanes_are(bench):
    await bench.own(0)
    bench.all_taken()
    [partition] = bench.engine._owned.values()
    assert bench.engine.caught_up(partition)
    place = Place(Lane.TRANSFERS, 0)
    bench.source.spans[place], bench.source.ends[place] = Span(0, 0), 1
    assert not bench.engine.caught_up(partition)


def test_the_local_runner_hands_them_on_until_none_is_left():
    runner = LocalRunner(Handing(), ROW)
    runner.send([(b"t/1", b"1"), (b"t/1", b"1"), (b"t/1", b"give t/2"), (b"t/2", b"1")], NOW)
    assert runner.transfers == [Transfer(b"t/2", b"2")]
    runner.settle(NOW)
    assert runner.rows.array[runner.rows.find(b"t/2")]["n"] == 3
    runner.restart()
    assert runner.positions == {Lane.EVENTS: 4, Lane.TRANSFERS: 1}
