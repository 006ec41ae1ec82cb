"""Visits, clicks, replies and e-mails sent. Opens never get here, machine clicks do nothing (FIELD.md 1)."""

from typing import Any

from numba import njit

from services.scoring.domain import kinds as k
from services.scoring.domain.buckets import (
    nibble_add,
    nibble_advance,
    nibble_get,
    nibble_join,
    popcount,
    whole,
)
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
def engaged_on(row: Any, day: int) -> int:
    """Interactions of one day: visits, clicks, replies and orders placed by a person."""
    if day > row.engaged_day or day <= row.engaged_day - ENGAGED_DAYS:
        return 0
    visits = popcount(whole(row.visits[day % ENGAGED_DAYS]))
    return visits + nibble_get(row.clicks, day) + nibble_get(row.acts, day)


@njit(cache=True)
def engaged_between(row: Any, first: int, last: int) -> int:
    """Interactions of the days first..last."""
    total = 0
    for day in range(max(first, row.engaged_day - ENGAGED_DAYS + 1), min(last, row.engaged_day) + 1):
        total += engaged_on(row, day)
    return total
