"""Customers of a segment are scored by its card (MISSION.md B3)."""

from pathlib import Path

import pytest

from libs.events.families.commerce import SubscriptionPaused
from libs.events.families.customer import CustomerCreated, CustomerUpdated
from libs.runtime.stream import LocalRunner
from services.scoring.adapters.scorecard_file import load_scorecard
from services.scoring.domain.row import ROW
from services.scoring.service import Scorer
from tests.unit.scoring.shop import Shop, order, signal

CARD = """\
version: by-segment-1
signals: [{name: purchase_recency, weight: 1}]
segments:
  - names: [subscription, refill]
    signals:
      - {name: subscription, weight: 0.75}
      - {name: purchase_recency, weight: 0.25}
    shop: {horizon_days: 30}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    path = tmp_path / "card.yaml"
    path.write_text(CARD)
    made = Shop()
    made.runner = LocalRunner(Scorer(load_scorecard(path), wall=lambda: 0.0), ROW)
    return made


def test_each_segment_has_its_weights(shop: Shop) -> None:
    for customer, segment in (("a", None), ("b", "refill"), ("c", "wholesale")):
        shop.happens(CustomerCreated(segment=segment), 0, customer)
        shop.happens(order(1), 1, customer)
        shop.happens(SubscriptionPaused(subscription_id="s"), 2, customer)
    told = {who: signal(shop.health(who), "subscription") for who in "abc"}
    assert {who: one.weight for who, one in told.items()} == {"a": 0.0, "b": 0.75, "c": 0.0}
    assert shop.health("a").score == shop.health("c").score > shop.health("b").score
    assert shop.health("b").scorecard == "by-segment-1"


def test_each_segment_has_its_numbers(shop: Shop) -> None:
    for customer, segment in (("a", None), ("b", "refill")):
        shop.happens(CustomerCreated(segment=segment), 0, customer)
        shop.happens(order(1), 1, customer)
    texts = [signal(shop.health(who), "purchase_recency").text for who in "ab"]
    assert [text.rpartition("within ")[2] for text in texts] == ["91 days", "30 days"]
    assert shop.health("a").p_buy > shop.health("b").p_buy


def test_a_customer_who_moves_is_scored_by_the_new_card_at_once_and_in_sweeps(shop: Shop) -> None:
    shop.happens(order(1), 0)
    shop.happens(SubscriptionPaused(subscription_id="s"), 1)
    before = shop.health().score
    shop.happens(CustomerUpdated(segment="refill"), 2)
    moved = shop.health()
    assert moved.score < before
    shop.sweep(40)
    assert signal(shop.health(), "subscription").weight == 0.75
    assert shop.health().score < moved.score


def test_the_points_of_every_card_sum_to_its_score(shop: Shop) -> None:
    shop.happens(CustomerCreated(segment="refill"), 0)
    shop.happens(order(1), 1)
    shop.happens(SubscriptionPaused(subscription_id="s"), 2)
    health = shop.health()
    assert sum(c.points for c in health.contributions) == pytest.approx(health.score - health.base, abs=1e-9)
