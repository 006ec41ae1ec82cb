"""The protocol of the core, on a log in memory. Each test is a sentence of it."""

import asyncio
from datetime import timedelta

import pytest

from libs.runtime.clock import FakeClock
from libs.runtime.stream import Lane, PositionError, StateError, StepError
from libs.runtime.stream import partition as partition_module
from libs.runtime.stream import takeover as takeover_module
from libs.runtime.stream.coverage import Place, Span
from libs.runtime.stream.restore import Bounds
from libs.runtime.stream.state import CHECKPOINT_KEY
from tests.unit.stream.conftest import NOW, eventually
from tests.unit.stream.fakes import FAST, Bench

EVENTS_0, EVENTS_3 = Place(Lane.EVENTS, 0), Place(Lane.EVENTS, 3)


async def test_a_new_partition_is_read_from_the_start_of_its_log(bench: Bench):
    bench.log.log_bounds[EVENTS_3] = Bounds(17, 40)
    assert await bench.own(3)
    assert bench.source.seeks == [(3, 17)]


async def test_one_transaction_holds_outputs_changed_rows_and_last_the_checkpoint(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", b"junk", b"3", b"4"))
    await eventually(lambda: bench.committed() == 4)
    [transaction] = bench.log.producers[0].transactions
    assert [key for key, _ in transaction["out"]] == [b"t/0", b"t/2", b"t/0"]
    assert len(transaction["dead"]) == 1
    assert [key for key, _ in transaction["state"]] == [b"t/0", b"t/2", CHECKPOINT_KEY]
    assert b'"ledger":{"applied":3,"dead_lettered":1}' in transaction["state"][-1][1]


async def test_a_row_touched_twice_before_a_commit_is_written_once(bench: Bench):
    await bench.own(0)
    bench.log.producers[0].may_commit.clear()
    for first in range(0, 30, 3):
        await bench.engine.take(bench.chunk(first, b"1", b"1", b"1"))
    bench.log.producers[0].may_commit.set()
    await eventually(lambda: bench.committed() == 30)
    written = [key for t in bench.log.producers[0].transactions for key, _ in t["state"]]
    assert len(written) <= 4 * len(bench.log.producers[0].transactions)


async def test_a_restart_goes_on_at_the_checkpoint_with_the_rows_and_the_ledger(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", b"2", b"3", b"4"))
    await bench.engine.release(1.0)
    await bench.own(0)
    assert bench.source.seeks[-1] == (0, 4)
    await bench.engine.take(bench.chunk(4, b"5"))
    await eventually(lambda: bench.committed() == 5)
    [again] = bench.log.producers[1].transactions
    assert again["out"] == [(b"t/0", b"3 10")]
    assert b'"applied":5' in again["state"][-1][1]


async def test_a_chunk_of_an_old_epoch_is_dropped(bench: Bench):
    await bench.own(0)
    old = bench.engine.epoch
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", epoch=old))
    assert bench.next() == 0
    assert bench.counted("chunks_dropped_total", why="old epoch") == 1


async def test_a_chunk_of_a_partition_being_taken_away_is_dropped(bench: Bench):
    await bench.own(0)
    chunk = bench.chunk(0, b"1")
    bench.engine.halt()
    await bench.engine.take(chunk)
    assert bench.next() == 0


async def test_an_overlap_is_cut_so_that_nothing_counts_twice(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", b"1", b"1"))
    await bench.engine.take(bench.chunk(1, b"1", b"1", b"1", b"1"))
    await eventually(lambda: bench.committed() == 5)
    assert b'"applied":5' in bench.log.state[0][-1][1]


async def test_a_gap_makes_the_core_seek_again_and_take_nothing(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", b"1"))
    await bench.engine.take(bench.chunk(10, b"1"))
    assert bench.source.seeks == [(0, 0), (0, 2)]
    assert bench.next() == 2


async def test_old_offsets_again_set_the_consumer_back_where_the_rows_stand(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", b"1"))
    await bench.engine.take(bench.chunk(0, b"1"))
    assert bench.source.seeks[-1] == (0, 2)


async def test_a_log_cut_short_under_the_worker_stops_it(bench: Bench, monkeypatch):
    monkeypatch.setattr(takeover_module, "_END_WAIT_S", 0.001)
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", b"1"))
    bench.log.log_bounds[EVENTS_0] = Bounds(0, 1)
    with pytest.raises(
        PositionError, match="partition 0: the checkpoint says 2, the log of events ends at 1"
    ):
        await bench.engine.take(bench.chunk(0, b"1"))


async def test_a_checkpoint_past_the_logs_end_stops_the_worker(bench: Bench, monkeypatch):
    monkeypatch.setattr(takeover_module, "_END_WAIT_S", 0.001)
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", b"1"))
    await bench.engine.release(1.0)
    bench.log.log_bounds[EVENTS_0] = Bounds(0, 1)
    with pytest.raises(PositionError):
        await bench.own(0)
    assert all(producer.closed for producer in bench.log.producers)


async def test_a_gap_left_by_retention_is_passed(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1"))
    await bench.engine.release(1.0)
    bench.log.log_bounds[EVENTS_0] = Bounds(100, 200)
    await bench.own(0)
    assert bench.source.seeks[-1] == (0, 100)


async def test_an_assignment_that_is_outdated_while_restoring_is_given_up(bench: Bench):
    bench.log.on_read = bench.engine.halt
    assert not await bench.own(0)
    assert bench.engine.positions() == {}
    assert bench.engine.restoring
    assert bench.log.producers[0].closed


async def test_a_corrupt_state_record_stops_the_restore(bench: Bench):
    bench.log.state[2] = [(b"t/a", b"\x00\x01junk")]
    with pytest.raises(StateError, match="state partition 2, offset 0"):
        await bench.own(2)
    assert bench.engine.positions() == {}


async def test_on_revoke_what_is_held_is_committed(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", b"2"))
    await bench.engine.release(1.0)
    assert b'"next":2' in bench.log.state[0][-1][1]
    assert bench.engine.positions() == {}
    assert bench.log.producers[0].closed


async def test_on_revoke_a_commit_that_takes_too_long_is_given_up(bench: Bench):
    await bench.own(0)
    bench.log.producers[0].may_commit.clear()
    await bench.engine.take(bench.chunk(0, b"1"))
    await bench.engine.release(0.02)
    assert bench.log.producers[0].transactions == []
    assert bench.log.producers[0].closed


async def test_a_step_that_raises_ends_the_worker_and_nothing_of_it_is_committed(bench: Bench, monkeypatch):
    monkeypatch.setattr(partition_module, "_NOTE_S", 0.01)
    await bench.own(0)
    bench.log.producers[0].may_commit.clear()
    await bench.engine.take(bench.chunk(0, b"1"))
    with pytest.raises(StepError, match="partition 0, events 1 to 3: RuntimeError"):
        await bench.engine.take(bench.chunk(1, b"7", b"raise", b"7"))
    bench.engine.fail(StepError("x"))
    bench.log.producers[0].may_commit.set()
    await bench.engine.release(1.0)
    assert all(b'"applied":2' not in (value or b"") for _, value in bench.log.state.get(0, []))


async def test_the_first_error_wins(bench: Bench):
    bench.engine.fail(StepError("first"))
    bench.engine.fail(StepError("second"))
    with pytest.raises(StepError, match="first"):
        await bench.engine.failed


async def test_taking_in_goes_on_while_a_transaction_is_under_way(bench: Bench):
    await bench.own(0)
    producer = bench.log.producers[0]
    producer.may_commit.clear()
    await bench.engine.take(bench.chunk(0, b"1", b"1", b"1"))
    await asyncio.sleep(0.02)  # the first transaction hangs in its commit
    await bench.engine.take(bench.chunk(3, b"1"))
    producer.may_commit.set()
    await eventually(lambda: bench.committed() == 4)
    first, second = producer.transactions
    assert b'"next":3' in first["state"][-1][1]
    assert second["out"] == [(b"t/0", b"2 2")]


async def test_taking_in_waits_when_the_broker_does_not_keep_up():
    bench = Bench(FakeClock(NOW), FAST.model_copy(update={"commit_records": 2}))
    await bench.own(0)
    producer = bench.log.producers[0]
    producer.may_commit.clear()
    await bench.engine.take(bench.chunk(0, b"1"))
    await asyncio.sleep(0.02)  # its transaction hangs
    waiting = asyncio.create_task(bench.engine.take(bench.chunk(1, *[b"1"] * 4)))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    producer.may_commit.set()
    await asyncio.wait_for(waiting, 5)
    await bench.engine.release(1.0)
    bench.engine.failed.cancel()


async def test_a_sweep_comes_with_time_alone_and_is_committed(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1", b"1", b"1"))
    bench.all_taken()
    await eventually(lambda: bench.service.swept == [NOW])
    bench.clock.advance(timedelta(seconds=60))
    await eventually(lambda: bench.service.swept[-1] == NOW + timedelta(seconds=60))
    await eventually(lambda: any("swept" in t for t in bench.log.producers[0].transactions))


async def test_while_behind_a_sweep_looks_no_further_than_the_events(bench: Bench):
    await bench.own(0)
    await bench.engine.take(bench.chunk(0, b"1"))
    bench.source.spans[EVENTS_0], bench.source.ends[EVENTS_0] = Span(1, 1), 100
    bench.clock.advance(timedelta(days=1))
    await eventually(lambda: bool(bench.service.swept))
    assert bench.service.swept == [NOW]


async def test_the_age_of_the_oldest_event_grows_while_behind_and_is_zero_when_caught_up(bench: Bench):
    await bench.own(0)
    bench.source.ends[EVENTS_0] = 10
    bench.clock.advance(timedelta(seconds=40))
    assert bench.engine.oldest_age() == 40
    await bench.engine.take(bench.chunk(0, b"1"))
    bench.all_taken()
    assert bench.engine.oldest_age() == 0
    bench.source.ends[EVENTS_0] = 20
    bench.clock.advance(timedelta(seconds=5))
    assert bench.engine.oldest_age() == 5
