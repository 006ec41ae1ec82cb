"""Use of the product: how much, how many features, how evenly; the bounds of docs/health.md."""

from typing import Any

import pytest

from libs.events.families.relationship import UsageRecorded
from services.scoring.domain.row import FEATURES_KEPT
from tests.unit.scoring.shop import Shop, order


def used(feature: str = "export", count: int = 1, available: int | None = None) -> UsageRecorded:
    return UsageRecorded(feature=feature, count=count, features_available=available)


def after(*days: float, looked_at: float, **more: Any) -> Any:
    """The facts after one use on each day."""
    shop = Shop()
    for at in days:
        shop.happens(used(**more), at)
    return looked(shop, looked_at)


def looked(shop: Shop, at: float) -> Any:
    shop.happens(order(at), at)
    return shop.health().facts


def test_who_never_used_the_product_has_unknown_usage_not_none() -> None:
    facts = looked(Shop(), 0)
    assert (facts.usage_14d, facts.usage_prev_14d, facts.usage_variance) == (None, None, None)
    assert (facts.features_used_30d, facts.features_available) == (None, None)


def test_fourteen_days_are_today_and_the_thirteen_before() -> None:
    assert after(0, 13, looked_at=13).usage_14d == 2
    assert after(0, 13, looked_at=14).usage_14d == 1
    assert after(0, 13, looked_at=14).usage_prev_14d == 1
    assert after(0, looked_at=27).usage_prev_14d == 1
    assert after(0, looked_at=28).usage_prev_14d == 0


def test_uses_are_summed_and_a_day_holds_255_of_them() -> None:
    assert after(0, 0.1, looked_at=0.2, count=100).usage_14d == 200
    assert after(0, 0.1, 1, looked_at=1, count=200).usage_14d == 255 + 200
    assert after(0, looked_at=0, count=1_000_000).usage_14d == 255


def test_use_that_is_told_late_counts_on_its_own_day() -> None:
    shop = Shop()
    shop.happens(used(), 20)
    shop.send(shop.event(used(count=5), 4, received=21))
    facts = looked(shop, 21)
    assert (facts.usage_14d, facts.usage_prev_14d) == (1, 5)


def test_use_that_is_told_after_four_weeks_moves_no_window() -> None:
    shop = Shop()
    shop.happens(used("a"), 40)
    shop.send(shop.event(used("b", 5), 10, received=41))
    facts = looked(shop, 41)
    assert (facts.usage_14d, facts.usage_prev_14d, facts.features_used_30d) == (1, 0, 1)


def test_a_feature_counts_once_in_thirty_days() -> None:
    shop = Shop()
    for at, feature in ((0, "export"), (1, "export"), (1, "import"), (20, "search")):
        shop.happens(used(feature), at)
    assert looked(shop, 29).features_used_30d == 3
    assert looked(shop, 30).features_used_30d == 3  # export was last used on day 1
    assert looked(shop, 31).features_used_30d == 1


def test_a_feature_used_again_stays_and_one_told_late_does_not_set_it_back() -> None:
    shop = Shop()
    shop.happens(used("export"), 0)
    shop.happens(used("export"), 25)
    shop.send(shop.event(used("export"), 3, received=26))
    assert looked(shop, 26).features_used_30d == 1
    assert looked(shop, 54).features_used_30d == 1
    assert looked(shop, 55).features_used_30d == 0


def test_a_feature_that_was_used_no_time_was_not_used() -> None:
    facts = after(0, looked_at=0, count=0)
    assert (facts.usage_14d, facts.features_used_30d) == (0, 0)


def test_of_more_features_than_are_kept_the_latest_stay() -> None:
    shop = Shop()
    for at in range(FEATURES_KEPT + 6):
        shop.happens(used(f"f{at}"), at)
    assert looked(shop, 20).features_used_30d == FEATURES_KEPT
    assert looked(shop, 35).features_used_30d == FEATURES_KEPT
    assert looked(shop, 36).features_used_30d == FEATURES_KEPT - 1


def test_available_features_are_the_last_told_of_a_day_the_largest() -> None:
    shop = Shop()
    shop.happens(used(available=20), 1)
    shop.happens(used(), 2)
    assert looked(shop, 2).features_available == 20
    shop.happens(used(available=12), 3)
    shop.send(shop.event(used(available=9), 3.1, received=4), shop.event(used(available=99), 2, received=4))
    assert looked(shop, 4).features_available == 12
    shop.happens(used(available=1_000_000), 5)
    assert looked(shop, 5).features_available == 65_535


def test_variance_is_that_of_the_last_four_weeks() -> None:
    shop = Shop()
    for at, count in ((0, 99), (7, 2), (14, 4), (21, 6), (28, 8)):
        shop.happens(used(count=count), at)
    assert looked(shop, 28).usage_variance == pytest.approx(5)  # of 2, 4, 6 and 8; a week ends today
    assert after(*range(29), looked_at=28).usage_variance == 0


def test_weeks_before_the_first_use_are_not_weeks_without_use() -> None:
    assert after(0, looked_at=12).usage_variance is None
    assert after(0, looked_at=13).usage_variance == pytest.approx(0.25)  # 1 and 0
    assert after(0, 7, looked_at=13).usage_variance == 0
