"""The rule language: SQL text, parsed by sqlglot, translated node by node into functions of arrays.

Only the nodes in the table below exist. Whatever else SQL can say (sub-selects, aggregates, windows,
table and file functions, casts, patterns) has no translation, so it is refused.
NULL follows SQL's three values; a division by zero is NULL.
"""

import difflib
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
import sqlglot
from sqlglot import exp

from services.triggers.domain import three_values as values
from services.triggers.domain.columns import Array, Columns, Part, cells, constant, lift
from services.triggers.domain.three_values import Three
from services.triggers.domain.vocabulary import VOCABULARY, Column, Kind, unknown_column

MAX_LENGTH = 2_000  # characters of a condition
MAX_NODES = 300  # of its syntax tree: far beyond any rule a person can read
_MAX_NUMBER = 1e15  # the contract's own limit of a Real
_DIGITS = frozenset("0123456789")  # that ROUND can keep

# Functions of time: name -> microseconds in its unit; a negative unit counts towards the future.
_SINCE = {"days_since": 86_400e6, "hours_since": 3_600e6, "days_until": -86_400e6}


class ConditionError(ValueError):
    """A condition that the language refuses; the text says what and, where it can, what to write instead."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A translated part: what it computes, what it is, and for text where it came from."""

    part: Part
    kind: Kind
    column: Column | None = None
    literal: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition (or number): true, false or null for each row, never an error.

    Call `part` where numpy does not warn: what overflows is infinite, or null where that makes no number.
    """

    sql: str
    part: Part
    columns: frozenset[str]


def compile_condition(sql: str, vocabulary: Mapping[str, Column] = VOCABULARY) -> Condition:
    """Parse, check and translate one condition. Raises ConditionError."""
    return _compile(sql, vocabulary, Kind.FLAG, "a condition must be true or false, this is a {}")


def compile_number(sql: str, vocabulary: Mapping[str, Column] = VOCABULARY) -> Condition:
    """The same for a part of one that is a number. Raises ConditionError."""
    return _compile(sql, vocabulary, Kind.NUMBER, "expected a number, this is a {}")


def _compile(sql: str, vocabulary: Mapping[str, Column], kind: Kind, otherwise: str) -> Condition:
    tree = parse(sql)
    if sum(1 for _ in tree.walk()) > MAX_NODES:
        raise ConditionError(f"too long: more than {MAX_NODES} parts")
    translator = _Translator(vocabulary)
    typed = translator.visit(tree)
    if typed.kind is not kind:
        raise ConditionError(otherwise.format(typed.kind))
    return Condition(sql, typed.part, frozenset(translator.columns))


def parse(sql: str) -> exp.Expr:
    """The syntax tree, of whatever SQL: `compile_condition` says what of it is allowed."""
    if len(sql) > MAX_LENGTH:
        raise ConditionError(f"too long: {len(sql)} characters, at most {MAX_LENGTH}")
    try:
        statements = sqlglot.parse(sql, dialect="postgres")
    except Exception as error:  # noqa: BLE001 (it reads all of SQL: what it trips over is none of our language)
        raise ConditionError(f"not SQL: {_first_problem(error)}") from None
    if len(statements) != 1 or statements[0] is None:
        raise ConditionError("exactly one condition is expected")
    return statements[0]


def _first_problem(error: Exception) -> str:
    problems = getattr(error, "errors", None)
    if problems and problems[0].get("highlight"):
        return f"cannot read it near {problems[0]['highlight']!r}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return (str(error).splitlines() or [type(error).__name__])[0]


def _value(number: str) -> float:
    """A literal: 1e and 1e3-109 are numbers to sqlglot."""
    try:
        return float(number)
    except ValueError:
        raise ConditionError(f"{number} is not a number") from None


def _number(typed: Typed, what: str) -> Part:
    if typed.kind is Kind.TIME:
        raise ConditionError(f"{what} needs a number, got a time: use days_since(...) or hours_since(...)")
    if typed.kind is not Kind.NUMBER:
        raise ConditionError(f"{what} needs a number, got a {typed.kind}")
    return typed.part


def _flag(typed: Typed, what: str) -> Part:
    if typed.kind is not Kind.FLAG:
        raise ConditionError(f"{what} needs something true or false, got a {typed.kind}")
    return typed.part


def _same(parts: list[Typed], what: str) -> Kind:
    """The one kind of all parts; text never goes through a function."""
    kinds = {part.kind for part in parts}
    if len(kinds) != 1 or Kind.TEXT in kinds:
        raise ConditionError(f"{what} cannot mix or take {', '.join(sorted(kinds))}")
    return parts[0].kind


def _check_text(left: Typed, right: Typed) -> None:
    """Text is compared with a literal only, and a closed list only with its own words."""
    column, literal = left.column or right.column, right.literal if left.column else left.literal
    if column is None or literal is None:
        raise ConditionError("text is compared with a literal only, such as band = 'red'")
    if column.choices and literal not in column.choices:
        near = difflib.get_close_matches(literal, column.choices, 1)
        hint = f", did you mean '{near[0]}'?" if near else ""
        raise ConditionError(f"{column.name} is never '{literal}' (one of {', '.join(column.choices)}){hint}")


Node = Any  # sqlglot's nodes carry their parts in an untyped dict
Handler = Callable[["_Translator", Node], Typed]


class _Translator:
    """One walk over one condition."""

    def __init__(self, vocabulary: Mapping[str, Column]) -> None:
        self._vocabulary = vocabulary
        self.columns: set[str] = set()

    def visit(self, node: Node) -> Typed:
        entry = _ALLOWED.get(type(node))
        if entry is None:
            raise ConditionError(f"{_name(node)} is not part of the rule language")
        handler, parts = entry
        extra = [k for k, v in node.args.items() if v and k not in parts and k not in _NOTES]
        if extra:
            raise ConditionError(f"{_name(node)} with {extra[0]} is not part of the rule language")
        return handler(self, node)

    def column(self, node: Node) -> Typed:
        name = node.name if node.this.args.get("quoted") else node.name.lower()
        column = self._vocabulary.get(name)
        if column is None:
            raise ConditionError(unknown_column(name, self._vocabulary))
        self.columns.add(name)
        found = cells(name)
        return Typed(lift(values.flag, found) if column.kind is Kind.FLAG else found, column.kind, column)

    def literal(self, node: Node) -> Typed:
        if node.is_string:
            return Typed(constant(node.this), Kind.TEXT, literal=node.this)
        value = _value(node.this)
        if not math.isfinite(value) or abs(value) > _MAX_NUMBER:
            raise ConditionError(f"{node.this} is beyond any value a column can have")
        # An array: with a scalar, numpy takes twice as long.
        return Typed(constant(np.array(value)), Kind.NUMBER)

    def boolean(self, node: Node) -> Typed:
        return Typed(constant(values.ALWAYS if node.this else values.NEVER), Kind.FLAG)

    def paren(self, node: Node) -> Typed:
        return self.visit(node.this)

    def logic(self, node: Node) -> Typed:
        word = type(node).__name__.upper()
        left, right = (_flag(self.visit(part), word) for part in (node.this, node.expression))
        return Typed(lift(values.both if word == "AND" else values.either, left, right), Kind.FLAG)

    def negation(self, node: Node) -> Typed:
        return Typed(lift(values.opposite, _flag(self.visit(node.this), "NOT")), Kind.FLAG)

    def comparison(self, node: Node) -> Typed:
        if isinstance(node.this, exp.Null) or isinstance(node.expression, exp.Null):
            raise ConditionError("nothing equals NULL: write IS NULL or IS NOT NULL")
        how, left, right = type(node), self.visit(node.this), self.visit(node.expression)
        _check_comparison(how, left, right)
        if left.kind is Kind.TEXT:
            return Typed(_text_is(left, right, other=how is exp.NEQ), Kind.FLAG)
        compare = _COMPARE_FLAGS if left.kind is Kind.FLAG else _COMPARE
        return Typed(lift(compare[how], left.part, right.part), Kind.FLAG)

    def between(self, node: Node) -> Typed:
        value, low, high = (self.visit(node.args[part]) for part in ("this", "low", "high"))
        _check_comparison(exp.GTE, value, low)
        _check_comparison(exp.LTE, value, high)
        return Typed(lift(values.between, value.part, low.part, high.part), Kind.FLAG)

    def membership(self, node: Node) -> Typed:
        value = self.visit(node.this)
        if not node.expressions or not all(_is_literal(item) for item in node.expressions):
            raise ConditionError("IN takes a list of literals")
        items = [self.visit(item) for item in node.expressions]
        for item in items:
            _check_comparison(exp.EQ, value, item)
        if value.kind is Kind.TEXT:
            found = [_text_is(value, item) for item in items]
            return Typed(lift(lambda *flags: reduce(values.either, flags), *found), Kind.FLAG)
        return Typed(lift(values.is_any_of, value.part, *(item.part for item in items)), Kind.FLAG)

    def identity(self, node: Node) -> Typed:
        """IS [NOT] NULL, TRUE, FALSE: never null itself."""
        value, wanted = self.visit(node.this), node.expression
        if type(wanted) is exp.Null:
            found = _is_null(value)
        elif type(wanted) is exp.Boolean:
            found = lift(values.is_true if wanted.this else values.is_false, _flag(value, "IS"))
        else:
            raise ConditionError("IS takes NULL, TRUE or FALSE")
        return Typed(lift(values.opposite, found) if node.args.get("negate") else found, Kind.FLAG)

    def arithmetic(self, node: Node) -> Typed:
        left, right = (_number(self.visit(p), _name(node)) for p in (node.this, node.expression))
        return Typed(lift(_ARITHMETIC[type(node)], left, right), Kind.NUMBER)

    def unary(self, node: Node) -> Typed:
        number = _number(self.visit(node.this), _name(node))
        return Typed(lift(_UNARY[type(node)], number), Kind.NUMBER)

    def rounding(self, node: Node) -> Typed:
        decimals = node.args.get("decimals")
        if decimals is not None and not (_is_number(decimals) and decimals.this in _DIGITS):
            raise ConditionError("ROUND takes 0 to 9 digits")
        digits = int(decimals.this) if decimals is not None else 0
        rounded = partial(np.round, decimals=digits)
        return Typed(lift(rounded, _number(self.visit(node.this), "ROUND")), Kind.NUMBER)

    def choice(self, node: Node) -> Typed:
        """COALESCE, GREATEST, LEAST: nulls are passed over, as PostgreSQL does."""
        parts = [self.visit(part) for part in (node.this, *node.expressions)]
        kind = _same(parts, _name(node))
        if kind is Kind.FLAG and type(node) is not exp.Coalesce:
            raise ConditionError(f"{_name(node)} needs numbers or times")
        return Typed(lift(_CHOICE[type(node)], *(typed.part for typed in parts)), kind)

    def null_if(self, node: Node) -> Typed:
        value, other = self.visit(node.this), self.visit(node.expression)
        kind = _same([value, other], "NULLIF")
        return Typed(lift(values.null_where_equal, value.part, other.part), kind)

    def case(self, node: Node) -> Typed:
        arms = [
            (_flag(self.visit(arm.this), "WHEN"), self.visit(arm.args["true"])) for arm in node.args["ifs"]
        ]
        last = node.args.get("default")
        default = None if last is None or isinstance(last, exp.Null) else self.visit(last)
        kind = _same([value for _, value in arms] + ([default] if default else []), "CASE")
        count, parts = len(arms), [*(test for test, _ in arms), *(value.part for _, value in arms)]

        def case(*found: Any) -> Any:
            return values.case(found[:count], found[count : 2 * count], *found[2 * count :])

        return Typed(lift(case, *parts, *([default.part] if default else [])), kind)

    def function(self, node: Node) -> Typed:
        name = str(node.this).lower()
        unit = _SINCE.get(name)
        if unit is None:
            near = difflib.get_close_matches(name, _SINCE, 1)
            hint = f", did you mean {near[0]}?" if near else ""
            raise ConditionError(f"function {name} is not part of the rule language{hint}")
        if len(node.expressions) != 1:
            raise ConditionError(f"{name} takes one time")
        moment = self.visit(node.expressions[0])
        if moment.kind is not Kind.TIME:
            raise ConditionError(f"{name} needs a time, got a {moment.kind}")
        self.columns.add("now")
        return Typed(lift(partial(values.elapsed, unit), cells("now"), moment.part), Kind.NUMBER)


def _is_number(node: Node) -> bool:
    return type(node) is exp.Literal and not node.is_string


def _is_literal(node: Node) -> bool:
    return type(node) is exp.Literal or (type(node) is exp.Neg and _is_number(node.this))


def _name(node: Node) -> str:
    name = node.sql_name() if isinstance(node, exp.Func) and not isinstance(node, exp.Anonymous) else ""
    return name or type(node).__name__.upper()


def _hint(left: Typed, right: Typed) -> str:
    kinds = {left.kind, right.kind}
    return ": use days_since(...) or hours_since(...)" if kinds == {Kind.TIME, Kind.NUMBER} else ""


def _check_comparison(how: type[Any], left: Typed, right: Typed) -> None:
    if left.kind is not right.kind:
        raise ConditionError(f"cannot compare a {left.kind} with a {right.kind}{_hint(left, right)}")
    if left.kind is Kind.TEXT:
        _check_text(left, right)
    if left.kind in (Kind.TEXT, Kind.FLAG) and how not in (exp.EQ, exp.NEQ):
        raise ConditionError(f"a {left.kind} can only be equal or not")


def _text_is(left: Typed, right: Typed, *, other: bool = False) -> Part:
    """Checked: one of them is a column, the other a word."""
    column, word = left.column or right.column, right.literal if left.column else left.literal
    assert column is not None
    assert word is not None
    name, text = column.name, word

    def is_it(columns: Columns) -> Three:
        found = values.text_is(columns[name], columns.code(name, text))
        return values.opposite(found) if other else found

    return is_it


def _is_null(value: Typed) -> Part:
    if value.literal is not None:
        return constant(values.NEVER)
    return lift(values.no_word if value.kind is Kind.TEXT else values.is_null, value.part)


_COMPARE: dict[type[Any], Callable[[Array, Array], Three]] = {
    exp.EQ: values.equal,
    exp.NEQ: lambda left, right: values.opposite(values.equal(left, right)),
    exp.LT: values.less,
    exp.LTE: values.at_most,
    exp.GT: lambda left, right: values.less(right, left),
    exp.GTE: lambda left, right: values.at_most(right, left),
}
_COMPARE_FLAGS: dict[type[Any], Callable[[Three, Three], Three]] = {
    exp.EQ: values.same,
    exp.NEQ: lambda left, right: values.opposite(values.same(left, right)),
}
_ARITHMETIC: dict[type[Any], Callable[[Array, Array], Array]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
    exp.Div: values.quotient,
}
_UNARY: dict[type[Any], Callable[[Array], Array]] = {
    exp.Neg: operator.neg,
    exp.Abs: np.abs,
    exp.Floor: np.floor,
    exp.Ceil: np.ceil,
}
_CHOICE: dict[type[Any], Callable[..., Any]] = {
    exp.Coalesce: values.first_known,
    exp.Greatest: values.greatest,
    exp.Least: values.least,
}
_PAIR = frozenset({"this", "expression"})
_MANY = frozenset({"this", "expressions"})
_ONE = frozenset({"this"})

# What sqlglot notes on nodes: read by the translations (`is_string`, `negate`), or how we mean it anyway.
_NOTES = frozenset({"is_string", "negate", "typed", "ignore_nulls"})

# Node -> its translation and the parts it may have. The whole language is this table.
_ALLOWED: dict[type[Any], tuple[Handler, frozenset[str]]] = {
    exp.Column: (_Translator.column, _ONE),
    exp.Literal: (_Translator.literal, _ONE),
    exp.Boolean: (_Translator.boolean, _ONE),
    exp.Paren: (_Translator.paren, _ONE),
    exp.And: (_Translator.logic, _PAIR),
    exp.Or: (_Translator.logic, _PAIR),
    exp.Not: (_Translator.negation, _ONE),
    **dict.fromkeys(_COMPARE, (_Translator.comparison, _PAIR)),
    exp.Between: (_Translator.between, frozenset({"this", "low", "high"})),
    exp.In: (_Translator.membership, _MANY),
    exp.Is: (_Translator.identity, _PAIR),
    **dict.fromkeys(_ARITHMETIC, (_Translator.arithmetic, _PAIR)),
    **dict.fromkeys(_UNARY, (_Translator.unary, _ONE)),
    exp.Round: (_Translator.rounding, frozenset({"this", "decimals"})),
    **dict.fromkeys(_CHOICE, (_Translator.choice, _MANY)),
    exp.Nullif: (_Translator.null_if, _PAIR),
    exp.Case: (_Translator.case, frozenset({"ifs", "default"})),
    exp.Anonymous: (_Translator.function, _MANY),
}
