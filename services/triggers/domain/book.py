"""What a partition remembers of the rule set: kept in the checkpoint's memo.

Each rule has a column of the rows' phases and the generation in which it came or its condition last
changed. A row of an older generation has not met the rule yet: what is already true for it is armed silently.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import numpy as np
import numpy.typing as npt

from services.triggers.domain.guard import Limits, Looks, Release, Storm, Watch, tick_of
from services.triggers.domain.rows import MAX_RULES, Labels
from services.triggers.domain.rules import Rule


class _Entry(msgspec.Struct, array_like=True):
    column: int
    condition: str
    added: int  # generation in which the rule came: its column starts empty
    changed: int  # generation in which its condition last changed


class _Memo(msgspec.Struct):
    generation: int = 0
    rules: dict[str, _Entry] = {}
    labels: list[str] = []
    partition: int | None = None  # None until its first chunk
    looks: Looks = msgspec.field(default_factory=Looks)
    watches: dict[str, Watch] = {}  # by rule: those that have fired of late, or are held


def watches_of(memo: bytes) -> dict[str, Watch]:
    """What a partition's memo tells from outside: every rule it knows, with what is held of it."""
    known = msgspec.json.decode(memo, type=_Memo) if memo else _Memo()
    return {rule: known.watches.get(rule, Watch()) for rule in known.rules}


class Book:
    """The rule set in force on one partition."""

    def __init__(self, memo: bytes, rules: Sequence[Rule]) -> None:
        self._memo = msgspec.json.decode(memo, type=_Memo) if memo else _Memo()
        self.labels = Labels.of(self._memo.labels)
        self._words, self._tick = len(self.labels.words), 0
        self.changed = self._adopt(rules)
        entries = [self._memo.rules[rule.id] for rule in rules]
        self.columns: npt.NDArray[np.intp] = np.array([entry.column for entry in entries], np.intp)
        self.added = np.array([entry.added for entry in entries], np.uint32)
        self.since = np.array([entry.changed for entry in entries], np.uint32)
        self.crossing = np.array([rule.crossing for rule in rules], np.bool_)

    @property
    def generation(self) -> int:
        return self._memo.generation

    def memo(self) -> bytes | None:
        """The bytes to keep, if anything has changed since they were read."""
        if not self.changed and len(self.labels.words) == self._words:
            return None
        self.changed, self._words = False, len(self.labels.words)
        self._memo.labels = self.labels.words
        return msgspec.json.encode(self._memo)

    def look(self, now: datetime) -> None:
        """Before an evaluation: its firings count as of this moment."""
        self._tick = tick_of(now)
        self.changed |= self._memo.looks.look(now)

    def admits(self, rule: str, limits: Limits, customers: int) -> bool:
        """Count a firing of a rule; False when it is to be held, and is counted so."""
        self.changed = True
        watch = self._memo.watches.setdefault(rule, Watch())
        if watch.admits(limits.allowed(customers, self._memo.looks.hours), self._tick):
            return True
        watch.held += 1
        return False

    def place(self, partition: int) -> None:
        self.changed |= partition != self._memo.partition
        self._memo.partition = partition

    @property
    def partition(self) -> int | None:
        return self._memo.partition

    def storms(self) -> dict[str, int]:
        """The rules in a storm that nobody has decided on, with how many firings are held."""
        watches = self._memo.watches.items()
        return {rule: watch.held for rule, watch in watches if watch.storm is Storm.HELD}

    def storm(self, rule: str) -> Storm:
        watch = self._memo.watches.get(rule)
        return Storm.NONE if watch is None else watch.storm

    def decide(self, rule: str, storm: Storm) -> None:
        if (watch := self._memo.watches.get(rule)) is not None:
            self.changed = True
            watch.decide(storm)

    def release(self, rule: str, request: str, per_day: int) -> None:
        self.changed = True
        watch = self._memo.watches.setdefault(rule, Watch())
        watch.release = (watch.release or Release(request, per_day)).again(request, per_day)

    def due(self, rule: str, day: int) -> int:
        """How many of the silently armed may fire on this day yet; none while the rule is in a storm."""
        watch = self._memo.watches.get(rule)
        if watch is None or watch.release is None or watch.storm is not Storm.NONE:
            return 0
        return watch.release.due(day)

    def request(self, rule: str) -> str:
        """Whose release is going on; empty: none is."""
        watch = self._memo.watches.get(rule)
        return watch.release.id if watch and watch.release else ""

    def spend(self, rule: str, day: int, fired: int, *, more: bool) -> None:
        release = self._memo.watches[rule].release
        assert release is not None
        self.changed = True
        release.spend(day, fired, more=more)

    def end_release(self, rule: str) -> None:
        self.changed = True
        self._memo.watches[rule].release = None

    def let_go(self, rule: str) -> None:
        """A held firing was released or dropped, or its reason has gone."""
        self.changed = True
        self._memo.watches[rule].let_go()

    def knows(self, rule: str) -> bool:
        return rule in self._memo.rules

    def _adopt(self, rules: Sequence[Rule]) -> bool:
        known, after = self._memo.rules, self._memo.generation + 1
        current = {rule.id for rule in rules}
        if all(r.id in known and known[r.id].condition == r.condition for r in rules) and current == set(
            known
        ):
            return False
        # A rule that has gone gives its column back; should it return, it is a new rule.
        kept = {name: entry for name, entry in known.items() if name in current}
        free = sorted(set(range(MAX_RULES)) - {entry.column for entry in kept.values()})
        for rule in rules:
            entry = kept.get(rule.id)
            if entry is None:
                kept[rule.id] = _Entry(free.pop(0), rule.condition, after, after)
            elif entry.condition != rule.condition:
                entry.condition, entry.changed = rule.condition, after
                if (watch := self._memo.watches.get(rule.id)) is not None:
                    watch.release = None  # asked for what the old condition had armed
        self._memo.rules, self._memo.generation = kept, after
        self._memo.watches = {name: watch for name, watch in self._memo.watches.items() if name in kept}
        return True
