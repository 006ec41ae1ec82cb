"""The pace: the live part takes what the duration leaves, and ends exactly at the log's end."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.log import LIVE_END, LIVE_START
from sandbox.domain.pace import (
    DRAIN_S,
    NOTICE_S,
    SHORTEST_S,
    live_seconds,
    resumed,
    running,
    standing,
    stopped,
)


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


@given(st.floats(1000, 1030), st.floats(0, 300), st.floats(-NOTICE_S, NOTICE_S))
def test_stopping_and_going_on_never_turns_time_back(stop: float, pause: float, offset: float) -> None:
    """Whichever of two plans a process has read around the change."""
    plan = running(1000.0, 45.0)
    still = stopped(plan, stop)
    going = resumed(still, stop + NOTICE_S + pause)
    for before, after, change in ((plan, still, stop), (still, going, stop + NOTICE_S + pause)):
        moments = sorted((change, change + NOTICE_S + offset))
        assert before.at(moments[0]) <= after.at(moments[1])
    begin = stop + 2 * NOTICE_S + pause
    assert going.at(begin) - plan.at(stop + NOTICE_S) < timedelta(seconds=302)
    assert going.at(begin + 1) - going.at(begin) >= min(timedelta(days=6), LIVE_END - going.at(begin))
