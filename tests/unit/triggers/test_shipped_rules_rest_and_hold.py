"""How long each shipped rule rests, that it does not flap between `when` and `clear`, and what it shows.

Through the service, in both sets: a changed cooldown, a lost `clear` or other facts to show turn it red.
"""

from datetime import datetime
from functools import cache

import pytest

from libs.events import AnyEvent
from libs.events.families.health import TriggerFired
from services.triggers.adapters.rule_file import SHIPPED, load
from services.triggers.domain.rules import Rule
from tests.unit.triggers import catalogue_life as life
from tests.unit.triggers.catalogue_life import COOLDOWN_DAYS, GAP, GAP_EVIDENCED, HOLD_DAYS, KEEP_DAYS, Known
from tests.unit.triggers.shop import DAY, START, Shop, cleared, fired

EVERY = [(of, rule) for of in life.SETS for rule in life.RULES]
GAPS = [(of, *gap) for of in life.SETS for gap in GAP] + [("evidenced", *gap) for gap in GAP_EVIDENCED]


@cache
def shipped(of: str) -> dict[str, Rule]:
    return {rule.id: rule for rule in load(SHIPPED[of])}


class Life:
    """One rule and one customer, who is seen each day with the same facts, things as long ago as ever."""

    def __init__(self, of: str, rule: str) -> None:
        self.of, self.rule = of, rule
        self.shop = Shop((shipped(of)[rule],))
        self.be(life.clear(of, rule), 1)  # a crossing fires only on what has been seen otherwise

    def be(self, known: Known, days: int) -> list[AnyEvent]:
        """So for so many days; the last one's snapshot is said, too."""
        said = []
        for day in range(days + 1):
            self.shop.now += DAY if day else 0 * DAY
            said += self.shop.see(**_as_old(known, self.shop.now))
        return said

    def fire(self) -> list[AnyEvent]:
        return self.be(life.true(self.of, self.rule), HOLD_DAYS[self.rule])

    def calm(self) -> list[AnyEvent]:
        return self.be(life.clear(self.of, self.rule), KEEP_DAYS[self.rule])


def _as_old(known: Known, now: datetime) -> Known:
    """The times as long ago as they were at the start."""
    return {name: now + (v - START) if isinstance(v, datetime) else v for name, v in known.items()}


def test_the_tables_have_every_shipped_rule() -> None:
    for of in life.SETS:
        assert set(shipped(of)) == set(COOLDOWN_DAYS) == set(life.SHOWS) == set(life.RULES)
    assert {rule for rule, _ in GAP} == set(life.RULES) - {"band-recovered"}


@pytest.mark.parametrize(("of", "rule"), EVERY)
def test_a_rule_fires_again_when_its_cooldown_is_over_and_no_day_before(of: str, rule: str) -> None:
    one = Life(of, rule)
    assert fired(one.fire()) == [rule]
    first = one.shop.now
    assert cleared(one.calm()) == [rule]
    rested = COOLDOWN_DAYS[rule] - (one.shop.now - first).days
    assert rested > HOLD_DAYS[rule]  # or its `for` would keep it quiet, and nothing were shown
    assert fired(one.be(life.true(of, rule), rested - 1)) == []
    one.shop.now += DAY
    assert fired(one.be(life.true(of, rule), 0)) == [rule]


@pytest.mark.parametrize(("of", "rule"), EVERY)
def test_a_firing_names_the_facts_to_show(of: str, rule: str) -> None:
    (event,) = Life(of, rule).fire()
    assert isinstance(event.data, TriggerFired)
    assert event.data.labels["shows"] == life.SHOWS[rule]


@pytest.mark.parametrize(("of", "rule", "gap"), GAPS, ids=[f"{s}:{r}:{next(iter(g))}" for s, r, g in GAPS])
def test_between_when_and_clear_a_rule_neither_fires_nor_clears(of: str, rule: str, gap: Known) -> None:
    between = life.true(of, rule) | gap
    quiet = Life(of, rule)
    assert quiet.be(between, HOLD_DAYS[rule] + 2) == []
    firing = Life(of, rule)
    assert fired(firing.fire()) == [rule]
    assert firing.be(between, KEEP_DAYS[rule] + 2) == []
    assert cleared(firing.calm()) == [rule]
