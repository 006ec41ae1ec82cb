"""Nothing is tuned to one log: shops of other kinds, the same bars."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.fitting.health import matured
from services.scoring.domain.fitting.measures import auc
from services.scoring.domain.fitting.orders import OrderLog
from services.scoring.offline import backtest as b
from tests.unit.scoring.offline.shop import START_DAY, log_of, orders

KINDS = {
    "one cohort": {"customers": 1_500, "joining": 90.0, "gap": 50.0, "stays": 0.6},
    "joins all year": {"customers": 1_500, "joining": 500.0, "gap": 30.0, "stays": 0.8},
    "regular as a clock": {"customers": 900, "joining": 400.0, "gap": 25.0, "stays": 0.92, "regular": 4.0},
}
CUTOFF, HORIZON = 420, 120


def twenty_features(orders: OrderLog, day: int) -> npt.NDArray[np.float64]:
    """Recency, tenure, counts, amounts, gaps and windows of each customer: what an analyst would try."""
    known = orders.until(day)
    found = np.zeros((orders.customers, 20))
    for i in np.flatnonzero(np.diff(known.starts)):
        days = known.days[known.starts[i] : known.starts[i + 1]]
        amounts = known.minor[known.starts[i] : known.starts[i + 1]]
        gaps = np.diff(days)
        silence, tenure, n = day - days[-1], day - days[0], len(days)
        gap, spread = (gaps.mean(), gaps.std()) if n > 1 else (0.0, 0.0)
        windows = [np.log1p((days > day - length).sum()) for length in (30, 60, 90, 180)]
        sums = np.log1p([amounts.sum(), amounts.mean(), amounts[-1]])
        times = [silence, np.log1p(silence), tenure, np.log1p(tenure)]
        rates = [n, np.log(n), n == 1, n / (tenure + 30), np.log(n / (tenure + 30))]
        rhythm = [gap, np.log1p(gap), spread, np.log1p(silence) / (1 + np.log1p(gap))]
        found[i] = [*times, *rates, *rhythm, *sums, *windows]
    return found


def logistic(orders: OrderLog, day: int) -> npt.NDArray[np.float64]:
    windows = matured(orders, day)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    features = np.concatenate([twenty_features(orders, w.day)[w.known] for w in windows])
    model.fit(features, np.concatenate([w.bought[w.known] for w in windows]))
    return np.asarray(model.predict_proba(twenty_features(orders, day))[:, 1])


@pytest.mark.parametrize("kind", KINDS)
def test_the_starter_is_not_below_recency_and_the_fitted_not_below_twenty_features(kind: str) -> None:
    known = b.known_at(log_of(orders(**KINDS[kind])), b.Question(START_DAY + CUTOFF, HORIZON))  # type: ignore[arg-type]
    truth = b.truth_of(known)
    scores, _ = b.all_scores(known, None, load_scorecard(STARTER))
    lost = truth.lost[truth.known]

    def rank(health: npt.NDArray[np.float64]) -> float:
        return auc(-health[truth.known], lost) or 0.0

    found = {name: rank(score.health) for name, score in scores.items() if score is not None}
    assert found["starter"] >= found["recency"] - 0.005, found
    assert found["fitted"] >= rank(logistic(known.orders, known.question.cutoff)) - 0.010, found
