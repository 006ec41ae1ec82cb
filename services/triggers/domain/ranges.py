"""What a condition can come to, from the ranges of its columns: three-valued logic over intervals.

Sound, not complete: "never true" is a proof, and where it is not said nothing is said. Parts of a condition
are named by their SQL text: what is assumed of `days_since(x)` holds wherever it stands.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial, reduce
from typing import Any

from sqlglot import exp

from services.triggers.domain.intervals import (
    NEITHER,
    NEVER,
    NO,
    OPEN,
    OPERATE,
    SPANS,
    YES,
    Span,
    Truth,
    Value,
    Words,
    among,
    as_truth,
    both,
    bounded,
    combine,
    compare,
    either,
    hull,
    may_be_known,
    may_be_null,
    operate,
    some,
    transform,
)
from services.triggers.domain.vocabulary import LONGEST, VOCABULARY, Column, Kind

_DEPTH = 2  # ANDs and ORs within each other that are looked at in context: each multiplies the work
_TIME = {"days_since": LONGEST, "hours_since": 24 * LONGEST, "days_until": LONGEST}


class Known:
    """What is assumed of parts of a condition, on top of what the vocabulary says of its columns."""

    def __init__(
        self, vocabulary: Mapping[str, Column] = VOCABULARY, facts: Mapping[str, Value] | None = None
    ) -> None:
        self.vocabulary, self.facts = vocabulary, dict(facts or {})
        self._names: dict[int, tuple[Any, str]] = {}  # by identity: text takes longer than judging it

    def given(self, condition: Any, *, wanted: bool = True) -> "Known | None":
        """The same with a condition taken to be true (or false); None where that cannot be."""
        found = Known(self.vocabulary, self.facts)
        found._names = self._names
        return found if _assume(condition, wanted, found) else None

    def set(self, node: Any, value: Value) -> bool:
        self.facts[self.name(node)] = value
        return bool(value) if isinstance(value, frozenset) else value.known or value.null

    def name(self, node: Any) -> str:
        node = node.unnest()
        held = self._names.get(id(node))
        if held is None:
            held = self._names[id(node)] = (node, node.sql(dialect="postgres"))  # kept: ids are used again
        return held[1]


def truth(condition: Any, known: Known, depth: int = _DEPTH) -> Truth:
    """What a condition can come to."""
    found = _value(condition, known, depth)
    assert isinstance(found, frozenset)
    return found


def _value(node: Any, known: Known, depth: int) -> Value:
    node = node.unnest()
    held = known.facts.get(known.name(node)) if known.facts else None
    return _fresh(node, known, depth) if held is None else held


def _fresh(node: Any, known: Known, depth: int) -> Value:
    """Without what is assumed of the node itself: of its parts it holds."""
    return _HANDLERS[type(node)](node, known, depth)


def _column(node: Any, known: Known, _: int) -> Value:
    column = known.vocabulary[node.name if node.this.args.get("quoted") else node.name.lower()]
    null = not column.required
    if column.kind is Kind.FLAG:
        return OPEN | NEITHER
    if column.kind is Kind.TEXT:
        return Words(frozenset(column.choices) or None, null)
    return Span(column.low, column.high, null)


def _literal(node: Any, *_: Any) -> Value:
    if node.is_string:
        return Words(frozenset({node.this}), null=False)
    return Span(float(node.this), float(node.this), null=False)


def _boolean(node: Any, *_: Any) -> Value:
    return YES if node.this else NO


def _logic(node: Any, known: Known, depth: int) -> Value:
    """All parts at once: an AND is not true if its parts cannot all be; an OR likewise for false."""
    together, target = (both, True) if isinstance(node, exp.And) else (either, False)
    parts = list(_operands(node))
    found = reduce(partial(combine, together), [truth(part, known, depth) for part in parts])
    if target in found and depth and not _possible(node, parts, target, known, depth - 1):
        return found - {target}
    return found


def _operands(node: Any) -> Iterator[Any]:
    """Of a AND (b AND c) all three."""
    for part in (node.this.unnest(), node.expression.unnest()):
        yield from _operands(part) if type(part) is type(node) else (part,)


def _possible(node: Any, parts: list[Any], target: bool, known: Known, depth: int) -> bool:
    given = known.given(node, wanted=target)
    return given is not None and all(target in as_truth(_fresh(part, given, depth)) for part in parts)


def _not(node: Any, known: Known, depth: int) -> Value:
    return frozenset(None if one is None else not one for one in truth(node.this, known, depth))


def _comparison(node: Any, known: Known, depth: int) -> Value:
    left, right = (_value(part, known, depth) for part in (node.this, node.expression))
    return compare(type(node), left, right)


def _between(node: Any, known: Known, depth: int) -> Value:
    value, low, high = (_value(node.args[part], known, depth) for part in ("this", "low", "high"))
    found = combine(both, compare(exp.GTE, value, low), compare(exp.LTE, value, high))
    spans = _tame_spans(value, low, high)
    empty = spans is not None and not _within(*spans).known
    return found - YES if empty else found


def _in(node: Any, known: Known, depth: int) -> Value:
    value = _value(node.this, known, depth)
    each = [compare(exp.EQ, value, _value(item, known, depth)) for item in node.expressions]
    return reduce(partial(combine, either), each)


def _is(node: Any, known: Known, depth: int) -> Value:
    value, wanted = _value(node.this, known, depth), node.expression
    if isinstance(wanted, exp.Null):
        found = some(may_be_null(value), may_be_known(value))
    else:
        asked, said = bool(wanted.this), as_truth(value)
        found = some(asked in said, bool(said - {asked}))
    return frozenset(not one for one in found) if node.args.get("negate") else found


def _span(node: Any, known: Known, depth: int) -> Span:
    found = _value(node, known, depth)
    assert isinstance(found, Span)
    return found


def _arithmetic(node: Any, known: Known, depth: int) -> Value:
    left, right = (_span(part, known, depth) for part in (node.this, node.expression))
    return operate(type(node), left, right)


def _unary(node: Any, known: Known, depth: int) -> Value:
    return transform(type(node), _span(node.this, known, depth))


def _choice(node: Any, known: Known, depth: int) -> Value:
    """COALESCE, GREATEST, LEAST pass over nulls: one of the parts, null when all are."""
    values = [_value(part, known, depth) for part in (node.this, *node.expressions)]
    return hull(values, all(may_be_null(value) for value in values))


def _null_if(node: Any, known: Known, depth: int) -> Value:
    return hull([_value(node.this, known, depth)], null=True)


def _case(node: Any, known: Known, depth: int) -> Value:
    arms = [_value(arm.args["true"], known, depth) for arm in node.args["ifs"]]
    last = node.args.get("default")
    ends = last is not None and not isinstance(last, exp.Null)
    values = [*arms, _value(last, known, depth)] if ends else arms
    return hull(values, not ends or any(may_be_null(value) for value in values))


def _function(node: Any, known: Known, depth: int) -> Value:
    moment, most = _span(node.expressions[0], known, depth), _TIME[str(node.this).lower()]
    return Span(-most, most, moment.null) if moment.known else NEVER


_HANDLERS: dict[type[Any], Callable[[Any, Known, int], Value]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: _boolean,
    exp.And: _logic,
    exp.Or: _logic,
    exp.Not: _not,
    **dict.fromkeys(SPANS, _comparison),
    exp.Between: _between,
    exp.In: _in,
    exp.Is: _is,
    **dict.fromkeys(OPERATE, _arithmetic),
    **dict.fromkeys((exp.Neg, exp.Abs, exp.Floor, exp.Ceil, exp.Round), _unary),
    **dict.fromkeys((exp.Coalesce, exp.Greatest, exp.Least), _choice),
    exp.Nullif: _null_if,
    exp.Case: _case,
    exp.Anonymous: _function,
}


# ---- what follows from a condition being true, or false


def _assume(node: Any, wanted: bool, known: Known) -> bool:
    """Narrow what is known; False where it cannot be so."""
    node = node.unnest()
    if isinstance(node, exp.Not):
        return _assume(node.this, not wanted, known)
    if isinstance(node, exp.And if wanted else exp.Or):
        return all(_assume(part, wanted, known) for part in _operands(node))
    narrow = _NARROW.get(type(node))
    if wanted not in as_truth(_value(node, known, 0)) or not (narrow is None or narrow(node, wanted, known)):
        return False
    return known.set(node, YES if wanted else NO)


def _narrow_comparison(node: Any, wanted: bool, known: Known) -> bool:
    how = type(node) if wanted else _OPPOSITE[type(node)]
    sides = (node.this, node.expression)
    left, right = (_value(part, known, 0) for part in sides)
    if isinstance(left, Span) and isinstance(right, Span):
        if left.wild or right.wild:
            return True
        return known.set(sides[0], bounded(how, left, right)) and known.set(
            sides[1], bounded(_MIRROR[how], right, left)
        )
    if isinstance(left, Words) and isinstance(right, Words):
        column, literal, side = (left, right, 0) if isinstance(sides[1], exp.Literal) else (right, left, 1)
        return known.set(sides[side], among(column, literal.words or frozenset(), how is exp.EQ))
    return True


def _narrow_between(node: Any, wanted: bool, known: Known) -> bool:
    if not wanted:
        return True
    spans = _tame_spans(*(_value(node.args[part], known, 0) for part in ("this", "low", "high")))
    return spans is None or known.set(node.this, _within(*spans))


def _tame_spans(*values: Value) -> tuple[Span, ...] | None:
    spans = tuple(one for one in values if isinstance(one, Span) and not one.wild)
    return spans if len(spans) == len(values) else None


def _within(value: Span, low: Span, high: Span) -> Span:
    return bounded(exp.LTE, bounded(exp.GTE, value, low), high)


def _narrow_in(node: Any, wanted: bool, known: Known) -> bool:
    value = _value(node.this, known, 0)
    items = [_value(item, known, 0) for item in node.expressions]
    if isinstance(value, Words):
        words = frozenset().union(*(item.words or () for item in items if isinstance(item, Words)))
        return known.set(node.this, among(value, words, wanted))
    if isinstance(value, Span) and not value.wild:
        around = hull(items, null=False)
        assert isinstance(around, Span)
        return known.set(node.this, bounded(exp.EQ, value, around) if wanted else replace(value, null=False))
    return True


def _narrow_is(node: Any, wanted: bool, known: Known) -> bool:
    """Only IS [NOT] NULL of a number, a time or a text."""
    value = _value(node.this, known, 0)
    if not isinstance(node.expression, exp.Null) or isinstance(value, frozenset):
        return True
    if wanted is bool(node.args.get("negate")):
        return known.set(node.this, replace(value, null=False))
    return known.set(node.this, NEVER if isinstance(value, Span) else Words(frozenset()))


_OPPOSITE: dict[type[Any], type[Any]] = {
    exp.LT: exp.GTE,
    exp.GTE: exp.LT,
    exp.GT: exp.LTE,
    exp.LTE: exp.GT,
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
}
_MIRROR: dict[type[Any], type[Any]] = {
    exp.LT: exp.GT,
    exp.GT: exp.LT,
    exp.LTE: exp.GTE,
    exp.GTE: exp.LTE,
    exp.EQ: exp.EQ,
    exp.NEQ: exp.NEQ,
}
_NARROW: dict[type[Any], Callable[[Any, bool, Known], bool]] = {
    **dict.fromkeys(SPANS, _narrow_comparison),
    exp.Between: _narrow_between,
    exp.In: _narrow_in,
    exp.Is: _narrow_is,
}
