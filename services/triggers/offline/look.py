"""What the numbers of a rule could be instead: read from the customers of whom each of them decides."""

from collections.abc import Iterable, Sequence

import numpy as np

from services.triggers.domain.evaluator import Evaluator
from services.triggers.domain.knobs import FOR, Floats, Knob, Turn, hold_steps, room, steps
from services.triggers.domain.language import compile_number
from services.triggers.domain.rules import Rule, RuleSpec, compile_rule, spell_duration
from services.triggers.offline.frames import Frame, columns_of

DAYS = 12  # that are looked at: once a month over a year


class Look:
    """Collects what the knobs measure, over some days."""

    def __init__(self, spec: RuleSpec, knobs: Sequence[Knob]) -> None:
        self._spec, self._knobs = spec, knobs
        self._evaluator = Evaluator([self._with(sql) for knob in knobs for sql in (knob.on, knob.off)])
        self._measures = [compile_number(knob.measure) for knob in knobs]
        self._found: list[list[Floats]] = [[] for _ in knobs]

    @property
    def columns(self) -> frozenset[str]:
        return self._evaluator.columns.union(*(measure.columns for measure in self._measures))

    def turns(self, frames: Iterable[Frame]) -> list[Turn]:
        """Each knob with other values, `for` last."""
        for frame in frames:
            self._see(frame)
        values = [np.concatenate([*found, np.zeros(0)]) for found in self._found]
        free = room(1 + sum(bool(len(each)) for each in values))
        turns = [
            Turn(knob.measure, knob.written, steps(knob, known, free))
            for knob, known in zip(self._knobs, values, strict=True)
        ]
        hold = self._spec.hold
        return [*turns, Turn(FOR, spell_duration(hold), hold_steps(hold, free))]

    def _see(self, frame: Frame) -> None:
        if not self._knobs:
            return
        columns = columns_of(frame.columns)
        true = self._evaluator.evaluate(columns).when
        decided = true[:, 0::2] & ~true[:, 1::2]
        for i, measure in enumerate(self._measures):
            with np.errstate(all="ignore"):
                values = np.broadcast_to(measure.part(columns), columns.count)[decided[:, i]]
            self._found[i].append(values[~np.isnan(values)])

    def _with(self, when: str) -> Rule:
        return compile_rule(self._spec.model_copy(update={"when": when, "clear": None}))
