"""What holds of the whole service, through snapshots, sweeps, restarts and edits of its rule."""

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.triggers.domain.rules import Rule
from tests.unit.triggers.shop import START, Shop, fired, probe

HOUR = timedelta(hours=1)
HOLD, COOLDOWN = 6 * HOUR, 24 * HOUR
LOW, HIGH, CLEAR = 30, 40, 60  # the rule is edited between the first two


def rule(threshold: int) -> tuple[Rule, ...]:
    return probe(f"score < {threshold}", f"score > {CLEAR}", **{"for": "6h", "cooldown": "24h"})


RULES = {LOW: rule(LOW), HIGH: rule(HIGH)}
acts = st.one_of(
    st.tuples(st.just("see"), st.sampled_from([10.0, 35.0, 50.0, 70.0])),
    st.tuples(st.just("sweep"), st.none()),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.just("edit"), st.sampled_from([LOW, HIGH])),
)
courses = st.lists(st.tuples(st.integers(0, 12), acts), max_size=30)


@dataclass
class Course:
    """A customer's life, and what was said of it with the moment."""

    shop: Shop = field(default_factory=lambda: Shop(RULES[LOW]))
    said: list[tuple[datetime, Any]] = field(default_factory=list)
    low_since: datetime | None = None  # below the wider threshold, as far as anybody could see

    def act(self, what: str, value: Any) -> None:
        if what == "see":
            if value >= HIGH:
                self.low_since = None
            elif self.low_since is None:
                self.low_since = self.shop.now
            self.hear(self.shop.see(score=value))
        elif what == "restart":
            self.shop.runner.restart()
        elif what == "edit":
            self.shop.adopt(RULES[value])
            self.hear(self.shop.sweep())
        else:
            self.hear(self.shop.sweep())

    def hear(self, events: list[Any]) -> None:
        for event in events:
            if fired([event]):
                assert self.low_since is not None
                assert self.shop.now - self.low_since >= HOLD
        self.said += [(self.shop.now, event) for event in events]


def live(course: list[tuple[int, tuple[str, Any]]]) -> Course:
    life = Course()
    for hours, (what, value) in course:
        life.shop.now += hours * HOUR
        life.act(what, value)
    return life


@settings(deadline=None, max_examples=60)
@given(courses)
def test_cooldown_dwell_and_clearing_hold_through_restarts_and_edits(
    course: list[tuple[int, tuple[str, Any]]],
) -> None:
    said = live(course).said
    firings = [(at, event) for at, event in said if fired([event])]
    assert all(b - a >= COOLDOWN for (a, _), (b, _) in itertools.pairwise(firings))
    assert [bool(fired([event])) for _, event in said] == [i % 2 == 0 for i in range(len(said))]
    assert [event.data.episode for _, event in firings] == list(range(1, len(firings) + 1))
    assert len({event.id for _, event in said}) == len(said)


@settings(deadline=None, max_examples=40)
@given(courses)
def test_what_an_edit_made_true_says_nothing_before_it_has_been_clear(
    course: list[tuple[int, tuple[str, Any]]],
) -> None:
    calm = [(hours, act) for hours, act in course if act != ("see", 70.0)]
    edited = [(0, ("see", 35.0)), (0, ("edit", HIGH)), *calm, (24, ("sweep", None))]
    assert live(edited).said == []


@settings(deadline=None, max_examples=40)
@given(courses)
def test_a_restart_anywhere_changes_nothing(course: list[tuple[int, tuple[str, Any]]]) -> None:
    often = [part for hours, act in course for part in ((hours, act), (0, ("restart", None)))]
    assert [event.id for _, event in live(often).said] == [event.id for _, event in live(course).said]


def test_such_a_course_does_fire() -> None:
    """Or the laws above would hold of silence."""
    course = [(0, ("see", 70.0)), (1, ("see", 10.0)), (6, ("sweep", None)), (1, ("see", 70.0))]
    assert [bool(fired([event])) for _, event in live([*course, *course, *course]).said] == [True, False]
    assert live([*course, (30, ("sweep", None)), *course]).said[-1][0] == START + 46 * HOUR
