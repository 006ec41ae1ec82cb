"""One bad record never blocks a partition for ever: found by bisection, set aside with its error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.runtime.clock import FakeClock
from libs.runtime.stream import Chunk, DeadLetter, InputRecord, Rows, StepError
from libs.runtime.stream.quarantine import take_apart
from libs.runtime.stream.state import TROUBLE_KEY
from tests.unit.stream.conftest import NOW, eventually
from tests.unit.stream.counting import ROW, Counting
from tests.unit.stream.fakes import FAST, Bench

AFTER_TWO = FAST.model_copy(update={"quarantine_after": 2})


async def restart(bench: Bench, *values: bytes, at: int = 0) -> None:
    """A new worker at the same log is given the chunk; it ends as workers do when a step raises."""
    bench.engine.failed.cancel()
    again = Bench(bench.clock, AFTER_TWO)
    bench.engine, again.log = again.engine, bench.log
    bench.engine._log = bench.engine._takeover._log = bench.log
    bench.engine.attach(bench.source)
    bench.registry = again.registry
    await bench.own(0)
    try:
        await bench.engine.take(bench.chunk(at, *values))
    except StepError:
        await bench.engine.abandon()
        raise


async def test_the_first_times_the_worker_ends_and_the_count_is_kept_in_the_state_topic():
    bench = Bench(FakeClock(NOW))
    for times in (1, 2):
        with pytest.raises(StepError, match="partition 0, events 0 to 3: RuntimeError"):
            await restart(bench, b"1", b"1", b"raise", b"1")
        key, value = bench.log.state[0][-1]
        assert key == TROUBLE_KEY
        assert b'"times":%d' % times in value
    bench.engine.failed.cancel()


async def test_then_the_record_goes_to_dead_letters_and_the_partition_goes_on():
    bench = Bench(FakeClock(NOW))
    for _ in range(2):
        with pytest.raises(StepError):
            await restart(bench, b"1", b"raise", b"1", b"1")
    await restart(bench, b"1", b"raise", b"1", b"1")
    await eventually(lambda: bench.committed() == 4)
    written = bench.log.producers[-1].transactions[-1]
    [(key, letter)] = written["dead"]
    assert key == b"t/1"
    assert b'"reason":"quarantined"' in letter
    assert b"RuntimeError" in letter
    assert b'"applied":3,"dead_lettered":1' in written["state"][-1][1]
    assert bench.counted("quarantined_total") == 1
    assert (TROUBLE_KEY, None) in written["state"]
    await bench.engine.release(1.0)
    bench.engine.failed.cancel()


async def test_progress_in_between_starts_the_count_anew():
    bench = Bench(FakeClock(NOW))
    with pytest.raises(StepError):
        await restart(bench, b"raise")
    await restart(bench, b"1", at=0)
    await eventually(lambda: bench.committed() == 1)
    await bench.engine.release(1.0)
    with pytest.raises(StepError):
        await restart(bench, b"raise", at=1)
    assert b'"times":1' in bench.log.state[0][-1][1]


async def test_an_error_that_does_not_come_again_costs_no_record():
    bench = Bench(FakeClock(NOW))
    for _ in range(2):
        with pytest.raises(StepError):
            await restart(bench, b"1", b"raise")
    await restart(bench, b"1", b"1")
    await eventually(lambda: bench.committed() == 2)
    assert b"dead_lettered" not in bench.log.state[0][-1][1]
    await bench.engine.release(1.0)
    bench.engine.failed.cancel()


values = st.lists(st.sampled_from([b"1", b"2", b"junk", b"raise"]), max_size=24)


@given(values)
def test_whatever_raises_the_rest_counts_as_if_it_had_not_been_there(told: list[bytes]):
    records = [InputRecord(10 + 2 * i, b"t/%d" % (i % 3), value) for i, value in enumerate(told)]
    chunk = Chunk(0, 1, 9, 12 + 2 * len(told), records)
    rows, clean = Rows(ROW), Rows(ROW)
    service = Counting()
    letters, expected = [], chunk.first
    for part in take_apart(chunk, rows, lambda some, lent: list(service.step(some, lent, NOW))):
        assert part.chunk.first == expected
        expected = part.chunk.next
        if part.letter is None:
            list(service.step(part.chunk, rows, NOW))
        else:
            letters.append(part.letter)
    assert expected == chunk.next
    good = [record for record in records if record.value != b"raise"]
    outputs = list(service.step(Chunk(0, 1, 0, 1, good), clean, NOW))
    assert rows.ledger.as_dict() == clean.ledger.as_dict()
    assert {k: rows.array[rows.find(k)].tolist() for k in list(rows.keys())} == {
        k: clean.array[clean.find(k)].tolist() for k in list(clean.keys())
    }
    assert [letter.record.offset for letter in letters] == [r.offset for r in records if r.value == b"raise"]
    assert all("junk" not in letter.detail for letter in letters)
    assert sum(isinstance(output, DeadLetter) for output in outputs) == told.count(b"junk")


def test_the_letter_names_the_error_and_never_what_the_record_held():
    chunk = Chunk(0, 1, 0, 1, [InputRecord(0, b"t/1", b"secret")])

    def trial(some: Chunk, _: Rows) -> None:
        if some.records:
            raise ValueError(f"cannot use {some.records[0].value!r}")

    bad, _ = take_apart(chunk, Rows(ROW), trial)
    assert bad.letter is not None
    assert "ValueError in trial at offset 0" in bad.letter.detail
    assert "secret" not in bad.letter.detail
