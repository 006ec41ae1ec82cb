from datetime import UTC, datetime

import pytest

from libs.runtime.stream import DeadLetter, InputRecord, LocalRunner, Record
from tests.unit.stream.counting import ROW, Counting

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def runner(**options) -> LocalRunner:
    return LocalRunner(Counting(), ROW, **options)


def test_records_go_through_step_and_come_back_as_outputs():
    run = runner()
    given = run.send([(b"t/a", b"2"), (b"t/b", b"3"), (b"t/a", b"5")], NOW)
    assert given == [
        Record("out", b"t/a", b"1 2"),
        Record("out", b"t/b", b"1 3"),
        Record("out", b"t/a", b"2 7"),
    ]
    assert run.outputs == given
    assert run.rows.ledger.as_dict() == {"applied": 3}


def test_dead_letters_are_kept_apart_and_counted():
    run = runner()
    assert run.send([(b"t/a", b"x")], NOW) == []
    assert [(d.record.offset, d.reason) for d in run.dead_letters] == [(0, "not-a-number")]
    assert isinstance(run.dead_letters[0], DeadLetter)
    assert run.rows.ledger["dead_lettered"] == 1


def test_a_restart_restores_what_was_committed_and_only_that():
    run = runner()
    run.send([(b"t/a", b"2"), (b"t/b", b"3")], NOW)
    run.rows.array["n"] = 77  # changed without touch: a restart forgets it
    run.restart()
    assert run.send([(b"t/a", b"1")], NOW) == [Record("out", b"t/a", b"2 3")]
    assert run.next == 3
    assert run.rows.watermark == NOW


def test_a_sweep_sees_every_row_once_whatever_the_slices():
    run = runner(slice_rows=3)
    run.send([(b"t/%d" % i, b"1") for i in range(10)], NOW)
    assert sorted(r.key for r in run.sweep(NOW)) == sorted(b"t/%d" % i for i in range(10))


def test_offsets_fed_twice_are_an_error_of_the_caller():
    run = runner()
    run.feed([InputRecord(4, b"t/a", b"1")], NOW)
    with pytest.raises(ValueError, match="offset 4 was fed before"):
        run.feed([InputRecord(4, b"t/a", b"1")], NOW)
