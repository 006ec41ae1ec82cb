"""The live loops over a log: rows as they stood at any moment, and what they would have said."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from services.scoring.domain.numbers import Numbers, World
from services.scoring.domain.row import DAY, ROW
from services.scoring.domain.score import BANDS, STAGES
from services.scoring.domain.snapshot import describe_rows
from services.scoring.domain.update import Findings, apply_events
from services.scoring.offline.log import EventLog

WEEK = 7  # days


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


class Described(NamedTuple):
    """Customers by number, a line each, and what the loops found."""

    slots: npt.NDArray[np.int64]
    found: Findings
    bands: npt.NDArray[np.uint8]  # places in BANDS


class Replay:
    """One pass over a log with one scorecard; moments only go forward."""

    def __init__(self, log: EventLog, numbers: Numbers) -> None:
        self._log, self._numbers = log, numbers
        self.rows: npt.NDArray[np.void] = np.zeros(len(log.keys), ROW)
        self._feeds: Any = np.zeros_like(log.partition.feeds())
        self._done = 0
        self.duplicates = 0

    def advance(self, moment: int) -> None:
        """Take in all that had come before `moment`, in seconds."""
        until = self._log.before(moment)
        columns = self._log.part(self._done, until)
        outcome = np.zeros(until - self._done, np.uint8)
        apply_events(self.rows, columns, self.world(), 0, outcome)
        self.duplicates += int((outcome == 2).sum())
        self._done = until

    def world(self) -> World:
        return self._numbers.world(self._feeds, self._log.partition.memo.segments)

    def seen(self) -> npt.NDArray[np.int64]:
        """Numbers of the customers of whom anything has been heard."""
        return np.flatnonzero(self.rows["first_seen"] > 0)

    def describe(self, moment: int, slots: npt.NDArray[np.int64] | None = None) -> Described:
        """All who have been heard of, or those of `slots`. As a sweep at `moment`, it moves bands on."""
        self.advance(moment)
        chosen = self.seen() if slots is None else slots[self.rows["first_seen"][slots] > 0]
        found = describe_rows(self.rows, chosen, np.full(len(chosen), moment), self.world())
        return Described(chosen, found, self.rows["band"][chosen])

    def hold_bands(self, day: int, slots: npt.NDArray[np.int64] | None = None) -> None:
        """Look once a week up to a week before `day`: a band depends on the one held before it."""
        if self._log.size:
            first = self._log.days()[0]
            for past in range(first + (day - first) % WEEK, day, WEEK):
                self.describe(end_of(past), slots)

    def look(self, moment: int) -> Look:
        """Everybody at `moment`. As a sweep does, it moves bands on."""
        slots, found, _ = self.describe(moment)
        n = len(self.rows)
        seen = np.zeros(n, np.bool_)
        seen[slots] = True
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
