"""What scoring tells of itself while it works; the ledger is exact, this is for graphs."""

from collections.abc import Sequence
from typing import Protocol


class Observer(Protocol):
    """Counts on the way, before the commit."""

    def took(self, types: Sequence[str], duplicates: int) -> None:
        """Events decoded, by type, and how many of them had been seen before."""
        ...

    def said(self, snapshots: Sequence[str], changes: Sequence[str]) -> None:
        """The band of each snapshot, and of each health.changed."""
        ...

    def left_out(self, *, rateless: int, robots: int, merges: int) -> None:
        """Amounts without a rate, visits of robots, rows joined by merges: totals since the start."""
        ...


class NoObserver:
    """For tests, replay and backtest."""

    def took(self, types: Sequence[str], duplicates: int) -> None:
        """Nobody looks."""

    def said(self, snapshots: Sequence[str], changes: Sequence[str]) -> None:
        """Nobody looks."""

    def left_out(self, *, rateless: int, robots: int, merges: int) -> None:
        """Nobody looks."""
