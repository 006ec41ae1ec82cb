"""The evidenced set: seven rules that ask for more proof, and are else the standard ones."""

from functools import cache
from typing import Any

import pytest

from services.triggers.adapters.rule_file import SHIPPED, load
from services.triggers.domain.rules import Rule
from tests.unit.triggers.catalogue import CASES, GUARDS, HOLD_DAYS, MORE
from tests.unit.triggers.shop import DAY, START, Shop, fired, standard


@cache
def evidenced() -> tuple[Rule, ...]:
    return load(SHIPPED["evidenced"])


def after(rules: tuple[Rule, ...], rule: str, known: dict[str, Any]) -> list[str]:
    shop = Shop(tuple(one for one in rules if one.id == rule))
    return fired(shop.see(**CASES[rule] | known) + shop.pass_days(HOLD_DAYS[rule]))


@pytest.mark.parametrize("rule", MORE)
def test_a_rule_asks_for_more_than_the_standard_one(rule: str) -> None:
    little, enough = MORE[rule]
    assert after(standard(), rule, little) == [rule]
    assert after(evidenced(), rule, little) == []
    assert after(evidenced(), rule, enough) == [rule]


def test_the_sets_differ_in_these_conditions_and_in_nothing_else() -> None:
    for usual, strict in zip(standard(), evidenced(), strict=True):
        assert (usual.id, usual.level, usual.title) == (strict.id, strict.level, strict.title)
        assert (usual.timing, usual.labels, usual.segments) == (strict.timing, strict.labels, strict.segments)
        assert (usual.version != strict.version) is (usual.id in MORE), usual.id


@pytest.mark.parametrize(("rule", "change"), GUARDS, ids=[f"{rule}:{next(iter(c))}" for rule, c in GUARDS])
def test_the_guards_of_feed_identity_and_stage_hold_here_too(rule: str, change: dict[str, Any]) -> None:
    enough = MORE.get(rule, ({}, {}))[1]
    assert after(evidenced(), rule, enough) == [rule]
    assert after(evidenced(), rule, {**enough, **change}) == []


@pytest.mark.parametrize("rule", [rule for rule in CASES if rule not in MORE])
def test_the_other_rules_fire_as_in_the_standard_set(rule: str) -> None:
    assert after(evidenced(), rule, {}) == [rule]


def test_one_visit_of_somebody_in_time_is_no_trigger() -> None:
    shop = Shop(evidenced())
    visit = {"visits_since_order": 1, "last_visit_at": START, "last_order_at": START - 40 * DAY}
    known = {"orders_total": 5, "days_overdue": -3.0, "silence_tail_p": 0.6}
    assert fired(shop.see(**visit, **known, site_known=True, site_tracking_live=True)) == []
    assert fired(shop.pass_days(3)) == []
