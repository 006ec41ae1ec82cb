"""One rule set carried through the days, by the evaluator and the lifecycle that run live."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sqlglot

from libs.runtime.offline.held import lacking
from services.triggers.domain.book import Book
from services.triggers.domain.columns import Bools
from services.triggers.domain.evaluator import Evaluator
from services.triggers.domain.lifecycle import Memory, Phase, Truth, advance
from services.triggers.domain.rules import Rule
from services.triggers.domain.transitions import Phases, Table, plan
from services.triggers.offline.frames import Frame, columns_of

Counts = npt.NDArray[np.int64]

_NOTHING = Memory()

# Flags that say whether a source is there at all: never true is never known.
_GATES = frozenset({"site_known", "site_tracking_live"})


class Firing(NamedTuple):
    """A rule by its place fired for a customer at the end of a day, counted from the first frame."""

    day: int
    slot: int
    rule: int
    episode: int


class Run:
    """State of all customers, a byte a rule, as live rows have it. The rules come with the first day.

    What is true on that day is armed silently, as live when a rule comes; of a customer who appears later
    what is true fires.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self.firings: list[Firing] = []
        self.edges = np.zeros(len(rules), np.int64)  # times that `when` became true
        self.silent = np.zeros(len(rules), np.int64)  # customers for whom it was armed silently
        self.days = 0
        self._evaluator = Evaluator(rules)
        self._book = Book(b"", rules)
        self._state = np.zeros(0, [("generation", "u4"), ("phases", "u1", (len(rules),))])
        self._true = np.zeros((0, len(rules)), np.bool_)
        self._memory: dict[tuple[int, int], Memory] = {}
        self._known: set[str] = set()

    @property
    def columns(self) -> frozenset[str]:
        return self._evaluator.columns

    def step(self, frame: Frame) -> None:
        """A day: one evaluation of all rules for everybody in the frame."""
        self._grow(int(frame.slots.max(initial=-1)) + 1)
        verdicts = self._evaluator.evaluate(columns_of(frame.columns))
        before = self._state[frame.slots]
        history, fresh = np.full(len(before), self.days == 0), before["generation"] == 0
        before["generation"] = self._book.generation  # to a customer first seen now no rule is new
        table = plan(before, verdicts, self._book, history, fresh)
        self._count(frame, verdicts.when, table.phases, before["phases"][:, self._book.columns])
        for line, rule in table.cells:
            truth = Truth(bool(verdicts.when[line, rule]), bool(verdicts.clear[line, rule]))
            self._advance(frame, table, (line, rule), truth)
        before["phases"][:, self._book.columns] = table.phases
        self._state[frame.slots] = before
        self.days += 1

    def waiting(self) -> Counts:
        """Customers by rule for whom it is pending after the last day."""
        phases = self._state["phases"][:, self._book.columns]
        return np.asarray((phases == Phase.PENDING).sum(axis=0))

    def held(self, rule: int) -> list[str]:
        """The facts for want of which a rule never came true; none: it could have."""
        when = self.rules[rule].when
        if self.edges[rule] or self.silent[rule]:
            return []
        tree = sqlglot.parse_one(when.sql, dialect="postgres")
        return sorted(lacking(tree, when.columns - self._known))

    def _grow(self, size: int) -> None:
        more = size - len(self._state)
        if more > 0:
            self._state = np.concatenate([self._state, np.zeros(more, self._state.dtype)])
            self._true = np.concatenate([self._true, np.zeros((more, len(self.rules)), np.bool_)])

    def _advance(self, frame: Frame, table: Table, cell: tuple[int, int], truth: Truth) -> None:
        line, rule = cell
        slot = int(frame.slots[line])
        memory = self._memory.get((slot, rule), _NOTHING)
        phase = Phase(int(table.phases[line, rule]))
        step = advance(phase, memory, truth, frame.now, self.rules[rule].timing)
        if step.memory is not memory:
            self._memory[slot, rule] = step.memory
        if step.phase is not phase:
            table.put(line, rule, step.phase)
        if step.action == "fired":
            self.firings.append(Firing(self.days, slot, rule, step.memory.episode))

    def _count(self, frame: Frame, when: Bools, after: Phases, before: Phases) -> None:
        """What has just been armed silently is no edge: a naive rule would not have been there either."""
        silently = (after == Phase.SILENT) & (before != Phase.SILENT)
        self.silent += silently.sum(axis=0)
        self.edges += (when & ~self._true[frame.slots] & ~silently).sum(axis=0)
        self._true[frame.slots] = when
        for name in self._evaluator.columns - self._known:
            column = frame.columns[name]
            if column.any() if name in _GATES else column.null_count() < len(column):
                self._known.add(name)
