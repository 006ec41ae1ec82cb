"""When a sweep is due, up to what moment it may look, and how large its slices are. Pure."""

from datetime import datetime, timedelta

# A slice should hold the event loop for this long; the limit is 50 ms.
_TARGET_S = 0.02
_SMALLEST, _LARGEST = 64, 1 << 20  # rows


def sweep_now(now: datetime, watermark: datetime | None, *, caught_up: bool) -> datetime | None:
    """Silence is not real while we are not listening: behind, time stands at the last event taken in.

    None when behind with nothing taken in yet: there is no time to sweep at.
    """
    if caught_up:
        return now
    return None if watermark is None else min(now, watermark)


class SweepTimer:
    """One partition's rhythm: every ``business`` of business time, at least ``wall`` seconds apart."""

    def __init__(self, business: timedelta, wall: float) -> None:
        self._business, self._wall = business, wall
        self._last_now: datetime | None = None
        self._last_wall = float("-inf")

    def due(self, now: datetime, wall: float) -> bool:
        if wall - self._last_wall < self._wall:
            return False
        return self._last_now is None or now - self._last_now >= self._business

    def swept(self, now: datetime, wall: float) -> None:
        self._last_now, self._last_wall = now, wall


class SliceSize:
    """Rows a slice, from how long the last one took."""

    def __init__(self, rows: int = 4_096) -> None:
        self.rows = rows

    def took(self, rows: int, seconds: float) -> None:
        if rows == 0:
            return
        wanted = int(rows * _TARGET_S / max(seconds, 1e-6))
        # At most four times as many at once: one cheap slice says little about the next.
        self.rows = max(_SMALLEST, min(_LARGEST, wanted, self.rows * 4))
