"""The evidenced set: seven rules that ask for more proof, and are else the standard ones."""

from functools import cache
from typing import Any

import pytest

from services.triggers.adapters.rule_file import SHIPPED, load
from services.triggers.domain.rules import Rule
from tests.unit.triggers.catalogue import CASES, HOLD_DAYS
from tests.unit.triggers.shop import DAY, START, Shop, fired, standard

# Rule -> what fires the standard rule and not this one; and what more it takes.
MORE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "engagement-drop": (
        {"engagement_30d": 10, "engagement_prev_30d": 20},  # within chance
        {"engagement_30d": 9, "engagement_prev_30d": 20},
    ),
    "order-frequency-drop": ({"silence_tail_p": 0.11}, {"silence_tail_p": 0.1}),
    "email-disengaged": ({"silence_tail_p": 0.21}, {"silence_tail_p": 0.2}),
    "visit-without-purchase": (
        {"visits_since_order": 3, "days_overdue": -9.0},  # looks often, but is in time
        {"visits_since_order": 3, "days_overdue": 1.0},
    ),
    "no-site-activity": ({"silence_tail_p": 0.3}, {"silence_tail_p": 0.2}),
    "no-second-order": ({"silence_tail_p": 0.45}, {"silence_tail_p": 0.4}),
    "loyal-decline": (
        {"engagement_30d": 27, "engagement_prev_30d": 30},  # within chance
        {"engagement_30d": 160, "engagement_prev_30d": 200},
    ),
}


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


@pytest.mark.parametrize("rule", [rule for rule in CASES if rule not in MORE])
def test_the_other_rules_fire_as_in_the_standard_set(rule: str) -> None:
    assert after(evidenced(), rule, {}) == [rule]


def test_one_visit_of_somebody_in_time_is_no_trigger() -> None:
    shop = Shop(evidenced())
    visit = {"visits_since_order": 1, "last_visit_at": START, "last_order_at": START - 40 * DAY}
    known = {"orders_total": 5, "days_overdue": -3.0, "silence_tail_p": 0.6}
    assert fired(shop.see(**visit, **known, site_known=True, site_tracking_live=True)) == []
    assert fired(shop.pass_days(3)) == []
