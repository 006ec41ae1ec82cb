"""Many customers, all rules, one evaluation: which cells of the table move, and where they stand after.

The table is customers x rules. Nearly all cells stay where they are, so numpy picks the few that may
move and only those are looked at one by one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.triggers.domain.book import Book
from services.triggers.domain.columns import Array, Bools
from services.triggers.domain.evaluator import Verdicts
from services.triggers.domain.lifecycle import Phase

Phases = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Table:
    """Phases by row and rule: `phases` with what goes silently already done, `cells` still to be advanced."""

    phases: Phases
    cells: list[tuple[int, int]]  # row, rule
    moved: Bools  # rows whose phases differ from before

    def put(self, row: int, rule: int, phase: Phase) -> None:
        self.phases[row, rule] = phase
        self.moved[row] = True


def clearing(phases: Phases) -> Bools:
    """(rules,): for which a customer's phase asks whether the rule is clear. Inactive and pending do not."""
    return np.asarray((phases >= Phase.FIRING).any(axis=0))


def plan(rows: Array, verdicts: Verdicts, book: Book, backfill: Bools, fresh: Bools) -> Table:
    """Of each row: whether it comes from a history import, and whether its customer is first seen now."""
    before = rows["phases"][:, book.columns]
    generation = rows["generation"][:, None]
    phases = np.where(generation < book.added, np.uint8(Phase.INACTIVE), before)
    silently = backfill[:, None] | (generation < book.since) | (fresh[:, None] & book.crossing)
    inactive = phases == Phase.INACTIVE
    phases[inactive & verdicts.when & silently] = Phase.SILENT
    phases[(phases == Phase.SILENT) & verdicts.clear & ~verdicts.when] = Phase.INACTIVE
    cells = (
        (inactive & verdicts.when & ~silently)
        | (phases == Phase.PENDING)
        | ((phases == Phase.FIRING) & verdicts.clear)
        | (phases == Phase.CALMING)
        | ((phases == Phase.HELD) & verdicts.clear & ~verdicts.when)
    )
    found = [(int(row), int(rule)) for row, rule in np.argwhere(cells)]
    return Table(phases, found, (phases != before).any(axis=1))
