"""The numbers of a rule that can be turned, and the rules that come of turning them. Computes only.

A knob is a literal that an inequality holds against something measured (`days_since(x) >= 60`), a literal
factor of one (`a <= 0.8 * b` measures a / b), or the rule's `for`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import islice, product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlglot
from sqlglot import exp

from services.triggers.domain.doubts import doubts
from services.triggers.domain.language import ConditionError, parse
from services.triggers.domain.ranges import Known, truth
from services.triggers.domain.rules import RuleError, RuleSpec, compile_rule, parse_duration, spell_duration

MOST = 64  # variants: as many rules as one evaluation takes
FOR = "for"
_FEWEST, _FULLEST = 3, 8  # values of a knob in a full grid
_LADDER = (0, 1, 2, 3, 7, 14)  # days: what a `for` is moved to
_SHARES = (0.5, 2.0, 0.75, 1.5, 0.25, 1.25, 4.0, 0.9)  # of whom a comparison is true, to whom it is true now
_NEXT = (-1, 1, -2, 2, -3, 3)  # and, between whole numbers, to the next ones
_COARSE = 5  # a spread of values from which on a threshold that was written whole stays whole
_SEED = 0.01  # share of a comparison that is true of nobody now

Floats = npt.NDArray[np.float64]
_UP = frozenset({exp.LT, exp.LTE})  # measure < literal: a larger literal is true of more
_MIRROR: dict[type[Any], type[Any]] = {exp.LT: exp.GT, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.GTE: exp.LTE}


@dataclass(frozen=True, slots=True)
class Knob:
    """A literal of a `when`. `start` and `end` are its place in that text."""

    measure: str  # what it is held against, as SQL
    how: type[Any]  # measure `how` literal
    written: str
    start: int
    end: int
    on: str  # the condition with this comparison true
    off: str  # and with it false: who is in `on` alone is decided by the comparison

    @property
    def widens_up(self) -> bool:
        return self.how in _UP


class Span(NamedTuple):
    start: int
    end: int


def knobs(when: str) -> list[Knob]:
    """In the order of the text. Raises ConditionError."""
    tree = parse(when)
    places = _places(tree, when)
    found = []
    for node in tree.walk():
        for held in _held(node):
            place, on = places[id(held.literal)], "TRUE" if held.rest is None else held.rest
            written = when[place.start : place.end].replace(" ", "")
            sides = (_replaced(tree, node, side) for side in (on, "FALSE"))
            found.append(Knob(held.measure, held.how, written, *place, *sides))
    return sorted(found, key=lambda knob: knob.start)


def _places(tree: Any, when: str) -> dict[int, Span]:
    """Where each number stands, by the node's identity. A minus in front of it belongs to it."""
    tokens = sqlglot.tokenize(when, dialect="postgres")
    numbers = [i for i, token in enumerate(tokens) if token.token_type.name == "NUMBER"]
    nodes = [node for node in _leaves(tree) if isinstance(node, exp.Literal) and not node.is_string]
    if [tokens[i].text for i in numbers] != [node.this for node in nodes]:
        raise ConditionError("its numbers cannot be told apart: write them plainly")
    places = {}
    for i, node in zip(numbers, nodes, strict=True):
        signed = isinstance(node.parent, exp.Neg) and tokens[i - 1].token_type.name == "DASH"
        start = tokens[i - 1].start if signed else tokens[i].start
        places[id(node.parent if signed else node)] = Span(start, tokens[i].end + 1)
    return places


def _leaves(node: Any) -> Iterator[Any]:
    """From left to right, as they are written."""
    children = list(node.iter_expressions())
    for child in children:
        yield from _leaves(child)
    if not children:
        yield node


class _Held(NamedTuple):
    """A literal in a comparison. `rest`: what else the comparison says, as SQL."""

    literal: Any
    how: type[Any]
    measure: str
    rest: str | None = None


def _held(node: Any) -> Iterator[_Held]:
    if isinstance(node, exp.Between):
        value, low, high = (_sql(node.args[part]) for part in ("this", "low", "high"))
        for part, how, rest in (
            ("low", exp.GTE, f"{value} <= {high}"),
            ("high", exp.LTE, f"{value} >= {low}"),
        ):
            if _is_number(node.args[part]) and _measures(node.this):
                yield _Held(node.args[part], how, value, rest)
    elif type(node) in _MIRROR:
        left, right = node.this, node.expression
        yield from _side(left, type(node), right)
        yield from _side(right, _MIRROR[type(node)], left)


def _side(measured: Any, how: type[Any], other: Any) -> Iterator[_Held]:
    """`other` is a number, or a number times something."""
    if not _measures(measured):
        return
    if _is_number(other):
        yield _Held(other, how, _sql(measured))
    elif isinstance(other, exp.Mul):
        for literal, factor in ((other.this, other.expression), (other.expression, other.this)):
            if _is_number(literal) and _measures(factor):
                yield _Held(literal, how, f"{_term(measured)} / {_term(factor)}")


def _is_number(node: Any) -> bool:
    bare = node.this if isinstance(node, exp.Neg) else node
    return isinstance(bare, exp.Literal) and not bare.is_string


def _measures(node: Any) -> bool:
    return node.find(exp.Column) is not None


def _sql(node: Any) -> str:
    return str(node.sql(dialect="postgres", normalize_functions=False))


def _term(node: Any) -> str:
    bare = node.unnest()
    return _sql(bare) if isinstance(bare, exp.Column) else f"({_sql(bare)})"


def _replaced(tree: Any, node: Any, sql: str) -> str:
    """The condition with a part of it written otherwise."""
    at = next(i for i, each in enumerate(tree.walk()) if each is node)
    copied = tree.copy()
    part = next(islice(copied.walk(), at, None))
    other = exp.Paren(this=parse(sql))
    return _sql(other if part is copied else part.replace(other).root())


# ---- values to turn it to


def shares(now: float) -> Iterator[float]:
    """Of whom the comparison could be true instead, the most telling first; never of all."""
    for factor in _SHARES:
        share = (now or _SEED) * factor
        yield share if factor < 1 else min(share, (now + 1) / 2)


def steps(knob: Knob, values: Floats, count: int) -> list[str]:
    """Other values of a knob, at most so many. `values`: of customers of whom this comparison decides.

    Each makes it true of another share of them: of half as many as now, of twice as many, and so on.
    Between few whole values, the next ones to both sides. Written in two digits, as people write thresholds.
    """
    known = np.sort(values[np.isfinite(values)])
    if not len(known):
        return []
    here = float(knob.written)
    whole = "." not in knob.written and bool(np.ptp(known) >= _COARSE or (known == np.floor(known)).all())
    now = float(_COMPARE[knob.how](known, here).mean())
    levels = [share if knob.widens_up else 1 - share for share in shares(now)]
    wanted = [float(value) for value in np.quantile(known, levels, method="inverted_cdf")]
    nearby = [here + step for step in _NEXT if whole and known[0] <= here + step <= known[-1]]
    texts = dict.fromkeys(_text(value, whole=whole) for value in (*wanted, *nearby))
    return [text for text in texts if float(text) != here][:count]


def _text(value: float, *, whole: bool) -> str:
    """Two digits; never an exponent, and no minus zero."""
    rounded = Decimal(f"{value:.1e}")
    return f"{Decimal(round(rounded)) if whole else rounded.normalize() + 0:f}"


def hold_steps(hold: timedelta, count: int) -> list[str]:
    """Other values of `for`, the nearest first. Frames are days: less than one is not seen in them."""
    ladder = sorted({hold, *(timedelta(days=days) for days in _LADDER)})
    here = ladder.index(hold)
    nearest = sorted(ladder, key=lambda span: (abs(ladder.index(span) - here), span < hold))
    return [spell_duration(span) for span in nearest if span != hold][:count]


# ---- rules that come of it


class Turn(NamedTuple):
    """A knob, and what it can be turned to besides what is written."""

    name: str  # what it measures, or `for`
    written: str
    others: list[str]


class Variant(NamedTuple):
    """`values` in the order of the knobs; the first variant of all is the rule as it is."""

    values: tuple[str, ...]
    spec: RuleSpec


def variants(spec: RuleSpec, found: Sequence[Knob], turns: Sequence[Turn]) -> list[Variant]:
    """Rules that compile, without a doubt or a contradiction that the rule itself does not have.

    `turns` are of `found` in that order, then of `for`. Every combination where three values each leave room
    for that; else one knob at a time.
    """
    first, *others = (Variant(values, turned(spec, found, values)) for values in _combined(turns))
    return [first, *(each for each in others if _is_clean(each.spec, spec))]


def room(knobs_turned: int) -> int:
    """How many other values each of so many knobs may have."""
    if not knobs_turned:
        return 0
    full = int(MOST ** (1 / knobs_turned) + 1e-9)
    each = full if full >= _FEWEST else (MOST - 1) // knobs_turned + 1
    return min(each, _FULLEST) - 1


def _combined(turns: Sequence[Turn]) -> Iterator[tuple[str, ...]]:
    written = tuple(turn.written for turn in turns)
    sizes = [1 + len(turn.others) for turn in turns]
    if np.prod(sizes) <= MOST:
        yield from product(*([turn.written, *turn.others] for turn in turns))
        return
    yield written
    for at, turn in enumerate(turns):
        for other in turn.others:
            yield (*written[:at], other, *written[at + 1 :])


def turned(spec: RuleSpec, found: Sequence[Knob], values: Sequence[str]) -> RuleSpec:
    """The rule with other numbers, otherwise to the letter as it was."""
    *numbers, hold = values
    update: dict[str, Any] = {"when": rewritten(spec.when, found, numbers)}
    if hold != spell_duration(spec.hold):
        update["hold"] = parse_duration(hold)
    return spec.model_copy(update=update)


def rewritten(when: str, found: Sequence[Knob], numbers: Sequence[str]) -> str:
    text, at = "", 0
    for knob, number in zip(found, numbers, strict=True):
        text += when[at : knob.start] + number
        at = knob.end
    return text + when[at:]


def _is_clean(spec: RuleSpec, base: RuleSpec) -> bool:
    try:
        compile_rule(spec)
    except RuleError:
        return False
    return len(doubts([spec])) <= len(doubts([base])) and (_excludes(spec) or not _excludes(base))


def _excludes(spec: RuleSpec) -> bool:
    """Whether `when` and `clear` are proven never to be true together: a rule that does both flaps."""
    if spec.clear is None:
        return True
    known = Known().given(parse(spec.when))
    return known is None or True not in truth(parse(spec.clear), known)


_COMPARE: dict[type[Any], Callable[[Floats, float], npt.NDArray[np.bool_]]] = {
    exp.LT: np.less,
    exp.LTE: np.less_equal,
    exp.GT: np.greater,
    exp.GTE: np.greater_equal,
}
