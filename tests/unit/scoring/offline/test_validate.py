"""The scores of a quarter ago, judged by what happened since; and a word when somebody should act."""

import re
from pathlib import Path

import numpy as np
import pytest

from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.offline.backtest import BacktestError
from services.scoring.offline.fit import learn
from services.scoring.offline.validate import SHIFT_LIMIT, Validation, stability, validate, write_metrics
from tests.unit.scoring.offline.shop import log_of, order, orders

STARTER_CARD = load_scorecard(STARTER)
LOG = log_of(orders(1_200))
LAST = LOG.days()[1]

WELL = Validation("v1", 20_000, 91, 500, 0.8, 0.7, 0.1, 0.02, 0.01, 0.05)


def test_a_card_fitted_before_the_quarter_is_judged_as_calibrated() -> None:
    card = learn(STARTER_CARD, LOG.orders(), LAST - 91, 91).card
    found = validate(LOG, card, 91)
    assert found.cutoff == LAST - 91
    assert found.calibration_error is not None
    assert found.calibration_error < 0.06
    assert (found.auc or 0) > 0.75
    assert abs(found.calibration_drift or 1.0) <= found.calibration_error
    assert not any("probabilities" in word for word in found.advice())


def test_a_rank_has_no_calibration() -> None:
    found = validate(LOG, STARTER_CARD, 91)
    assert (found.brier, found.calibration_error, found.calibration_drift) == (None, None, None)
    assert (found.auc or 0) > 0.75


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"calibration_error": 0.09, "calibration_drift": 0.05}, "refit: .* 0.090, too many"),
        ({"calibration_error": 0.09, "calibration_drift": -0.05}, "refit: .* 0.090, too few"),
        ({"population_shift": SHIFT_LIMIT + 0.01}, "refit: customers score differently than 91 days ago"),
        ({"auc": 0.49}, "worse than a coin"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(changed: dict[str, float], what: str) -> None:
    assert WELL.advice() == []
    (said,) = WELL._replace(**changed).advice()
    assert re.search(what, said)


def test_the_shift_is_nothing_for_the_same_customers_and_large_for_others() -> None:
    draw = np.random.default_rng(7)
    then = draw.normal(50, 10, 5_000)
    assert stability(then, then) == 0.0
    assert stability(then, draw.normal(50, 10, 5_000)) < 0.02
    assert stability(then, then + 15) > SHIFT_LIMIT
    assert stability(np.full(10, 50.0), np.full(10, 60.0)) > SHIFT_LIMIT


def test_the_metrics_file_has_what_exists(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "scores.prom"
    write_metrics(WELL._replace(brier=None), path)
    text = path.read_text()
    assert 'greenline_scoring_validation_auc{scorecard="v1"} 0.8' in text
    assert 'greenline_scoring_validation_population_shift{scorecard="v1"} 0.05' in text
    assert "validation_brier" not in text


def test_a_log_shorter_than_the_horizon_is_refused() -> None:
    with pytest.raises(BacktestError, match="no event by the cut-off"):
        validate(log_of([order(0, 0), order(1, 5)]), STARTER_CARD, 91)
