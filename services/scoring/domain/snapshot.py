"""Rows as health snapshots: columns from the compiled loops, words and names around them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from libs.events import Facts
from libs.events.families.health import Contribution, HealthChanged, HealthPoint, HealthSnapshot, Movement
from libs.events.hot import data_struct
from libs.events.moments import datetimes
from services.scoring.domain.explain import sentence
from services.scoring.domain.facts import COLUMNS, N_FACTS, SUBSCRIPTION_STATES
from services.scoring.domain.numbers import World
from services.scoring.domain.row import SAID_TICKS
from services.scoring.domain.score import BANDS, STAGES
from services.scoring.domain.scorecard import Scorecard, weights_of
from services.scoring.domain.signals import COUNT, NAMES
from services.scoring.domain.update import Findings, describe

_FACTS, _CONTRIBUTION, _SNAPSHOT = (
    data_struct(Facts),
    data_struct(Contribution),
    data_struct(HealthSnapshot),
)
_CHANGED, _POINT, _MOVEMENT = data_struct(HealthChanged), data_struct(HealthPoint), data_struct(Movement)

CHANGE = 1.0  # points of score from which a change is worth saying
_MOVED = 0.05  # points below which a signal has not moved
_NOTHING = [0.0] * COUNT
_BITS = 1 << np.arange(COUNT)


def describe_rows(
    array: npt.NDArray[np.void],
    slots: npt.NDArray[np.int64],
    nows: npt.NDArray[np.int64],
    world: World,
) -> Findings:
    """Score the rows in `slots`, each at its own now; their bands move on."""
    n = len(slots)
    found = Findings(
        np.zeros((n, 3, COUNT)), np.zeros((n, 4)), np.empty((n, N_FACTS)), np.zeros(n, np.uint64)
    )
    describe(array, slots, nows, world, found)
    return found


_REALS = {"tenure_days", "own_gap_days", "days_overdue", "silence_tail_p", "returned_share"}
_REALS |= {"tickets_baseline", "usage_variance"}
_CURRENCY = COLUMNS.index("currency")
assert _FACTS.__struct_fields__ == COLUMNS, "a row of the table below is the struct's fields in order"

Values = npt.NDArray[np.float64]


def _instants(values: Values) -> Any:
    return np.fromiter(datetimes(values), object, len(values))


def _states(values: Values) -> Any:
    return np.array(SUBSCRIPTION_STATES, object)[values.astype(np.intp)]


def _reals(values: Values) -> Any:
    return np.round(values, 6)


def _counts(values: Values) -> Any:
    return values.astype(np.int64)


def _flags(values: Values) -> Any:
    return values.astype(np.bool_)


def _reader(name: str) -> Callable[[Values], Any]:
    extra = Facts.model_fields[name].json_schema_extra
    unit = extra["unit"] if isinstance(extra, dict) else None
    if name == "subscription_state":
        return _states
    if name in _REALS:
        return _reals
    if unit == "time":
        return _instants
    return _flags if unit == "flag" else _counts


_READERS = {
    read: np.array([_reader(name) is read for name in COLUMNS])
    for read in (_instants, _states, _reals, _counts, _flags)
}


def facts_by_row(facts: Values, currencies: Sequence[str]) -> list[Any]:
    """Each row's facts as the wire's struct. All of one kind are read at once: there are 18 a snapshot."""
    known = ~np.isnan(facts)
    table = np.full(facts.shape, None)
    for read, columns in _READERS.items():
        chosen = known & columns
        table[chosen] = read(facts[chosen])
    table[:, _CURRENCY] = currencies
    return [_FACTS(*line) for line in table.tolist()]


class Line(NamedTuple):
    """All that a snapshot says of one row, rounded for the wire. Points are exact as they are."""

    score: float
    confidence: float
    stage: str
    p_buy: float | None
    seen: int  # a bit for each signal that was ever seen
    values: list[float]
    evidence: list[float]
    points: list[float]
    band: str
    segment: str
    cause: str
    facts: Any


def lines_of(
    found: Findings,
    bands: npt.NDArray[np.uint8],
    segments: Sequence[str],
    causes: Sequence[str],
    facts: Sequence[Any],
) -> list[Line]:
    scores, confidences, stages, p_buys = np.round(found.heads, 6).T
    columns = (
        scores.tolist(),
        np.round(confidences, 4).tolist(),
        [STAGES[int(stage)] for stage in stages.tolist()],
        [None if p != p else p for p in p_buys.tolist()],  # noqa: PLR0124 (NaN)
        ((found.signals[:, 1] >= 0.0) @ _BITS).tolist(),
        np.round(found.signals[:, 0], 2).tolist(),
        np.round(found.signals[:, 1], 4).tolist(),
        found.signals[:, 2].tolist(),
        [BANDS[band] for band in bands.tolist()],
    )
    return list(map(Line, *columns, segments, causes, facts))


Shares = tuple[tuple[int, float], ...]
"""Signals that were seen, and what each weighs after the shares of the others were given away."""


class Words:
    """What the numbers of one card do not know."""

    def __init__(self, card: Scorecard) -> None:
        self.version, self.base = card.version, card.base
        self.horizon, self.high_tier = card.shop.horizon_days, card.high_tier_minor
        self._weights = weights_of(card)
        self._shares: dict[int, Shares] = {}

    def shares(self, seen: int) -> Shares:
        """By Line.seen. Of the 16,000 sets of signals a shop's customers have a few dozen."""
        if seen not in self._shares:
            signals = [j for j in range(COUNT) if seen >> j & 1]
            total = sum(self._weights[j] for j in signals)
            each = [(j, round(self._weights[j] / total, 6) if total else 0.0) for j in signals]
            self._shares[seen] = tuple(each)
        return self._shares[seen]


class Dictionary:
    """The words of a whole scorecard."""

    def __init__(self, card: Scorecard) -> None:
        self._words = [Words(each) for each in card.cards()]
        self._places = card.places()

    def of(self, segment: str) -> Words:
        return self._words[self._places.get(segment, 0)]


def snapshot_of(line: Line, words: Words) -> Any:
    """One row's snapshot."""
    return _SNAPSHOT(
        score=line.score,
        base=words.base,
        band=line.band,
        confidence=line.confidence,
        stage=line.stage,
        segment=line.segment,
        tier="high" if (line.facts.spend_total or 0) >= words.high_tier else "standard",
        p_buy=line.p_buy,
        scorecard=words.version,
        cause=line.cause,
        contributions=_contributions(line, words),
        facts=line.facts,
    )


def _contributions(line: Line, words: Words) -> tuple[Any, ...]:
    return tuple(
        [
            _CONTRIBUTION(
                signal=NAMES[j],
                value=line.values[j],
                weight=share,
                evidence=line.evidence[j],
                points=line.points[j],
                text=sentence(j, line.facts, line.p_buy, words.horizon),
            )
            for j, share in words.shares(line.seen)
        ]
    )


class Said(NamedTuple):
    """What the last health.changed said of a row; points to SAID_TICKS."""

    score: float
    band: int
    confidence: float
    points: list[float]


Held = Mapping[str, npt.NDArray[Any]]
"""Columns of rows, by the names of ROW."""


def said_of(held: Held, chosen: npt.NDArray[np.bool_]) -> list[Said | None]:
    columns = [held[name][chosen].tolist() for name in ("said_score", "said_band", "said_confidence")]
    columns.append((held["said_points"][chosen, :COUNT] / SAID_TICKS).tolist())
    return [Said(*line) if line[1] else None for line in zip(*columns, strict=True)]


def have_changed(held: Held, lines: Sequence[Line]) -> npt.NDArray[np.bool_]:
    """Worth saying: the first score, another band, or a point of movement."""
    scores = np.array([line.score for line in lines])
    moved = np.abs(held["said_score"].astype(np.float64) - scores) >= CHANGE
    first = held["said_band"] == 0
    return np.asarray(first | (held["said_band"] != held["band"]) | moved)


def change_of(before: Said | None, snapshot: Any, points: list[float]) -> Any:
    """From where, to where, and which signals did it."""
    return _CHANGED(
        before=before
        and _POINT(
            score=round(before.score, 4),
            band=BANDS[before.band],
            confidence=round(before.confidence, 4),
        ),
        after=_POINT(score=snapshot.score, band=snapshot.band, confidence=snapshot.confidence),
        why=_movements(before.points if before else _NOTHING, points, snapshot.contributions),
        cause=snapshot.cause,
    )


def _movements(held: Sequence[float], points: Sequence[float], contributions: Sequence[Any]) -> Any:
    """The largest first."""
    moved = [(points[j] - held[j], NAMES[j]) for j in range(COUNT) if abs(points[j] - held[j]) >= _MOVED]
    moved.sort(key=_size)
    texts = {c.signal: c.text for c in contributions}
    return tuple(
        [
            _MOVEMENT(signal=name, points=round(delta, 4), text=texts.get(name, "Not known any more"))
            for delta, name in moved
        ]
    )


def _size(moved: tuple[float, str]) -> float:
    return -abs(moved[0])
