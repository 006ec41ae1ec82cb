"""Silences of customers between two purchases, read from the frames, and what a firing in one was worth.

Days are ends of days, counted from the first frame (day 0). A silence `begins` with the first one that has
its purchase and is N days long at `since` + N; `until` is the last one before the next purchase, NEVER if
none is known. (Of a purchase on the stroke of midnight `since` is the day before `begins`.)
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from services.triggers.offline.frames import Frame

Ints = npt.NDArray[np.int64]

NEVER = 1 << 40
_DAY_US = 86_400_000_000  # microseconds
_NONE = int(np.iinfo(np.int64).min)  # no purchase: the number behind a NaT


class Silences(NamedTuple):
    """All of them, those of one customer in a row, in the order of time."""

    slots: Ints
    begins: Ints
    since: Ints
    until: Ints

    def of(self, slots: Ints, days: Ints) -> Ints:
        """The place of the silence in which a customer was on a day; -1 where they had not bought yet."""
        at = np.searchsorted(_key(self.slots, self.begins), _key(slots, days), side="right") - 1
        mine = (at >= 0) & (self.slots[np.maximum(at, 0)] == slots) if len(self.slots) else at >= 0
        return np.where(mine, at, -1)

    def next_purchase(self, slots: Ints, days: Ints) -> Ints:
        """The last end of a day before the next purchase after it; NEVER."""
        if not len(self.slots):
            return np.full(len(slots), NEVER)
        at = self.of(slots, days)
        after = np.searchsorted(self.slots, slots)  # who had not bought yet: the first purchase ends it
        first = np.minimum(after, len(self.slots) - 1)
        bought = (after < len(self.slots)) & (self.slots[first] == slots)
        return np.where(at >= 0, self.until[at], np.where(bought, self.begins[first] - 1, NEVER))


def _key(slots: Ints, days: Ints) -> Ints:
    """One order over both; a day before the first frame may be a hundred years ago."""
    keys: Ints = slots * (1 << 24) + days + (1 << 20)
    return keys


class Purchases:
    """The last purchases of everybody, as each day's frame has them."""

    def __init__(self) -> None:
        self._last = np.zeros(0, np.int64)
        self._of: dict[int, list[int]] = {}
        self._first: datetime | None = None

    def see(self, frame: Frame) -> None:
        """What has been taken back since goes: the last version of a purchase counts."""
        self._first = self._first or frame.now
        times = frame.columns["last_order_at"].to_physical().fill_null(_NONE).to_numpy()
        size = int(frame.slots.max(initial=-1)) + 1
        if size > len(self._last):
            self._last = np.concatenate([self._last, np.full(size - len(self._last), _NONE)])
        changed = times != self._last[frame.slots]
        for slot, at in zip(frame.slots[changed].tolist(), times[changed].tolist(), strict=True):
            known = self._of.setdefault(slot, [])
            while known and known[-1] >= at:
                known.pop()
            if at != _NONE:
                known.append(at)
        self._last[frame.slots] = times

    def silences(self) -> Silences:
        slots = [slot for slot in sorted(self._of) for _ in self._of[slot]]
        times = np.array([at for slot in sorted(self._of) for at in self._of[slot]], np.int64)
        return _silences(np.array(slots, np.int64), times, self._first)


def _silences(slots: Ints, times: Ints, first: datetime | None) -> Silences:
    start = 0 if first is None else int(first.timestamp()) * 1_000_000
    begins, since = (times - start) // _DAY_US + 1, -((start - times) // _DAY_US)
    until = np.full(len(slots), NEVER)
    same = slots[1:] == slots[:-1]
    until[:-1][same] = begins[1:][same] - 1
    return Silences(slots, begins, since, until)


class Alarms(NamedTuple):
    """Who was called, and on which day. A firing of a rule, or somebody having been silent for N days."""

    slots: Ints
    days: Ints


class Outcome(NamedTuple):
    """What became of those who were called. Shares are None where there is nothing to divide by."""

    judged: int  # alarms whose horizon closed within the frames
    left: int  # of them: no purchase in the horizon
    departures: int  # silences that became as long as the horizon within the frames, begun within them
    caught: int  # of them: called before that
    lead_days: float | None  # median days from the first call to the departure

    @property
    def precision(self) -> float | None:
        return self.left / self.judged if self.judged else None

    @property
    def recall(self) -> float | None:
        return self.caught / self.departures if self.departures else None


class Judge:
    """Holds alarms against what the frames say happened later."""

    def __init__(self, silences: Silences, last: int, horizon: int, first: int = 0) -> None:
        """`last`: the last day known of. What counts are alarms and departures from day `first` on."""
        self._silences, self._last, self._horizon, self._first = silences, last, horizon, first
        closes = silences.since + horizon
        within = (silences.begins >= 0) & (closes <= last) & (closes >= first)
        self._departed = within & (silences.until >= closes)
        self._closes = closes

    def outcome(self, alarms: Alarms) -> Outcome:
        judged = (alarms.days >= self._first) & (alarms.days + self._horizon <= self._last)
        until = self._silences.next_purchase(alarms.slots, alarms.days)
        left = judged & (until >= alarms.days + self._horizon)
        places, days = self.caught(alarms)
        return Outcome(
            judged=int(judged.sum()),
            left=int(left.sum()),
            departures=int(self._departed.sum()),
            caught=len(places),
            lead_days=_median(self._closes[places] - days),
        )

    def caught(self, alarms: Alarms) -> tuple[Ints, Ints]:
        """Departures that were called in time, by place, and the day of the first call."""
        places = self._silences.of(alarms.slots, alarms.days)
        inside = places >= 0
        places, days = places[inside], alarms.days[inside]
        timely = self._departed[places] & (days <= self._closes[places])
        order = np.lexsort((days[timely], places[timely]))
        found, first = np.unique(places[timely][order], return_index=True)
        return found, days[timely][order][first]

    def silent_for(self, whom: Ints, most: int) -> tuple[int, Alarms]:
        """The smallest N for which "N days silent" calls those customers at most so many times."""
        mine = np.isin(self._silences.slots, whom)
        slots, _, since, until = (column[mine] for column in self._silences)
        fewest = np.maximum(1, 1 - since)  # no call on the first day or before: nobody was listening
        longest = np.minimum(until, self._last) - since
        counts = _covered(fewest, longest)
        days = int(np.argmax(counts <= most)) + 1
        called = (fewest <= days) & (days <= longest)
        return days, Alarms(slots[called], since[called] + days)

    def earlier_days(self, alarms: Alarms, silent: int) -> float | None:
        """Median days by which departures were called before `silent` days of silence would have."""
        places, days = self.caught(alarms)
        return _median(self._silences.since[places] + silent - days)


def _covered(low: Ints, high: Ints) -> Ints:
    """How many spans low..high hold each of 1, 2, 3 ...; the last number is in none."""
    some = low <= high
    size = int(high[some].max(initial=0)) + 2
    steps = np.bincount(low[some], minlength=size) - np.bincount(high[some] + 1, minlength=size)
    counts: Ints = np.cumsum(steps)[1:]
    return counts


def _median(days: Ints | Sequence[int]) -> float | None:
    return float(np.median(days)) if len(days) else None
