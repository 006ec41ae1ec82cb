"""Lead time: how early an alarm came, held against "N days silent" at the same number of alarms.

A customer counts who bought in the last third of the horizon before the cut-off: they could still be lost.
Their horizon closes `horizon` days after their last purchase; the lead is the time from alarm to then.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

DAYS = (30, 60, 90)
NEVER = np.iinfo(np.int64).max


class Lead(NamedTuple):
    """Of one kind of alarm."""

    alarms: int  # customers it was raised for, before their next purchase
    precision: float | None  # share of them who were lost
    at: dict[int, float | None]  # share of the lost who had it so many days before their horizon closed


class Lives(NamedTuple):
    """Customers who could still be lost at the cut-off, all (n,)."""

    last: Days  # day of the last purchase by the cut-off
    next: Days  # day of the next one; NEVER
    lost: Flags


def lead(alarms: Days, lives: Lives, horizon: int) -> Lead:
    """`alarms`: the day of each customer's first alarm after the cut-off; NEVER."""
    raised = (alarms != NEVER) & (alarms < lives.next)
    before = lives.last + horizon - np.where(raised, alarms, 0)
    lost = int(lives.lost.sum())
    early = {
        days: float((raised & lives.lost & (before >= days)).sum() / lost) if lost else None for days in DAYS
    }
    total = int(raised.sum())
    return Lead(total, float((raised & lives.lost).sum() / total) if total else None, early)


def silent_days(lives: Lives, looks: Days, alarms: int) -> tuple[int, Days]:
    """The N whose "N days silent" is raised for as many customers, and the days it is raised.

    `looks`: the days on which anybody looks. The nearest N from below the number of alarms is taken.
    """
    fewest, most = 1, int(looks[-1] - lives.last.min()) + 1 if len(lives.last) else 1
    while fewest < most:
        middle = (fewest + most) // 2
        days = _silent(lives, looks, middle)
        if int(((days != NEVER) & (days < lives.next)).sum()) > alarms:
            fewest = middle + 1
        else:
            most = middle
    return fewest, _silent(lives, looks, fewest)


def _silent(lives: Lives, looks: Days, days: int) -> Days:
    """The first look at which somebody has been silent for so many days."""
    place = np.searchsorted(looks, lives.last + days)
    return np.where(place < len(looks), looks[np.minimum(place, len(looks) - 1)], NEVER)
