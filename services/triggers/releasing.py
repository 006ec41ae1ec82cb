"""Who is next of those silently armed: found as a sweep goes by, a slice at a time.

A sweep evaluates everybody anyway. From each of its slices the most valuable are kept, and once it has gone
past all of them, those kept are the partition's. So no slice looks at anybody but its own and the few that
it fires.

The lists live in memory alone. What has fired stands in the rows and how many in the memo, both stored with
the firings: where rows have been read back, after a crash or a rebalance, the next sweep makes the list anew.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from libs.runtime.stream import Rows
from libs.runtime.stream.rows import Ledger, Slots
from services.triggers.domain.rows import worth

# Customers a list holds: so many are sorted without holding up the loop. A release of more goes on with the
# sweep after.
LONGEST = 2_048


class Ticket(NamedTuple):
    """What a list was made for: another ticket, another list."""

    rows: Ledger  # stands for the rows, whose windows come and go: rows read back have another one
    generation: int  # of the rules
    request: str
    day: int


class _Candidate(NamedTuple):
    """In the order of release."""

    unspent: float
    unbilled: float
    slot: int
    key: bytes  # a slot may have become another's by the time it is fired


class Line:
    """The silently armed of one rule for whom it is true, the most valuable first."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self.complete = False  # a sweep has gone past everybody
        self.silent = 0  # seen in that sweep, true or not
        self.full = False  # there may be more than the line holds
        self._begun = False
        self._best: list[_Candidate] = []

    def __bool__(self) -> bool:
        return bool(self._best)

    def see(self, rows: Rows, silent: int, true: Slots, most: int, ready: Callable[[bytes], bool]) -> None:
        """A slice of a sweep: how many are silently armed in it, and for whom the rule is `true`."""
        everybody, here = rows.window(0, rows.extent).slots, rows.slots
        if here[0] == everybody[0]:
            self._begun, self.silent, self._best = True, 0, []
        if not self._begun:
            return  # asked for in the middle of a sweep
        self.silent += silent
        self._keep(rows, true, min(most, LONGEST), ready)
        self.complete = bool(here[-1] == everybody[-1])

    def _keep(self, rows: Rows, true: Slots, most: int, ready: Callable[[bytes], bool]) -> None:
        """Of the line and these the best. Who comes too late anyway is not asked whether they are `ready`."""
        best, values = self._best, worth(rows.array["spend_total"][true], rows.array["mrr"][true])
        found = (
            _Candidate(*value, slot, rows.key_of(slot))
            for value, slot in zip(values, true.tolist(), strict=True)
        )
        last = best[-1] if len(best) >= most else None
        fresh = [one for one in found if (last is None or one < last) and ready(one.key)]
        self._best = sorted([*best, *fresh])[:most]
        self.full = len(self._best) == most

    def take(self, most: int) -> Sequence[bytes]:
        """The next so many, who leave the line."""
        taken, self._best = self._best[:most], self._best[most:]
        return [one.key for one in taken]


class Lines:
    """One a partition and rule, while its release goes on."""

    def __init__(self) -> None:
        self._lines: dict[tuple[int | None, str], Line] = {}

    def of(self, partition: int | None, rule: str, ticket: Ticket) -> Line:
        line = self._lines.get((partition, rule))
        if line is None or line.ticket != ticket:
            line = self._lines[partition, rule] = Line(ticket)
        return line

    def end(self, partition: int | None, rule: str) -> None:
        self._lines.pop((partition, rule), None)
