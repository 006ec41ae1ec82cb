"""Intervals against the figures of the papers, percentiles by nearest rank."""

import math

import pytest

from sandbox.domain.statistics import Interval, Proportion, difference, percentile, wilson


def test_newcombes_own_example() -> None:
    # Newcombe 1998, table II, row a: 56/70 against 48/80, method 10
    interval = difference(Proportion(56, 70), Proportion(48, 80))
    assert interval.low == pytest.approx(0.0524, abs=5e-5)
    assert interval.high == pytest.approx(0.3339, abs=5e-5)


def test_wilsons_interval_of_nothing_is_everything() -> None:
    assert wilson(Proportion(0, 0)) == Interval(0.0, 1.0)
    assert wilson(Proportion(0, 10)).low == 0.0
    assert wilson(Proportion(10, 10)).high == pytest.approx(1.0)


def test_an_empty_arm_says_nothing() -> None:
    assert difference(Proportion(3, 9), Proportion(0, 0)) == Interval(-1.0, 1.0)
    assert math.isnan(Proportion(0, 0).value)


def test_percentiles_are_values_that_were_seen() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert percentile(values, 0.5) == 3.0
    assert percentile(values, 0.99) == 5.0
    assert percentile(values, 0.0) == 1.0
    assert math.isnan(percentile([], 0.5))
