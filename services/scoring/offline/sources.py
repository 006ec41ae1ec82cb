"""Which feed of events fills which fact and moves which signal: a line a source."""

from collections.abc import Sequence
from typing import NamedTuple

from libs.events import CUSTOMER_EVENT_TYPES


class Source(NamedTuple):
    """What a shop connects. `families` are first words of event types."""

    name: str
    families: frozenset[str]
    signals: tuple[str, ...]
    facts: tuple[str, ...]
    feed: bool = False  # silent for longer than the scorecard's feed_days is missing, not silence

    def types(self) -> list[int]:
        """Places in CUSTOMER_EVENT_TYPES."""
        return [i for i, name in enumerate(CUSTOMER_EVENT_TYPES) if name.partition(".")[0] in self.families]


_ENGAGEMENT = ("engagement_30d", "engagement_prev_30d", "last_activity_at")

SOURCES: tuple[Source, ...] = (
    Source(
        "orders",
        frozenset({"order", "return"}),
        ("purchase_recency", "order_frequency_trend"),
        (
            *("orders_total", "orders_90d", "first_order_at", "last_order_at", "last_activity_at"),
            *("own_gap_days", "days_overdue", "silence_tail_p", "spend_total"),
            *("last_return_at", "returned_share", "open_shipment"),
        ),
    ),
    Source(
        "site",
        frozenset({"site", "product"}),
        ("engagement_trend", "engagement_level"),
        (
            *("site_known", "site_tracking_live", "last_visit_at", "visits_30d", "visits_since_order"),
            *_ENGAGEMENT,
        ),
        feed=True,
    ),
    Source(
        "e-mail",
        frozenset({"email", "sms"}),
        ("engagement_trend", "engagement_level"),
        ("clicks_30d", "sends_since_engagement", "unsubscribed_at", *_ENGAGEMENT),
        feed=True,
    ),
    Source(
        "support",
        frozenset({"ticket", "note"}),
        ("support_sentiment", "support_unresolved", "csm_sentiment"),
        (
            *("open_tickets", "open_negative_tickets", "oldest_negative_at"),
            *("tickets_14d", "tickets_baseline", "csm_sentiment"),
        ),
    ),
    Source(
        "subscriptions",
        frozenset({"subscription"}),
        ("subscription",),
        (
            *("subscription_state", "subscription_changed_at", "skips"),
            *("renewal_at", "payment_failed_at", "mrr"),
        ),
    ),
    Source(
        "accounts",
        frozenset({"account", "contact"}),
        (),
        ("seats_active", "seats_bought", "renewal_at", "champion_changed_at"),
    ),
    Source(
        "usage",
        frozenset({"usage"}),
        ("usage_depth", "usage_breadth", "usage_trend"),
        ("usage_14d", "usage_prev_14d", "features_used_30d", "features_available", "usage_variance"),
    ),
    Source(
        "onboarding",
        frozenset({"milestone"}),
        ("onboarding",),
        ("milestones_reached", "milestone_due_at", "first_value_at", "value_proven_at"),
    ),
    Source("surveys", frozenset({"survey"}), ("survey",), ("nps", "csat", "ces", "survey_asked_at")),
    Source("referrals", frozenset({"referral"}), (), ("referrals_90d",)),
    Source("reviews", frozenset({"review"}), (), ("reviews_positive",)),
)

SELF_MADE = frozenset(
    {
        *("first_seen_at", "data_since", "tenure_days", "currency"),  # of any event at all
        *("imported_at", "excluded", "override_until"),  # of what people do in the system itself
    }
)
"""Facts that wait for no source."""


def sources_of(fact: str) -> Sequence[Source]:
    """Any of them is enough."""
    return [source for source in SOURCES if fact in source.facts]
