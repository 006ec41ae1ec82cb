"""What the rings of recent ids have forgotten: no second telling is counted without being called unsure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scoring.domain.merge import merge_rows
from services.scoring.domain.row import BACKFILL, BEHAVIOURAL_RING, COMMERCIAL_RING, EVENT, ROW, TENANT
from services.scoring.domain.update import BEHAVES, DUPLICATE, PAST_RING, Columns, apply_events
from tests.property.scoring.lives import NUMBERS

RINGS = pytest.mark.parametrize(
    ("behaves", "places"),
    [(BEHAVES, BEHAVIOURAL_RING), (0, COMMERCIAL_RING)],
    ids=["behavioural", "commercial"],
)


class Delivery(NamedTuple):
    ident: int
    at: int
    received: int


@st.composite
def deliveries(draw: st.DrawFn, disorder_s: int = 20) -> list[Delivery]:
    """Some late, some told again, up to long after; in the order of receipt but for `disorder_s`."""
    new = st.tuples(st.integers(0, 2), st.integers(0, disorder_s), st.integers(0, 60), st.none())
    again = st.tuples(st.integers(0, 2), st.integers(0, disorder_s), st.just(0), st.integers(0, 60))
    log: list[Delivery] = []
    now = 1_000
    for gap, early, late, back in draw(st.lists(st.one_of(new, new, again), min_size=30, max_size=200)):
        now += gap
        received = now - early
        first = log[max(len(log) - 1 - back, 0)] if back is not None and log else None
        ident, at = (first.ident, first.at) if first else (len(log) + 1, received - late)
        log.append(Delivery(ident, min(at, received), received))
    return log


def tell(rows: Any, slots: Sequence[int], log: Sequence[Delivery], hint: int, flags: int = 0) -> Any:
    """Which of the deliveries were taken for duplicates, and which for unsure."""
    table = np.zeros(len(log), EVENT)
    table["slot"], table["flags"] = slots, flags
    table["at"], table["received"] = [d.at for d in log], [d.received for d in log]
    columns = Columns(table, np.full(len(log), hint, np.uint8), np.array([d.ident for d in log], np.uint64))
    outcome = np.zeros(len(log), np.uint8)
    world = NUMBERS.world(np.zeros(1, TENANT), ["consumer"])
    assert apply_events(rows, columns, world, 0, outcome) == len(log)
    return outcome == DUPLICATE, columns.hints & PAST_RING != 0


def told_before(log: Sequence[Delivery]) -> list[bool]:
    """By an exact set of all ids."""
    seen: set[int] = set()
    return [d.ident in seen or bool(seen.add(d.ident)) for d in log]


@RINGS
@settings(max_examples=200, deadline=None)
@given(log=deliveries())
def test_each_second_telling_is_a_duplicate_or_unsure(log: list[Delivery], behaves: int, places: int) -> None:
    duplicate, unsure = tell(np.zeros(1, ROW), [0] * len(log), log, behaves)
    again = np.array(told_before(log))
    assert not (duplicate & ~again).any()
    assert not (again & ~duplicate & ~unsure).any()
    assert not (duplicate & unsure).any()
    if len({d.ident for d in log}) <= places:  # the ring has not turned
        assert (duplicate == again).all()
        assert not unsure.any()


@RINGS
@settings(max_examples=200, deadline=None)
@given(log=deliveries(disorder_s=0))
def test_what_comes_before_half_a_ring_of_others_is_never_unsure(
    log: list[Delivery], behaves: int, places: int
) -> None:
    _, unsure = tell(np.zeros(1, ROW), [0] * len(log), log, behaves)
    for i in np.flatnonzero(unsure):
        assert sum(d.received >= log[i].at for d in log[:i]) > places // 2


@RINGS
@settings(max_examples=200, deadline=None)
@given(log=deliveries(), data=st.data())
def test_a_merge_forgets_nothing_in_silence(
    log: list[Delivery], data: st.DataObject, behaves: int, places: int
) -> None:
    """Told to either of two customers before the merge and to the one they became after it."""
    cut = data.draw(st.integers(0, len(log)))
    owners = data.draw(st.lists(st.integers(0, 1), min_size=cut, max_size=cut))
    whose = {d.ident: who for d, who in zip(log[:cut], owners, strict=True)}  # one id, one customer
    rows = np.zeros(2, ROW)
    before = tell(rows, [whose[d.ident] for d in log[:cut]], log[:cut], behaves)
    merge_rows(rows[0], rows[1], NUMBERS.cards[0])
    after = tell(rows, [0] * (len(log) - cut), log[cut:], behaves)
    duplicate, unsure = np.append(before[0], after[0]), np.append(before[1], after[1])
    again = np.array(told_before(log))
    assert not (again & ~duplicate & ~unsure).any()
    assert not (duplicate & ~again).any()


@RINGS
@settings(max_examples=60, deadline=None)
@given(log=deliveries())
def test_history_is_never_unsure_and_what_it_pushes_out_is_not_forgotten_in_silence(
    log: list[Delivery], behaves: int, places: int
) -> None:
    rows = np.zeros(1, ROW)
    _, unsure = tell(rows, [0] * len(log), log, behaves, BACKFILL)
    assert not unsure.any()
    rows["pending_import"] = 0  # it has been said
    duplicate, unsure = tell(rows, [0] * len(log), log, behaves)
    assert (duplicate | unsure).all()
