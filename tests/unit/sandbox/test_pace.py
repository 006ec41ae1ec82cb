"""The pace: the live part takes what the duration leaves, and ends exactly at the log's end."""

import pytest

from sandbox.domain.log import LIVE_END, LIVE_START
from sandbox.domain.pace import DRAIN_S, NOTICE_S, SHORTEST_S, live_seconds, running, standing


def test_without_a_duration_a_year_takes_a_minute() -> None:
    assert live_seconds(None, 500.0) == pytest.approx(60 * 273 / 365)


def test_the_live_part_takes_what_history_and_drain_leave() -> None:
    assert live_seconds(90, 30) == 90 - 30 - DRAIN_S


def test_a_slow_history_does_not_squeeze_the_live_part_to_nothing() -> None:
    assert live_seconds(90, 200) == pytest.approx(90 * 0.35)
    assert live_seconds(5, 200) == SHORTEST_S


def test_time_stands_during_history_and_then_runs_to_the_end() -> None:
    assert standing().at(1e12) == LIVE_START
    plan = running(1000.0, 45.0)
    assert plan.at(1000.0 + NOTICE_S) == LIVE_START
    assert plan.at(1000.0 + NOTICE_S + 45.0) == LIVE_END
    assert not plan.running(1000.0 + NOTICE_S + 46.0)
