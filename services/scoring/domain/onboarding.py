"""Milestones: which were planned for when, which were reached, and the two that say what it was worth.

A milestone is found by 16 bits of its name. Of more than a row follows the smaller names stay, whatever came
first: so the facts do not depend on the order of arrival.
"""

from typing import Any

from numba import njit

from services.scoring.domain import kinds as k
from services.scoring.domain.buckets import earlier, whole
from services.scoring.domain.row import DAY, MILESTONES_KEPT

# ROW.milestone_told of one that was reached: after every day on which a plan can be told, so it is final
REACHED = 65_535


@njit(cache=True)
def _place(row: Any, key: int) -> int:
    """Where a milestone stands, places made in the order of names; -1 if it is not followed."""
    for i in range(MILESTONES_KEPT):
        held = whole(row.milestone_key[i])
        if held == key:
            return i
        if held == 0 or held > key:
            for j in range(MILESTONES_KEPT - 1, i, -1):
                row.milestone_key[j] = row.milestone_key[j - 1]
                row.milestone_told[j] = row.milestone_told[j - 1]
                row.milestone_due[j] = row.milestone_due[j - 1]
            row.milestone_key[i], row.milestone_told[i], row.milestone_due[i] = key, 0, 0
            return i
    return -1


@njit(cache=True)
def _tell(row: Any, key: int, told: int, due: int) -> None:
    """The plan told last; of two told on one day, the earlier due date."""
    i = _place(row, key)
    if i < 0:
        return
    held, held_due = whole(row.milestone_told[i]), whole(row.milestone_due[i])
    if told > held or (told == held and due < held_due):
        row.milestone_told[i], row.milestone_due[i] = told, due


@njit(cache=True)
def apply_onboarding(row: Any, ev: Any) -> None:
    """EVENT.key: the milestone; moment: its due date."""
    key = max(whole(ev.key) & 0xFFFF, 1)  # 0 stands for a free place
    if ev.kind == k.MILESTONE_PLANNED:
        # to the end of its day: nobody is told of a delay before there is one
        _tell(row, key, whole(ev.at) // DAY, (whole(ev.moment) + DAY - 1) // DAY)
        return
    _tell(row, key, REACHED, 0)
    if ev.kind == k.FIRST_VALUE:
        row.first_value = earlier(row.first_value, ev.at)
    elif ev.kind == k.VALUE_PROVEN:
        row.value_proven = max(row.value_proven, ev.at)


@njit(cache=True)
def join_onboarding(row: Any, other: Any) -> None:
    """Add another customer's milestones; one that both were told of is one."""
    for i in range(MILESTONES_KEPT):
        if other.milestone_key[i]:
            told, due = whole(other.milestone_told[i]), whole(other.milestone_due[i])
            _tell(row, whole(other.milestone_key[i]), told, due)
    row.first_value = earlier(row.first_value, other.first_value)
    row.value_proven = max(row.value_proven, other.value_proven)


@njit(cache=True)
def milestones(row: Any) -> Any:
    """How many were reached, and the earliest day by which another is due (0 = none)."""
    reached, due = 0, 0
    for i in range(MILESTONES_KEPT):
        if row.milestone_told[i] == REACHED:
            reached += 1
        else:
            due = earlier(due, whole(row.milestone_due[i]))
    return reached, due
