"""However chunks are cut, lost, repeated and interrupted, each record counts once."""

from datetime import UTC, datetime
from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from libs.runtime.stream import Chunk, InputRecord, Lane, LocalRunner, Rows
from libs.runtime.stream.coverage import Coverage, Place
from libs.runtime.stream.position import Verdict, fit
from libs.runtime.stream.state import Restorer, changed_records
from tests.unit.stream.counting import ROW, Counting

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = Place(Lane.EVENTS, 0)

# A log with holes, as transaction markers and compaction leave them.
logs = st.sets(st.integers(0, 60), min_size=1, max_size=40).map(sorted)
# What happens at each fetch: how much is read, and whether the chunk arrives, is lost, or is seen twice.
fetches = st.lists(
    st.tuples(st.integers(1, 12), st.sampled_from(["ok", "ok", "lost", "twice", "rewind"])), max_size=60
)


@given(logs, fetches)
def test_each_record_is_taken_once_in_order_whatever_happens_to_the_chunks(
    log: list[int], events: list[tuple[int, str]]
) -> None:
    coverage, taken, expected, position = Coverage(), [], 0, 0
    coverage.sought(PLACE, 0)

    def seek() -> None:
        nonlocal position
        position = expected
        coverage.sought(PLACE, expected)

    def arrive(chunk: Chunk) -> None:
        nonlocal expected
        verdict, chunk = fit(chunk, expected)
        if verdict is Verdict.TAKE:
            taken.extend(r.offset for r in chunk.records)
            expected = chunk.next
        else:
            seek()

    for size, what in [*events, *[(5, "ok")] * 40]:
        coverage.before_fetch(PLACE, position)
        end = min(position + size, 61)
        found = [o for o in log if position <= o < end]
        position = end
        if not found:
            coverage.read_nothing(PLACE, position)
            continue
        span = coverage.delivered(PLACE, found[0], position)
        chunk = Chunk(0, 1, span.start, span.end, [InputRecord(o, b"k", b"1") for o in found])
        if what != "lost":
            arrive(chunk)
        if what == "twice":
            arrive(chunk)
        if what == "rewind":
            position = max(0, position - size)  # behind our back, as Faust does it
    while expected < 61 and taken[-1:] != log[-1:]:
        seek()
        coverage.before_fetch(PLACE, position)
        found = [o for o in log if o >= position]
        if not found:
            break
        span = coverage.delivered(PLACE, found[0], 61)
        arrive(Chunk(0, 1, span.start, 61, [InputRecord(o, b"k", b"1") for o in found]))
    assert taken == log


keys = st.sampled_from([b"t/%d" % i for i in range(40)])
pairs = st.lists(st.tuples(keys, st.integers(0, 99).map(lambda n: b"%d" % n)), max_size=60)
cuts = st.lists(st.integers(1, 15), max_size=20)


@given(pairs, cuts, st.sets(st.integers(0, 20)))
def test_any_split_into_chunks_with_any_restarts_gives_the_same_rows_and_outputs(
    events: list[tuple[bytes, bytes]], sizes: list[int], restarts: set[int]
) -> None:
    whole, split = LocalRunner(Counting(), ROW), LocalRunner(Counting(), ROW)
    whole.send(events, NOW)
    rest = list(events)
    for turn, size in enumerate([*sizes, len(events)]):
        split.send(rest[:size], NOW)
        rest = rest[size:]
        if turn in restarts:
            split.restart()
    assert split.outputs == whole.outputs
    assert {k: v for k, v in split.state.items() if k[0]} == {k: v for k, v in whole.state.items() if k[0]}
    assert split.rows.ledger.as_dict() == whole.rows.ledger.as_dict()


commands = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, st.integers(-(2**31), 2**31)),
        st.tuples(st.just("remove"), keys, st.just(0)),
        st.tuples(st.just("commit"), st.just(b""), st.just(0)),
    ),
    max_size=80,
)


@given(commands)
def test_rows_and_their_records_are_a_dictionary(steps: list[tuple[str, bytes, int]]) -> None:
    row = np.dtype([("n", "i8")])
    rows, model, log, after = Rows(row), {}, [], 0
    for what, key, number in [*steps, ("commit", b"", 0)]:
        if what == "put":
            slot = rows.ensure(key)
            rows.array[slot]["n"] = number
            rows.touch(slot)
            model[key] = number
        elif what == "remove":
            rows.remove(key)
            model.pop(key, None)
        else:
            after += 1
            log += chain(*changed_records(rows, {Lane.EVENTS: after}, 1))
    assert {rows.key_of(s): int(rows.array[s]["n"]) for s in rows.slots.tolist()} == model
    restorer = Restorer(row, 1, {}, 0)
    restorer.apply_all(InputRecord(offset, key, value) for offset, (key, value) in enumerate(log))
    restored, found, _, _ = restorer.finish()
    assert found == {Lane.EVENTS: after}
    assert {k: int(restored.array[restored.find(k)]["n"]) for k in list(restored.keys())} == model
