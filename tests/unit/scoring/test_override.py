"""A score set by a person holds until its day, and still sums to what it is made of (MISSION.md B9)."""

import pytest

from libs.events.families.customer import CustomerHealthOverridden
from libs.events.families.engagement import SiteVisited
from tests.unit.scoring.shop import Shop, changes, day, order, signal


def overridden(score: int = 20, until: float = 10) -> Shop:
    shop = Shop()
    shop.happens(order(1), 0)
    shop.happens(CustomerHealthOverridden(score=score, until=day(until)), 1)
    return shop


def test_the_score_and_the_band_are_the_persons_word() -> None:
    health = overridden().health()
    assert (health.score, health.band) == (20.0, "red")


def test_its_points_are_what_it_adds_to_the_other_signals() -> None:
    health = overridden().health()
    told = signal(health, "override")
    assert (told.value, told.weight, told.evidence) == (20.0, 0.0, 1.0)
    assert told.text == "Set by a person until 2026-01-11"
    assert sum(c.points for c in health.contributions) == pytest.approx(health.score - health.base, abs=1e-9)
    assert signal(health, "purchase_recency").points > 0


def test_what_is_known_and_how_sure_it_is_stay_as_they_are() -> None:
    plain = Shop()
    plain.happens(order(1), 0)
    plain.happens(SiteVisited(session_id="s"), 2)
    set_by_hand = overridden()
    set_by_hand.happens(SiteVisited(session_id="s"), 2)
    assert set_by_hand.health().confidence == plain.health().confidence
    assert set_by_hand.health().p_buy == plain.health().p_buy
    assert set_by_hand.health().score == 20.0


def test_a_sweep_says_that_it_has_ended() -> None:
    shop = overridden()
    assert changes(shop.sweep(9.9)) == []
    said = changes(shop.sweep(10.1))
    assert [(c.data.before.score, c.data.before.band, c.data.after.band) for c in said] == [
        (20.0, "red", "green")
    ]
    assert [why.signal for why in said[0].data.why][:1] == ["override"]
    assert signal(shop.health(), "override") is None


@pytest.mark.parametrize("score", [0, 100])
def test_the_ends_of_the_scale_are_on_it(score: int) -> None:
    assert overridden(score).health().score == score
