"""How good a score is: one function a figure. `risk` is larger for worse; `lost` is what happened.

Shapes: `risk`, `lost` and `chance_lost` (n,). A figure that does not exist is None.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, brier_score_loss

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

BINS = 10  # of a calibration curve, with as many customers each
RESAMPLES = 200


class Interval(NamedTuple):
    """95 %, by the bootstrap over customers."""

    low: float
    high: float


class Bin(NamedTuple):
    """One tenth of the customers by predicted chance."""

    predicted: float
    observed: float
    n: int


def both(lost: Flags) -> bool:
    """Whether there is anything to tell apart."""
    return bool(lost.any() and not lost.all())


def auc(risk: Floats, lost: Flags) -> float | None:
    """Chance that somebody lost ranks above somebody kept; ties count half."""
    if not both(lost):
        return None
    hits = int(lost.sum())  # Mann and Whitney's count, by ranks
    above = float(rankdata(risk)[lost].sum()) - hits * (hits + 1) / 2
    return above / (hits * (len(lost) - hits))


def pr_auc(risk: Floats, lost: Flags) -> float | None:
    """Average precision."""
    return float(average_precision_score(lost, risk)) if both(lost) else None


def brier(chance_lost: Floats, lost: Flags) -> float:
    """Mean squared error of the probability."""
    return float(brier_score_loss(lost, chance_lost))


def calibration(chance_lost: Floats, lost: Flags) -> list[Bin]:
    """Predicted against observed, in bins of equal size."""
    order = np.argsort(chance_lost, kind="stable")
    return [
        Bin(float(chance_lost[part].mean()), float(lost[part].mean()), len(part))
        for part in np.array_split(order, BINS)
        if len(part)
    ]


def ece(chance_lost: Floats, lost: Flags) -> float:
    """Expected calibration error: mean distance of predicted and observed over those bins."""
    bins = calibration(chance_lost, lost)
    return sum(part.n * abs(part.predicted - part.observed) for part in bins) / len(lost)


def top(risk: Floats, count: int) -> npt.NDArray[np.intp]:
    """The `count` most at risk; of equals, those that stand first."""
    return np.argsort(-risk, kind="stable")[:count]


def precision_at(risk: Floats, lost: Flags, count: int) -> float | None:
    """Share of the `count` most at risk who were lost."""
    return float(lost[top(risk, count)].mean()) if len(lost) else None


def lift_top_decile(risk: Floats, lost: Flags) -> float | None:
    """How many times the base rate is lost among the tenth most at risk."""
    if not lost.any():
        return None
    found = precision_at(risk, lost, max(len(lost) // 10, 1))
    return None if found is None else found / float(lost.mean())


def bootstrap(
    figure: Callable[[npt.NDArray[np.intp]], float | None], n: int, seed: int = 7, times: int = RESAMPLES
) -> Interval | None:
    """Of a figure of resampled customers; None when it does not exist for enough of the samples."""
    draws = np.random.default_rng(seed)
    found = [value for _ in range(times) if (value := figure(draws.integers(0, n, n))) is not None]
    if len(found) < times // 2:
        return None
    low, high = np.quantile(found, (0.025, 0.975))
    return Interval(float(low), float(high))


def by_band(bands: Sequence[str], lost: Flags) -> Mapping[str, Mapping[str, float | int | None]]:
    """Of a band taken as the alarm: how often it was right, and how many of the lost it had."""
    held, total = np.array(bands), int(lost.sum())
    found = {}
    for band in ("green", "yellow", "red"):
        inside = held == band
        n, hits = int(inside.sum()), int((inside & lost).sum())
        found[band] = {
            "n": n,
            "precision": hits / n if n else None,
            "recall": hits / total if total else None,
        }
    return found
