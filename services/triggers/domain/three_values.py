"""What the rule language's operators do to arrays, a value a customer; NULL follows SQL's three values.

Numbers and times are float64 and NaN where they are null. Nothing here raises: what overflows is infinite or
null, so callers silence numpy's warnings.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from services.triggers.domain.columns import Array, Bools


class Three:
    """Where something is true and where it is false; neither: null. Each part of a condition makes one.

    A side is worked out when it is asked for: most are never, a rule's `when` is asked for what is true.
    """

    __slots__ = ("_sides",)

    def __init__(self, true: Callable[[], Bools], false: Callable[[], Bools]) -> None:
        self._sides: list[Any] = [true, false]

    @property
    def true(self) -> Bools:
        return self._side(0)

    @property
    def false(self) -> Bools:
        return self._side(1)

    def _side(self, which: int) -> Bools:
        side = self._sides[which]
        if callable(side):
            side = self._sides[which] = side()
        found: Bools = side
        return found


def flag(cells: Array) -> Three:
    return Three(lambda: cells == 1, lambda: cells == 0)


def certain(true: Callable[[], Bools]) -> Three:
    """What is never null."""
    return Three(true, lambda: ~true())


_EVERYWHERE, _NOWHERE = np.array(True), np.array(False)
ALWAYS = Three(lambda: _EVERYWHERE, lambda: _NOWHERE)
NEVER = Three(lambda: _NOWHERE, lambda: _EVERYWHERE)
_NULL = Three(lambda: _NOWHERE, lambda: _NOWHERE)


def no_word(codes: Array) -> Three:
    return certain(lambda: codes == 0)


def text_is(codes: Array, code: int) -> Three:
    return Three(lambda: codes == code, lambda: (codes != code) & (codes != 0))


# ---- comparisons


def equal(left: Array, right: Array) -> Three:
    # != would be true of a null
    return Three(lambda: left == right, lambda: (left < right) | (left > right))


def less(left: Array, right: Array) -> Three:
    return Three(lambda: left < right, lambda: left >= right)


def at_most(left: Array, right: Array) -> Three:
    return Three(lambda: left <= right, lambda: left > right)


def between(value: Array, low: Array, high: Array) -> Three:
    return both(at_most(low, value), at_most(value, high))


def is_any_of(value: Array, *items: Array) -> Three:
    return reduce(either, (equal(value, item) for item in items))


# ---- flags


def opposite(one: Three) -> Three:
    return Three(lambda: one.false, lambda: one.true)


def both(left: Three, right: Three) -> Three:
    return Three(lambda: left.true & right.true, lambda: left.false | right.false)


def either(left: Three, right: Three) -> Three:
    return Three(lambda: left.true | right.true, lambda: left.false & right.false)


def same(left: Three, right: Three) -> Three:
    return either(both(left, right), both(opposite(left), opposite(right)))


def is_true(one: Three) -> Three:
    return certain(lambda: one.true)


def is_false(one: Three) -> Three:
    return certain(lambda: one.false)


def is_null(value: Array | Three) -> Three:
    return certain(lambda: _unknown(value))


def _unknown(value: Array | Three) -> Bools:
    found: Bools = ~(value.true | value.false) if isinstance(value, Three) else np.isnan(value)
    return found


# ---- numbers and times


def quotient(left: Array, right: Array) -> Array:
    """A division by zero is null."""
    return np.where(right != 0, left / right, np.nan)


def elapsed(unit: float, now: Array, moment: Array) -> Array:
    """Between two times, in units of so many microseconds."""
    found: Array = (now - moment) / unit
    return found


def greatest(*values: Array) -> Array:
    return reduce(np.fmax, values)


def least(*values: Array) -> Array:
    return reduce(np.fmin, values)


# ---- of flags, numbers and times alike


def pick(test: Bools, value: Any, otherwise: Any) -> Any:
    """`value` where the test holds."""
    if isinstance(value, Three):
        return Three(
            lambda: np.where(test, value.true, otherwise.true),
            lambda: np.where(test, value.false, otherwise.false),
        )
    return np.where(test, value, otherwise)


def first_known(*values: Any) -> Any:
    return reduce(lambda left, right: pick(_unknown(left), right, left), values)


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
    return _NULL if isinstance(value, Three) else np.nan
