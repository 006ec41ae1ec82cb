"""The signals that are shown: what moves each, what it rests on, how it is told (MISSION.md A4-A7, B10)."""

from collections.abc import Sequence
from typing import Any

import pytest

from libs.events.families.commerce import (
    SubscriptionCancelRequested,
    SubscriptionPaused,
    SubscriptionPaymentFailed,
    SubscriptionRenewed,
    SubscriptionSkipped,
    SubscriptionStarted,
)
from libs.events.families.customer import CustomerCreated
from libs.events.families.engagement import SiteVisited
from libs.events.families.relationship import (
    AccountSeatsChanged,
    MilestonePlanned,
    MilestoneReached,
    NoteAdded,
    SurveyAnswered,
    TicketOpened,
    TicketSolved,
    UsageRecorded,
)
from libs.events.types import Frozen
from tests.unit.scoring.shop import Shop, day, order, signal

SUB = {"subscription_id": "s"}


def after(*events: tuple[Frozen, float], look: float | None = None) -> Any:
    """The last snapshot of somebody to whom these things happened; at `look` something else did."""
    shop = Shop()
    for data, at in events:
        shop.happens(data, at)
    if look is not None:
        shop.happens(CustomerCreated(), look)
    return shop.health()


def answered(kind: str, score: int) -> SurveyAnswered:
    return SurveyAnswered.model_validate(
        {"survey_id": "s", "response_id": kind, "kind": kind, "score": score}
    )


def test_a_signal_without_a_weight_is_shown_and_moves_nothing() -> None:
    health = after((order(1), 0), (UsageRecorded(feature="export", count=10), 1))
    told = signal(health, "usage_depth")
    assert (told.weight, told.points, told.value) == (0.0, 0.0, 50.0)
    assert health.score == after((order(1), 0), look=1).score
    assert sum(c.points for c in health.contributions) == pytest.approx(health.score - health.base)


def test_engagement_level_counts_the_last_thirty_days() -> None:
    visits = [(SiteVisited(session_id=f"s{i}"), float(i)) for i in range(40, 44)]
    level = signal(after((CustomerCreated(), 0), *visits), "engagement_level")
    assert (level.value, level.evidence) == (50.0, 1.0)
    assert level.text == "4 interactions in 30 days"


def test_engagement_level_of_the_newly_met_rests_on_little() -> None:
    assert signal(after((SiteVisited(session_id="s"), 0), look=3), "engagement_level").evidence == 0.1


def test_what_was_heard_of_a_feed_that_died_is_half_as_sure() -> None:
    visits = [(SiteVisited(session_id=f"s{i}"), float(i)) for i in range(41)]
    for name in ("engagement_level", "engagement_trend"):
        live, dead = (signal(after(*visits, look=look), name) for look in (41, 60))
        assert dead.evidence == pytest.approx(live.evidence / 2, rel=0.1)
        assert "source of visits or clicks is silent" in dead.text


def test_who_fell_silent_is_held_against_what_they_last_did() -> None:
    """Not against the empty months since: five visits to none, four shrink it."""
    shop = Shop()
    for i in range(35, 40):
        shop.happens(SiteVisited(session_id=f"s{i}"), i)
    for look in (75, 100, 300):
        shop.happens(SiteVisited(session_id="o"), look, "other")  # the feed lives
        shop.happens(CustomerCreated(), look)
        trend = signal(shop.health(), "engagement_trend")
        assert trend.value == pytest.approx(100 / (1 + (3 / 7) * (9 / 4)), abs=0.01)


def test_usage_depth_is_judged_by_the_seat() -> None:
    uses = (UsageRecorded(feature="export", count=20), 14)
    alone = signal(after((UsageRecorded(feature="export", count=0), 0), uses), "usage_depth")
    team = signal(after((AccountSeatsChanged(bought=9, active=4), 0), uses), "usage_depth")
    assert alone.value == pytest.approx(100 * 20 / 30, abs=0.01)
    assert team.value == pytest.approx(100 * 20 / 60, abs=0.01)
    assert (alone.evidence, team.evidence) == (1.0, pytest.approx(0.0357, abs=1e-4))
    assert team.text == "20 uses in 14 days, 4 active seats"


def test_usage_breadth_needs_to_be_told_how_many_features_there_are() -> None:
    assert signal(after((UsageRecorded(feature="export"), 0)), "usage_breadth") is None
    told = after(*((UsageRecorded(feature=name, features_available=8), 29.5) for name in ("a", "b")), look=30)
    breadth = signal(told, "usage_breadth")
    assert (breadth.value, breadth.text) == (25.0, "2 of 8 features used in 30 days")


def test_usage_trend_holds_its_floor_when_the_window_empties() -> None:
    steady = [(UsageRecorded(feature="a", count=5), float(i)) for i in range(28)]
    values = [signal(after(*steady, look=look), "usage_trend").value for look in (27.4, 34, 48, 60, 200)]
    assert values[0] == pytest.approx(70, abs=0.01)
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(values[-2])
    assert signal(after(*steady, look=34), "usage_trend").text == "35 uses in 14 days, 70 in the 14 before"


def test_an_open_ticket_presses_the_longer_it_waits_and_not_when_solved() -> None:
    opened = (TicketOpened(ticket_id="t"), 0)
    fresh, week = (signal(after(opened, look=look), "support_unresolved") for look in (0.001, 7))
    assert (fresh.value, week.value) == (pytest.approx(70, abs=0.1), pytest.approx(35, abs=0.01))
    assert (week.text, week.evidence) == ("1 ticket open", 1.0)
    solved = signal(after(opened, (TicketSolved(ticket_id="t"), 8)), "support_unresolved")
    assert (solved.value, solved.evidence, solved.text) == (70.0, 0.5, "Nothing is open with support")


def test_open_trouble_presses_as_if_it_had_waited_a_patience_longer() -> None:
    angry = (TicketOpened(ticket_id="t", sentiment="negative"), 0)
    told = signal(after(angry, look=7), "support_unresolved")
    assert told.value == pytest.approx(17.5, abs=0.01)
    assert told.text == "1 negative contact unresolved, the oldest since 2026-01-01"


@pytest.mark.parametrize(
    ("mood", "value", "heard"),
    [("negative", 0.0, "bad"), ("neutral", 70.0, "neither good nor bad"), ("positive", 100.0, "good")],
)
def test_what_a_person_heard_is_a_signal_of_its_own(mood: Any, value: float, heard: str) -> None:
    note = (NoteAdded(note_id="n", sentiment=mood), 0)
    told = signal(after(note), "csm_sentiment")
    assert (told.value, told.evidence) == (value, 1.0)
    assert told.text == f"What a person heard last was {heard}, fading with time"
    later = signal(after(note, look=180), "csm_sentiment")
    assert later.value == pytest.approx(70 + (value - 70) * 0.3679, abs=0.01)
    assert later.evidence == pytest.approx(0.3679, abs=1e-4)


@pytest.mark.parametrize(
    ("kind", "score", "value"),
    [
        *(("nps", 0, 0.0), ("nps", 7, 70.0), ("nps", 10, 100.0)),
        *(("csat", 1, 0.0), ("csat", 3, 50.0), ("csat", 5, 100.0)),
        *(("ces", 1, 0.0), ("ces", 4, 50.0), ("ces", 7, 100.0)),
        *(("csat", 9, 100.0), ("csat", 0, 0.0)),  # an answer outside its scale is at its end
    ],
)
def test_each_survey_is_read_on_its_own_scale(kind: str, score: int, value: float) -> None:
    assert signal(after((answered(kind, score), 0)), "survey").value == pytest.approx(value, abs=0.01)


def test_several_answers_are_weighed_by_their_age() -> None:
    told = signal(after((answered("nps", 0), 0), (answered("csat", 5), 180)), "survey")
    assert told.value == pytest.approx(70 + (0.3679 * -70 + 30) / 1.3679, abs=0.01)
    assert (told.evidence, told.text) == (1.0, "Answered NPS 0 of 10, CSAT 5 of 5; fading with time")


@pytest.mark.parametrize(
    ("events", "value", "said"),
    [
        ([SubscriptionStarted(**SUB)], 70.0, "is active since 2026-01-01"),
        ([SubscriptionPaused(**SUB)], 28.0, "is paused since 2026-01-01"),
        ([SubscriptionCancelRequested(**SUB)], 10.5, "asked to be cancelled since 2026-01-01"),
        ([SubscriptionPaymentFailed(**SUB)], 42.0, "waits for a payment since 2026-01-01"),
        (
            [SubscriptionStarted(**SUB), SubscriptionSkipped(**SUB)],
            60.0,
            "is active since 2026-01-01, 1 skip in a row",
        ),
        ([SubscriptionPaymentFailed(**SUB), SubscriptionRenewed(**SUB)], 70.0, "is active since 2026-01-02"),
    ],
)
def test_a_subscription_stands_where_it_stands(events: Sequence[Frozen], value: float, said: str) -> None:
    told = signal(after(*((data, float(i)) for i, data in enumerate(events))), "subscription")
    assert (told.value, told.evidence) == (pytest.approx(value), 1.0)
    assert told.text == f"The subscription {said}"


def test_onboarding_rises_with_what_is_reached_and_falls_when_something_is_late() -> None:
    plan = [(MilestonePlanned(milestone=name, due_at=day(10)), 0.0) for name in ("a", "b", "c")]
    reached = (MilestoneReached(milestone="a"), 1.0)
    early = signal(after(*plan, reached), "onboarding")
    assert (early.value, early.evidence) == (pytest.approx(80), 0.75)
    assert early.text == "1 milestone reached, the next one by 2026-01-12"
    late = signal(after(*plan, reached, look=17.5), "onboarding")  # due to the end of the 11th: 7 days late
    assert late.value == pytest.approx(35, abs=0.01)
    rest = [(MilestoneReached(milestone=name), 18.0) for name in ("b", "c")]
    done = signal(after(*plan, reached, *rest), "onboarding")
    assert (done.value, done.text) == (100.0, "3 milestones reached, none open")
