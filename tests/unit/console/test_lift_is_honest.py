"""Intervals against published figures, and what small groups may claim."""

import pytest

from services.outreach.domain.lift import Interval, lift, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_share_has_wilsons_interval(successes: int, trials: int, low: float, high: float) -> None:
    found = wilson(successes, trials)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


@pytest.mark.parametrize(
    ("one", "two", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, 873-890, table II, method 10.
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_difference_has_newcombes_interval(
    one: tuple[int, int], two: tuple[int, int], low: float, high: float
) -> None:
    found = lift(*one, *two)
    assert found is not None
    assert found.interval.low == pytest.approx(low, abs=5e-5)
    assert found.interval.high == pytest.approx(high, abs=5e-5)


def test_an_empty_arm_says_nothing() -> None:
    assert lift(3, 10, 0, 0) is None
    assert lift(0, 0, 3, 10) is None
    assert wilson(0, 0) == Interval(0.0, 1.0)


def test_equal_arms_cover_zero() -> None:
    found = lift(12, 100, 12, 100)
    assert found is not None
    assert found.interval.covers(0.0)
