"""Visits, clicks and the feeds they come from (FIELD.md 1, 2, 3, 14, 21)."""

from libs.events.families.customer import CustomerConsentChanged, OutreachMessageSent, OutreachTaskCompleted
from libs.events.families.engagement import (
    EmailClicked,
    EmailComplained,
    EmailOpened,
    EmailSent,
    EmailSubscribed,
    EmailUnsubscribed,
    ProductViewed,
    SiteVisited,
    SmsReplied,
)
from tests.unit.scoring.shop import Shop, day, order, signal


def visit(session: str = "s", **more: int) -> SiteVisited:
    return SiteVisited(session_id=session, **more)


def test_opens_and_machine_clicks_never_count() -> None:
    shop = Shop()
    shop.happens(EmailOpened(), 0)
    shop.happens(EmailClicked(machine=True), 0)
    facts = shop.health().facts
    assert facts.engagement_30d is None
    assert facts.last_activity_at is None
    assert signal(shop.health(), "engagement_trend") is None


def test_clicks_on_our_own_messages_and_our_own_contacts_never_count() -> None:
    shop = Shop()
    shop.happens(EmailClicked(campaign_id="greenline-mid-life"), 0)
    shop.happens(OutreachMessageSent(intervention_id="i", channel="email", template="t", message_id="m"), 0)
    shop.happens(OutreachTaskCompleted(intervention_id="i", task_id="t", outcome="reached"), 0)
    assert shop.health().facts.engagement_30d is None


def test_clicks_replies_visits_and_orders_count() -> None:
    shop = Shop()
    for data in (EmailClicked(), SmsReplied(), visit(), order(1)):
        shop.happens(data, 1)
    facts = shop.health().facts
    assert (facts.engagement_30d, facts.clicks_30d, facts.visits_30d) == (4, 1, 1)


def test_the_pages_of_one_session_are_one_visit() -> None:
    shop = Shop()
    for page in range(5):
        shop.happens(visit("same"), 0.01 * page)
        shop.happens(ProductViewed(product_id=str(page), session_id="same"), 0.01 * page)
    assert shop.health().facts.visits_30d == 1


def test_windows_are_the_last_30_days_and_the_30_before() -> None:
    shop = Shop()
    for at in (0, 5, 29, 30, 45, 59):
        shop.happens(visit(), at)
    facts = shop.health().facts
    assert (facts.engagement_30d, facts.engagement_prev_30d) == (3, 3)


def test_visits_of_a_robot_are_dropped() -> None:
    shop = Shop()
    shop.happens(visit("bot", pages=400, seconds=3), 0)
    assert shop.health().facts.site_known is False
    assert shop.runner.service._decoder.robots == 1  # type: ignore[attr-defined]


def test_visits_since_the_order_start_the_day_after_it() -> None:
    shop = Shop()
    shop.happens(visit("a"), 1)
    shop.happens(order(1), 1.1)
    assert shop.health().facts.visits_since_order == 0
    shop.happens(visit("b"), 3)
    shop.happens(visit("c"), 4)
    assert shop.health().facts.visits_since_order == 2


def test_sends_are_counted_from_the_last_engagement_on() -> None:
    shop = Shop()
    shop.happens(EmailSent(), 0)
    shop.happens(EmailClicked(), 1)
    for at in (2, 9, 16):
        shop.happens(EmailSent(), at)
    assert shop.health().facts.sends_since_engagement == 3


def test_unsubscribing_holds_until_the_next_consent() -> None:
    shop = Shop()
    shop.happens(EmailUnsubscribed(), 1)
    assert shop.health().facts.unsubscribed_at == day(1)
    shop.happens(EmailSubscribed(), 2)
    assert shop.health().facts.unsubscribed_at is None
    shop.happens(CustomerConsentChanged(channel="email", consent=False), 3)
    assert shop.health().facts.unsubscribed_at == day(3)
    shop.happens(CustomerConsentChanged(channel="sms", consent=True), 4)
    shop.happens(EmailComplained(), 5)
    assert shop.health().facts.unsubscribed_at == day(5)


def test_a_customer_never_seen_on_the_site_has_no_site_facts() -> None:
    shop = Shop()
    shop.happens(visit(), 0, customer="other")
    shop.happens(order(1), 0)
    facts = shop.health().facts
    assert facts.site_known is False
    assert facts.site_tracking_live is True
    assert facts.visits_30d is None
    assert facts.engagement_30d is None


def test_a_silent_feed_is_missing_not_silence() -> None:
    """The whole tenant stops being heard: counts are not known, the score does not fall for it."""
    shop = Shop()
    for at in range(0, 60, 2):
        shop.happens(visit(), at)
    shop.sweep(61)
    live = shop.health()
    assert live.facts.site_tracking_live is True
    shop.sweep(64)
    before = signal(shop.health(), "engagement_trend").value
    shop.sweep(120)
    facts, trend = shop.health().facts, signal(shop.health(), "engagement_trend")
    assert facts.site_tracking_live is False
    assert (facts.visits_30d, facts.engagement_30d) == (None, None)
    assert trend.value == before
    assert trend.text == "The source of visits or clicks is silent: held as last heard"


def test_a_customer_who_falls_silent_while_others_visit_falls() -> None:
    shop = Shop()
    for at in range(60):
        shop.happens(visit(), at)
    for at in range(60, 120):
        shop.happens(visit(), at, customer="other")
    before = signal(shop.health(), "engagement_trend").value
    shop.sweep(120)
    trend = signal(shop.health(), "engagement_trend")
    assert trend.value < 30 < before
    assert shop.health().facts.engagement_30d == 0


def test_feeds_are_told_apart_by_tenant() -> None:
    shop = Shop()
    shop.happens(visit(), 0)
    shop.happens(visit(), 50, tenant="second", customer="x")
    shop.sweep(50)
    assert shop.health("c1").facts.site_tracking_live is False
    assert shop.health("x").facts.site_tracking_live is True
