"""Day buckets: counts by day in a ring that only moves forward. Order-free within its horizon.

A day older than the ring is left out; a newer one clears the days it overtakes. Two days share a byte
(`nibble_*`, up to 15 a day), or a day has a byte, as a count (`byte_*`, up to 255) or of bits (`bits_*`).
"""

from typing import Any

import numpy as np
from numba import njit

FULL, BYTE_FULL = 15, 255
_ONE, _TWO, _FOUR = np.uint8(1), np.uint8(2), np.uint8(4)
_PAIRS, _FOURS, _LOW = np.uint8(0x55), np.uint8(0x33), np.uint8(0x0F)


@njit(cache=True)
def whole(value: Any) -> int:
    """Signed 64 bits. A row's times are unsigned: the difference of two of them would wrap around."""
    return np.int64(value)  # type: ignore[return-value]  # an int where it is compiled


@njit(cache=True)
def earlier(a: int, b: int) -> int:
    """The earlier of two times; 0 = never."""
    if a == 0 or b == 0:
        return max(a, b)
    return min(a, b)


@njit(cache=True)
def nibble_get(ring: Any, day: int) -> int:
    """The count of one day; the caller knows that the day is in the ring."""
    at = day % (2 * len(ring))
    return whole(ring[at >> 1]) >> (4 * (at & 1)) & FULL


@njit(cache=True)
def nibble_set(ring: Any, day: int, count: int) -> None:
    at = day % (2 * len(ring))
    shift = 4 * (at & 1)
    ring[at >> 1] = (whole(ring[at >> 1]) & ~(FULL << shift) & 0xFF) | (count << shift)


@njit(cache=True)
def nibble_advance(ring: Any, newest: int, day: int) -> int:
    """Make room for a day; returns the newest day of the ring."""
    if day <= newest:
        return newest
    size = 2 * len(ring)
    if day - newest >= size:
        ring[:] = 0
    else:
        for d in range(newest + 1, day + 1):
            nibble_set(ring, d, 0)
    return day


@njit(cache=True)
def nibble_add(ring: Any, newest: int, day: int, count: int) -> int:
    """Add to a day (subtract if negative) and return what it held; -1 if the day is past the horizon."""
    if day <= newest - 2 * len(ring) or day > newest:
        return -1
    held = nibble_get(ring, day)
    nibble_set(ring, day, min(max(held + count, 0), FULL))
    return held


@njit(cache=True)
def nibble_join(ring: Any, newest: int, other: Any, others_newest: int) -> None:
    """Add another ring, day to day. `ring` has been advanced to the newest day of both."""
    for day in range(newest - 2 * len(ring) + 1, others_newest + 1):
        nibble_add(ring, newest, day, nibble_get(other, day))


@njit(cache=True)
def nibble_sum(ring: Any, newest: int, first: int, last: int) -> int:
    """The sum over the days first..last, as far as the ring holds them."""
    total = 0
    for day in range(max(first, newest - 2 * len(ring) + 1), min(last, newest) + 1):
        total += nibble_get(ring, day)
    return total


@njit(cache=True)
def byte_advance(ring: Any, newest: int, day: int) -> int:
    """Make room for a day; returns the newest day of the ring."""
    if day <= newest:
        return newest
    for d in range(max(newest, day - len(ring)) + 1, day + 1):
        ring[d % len(ring)] = 0
    return day


@njit(cache=True)
def byte_add(ring: Any, newest: int, day: int, count: int) -> None:
    """Add to a day that the ring holds; more than BYTE_FULL is not counted."""
    if newest - len(ring) < day <= newest:
        at = day % len(ring)
        ring[at] = min(whole(ring[at]) + count, BYTE_FULL)


@njit(cache=True)
def byte_join(ring: Any, newest: int, other: Any, others_newest: int) -> None:
    """Add another ring, day to day. `ring` has been advanced to the newest day of both."""
    for day in range(newest - len(ring) + 1, others_newest + 1):
        byte_add(ring, newest, day, whole(other[day % len(ring)]))


@njit(cache=True)
def byte_sum(ring: Any, newest: int, first: int, last: int) -> int:
    """The sum over the days first..last, as far as the ring holds them."""
    total = 0
    for day in range(max(first, newest - len(ring) + 1), min(last, newest) + 1):
        total += whole(ring[day % len(ring)])
    return total


@njit(cache=True)
def popcount(bits: Any) -> Any:
    """Of a byte, without a branch: pairs, then fours, then all."""
    bits = bits - (bits >> _ONE & _PAIRS)
    bits = (bits & _FOURS) + (bits >> _TWO & _FOURS)
    return (bits + (bits >> _FOUR)) & _LOW


@njit(cache=True)
def bits_sum(ring: Any, newest: int, first: int, last: int) -> int:
    """How many different things were marked on each day, summed over the days first..last."""
    total = 0
    for day in range(max(first, newest - len(ring) + 1), min(last, newest) + 1):
        total += whole(popcount(ring[day % len(ring)]))
    return total
