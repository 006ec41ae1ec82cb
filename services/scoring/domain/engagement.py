"""Visits, clicks, replies and e-mails sent. Opens never get here, machine clicks do nothing (FIELD.md 1)."""

from typing import Any

import numpy as np
from numba import njit

from services.scoring.domain import kinds as k
from services.scoring.domain.buckets import FULL, nibble_add, nibble_advance, nibble_join, popcount, whole
from services.scoring.domain.orders import advance_engaged
from services.scoring.domain.row import DAY, ENGAGED_DAYS, MACHINE


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


@njit(cache=True)
def new_days() -> Any:
    """Room for engaged_upto."""
    return np.zeros(ENGAGED_DAYS + 1, np.int64)


@njit(cache=True)
def engaged_upto(row: Any, upto: Any) -> None:
    """Running sums (ENGAGED_DAYS + 1,) of the interactions of the days that are held, the oldest first:
    visits, clicks, replies and orders placed by a person. One pass, and every window is a difference.
    """
    upto[0] = total = 0
    oldest = (whole(row.engaged_day) + 1) % ENGAGED_DAYS
    for i in range(ENGAGED_DAYS):
        at = (oldest + i) & (ENGAGED_DAYS - 1)  # a power of two
        pair = at >> 1
        if row.visits[at] | row.clicks[pair] | row.acts[pair]:  # most days are empty
            shift = 4 * (at & 1)
            total += popcount(whole(row.visits[at]))
            total += whole(row.clicks[pair]) >> shift & FULL
            total += whole(row.acts[pair]) >> shift & FULL
        upto[i + 1] = total


@njit(cache=True)
def engaged_between(row: Any, upto: Any, first: int, last: int) -> int:
    """Interactions of the days first..last, as far as they are held."""
    before = whole(row.engaged_day) - ENGAGED_DAYS  # the day before the oldest
    start = min(max(first - 1 - before, 0), ENGAGED_DAYS)
    end = min(max(last - before, 0), ENGAGED_DAYS)
    return whole(upto[max(end, start)]) - whole(upto[start])
