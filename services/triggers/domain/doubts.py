"""Doubts about rules that compile: conditions that say nothing, and rests that undercut another rule's.

Everything said here is proven from the ranges of the columns; where there is no proof, nothing is said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import combinations
from typing import Any

from sqlglot import exp

from services.triggers.domain.intervals import NEITHER, YES
from services.triggers.domain.language import parse
from services.triggers.domain.ranges import Known, truth
from services.triggers.domain.rules import RuleSpec

_tree = lru_cache(maxsize=256)(parse)  # both conditions of a full file; nobody changes a tree
_JOINS = (exp.And, exp.Or, exp.Not, exp.Paren)


@dataclass(frozen=True, slots=True)
class Doubt:
    """`rule` is its position in the file; `field` where to look."""

    rule: int
    field: str
    message: str


def doubts(specs: Sequence[RuleSpec]) -> list[Doubt]:
    """Of rules that compile, in the order of the file."""
    found = [Doubt(i, *said) for i, spec in enumerate(specs) for said in _of_one(spec)]
    for (i, one), (j, other) in combinations(enumerate(specs), 2):
        found += [Doubt(j, "cooldown", said) for said in _of_two(one, other)]
        found += [Doubt(i, "cooldown", said) for said in _of_two(other, one, same=False)]
    return found


def _of_one(spec: RuleSpec) -> Iterator[tuple[str, str]]:
    yield from _of_conditions(spec)
    if "cooldown" in spec.model_fields_set and timedelta(0) < spec.cooldown < spec.hold:
        yield (
            "cooldown",
            f"never makes {spec.id} wait: before it fires again `for` has to pass, which is longer",
        )


def _of_conditions(spec: RuleSpec) -> Iterator[tuple[str, str]]:
    when = _tree(spec.when)
    said = list(_empty(when))
    yield from (("when", message) for message in said)
    if spec.clear is None:
        return
    clear = _tree(spec.clear)
    unclear = list(_empty(clear))
    yield from (("clear", message) for message in unclear)
    if not said and not unclear and _follows(clear, when):
        yield "clear", "is true whenever `when` is: the rule would clear as it fires"


def _empty(condition: Any) -> Iterator[str]:
    """The parts that are always or never true; where no part is, the whole."""
    said = [text for part in _parts(condition) if (text := _constant(part))]
    yield from said or filter(None, [_constant(condition)])


def _constant(node: Any) -> str | None:
    can_be, text = truth(node, Known()), node.sql(dialect="postgres")
    if can_be == YES:
        return f"{text} is always true"
    if can_be == YES | NEITHER:
        return f"{text} is true of everybody of whom it is known: write IS NOT NULL if that is meant"
    return None if True in can_be else f"{text} is never true"


def _parts(node: Any) -> Iterator[Any]:
    """The comparisons between AND, OR and NOT; a part that is a whole condition is not one."""
    if not isinstance(node, _JOINS):
        return
    for child in node.iter_expressions():
        yield from _parts(child) if isinstance(child, _JOINS) else (child,)


def _follows(conclusion: Any, premise: Any) -> bool:
    """Whether whatever makes the premise true makes the conclusion true."""
    known = Known().given(premise)
    return known is not None and truth(conclusion, known) == YES


def _of_two(wide: RuleSpec, narrow: RuleSpec, *, same: bool = True) -> Iterator[str]:
    """One matter, told to one team at one level by two rules, the narrower of which rests less."""
    if wide.level != narrow.level or wide.labels["team"] != narrow.labels["team"]:
        return
    contained = _within(narrow, wide)
    equal = contained and _within(wide, narrow)
    if equal and same:
        yield f"{narrow.id} says the same as {wide.id} to the same team: whoever fires one fires both"
    elif contained and not equal and narrow.cooldown < wide.cooldown:
        yield (
            f"{narrow.id} is true only of whom {wide.id} is true of too, and rests less: "
            f"it undercuts that rule's cooldown"
        )


def _within(narrow: RuleSpec, wide: RuleSpec) -> bool:
    """Whether one rule is true only of customers of whom another is true too."""
    segments = not wide.segments or (bool(narrow.segments) and set(narrow.segments) <= set(wide.segments))
    return segments and _follows(_tree(wide.when), _tree(narrow.when))
