"""C1 to C15, C21, C22 on handmade histories: when each fires and clears, and what must not set it off."""

from typing import Any

import pytest

from libs.events.families.health import TriggerFired
from tests.unit.triggers.catalogue import CASES, CLEARS, HOLD_DAYS, KEEP_DAYS, LIVE, QUIET, REASONS
from tests.unit.triggers.shop import DAY, START, Shop, cleared, fired, standard


@pytest.fixture
def shop() -> Shop:
    return Shop(standard())


def enough(rule: str) -> int:
    """Days in which a rule that is true fires; few, as waiting makes others true."""
    return max(4, HOLD_DAYS[rule])


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_fires_once_its_condition_has_held(shop: Shop, rule: str) -> None:
    hold = HOLD_DAYS[rule]
    at_once = fired(shop.see(**CASES[rule]))
    assert at_once == ([] if hold else [rule])
    if hold:
        assert fired(shop.pass_days(hold - 0.01)) == []
        assert fired(shop.pass_days(0.01)) == [rule]
    assert fired(shop.pass_days(3)) == []  # and only once


@pytest.mark.parametrize(("rule", "change"), QUIET, ids=[f"{rule}:{next(iter(c))}" for rule, c in QUIET])
def test_a_guard_keeps_a_rule_quiet(shop: Shop, rule: str, change: dict[str, Any]) -> None:
    assert fired(shop.see(**{**CASES[rule], **change}) + shop.pass_days(enough(rule))) == []


@pytest.mark.parametrize("rule", CASES)
def test_no_rule_is_for_whom_the_shop_excludes(shop: Shop, rule: str) -> None:
    assert fired(shop.see(**CASES[rule], excluded=True) + shop.pass_days(enough(rule))) == []


@pytest.mark.parametrize("rule", CASES)
def test_nothing_known_fires_nothing(shop: Shop, rule: str) -> None:
    assert rule not in fired(shop.see() + shop.pass_days(100))


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_clears_when_its_cause_is_gone(shop: Shop, rule: str) -> None:
    shop.see(**CASES[rule])
    shop.pass_days(enough(rule))
    assert cleared(shop.see(**CASES[rule], cause="still")) == []
    at_once = cleared(shop.see(**{**CASES[rule], **CLEARS[rule]}))
    assert at_once == ([] if KEEP_DAYS[rule] else [rule])
    assert at_once + cleared(shop.pass_days(KEEP_DAYS[rule])) == [rule]


@pytest.mark.parametrize("rule", CASES)
def test_what_history_left_behind_does_not_fire(shop: Shop, rule: str) -> None:
    assert fired(shop.see(backfill=True, **CASES[rule]) + shop.pass_days(enough(rule))) == []
    assert fired(shop.see(**CASES[rule])) == []
    assert cleared(shop.see(**{**CASES[rule], **CLEARS[rule]})) == []  # it never fired
    rested = {**CASES[rule], "subscription_changed_at": shop.now}
    assert fired(shop.see(**rested) + shop.pass_days(enough(rule))) == [rule]


def test_an_unsubscribe_is_disengagement_by_itself(shop: Shop) -> None:
    assert fired(shop.see(unsubscribed_at=START) + shop.pass_days(1)) == ["email-disengaged"]


def test_an_unsubscribe_is_one_while_the_site_feed_is_dead(shop: Shop) -> None:
    known = {"unsubscribed_at": START, "site_known": True, "site_tracking_live": False}
    assert fired(shop.see(**known) + shop.pass_days(1)) == ["email-disengaged"]


def test_who_never_came_to_the_site_disengages_from_mail_without_its_feed(shop: Shop) -> None:
    known = CASES["email-disengaged"] | {"site_known": False, "site_tracking_live": False}
    assert fired(shop.see(**known) + shop.pass_days(1)) == ["email-disengaged"]


def test_silence_alone_makes_site_inactivity_fire_on_its_day(shop: Shop) -> None:
    shop.see(last_visit_at=START, **LIVE)
    assert fired(shop.pass_days(60)) == []
    assert fired(shop.pass_days(1)) == ["no-site-activity"]


def test_silence_alone_makes_an_order_overdue_on_its_day(shop: Shop) -> None:
    shop.see(orders_total=3, days_overdue=-5.0, own_gap_days=20.0, last_order_at=START - 15 * DAY)
    assert fired(shop.pass_days(6)) == []
    (event,) = shop.pass_days(1)
    assert fired([event]) == ["order-frequency-drop"]
    assert isinstance(event.data, TriggerFired)
    assert event.data.reason == "No order for 22 days, 2 days beyond the usual 20"
    assert event.data.facts.days_overdue == 2.0


def test_a_shop_without_a_site_feed_still_sees_engagement_drop(shop: Shop) -> None:
    clicks = {"engagement_30d": 4, "engagement_prev_30d": 5, "site_known": False, "site_tracking_live": False}
    assert fired(shop.see(**clicks) + shop.pass_days(1)) == ["engagement-drop"]


def test_a_lapsed_customer_is_still_owed_a_resolution(shop: Shop) -> None:
    unhappy = CASES["negative-support-unresolved"]
    assert fired(shop.see(stage="lapsed", **unhappy)) == ["negative-support-unresolved"]


@pytest.mark.parametrize("rule", CASES)
def test_the_reason_has_the_numbers_in_it(shop: Shop, rule: str) -> None:
    (event,) = (
        e
        for e in shop.see(**CASES[rule]) + shop.pass_days(max(3, HOLD_DAYS[rule]))
        if isinstance(e.data, TriggerFired)
    )
    assert isinstance(event.data, TriggerFired)
    assert event.data.reason == REASONS[rule]


@pytest.mark.parametrize(
    "known",
    [
        {"milestones_reached": 2, "milestone_due_at": START - 2 * DAY},  # a plan's own date
        {"milestones_reached": 1, "tenure_days": 30.0},  # a month without first value
    ],
)
def test_onboarding_also_stalls_at_a_due_date_or_without_first_value(
    shop: Shop, known: dict[str, Any]
) -> None:
    assert fired(shop.see(**CASES["onboarding-stalled"] | known) + shop.pass_days(1)) == [
        "onboarding-stalled"
    ]


def test_who_has_reached_what_was_due_is_not_stalled(shop: Shop) -> None:
    known = {"milestones_reached": 3, "first_value_at": START - DAY, "milestone_due_at": START + 20 * DAY}
    assert fired(shop.see(**CASES["onboarding-stalled"] | known) + shop.pass_days(15)) == []


def test_a_renewal_is_at_risk_by_the_csms_own_view_too(shop: Shop) -> None:
    doubt = CASES["renewal-at-risk"] | {"band": "green", "csm_sentiment": -1}
    assert fired(shop.see(**doubt) + shop.pass_days(1)) == ["renewal-at-risk"]
    assert cleared(shop.pass_days(20)) == []  # near and doubted still: the two conditions do not overlap


def test_a_new_contact_is_news_for_a_month_and_then_clears_by_itself(shop: Shop) -> None:
    shop.see(champion_changed_at=START)
    assert cleared(shop.pass_days(30)) == []
    assert cleared(shop.pass_days(1)) == ["champion-change"]


@pytest.mark.parametrize("decline", [{"nps": 6}, {"csm_sentiment": -1}, {"skips": 2}])
def test_for_a_loyal_customer_one_piece_of_evidence_is_enough(shop: Shop, decline: dict[str, Any]) -> None:
    assert fired(shop.see(stage="loyal", **decline) + shop.pass_days(1)) == ["loyal-decline"]


@pytest.mark.parametrize("fine", [{"nps": 7}, {"csm_sentiment": 0}, {"skips": 1}])
def test_what_is_no_evidence_leaves_a_loyal_customer_alone(shop: Shop, fine: dict[str, Any]) -> None:
    assert fired(shop.see(stage="loyal", **fine) + shop.pass_days(9)) == []


def test_good_reviews_speak_for_an_advocate_too(shop: Shop) -> None:
    known = {"band": "green", "orders_total": 2, "reviews_positive": 1}
    assert fired(shop.see(**known) + shop.pass_days(1)) == ["advocate-ready"]


def test_nobody_is_asked_for_a_referral_twice_in_half_a_year(shop: Shop) -> None:
    shop.see(**CASES["advocate-ready"])
    shop.pass_days(1)
    assert cleared(shop.see(**CASES["advocate-ready"] | {"referrals_90d": 1})) == ["advocate-ready"]
    shop.see(**CASES["advocate-ready"])
    assert fired(shop.pass_days(179)) == []
    assert fired(shop.pass_days(1)) == ["advocate-ready"]
