"""Use of the product: uses by day, and which features lately.

A feature used lately is one number: how fresh (30 = used on the newest day of usage, 1 = 29 days before),
then 11 bits of its name. So the larger is the later, and a number that falls to 0 has left the window for
good. Of more features than are kept the latest stay, of those of one day the larger names: order-free.
"""

from typing import Any

from numba import njit

from services.scoring.domain.buckets import byte_add, byte_advance, byte_join, byte_sum, earlier, whole
from services.scoring.domain.row import DAY, FEATURES_KEPT, USAGE_DAYS

FRESH_DAYS = 30
NAME_BITS = 11
NAME = (1 << NAME_BITS) - 1
AVAILABLE_MOST = 65_535  # what two bytes hold
WEEKS = USAGE_DAYS // 7


@njit(cache=True)
def _aged(feature: int, days: int) -> int:
    return feature - (days << NAME_BITS) if feature >> NAME_BITS > days else 0


@njit(cache=True)
def _advance(row: Any, day: int) -> None:
    """Make room for a day; features grow older by as much."""
    newest = whole(row.usage_day)
    if day <= newest:
        return
    row.usage_day = byte_advance(row.usage, newest, day)
    for i in range(FEATURES_KEPT):
        row.features[i] = _aged(whole(row.features[i]), day - newest)


@njit(cache=True)
def _keep(features: Any, fresh: int) -> None:
    """Put a feature in its place, freshest first; an older word on it goes, else the last one does."""
    name, placed = fresh & NAME, False
    for i in range(FEATURES_KEPT):
        held = whole(features[i])
        same = held != 0 and held & NAME == name
        if placed or held < fresh:
            features[i] = fresh
            fresh, placed = held, True
        if same:
            return


@njit(cache=True)
def _tell_available(row: Any, day: int, count: int) -> None:
    """The number told on the last day that told one; of several on it, the largest."""
    if day >= row.features_day:
        least = whole(row.features_available) if day == row.features_day else 0
        row.features_available = min(max(least, count), AVAILABLE_MOST)
        row.features_day = day


@njit(cache=True)
def apply_usage(row: Any, ev: Any) -> None:
    """EVENT.key: the feature; amount: uses; base: features the customer could use, -1 = not told."""
    day = whole(ev.at) // DAY
    row.usage_first = earlier(whole(row.usage_first), day)
    _advance(row, day)
    byte_add(row.usage, whole(row.usage_day), day, ev.amount)
    age = whole(row.usage_day) - day
    if ev.amount > 0 and age < FRESH_DAYS:
        _keep(row.features, (FRESH_DAYS - age) << NAME_BITS | (whole(ev.key) & NAME))
    if ev.base >= 0:
        _tell_available(row, day, ev.base)


@njit(cache=True)
def join_usage(row: Any, other: Any) -> None:
    """Add another customer's use. A feature that both used is one feature."""
    row.usage_first = earlier(whole(row.usage_first), whole(other.usage_first))
    _advance(row, whole(other.usage_day))
    byte_join(row.usage, whole(row.usage_day), other.usage, whole(other.usage_day))
    older = whole(row.usage_day) - whole(other.usage_day)
    for i in range(FEATURES_KEPT):
        feature = _aged(whole(other.features[i]), older)
        if feature:
            _keep(row.features, feature)
    if other.features_day:
        _tell_available(row, whole(other.features_day), whole(other.features_available))


@njit(cache=True)
def uses_between(row: Any, first: int, last: int) -> int:
    return byte_sum(row.usage, whole(row.usage_day), first, last)


@njit(cache=True)
def features_since(row: Any, first: int) -> int:
    """Different features used from a day on, at most 29 days before the newest day of usage."""
    count = 0
    for i in range(FEATURES_KEPT):
        fresh = whole(row.features[i]) >> NAME_BITS
        count += fresh != 0 and whole(row.usage_day) - (FRESH_DAYS - fresh) >= first
    return count


@njit(cache=True)
def weekly_variance(row: Any, today: int) -> float:
    """Of the last weeks, today being the last day of one. -1 with fewer than two whole weeks since the
    first use: weeks before it were not heard of, which is not zero.
    """
    n, total, squares = 0, 0.0, 0.0
    for week in range(WEEKS):
        first = today - 7 * week - 6
        if first >= whole(row.usage_first):
            uses = uses_between(row, first, first + 6)
            n += 1
            total += uses
            squares += uses * uses
    return (squares - total * total / n) / n if n > 1 else -1.0
