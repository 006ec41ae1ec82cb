"""The storm guard: a rule that fires for too many at once is held back until somebody has looked.

A tracking outage looks like silence. So of one rule a partition says a limited number of firings an hour of
business time; the one past it opens a storm, and from there on firings are held until a person decides.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

_TICK_S, _HOUR_S = 300, 3_600  # firings are counted in steps of five minutes: an hour is 12 small numbers
_WINDOW = _HOUR_S // _TICK_S


@dataclass(frozen=True, slots=True)
class Limits:
    """Most firings of one rule in an hour: a share of the customers, and never fewer than `least`."""

    share: float = 0.05
    least: int = 50

    def allowed(self, customers: int, hours: int) -> int:
        """`hours` were not looked at: what ripened in them comes at once and is no storm."""
        return max(self.least, int(self.share * customers)) * hours


class Storm(StrEnum):
    """What becomes of a rule's held firings."""

    NONE = "none"
    HELD = "held"  # all firings are held
    RELEASING = "releasing"  # sweeps fire what is held; what comes true now fires as ever
    DROPPING = "dropping"  # sweeps arm silently what is held


class Release(msgspec.Struct):
    """What was silently armed is fired a few a day; days are UTC and business time, as their ordinals."""

    id: str
    per_day: int
    day: int = 0  # the last one on which customers were looked for
    fired: int = 0  # on that day
    more: bool = True  # that day is not done: asked anew, or cut off

    def due(self, day: int) -> int:
        if day > self.day:
            return self.per_day
        return max(self.per_day - self.fired, 0) if self.more else 0

    def spend(self, day: int, fired: int, *, more: bool) -> None:
        self.fired = fired + (0 if day > self.day else self.fired)
        self.day, self.more = max(day, self.day), more

    def again(self, request: str, per_day: int) -> "Release":
        """Asked anew with another number: what has fired today counts."""
        return self if request == self.id else Release(request, per_day, self.day, self.fired)


class Watch(msgspec.Struct):
    """What a partition knows of one rule's firings; kept in the checkpoint's memo."""

    recent: list[tuple[int, int]] = []  # tick, firings in it: the last hour's
    storm: Storm = Storm.NONE
    held: int = 0  # customers whose firing is held
    release: Release | None = None

    def admits(self, limit: int, tick: int) -> bool:
        """Count a firing in; False when it is to be held."""
        if self.storm is Storm.HELD:
            return False
        recent = [(at, count) for at, count in self.recent if tick - _WINDOW < at]
        if sum(count for _, count in recent) >= limit:
            self.storm, self.recent = Storm.HELD, []
            return False
        last = recent.pop() if recent and recent[-1][0] >= tick else (tick, 0)
        self.recent = [*recent, (last[0], last[1] + 1)]
        return True

    def decide(self, storm: Storm) -> None:
        """Release or drop: over at once when nothing is held."""
        if self.storm is not Storm.NONE:
            if storm is Storm.DROPPING:
                self.release = None  # or it would fire what is dropped
            self.storm = storm if self.held else Storm.NONE

    def let_go(self) -> None:
        """One customer's firing is no longer held."""
        self.held -= 1
        if not self.held and self.storm is not Storm.HELD:
            self.storm = Storm.NONE


class Looks(msgspec.Struct):
    """The last two different hours (since the epoch) in which a partition was looked at."""

    before: int = 0
    last: int = 0

    def look(self, now: datetime) -> bool:
        """Whether this is a new hour. `now` may lag behind an earlier look: that changes nothing."""
        hour = int(now.timestamp()) // _HOUR_S
        if hour <= self.last:
            return False
        self.before, self.last = self.last or hour - 1, hour
        return True

    @property
    def hours(self) -> int:
        return max(self.last - self.before, 1)


def tick_of(now: datetime) -> int:
    return int(now.timestamp()) // _TICK_S
