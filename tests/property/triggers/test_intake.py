"""A chunk is read from its end, so that what does not count is never kept; a reader from its beginning
comes to the same.
"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.events import encode
from libs.runtime.stream import InputRecord
from services.triggers.intake import read
from tests.unit.triggers.shop import START, snapshot

_TOMBSTONE, _BROKEN, _LIVE, _HISTORY = "tombstone", "broken", "live", "history"
chunks = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([_TOMBSTONE, _BROKEN, _LIVE, _LIVE, _HISTORY])),
    max_size=14,
)


def record(offset: int, customer: str, what: str) -> InputRecord:
    key = f"demo/{customer}".encode()
    if what in (_TOMBSTONE, _BROKEN):
        return InputRecord(offset, key, None if what == _TOMBSTONE else b"{")
    event = snapshot(customer, START, backfill=what == _HISTORY, cause=f"event-{offset}")
    return InputRecord(offset, key, encode(event))


def from_the_beginning(chunk: list[tuple[str, str]]) -> dict[str, list[int]]:
    """By customer: the offset of the last snapshot of each run."""
    runs: dict[str, list[tuple[str, int]]] = {}
    for offset, (customer, what) in enumerate(chunk):
        if what == _TOMBSTONE:
            runs[customer] = []
        elif what != _BROKEN:
            kept = runs.setdefault(customer, [])
            if kept and kept[-1][0] == what:
                kept.pop()
            kept.append((what, offset))
    return {customer: [offset for _, offset in kept] for customer, kept in runs.items() if kept}


@given(chunks)
def test_a_chunk_read_from_its_end_says_what_its_beginning_would(chunk: list[tuple[str, str]]) -> None:
    intake = read([record(offset, *one) for offset, one in enumerate(chunk)])
    found: dict[str, list[int]] = {}
    for taken in intake.rounds():
        for key, event in taken:
            found.setdefault(key.decode()[-1], []).append(_offset(event))
    assert found == from_the_beginning(chunk)
    assert [letter.record.offset for letter in intake.letters] == [
        offset for offset, (_, what) in enumerate(chunk) if what == _BROKEN
    ]
    assert sorted(intake.gone) == sorted(
        {f"demo/{who}".encode() for who, what in chunk if what == _TOMBSTONE}
    )
    assert intake.applied == sum(what != _BROKEN for _, what in chunk)


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=14))
def test_customers_stand_in_the_order_of_their_last_snapshots(people: list[str]) -> None:
    intake = read([record(offset, who, _LIVE) for offset, who in enumerate(people)])
    (taken,) = intake.rounds()
    offsets = [_offset(event) for _, event in taken]
    assert offsets == sorted(offsets)


def _offset(event: Any) -> int:
    return int(event.data.cause.removeprefix("event-"))
