"""What a score has to beat: recency alone, RFM, and a logistic regression on three numbers."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from services.scoring.domain.fitting.health import Window
from services.scoring.domain.fitting.orders import OrderLog

Floats = npt.NDArray[np.float64]


class Rfm(NamedTuple):
    """At the end of a day, all (customers,): days since the last purchase, occasions, net spend."""

    recency: Floats
    frequency: Floats
    spend: Floats

    @classmethod
    def at(cls, log: OrderLog, day: int) -> "Rfm":
        known = log.until(day)
        counts = np.diff(known.starts)
        last = np.zeros(log.customers)
        some = counts > 0
        last[some] = known.days[known.starts[1:][some] - 1]
        sums = np.concatenate([[0], np.cumsum(known.minor)])
        return cls(
            day - last, counts.astype(np.float64), (sums[known.starts[1:]] - sums[known.starts[:-1]]) * 1.0
        )

    def features(self) -> Floats:
        return np.log1p(np.column_stack(self))


def quintile_sum(rfm: Rfm) -> Floats:
    """Larger is better: the fifths of recency, frequency and spend, added; 0 for who has not bought yet.

    Ties share their mean rank.
    """
    known = rfm.frequency > 0
    out = np.zeros(len(known))
    for values in (-rfm.recency, rfm.frequency, rfm.spend):
        out[known] += np.ceil(5 * rankdata(values[known]) / max(int(known.sum()), 1))
    return out


def logistic_rfm(log: OrderLog, windows: tuple[Window, ...], day: int) -> Floats:
    """(customers,): chance of a purchase, learned on windows that have matured."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=100.0))
    features = [Rfm.at(log, window.day).features()[window.known] for window in windows]
    bought = [window.bought[window.known] for window in windows]
    model.fit(np.concatenate(features), np.concatenate(bought))
    return np.asarray(model.predict_proba(Rfm.at(log, day).features())[:, 1])
