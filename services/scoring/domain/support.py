"""Tickets, ratings and what people who talked to the customer heard."""

from math import exp
from typing import Any

import numpy as np
from numba import njit

from services.scoring.domain import kinds as k
from services.scoring.domain.buckets import earlier, nibble_add, nibble_advance, nibble_join, whole
from services.scoring.domain.row import DAY, TICKETS_KEPT

# ticket_flags: the last known mood in two bits, then what is known of the ticket
NEGATIVE, NEUTRAL, POSITIVE = 1, 2, 3
MOOD, CLOSED, RATED = 3, 4, 8  # RATED: the mood came from a rating, which follows the solution

# EVENT.code of tickets and notes: a mood, 0 = none. Of tasks: a mood plus one of these.
RESOLVED, NOT_RESOLVED = 4, 8

# How much a piece of evidence weighs in the mood; a whole ticket is 1.
WEIGHT_TICKET, WEIGHT_COMMENT, WEIGHT_PERSON = 1.0, 0.5, 1.0


@njit(cache=True)
def _fade(row: Any, at: int, tau_days: float) -> None:
    """See the decayed sums from a later moment."""
    if at > row.mood_at:
        left = exp((whole(row.mood_at) - whole(at)) / (tau_days * DAY)) if row.mood_at else 0.0
        row.mood_sum *= left
        row.mood_weight *= left
        row.mood_at = at


@njit(cache=True)
def _feel(row: Any, at: int, mood: int, weight: float, tau_days: float) -> None:
    """Add a sentiment to the decayed sums; a late one adds what is left of it: order-free."""
    if mood == 0:
        return
    _fade(row, at, tau_days)
    share = weight * exp((whole(at) - whole(row.mood_at)) / (tau_days * DAY))
    row.mood_sum += (mood - NEUTRAL) * share
    row.mood_weight += share


@njit(cache=True)
def _find(row: Any, key: int) -> int:
    for i in range(TICKETS_KEPT):
        if row.ticket_opened[i] and row.ticket_key[i] == key:
            return i
    return -1


@njit(cache=True)
def _readiness(opened: int, flags: int) -> float:
    """Who makes room first: a free place, then the longest closed, then the oldest."""
    age = 4294967295.0 - opened
    return age + (1e11 if opened == 0 else 1e10 if flags & CLOSED else 0.0)


@njit(cache=True)
def _first_to_go(row: Any) -> int:
    best, best_rank = 0, -1.0
    for i in range(TICKETS_KEPT):
        rank = _readiness(row.ticket_opened[i], row.ticket_flags[i])
        if rank > best_rank:
            best, best_rank = i, rank
    return best


@njit(cache=True)
def _take(row: Any, i: int, key: int) -> None:
    """Begin a ticket in a place, whoever held it."""
    row.ticket_key[i] = key
    row.ticket_opened[i] = row.ticket_status_at[i] = row.ticket_mood_at[i] = 0
    row.ticket_flags[i] = 0


@njit(cache=True)
def _slot(row: Any, key: int) -> int:
    """The ticket's place; a new one takes that of the first to go."""
    i = _find(row, key)
    if i < 0:
        i = _first_to_go(row)
        _take(row, i, key)
    return i


@njit(cache=True)
def _set_status(row: Any, i: int, at: int, closed: bool) -> None:
    """The latest word on open or closed wins; of two at the same time, closed does."""
    if at > row.ticket_status_at[i] or (at == row.ticket_status_at[i] and closed):
        row.ticket_status_at[i] = at
        flags = row.ticket_flags[i] & ~CLOSED
        row.ticket_flags[i] = flags | CLOSED if closed else flags


@njit(cache=True)
def _set_mood(row: Any, i: int, at: int, mood: int, rated: bool) -> None:
    """The latest mood wins; of two at the same time, the worse."""
    if mood == 0:
        return
    worse = mood < (row.ticket_flags[i] & MOOD)
    if at > row.ticket_mood_at[i] or (at == row.ticket_mood_at[i] and worse):
        row.ticket_mood_at[i] = at
        flags = (row.ticket_flags[i] & CLOSED) | mood
        row.ticket_flags[i] = flags | RATED if rated else flags


@njit(cache=True)
def _ticket(row: Any, ev: Any, tau_days: float) -> None:
    i = _slot(row, ev.key)
    row.ticket_opened[i] = earlier(row.ticket_opened[i], ev.at)
    if ev.kind == k.TICKET_OPENED:
        row.tickets_total += 1
        day = ev.at // DAY
        row.tickets_day = nibble_advance(row.tickets, row.tickets_day, day)
        nibble_add(row.tickets, row.tickets_day, day, 1)
    if ev.kind in (k.TICKET_OPENED, k.TICKET_REOPENED, k.TICKET_SOLVED):
        _set_status(row, i, ev.at, ev.kind == k.TICKET_SOLVED)
    mood = ev.code
    if ev.kind in (k.TICKET_ESCALATED, k.TICKET_REOPENED) and mood == 0:
        mood = NEGATIVE  # nobody escalates or reopens out of joy
    _set_mood(row, i, ev.at, mood, ev.kind == k.TICKET_RATED)
    whole = ev.kind in (k.TICKET_OPENED, k.TICKET_RATED)
    _feel(row, ev.at, mood, WEIGHT_TICKET if whole else WEIGHT_COMMENT, tau_days)


@njit(cache=True)
def _hear(row: Any, at: int, sentiment: int) -> None:
    """What a person heard last; of two at the same time, the worse."""
    if at >= row.csm_at:
        row.csm = min(row.csm, sentiment) if at == row.csm_at else sentiment
        row.csm_at = at


@njit(cache=True)
def _person(row: Any, ev: Any, tau_days: float) -> None:
    """A note, or a task done: how the customer felt, and whether the trouble is over."""
    mood = ev.code & MOOD
    if ev.code & RESOLVED:
        row.trouble_closed = max(row.trouble_closed, ev.at)
    if ev.code & NOT_RESOLVED:
        row.trouble_opened = max(row.trouble_opened, ev.at)
        mood = mood or NEGATIVE
    if mood:
        _hear(row, ev.at, mood - NEUTRAL)
    _feel(row, ev.at, mood, WEIGHT_PERSON, tau_days)


@njit(cache=True)
def apply_support(row: Any, ev: Any, tau_days: float) -> None:
    """One event of the support family."""
    if ev.kind in (k.NOTE, k.TASK):
        _person(row, ev, tau_days)
    else:
        _ticket(row, ev, tau_days)


@njit(cache=True)
def _tell(row: Any, i: int, other: Any, j: int) -> None:
    """All that the other was told of a ticket."""
    flags = whole(other.ticket_flags[j])
    row.ticket_opened[i] = earlier(row.ticket_opened[i], other.ticket_opened[j])
    _set_status(row, i, other.ticket_status_at[j], flags & CLOSED != 0)
    _set_mood(row, i, other.ticket_mood_at[j], flags & MOOD, flags & RATED != 0)


@njit(cache=True)
def _join_tickets(row: Any, other: Any) -> None:
    """Those of both first: making room for another might push one out before it is found. Of more tickets
    than a row follows, the first to go are left out.
    """
    fresh = np.zeros(TICKETS_KEPT, np.bool_)
    for j in range(TICKETS_KEPT):
        if other.ticket_opened[j]:
            i = _find(row, other.ticket_key[j])
            fresh[j] = i < 0
            if i >= 0:
                _tell(row, i, other, j)
    for j in range(TICKETS_KEPT):
        i = _first_to_go(row)
        room = _readiness(row.ticket_opened[i], row.ticket_flags[i])
        if fresh[j] and room >= _readiness(other.ticket_opened[j], other.ticket_flags[j]):
            _take(row, i, other.ticket_key[j])
            _tell(row, i, other, j)


@njit(cache=True)
def join_support(row: Any, other: Any, tau_days: float) -> None:
    """Add another customer's tickets and what was heard of them."""
    _join_tickets(row, other)
    row.tickets_total += other.tickets_total
    row.tickets_day = nibble_advance(row.tickets, whole(row.tickets_day), whole(other.tickets_day))
    nibble_join(row.tickets, whole(row.tickets_day), other.tickets, whole(other.tickets_day))
    _fade(row, other.mood_at, tau_days)
    left = exp((whole(other.mood_at) - whole(row.mood_at)) / (tau_days * DAY))
    row.mood_sum += other.mood_sum * left
    row.mood_weight += other.mood_weight * left
    row.trouble_opened = max(row.trouble_opened, other.trouble_opened)
    row.trouble_closed = max(row.trouble_closed, other.trouble_closed)
    _hear(row, other.csm_at, other.csm)


@njit(cache=True)
def is_open(row: Any, i: int) -> bool:
    return bool(row.ticket_opened[i] != 0 and row.ticket_flags[i] & CLOSED == 0)


@njit(cache=True)
def is_trouble(row: Any, i: int) -> bool:
    """Negative, and nothing resolved it since: still open, or rated badly after the solution."""
    if row.ticket_opened[i] == 0 or row.ticket_flags[i] & MOOD != NEGATIVE:
        return False
    if row.ticket_mood_at[i] <= row.trouble_closed:
        return False
    after = row.ticket_flags[i] & RATED != 0 and row.ticket_mood_at[i] >= row.ticket_status_at[i]
    return bool(row.ticket_flags[i] & CLOSED == 0 or after)


@njit(cache=True)
def trouble(row: Any) -> Any:
    """How many open troubles there are and since when: negative tickets, and a person's `not_resolved`."""
    count, oldest = 0, 0
    for i in range(TICKETS_KEPT):
        if is_trouble(row, i):
            count += 1
            since = whole(row.ticket_opened[i])
            oldest = since if oldest == 0 else min(oldest, since)
    if row.trouble_opened > row.trouble_closed:
        count += 1
        since = whole(row.trouble_opened)
        oldest = since if oldest == 0 else min(oldest, since)
    return count, oldest
