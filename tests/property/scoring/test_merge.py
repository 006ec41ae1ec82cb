"""Two customers who turn out to be one have the facts of one customer who had the events of both."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import AnyEvent
from tests.property.scoring.lives import (
    ALL,
    EACH_FAMILY,
    MANY_ORDERS,
    OVERRIDES,
    PEOPLES_EVENTS,
    SUBSCRIPTION_EVENTS,
    SURVEY_EVENTS,
    facts,
    feed,
    lives,
    merge,
    send,
    split,
    told,
)
from tests.property.scoring.naive import Naive

CUTS = st.lists(st.integers(1, 24), max_size=4)


def owners(data: st.DataObject, life: list[AnyEvent], most: int = 2) -> list[int]:
    return data.draw(st.lists(st.integers(1, most), min_size=len(life), max_size=len(life)))


@EACH_FAMILY
@settings(max_examples=200, deadline=None)
@given(data=st.data(), cuts=CUTS)
def test_any_life_split_between_two_customers_is_whole_again_after_the_merge(
    kinds: tuple[st.SearchStrategy[Any], ...], data: st.DataObject, cuts: list[int]
) -> None:
    """Any order, any chunks: even one order, one ticket or one session may have been told to both."""
    life = data.draw(lives(*kinds, least=12))
    run = feed(split(data.draw(st.permutations(life)), owners(data, life)), cuts)
    merge(run, 1, 2)
    assert facts(run) == facts(feed(life))


@settings(max_examples=60, deadline=None)
@given(st.data(), lives(MANY_ORDERS, most=24))
def test_of_more_orders_than_are_kept_one_by_one_the_same_stay_open_and_the_same_are_settled(
    data: st.DataObject, life: list[AnyEvent]
) -> None:
    life = list({e.data.order_id: e for e in life}.values())  # type: ignore[attr-defined]
    run = feed(split(life, owners(data, life)))
    merge(run, 1, 2)
    assert facts(run) == facts(feed(life))


@pytest.mark.parametrize(
    "kinds",
    [(SUBSCRIPTION_EVENTS, SURVEY_EVENTS, PEOPLES_EVENTS), (OVERRIDES,)],
    ids=["words of all", "overrides"],
)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_of_two_words_at_the_same_second_the_merge_takes_the_one_the_update_takes(
    kinds: tuple[st.SearchStrategy[Any], ...], data: st.DataObject
) -> None:
    life = data.draw(lives(*kinds, least=8, most=20, ties=True))
    run = feed(split(life, owners(data, life)))
    merge(run, 1, 2)
    assert facts(run) == facts(feed(life))


@settings(max_examples=150, deadline=None)
@given(st.data(), lives(*ALL))
def test_a_merge_has_the_facts_of_a_naive_recount_of_both_logs(
    data: st.DataObject, life: list[AnyEvent]
) -> None:
    run = feed(split(data.draw(st.permutations(life)), owners(data, life)))
    merge(run, 1, 2)
    assert told(run) == pytest.approx(Naive(life).facts())


@settings(max_examples=100, deadline=None)
@given(st.data(), lives(*ALL))
def test_it_makes_no_difference_to_the_facts_who_is_merged_into_whom(
    data: st.DataObject, life: list[AnyEvent]
) -> None:
    told_to = split(life, owners(data, life))
    one, other = feed(told_to), feed(told_to)
    merge(one, 1, 2)
    merge(other, 2, 1)
    assert facts(one, b"demo/c1") == facts(other, b"demo/c2")


@settings(max_examples=100, deadline=None)
@given(st.data(), lives(*ALL))
def test_three_customers_come_to_the_same_facts_in_whichever_pairs_they_are_merged(
    data: st.DataObject, life: list[AnyEvent]
) -> None:
    told_to = split(life, owners(data, life, most=3))
    chain, tree = feed(told_to), feed(told_to)
    merge(chain, 1, 2)
    merge(chain, 1, 3)
    merge(tree, 2, 3)
    merge(tree, 1, 2)
    assert facts(chain) == facts(tree) == facts(feed(life))


@settings(max_examples=60, deadline=None)
@given(lives(*ALL))
def test_merging_with_somebody_nothing_is_known_of_changes_nothing(life: list[AnyEvent]) -> None:
    run, alone = feed(life), feed(life)
    merge(run, 1, 2)
    assert run.rows.array[0].tobytes() == alone.rows.array[0].tobytes()
    merge(run, 3, 1)
    assert facts(run, b"demo/c3") == facts(alone)


@settings(max_examples=60, deadline=None)
@given(st.data(), lives(*ALL))
def test_events_told_after_the_merge_come_to_the_same_facts_as_before_it(
    data: st.DataObject, life: list[AnyEvent]
) -> None:
    early = data.draw(st.integers(1, len(life)))
    run = feed(split(life[:early], owners(data, life[:early])))
    merge(run, 1, 2)
    if life[early:]:
        send(run, life[early:])
    assert facts(run) == facts(feed(life))


@settings(max_examples=60, deadline=None)
@given(st.data(), lives(*ALL, most=12))
def test_what_is_told_again_after_the_merge_is_known_while_the_rings_hold_it(
    data: st.DataObject, life: list[AnyEvent]
) -> None:
    run = feed(split(life, owners(data, life)))
    merge(run, 1, 2)
    before = facts(run)
    send(run, life)
    assert facts(run) == before
    assert run.rows.ledger["duplicate"] == len(life)
