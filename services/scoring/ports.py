"""What scoring tells of itself while it works; the ledger is exact, this is for graphs."""

from collections.abc import Sequence
from typing import Protocol


class Observer(Protocol):
    """Counts on the way, before the commit."""

    def took(self, types: Sequence[str], duplicates: int) -> None:
        """Events decoded, by type, and how many of them had been seen before."""
        ...

    def said(self, band: str, *, changed: bool) -> None:
        """A snapshot, and whether it came with a health.changed."""
        ...

    def left_out(self, *, rateless: int, robots: int, merges: int) -> None:
        """Amounts without a rate, visits of robots, merges not carried out yet: totals since the start."""
        ...


class NoObserver:
    """For tests, replay and backtest."""

    def took(self, types: Sequence[str], duplicates: int) -> None:
        """Nobody looks."""

    def said(self, band: str, *, changed: bool) -> None:
        """Nobody looks."""

    def left_out(self, *, rateless: int, robots: int, merges: int) -> None:
        """Nobody looks."""
