"""Rows as health snapshots: columns from the compiled loops, words and names around them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from libs.events import Facts
from libs.events.families.health import Contribution, HealthChanged, HealthPoint, HealthSnapshot, Movement
from libs.events.hot import data_struct
from services.scoring.domain.explain import sentence
from services.scoring.domain.facts import COLUMNS, N_FACTS, SUBSCRIPTION_STATES
from services.scoring.domain.numbers import World
from services.scoring.domain.row import SIGNALS
from services.scoring.domain.score import BANDS, STAGES
from services.scoring.domain.signals import NAMES
from services.scoring.domain.update import Findings, describe

_FACTS, _CONTRIBUTION, _SNAPSHOT = (
    data_struct(Facts),
    data_struct(Contribution),
    data_struct(HealthSnapshot),
)
_CHANGED, _POINT, _MOVEMENT = data_struct(HealthChanged), data_struct(HealthPoint), data_struct(Movement)

CHANGE = 1.0  # points of score from which a change is worth saying
_MOVED = 0.05  # points below which a signal has not moved


def describe_rows(
    array: npt.NDArray[np.void],
    slots: npt.NDArray[np.int64],
    nows: npt.NDArray[np.int64],
    world: World,
) -> Findings:
    """Score the rows in `slots`, each at its own now; their bands move on."""
    n = len(slots)
    found = Findings(
        np.zeros((n, 3, SIGNALS)), np.zeros((n, 4)), np.empty((n, N_FACTS)), np.zeros(n, np.uint64)
    )
    describe(array, slots, nows, world, found)
    return found


def _instant(value: float) -> datetime:
    return datetime.fromtimestamp(value, UTC)


def _state(value: float) -> str:
    return SUBSCRIPTION_STATES[int(value)]


_REALS = {"tenure_days", "own_gap_days", "days_overdue", "silence_tail_p", "returned_share"}
_REALS |= {"tickets_baseline", "usage_variance"}


def _reader(name: str) -> Callable[[float], Any]:
    extra = Facts.model_fields[name].json_schema_extra
    unit = extra["unit"] if isinstance(extra, dict) else None
    if name == "subscription_state":
        return _state
    if name in _REALS:
        return float
    if unit == "time":
        return _instant
    return bool if unit == "flag" else int


_READERS = tuple(_reader(name) for name in COLUMNS)


def _column(values: npt.NDArray[np.float64], read: Callable[[float], Any]) -> list[Any]:
    """A column as the wire's values. Whole columns at once where numpy can: this runs for every snapshot."""
    gaps = np.isnan(values)
    if read is float:
        values = np.round(values, 6)
    if not gaps.any() and read in (float, int, bool):
        listed: list[Any] = values.astype(read).tolist()
        return listed
    return [None if gap else read(value) for gap, value in zip(gaps.tolist(), values.tolist(), strict=True)]


def facts_by_row(facts: npt.NDArray[np.float64], currencies: list[str]) -> list[dict[str, Any]]:
    """Each row's known facts by name."""
    known = np.flatnonzero(~np.isnan(facts).all(axis=0)).tolist()
    columns = [_column(facts[:, j], _READERS[j]) for j in known]
    names = [*(COLUMNS[j] for j in known), "currency"]
    return [dict(zip(names, line, strict=True)) for line in zip(*columns, currencies, strict=True)]


class Line(NamedTuple):
    """The findings on one row, rounded for the wire. Points are exact as they are."""

    score: float
    confidence: float
    stage: int
    p_buy: float | None
    values: list[float]
    evidence: list[float]
    points: list[float]


def lines_of(found: Findings) -> list[Line]:
    heads = np.round(found.heads, 6)
    heads[:, 1] = np.round(heads[:, 1], 4)
    signals = zip(
        heads.tolist(),
        np.round(found.signals[:, 0], 2).tolist(),
        np.round(found.signals[:, 1], 4).tolist(),
        found.signals[:, 2].tolist(),
        strict=True,
    )
    return [
        Line(score, sure, int(stage), None if p != p else p, values, evidence, points)  # noqa: PLR0124 (NaN)
        for (score, sure, stage, p), values, evidence, points in signals
    ]


class Words(NamedTuple):
    """What the numbers do not know."""

    version: str
    base: float
    horizon: float
    high_tier: int
    weights: tuple[float, ...]  # by signal


class Told(NamedTuple):
    """What stands beside the findings of one row."""

    band: int
    segment: str
    cause: str
    facts: dict[str, Any]


def snapshot_of(line: Line, told: Told, words: Words) -> Any:
    """One row's snapshot."""
    facts = told.facts
    return _SNAPSHOT(
        score=line.score,
        base=words.base,
        band=BANDS[told.band],
        confidence=line.confidence,
        stage=STAGES[line.stage],
        segment=told.segment,
        tier="high" if (facts.get("spend_total") or 0) >= words.high_tier else "standard",
        p_buy=line.p_buy,
        scorecard=words.version,
        cause=told.cause,
        contributions=tuple(_contributions(line, facts, words)),
        facts=_FACTS(**facts),
    )


def _contributions(line: Line, facts: dict[str, Any], words: Words) -> Iterator[Any]:
    """`weight` is the share after those of signals never seen were given away."""
    seen = sum(words.weights[j] for j in range(SIGNALS) if line.evidence[j] >= 0.0)
    for j in range(SIGNALS):
        if line.evidence[j] >= 0.0:
            yield _CONTRIBUTION(
                signal=NAMES[j],
                value=line.values[j],
                weight=round(words.weights[j] / seen, 6) if seen else 0.0,
                evidence=line.evidence[j],
                points=line.points[j],
                text=sentence(j, facts, line.p_buy, words.horizon),
            )


class Said(NamedTuple):
    """What the last health.changed said of a row."""

    score: float
    band: int
    confidence: float
    points: list[float]


def has_changed(before: Said | None, score: float, band: int) -> bool:
    """Worth saying: the first score, another band, or a point of movement."""
    return before is None or before.band != band or abs(before.score - score) >= CHANGE


def change_of(before: Said | None, snapshot: Any, points: list[float]) -> Any:
    """From where, to where, and which signals did it."""
    held = before.points if before else [0.0] * SIGNALS
    texts = {c.signal: c.text for c in snapshot.contributions}
    moved = [(points[j] - held[j], NAMES[j]) for j in range(SIGNALS)]
    why = sorted((m for m in moved if abs(m[0]) >= _MOVED), key=lambda m: -abs(m[0]))
    return _CHANGED(
        before=before
        and _POINT(
            score=round(before.score, 4),
            band=BANDS[before.band],
            confidence=round(before.confidence, 4),
        ),
        after=_POINT(score=snapshot.score, band=snapshot.band, confidence=snapshot.confidence),
        why=tuple(
            _MOVEMENT(signal=name, points=round(delta, 4), text=texts.get(name, "Not known any more"))
            for delta, name in why
        ),
        cause=snapshot.cause,
    )
