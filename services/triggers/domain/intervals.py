"""What a part of a condition can come to: a span of numbers, a set of words, some of true, false and null.

Sound, not complete: what an operation can give is always within what is said here. All numbers are doubles
and every operation is monotone in its rounding, so bounds are exact.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

from sqlglot import exp

Truth = frozenset[bool | None]
"""Which of true, false and null a condition can be."""

YES, NO, NEITHER = frozenset({True}), frozenset({False}), frozenset({None})
OPEN: Truth = frozenset({True, False})
_WILD = 1e200  # beyond it a product may leave the doubles, and then be anything, NaN among it


@dataclass(frozen=True, slots=True)
class Span:
    """A number, or a time with infinite bounds. Empty (low > high): it is always null."""

    low: float
    high: float
    null: bool = True
    wild: bool = False  # may be NaN or infinite: it compares as anything

    @property
    def known(self) -> bool:
        return self.low <= self.high


@dataclass(frozen=True, slots=True)
class Words:
    """A text. `words` None: anything."""

    words: frozenset[str] | None
    null: bool = True

    @property
    def known(self) -> bool:
        return self.words is None or bool(self.words)


Value = Span | Words | Truth
NEVER = Span(math.inf, -math.inf)


def combine(together: Callable[[bool | None, bool | None], bool | None], left: Truth, right: Truth) -> Truth:
    return frozenset(together(one, other) for one, other in product(left, right))


def both(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def either(left: bool | None, right: bool | None) -> bool | None:
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def compare(how: type[Any], left: Value, right: Value) -> Truth:
    if isinstance(left, frozenset) or isinstance(right, frozenset):
        return _compare_flags(how, as_truth(left), as_truth(right))
    empty = not (left.known and right.known)
    null = NEITHER if left.null or right.null or empty else frozenset()
    if empty:
        return null
    if isinstance(left, Span) and isinstance(right, Span):
        return (OPEN if left.wild or right.wild else SPANS[how](left, right)) | null
    assert isinstance(left, Words)  # the language compares like with like
    assert isinstance(right, Words)
    return _compare_words(how, left, right) | null


def _compare_flags(how: type[Any], left: Truth, right: Truth) -> Truth:
    pairs = product(left, right)
    equal = how is exp.EQ
    return frozenset(None if a is None or b is None else (a == b) is equal for a, b in pairs)


def _compare_words(how: type[Any], left: Words, right: Words) -> Truth:
    if left.words is None or right.words is None:
        return OPEN
    same = {True} if left.words & right.words else set()
    other = {False} if len(left.words | right.words) > 1 else set()
    return frozenset((one is (how is exp.EQ)) for one in same | other)


def _less(left: Span, right: Span) -> Truth:
    return some(left.low < right.high, left.high >= right.low)


def _less_or_equal(left: Span, right: Span) -> Truth:
    return some(left.low <= right.high, left.high > right.low)


def _equal(left: Span, right: Span) -> Truth:
    meet = left.low <= right.high and right.low <= left.high
    return some(meet, not left.low == left.high == right.low == right.high)


def some(true: bool, false: bool) -> Truth:
    return frozenset(({True} if true else set()) | ({False} if false else set()))


SPANS: dict[type[Any], Callable[[Span, Span], Truth]] = {
    exp.LT: _less,
    exp.LTE: _less_or_equal,
    exp.GT: lambda left, right: _less(right, left),
    exp.GTE: lambda left, right: _less_or_equal(right, left),
    exp.EQ: _equal,
    exp.NEQ: lambda left, right: frozenset(not one for one in _equal(left, right)),
}


def may_be_null(value: Value) -> bool:
    return None in value if isinstance(value, frozenset) else value.null or not value.known


def may_be_known(value: Value) -> bool:
    return bool(value - NEITHER) if isinstance(value, frozenset) else value.known


def operate(how: type[Any], left: Span, right: Span) -> Span:
    null = left.null or right.null
    if not (left.known and right.known):
        return NEVER
    if how is exp.Div and right.low <= 0 <= right.high:
        return NEVER if right.low == right.high else Span(-math.inf, math.inf, null=True, wild=True)
    if left.wild or right.wild:
        return Span(-math.inf, math.inf, null, wild=True)
    corners = [OPERATE[how](a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
    return _tame(min(corners), max(corners), null)


OPERATE: dict[type[Any], Callable[[float, float], float]] = {
    exp.Add: lambda a, b: a + b,
    exp.Sub: lambda a, b: a - b,
    exp.Mul: lambda a, b: a * b,
    exp.Div: lambda a, b: a / b,
}


def _tame(low: float, high: float, null: bool) -> Span:
    if low > -_WILD and high < _WILD:
        return Span(low, high, null)
    return Span(-math.inf, math.inf, null, wild=True)


def transform(how: type[Any], value: Span) -> Span:
    """Minus, ABS, FLOOR, CEIL, ROUND."""
    if value.wild or not value.known:
        return value
    low, high = value.low, value.high
    if how is exp.Neg:
        low, high = -high, -low
    elif how is exp.Abs:
        low, high = max(low, -high, 0.0), max(-low, high)
    else:  # at most a whole step away, and the last bits of a large number
        low, high = low - 1 - abs(low) * 1e-12, high + 1 + abs(high) * 1e-12
    return _tame(low, high, value.null)


def hull(values: list[Value], null: bool) -> Value:
    """Whatever one of them can be, but for null."""
    if isinstance(values[0], frozenset):
        every = frozenset().union(*(as_truth(value) for value in values)) - NEITHER
        return every | (NEITHER if null else frozenset())
    spans = [value for value in values if isinstance(value, Span) and value.known]
    if not spans:
        return NEVER
    low, high = min(span.low for span in spans), max(span.high for span in spans)
    return Span(low, high, null, any(span.wild for span in spans))


def bounded(how: type[Any], value: Span, other: Span) -> Span:
    """What a value can be that is known to compare so; strict bounds are the next double."""
    low, high = value.low, value.high
    if how in (exp.GT, exp.GTE, exp.EQ):
        low = max(low, math.nextafter(other.low, math.inf) if how is exp.GT else other.low)
    if how in (exp.LT, exp.LTE, exp.EQ):
        high = min(high, math.nextafter(other.high, -math.inf) if how is exp.LT else other.high)
    return Span(low, high, null=False)


def among(value: Words, words: frozenset[str], wanted: bool) -> Words:
    if value.words is None:
        return Words(words if wanted else None, null=False)
    return Words(value.words & words if wanted else value.words - words, null=False)


def as_truth(value: Value) -> Truth:
    return value if isinstance(value, frozenset) else frozenset()
