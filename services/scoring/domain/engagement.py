"""Visits, clicks, replies and e-mails sent. Opens never get here, machine clicks do nothing (FIELD.md 1)."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from services.scoring.domain import kinds as k
from services.scoring.domain.buckets import nibble_add, nibble_advance, nibble_join, popcount, whole
from services.scoring.domain.inlined import inlined
from services.scoring.domain.orders import advance_engaged
from services.scoring.domain.row import DAY, ENGAGED_DAYS, MACHINE

_LOW, _HALF = np.uint8(15), np.uint8(4)  # two days share a byte


@njit(cache=True)
def _visit(row: Any, at: int, session: int) -> None:
    """All pages of one session on one day are one visit: they set the same bit of the day.

    Two sessions of a day fall on one bit once in eight times and then count as one.
    """
    day = at // DAY
    advance_engaged(row, day)
    if day > row.engaged_day - ENGAGED_DAYS:
        row.visits[day % ENGAGED_DAYS] |= 1 << (session % 8)
    row.last_visit = max(row.last_visit, at)


@njit(cache=True)
def _touch(row: Any, ring: Any, at: int) -> None:
    """A click or a reply."""
    day = at // DAY
    advance_engaged(row, day)
    nibble_add(ring, row.engaged_day, day, 1)
    row.last_click = max(row.last_click, at)


@njit(cache=True)
def apply_engagement(row: Any, ev: Any, feeds: Any) -> None:
    """One event of the site, e-mail and SMS families; `feeds` is the tenant's row."""
    if ev.kind == k.SITE:
        feeds.site_last = max(feeds.site_last, ev.at)
        if ev.flags & MACHINE == 0:
            _visit(row, ev.at, ev.key)
        return
    if ev.kind == k.CLICKED and ev.flags & MACHINE == 0:
        _touch(row, row.clicks, ev.at)
    elif ev.kind == k.REPLIED:
        _touch(row, row.acts, ev.at)
    elif ev.kind == k.EMAIL_SENT:
        day = ev.at // DAY
        row.sends_day = nibble_advance(row.sends, row.sends_day, day)
        nibble_add(row.sends, row.sends_day, day, 1)
    elif ev.kind == k.UNSUBSCRIBED:
        row.unsubscribed = max(row.unsubscribed, ev.at)
    elif ev.kind == k.SUBSCRIBED:
        row.resubscribed = max(row.resubscribed, ev.at)


@njit(cache=True)
def join_engagement(row: Any, other: Any) -> None:
    """Add another customer's engagement. A session that both had on a day is one visit."""
    newest = max(whole(row.engaged_day), whole(other.engaged_day))
    advance_engaged(row, newest)
    for day in range(newest - ENGAGED_DAYS + 1, whole(other.engaged_day) + 1):
        row.visits[day % ENGAGED_DAYS] |= other.visits[day % ENGAGED_DAYS]
    nibble_join(row.clicks, newest, other.clicks, whole(other.engaged_day))
    nibble_join(row.acts, newest, other.acts, whole(other.engaged_day))
    row.sends_day = nibble_advance(row.sends, whole(row.sends_day), whole(other.sends_day))
    nibble_join(row.sends, whole(row.sends_day), other.sends, whole(other.sends_day))
    row.last_visit = max(row.last_visit, other.last_visit)
    row.last_click = max(row.last_click, other.last_click)
    row.unsubscribed = max(row.unsubscribed, other.unsubscribed)
    row.resubscribed = max(row.resubscribed, other.resubscribed)


class Days(NamedTuple):
    """The interactions of the days that a row holds: visits, clicks, replies, orders placed by a person."""

    counts: npt.NDArray[np.uint8]  # (ENGAGED_DAYS,), in the order of the ring
    upto: npt.NDArray[np.int32]  # (ENGAGED_DAYS + 1,) running sums, the oldest day first


@njit(cache=True)
def new_days() -> Days:
    """Room for count_days."""
    return Days(np.zeros(ENGAGED_DAYS, np.uint8), np.zeros(ENGAGED_DAYS + 1, np.int32))


@inlined
def count_days(row: Any, days: Days) -> None:
    """Fill `days`: every window is then one difference. Single bytes, so that a register holds 32 days."""
    counts, upto = days
    visits, clicks, acts = row.visits, row.clicks, row.acts
    for at in range(ENGAGED_DAYS):
        counts[at] = popcount(visits[at])
    for pair in range(ENGAGED_DAYS // 2):
        counts[2 * pair] += (clicks[pair] & _LOW) + (acts[pair] & _LOW)
        counts[2 * pair + 1] += (clicks[pair] >> _HALF) + (acts[pair] >> _HALF)
    oldest = (whole(row.engaged_day) + 1) % ENGAGED_DAYS
    total = 0
    for i in range(ENGAGED_DAYS - oldest):
        total += counts[oldest + i]
        upto[i + 1] = total
    for i in range(oldest):
        total += counts[i]
        upto[ENGAGED_DAYS - oldest + i + 1] = total


@inlined
def engaged_between(row: Any, days: Days, first: int, last: int) -> int:
    """Interactions of the days first..last, as far as they are held."""
    before = whole(row.engaged_day) - ENGAGED_DAYS  # the day before the oldest
    start = min(max(first - 1 - before, 0), ENGAGED_DAYS)
    end = min(max(last - before, 0), ENGAGED_DAYS)
    return whole(days.upto[max(end, start)]) - whole(days.upto[start])
