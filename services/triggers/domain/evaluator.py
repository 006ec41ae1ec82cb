"""One evaluator for the live chunk, the sweep and the dry run: columns in, two tables of booleans out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.triggers.domain.columns import Bools, Columns
from services.triggers.domain.rules import Rule
from services.triggers.domain.three_values import Three

_AT_ONCE = 16_384  # customers: what a condition makes on its way stays in the caches


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is true, a row a customer and a column a rule. A null condition counts as false in both."""

    when: Bools
    clear: Bools


class Evaluator:
    """The rules' conditions, compiled once."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self.columns = frozenset(name for rule in rules for name in _columns(rule))

    def evaluate(self, columns: Columns, clearing: Bools | None = None) -> Verdicts:
        """`columns` has `self.columns`. `clearing`, (rules,): for which anybody asks whether it is clear; of
        the others that is not worked out, and told as false. None: for all.
        """
        clearing = np.ones(len(self.rules), np.bool_) if clearing is None else clearing
        shape = (columns.count, len(self.rules))
        found = Verdicts(np.empty(shape, np.bool_), np.empty(shape, np.bool_))
        with np.errstate(all="ignore"):
            for start in range(0, columns.count, _AT_ONCE):
                stop = start + _AT_ONCE
                part = columns if columns.count <= _AT_ONCE else columns.part(start, stop)
                self._judge(part, clearing.tolist(), found.when[start:stop], found.clear[start:stop])
        return found

    def _judge(self, columns: Columns, clearing: list[bool], when: Bools, clear: Bools) -> None:
        """Whom the rule is not meant for is never true and always clear."""
        counted = columns["excluded"] != 1
        clear[:] = False
        for r, rule in enumerate(self.rules):
            true: Three = rule.when.part(columns)
            inside = counted & _meant(rule, columns) if rule.segments else counted
            np.logical_and(true.true, inside, out=when[:, r])
            if clearing[r]:
                # It takes knowledge too: where a fact has become unknown, NOT null is null, and it stays.
                over = true.false if rule.clear is None else rule.clear.part(columns).true
                np.logical_or(over, ~inside, out=clear[:, r])


def _columns(rule: Rule) -> frozenset[str]:
    clear = rule.clear.columns if rule.clear else frozenset()
    return rule.when.columns | clear | {"excluded", "now"} | ({"segment"} if rule.segments else set())


def _meant(rule: Rule, columns: Columns) -> Bools:
    segments = columns["segment"]
    return np.isin(segments, [columns.code("segment", word) for word in rule.segments])
