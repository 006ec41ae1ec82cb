"""Two clocks. Business time decides (health, rules, timers); wall time guards (signatures, liveness).

Only this file reads the machine's clock.
"""

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

_REREAD_S = 0.25  # wall seconds between looks at the clock file; its writer announces a start 1 s ahead


class Clock(Protocol):
    """Business time and wall time, passed in wherever a decision needs a now."""

    def now(self) -> datetime:
        """Business time, aware UTC."""
        ...

    def wall(self) -> float:
        """Wall time in seconds since 1970."""
        ...

    def wall_seconds(self, business: timedelta) -> float:
        """How many wall seconds that much business time takes."""
        ...


class SystemClock:
    """Production: business time is wall time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wall(self) -> float:
        return time.time()

    def wall_seconds(self, business: timedelta) -> float:
        return business.total_seconds()


class FakeClock:
    """Tests: time stands until moved."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._wall = now.timestamp()

    def now(self) -> datetime:
        return self._now

    def wall(self) -> float:
        return self._wall

    def wall_seconds(self, business: timedelta) -> float:
        return business.total_seconds()

    def advance(self, step: timedelta) -> None:
        self._now += step
        self._wall += step.total_seconds()


@dataclass(frozen=True, slots=True)
class ClockPlan:
    """A simulated year: stands at `start` until `wall_start`, then runs `scale` times as fast until `end`.

    After `end` it goes on at the speed of the wall. `wall_start` None: it stands until told.
    """

    start: datetime
    wall_start: float | None
    scale: float
    end: datetime | None = None

    def at(self, wall: float) -> datetime:
        if self.wall_start is None or wall <= self.wall_start:
            return self.start
        scaled = self.start + timedelta(seconds=(wall - self.wall_start) * self.scale)
        if self.end is None or scaled <= self.end:
            return scaled
        wall_end = self.wall_start + (self.end - self.start).total_seconds() / self.scale
        return self.end + timedelta(seconds=wall - wall_end)

    def running(self, wall: float) -> bool:
        """Whether time is scaled at this moment."""
        if self.wall_start is None or wall <= self.wall_start:
            return False
        return self.end is None or self.at(wall) <= self.end

    def write(self, path: Path) -> None:
        """Atomically, so that no reader sees half a plan."""
        body = {
            "business_epoch": self.start.isoformat(),
            "wall_epoch": self.wall_start,
            "scale": self.scale,
            "business_end": self.end.isoformat() if self.end else None,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(body))
        temporary.replace(path)

    @classmethod
    def read(cls, path: Path) -> "ClockPlan":
        body = json.loads(path.read_text())
        end = body["business_end"]
        return cls(
            start=datetime.fromisoformat(body["business_epoch"]),
            wall_start=body["wall_epoch"],
            scale=float(body["scale"]),
            end=datetime.fromisoformat(end) if end else None,
        )


class ScaledClock:
    """Demos: follows a plan in a file that one process writes and all read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._plan: ClockPlan | None = None
        self._stamp = 0
        self._look_at = 0.0

    def now(self) -> datetime:
        plan, wall = self._current(), self.wall()
        return plan.at(wall) if plan else datetime.fromtimestamp(wall, UTC)

    def wall(self) -> float:
        return time.time()

    def wall_seconds(self, business: timedelta) -> float:
        plan = self._current()
        scale = plan.scale if plan and plan.running(self.wall()) else 1.0
        return business.total_seconds() / scale

    def _current(self) -> ClockPlan | None:
        wall = self.wall()
        if wall >= self._look_at:
            self._look_at = wall + _REREAD_S
            self._reload()
        return self._plan

    def _reload(self) -> None:
        try:
            stamp = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            self._plan, self._stamp = None, 0
            return
        if stamp != self._stamp:
            self._plan, self._stamp = ClockPlan.read(self._path), stamp


def make_clock(clock_file: Path | None) -> Clock:
    """The clock that settings ask for."""
    return ScaledClock(clock_file) if clock_file else SystemClock()
