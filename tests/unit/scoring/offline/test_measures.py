"""Each figure against its definition, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scoring.domain.fitting import measures as m

RISK = np.array([0.9, 0.8, 0.4, 0.4, 0.1])
LOST = np.array([True, False, True, False, False])


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_auc_is_the_chance_that_somebody_lost_ranks_above_somebody_kept(
    pairs: list[tuple[int, bool]],
) -> None:
    risk, lost = np.array([float(r) for r, _ in pairs]), np.array([x for _, x in pairs])
    wins = [1.0 if a > b else 0.5 if a == b else 0.0 for a in risk[lost] for b in risk[~lost]]
    assert m.auc(risk, lost) == (pytest.approx(np.mean(wins)) if wins else None)


def test_a_figure_that_does_not_exist_is_none() -> None:
    nobody = np.zeros(5, np.bool_)
    assert m.auc(RISK, nobody) is None
    assert m.pr_auc(RISK, ~nobody) is None
    assert m.lift_top_decile(RISK, nobody) is None
    assert m.precision_at(np.zeros(0), np.zeros(0, np.bool_), 5) is None


def test_brier_and_calibration_error_of_a_chance() -> None:
    assert m.brier(np.array([1.0, 0.0]), np.array([True, True])) == pytest.approx(0.5)
    exact = np.repeat([0.2, 0.8], 50)
    lost = np.concatenate([np.arange(50) % 5 == 0, np.arange(50) % 5 != 0])
    assert m.ece(exact, lost) == pytest.approx(0.0)
    assert m.ece(np.full(100, 0.9), lost) == pytest.approx(0.4)


def test_the_bins_hold_everybody_in_order_of_the_prediction() -> None:
    bins = m.calibration(np.linspace(0, 1, 95), np.arange(95) > 50)
    assert sum(part.n for part in bins) == 95
    assert [part.predicted for part in bins] == sorted(part.predicted for part in bins)


def test_precision_and_lift_are_of_those_most_at_risk() -> None:
    assert m.precision_at(RISK, LOST, 1) == 1.0
    assert m.precision_at(RISK, LOST, 2) == 0.5
    assert m.lift_top_decile(RISK, LOST) == pytest.approx(1.0 / 0.4)


def test_a_band_is_judged_as_an_alarm() -> None:
    found = m.by_band(["red", "red", "yellow", "green", "green"], LOST)
    assert found["red"] == {"n": 2, "precision": 0.5, "recall": 0.5}
    assert found["yellow"] == {"n": 1, "precision": 1.0, "recall": 0.5}
    assert found["green"] == {"n": 2, "precision": 0.0, "recall": 0.0}


def test_an_interval_holds_the_figure_and_is_the_same_for_the_same_seed() -> None:
    draw = np.random.default_rng(1)
    risk = draw.random(400)
    lost = draw.random(400) < risk
    found = [m.bootstrap(lambda i: m.auc(risk[i], lost[i]), 400) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0] is not None
    assert found[0].low < (m.auc(risk, lost) or 0) < found[0].high
    assert m.bootstrap(lambda _: None, 400) is None
