"""How fast the play runs: business time against wall time."""

from dataclasses import replace
from datetime import timedelta

from libs.runtime.clock import ClockPlan
from sandbox.domain.log import LIVE_END, LIVE_START

LIVE: timedelta = LIVE_END - LIVE_START
YEAR_S = 60.0  # wall seconds for a year unless a duration is asked for
DRAIN_S = 6.0  # wall seconds kept for the last records to be processed and the ledger to be counted
SHORTEST_S = 8.0
LEAST_SHARE = 0.35  # of the duration, for the live part, however slow the history was
NOTICE_S = 1.0  # every process must have read the plan before time starts


def live_seconds(duration: float | None, spent: float) -> float:
    """Wall seconds for the live part, when `spent` seconds of `duration` are gone."""
    if duration is None:
        return YEAR_S * LIVE / timedelta(days=365)
    return max(duration - spent - DRAIN_S, duration * LEAST_SHARE, SHORTEST_S)


def standing() -> ClockPlan:
    """Time stands on the first live day while history goes in."""
    return ClockPlan(start=LIVE_START, wall_start=None, scale=1.0, end=None)


def running(wall: float, seconds: float) -> ClockPlan:
    """The live part in that many wall seconds, beginning shortly after `wall`."""
    return ClockPlan(
        start=LIVE_START, wall_start=wall + NOTICE_S, scale=LIVE.total_seconds() / seconds, end=LIVE_END
    )


def stopped(plan: ClockPlan, wall: float) -> ClockPlan:
    """The same until every process has read it; from then a second is a second: the shop all but stands."""
    return replace(plan, end=plan.at(wall + NOTICE_S))


def resumed(plan: ClockPlan, wall: float) -> ClockPlan:
    """A stopped plan at its old speed again, from where it will be by then to the end of the log."""
    begin = wall + NOTICE_S
    return replace(plan, start=plan.at(begin), wall_start=begin, end=LIVE_END)
