"""Two scorecards on one log: who would stand in another band, and who would move most."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from libs.events import split_key
from services.scoring.domain.score import BANDS, STAGES
from services.scoring.domain.scorecard import Scorecard
from services.scoring.domain.signals import NAMES
from services.scoring.offline.days import date_of
from services.scoring.offline.log import EventLog
from services.scoring.offline.replay import Replay, end_of

STATES = ("green", "yellow", "red", "lapsed")
MOVERS = 20  # customers named
_LAPSED = STATES.index("lapsed")
_BY_BAND = np.array([STATES.index(band) for band in BANDS])


class Side(NamedTuple):
    """A scorecard's word on everybody at the same moment, a line each."""

    card: Scorecard
    slots: npt.NDArray[np.int64]  # customers by number, the same on both sides
    scores: npt.NDArray[np.float64]
    points: npt.NDArray[np.float64]  # (lines, signals)
    states: npt.NDArray[np.int64]  # places in STATES


def side_of(log: EventLog, card: Scorecard, day: int) -> Side:
    """The card in force from the log's first day, bands held by weekly looks."""
    replay = Replay(log, card.numbers())
    replay.hold_bands(day)
    slots, found, bands = replay.describe(end_of(day))
    lapsed = found.heads[:, 2] == STAGES.index("lapsed")
    states = np.where(lapsed, _LAPSED, _BY_BAND[bands])
    return Side(card, slots, found.heads[:, 0], found.signals[:, 2], states)


def compare(log: EventLog, a: Scorecard, b: Scorecard, day: int) -> dict[str, Any]:
    """Everything, as plain values. Somebody has been heard of by the end of `day`."""
    ours, theirs = side_of(log, a, day), side_of(log, b, day)
    total = len(ours.slots)
    pairs = np.zeros((len(STATES), len(STATES)), np.int64)
    np.add.at(pairs, (ours.states, theirs.states), 1)
    stayed = int(np.trace(pairs))
    delta = theirs.scores - ours.scores
    return {
        "at": date_of(day),
        "customers": total,
        "a": _told(ours),
        "b": _told(theirs),
        "matrix": {
            start: {end: int(pairs[i, j]) for j, end in enumerate(STATES)} for i, start in enumerate(STATES)
        },
        "moved": total - stayed,
        "moved_share": round(1.0 - stayed / total, 6),
        "points": _spread(delta),
        "movers": [_mover(log, line, ours, theirs) for line in _largest(ours, theirs, delta)],
    }


def _largest(a: Side, b: Side, delta: npt.NDArray[np.float64]) -> list[int]:
    """Lines of those whose score moves most. Who is gone with both scorecards is nobody's work."""
    size = np.where((a.states == _LAPSED) & (b.states == _LAPSED), 0.0, np.abs(delta))
    order = np.argsort(-size, kind="stable")[:MOVERS]
    return [int(line) for line in order if size[line] > 0.0]


def _told(side: Side) -> dict[str, Any]:
    counts = np.bincount(side.states, minlength=len(STATES)).tolist()
    return {
        "scorecard": side.card.version,
        "mean_score": round(float(side.scores.mean()), 4),
        **dict(zip(STATES, counts, strict=True)),
    }


def _spread(delta: npt.NDArray[np.float64]) -> dict[str, float]:
    """How far scores move, in points."""
    size = np.abs(delta)
    return {
        "mean": round(float(delta.mean()), 4),
        "mean_size": round(float(size.mean()), 4),
        "p95_size": round(float(np.quantile(size, 0.95)), 4),
    }


def _mover(log: EventLog, line: int, a: Side, b: Side) -> Mapping[str, Any]:
    tenant, customer = split_key(log.keys[int(a.slots[line])])
    moved = b.points[line] - a.points[line]
    first = int(np.argmax(np.abs(moved)))
    return {
        "customer": customer,
        "tenant": tenant,
        "points": round(float(b.scores[line] - a.scores[line]), 4),
        "a": _stands(a, line),
        "b": _stands(b, line),
        "signal": NAMES[first],
        "signal_points": round(float(moved[first]), 4),
    }


def _stands(side: Side, line: int) -> dict[str, Any]:
    return {"score": round(float(side.scores[line]), 4), "state": STATES[int(side.states[line])]}
