"""Since a day: from where to where, and which signals did it, in the words of `greenline scoring explain`."""

from datetime import UTC, datetime
from typing import Any

from services.outreach.console import moved

NOW = datetime(2026, 5, 31, 9, 30, tzinfo=UTC)
RECENCY = "Last order 41 days ago, own rhythm 14 days; 12% likely to buy again within 91 days"


def part(signal: str, points: float, text: str = "Because") -> dict[str, Any]:
    return {"signal": signal, "points": points, "text": text}


def told(before: dict[str, Any] | None, *parts: dict[str, Any], days: int = 30) -> moved.Moved:
    row: Any = {"score": 48.9, "band": "yellow", "snapshot": {"contributions": parts}}
    then: Any = before
    found = moved.since(row, then, days, NOW)
    assert found is not None
    return found


def then(band: str = "green", **points: float) -> dict[str, Any]:
    return {"score": 61.2, "band": band, "signal_points": points}


def test_a_change_is_a_sentence_and_its_movements_the_largest_first() -> None:
    now = (part("purchase_recency", -6.1, RECENCY), part("support_sentiment", -5.2, "1 ticket open"))
    found = told(then(purchase_recency=3.0, support_sentiment=-2.0), *reversed(now))
    assert found.change == "Since 2026-05-01 (30 days): 61.2 to 48.9 (-12.3), green to yellow"
    assert [(one.signal, round(one.points, 1), one.text) for one in found.movements] == [
        ("purchase_recency", -9.1, RECENCY),
        ("support_sentiment", -3.2, "1 ticket open"),
    ]
    assert found.remark == ""


def test_a_band_that_is_the_same_is_named_once() -> None:
    assert told(then("yellow"), days=7).change == "Since 2026-05-24 (7 days): 61.2 to 48.9 (-12.3), yellow"


def test_who_was_not_seen_before_comes_from_zero_and_who_is_gone_goes_there() -> None:
    found = told(then(usage_trend=4.0, override=-20.0), part("survey", 2.0, "Answered NPS 9 of 10"))
    assert found.movements == (
        moved.Movement("override", 20.0, "Not known any more"),
        moved.Movement("usage_trend", -4.0, "Not known any more"),
        moved.Movement("survey", 2.0, "Answered NPS 9 of 10"),
    )


def test_less_than_a_twentieth_of_a_point_is_no_movement() -> None:
    found = told(then(purchase_recency=1.0, survey=0.0), part("purchase_recency", 1.049), part("survey", 0.0))
    assert (found.movements, found.remark) == ((), "No signal has moved.")
    assert [one.signal for one in told(then(), part("survey", 0.05)).movements] == ["survey"]


def test_an_old_point_says_that_only_the_score_is_known() -> None:
    found = told({"score": 61.2, "band": "green", "signal_points": None}, part("survey", 2.0))
    assert found.change.endswith("61.2 to 48.9 (-12.3), green to yellow")
    assert found.movements == ()
    assert found.remark == "Of that day only the score is known, not what it was made of."


def test_a_day_before_the_first_score_has_nothing_to_compare() -> None:
    assert told(None, part("survey", 2.0)) == moved.Moved("On 2026-05-01 no score was known yet.")


def test_who_is_not_scored_has_not_moved() -> None:
    row: Any = {"score": None, "band": None, "snapshot": None}
    assert moved.since(row, None, 30, NOW) is None
