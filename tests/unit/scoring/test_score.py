"""From signals to score, band, stage and tier (MISSION.md B1-B6, A10)."""

from datetime import UTC

import pytest

from libs.events.families.customer import CustomerCreated
from libs.events.families.engagement import SiteVisited
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.purchase import chance
from services.scoring.domain.row import GREEN, RED, YELLOW
from services.scoring.domain.score import next_band
from tests.unit.scoring.shop import Shop, day, order, signal

CARD = load_scorecard(STARTER).numbers().cards[0]


def test_the_starter_weights_are_30_25_25_20() -> None:
    assert CARD["weights"].tolist() == [0.30, 0.25, 0.25, 0.20, *[0.0] * 12]


def test_a_first_order_stands_at_the_anchor_and_in_green() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    assert signal(shop.health(), "purchase_recency").value == pytest.approx(75, abs=0.01)
    assert shop.health().band == "green"


def test_a_signal_never_seen_is_left_out_and_its_weight_shared() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    only = shop.health()
    assert [c.signal for c in only.contributions] == ["purchase_recency"]
    assert only.contributions[0].weight == 1.0
    assert only.score == pytest.approx(signal(only, "purchase_recency").value, abs=0.01)
    shop.happens(SiteVisited(session_id="s"), 1)
    weights = {c.signal: c.weight for c in shop.health().contributions}
    assert weights["purchase_recency"] == pytest.approx(0.30 / 0.55, abs=1e-5)


def test_nothing_known_is_the_base_with_no_confidence() -> None:
    shop = Shop()
    shop.happens(CustomerCreated(), 0)
    health = shop.health()
    assert (health.score, health.confidence, health.contributions) == (health.base, 0.0, ())


def test_confidence_grows_with_coverage_and_evidence() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    one = shop.health().confidence
    for i in range(2, 8):
        shop.happens(order(i), 20 * i)
    many = shop.health().confidence
    shop.happens(SiteVisited(session_id="s"), 141)
    assert 0 < one < many < shop.health().confidence <= 1


def test_silence_is_judged_against_the_own_rhythm() -> None:
    weekly, quarterly = Shop(), Shop()
    for i in range(12):
        weekly.happens(order(i), 7 * i)
        quarterly.happens(order(i), 90 * i)
    weekly.sweep(77 + 80)
    quarterly.sweep(990 + 80)
    assert weekly.health().facts.silence_tail_p < 0.05 < quarterly.health().facts.silence_tail_p
    assert (
        signal(weekly.health(), "purchase_recency").value
        < signal(quarterly.health(), "purchase_recency").value
    )


def test_the_model_is_the_closed_form_of_its_sources() -> None:
    shop = load_scorecard(STARTER).shop.numbers()
    repeats, gap, silence = 2.5, 31.0, 40.0
    n = shop.r + repeats
    k = n / (1 + n / 4)
    tail = (1 + silence / (gap * k)) ** -k
    later = (1 + (silence + shop.horizon) / (gap * k)) ** -k
    p_buy = (1 - later / tail) / (1 + shop.a / (shop.b + repeats) / tail)
    assert chance(repeats, gap, silence, shop) == pytest.approx((tail, p_buy))


@pytest.mark.parametrize(
    ("held", "score", "band"),
    [
        (0, 65.0, GREEN),
        (0, 64.9, YELLOW),
        (0, 49.9, RED),
        (GREEN, 62.0, GREEN),
        (GREEN, 61.9, YELLOW),
        (GREEN, 20.0, RED),
        (YELLOW, 67.9, YELLOW),
        (YELLOW, 68.0, GREEN),
        (YELLOW, 47.0, YELLOW),
        (YELLOW, 46.9, RED),
        (RED, 52.9, RED),
        (RED, 53.0, YELLOW),
        (RED, 66.0, GREEN),
    ],
)
def test_a_band_is_left_only_past_the_margin(held: int, score: float, band: int) -> None:
    assert next_band(held, score, CARD) == band


def test_stages_follow_tenure_orders_and_rhythm() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    assert shop.health().stage == "new"
    shop.happens(order(2), 100)
    assert shop.health().stage == "mid"
    shop.happens(order(3), 370)
    assert shop.health().stage == "loyal"
    shop.sweep(370 + 1_000)
    assert shop.health().stage == "lapsed"
    assert shop.health().band in {"yellow", "red"}  # beside the band, not instead of it


def test_the_tier_follows_the_spend() -> None:
    shop = Shop()
    shop.happens(order(1, "499.99"), 0)
    assert shop.health().tier == "standard"
    shop.happens(order(2, "0.01"), 1)
    assert shop.health().tier == "high"


def test_every_signal_says_why_in_a_sentence() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    shop.happens(order(2), 30)
    shop.happens(SiteVisited(session_id="s"), 31)
    texts = {c.signal: c.text for c in shop.health().contributions}
    assert texts["purchase_recency"].startswith("Last order 1 day ago, own rhythm")
    assert texts["engagement_trend"] == "2 interactions in 30 days, 1 in the 30 before"
    assert texts["order_frequency_trend"].startswith("2 orders in 90 days")


def test_the_snapshot_carries_the_tenants_start_of_data() -> None:
    shop = Shop()
    shop.happens(order(1), -200, customer="first", received=0)
    shop.happens(order(2), 0)
    assert shop.health().facts.data_since == day(-200).astimezone(UTC)
