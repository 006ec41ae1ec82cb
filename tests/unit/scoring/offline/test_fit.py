"""What is learned from an order log, from nothing but what had happened, or refused."""

import itertools

import numpy as np
import pytest

from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.fitting.health import TooLittleError, fit, matured
from services.scoring.domain.fitting.likelihood import gap_scaled, most_likely, negative_log_likelihood
from services.scoring.domain.numbers import ShopNumbers
from services.scoring.offline.fit import learn, with_likeliest
from tests.unit.scoring.offline.shop import START_DAY, log_of, orders

LOG = log_of(orders(1_500)).orders()
DAY = START_DAY + 360


def test_the_likeliest_numbers_are_more_likely_than_their_neighbours() -> None:
    found = most_likely(LOG, DAY, 91.0)

    def cost(scale: float, which: int) -> float:
        numbers = list(found)
        numbers[which] *= scale
        return negative_log_likelihood(LOG, DAY, ShopNumbers(*numbers))

    for which in range(4):
        assert cost(1.0, which) <= min(cost(0.8, which), cost(1.25, which)) + 0.5  # the prior's share


def test_nothing_after_the_day_of_the_fit_is_looked_at() -> None:
    assert most_likely(LOG, DAY, 91.0) == most_likely(LOG.until(DAY), DAY, 91.0)
    whole, known = fit(LOG, DAY, 91.0), fit(LOG.until(DAY), DAY, 91.0)
    assert (whole.shop, whole.curve) == (known.shop, known.curve)


def test_with_few_who_came_back_the_shops_gap_stands() -> None:
    few = log_of(orders(150)).orders()
    assert most_likely(few, DAY, 91.0) == gap_scaled(few, DAY, 91.0)
    assert gap_scaled(few, DAY, 91.0).alpha == pytest.approx(few.until(DAY).mean_gap)


def test_a_shop_without_a_second_order_gets_sixty_days() -> None:
    assert gap_scaled(LOG.until(START_DAY - 1), START_DAY, 91.0).alpha == 60.0


def test_too_little_is_refused_with_the_reason() -> None:
    with pytest.raises(TooLittleError, match="200 customers, 50 who came back"):
        fit(log_of(orders(150)).orders(), DAY, 91.0)


def test_windows_end_on_the_day_of_the_fit() -> None:
    for window in matured(LOG, DAY):
        assert window.day + window.horizon == DAY
        assert (window.bought == LOG.buys_in(window.day, DAY)).all()


def test_fitted_chances_are_right_on_average_on_the_quarter_after() -> None:
    found = fit(LOG, DAY, 91.0)
    said = found.health(LOG, DAY, 91.0)
    known = ~np.isnan(said)
    said, bought = said[known], LOG.buys_in(DAY, DAY + 91)[known]
    assert abs(said.mean() - bought.mean()) < 0.03
    assert said[bought].mean() > said[~bought].mean() + 0.2


def test_health_falls_in_silence() -> None:
    found = fit(LOG, DAY, 91.0)
    looks = [found.health(LOG.until(DAY), DAY + days, 91.0) for days in (0, 1, 10, 100, 1000)]
    assert all((later <= sooner)[~np.isnan(sooner)].all() for sooner, later in itertools.pairwise(looks))


def test_the_horizon_may_be_another_than_that_of_the_windows() -> None:
    found = fit(LOG, DAY, 273.0)
    short, long = found.health(LOG, DAY, 30.0), found.health(LOG, DAY, 273.0)
    known = ~np.isnan(short)
    assert (short[known] < long[known]).all()


def test_a_fitted_card_is_a_card_with_a_probability() -> None:
    starter = load_scorecard(STARTER)
    card = learn(starter, LOG, DAY, 91.0).card
    assert card.version == "starter-1+fitted-2025-12-27"
    assert card.evidence is not None
    assert [window.days for window in card.evidence.windows] == [182, 136, 91]
    assert all(0 < window.came_back < window.customers for window in card.evidence.windows)
    assert sum(signal.weight for signal in card.signals) == pytest.approx(1.0)
    assert card.recency.intercept is not None
    again = type(card).model_validate(card.model_dump())
    assert again == card
    likeliest = with_likeliest(starter, LOG, DAY, 91.0)
    assert likeliest.recency.intercept is None
    assert likeliest.signals == starter.signals
    assert np.isnan(likeliest.numbers().cards["intercept"][0])
