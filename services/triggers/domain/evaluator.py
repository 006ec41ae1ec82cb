"""One evaluator for the live chunk, the sweep and the dry run: a frame in, two tables of booleans out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from services.triggers.domain.rules import Rule

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is true, a row a customer and a column a rule. A null condition counts as false in both."""

    when: Bools
    clear: Bools


class Evaluator:
    """The rules' conditions as Polars expressions, compiled once."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self.columns = frozenset(name for rule in rules for name in _columns(rule))
        pairs = [_expressions(rule) for rule in rules]
        self._exprs = [expr.alias(str(i)) for i, expr in enumerate(e for pair in pairs for e in pair)]

    def evaluate(self, frame: pl.DataFrame) -> Verdicts:
        """`frame` has `self.columns`, typed as the vocabulary says, `now` among them."""
        found = frame.select(self._exprs)
        table = np.empty((frame.height, found.width), np.bool_)
        for i, series in enumerate(found):
            table[:, i] = series.to_numpy()
        return Verdicts(table[:, 0::2], table[:, 1::2])


def _columns(rule: Rule) -> frozenset[str]:
    clear = rule.clear.columns if rule.clear else frozenset()
    return rule.when.columns | clear | {"excluded", "now"} | ({"segment"} if rule.segments else set())


def _expressions(rule: Rule) -> tuple[pl.Expr, pl.Expr]:
    """When and clear. Whom the rule is not meant for is never true and always clear."""
    when = rule.when.expr
    # Clearing takes knowledge too: where a fact has become unknown, NOT null is null, and it stays.
    clear = ~when if rule.clear is None else rule.clear.expr
    outside = pl.col("excluded").fill_null(value=False)
    if rule.segments:
        outside = outside | ~pl.col("segment").is_in(rule.segments).fill_null(value=False)
    return when.fill_null(value=False) & ~outside, clear.fill_null(value=False) | outside
