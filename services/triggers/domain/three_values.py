"""What the rule language's operators do to arrays, a value a customer; NULL follows SQL's three values.

Numbers are float64 and NaN where they are null, times M8[us] and NaT. Nothing here raises: what overflows
is infinite or null, so callers silence numpy's warnings.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import msgspec
import numpy as np

from services.triggers.domain.columns import Array, Bools


class Three(msgspec.Struct, gc=False):
    """Where something is true and where it is false; neither: null. Each part of a condition makes one."""

    true: Bools
    false: Bools


def flag(cells: Array) -> Three:
    return Three(cells == 1, cells == 0)


def certain(true: Bools) -> Three:
    """What is never null."""
    return Three(true, ~true)


ALWAYS, NEVER = certain(np.array(True)), certain(np.array(False))


def no_word(codes: Array) -> Three:
    return certain(codes == 0)


def text_is(codes: Array, code: int) -> Three:
    true = codes == code
    return Three(true, true ^ (codes != 0))


# ---- comparisons


def equal(left: Array, right: Array) -> Three:
    return Three(left == right, (left < right) | (left > right))  # != would be true of a null


def less(left: Array, right: Array) -> Three:
    return Three(left < right, left >= right)


def at_most(left: Array, right: Array) -> Three:
    return Three(left <= right, left > right)


def between(value: Array, low: Array, high: Array) -> Three:
    return both(at_most(low, value), at_most(value, high))


def is_any_of(value: Array, *items: Array) -> Three:
    return reduce(either, (equal(value, item) for item in items))


# ---- flags


def opposite(one: Three) -> Three:
    return Three(one.false, one.true)


def both(left: Three, right: Three) -> Three:
    return Three(left.true & right.true, left.false | right.false)


def either(left: Three, right: Three) -> Three:
    return Three(left.true | right.true, left.false & right.false)


def same(left: Three, right: Three) -> Three:
    return either(both(left, right), both(opposite(left), opposite(right)))


def is_true(one: Three) -> Three:
    return certain(one.true)


def is_false(one: Three) -> Three:
    return certain(one.false)


def is_null(value: Array | Three) -> Three:
    return certain(_nowhere(value))


def _nowhere(value: Array | Three) -> Bools:
    found: Bools = ~(value.true | value.false) if isinstance(value, Three) else np.isnan(value)
    return found


# ---- numbers and times


def quotient(left: Array, right: Array) -> Array:
    """A division by zero is null."""
    return np.where(right != 0, left / right, np.nan)


def elapsed(unit: float, now: Array, moment: Array) -> Array:
    """Between two times, in units of so many microseconds."""
    span = now - moment
    found: Array = span.view(np.int64) / unit
    found[np.isnat(span)] = np.nan
    return found


def greatest(*values: Array) -> Array:
    return reduce(np.fmax, values)


def least(*values: Array) -> Array:
    return reduce(np.fmin, values)


# ---- of flags, numbers and times alike


def pick(test: Bools, value: Any, otherwise: Any) -> Any:
    """`value` where the test holds."""
    if isinstance(value, Three):
        return Three(np.where(test, value.true, otherwise.true), np.where(test, value.false, otherwise.false))
    return np.where(test, value, otherwise)


def first_known(*values: Any) -> Any:
    return reduce(lambda left, right: pick(_nowhere(left), right, left), values)


def null_where_equal(value: Any, other: Any) -> Any:
    alike = same(value, other) if isinstance(value, Three) else equal(value, other)
    return pick(alike.true, _null_like(value), value)


def case(tests: Sequence[Three], values: Sequence[Any], otherwise: Any = None) -> Any:
    """The value of the first test that is true; otherwise that, or null."""
    result = _null_like(values[0]) if otherwise is None else otherwise
    for test, value in zip(reversed(tests), reversed(values), strict=True):
        result = pick(test.true, value, result)
    return result


def _null_like(value: Any) -> Any:
    if isinstance(value, Three):
        return Three(NEVER.true, NEVER.true)
    return np.datetime64("NaT", "us") if value.dtype.kind == "M" else np.nan
