import numpy as np
import pytest

from libs.runtime.stream import Rows

ROW = np.dtype([("n", "i8")])


def rows_with(*keys: bytes) -> Rows:
    rows = Rows(ROW)
    for key in keys:
        rows.ensure(key)
    return rows


def test_a_new_key_gets_a_zeroed_row_that_will_be_stored():
    rows = rows_with(b"t/a")
    slots, removed = rows.drain()
    assert rows.array[0]["n"] == 0
    assert [rows.key_of(s) for s in slots] == [b"t/a"]
    assert removed == []


def test_an_unknown_key_is_minus_one():
    assert rows_with(b"t/a").find(b"t/b") == -1


def test_growth_keeps_rows_and_flags():
    rows = Rows(ROW)
    for i in range(1000):
        slot = rows.ensure(b"t/%d" % i)
        rows.array[slot]["n"] = i
    assert [rows.array[rows.find(b"t/%d" % i)]["n"] for i in (0, 255, 256, 999)] == [0, 255, 256, 999]
    assert len(rows.drain()[0]) == 1000


def test_an_array_kept_over_a_growth_refuses_writes():
    rows = rows_with(b"t/a")
    kept = rows.array
    rows.ensure_many(b"t/%d" % i for i in range(100))
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 1


def test_only_touched_rows_are_stored_again():
    rows = rows_with(b"t/a", b"t/b", b"t/c")
    rows.drain()
    rows.touch(1)
    rows.touch_many(np.array([2]))
    assert rows.has_changes()
    assert rows.drain()[0].tolist() == [1, 2]
    assert not rows.has_changes()


def test_a_removed_key_leaves_a_tombstone_and_its_slot_to_the_next():
    rows = rows_with(b"t/a", b"t/b")
    rows.array[0]["n"] = 7
    rows.remove(b"t/a")
    assert rows.slots.tolist() == [1]
    assert rows.ensure(b"t/c") == 0
    assert rows.array[0]["n"] == 0
    assert rows.drain()[1] == [b"t/a"]


def test_a_key_removed_and_made_again_is_stored_not_erased():
    rows = rows_with(b"t/a")
    rows.drain()
    rows.remove(b"t/a")
    rows.ensure(b"t/a")
    slots, removed = rows.drain()
    assert removed == []
    assert slots.tolist() == [0]


def test_a_window_sees_its_slice_of_the_live_slots_and_shares_everything_else():
    rows = rows_with(*(b"t/%d" % i for i in range(10)))
    rows.remove(b"t/4")
    view = rows.window(3, 6)
    assert view.slots.tolist() == [3, 5]
    assert len(view) == 2
    view.array[3]["n"] = 9
    view.ledger.add("applied")
    view.memo = b"x"
    assert (rows.array[3]["n"], rows.ledger["applied"], rows.memo) == (9, 1, b"x")


def test_ensure_many_answers_in_the_order_asked():
    rows = rows_with(b"t/b")
    assert rows.ensure_many([b"t/a", b"t/b", b"t/a"]).tolist() == [1, 0, 1]


@pytest.mark.parametrize("key", [b"", b"\x00checkpoint", b"\x01x"])
def test_the_cores_own_keys_are_refused_for_rows(key: bytes):
    with pytest.raises(ValueError, match="own"):
        Rows(ROW).ensure(key)


def test_the_slots_of_a_view_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        rows_with(b"t/a").slots[0] = 5


def test_a_ledger_counts_what_was_never_counted_as_zero():
    rows = Rows(ROW)
    rows.ledger.add("applied", 3)
    assert (rows.ledger["applied"], rows.ledger["duplicate"]) == (3, 0)
    assert rows.has_changes()


def test_sparse_records_are_found_by_owner_and_changed_ones_are_stored_once():
    sparse = Rows(ROW).sparse
    sparse.put(b"t/a\x00r1", b"1")
    sparse.put(b"t/a\x00r2", b"2")
    sparse.put(b"t/ab\x00r1", b"3")
    sparse.put(b"t/a\x00r1", b"4")
    assert dict(sparse.items_with_prefix(b"t/a\x00")) == {b"t/a\x00r1": b"4", b"t/a\x00r2": b"2"}
    assert len(dict(sparse.items_with_prefix(b"t/"))) == 3
    sparse.delete(b"t/a\x00r2")
    assert sparse.get(b"t/a\x00r2") is None
    assert dict(sparse.drain()) == {b"t/a\x00r1": b"4", b"t/a\x00r2": None, b"t/ab\x00r1": b"3"}
    assert sparse.drain() == []


def test_side_records_are_counted_however_they_come_and_go():
    sparse = Rows(ROW).sparse
    counts = []
    for key, value in [
        (b"a\0r", b"1"),
        (b"a\0r", b"2"),
        (b"a\0s", b"1"),
        (b"b\0r", b"1"),
        (b"a\0r", None),
        (b"c\0r", None),
    ]:
        sparse.load(key, value)
        counts.append(len(sparse))
    assert counts == [1, 1, 2, 3, 2, 2]
    assert len(list(sparse.items_with_prefix(b""))) == len(sparse)
