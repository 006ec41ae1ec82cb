"""Runs of small things are one line; changes of band stand among the events."""

from datetime import UTC, datetime, timedelta
from typing import Any

from libs.events import CUSTOMER_EVENT_TYPES
from services.outreach.console import timeline

T0 = datetime(2026, 3, 1, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


def row(kind: str, hours: float, **data: Any) -> Any:
    return {"at": T0 - hours * HOUR, "type": kind, "summary": kind, "data": data, "ref": f"{kind}{hours}"}


def test_visits_of_one_day_are_one_line() -> None:
    lines = timeline.entries([row("site.visited", 0), row("site.visited", 1), row("site.visited", 30)])
    assert [line.count for line in lines] == [2, 1]
    assert lines[0].at == T0


def test_something_in_between_ends_a_run() -> None:
    lines = timeline.entries([row("site.visited", 0), row("order.placed", 1), row("site.visited", 2)])
    assert [line.type for line in lines] == ["site.visited", "order.placed", "site.visited"]


def test_orders_and_tickets_each_keep_their_line() -> None:
    rows = [row(kind, hour) for kind in ("order.placed", "ticket.opened", "trigger.fired") for hour in (1, 2)]
    assert len(timeline.entries(rows)) == 6


def test_every_type_has_a_picture() -> None:
    families = {kind.partition(".")[0] for kind in CUSTOMER_EVENT_TYPES} | {"trigger"}
    assert families <= timeline.ICONS.keys()


def test_a_change_of_band_stands_between_the_events_around_it() -> None:
    points: Any = [
        {"at": T0 - hour * HOUR, "score": score, "band": band}
        for hour, score, band in (
            (0, 39.0, "red"),
            (1, 41.0, "yellow"),
            (2, 44.0, "yellow"),
            (9, 66.0, "green"),
        )
    ]
    found = timeline.turns(points, T0 - 5 * HOUR, None)
    assert [entry.summary for entry in found] == [
        "Turned red: score 41.0 to 39.0",
        "Turned yellow: score 66.0 to 44.0",
    ]
    lines = timeline.entries([row("order.placed", 0.5), row("order.placed", 3)], found)
    assert [line.type for line in lines] == ["band.changed", "order.placed", "band.changed", "order.placed"]
    assert timeline.turns(points, None, T0) == found[1:]
