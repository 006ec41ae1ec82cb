"""Facts do not depend on the order of arrival, on chunks, or on what is told twice."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import AnyEvent
from services.scoring.domain.row import MEMORY, ROW
from tests.property.scoring.lives import ALL, EACH_FAMILY, MANY_ORDERS, ORDER_EVENTS, facts, feed, lives, told
from tests.property.scoring.naive import Naive


@settings(max_examples=150, deadline=None)
@given(st.data(), lives(*ALL))
def test_any_order_of_the_same_events_gives_the_same_facts(data: st.DataObject, life: list[AnyEvent]) -> None:
    shuffled = data.draw(st.permutations(life))
    assert facts(feed(shuffled)) == facts(feed(sorted(life, key=lambda e: e.time)))


@settings(max_examples=60, deadline=None)
@given(st.data(), lives(ORDER_EVENTS, most=12))
def test_orders_edited_cancelled_and_refunded_in_any_order_are_the_same(
    data: st.DataObject, life: list[AnyEvent]
) -> None:
    assert facts(feed(data.draw(st.permutations(life)))) == facts(feed(life))


@settings(max_examples=60, deadline=None)
@given(lives(*ALL), st.lists(st.integers(1, 24), max_size=6))
def test_any_split_into_chunks_gives_the_same_rows(life: list[AnyEvent], cuts: list[int]) -> None:
    whole, split = feed(life), feed(life, cuts)
    said = {name for name in MEMORY if name.startswith("said_")}  # what was published, chunk by chunk
    for name in ROW.names or ():
        if name not in said:
            np.testing.assert_array_equal(whole.rows.array[0][name], split.rows.array[0][name], name)
    assert whole.rows.ledger.as_dict() == split.rows.ledger.as_dict()


@settings(max_examples=60, deadline=None)
@given(st.data(), lives(*ALL, most=12))
def test_telling_things_twice_changes_nothing(data: st.DataObject, life: list[AnyEvent]) -> None:
    again = data.draw(st.lists(st.sampled_from(life), max_size=8))
    once, twice = feed(life), feed([*life, *again], [len(life)])
    assert facts(once) == facts(twice)
    assert twice.rows.ledger["duplicate"] == len(again)
    assert len(twice.outputs) == len(once.outputs)


@EACH_FAMILY
@settings(max_examples=100, deadline=None)
@given(data=st.data(), cuts=st.lists(st.integers(1, 24), max_size=6))
def test_facts_equal_a_naive_recount_of_the_log_in_any_order_and_any_chunks(
    kinds: tuple[st.SearchStrategy[Any], ...], data: st.DataObject, cuts: list[int]
) -> None:
    life = data.draw(lives(*kinds, least=12))
    run = feed(data.draw(st.permutations(life)), cuts)
    assert told(run) == pytest.approx(Naive(life).facts())


@settings(max_examples=60, deadline=None)
@given(st.data(), lives(MANY_ORDERS, most=20))
def test_orders_beyond_those_kept_one_by_one_are_counted_as_a_naive_recount_does(
    data: st.DataObject, life: list[AnyEvent]
) -> None:
    one_by_one = {e.data.order_id: e for e in life}.values()  # type: ignore[attr-defined]
    run = feed(data.draw(st.permutations(list(one_by_one))))
    assert told(run) == pytest.approx(Naive(list(one_by_one)).facts())
