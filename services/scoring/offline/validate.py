"""Whether the scores of a quarter ago were right, and today's customers are those they were made for."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from services.scoring.domain.fitting.measures import Floats
from services.scoring.domain.scorecard import Scorecard
from services.scoring.offline import backtest as b
from services.scoring.offline.log import EventLog
from services.scoring.offline.replay import Replay, end_of

# From here on somebody should look: a probability that is off by six points, and the usual reading of a
# population stability index (0.1 a little, 0.25 another population; Siddiqi 2006).
CALIBRATION_LIMIT = 0.06
SHIFT_LIMIT = 0.25
_BINS = 10
_LEAST_SHARE = 1e-4  # of a bin that is empty: its logarithm would not exist


class Validation(NamedTuple):
    """Figures of one scorecard. None: it has no such figure."""

    scorecard: str
    cutoff: int  # day
    horizon: int
    n: int
    auc: float | None
    auc_recent: float | None
    brier: float | None
    calibration_error: float | None
    calibration_drift: float | None  # said less observed share of the lost: above 0 it cries wolf
    population_shift: float  # PSI of the score, between the cut-off and the last day

    def advice(self) -> list[str]:
        """What to do; nothing: all is well."""
        said = []
        if self.calibration_error is not None and self.calibration_error > CALIBRATION_LIMIT:
            side = "too many" if (self.calibration_drift or 0.0) > 0 else "too few"
            off = f"the probabilities are off by {self.calibration_error:.3f}"
            said.append(f"refit: {off}, {side} were expected to be lost")
        if self.population_shift > SHIFT_LIMIT:
            moved = f"than {self.horizon} days ago (PSI {self.population_shift:.2f})"
            said.append(f"refit: customers score differently {moved}")
        if self.auc is not None and self.auc < 0.5:
            said.append("do not use it: it ranks worse than a coin")
        return said


def validate(log: EventLog, card: Scorecard, horizon: int) -> Validation:
    """The card's scores as they were `horizon` days before the log's last day. Raises BacktestError."""
    last = log.days()[1] if log.size else 0
    known = b.known_at(log, b.Question(last - horizon, horizon))
    truth, asked = b.truth_of(known), b.at_horizon(card, horizon)
    replay = Replay(log, asked.numbers())
    then = replay.look(end_of(last - horizon))
    now = replay.look(end_of(last))
    score = b.score_of(then, asked)
    told = b.figures(score, truth, known.question.capacity, intervals=False) or {}
    said = None if score.chance is None else float(1.0 - score.chance[truth.known].mean())
    return Validation(
        scorecard=card.version,
        cutoff=last - horizon,
        horizon=horizon,
        n=int(truth.known.sum()),
        auc=told["auc"],
        auc_recent=told["auc_recent"],
        brier=told["brier"],
        calibration_error=told["ece"],
        calibration_drift=None if said is None else said - float(truth.lost[truth.known].mean()),
        population_shift=stability(then.scores[then.seen], now.scores[now.seen]),
    )


def stability(then: Floats, now: Floats) -> float:
    """Population stability index over the tenths of `then`: sum of (q - p) ln(q / p)."""
    inner = np.unique(np.quantile(then, np.linspace(0, 1, _BINS + 1)[1:-1]))
    shares = [
        np.bincount(np.searchsorted(inner, values), minlength=len(inner) + 1) / len(values)
        for values in (then, now)
    ]
    p, q = (np.maximum(share, _LEAST_SHARE) for share in shares)
    return float(((q - p) * np.log(q / p)).sum())


def write_metrics(found: Validation, path: Path) -> None:
    """For Prometheus' textfile collector. A figure that does not exist is left out."""
    registry = CollectorRegistry()
    meanings: dict[str, tuple[str, Any]] = {
        "customers": ("Customers judged", found.n),
        "auc": ("Chance that somebody lost ranked below somebody kept", found.auc),
        "auc_recent": ("The same among recent buyers", found.auc_recent),
        "brier": ("Mean squared error of the probability", found.brier),
        "calibration_error": ("Mean distance of said and observed shares", found.calibration_error),
        "calibration_drift": ("Said less observed share of lost", found.calibration_drift),
        "population_shift": ("Stability index of the score", found.population_shift),
        "cutoff_timestamp_seconds": ("End of the day that was judged", end_of(found.cutoff)),
    }
    for name, (meaning, value) in meanings.items():
        if value is not None:
            gauge = Gauge(f"greenline_scoring_validation_{name}", meaning, ["scorecard"], registry=registry)
            gauge.labels(found.scorecard).set(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(path), registry)
