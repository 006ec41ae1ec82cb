"""The score over time as geometry: what the template draws, worked out here. Pure.

Bands are drawn as spans of time, not as heights: with hysteresis the same score can be green or yellow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WIDTH, HEIGHT = 960, 250
LEFT, RIGHT, TOP, BOTTOM = 34, 14, 16, 30
MOST_POINTS = 480  # about two pixels a point on a wide screen; more is not seen
GRID = (0, 25, 50, 75, 100)
_CLEAR_PX = 56  # room that the text of a tick needs


@dataclass(frozen=True, slots=True)
class Point:
    at: datetime
    score: float
    band: str


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to mark on the line. `kind`: fired | touch | done."""

    at: datetime
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    x: float
    width: float
    band: str
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    y: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    line: str
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    dots: tuple[Dot, ...]
    grid: tuple[tuple[int, float], ...]
    summary: str


def draw(points: Sequence[Point], happenings: Sequence[Happening], now: datetime) -> Chart | None:
    """The chart of at least one point, up to `now`; None when there is nothing to draw."""
    if not points:
        return None
    shown = thin(sorted(points, key=lambda point: point.at))
    start = min(shown[0].at, now - timedelta(days=1))
    scale = _Scale(start, max(now, shown[-1].at))
    ends = [*(scale.x(point.at) for point in shown[1:]), scale.x(scale.end)]
    places = [f"{scale.x(point.at):.1f},{y(point.score):.1f}" for point in shown]
    line = " ".join([*places, f"{ends[-1]:.1f},{y(shown[-1].score):.1f}"])
    return Chart(
        WIDTH,
        HEIGHT,
        LEFT,
        WIDTH - RIGHT,
        TOP,
        HEIGHT - BOTTOM,
        line=line,
        spans=_spans(shown, scale),
        marks=_marks(shown, happenings, scale),
        ticks=_ticks(scale),
        dots=tuple(Dot(scale.x(p.at), y(p.score), f"{_date(p.at)}: {p.score:.0f}, {p.band}") for p in shown),
        grid=tuple((value, y(value)) for value in GRID),
        summary=_summary(shown),
    )


def thin(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most about `most` points, evenly, but every change of band stays."""
    if len(points) <= most:
        return list(points)
    step = len(points) / most
    keep = {int(number * step) for number in range(most)} | {len(points) - 1}
    turns = (at for at in range(1, len(points)) if points[at].band != points[at - 1].band)
    return [points[at] for at in sorted(keep.union(turns))]


def y(score: float) -> float:
    inner = HEIGHT - TOP - BOTTOM
    return round(TOP + inner * (1 - min(max(score, 0.0), 100.0) / 100), 1)


@dataclass(frozen=True, slots=True)
class _Scale:
    start: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        share = (at - self.start) / (self.end - self.start)
        return round(LEFT + (WIDTH - LEFT - RIGHT) * min(max(share, 0.0), 1.0), 1)


def _spans(points: Sequence[Point], scale: _Scale) -> tuple[Span, ...]:
    """Neighbouring points of one band are one span."""
    spans: list[Span] = []
    begin = points[0]
    for before, point in zip(points, [*points[1:], None], strict=True):
        if point is not None and point.band == begin.band:
            continue
        until = point.at if point else max(scale.end, before.at)
        left, right = scale.x(begin.at), scale.x(until)
        title = f"{begin.band.capitalize()} from {_date(begin.at)}"
        spans.append(Span(left, round(max(right - left, 1.0), 1), begin.band, title))
        begin = point or begin
    return tuple(spans)


def _marks(points: Sequence[Point], happenings: Sequence[Happening], scale: _Scale) -> tuple[Mark, ...]:
    inside = (happening for happening in happenings if scale.start <= happening.at <= scale.end)
    return tuple(
        Mark(
            scale.x(happening.at),
            y(_score_at(points, happening.at)),
            happening.kind,
            f"{_date(happening.at)}: {happening.text}",
        )
        for happening in inside
    )


def _score_at(points: Sequence[Point], at: datetime) -> float:
    """On the line between its neighbours."""
    before = points[0]
    for point in points:
        if point.at > at:
            share = (at - before.at) / (point.at - before.at) if point.at > before.at else 0.0
            return before.score + (point.score - before.score) * max(share, 0.0)
        before = point
    return before.score


def _ticks(scale: _Scale) -> tuple[Tick, ...]:
    """Starts of months, as many as fit; days where the whole line is shorter than two months."""
    length = scale.end - scale.start
    if length < timedelta(days=62):
        step = max(1, length.days // 6)
        days = [scale.start + timedelta(days=number) for number in range(0, length.days + 1, step)]
        return tuple(Tick(scale.x(at), f"{at.day} {at:%b}") for at in days)
    months = _months(scale.start, scale.end)
    every = max(1, -(-len(months) * _CLEAR_PX // (WIDTH - LEFT - RIGHT)))
    return tuple(Tick(scale.x(at), _month_name(at)) for at in months[::every])


def _months(start: datetime, end: datetime) -> list[datetime]:
    first = start.year * 12 + start.month
    last = end.year * 12 + end.month - 1
    return [datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in range(first, last + 1)]


def _month_name(at: datetime) -> str:
    return f"{at:%b %Y}" if at.month == 1 else f"{at:%b}"


def _date(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"


def _summary(points: Sequence[Point]) -> str:
    first, last = points[0], points[-1]
    low = min(points, key=lambda point: point.score)
    return (
        f"Health score from {_date(first.at)} to {_date(last.at)}: it began at {first.score:.0f}, "
        f"was lowest at {low.score:.0f} on {_date(low.at)} and is now {last.score:.0f} ({last.band})."
    )
