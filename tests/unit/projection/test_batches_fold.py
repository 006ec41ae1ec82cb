"""Records folded into a batch: what is kept, what is merged, what is refused."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest

from libs.events.errors import DecodeError
from services.outreach.projection import ChangeLatency
from services.outreach.projection.records import (
    Batch,
    Head,
    add_event,
    add_snapshot,
    add_tombstone,
    points_of,
    read_head,
)

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def head(data: dict[str, object], kind: str = "site.visited", minutes: float = 0, **more: object) -> Head:
    at = (T0 + timedelta(minutes=minutes)).isoformat()
    envelope = {
        "id": f"e{minutes}",
        "type": kind,
        "subject": "c1",
        "tenant": "demo",
        "time": at,
        "receivedat": at,
    }
    return read_head(msgspec.json.encode({**envelope, "data": data, **more}))


def health(batch: Batch, score: float, band: str, minutes: float) -> None:
    data = {"score": score, "band": band, "confidence": 0.5, "stage": "mid", "cause": "silence"}
    add_snapshot(batch, head(data, "health.snapshot", minutes))


def test_many_snapshots_of_a_customer_become_the_latest_and_the_bends() -> None:
    batch = Batch()
    for minute, score in enumerate((80.0, 80.1, 80.2, 79.0, 78.9, 78.8)):
        health(batch, score, "green", minute)
    moments = batch.health["demo", "c1"]
    assert moments[-1].score == 78.8
    assert [moment.score for moment in points_of(moments)] == [80.0, 79.0]


def test_a_point_keeps_the_points_of_each_signal_and_not_its_words() -> None:
    batch = Batch()
    part = {"signal": "survey", "value": 9.0, "weight": 0.1, "evidence": 1.0, "points": -2.5, "text": "NPS 1"}
    data = {"score": 50.0, "band": "red", "confidence": 0.5, "stage": "mid", "contributions": [part]}
    add_snapshot(batch, head(data, "health.snapshot"))
    (moment,) = batch.health["demo", "c1"]
    assert msgspec.json.decode(moment.signal_points()) == {"survey": -2.5}


def test_a_slow_slide_bends_too() -> None:
    batch = Batch()
    for minute in range(100):
        health(batch, 80.0 - minute * 0.1, "green", minute)
    kept = [moment.score for moment in points_of(batch.health["demo", "c1"])]
    assert len(kept) >= 15
    assert all(0.49 <= before - after <= 0.71 for before, after in pairwise(kept))


def test_a_band_that_changes_and_changes_back_leaves_both_points() -> None:
    batch = Batch()
    for minute, band in enumerate(("green", "yellow", "green")):
        health(batch, 64.9, band, minute)
    assert [moment.band for moment in points_of(batch.health["demo", "c1"])] == ["green", "yellow", "green"]


def test_a_tombstone_and_a_later_snapshot_leave_the_snapshot() -> None:
    batch = Batch()
    health(batch, 50.0, "yellow", 1)
    add_tombstone(batch, b"demo/c1")
    assert not batch.health
    health(batch, 60.0, "yellow", 2)
    assert not batch.gone
    assert batch.health["demo", "c1"][-1].score == 60.0


def test_a_trigger_keeps_its_reason_and_not_its_facts() -> None:
    batch = Batch()
    data = {
        "trigger_id": "t1",
        "rule": "r",
        "title": "Down",
        "reason": "3 of 14",
        "facts": {"orders_total": 4},
    }
    add_event(batch, head(data, "trigger.fired", simulated=True))
    assert batch.timeline.summary == ["Down: 3 of 14"]
    assert "facts" not in batch.timeline.data[0]
    assert msgspec.json.decode(batch.timeline.data[0])["simulated"] is True


@pytest.mark.parametrize(
    ("data", "kept"), [({}, {"simulated": True}), ({"pages": 2}, {"simulated": True, "pages": 2})]
)
def test_simulated_is_marked_in_the_data(data: dict[str, object], kept: dict[str, object]) -> None:
    batch = Batch()
    add_event(batch, head(data, simulated=True))
    assert msgspec.json.decode(batch.timeline.data[0]) == kept


def test_only_months_near_their_arrival_are_asked_for() -> None:
    batch = Batch()
    add_event(batch, head({}))
    add_event(batch, head({}, time="1831-05-01T00:00:00Z"))
    add_event(batch, head({}, time="2031-05-01T00:00:00Z"))
    add_event(batch, head({}, time="2024-06-15T00:00:00Z"))
    assert batch.months == {date(2026, 3, 1), date(2024, 6, 1)}
    assert len(batch.timeline) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": "x" * 161},
        {"subject": ""},
        {"time": "2026-03-01T00:00:00"},
        {"time": "x"},
        {"tenant": 5},
    ],
)
def test_an_envelope_outside_the_contract_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(DecodeError):
        head({}, **change)


@pytest.mark.parametrize("data", [[], "text", 5, None])
def test_data_that_is_no_object_is_refused(data: object) -> None:
    with pytest.raises(DecodeError):
        add_event(Batch(), head(data))  # type: ignore[arg-type]  # the fault under test


def test_latency_pairs_an_event_with_the_change_it_caused() -> None:
    latency = ChangeLatency()
    assert latency.p50() is None
    for number in range(101):
        latency.saw_event(f"e{number}", 1_000)
        latency.saw_change(f"e{number}", 1_000 + number)
    latency.saw_change("silence", 99_999)
    latency.saw_change("e1", 99_999)
    assert latency.p50() == pytest.approx(0.050)
    assert latency.p99() == pytest.approx(0.099)
