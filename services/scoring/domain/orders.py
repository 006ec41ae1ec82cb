"""Orders, refunds, returns and parcels: how each event moves the facts.

An order's id is one fact: its last version wins, a cancellation is final, refunds net. An order counts
from its `order.placed` on: an edit, a cancellation or a refund that comes first waits for it. The last
few orders are kept one by one so that they can still change; older ones are *settled* into the totals.
"""

from math import exp
from typing import Any, NamedTuple

from numba import njit

from services.scoring.domain import kinds as k
from services.scoring.domain.buckets import nibble_add, nibble_advance, nibble_get, whole
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
def _anchor(row: Any, at: int, flags: int, tau_days: float) -> None:
    """The buckets reach up to every order ever placed, counted or not: so they do not depend on whether
    a cancellation was known in time.
    """
    day = at // DAY
    row.orders_day = nibble_advance(row.orders, row.orders_day, day)
    if flags & RENEWAL == 0:
        advance_engaged(row, day)
    if day > row.occasions_day:
        row.occasions *= exp(-(day - row.occasions_day) / tau_days)
        row.occasions_day = day


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
        row.settled_first = at if row.settled_first == 0 else min(row.settled_first, at)
        row.settled_last = max(row.settled_last, at)
    if has_rhythm(flags):
        row.settled_rhythm_first = at if row.settled_rhythm_first == 0 else min(row.settled_rhythm_first, at)
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
def _recount(row: Any, i: int, sign: int, tau_days: float) -> None:
    worth = _worth(row.order_amount[i], row.order_refunded[i])
    _count(row, Order(whole(row.order_at[i]), worth, whole(row.order_flags[i])), sign, tau_days)


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
def _came_back(row: Any, ev: Any) -> None:
    """The last return or refund; exchanges never get here (FIELD.md 11)."""
    if ev.at > row.return_at or (ev.at == row.return_at and ev.amount > row.return_amount):
        row.return_at, row.return_order = ev.at, ev.key
        row.return_amount, row.return_base = ev.amount, ev.base


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
        _came_back(row, ev)
    elif ev.kind == k.RETURN_REQUESTED:
        _came_back(row, ev)
    elif ev.kind == k.SHIPPED:
        row.shipped = max(row.shipped, ev.at)
    elif ev.kind == k.DELIVERED:
        row.delivered = max(row.delivered, ev.at)


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
