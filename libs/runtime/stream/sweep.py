"""When a sweep is due, up to what moment it may look, and how large its slices are. Pure."""

from datetime import datetime, timedelta

# A slice should hold the event loop for this long; the limit is 50 ms.
_TARGET_S = 0.02
# Rows. A quiet slice says nothing of the next, in which every row may speak: then 2,048 take about 30 ms of
# scoring (benchmarks/bench_scoring), while larger quiet ones would save nothing worth having.
_SMALLEST, LARGEST = 64, 2_048


def sweep_now(now: datetime, watermark: datetime | None, *, caught_up: bool) -> datetime | None:
    """Silence is not real while we are not listening: behind, or while events wait before us, time stands at
    the last event taken in.

    None when behind with nothing taken in yet: there is no time to sweep at.
    """
    if caught_up:
        return now
    return None if watermark is None else min(now, watermark)


class SweepTimer:
    """One partition's rhythm: every ``business`` of business time, at least ``wall`` seconds apart.

    While behind it is ``behind`` seconds of wall time instead, because business time rushes by; and one
    sweep comes at once when a backlog has been taken in, for what was left to it.
    """

    def __init__(self, business: timedelta, wall: float, behind: float) -> None:
        self._business, self._wall, self._behind = business, wall, behind
        self._last_now: datetime | None = None
        self._last_wall = float("-inf")
        self._was_behind = False

    def due(self, now: datetime, wall: float, *, behind: bool) -> bool:
        self._was_behind |= behind
        waited = wall - self._last_wall
        if behind:
            return waited >= self._behind
        if self._was_behind:
            return True
        if waited < self._wall:
            return False
        return self._last_now is None or now - self._last_now >= self._business

    def swept(self, now: datetime, wall: float, *, behind: bool) -> None:
        self._last_now, self._last_wall, self._was_behind = now, wall, behind


class SliceSize:
    """Rows a slice, from how long the last one took."""

    def __init__(self, rows: int = 512) -> None:
        self.rows = rows

    def took(self, rows: int, seconds: float) -> None:
        if rows == 0:
            return
        wanted = int(rows * _TARGET_S / max(seconds, 1e-6))
        # At most four times as many at once: one cheap slice says little about the next.
        self.rows = max(_SMALLEST, min(LARGEST, wanted, self.rows * 4))
