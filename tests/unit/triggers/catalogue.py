"""The shipped rules by example: who sets each off, what must keep it quiet, what clears it, what it says."""

from typing import Any

from tests.unit.triggers.shop import DAY, START

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
    "usage-drop": {"usage_14d": 7, "usage_prev_14d": 10},
    "champion-change": {"champion_changed_at": START - DAY},
    "support-spike": {"tickets_14d": 3, "tickets_baseline": 1.0},
    "renewal-at-risk": {"renewal_at": START + 50 * DAY, "subscription_state": "active"},
    "onboarding-stalled": {"stage": "new", "tenure_days": 9.0, "milestones_reached": 0},
    "expansion-ready": {
        "band": "green",
        "features_used_30d": 6,
        "features_available": 10,
        "value_proven_at": START - 30 * DAY,
        "usage_14d": 20,
        "usage_prev_14d": 20,
        "usage_variance": 25.0,
    },
    "advocate-ready": {"band": "green", "nps": 9, "orders_total": 2},
    "no-second-order": {"stage": "new", "orders_total": 1, "silence_tail_p": 0.5},
    "loyal-decline": {
        "stage": "loyal",
        "engagement_30d": 18,
        "engagement_prev_30d": 20,
        **LIVE,
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
    ("email-disengaged", {"site_tracking_live": False, "site_known": True}),  # visits would not be heard
    ("email-disengaged", {"site_tracking_live": None, "site_known": True}),
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
    ("usage-drop", {"usage_14d": 8}),
    ("usage-drop", {"usage_14d": 3, "usage_prev_14d": 6}),  # too little to read a drop from
    ("usage-drop", {"usage_prev_14d": None}),
    ("usage-drop", {"stage": "lapsed"}),
    ("champion-change", {"champion_changed_at": START - 15 * DAY}),  # no longer news
    ("champion-change", {"champion_changed_at": START + 9 * DAY}),  # announced, not yet so
    ("champion-change", {"champion_changed_at": None}),
    ("support-spike", {"tickets_14d": 2, "tickets_baseline": 0.1}),
    ("support-spike", {"tickets_baseline": 1.1}),  # usual for this customer
    ("support-spike", {"tickets_baseline": None}),
    ("renewal-at-risk", {"band": "green"}),  # near, but well
    ("renewal-at-risk", {"renewal_at": START + 70 * DAY}),
    ("renewal-at-risk", {"renewal_at": START - DAY}),  # over
    ("renewal-at-risk", {"renewal_at": None}),
    ("renewal-at-risk", {"subscription_state": "past_due"}),  # dunning
    ("renewal-at-risk", {"subscription_state": None}),
    ("onboarding-stalled", {"milestones_reached": 1}),
    ("onboarding-stalled", {"milestones_reached": None}),  # nobody tells of milestones
    ("onboarding-stalled", {"tenure_days": 2.0}),
    ("onboarding-stalled", {"tenure_days": 100.0}),  # no longer onboarding
    ("onboarding-stalled", {"tenure_days": None}),
    ("expansion-ready", {"features_used_30d": 5}),
    ("expansion-ready", {"features_available": None}),
    ("expansion-ready", {"value_proven_at": None}),
    ("expansion-ready", {"usage_14d": 17}),  # falling
    ("expansion-ready", {"usage_variance": 26.0}),  # up and down
    ("expansion-ready", {"seats_active": 7, "seats_bought": 10}),  # seats stand empty
    ("expansion-ready", {"open_tickets": 1}),  # nothing is sold into trouble
    ("expansion-ready", {"band": "yellow"}),
    ("advocate-ready", {"nps": 8}),
    ("advocate-ready", {"nps": None}),
    ("advocate-ready", {"orders_total": 1}),
    ("advocate-ready", {"open_tickets": 1}),
    ("advocate-ready", {"referrals_90d": 1}),  # has just done it
    ("advocate-ready", {"last_return_at": START - DAY, "last_order_at": START - 9 * DAY}),
    ("advocate-ready", {"band": "yellow"}),
    ("no-second-order", {"orders_total": 2}),
    ("no-second-order", {"orders_total": 0}),
    ("no-second-order", {"silence_tail_p": 0.51}),  # others come back later than this
    ("no-second-order", {"silence_tail_p": None}),
    ("no-second-order", {"stage": "lapsed"}),
    ("loyal-decline", {"stage": "mid"}),
    ("loyal-decline", {"engagement_30d": 19}),
    ("loyal-decline", {"engagement_30d": 8, "engagement_prev_30d": 9}),  # too little
    ("loyal-decline", {"site_tracking_live": False}),
]

# Those of them that no set goes without: feed, identity, stage.
GUARDS = [(rule, change) for rule, change in QUIET if set(change) <= {*LIVE, "stage"}]

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
    "usage-drop": {"usage_14d": 9},
    "champion-change": {"champion_changed_at": START - 40 * DAY},
    "support-spike": {"tickets_14d": 1},
    "renewal-at-risk": {"renewal_at": START + 400 * DAY},
    "onboarding-stalled": {"milestones_reached": 1},
    "expansion-ready": {"usage_14d": 13},
    "advocate-ready": {"referrals_90d": 1},
    "no-second-order": {"orders_total": 2},
    "loyal-decline": {"engagement_30d": 19},
}

AT_ONCE = {"negative-support-unresolved", "subscription-pause-or-cancel", "champion-change", "support-spike"}
HOLD_DAYS = (
    dict.fromkeys(CASES, 1)
    | dict.fromkeys(AT_ONCE, 0)
    | {"visit-without-purchase": 2, "return-without-purchase": 3, "expansion-ready": 7}
)
KEEP_DAYS = dict.fromkeys(CASES, 0) | {"loyal-decline": 3}

REASONS: dict[str, str] = {
    "engagement-drop": "Interactions in the last 30 days: 4, in the 30 before: 5",
    "order-frequency-drop": "No order for unknown days, 1.5 days beyond the usual 20",
    "email-disengaged": "Unsubscribed: unknown; messages since the last reaction: 10",
    "visit-without-purchase": "Visits since the last order 47 days ago: 1, no purchase",
    "no-site-activity": "Last seen on the site 61 days ago",
    "return-without-purchase": "Sent back 30 % of an order 5 days ago, no purchase since",
    "negative-support-unresolved": "Open tickets of an unhappy customer: 1, the oldest for 24 hours",
    "subscription-pause-or-cancel": "Subscription is cancel_requested since 2026-03-01",
    "usage-drop": "Uses in the last 14 days: 7, in the 14 before: 10",
    "champion-change": "The main contact changed 1 days ago; renewal: unknown",
    "support-spike": "Tickets in the last 14 days: 3, usually 1",
    "renewal-at-risk": "Renews on 2026-04-20; health 50, band yellow, the CSM's own view unknown",
    "onboarding-stalled": "Day 10: milestones reached 0, next one due unknown, first value unknown",
    "expansion-ready": "Uses 6 of 10 features; uses in 14 days: 20, 20 before; value proven on 2026-01-30",
    "advocate-ready": "NPS 9, good reviews unknown, purchases 2, nothing open",
    "no-second-order": "One order, unknown days ago; of those who come back 50 % take longer",
    "loyal-decline": (
        "Interactions 18 in 30 days, 20 before; NPS unknown, "
        "the CSM's own view unknown, skips in a row unknown"
    ),
}

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
