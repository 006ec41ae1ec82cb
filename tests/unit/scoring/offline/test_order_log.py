"""Purchases by customer and day, and the model's state of each at the end of any day."""

import numpy as np

from services.scoring.domain.fitting.orders import OrderLog
from services.scoring.domain.fitting.rivals import Rfm, quintile_sum

# customer 0: days 10, 10, 20; customer 1: nothing; customer 2: day 15
LOG = OrderLog.of(np.array([0, 2, 0, 0]), np.array([20, 15, 10, 10]), np.array([5, 7, 1, 2]), 3)


def test_purchases_of_one_day_are_one_occasion_and_their_amounts_add() -> None:
    assert LOG.days.tolist() == [10, 20, 15]
    assert LOG.minor.tolist() == [3, 5, 7]
    assert LOG.starts.tolist() == [0, 2, 2, 3]


def test_a_log_until_a_day_knows_nothing_later_and_keeps_the_numbers() -> None:
    earlier = LOG.until(15)
    assert (earlier.days.tolist(), earlier.starts.tolist()) == ([10, 15], [0, 1, 1, 2])
    assert earlier.customers == 3


def test_who_buys_in_a_window_that_begins_after_a_day_and_ends_with_another() -> None:
    assert LOG.buys_in(10, 20).tolist() == [True, False, True]
    assert LOG.buys_in(10, 19).tolist() == [False, False, True]
    assert LOG.buys_in(20, 90).tolist() == [False, False, False]


def test_mean_gap_and_repeat_customers_count_those_who_came_back() -> None:
    assert LOG.mean_gap == 10.0
    assert LOG.repeat_customers == 1
    assert np.isnan(LOG.until(12).mean_gap)


def test_a_thinned_log_has_at_most_so_many_customers_evenly_taken() -> None:
    assert LOG.thinned(3).days.tolist() == LOG.thinned(99).days.tolist() == LOG.days.tolist()
    thin = LOG.thinned(2)
    assert (thin.days.tolist(), thin.starts.tolist()) == ([10, 20, 15], [0, 2, 3])


def test_recency_frequency_and_spend_at_the_end_of_a_day() -> None:
    found = Rfm.at(LOG, 25)
    assert found.recency.tolist() == [5, 25, 10]
    assert found.frequency.tolist() == [2, 0, 1]
    assert found.spend.tolist() == [8, 0, 7]


def test_the_sum_of_fifths_is_larger_for_the_better_customer() -> None:
    draw = np.random.default_rng(7)
    rfm = Rfm(draw.uniform(0, 100, 50), draw.uniform(1, 9, 50), draw.uniform(1, 9, 50))
    best = Rfm(*(np.append(column, value) for column, value in zip(rfm, (0.0, 10.0, 10.0), strict=True)))
    assert quintile_sum(best)[-1] == 15
    assert quintile_sum(best).min() >= 3
