"""The vocabulary: what is known of a customer, by name, unit and meaning. Rules read exactly this."""

from typing import Annotated, Any, Literal

from pydantic import Field

from libs.events.types import Count, Fraction, Frozen, Instant, Real


def _column(unit: str, meaning: str) -> Any:
    return Field(default=None, description=meaning, json_schema_extra={"unit": unit})


SubscriptionState = Literal["none", "active", "paused", "cancel_requested", "cancelled", "past_due"]
CsmSentiment = Annotated[int, Field(ge=-1, le=1)]


class Facts(Frozen):
    """Null means not known: never seen, or its source is not connected. It never means zero."""

    first_seen_at: Instant | None = _column("time", "First event of this customer")
    data_since: Instant | None = _column("time", "Start of this tenant's data as far as we hold it")
    tenure_days: Real | None = _column("days", "Since the first order, else since first seen")
    imported_at: Instant | None = _column("time", "Last history import that touched this customer")
    excluded: bool | None = _column("flag", "Employee, influencer, reseller: left out of rules")
    override_until: Instant | None = _column("time", "A manual override of the score is in force until")

    orders_total: Count | None = _column("orders", "Purchases that count, ever")
    orders_90d: Count | None = _column("orders", "Purchases that count, last 90 days")
    first_order_at: Instant | None = _column("time", "First purchase")
    last_order_at: Instant | None = _column("time", "Last purchase")
    own_gap_days: Real | None = _column("days", "This customer's own mean gap between purchases, shrunk")
    days_overdue: Real | None = _column("days", "Silence beyond the own gap; negative before it")
    silence_tail_p: Fraction | None = _column("probability", "Chance of such a silence if still a customer")
    spend_total: Count | None = _column("minor units", "Net spend in the tenant's currency")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = _column(
        "ISO 4217", "The tenant's currency"
    )

    engagement_30d: Count | None = _column("interactions", "Visits, clicks, replies and orders, last 30 days")
    engagement_prev_30d: Count | None = _column("interactions", "The same, 30 to 60 days ago")
    clicks_30d: Count | None = _column("clicks", "E-mail and SMS clicks by people, last 30 days")
    sends_since_engagement: Count | None = _column("messages", "E-mails sent since the last engagement")
    unsubscribed_at: Instant | None = _column("time", "E-mail unsubscribe in force since")

    site_known: bool | None = _column("flag", "Has ever been identified on the site")
    site_tracking_live: bool | None = _column("flag", "The tenant's site feed is alive")
    last_visit_at: Instant | None = _column("time", "Last visit to the site")
    last_activity_at: Instant | None = _column("time", "Last visit, click, reply or order")
    visits_30d: Count | None = _column("visits", "Visits, last 30 days")
    visits_since_order: Count | None = _column("visits", "Visits since the last order")

    last_return_at: Instant | None = _column("time", "Last return or refund (no exchange)")
    returned_share: Fraction | None = _column("share", "Share of that order's value that came back")
    open_shipment: bool | None = _column("flag", "A parcel is on its way or overdue")

    open_tickets: Count | None = _column("tickets", "Open tickets")
    open_negative_tickets: Count | None = _column("tickets", "Open tickets with negative sentiment")
    oldest_negative_at: Instant | None = _column("time", "Oldest open negative ticket")
    tickets_14d: Count | None = _column("tickets", "Tickets opened, last 14 days")
    tickets_baseline: Real | None = _column("tickets per 14 days", "This customer's usual rate of tickets")

    subscription_state: SubscriptionState | None = _column("state", "State of the last subscription")
    subscription_changed_at: Instant | None = _column("time", "Last change of that state")
    skips: Count | None = _column("skips", "Skipped deliveries in a row")
    renewal_at: Instant | None = _column("time", "Next renewal")
    payment_failed_at: Instant | None = _column("time", "Last failed payment not made good")
    mrr: Count | None = _column("minor units a month", "Monthly recurring revenue")

    usage_14d: Count | None = _column("uses", "Product usage, last 14 days")
    usage_prev_14d: Count | None = _column("uses", "The same, 14 to 28 days ago")
    features_used_30d: Count | None = _column("features", "Distinct features used, last 30 days")
    features_available: Count | None = _column("features", "Features this customer could use")
    seats_active: Count | None = _column("seats", "Seats in use")
    seats_bought: Count | None = _column("seats", "Seats paid for")
    usage_variance: Real | None = _column("uses squared", "Variance of weekly usage")
    champion_changed_at: Instant | None = _column("time", "The main contact changed")

    milestones_reached: Count | None = _column("milestones", "Onboarding milestones reached")
    milestone_due_at: Instant | None = _column("time", "Due date of the next open milestone")
    first_value_at: Instant | None = _column("time", "First value reached")
    value_proven_at: Instant | None = _column("time", "Value proven with the customer")

    nps: Annotated[int, Field(ge=0, le=10)] | None = _column("0-10", "Last NPS answer")
    csat: Annotated[int, Field(ge=0, le=10)] | None = _column("1-5", "Last CSAT answer")
    ces: Annotated[int, Field(ge=0, le=10)] | None = _column("1-7", "Last CES answer")
    survey_asked_at: Instant | None = _column("time", "Last survey sent")
    csm_sentiment: CsmSentiment | None = _column("-1 to 1", "Last sentiment a CSM entered")

    referrals_90d: Count | None = _column("referrals", "Referrals made, last 90 days")
    reviews_positive: Count | None = _column("reviews", "Reviews with 4 or 5 stars")
