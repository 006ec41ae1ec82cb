"""Orders, refunds, returns and parcels: how each event moves the facts.

An order's id is one fact: its last version wins, a cancellation is final, refunds net. An order counts
from its `order.placed` on: an edit, a cancellation or a refund that comes first waits for it. The last
few orders are kept one by one so that they can still change; older ones are *settled* into the totals.
"""

from math import exp
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from services.scoring.domain import kinds as k
from services.scoring.domain.buckets import earlier, nibble_add, nibble_advance, nibble_get, whole
from services.scoring.domain.row import COUNTS, DAY, GIFT, ORDER_DAYS, ORDERS_KEPT, RENEWAL

# order_flags: COUNTS, GIFT and RENEWAL of the event, and:
CANCELLED, EDITED, PLACED, USED = 64, 128, 1, 32


class Order(NamedTuple):
    """One order as it now stands: when it was placed, what is left of its amount."""

    at: int
    worth: int
    flags: int


@njit(cache=True)
def counts(flags: int) -> bool:
    """Test, void, fraud, zero-value, replacement, draft and cancelled orders do not."""
    return (flags & COUNTS) != 0 and (flags & PLACED) != 0 and (flags & CANCELLED) == 0


@njit(cache=True)
def has_rhythm(flags: int) -> bool:
    """A gift is an occasion, not a rhythm (FIELD.md 8)."""
    return counts(flags) and (flags & GIFT) == 0


@njit(cache=True)
def _worth(amount: int, refunded: int) -> int:
    return max(amount - refunded, 0)


@njit(cache=True)
def advance_engaged(row: Any, day: int) -> None:
    """Visits, clicks and acts share their newest day."""
    newest = row.engaged_day
    if day <= newest:
        return
    size = len(row.visits)
    if day - newest >= size:
        row.visits[:] = 0
    else:
        for d in range(newest + 1, day + 1):
            row.visits[d % size] = 0
    nibble_advance(row.clicks, newest, day)
    row.engaged_day = nibble_advance(row.acts, newest, day)


@njit(cache=True)
def _reach(row: Any, day: int, tau_days: float) -> None:
    """Bring the days of orders and their forgotten count up to a day."""
    row.orders_day = nibble_advance(row.orders, row.orders_day, day)
    if day > row.occasions_day:
        row.occasions *= exp(-(day - row.occasions_day) / tau_days)
        row.occasions_day = day


@njit(cache=True)
def _anchor(row: Any, at: int, flags: int, tau_days: float) -> None:
    """The buckets reach up to every order ever placed, counted or not: so they do not depend on whether
    a cancellation was known in time.
    """
    _reach(row, at // DAY, tau_days)
    if flags & RENEWAL == 0:
        advance_engaged(row, at // DAY)


@njit(cache=True)
def _occasion(row: Any, day: int, sign: int, tau_days: float) -> None:
    """The forgotten count of order days. A late order adds exp(-(last - t)/tau): order-free (CHURN.md)."""
    row.occasions = max(row.occasions + sign * exp(-(row.occasions_day - day) / tau_days), 0.0)


@njit(cache=True)
def _rhythm(row: Any, at: int, sign: int, tau_days: float) -> None:
    """Orders of one day are one occasion; beyond the buckets each order is taken as its own."""
    day = at // DAY
    held = nibble_add(row.orders, row.orders_day, day, sign)
    alone = held == 0 if sign > 0 else held == 1
    if held < 0 or alone:
        _occasion(row, day, sign, tau_days)


@njit(cache=True)
def _count(row: Any, order: Order, sign: int, tau_days: float) -> None:
    """Add an order to the totals, or take it back (sign -1)."""
    if not counts(order.flags):
        return
    row.orders_total += sign
    row.spend += sign * order.worth
    if order.flags & GIFT == 0:
        _rhythm(row, order.at, sign, tau_days)
    if order.flags & RENEWAL == 0:  # an automatic renewal is a payment, not engagement (FIELD.md 10)
        nibble_add(row.acts, row.engaged_day, order.at // DAY, sign)


@njit(cache=True)
def _find(row: Any, key: int) -> int:
    for i in range(ORDERS_KEPT):
        if row.order_flags[i] & USED and row.order_key[i] == key:
            return i
    return -1


@njit(cache=True)
def _settle(row: Any, at: int, flags: int) -> None:
    """An order that leaves the ring keeps its place in the first and last times."""
    if counts(flags):
        row.settled_first = earlier(row.settled_first, at)
        row.settled_last = max(row.settled_last, at)
    if has_rhythm(flags):
        row.settled_rhythm_first = earlier(row.settled_rhythm_first, at)
        row.settled_rhythm_last = max(row.settled_rhythm_last, at)


@njit(cache=True)
def _room(row: Any, at: int) -> int:
    """A free place in the ring, the oldest order settled for it; -1 if the new one is the oldest."""
    oldest = -1
    for i in range(ORDERS_KEPT):
        if row.order_flags[i] & USED == 0:
            return i
        if row.order_at[i] < at and (oldest < 0 or row.order_at[i] < row.order_at[oldest]):
            oldest = i
    if oldest >= 0:
        _settle(row, row.order_at[oldest], row.order_flags[oldest])
    return oldest


@njit(cache=True)
def _full(row: Any) -> bool:
    """Whether an unknown order may be one that was settled."""
    used = 0
    for i in range(ORDERS_KEPT):
        used += row.order_flags[i] & USED != 0
    return used == ORDERS_KEPT


@njit(cache=True)
def _insert(row: Any, key: int, order: Order, tau_days: float) -> int:
    """A new order: counted, and kept in the ring unless it is older than all of it (-1)."""
    i = _room(row, order.at)
    _count(row, order, 1, tau_days)
    if i < 0:
        _settle(row, order.at, order.flags)
        return i
    row.order_key[i], row.order_at[i], row.order_version[i] = key, order.at, 0
    row.order_amount[i], row.order_refunded[i] = order.worth, 0
    row.order_flags[i] = order.flags | USED
    return i


@njit(cache=True)
def _standing(row: Any, i: int) -> Order:
    worth = _worth(row.order_amount[i], row.order_refunded[i])
    return Order(whole(row.order_at[i]), worth, whole(row.order_flags[i]))


@njit(cache=True)
def _recount(row: Any, i: int, sign: int, tau_days: float) -> None:
    _count(row, _standing(row, i), sign, tau_days)


@njit(cache=True)
def _placed(row: Any, ev: Any, tau_days: float) -> None:
    flags = (ev.flags & (COUNTS | GIFT | RENEWAL)) | PLACED
    _anchor(row, whole(ev.at), flags, tau_days)
    i = _find(row, ev.key)
    if i < 0:
        i = _insert(row, ev.key, Order(whole(ev.at), ev.amount, flags), tau_days)
        if i >= 0:
            row.order_version[i] = ev.at
        return
    held = whole(row.order_flags[i])
    _recount(row, i, -1, tau_days)
    row.order_at[i] = min(row.order_at[i], ev.at) if held & PLACED else ev.at
    if held & EDITED == 0:
        row.order_amount[i] = ev.amount
        row.order_flags[i] = (held & (CANCELLED | USED)) | flags
        row.order_version[i] = ev.at
    else:
        row.order_flags[i] = (held & ~RENEWAL) | PLACED | (flags & RENEWAL)
    _recount(row, i, 1, tau_days)


@njit(cache=True)
def _known(row: Any, ev: Any) -> int:
    """The order's place. One that has not been placed yet stands at the first thing told of it."""
    i = _find(row, ev.key)
    if i >= 0 and row.order_flags[i] & PLACED == 0:
        row.order_at[i] = min(row.order_at[i], ev.at)
    return i


@njit(cache=True)
def _updated(row: Any, ev: Any, tau_days: float) -> None:
    """The latest version wins; of two with the same time the larger amount does."""
    flags = (ev.flags & (COUNTS | GIFT | RENEWAL)) | EDITED
    i = _known(row, ev)
    if i < 0:
        if _full(row):
            return  # an edit of an order that was settled; it stays as it was
        i = _insert(row, ev.key, Order(whole(ev.at), 0, 0), tau_days)
    held = whole(row.order_flags[i])
    version = row.order_version[i]
    if held & EDITED and (ev.at < version or (ev.at == version and ev.amount <= row.order_amount[i])):
        return
    _recount(row, i, -1, tau_days)
    row.order_amount[i], row.order_version[i] = ev.amount, ev.at
    if held & PLACED:  # how it was placed does not change
        flags = (flags & ~RENEWAL) | (held & RENEWAL)
    row.order_flags[i] = (held & (CANCELLED | PLACED | USED)) | flags
    _recount(row, i, 1, tau_days)


@njit(cache=True)
def _cancelled(row: Any, ev: Any, tau_days: float) -> None:
    i = _known(row, ev)
    if i >= 0:
        _recount(row, i, -1, tau_days)
        row.order_flags[i] |= CANCELLED
    elif not _full(row):  # told before the order itself: the order will not count
        _insert(row, ev.key, Order(whole(ev.at), 0, CANCELLED), tau_days)
    elif row.settled_first <= ev.moment <= row.settled_last:  # moment: when it was placed
        _count(row, Order(whole(ev.moment), ev.amount, COUNTS | PLACED), -1, tau_days)


@njit(cache=True)
def _refunded(row: Any, ev: Any, tau_days: float) -> None:
    i = _known(row, ev)
    if i < 0 and not _full(row):  # told before the order itself
        i = _insert(row, ev.key, Order(whole(ev.at), 0, 0), tau_days)
    if i < 0:
        row.spend -= ev.amount
        return
    held = _worth(row.order_amount[i], row.order_refunded[i])
    row.order_refunded[i] += ev.amount
    if counts(row.order_flags[i]):
        row.spend += _worth(row.order_amount[i], row.order_refunded[i]) - held


@njit(cache=True)
def _came_back(row: Any, at: int, order: int, amount: int, base: int) -> None:
    """The last return or refund; exchanges never get here (FIELD.md 11)."""
    if at > row.return_at or (at == row.return_at and amount > row.return_amount):
        row.return_at, row.return_order = at, order
        row.return_amount, row.return_base = amount, base


@njit(cache=True)
def apply_order(row: Any, ev: Any, tau_days: float) -> None:
    """One event of the order family."""
    if ev.kind == k.ORDER_PLACED:
        _placed(row, ev, tau_days)
    elif ev.kind == k.ORDER_UPDATED:
        _updated(row, ev, tau_days)
    elif ev.kind == k.ORDER_CANCELLED:
        _cancelled(row, ev, tau_days)
    elif ev.kind == k.ORDER_REFUNDED:
        _refunded(row, ev, tau_days)
        _came_back(row, ev.at, ev.key, ev.amount, ev.base)
    elif ev.kind == k.RETURN_REQUESTED:
        _came_back(row, ev.at, ev.key, ev.amount, ev.base)
    elif ev.kind == k.SHIPPED:
        row.shipped = max(row.shipped, ev.at)
    elif ev.kind == k.DELIVERED:
        row.delivered = max(row.delivered, ev.at)


@njit(cache=True)
def _join_days(row: Any, other: Any, tau_days: float) -> None:
    """Add another customer's order days. One on which both bought is one occasion, if buckets reach it."""
    newest = max(whole(row.orders_day), whole(other.orders_day))
    _reach(row, newest, tau_days)
    row.occasions += other.occasions * exp(-(newest - whole(other.occasions_day)) / tau_days)
    for day in range(newest - ORDER_DAYS + 1, whole(other.orders_day) + 1):
        theirs = nibble_get(other.orders, day)
        if theirs and nibble_add(row.orders, newest, day, theirs) > 0:
            _occasion(row, day, -1, tau_days)


@njit(cache=True)
def _version(row: Any, i: int) -> Any:
    """Whose word on an order holds: an edit's over the first, then the later, then the larger."""
    return row.order_flags[i] & EDITED, row.order_version[i], row.order_amount[i]


@njit(cache=True)
def _same_order(row: Any, i: int, other: Any, j: int, tau_days: float) -> None:
    """Both rows were told of one order: both take it back, and it counts as all that was told says."""
    _recount(row, i, -1, tau_days)
    _count(row, _standing(other, j), -1, tau_days)
    ours, theirs = whole(row.order_flags[i]), whole(other.order_flags[j])
    said = ours
    if _version(other, j) > _version(row, i):
        row.order_amount[i], row.order_version[i] = other.order_amount[j], other.order_version[j]
        said = theirs
    if ours & PLACED == theirs & PLACED:
        row.order_at[i] = min(row.order_at[i], other.order_at[j])
    elif theirs & PLACED:
        row.order_at[i] = other.order_at[j]
    row.order_refunded[i] += other.order_refunded[j]
    placed = ours if ours & PLACED else theirs if theirs & PLACED else said
    told = (ours | theirs) & (CANCELLED | EDITED | PLACED | USED)
    row.order_flags[i] = told | (said & (COUNTS | GIFT)) | (placed & RENEWAL)
    _recount(row, i, 1, tau_days)


@njit(cache=True)
def _adopt(row: Any, other: Any, j: int) -> None:
    """An order of the other's that the row was not told of; its count has been added."""
    i = _room(row, other.order_at[j])
    if i < 0:
        _settle(row, other.order_at[j], other.order_flags[j])
        return
    row.order_key[i], row.order_at[i] = other.order_key[j], other.order_at[j]
    row.order_amount[i], row.order_refunded[i] = other.order_amount[j], other.order_refunded[j]
    row.order_version[i], row.order_flags[i] = other.order_version[j], other.order_flags[j]


@njit(cache=True)
def _join_kept(row: Any, other: Any, tau_days: float) -> None:
    """Those of both first: making room for another might push one out before it is found."""
    fresh = np.zeros(ORDERS_KEPT, np.bool_)
    for j in range(ORDERS_KEPT):
        if other.order_flags[j] & USED:
            i = _find(row, other.order_key[j])
            fresh[j] = i < 0
            if i >= 0:
                _same_order(row, i, other, j, tau_days)
    for j in range(ORDERS_KEPT):
        if fresh[j]:
            _adopt(row, other, j)


@njit(cache=True)
def join_orders(row: Any, other: Any, tau_days: float) -> None:
    """Add another customer's orders: the newest of both stay open to change, the others are settled.

    Engagement is joined before: an order that both were told of gives one of its acts back.
    """
    _join_days(row, other, tau_days)
    row.orders_total += other.orders_total
    row.spend += other.spend
    _join_kept(row, other, tau_days)
    row.settled_first = earlier(row.settled_first, other.settled_first)
    row.settled_last = max(row.settled_last, other.settled_last)
    row.settled_rhythm_first = earlier(row.settled_rhythm_first, other.settled_rhythm_first)
    row.settled_rhythm_last = max(row.settled_rhythm_last, other.settled_rhythm_last)
    _came_back(row, other.return_at, other.return_order, other.return_amount, other.return_base)
    row.shipped = max(row.shipped, other.shipped)
    row.delivered = max(row.delivered, other.delivered)


@njit(cache=True)
def order_span(row: Any, rhythm: bool) -> Any:
    """First and last time of a purchase; of those that make the rhythm, if asked for. 0 = none."""
    first = row.settled_rhythm_first if rhythm else row.settled_first
    last = row.settled_rhythm_last if rhythm else row.settled_last
    for i in range(ORDERS_KEPT):
        flags = row.order_flags[i]
        if flags & USED and (has_rhythm(flags) if rhythm else counts(flags)):
            at = row.order_at[i]
            first = at if first == 0 else min(first, at)
            last = max(last, at)
    return whole(first), whole(last)


@njit(cache=True)
def order_days_in(row: Any, first: int, last: int) -> int:
    """On how many of the days first..last something was bought."""
    total = 0
    for day in range(max(first, row.orders_day - ORDER_DAYS + 1), min(last, row.orders_day) + 1):
        total += nibble_get(row.orders, day) > 0
    return total
