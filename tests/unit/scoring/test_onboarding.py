"""Milestones planned and reached, first value and value proven; the bounds of docs/health.md."""

from datetime import UTC, datetime
from typing import Any

from libs.events.families.relationship import MilestonePlanned, MilestoneReached
from services.scoring.domain.row import MILESTONES_KEPT
from tests.unit.scoring.shop import Shop, day, order


def planned(milestone: str, due_day: int, hour: int = 0) -> MilestonePlanned:
    return MilestonePlanned(milestone=milestone, due_at=datetime(2026, 3, due_day, hour, tzinfo=UTC))


def reached(milestone: str) -> MilestoneReached:
    return MilestoneReached(milestone=milestone)


def due(day_of_march: int) -> datetime:
    return datetime(2026, 3, day_of_march, tzinfo=UTC)


def after(*events: Any) -> Any:
    """The facts after one event a day."""
    shop = Shop()
    for at, data in enumerate(events):
        shop.happens(data, at)
    return shop.health().facts


def test_who_has_no_milestones_has_an_unknown_number_of_them() -> None:
    facts = after(order(1))
    assert (facts.milestones_reached, facts.milestone_due_at) == (None, None)
    assert (facts.first_value_at, facts.value_proven_at) == (None, None)


def test_a_plan_with_nothing_reached_is_zero_reached() -> None:
    facts = after(planned("kickoff", 10))
    assert (facts.milestones_reached, facts.milestone_due_at) == (0, due(10))


def test_the_next_one_due_is_the_earliest_that_is_still_open() -> None:
    plan = (planned("import", 12), planned("kickoff", 10), planned("training", 20))
    assert after(*plan).milestone_due_at == due(10)
    assert after(*plan, reached("kickoff")).milestone_due_at == due(12)
    assert after(*plan, reached("training"), reached("import")).milestone_due_at == due(10)
    done = after(*plan, reached("kickoff"), reached("import"), reached("training"))
    assert (done.milestones_reached, done.milestone_due_at) == (3, None)


def test_a_due_time_holds_until_the_end_of_its_day() -> None:
    assert after(planned("kickoff", 10, hour=17)).milestone_due_at == due(11)


def test_the_plan_told_last_holds_whichever_way_it_moves() -> None:
    assert after(planned("kickoff", 10), planned("kickoff", 20)).milestone_due_at == due(20)
    assert after(planned("kickoff", 20), planned("kickoff", 10)).milestone_due_at == due(10)
    shop = Shop()
    shop.happens(planned("kickoff", 20), 2)
    shop.send(shop.event(planned("kickoff", 10), 1, received=3))
    assert shop.health().facts.milestone_due_at == due(20)


def test_of_two_plans_told_on_one_day_the_earlier_due_date_holds() -> None:
    for first, second in ((10, 20), (20, 10)):
        shop = Shop()
        shop.happens(planned("kickoff", first), 0)
        shop.happens(planned("kickoff", second), 0.1)
        assert shop.health().facts.milestone_due_at == due(10)


def test_what_was_reached_stays_reached_whatever_is_planned_later() -> None:
    facts = after(reached("kickoff"), planned("kickoff", 10))
    assert (facts.milestones_reached, facts.milestone_due_at) == (1, None)


def test_a_milestone_told_twice_is_one() -> None:
    assert after(reached("kickoff"), reached("kickoff")).milestones_reached == 1


def test_first_value_is_the_first_time_and_value_proven_the_last() -> None:
    shop = Shop()
    for at in (5, 9):
        shop.happens(reached("first_value"), at)
        shop.happens(reached("value_proven"), at + 1)
    shop.send(shop.event(reached("first_value"), 3, received=11))
    shop.send(shop.event(reached("value_proven"), 4, received=11))
    facts = shop.health().facts
    assert (facts.first_value_at, facts.value_proven_at) == (day(3), day(10))
    assert facts.milestones_reached == 2


def test_of_more_milestones_than_are_followed_the_same_stay_in_any_order() -> None:
    names = [f"m{n}" for n in range(MILESTONES_KEPT + 4)]
    events = [*[planned(name, 1 + n) for n, name in enumerate(names)], *map(reached, names[::2])]
    one, other = after(*events), after(*events[::-1])
    assert 0 < one.milestones_reached < MILESTONES_KEPT
    assert one.milestones_reached == other.milestones_reached
    assert one.milestone_due_at == other.milestone_due_at
