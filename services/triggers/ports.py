"""What the service tells whoever watches it. It never asks anything back."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from services.triggers.domain.lifecycle import Phase


class Observer(Protocol):
    """Counts and times; the outputs do not depend on it."""

    def evaluation(self, customers: int) -> AbstractContextManager[object]:
        """Around one evaluation of all rules over that many customers."""
        ...

    def moved(self, rule: str, phase: Phase, customers: int = 1) -> None:
        """That many customers of a rule have come to stand in a phase."""
        ...

    def said(self, rule: str, action: str) -> None:
        """A rule has fired or cleared for a customer."""
        ...

    def storm_began(self, rule: str, customers: int) -> None:
        """A rule has fired for too many of a partition's customers: its firings are held from here on."""
        ...

    def storms(self, partition: int, held: Mapping[str, int]) -> None:
        """The rules in a storm on a partition, and for how many customers a firing is held."""
        ...


class NoObserver:
    """For dry runs and tests."""

    def evaluation(self, customers: int) -> AbstractContextManager[object]:  # noqa: ARG002 (the port's)
        return nullcontext()

    def moved(self, rule: str, phase: Phase, customers: int = 1) -> None:
        pass

    def said(self, rule: str, action: str) -> None:
        pass

    def storm_began(self, rule: str, customers: int) -> None:
        pass

    def storms(self, partition: int, held: Mapping[str, int]) -> None:
        pass
