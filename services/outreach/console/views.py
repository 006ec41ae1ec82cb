"""From rows to what a template shows. No SQL and no HTML here."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.outreach.console import chart, timeline, words
from services.outreach.console.queries import Row
from services.outreach.domain.lift import Lift, lift

MIDDLE = 50.0  # percent: where a bar of no points stands

_MARKS = {"trigger.fired": "fired", "outreach.message_sent": "touch", "outreach.task_completed": "done"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One signal's part of the score. `offset` and `width` are percent of the drawing, zero at MIDDLE."""

    signal: str
    text: str
    points: float
    offset: float
    width: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A signal that is known and has no weight yet. `value` is 0 to 100, `evidence` percent."""

    signal: str
    text: str
    value: float
    evidence: float


@dataclass(frozen=True, slots=True)
class Why:
    """Why this score: the base and each signal's points sum to it. `shown` has no part in it."""

    bars: tuple[Bar, ...]
    shown: tuple[Shown, ...]
    base: float
    total: float


@dataclass(frozen=True, slots=True)
class Health:
    """A customer's health as the page shows it; None fields: not scored yet."""

    score: float
    band: str
    stage: str
    tier: str
    segment: str
    confidence: float
    scorecard: str
    cause: str
    updated_at: datetime
    why: Why
    known: tuple[tuple[str, tuple[str, ...]], ...]
    value: str
    p_buy: float | None


@dataclass(frozen=True, slots=True)
class PlaybookLine:
    playbook: str
    opened: int
    held_out: int
    closed: int
    control_closed: int
    succeeded: int
    control_succeeded: int
    revenue: str
    lift: Lift | None
    simulated: bool
    owed: bool


def name_of(row: Row) -> str:
    """The name, else the address, else our id."""
    return str(row["name"] or row["email"] or row["customer_id"])


def health(row: Row, now: datetime) -> Health | None:
    snapshot: dict[str, Any] | None = row["snapshot"]
    if snapshot is None:
        return None
    facts = snapshot.get("facts", {})
    return Health(
        score=row["score"],
        band=row["band"],
        stage=row["stage"],
        tier=snapshot.get("tier", "standard"),
        segment=snapshot.get("segment", "consumer"),
        confidence=snapshot["confidence"],
        scorecard=snapshot.get("scorecard", ""),
        cause=snapshot.get("cause", ""),
        updated_at=row["updated_at"],
        why=why(snapshot, row["score"]),
        known=_by_topic(words.facts_in_words(facts, now)),
        value=words.money(facts.get("spend_total"), facts.get("currency")),
        p_buy=snapshot.get("p_buy"),
    )


def why(snapshot: dict[str, Any], score: float) -> Why:
    """Bars to the left and right of the starting point, on one scale, the strongest first."""
    told = snapshot.get("contributions", ())
    parts = sorted((part for part in told if _counts(part)), key=lambda part: -abs(part["points"]))
    reach = max((abs(part["points"]) for part in parts), default=0.0) or 1.0
    bars = []
    for part in parts:
        points = float(part["points"])
        width = round(abs(points) / reach * MIDDLE, 2)
        offset = MIDDLE if points >= 0 else MIDDLE - width
        bars.append(Bar(part["signal"], part["text"], points, offset, width))
    shown = tuple(
        Shown(part["signal"], part["text"], part["value"], part["evidence"] * 100)
        for part in told
        if not _counts(part)
    )
    return Why(tuple(bars), shown, float(snapshot.get("base", 0.0)), score)


def _counts(part: dict[str, Any]) -> bool:
    """A person's word has no weight, and may by chance say what the score was anyway."""
    return bool(part["weight"] or part["points"]) or part["signal"] == words.OVERRIDE


def _by_topic(known: Iterable[words.Known]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    topics: dict[str, list[str]] = defaultdict(list)
    for fact in known:
        topics[fact.topic].append(fact.text)
    return tuple((topic, tuple(texts)) for topic, texts in topics.items())


def score_line(points: Sequence[Row], marks: Sequence[Row], now: datetime) -> chart.Chart | None:
    happenings = [chart.Happening(row["at"], _MARKS[row["type"]], row["summary"]) for row in marks]
    return chart.draw([chart.Point(row["at"], row["score"], row["band"]) for row in points], happenings, now)


def playbook_lines(rows: Sequence[Row]) -> list[PlaybookLine]:
    """One line a playbook: its arms side by side."""
    arms: dict[str, dict[str, list[Row]]] = defaultdict(lambda: {"treated": [], "control": []})
    for row in rows:
        arms[row["playbook"]][row["arm"]].append(row)
    return [_playbook_line(name, sides["treated"], sides["control"]) for name, sides in sorted(arms.items())]


def interval_reach(lines: Iterable[PlaybookLine]) -> float:
    """Points from zero to the edge of the drawn intervals: one scale for all, at least 10."""
    bounds = [
        bound for line in lines if line.lift for bound in (line.lift.interval.low, line.lift.interval.high)
    ]
    return max(10.0, *(abs(bound) * 105 for bound in bounds)) if bounds else 10.0


def _playbook_line(name: str, treated: Sequence[Row], control: Sequence[Row]) -> PlaybookLine:
    def total(rows: Sequence[Row], column: str) -> int:
        return int(sum(row[column] or 0 for row in rows))

    earned = [
        words.money(int(row["revenue_minor"]), row["currency"]) for row in treated if row["revenue_minor"]
    ]
    closed, control_closed = total(treated, "closed"), total(control, "closed")
    succeeded, control_succeeded = total(treated, "succeeded"), total(control, "succeeded")
    return PlaybookLine(
        name,
        opened=total(treated, "opened"),
        held_out=total(control, "opened"),
        closed=closed,
        control_closed=control_closed,
        succeeded=succeeded,
        control_succeeded=control_succeeded,
        revenue=", ".join(earned) or words.NOTHING,
        lift=lift(succeeded, closed, control_succeeded, control_closed),
        simulated=any(row["simulated"] for row in [*treated, *control]),
        owed=any(row["owed"] for row in treated),
    )


def timeline_page(
    rows: Sequence[Row], points: Sequence[Row], until: datetime | None, *, more: bool
) -> list[timeline.Entry]:
    """A page of rows with the changes of band that fall between its ends."""
    since = rows[-1]["at"] if rows and more else None
    return timeline.entries(rows, timeline.turns(points, since, until))
