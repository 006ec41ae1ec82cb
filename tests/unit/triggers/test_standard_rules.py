"""C1 to C8 on handmade histories: when each fires, when it clears, and what must not set it off."""

from typing import Any

import pytest

from libs.events.families.health import TriggerFired
from tests.unit.triggers.shop import DAY, START, Shop, cleared, fired, standard

LIVE: dict[str, Any] = {"site_known": True, "site_tracking_live": True}

# Rule -> the facts of a customer on whom it fires, once the days of its `for` have passed.
CASES: dict[str, dict[str, Any]] = {
    "engagement-drop": {"engagement_30d": 4, "engagement_prev_30d": 5, **LIVE},
    "order-frequency-drop": {"orders_total": 3, "days_overdue": 0.5, "own_gap_days": 20.0},
    "email-disengaged": {"sends_since_engagement": 10},
    "visit-without-purchase": {
        "visits_since_order": 1,
        "orders_total": 2,
        "last_visit_at": START - DAY,
        "last_order_at": START - 45 * DAY,
        **LIVE,
    },
    "no-site-activity": {"last_visit_at": START - 60 * DAY, **LIVE},
    "return-without-purchase": {
        "last_order_at": START - 9 * DAY,
        "last_return_at": START - 2 * DAY,
        "returned_share": 0.3,
    },
    "negative-support-unresolved": {"open_negative_tickets": 1, "oldest_negative_at": START - DAY},
    "subscription-pause-or-cancel": {
        "subscription_state": "cancel_requested",
        "subscription_changed_at": START,
    },
}

# Rule -> one changed fact, with which it must stay quiet.
QUIET: list[tuple[str, dict[str, Any]]] = [
    ("engagement-drop", {"engagement_30d": 5}),  # not a fifth down
    ("engagement-drop", {"engagement_30d": 2, "engagement_prev_30d": 3}),  # too little to read a drop from
    ("engagement-drop", {"engagement_prev_30d": None}),
    ("engagement-drop", {"site_tracking_live": False}),  # the feed is silent, not the customer
    ("engagement-drop", {"site_tracking_live": None}),
    ("engagement-drop", {"stage": "lapsed"}),
    ("order-frequency-drop", {"orders_total": 2}),  # no rhythm yet
    ("order-frequency-drop", {"days_overdue": -5.0}),
    ("order-frequency-drop", {"days_overdue": None}),
    ("order-frequency-drop", {"stage": "lapsed"}),
    ("email-disengaged", {"sends_since_engagement": 9}),
    ("email-disengaged", {"sends_since_engagement": None}),
    ("email-disengaged", {"stage": "lapsed"}),
    ("visit-without-purchase", {"visits_since_order": 0}),
    ("visit-without-purchase", {"orders_total": 1}),  # has not "used to buy"
    ("visit-without-purchase", {"last_order_at": START - 5 * DAY}),  # looks after an order
    ("visit-without-purchase", {"last_visit_at": START - 20 * DAY}),
    ("visit-without-purchase", {"site_known": False}),
    ("visit-without-purchase", {"site_tracking_live": False}),
    ("visit-without-purchase", {"stage": "lapsed"}),
    ("no-site-activity", {"last_visit_at": START - 30 * DAY}),
    ("no-site-activity", {"last_order_at": START - 10 * DAY}),  # bought: was there
    ("no-site-activity", {"site_known": False}),  # never identified: no site rules
    ("no-site-activity", {"site_known": None}),
    ("no-site-activity", {"site_tracking_live": False}),  # no feed is not silence
    ("no-site-activity", {"site_tracking_live": None}),
    ("no-site-activity", {"last_visit_at": None}),
    ("no-site-activity", {"stage": "lapsed"}),
    ("return-without-purchase", {"last_order_at": START - DAY}),  # bought since
    ("return-without-purchase", {"returned_share": 0.29}),  # one item that did not fit
    ("return-without-purchase", {"returned_share": None}),
    ("return-without-purchase", {"last_return_at": None}),
    ("return-without-purchase", {"stage": "lapsed"}),
    ("negative-support-unresolved", {"open_negative_tickets": 0}),
    ("negative-support-unresolved", {"oldest_negative_at": START + 5 * DAY}),
    ("negative-support-unresolved", {"oldest_negative_at": None}),
    ("subscription-pause-or-cancel", {"subscription_state": "active"}),
    ("subscription-pause-or-cancel", {"subscription_state": "past_due"}),  # a failed card is dunning
    ("subscription-pause-or-cancel", {"subscription_state": None}),
    ("subscription-pause-or-cancel", {"subscription_changed_at": START - 8 * DAY}),  # not news
]

# Rule -> the facts with which it clears again.
CLEARS: dict[str, dict[str, Any]] = {
    "engagement-drop": {"engagement_30d": 9, "engagement_prev_30d": 10},
    "order-frequency-drop": {"days_overdue": -19.0},
    "email-disengaged": {"sends_since_engagement": 0},
    "visit-without-purchase": {"visits_since_order": 0},
    "no-site-activity": {"last_visit_at": START + 3 * DAY},
    "return-without-purchase": {"last_order_at": START + 3 * DAY},
    "negative-support-unresolved": {"open_negative_tickets": 0, "oldest_negative_at": None},
    "subscription-pause-or-cancel": {"subscription_state": "active"},
}

HOLD_DAYS = {"visit-without-purchase": 2, "return-without-purchase": 3} | dict.fromkeys(
    ("engagement-drop", "order-frequency-drop", "email-disengaged", "no-site-activity"), 1
)


@pytest.fixture
def shop() -> Shop:
    return Shop(standard())


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_fires_once_its_condition_has_held(shop: Shop, rule: str) -> None:
    hold = HOLD_DAYS.get(rule, 0)
    at_once = fired(shop.see(**CASES[rule]))
    assert at_once == ([] if hold else [rule])
    if hold:
        assert fired(shop.pass_days(hold - 0.01)) == []
        assert fired(shop.pass_days(0.01)) == [rule]
    assert fired(shop.pass_days(3)) == []  # and only once


@pytest.mark.parametrize(("rule", "change"), QUIET, ids=[f"{rule}:{next(iter(c))}" for rule, c in QUIET])
def test_a_guard_keeps_a_rule_quiet(shop: Shop, rule: str, change: dict[str, Any]) -> None:
    assert fired(shop.see(**{**CASES[rule], **change}) + shop.pass_days(4)) == []


@pytest.mark.parametrize("rule", CASES)
def test_no_rule_is_for_whom_the_shop_excludes(shop: Shop, rule: str) -> None:
    assert fired(shop.see(**CASES[rule], excluded=True) + shop.pass_days(4)) == []


@pytest.mark.parametrize("rule", CASES)
def test_nothing_known_fires_nothing(shop: Shop, rule: str) -> None:
    assert rule not in fired(shop.see() + shop.pass_days(100))


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_clears_when_its_cause_is_gone(shop: Shop, rule: str) -> None:
    shop.see(**CASES[rule])
    shop.pass_days(4)
    assert cleared(shop.see(**CASES[rule], cause="still")) == []
    assert cleared(shop.see(**{**CASES[rule], **CLEARS[rule]})) == [rule]


@pytest.mark.parametrize("rule", CASES)
def test_what_history_left_behind_does_not_fire(shop: Shop, rule: str) -> None:
    assert fired(shop.see(backfill=True, **CASES[rule]) + shop.pass_days(4)) == []
    assert fired(shop.see(**CASES[rule])) == []
    assert cleared(shop.see(**{**CASES[rule], **CLEARS[rule]})) == []  # it never fired
    rested = {**CASES[rule], "subscription_changed_at": shop.now}
    assert fired(shop.see(**rested) + shop.pass_days(4)) == [rule]


def test_an_unsubscribe_is_disengagement_by_itself(shop: Shop) -> None:
    assert fired(shop.see(unsubscribed_at=START) + shop.pass_days(1)) == ["email-disengaged"]


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


REASONS: dict[str, str] = {
    "engagement-drop": "Interactions in the last 30 days: 4, in the 30 before: 5",
    "order-frequency-drop": "No order for unknown days, 1.5 days beyond the usual 20",
    "email-disengaged": "Unsubscribed: unknown; messages since the last reaction: 10",
    "visit-without-purchase": "Visits since the last order 47 days ago: 1, no purchase",
    "no-site-activity": "Last seen on the site 61 days ago",
    "return-without-purchase": "Sent back 30 % of an order 5 days ago, no purchase since",
    "negative-support-unresolved": "Open tickets of an unhappy customer: 1, the oldest for 24 hours",
    "subscription-pause-or-cancel": "Subscription is cancel_requested since 2026-03-01",
}


@pytest.mark.parametrize("rule", CASES)
def test_the_reason_has_the_numbers_in_it(shop: Shop, rule: str) -> None:
    (event,) = (e for e in shop.see(**CASES[rule]) + shop.pass_days(3) if isinstance(e.data, TriggerFired))
    assert isinstance(event.data, TriggerFired)
    assert event.data.reason == REASONS[rule]
