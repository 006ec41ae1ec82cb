"""Rows, conditions and chunks: equal by whatever road, and harmless whatever is in them."""

import string
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import Facts, encode
from libs.events.codec import decode_hot
from services.triggers.domain import rows as layout
from services.triggers.domain.evaluator import Evaluator
from services.triggers.domain.lifecycle import Phase
from services.triggers.domain.reason import Reason
from services.triggers.domain.rules import Rule
from services.triggers.domain.transitions import clearing
from services.triggers.domain.vocabulary import FACTS, STORED, VOCABULARY, Column, Kind
from tests.unit.triggers.shop import START, Shop, fired, probe, snapshot, standard

ABSURD = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
NEAR = st.integers(-400, 10).map(lambda days: START + timedelta(days=days))
WORDS = st.text(string.ascii_letters, min_size=1, max_size=8)


def values(column: Column) -> st.SearchStrategy[Any]:
    if column.kind is Kind.TIME:
        return NEAR | ABSURD
    if column.kind is Kind.FLAG:
        return st.booleans()
    if column.name == "currency":
        return st.sampled_from(["USD", "EUR", "JPY"])
    if column.kind is Kind.TEXT:
        return st.sampled_from(column.choices) if column.choices else WORDS
    if column.unit in ("0-100", "0-1", "probability", "share"):
        return st.floats(0, 1)
    if column.store == "f8":
        return st.floats(-1e15, 1e15) | st.floats(-30, 30)
    low = -1 if column.name == "csm_sentiment" else 0
    return st.integers(low, 1 if column.name == "csm_sentiment" else 10 if column.store == "i1" else 10**9)


facts = st.fixed_dictionaries({}, optional={column.name: values(column) for column in FACTS})


@given(st.lists(facts, min_size=1, max_size=4))
def test_a_row_gives_back_exactly_the_facts_it_was_given(known: list[dict[str, Any]]) -> None:
    labels = layout.Labels()
    events = [decode_hot(encode(snapshot("ann", START, **one)), "health.snapshot") for one in known]
    rows = layout.encode(events, labels)
    for row, event in zip(rows, events, strict=True):
        assert layout.facts_of(layout.values_of(row, labels, START)) == event.data.facts


def verdicts(rules: tuple[Rule, ...], rows: Any, labels: layout.Labels) -> tuple[Any, Any]:
    found = Evaluator(rules).evaluate(layout.columns(rows, labels, START))
    return found.when, found.clear


@settings(deadline=None)
@given(st.lists(facts, min_size=1, max_size=6))
def test_one_customer_and_a_chunk_of_them_are_judged_alike(known: list[dict[str, Any]]) -> None:
    labels = layout.Labels()
    events = [decode_hot(encode(snapshot("ann", START, **one)), "health.snapshot") for one in known]
    rows = layout.encode(events, labels)
    whole = verdicts(standard(), rows, labels)
    single = [verdicts(standard(), rows[i : i + 1], labels) for i in range(len(rows))]
    for side in (0, 1):
        np.testing.assert_array_equal(whole[side], np.vstack([one[side] for one in single]))


@settings(deadline=None)
@given(st.lists(facts, min_size=1, max_size=6), st.sets(st.integers(0, len(standard()) - 1)))
def test_what_is_clear_is_worked_out_for_the_rules_that_are_asked_for(
    known: list[dict[str, Any]], asked: set[int]
) -> None:
    labels = layout.Labels()
    events = [decode_hot(encode(snapshot("ann", START, **one)), "health.snapshot") for one in known]
    rows, rules = layout.encode(events, labels), standard()
    asks = np.array([r in asked for r in range(len(rules))])
    when, clear = verdicts(rules, rows, labels)
    found = Evaluator(rules).evaluate(layout.columns(rows, labels, START), asks)
    np.testing.assert_array_equal(found.when, when)
    np.testing.assert_array_equal(found.clear, clear & asks)


def test_only_an_inactive_and_a_pending_rule_do_not_ask_whether_they_are_clear() -> None:
    phases = np.array([[Phase.INACTIVE, phase, Phase.PENDING] for phase in Phase], np.uint8)
    for phase, row in zip(Phase, phases, strict=True):
        settled = phase not in (Phase.INACTIVE, Phase.PENDING)
        assert clearing(row[None]).tolist() == [False, settled, False]


def named(*kinds: Kind) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(name for name, column in VOCABULARY.items() if column.kind in kinds))


numbers = st.deferred(lambda: _numbers)
flags = st.deferred(lambda: _flags)
_leaf = named(Kind.NUMBER) | st.integers(-3, 3).map(str) | named(Kind.TIME).map("days_since({})".format)
_numbers = (
    _leaf
    | st.builds("({} {} {})".format, numbers, st.sampled_from("+-*/"), numbers)
    | st.builds(
        "{}({}, {})".format, st.sampled_from(["COALESCE", "NULLIF", "GREATEST", "LEAST"]), numbers, numbers
    )
)
_flags = (
    named(Kind.FLAG)
    | st.builds("{} {} {}".format, numbers, st.sampled_from(["<", "<=", "=", "<>", ">", ">="]), numbers)
    | st.builds("({} {} {})".format, flags, st.sampled_from(["AND", "OR"]), flags)
    | st.builds("(NOT {})".format, flags)
    | st.builds("{} IS {}NULL".format, _leaf, st.sampled_from(["", "NOT "]))
)


@settings(deadline=None, max_examples=60)
@given(flags.filter(lambda sql: len(sql) < 600), facts)
def test_any_condition_on_any_facts_is_harmless(sql: str, known: dict[str, Any]) -> None:
    rules, labels = probe(f'"{sql}"'), layout.Labels()
    for one in (known, {}):
        event = decode_hot(encode(snapshot("ann", START, **one)), "health.snapshot")
        when, clear = verdicts(rules, layout.encode([event], labels), labels)
        assert when.shape == clear.shape == (1, 1)
        assert not (when[0, 0] and clear[0, 0])  # the default clear is NOT when


@settings(deadline=None, max_examples=30)
@given(st.permutations(range(6)), st.lists(facts, min_size=6, max_size=6))
def test_the_order_of_customers_within_a_moment_does_not_matter(
    order: list[int], known: list[dict[str, Any]]
) -> None:
    events = [snapshot(f"c{i}", START, **one) for i, one in enumerate(known)]
    straight, mixed = Shop(standard()), Shop(standard())
    first, second = straight.send(*events), mixed.send(*(events[i] for i in order))
    assert sorted(e.id for e in first) == sorted(e.id for e in second)
    assert straight.ledger == mixed.ledger


@given(facts)
def test_any_reason_fits_the_contract(known: dict[str, Any]) -> None:
    template = " ".join(f"{{{column.name}}}" for column in STORED)
    assert len(Reason(template, VOCABULARY).render(known, START)) <= 400


@pytest.mark.parametrize("name", list(Facts.model_fields))
def test_every_fact_is_a_column(name: str) -> None:
    assert name in VOCABULARY


def test_a_customer_of_nulls_fires_nothing() -> None:
    assert fired(Shop(standard()).see()) == []
