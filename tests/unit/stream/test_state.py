from datetime import UTC, datetime
from itertools import chain

import numpy as np
import pytest

from libs.runtime.stream import InputRecord, Lane, Rows, StateError
from libs.runtime.stream.state import CHECKPOINT_KEY, Restorer, changed_records, encode_checkpoint

ROW = np.dtype([("n", "i8")])
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def filled() -> Rows:
    rows = Rows(ROW)
    for i in range(3):
        rows.array[rows.ensure(b"t/%d" % i)]["n"] = i
    rows.ledger.add("applied", 3)
    rows.sparse.put(b"t/1\x00rule", b"armed")
    rows.memo, rows.watermark = b"live", NOW
    return rows


def records_of(rows: Rows, after: int) -> list[tuple[bytes, bytes | None]]:
    return list(chain(*changed_records(rows, {Lane.EVENTS: after}, 1)))


def restore(records, row=ROW, layout=1, migrate=None):
    restorer = Restorer(row, layout, migrate or {}, partition=5)
    restorer.apply_all(InputRecord(offset, key, value) for offset, (key, value) in enumerate(records))
    found = restorer.finish()
    return found.rows, found.positions.get(Lane.EVENTS)


def test_everything_a_partition_holds_comes_back():
    rows, after = restore(records_of(filled(), 42))
    assert after == 42
    numbers = {k: int(rows.array[rows.find(k)]["n"]) for k in list(rows.keys())}
    assert numbers == {b"t/0": 0, b"t/1": 1, b"t/2": 2}
    assert rows.ledger.as_dict() == {"applied": 3}
    assert rows.sparse.get(b"t/1\x00rule") == b"armed"
    assert (rows.memo, rows.watermark) == (b"live", NOW)
    assert not rows.has_changes()


def test_a_partition_never_committed_has_no_checkpoint():
    rows, after = restore([])
    assert (len(rows), after) == (0, None)


def test_the_last_state_of_a_row_wins_and_a_tombstone_removes_it():
    first = filled()
    records = records_of(first, 42)
    first.array[1]["n"] = 99
    first.touch(1)
    first.remove(b"t/0")
    rows, after = restore([*records, *records_of(first, 43)])
    assert after == 43
    assert sorted(rows.keys()) == [b"t/1", b"t/2"]
    assert rows.array[rows.find(b"t/1")]["n"] == 99


def test_a_commit_is_copied_before_the_rows_move_on():
    rows = filled()
    records = records_of(rows, 42)
    rows.array["n"] = -1
    restored, _ = restore(records)
    assert restored.array[restored.find(b"t/2")]["n"] == 2


def test_an_older_layout_is_turned_into_todays_step_by_step():
    wide = np.dtype([("n", "i8"), ("more", "i4"), ("last", "i4")])
    steps = {1: lambda body: body + b"\x01\x00\x00\x00", 2: lambda body: body + b"\x02\x00\x00\x00"}
    rows, _ = restore(records_of(filled(), 42), row=wide, layout=3, migrate=steps)
    assert rows.array[rows.find(b"t/2")].tolist() == (2, 1, 2)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        (b"t/a", b"\x00\x01" + b"\x00" * 7, "its row has 7 bytes instead of 8"),
        (b"t/a", b"\x00\x01" + b"\x00" * 9, "its row has 9 bytes instead of 8"),
        (b"t/a", b"", "its value has 0 bytes"),
        (b"t/a", b"\x00\x02" + b"\x00" * 8, "its layout 2 cannot be turned into 1"),
        (CHECKPOINT_KEY, b"{", "its checkpoint is unreadable"),
        (CHECKPOINT_KEY, None, "its checkpoint is unreadable"),
        (b"\x00other", b"x", "unknown"),
        (None, b"x", "it has no key"),
    ],
)
def test_a_record_that_cannot_be_read_is_refused_with_partition_and_offset(key, value, why):
    good = records_of(filled(), 42)
    with pytest.raises(StateError, match=f"state partition 5, offset {len(good)}: .*{why}"):
        restore([*good, (key, value)])


def test_rows_without_a_checkpoint_are_refused():
    records = [r for r in records_of(filled(), 42) if r[0] != CHECKPOINT_KEY]
    with pytest.raises(StateError, match="no checkpoint"):
        restore(records)


def test_a_lost_row_is_noticed():
    records = records_of(filled(), 42)
    with pytest.raises(StateError, match="part of it is lost"):
        restore(records[1:])


def test_a_checkpoint_is_json_that_an_operator_can_read():
    assert b'"next":42' in encode_checkpoint(filled(), {Lane.EVENTS: 42}, 1)
