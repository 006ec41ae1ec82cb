"""What is proven of a condition is never contradicted by evaluating it: no false alarm."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.triggers.domain.language import Condition, ConditionError, compile_condition, parse
from services.triggers.domain.ranges import Known, truth
from services.triggers.domain.vocabulary import VOCABULARY
from tests.property.triggers import sql as language
from tests.unit.triggers.shop import START, answers, snapshot


def _numbers(name: str) -> st.SearchStrategy[Any]:
    column = VOCABULARY[name]
    high = min(column.high, 1e15)
    if column.store == "f8":
        return st.floats(column.low, high) | st.sampled_from([column.low, high, max(column.low, 0.0)])
    low, most = int(column.low), int(high)
    return st.integers(low, most) | st.integers(low, min(most, 12))


_moments = st.integers(-4000, 400).map(lambda hours: START + timedelta(hours=hours))
facts = st.fixed_dictionaries(
    {name: _numbers(name) for name in ("score",)}
    | {
        "band": st.sampled_from(VOCABULARY["band"].choices),
        "stage": st.sampled_from(VOCABULARY["stage"].choices),
    },
    optional={name: _numbers(name) for name in language.NUMBERS if name != "score"}
    | {name: st.booleans() for name in language.FLAGS}
    | {name: _moments for name in language.TIMES if name != "now"}
    | {
        "subscription_state": st.sampled_from(VOCABULARY["subscription_state"].choices),
        "segment": st.sampled_from(["vip", "other", "third"]),
    },
)


def found(condition: Condition, known: list[dict[str, Any]]) -> set[bool | None]:
    return set(answers(condition, *(snapshot("ann", START, **one) for one in known)))


@settings(deadline=None, max_examples=100)
@given(language.flags.filter(lambda sql: len(sql) < 500), st.lists(facts, min_size=1, max_size=8))
def test_a_condition_only_comes_to_what_its_ranges_allow(sql: str, known: list[dict[str, Any]]) -> None:
    try:
        condition = compile_condition(sql)
    except ConditionError:
        assume(False)
    assert found(condition, known) <= truth(parse(sql), Known())


@settings(deadline=None, max_examples=100)
@given(language.flags, language.flags, st.lists(facts, min_size=1, max_size=8), st.booleans())
def test_what_follows_from_a_condition_holds_of_whoever_it_is_true_of(
    premise: str, conclusion: str, known: list[dict[str, Any]], wanted: bool
) -> None:
    assume(len(premise) + len(conclusion) < 600)
    try:
        given_, follows = compile_condition(premise), compile_condition(conclusion)
    except ConditionError:
        assume(False)
    true_of = [one for one in known if found(given_, [one]) == {wanted}]
    assume(true_of)
    narrowed = Known().given(parse(premise), wanted=wanted)
    assert narrowed is not None, "it was proven that this cannot be"
    assert found(follows, true_of) <= truth(parse(conclusion), narrowed)


@pytest.mark.parametrize("name", [*language.NUMBERS, "tenure_days", "spend_total", "csat", "ces"])
def test_the_range_of_a_column_is_the_contracts(name: str) -> None:
    column = VOCABULARY[name]
    assert -1e15 <= column.low < column.high <= 1e15 + 4e6
    assert column.required is (name == "score")
