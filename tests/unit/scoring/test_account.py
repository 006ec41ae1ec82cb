"""Subscriptions, surveys, seats, reviews, referrals, overrides, what the shop says (FIELD.md 10, 13)."""

from itertools import permutations

from libs.events.families.commerce import (
    SubscriptionCancelled,
    SubscriptionCancelRequested,
    SubscriptionChanged,
    SubscriptionPaused,
    SubscriptionPaymentFailed,
    SubscriptionRenewed,
    SubscriptionResumed,
    SubscriptionSkipped,
    SubscriptionStarted,
)
from libs.events.families.customer import CustomerCreated, CustomerHealthOverridden, CustomerUpdated
from libs.events.families.relationship import (
    AccountRenewalSet,
    AccountSeatsChanged,
    ContactChanged,
    ReferralConverted,
    ReferralMade,
    ReviewSubmitted,
    SurveyAnswered,
    SurveyAsked,
)
from tests.unit.scoring.shop import Shop, day, order

SUB = {"subscription_id": "s1"}


def test_the_state_follows_the_last_event_by_its_own_time() -> None:
    shop = Shop()
    assert shop.happens(order(1), 0)
    assert shop.health().facts.subscription_state is None
    for at, data, state in (
        (1, SubscriptionStarted(**SUB), "active"),
        (2, SubscriptionPaused(**SUB), "paused"),
        (3, SubscriptionResumed(**SUB), "active"),
        (4, SubscriptionCancelRequested(**SUB), "cancel_requested"),
        (5, SubscriptionCancelled(**SUB), "cancelled"),
    ):
        shop.happens(data, at)
        assert shop.health().facts.subscription_state == state
        assert shop.health().facts.subscription_changed_at == day(at)
    shop.send(shop.event(SubscriptionPaused(**SUB), 3.5, received=6))
    assert shop.health().facts.subscription_state == "cancelled"


def test_a_failed_payment_stands_until_the_next_one_works() -> None:
    shop = Shop()
    shop.happens(SubscriptionRenewed(**SUB), 0)
    shop.happens(SubscriptionPaymentFailed(**SUB), 30)
    assert shop.health().facts.payment_failed_at == day(30)
    assert shop.health().facts.subscription_state == "past_due"
    shop.happens(SubscriptionRenewed(**SUB), 33)
    assert shop.health().facts.payment_failed_at is None


def test_skips_in_a_row_end_with_a_renewal() -> None:
    shop = Shop()
    shop.happens(SubscriptionStarted(**SUB), 0)
    shop.happens(SubscriptionSkipped(**SUB), 30)
    shop.happens(SubscriptionSkipped(**SUB), 60)
    assert shop.health().facts.skips == 2
    assert shop.health().facts.subscription_state == "active"
    shop.happens(SubscriptionRenewed(**SUB), 90)
    assert shop.health().facts.skips == 0


def test_monthly_revenue_and_renewal_come_from_the_last_terms() -> None:
    shop = Shop()
    terms = {**SUB, "amount": "30.00", "currency": "USD", "renewal_at": day(40)}
    shop.happens(SubscriptionStarted(**terms, interval_days=30), 0)
    assert shop.health().facts.mrr == 3044  # 30.4375 days a month
    assert shop.health().facts.renewal_at == day(40)
    shop.happens(SubscriptionChanged(**{**terms, "amount": "60.00"}, interval_days=30), 1)
    assert shop.health().facts.mrr == 6088
    shop.happens(AccountRenewalSet(renewal_at=day(300)), 2)
    assert shop.health().facts.renewal_at == day(300)
    shop.happens(SubscriptionCancelled(**SUB), 3)
    assert shop.health().facts.mrr == 0


def test_surveys_keep_their_own_scales() -> None:
    shop = Shop()
    shop.happens(SurveyAsked(survey_id="s", kind="nps"), 0)
    for kind, score in (("nps", 9), ("csat", 4), ("ces", 2)):
        shop.happens(SurveyAnswered(survey_id="s", response_id=kind, kind=kind, score=score), 1)
    facts = shop.health().facts
    assert (facts.nps, facts.csat, facts.ces, facts.survey_asked_at) == (9, 4, 2, day(0))


def test_seats_champion_and_reviews() -> None:
    shop = Shop()
    shop.happens(AccountSeatsChanged(bought=20, active=11), 0)
    shop.happens(ContactChanged(change="joined"), 1)
    assert shop.health().facts.champion_changed_at is None
    shop.happens(ContactChanged(change="champion_changed"), 2)
    shop.happens(ReviewSubmitted(review_id="a", rating=2), 3)
    shop.happens(ReviewSubmitted(review_id="b", rating=5), 3)
    facts = shop.health().facts
    assert (facts.seats_bought, facts.seats_active, facts.reviews_positive) == (20, 11, 1)
    assert facts.champion_changed_at == day(2)


def test_segment_and_exclusion_are_the_last_told() -> None:
    shop = Shop()
    shop.happens(CustomerUpdated(segment="b2b", excluded=True), 2)
    shop.send(shop.event(CustomerCreated(), 1, received=3))
    assert shop.health().segment == "b2b"
    assert shop.health().facts.excluded is True
    shop.happens(CustomerUpdated(), 4)
    assert shop.health().segment == "consumer"
    assert shop.health().facts.excluded is False


def test_referrals_of_ninety_days_are_counted_up_to_four() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    assert shop.health().facts.referrals_90d is None
    for at in (0, 1, 1.1):
        shop.happens(ReferralMade(referral_id=f"r{at}"), at)
    shop.happens(ReferralConverted(referral_id="r0"), 2)
    assert shop.health().facts.referrals_90d == 3
    shop.happens(order(2), 89)
    assert shop.health().facts.referrals_90d == 3
    shop.happens(order(3), 90)
    assert shop.health().facts.referrals_90d == 2
    shop.happens(order(4), 91)
    assert shop.health().facts.referrals_90d == 0
    for at in range(6):
        shop.happens(ReferralMade(referral_id=f"s{at}"), 100 + at)
    assert shop.health().facts.referrals_90d == 4


def overridden(score: int, until: float) -> CustomerHealthOverridden:
    return CustomerHealthOverridden(score=score, until=day(until), reason="call", author="kim")


def override(shop: Shop) -> tuple[object, int]:
    """Until when, and what score the row holds."""
    found = shop.runner.rows.array[shop.runner.rows.find(b"demo/c1")]
    return shop.health().facts.override_until, int(found["override_score"])


def test_an_override_is_known_until_it_ends() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    assert shop.health().facts.override_until is None
    shop.happens(overridden(20, until=5), 1)
    assert override(shop) == (day(5), 20)
    shop.happens(order(2), 5)
    assert shop.health().facts.override_until is None


def test_the_override_told_last_holds_and_one_that_ends_now_takes_it_back() -> None:
    shop = Shop()
    shop.happens(overridden(20, until=30), 1)
    shop.happens(overridden(60, until=10), 3)
    shop.send(shop.event(overridden(90, until=40), 2, received=4))
    assert override(shop) == (day(10), 60)
    shop.happens(overridden(60, until=5), 5)
    assert override(shop)[0] is None
    shop.happens(order(1), 6)
    assert override(shop)[0] is None


def test_of_two_overrides_at_the_same_time_the_lower_score_holds_then_the_longer() -> None:
    words = (overridden(40, until=9), overridden(30, until=5), overridden(30, until=7))
    for turn in permutations(words):
        shop = Shop()
        for word in turn:
            shop.happens(word, 1)
        assert override(shop) == (day(7), 30)
