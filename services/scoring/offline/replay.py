"""The live loops over a log: rows as they stood at any moment, and what they would have said."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from services.scoring.domain.facts import N_FACTS
from services.scoring.domain.numbers import CardNumbers, World
from services.scoring.domain.row import DAY, ROW
from services.scoring.domain.score import BANDS, STAGES
from services.scoring.domain.signals import SCORED
from services.scoring.domain.update import Findings, apply_events, describe
from services.scoring.offline.log import EventLog


class Look(NamedTuple):
    """All customers at one moment, by number; only those in `seen` mean anything."""

    at: int
    seen: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]
    confidences: npt.NDArray[np.float64]
    stages: npt.NDArray[np.uint8]  # places in STAGES
    bands: npt.NDArray[np.uint8]  # places in BANDS
    p_buys: npt.NDArray[np.float64]  # NaN: no rhythm
    values: npt.NDArray[np.float64]  # (customers, signals)
    evidence: npt.NDArray[np.float64]  # the same; below 0: never seen
    facts: npt.NDArray[np.float64]

    def band_names(self) -> list[str]:
        return [BANDS[band] for band in self.bands.tolist()]

    def lapsed(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.stages == STAGES.index("lapsed"))


class Replay:
    """One pass over a log with one scorecard; moments only go forward."""

    def __init__(self, log: EventLog, card: CardNumbers) -> None:
        self._log, self._card = log, card
        self.rows: npt.NDArray[np.void] = np.zeros(len(log.keys), ROW)
        self._feeds: Any = np.zeros_like(log.partition.feeds())
        self._done = 0
        self.duplicates = 0

    def advance(self, moment: int) -> None:
        """Take in all that had come before `moment`, in seconds."""
        until = self._log.before(moment)
        columns = self._log.part(self._done, until)
        outcome = np.zeros(until - self._done, np.uint8)
        apply_events(self.rows, columns, World(self._feeds, self._card), 0, outcome)
        self.duplicates += int((outcome == 2).sum())
        self._done = until

    def look(self, moment: int) -> Look:
        """Everybody at `moment`. As a sweep does, it moves bands on."""
        self.advance(moment)
        seen = self.rows["first_seen"] > 0
        slots, n = np.flatnonzero(seen), len(seen)
        k = len(slots)
        found = Findings(
            np.zeros((k, 3, SCORED)), np.zeros((k, 4)), np.zeros((k, N_FACTS)), np.zeros(k, np.uint64)
        )
        describe(self.rows, slots, np.full(k, moment), World(self._feeds, self._card), found)
        scores, confidences, stages, p_buys = _spread(found.heads, slots, n).T
        signals = _spread(found.signals, slots, n)
        return Look(
            at=moment,
            seen=seen,
            scores=scores,
            confidences=confidences,
            stages=stages.astype(np.uint8),
            bands=self.rows["band"].copy(),
            p_buys=p_buys,
            values=signals[:, 0],
            evidence=signals[:, 1],
            facts=_spread(found.facts, slots, n),
        )


def _spread(lines: npt.NDArray[np.float64], slots: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.float64]:
    """A line for each of the customers, from those of some."""
    out = np.zeros((n, *lines.shape[1:]))
    out[slots] = lines
    return out


def end_of(day: int) -> int:
    """The first moment after a day."""
    return (day + 1) * DAY
