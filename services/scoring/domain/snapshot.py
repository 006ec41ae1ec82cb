"""Rows as health snapshots: columns from the compiled loops, words and names around them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from libs.events import Facts
from libs.events.families.health import Contribution, HealthChanged, HealthPoint, HealthSnapshot, Movement
from libs.events.hot import data_struct
from services.scoring.domain.explain import label, sentence
from services.scoring.domain.facts import COLUMNS, N_FACTS, SUBSCRIPTION_STATES
from services.scoring.domain.numbers import World
from services.scoring.domain.row import SIGNALS
from services.scoring.domain.score import BANDS, STAGES
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


def _real(value: float) -> float:
    return round(value, 6)


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
        return _real
    if unit == "time":
        return _instant
    return bool if unit == "flag" else int


_READERS = tuple(_reader(name) for name in COLUMNS)


def _column(values: npt.NDArray[np.float64], read: Callable[[float], Any]) -> list[Any]:
    return [None if value != value else read(value) for value in values.tolist()]  # noqa: PLR0124 (NaN)


def facts_by_row(facts: npt.NDArray[np.float64], currencies: list[str]) -> list[dict[str, Any]]:
    """Each row's known facts by name."""
    known = np.flatnonzero(~np.isnan(facts).all(axis=0)).tolist()
    columns = [_column(facts[:, j], _READERS[j]) for j in known]
    names = [*(COLUMNS[j] for j in known), "currency"]
    return [dict(zip(names, line, strict=True)) for line in zip(*columns, currencies, strict=True)]


class Words(NamedTuple):
    """What the numbers do not know."""

    version: str
    base: float
    horizon: float
    high_tier: int


class Told(NamedTuple):
    """What stands beside the findings of one row."""

    band: int
    segment: str
    cause: str
    facts: dict[str, Any]


def snapshot_of(found: Findings, i: int, told: Told, words: Words) -> Any:
    """The snapshot of line `i`."""
    score, confidence, stage, chance = found.heads[i].tolist()
    p_buy = None if chance != chance else chance  # noqa: PLR0124 (NaN)
    return _SNAPSHOT(
        score=score,
        base=words.base,
        band=BANDS[told.band],
        confidence=round(confidence, 4),
        stage=STAGES[int(stage)],
        segment=told.segment,
        tier="high" if (told.facts.get("spend_total") or 0) >= words.high_tier else "standard",
        p_buy=None if p_buy is None else round(p_buy, 6),
        scorecard=words.version,
        cause=told.cause,
        contributions=_contributions(found.signals[i].tolist(), told.facts, p_buy, words),
        facts=_FACTS(**told.facts),
    )


def _contributions(
    signals: list[list[float]], facts: dict[str, Any], p_buy: float | None, words: Words
) -> tuple[Any, ...]:
    """`weight` is the share after those of signals never seen were given away."""
    values, evidence, points = signals
    return tuple(
        _CONTRIBUTION(
            signal=label(j),
            value=round(values[j], 2),
            weight=round(_weight(values[j], points[j], words.base), 4),
            evidence=round(evidence[j], 4),
            points=points[j],
            text=sentence(j, facts, p_buy, words.horizon),
        )
        for j in range(SIGNALS)
        if evidence[j] >= 0.0
    )


def _weight(value: float, points: float, base: float) -> float:
    return points / (value - base) if abs(value - base) > 1e-9 else 0.0


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
    moved = [(points[j] - held[j], label(j)) for j in range(SIGNALS)]
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
