"""How each shipped rule lives, by example: how long it rests, between what it flaps not, what it shows."""

from typing import Any

from tests.unit.triggers import catalogue
from tests.unit.triggers.shop import DAY, START

Known = dict[str, Any]

_BANDS: dict[str, tuple[Known, Known]] = {  # on whom it fires, and with what it clears
    "band-left-green": ({"band": "yellow"}, {"band": "green"}),
    "band-turned-red": ({"band": "red"}, {"band": "yellow"}),
    "band-recovered": ({"band": "green"}, {"band": "yellow"}),
}
RULES = (*catalogue.CASES, *_BANDS)
SETS = ("standard", "evidenced")

HOLD_DAYS = catalogue.HOLD_DAYS | {"band-left-green": 1, "band-turned-red": 1, "band-recovered": 3}
KEEP_DAYS = catalogue.KEEP_DAYS | {"band-left-green": 0, "band-turned-red": 3, "band-recovered": 0}

COOLDOWN_DAYS = {
    "engagement-drop": 14,
    "order-frequency-drop": 30,
    "email-disengaged": 30,
    "visit-without-purchase": 30,
    "no-site-activity": 60,
    "return-without-purchase": 30,
    "negative-support-unresolved": 7,
    "subscription-pause-or-cancel": 14,
    "usage-drop": 14,
    "champion-change": 14,
    "support-spike": 14,
    "renewal-at-risk": 60,
    "onboarding-stalled": 14,
    "expansion-ready": 90,
    "advocate-ready": 180,  # nobody is asked more than twice a year
    "no-second-order": 60,
    "loyal-decline": 14,
    "band-left-green": 14,
    "band-turned-red": 14,
    "band-recovered": 14,
}

SHOWS = {
    "engagement-drop": "engagement_30d,engagement_prev_30d,last_activity_at",
    "order-frequency-drop": "own_gap_days,days_overdue,last_order_at,orders_total",
    "email-disengaged": "unsubscribed_at,sends_since_engagement,clicks_30d",
    "visit-without-purchase": "visits_since_order,last_visit_at,last_order_at",
    "no-site-activity": "last_visit_at,last_order_at,orders_total",
    "return-without-purchase": "last_return_at,returned_share,last_order_at",
    "negative-support-unresolved": "open_negative_tickets,oldest_negative_at,open_tickets",
    "subscription-pause-or-cancel": "subscription_state,subscription_changed_at,mrr,renewal_at",
    "usage-drop": "usage_14d,usage_prev_14d,features_used_30d,seats_active",
    "champion-change": "champion_changed_at,renewal_at,mrr,csm_sentiment",
    "support-spike": "tickets_14d,tickets_baseline,open_tickets,open_negative_tickets",
    "renewal-at-risk": "renewal_at,mrr,csm_sentiment,champion_changed_at,usage_14d",
    "onboarding-stalled": "tenure_days,milestones_reached,milestone_due_at,first_value_at",
    "expansion-ready": (
        "features_used_30d,features_available,usage_14d,seats_active,seats_bought,value_proven_at"
    ),
    "advocate-ready": "nps,reviews_positive,orders_total,referrals_90d",
    "no-second-order": "first_order_at,silence_tail_p,engagement_30d,nps",
    "loyal-decline": "engagement_30d,engagement_prev_30d,nps,csm_sentiment,skips,orders_total",
    "band-left-green": "score,last_order_at,last_activity_at,open_tickets",
    "band-turned-red": "score,last_order_at,last_activity_at,open_tickets",
    "band-recovered": "score,last_order_at,last_activity_at",
}

# Rule -> facts between `when` and `clear`: with them it neither fires nor clears. band-recovered has no gap.
GAP: list[tuple[str, Known]] = [
    ("engagement-drop", {"engagement_30d": 17, "engagement_prev_30d": 20}),  # four fifths to nine tenths
    ("engagement-drop", {"stage": "lapsed"}),
    ("order-frequency-drop", {"orders_total": 2}),
    ("order-frequency-drop", {"stage": "lapsed"}),
    ("email-disengaged", {"sends_since_engagement": 3}),  # to 9
    ("email-disengaged", {"sends_since_engagement": 9}),
    ("visit-without-purchase", {"last_visit_at": START - 15 * DAY}),  # to 30 days
    ("visit-without-purchase", {"last_visit_at": START - 30 * DAY}),
    ("no-site-activity", {"last_visit_at": START - 59 * DAY}),
    ("no-site-activity", {"last_visit_at": START - 30 * DAY}),
    (
        "return-without-purchase",
        {"last_return_at": START - 91 * DAY, "last_order_at": START - 95 * DAY},  # to 180 days
    ),
    (
        "return-without-purchase",
        {"last_return_at": START - 180 * DAY, "last_order_at": START - 185 * DAY},
    ),
    ("return-without-purchase", {"returned_share": 0.2}),
    ("negative-support-unresolved", {"oldest_negative_at": START - 0.9 * DAY}),
    ("subscription-pause-or-cancel", {"subscription_changed_at": START - 8 * DAY}),
    ("usage-drop", {"usage_14d": 8}),
    ("champion-change", {"champion_changed_at": START - 15 * DAY}),  # to 30 days
    ("champion-change", {"champion_changed_at": START - 30 * DAY}),
    ("support-spike", {"tickets_14d": 2}),
    ("renewal-at-risk", {"renewal_at": START + 61 * DAY}),  # to 75 days
    ("renewal-at-risk", {"renewal_at": START + 75 * DAY}),
    ("onboarding-stalled", {"tenure_days": 91.0}),  # to 120 days
    ("onboarding-stalled", {"tenure_days": 120.0}),
    ("expansion-ready", {"usage_14d": 17}),  # 14 to 18 of 20
    ("expansion-ready", {"usage_14d": 14}),
    ("expansion-ready", {"features_used_30d": 5}),
    ("advocate-ready", {"nps": 8}),
    ("advocate-ready", {"open_tickets": 1}),
    ("no-second-order", {"silence_tail_p": 0.6}),
    ("loyal-decline", {"engagement_30d": 37, "engagement_prev_30d": 40}),
    ("band-left-green", {"stage": "lapsed"}),
    ("band-turned-red", {"stage": "lapsed"}),
]
# In the evidenced set alone: its rules that hear a rhythm.
GAP_EVIDENCED: list[tuple[str, Known]] = [
    ("order-frequency-drop", {"silence_tail_p": 0.11}),  # to 0.3
    ("order-frequency-drop", {"silence_tail_p": 0.3}),
    ("email-disengaged", {"silence_tail_p": 0.21}),  # to 0.4
    ("email-disengaged", {"silence_tail_p": 0.4}),
    ("visit-without-purchase", {"visits_since_order": 1}),
    ("visit-without-purchase", {"days_overdue": 0.0}),
    ("no-site-activity", {"silence_tail_p": 0.9}),
]
_CLEARS_EVIDENCED: dict[str, Known] = {
    "order-frequency-drop": {"silence_tail_p": 0.31},
    "loyal-decline": {"engagement_30d": 190},
}


def true(of: str, rule: str) -> Known:
    """On whom it fires in that set."""
    if rule in _BANDS:
        return _BANDS[rule][0]
    more: Known = catalogue.MORE[rule][1] if of == "evidenced" and rule in catalogue.MORE else {}
    return catalogue.CASES[rule] | more


def clear(of: str, rule: str) -> Known:
    """The same customer, well again."""
    if rule in _BANDS:
        return _BANDS[rule][1]
    other = _CLEARS_EVIDENCED.get(rule, {}) if of == "evidenced" else {}
    return true(of, rule) | catalogue.CLEARS[rule] | other
