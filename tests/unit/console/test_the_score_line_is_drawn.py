"""The geometry of the score over time."""

from datetime import UTC, datetime, timedelta

from services.outreach.console import chart
from services.outreach.console.chart import Happening, Point

T0 = datetime(2025, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)


def points(*scores: float, bands: str = "") -> list[Point]:
    names = {"g": "green", "y": "yellow", "r": "red"}
    marks = bands or "g" * len(scores)
    return [
        Point(T0 + n * DAY, score, names[mark])
        for n, (score, mark) in enumerate(zip(scores, marks, strict=True))
    ]


def test_no_points_no_chart() -> None:
    assert chart.draw([], [], T0) is None


def test_one_point_is_a_level_line_up_to_now() -> None:
    drawn = chart.draw(points(50.0), [], T0 + 10 * DAY)
    assert drawn is not None
    (first, y1), (last, y2) = (pair.split(",") for pair in drawn.line.split(" "))
    assert y1 == y2 == str(chart.y(50.0))
    assert (float(first), float(last)) == (chart.LEFT, chart.WIDTH - chart.RIGHT)


def test_a_point_right_now_is_drawn_too() -> None:
    assert chart.draw(points(50.0), [], T0) is not None


def test_the_line_stays_inside_whatever_the_score() -> None:
    assert chart.y(-5.0) == chart.y(0.0) == chart.HEIGHT - chart.BOTTOM
    assert chart.y(105.0) == chart.y(100.0) == chart.TOP


def test_bands_are_spans_of_time_without_gaps() -> None:
    drawn = chart.draw(points(70, 66, 60, 35, 64, bands="ggyrr"), [], T0 + 4 * DAY)
    assert drawn is not None
    assert [span.band for span in drawn.spans] == ["green", "yellow", "red"]
    for before, after in zip(drawn.spans, drawn.spans[1:], strict=False):
        assert abs(before.x + before.width - after.x) < 0.2


def test_a_mark_sits_on_the_line_and_says_what_and_when() -> None:
    happening = Happening(T0 + DAY / 2, "fired", "Engagement down")
    drawn = chart.draw(points(80, 60), [happening, Happening(T0 - DAY, "touch", "too early")], T0 + DAY)
    assert drawn is not None
    (mark,) = drawn.marks
    assert mark.y == chart.y(70.0)
    assert mark.title == "10 Jan 2025: Engagement down"


def test_a_long_line_is_thinned_but_keeps_its_turns_and_its_end() -> None:
    many = [Point(T0 + n * DAY / 24, 50.0, "red" if n == 7001 else "yellow") for n in range(10_000)]
    kept = chart.thin(many)
    assert len(kept) <= chart.MOST_POINTS + 4
    assert many[7001] in kept
    assert kept[-1] is many[-1]


def test_months_are_named_where_there_is_room() -> None:
    long = chart.draw([Point(T0, 50.0, "green")], [], T0 + 3_000 * DAY)
    short = chart.draw([Point(T0, 50.0, "green")], [], T0 + 20 * DAY)
    assert long is not None
    assert short is not None
    assert len(long.ticks) <= (chart.WIDTH - chart.LEFT) // 50
    assert short.ticks[0].text == "10 Jan"
    year = chart.draw([Point(T0, 50.0, "green")], [], T0 + 365 * DAY)
    assert year is not None
    assert "Jan 2026" in [tick.text for tick in year.ticks]


def test_the_summary_tells_those_who_cannot_see_it() -> None:
    drawn = chart.draw(points(70, 30, 45, bands="gry"), [], T0 + 3 * DAY)
    assert drawn is not None
    assert "began at 70, was lowest at 30 on 11 Jan 2025 and is now 45 (yellow)" in drawn.summary
