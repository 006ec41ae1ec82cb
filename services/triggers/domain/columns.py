"""What conditions are evaluated over: the vocabulary's columns as arrays, a value a customer."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from services.triggers.domain.vocabulary import VOCABULARY

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

UNKNOWN_FLAG = int(np.iinfo(np.int8).min)


class Columns(dict[str, Array]):
    """Columns by name, each made when a condition first asks for it.

    A number is a float64, NaN where nothing is known, a time the same in microseconds since 1970 (exact up to
    the year 2255); a flag 1, 0 or UNKNOWN_FLAG; a text the number of its word, 0 where nothing is known.
    """

    def __init__(self, count: int, make: Callable[[str], Array], words: Mapping[str, int]) -> None:
        """`words`: numbers of the words of open text columns. Those of a closed list count from 1."""
        super().__init__()
        self.count, self._make, self._words = count, make, words

    def __missing__(self, name: str) -> Array:
        made = self[name] = self._make(name)
        return made

    def code(self, name: str, word: str) -> int:
        """The number of a word in a column that has been made; one that no value has, if nobody has it."""
        choices = VOCABULARY[name].choices
        return choices.index(word) + 1 if choices else self._words.get(word, -1)

    def part(self, start: int, stop: int) -> "Columns":
        """The same of some customers."""
        stop = min(stop, self.count)
        return Columns(stop - start, lambda name: self[name][start:stop], self._words)


Part = Callable[[Columns], Any]
"""A translated part: gives an array of numbers or times, the codes of a text, the three values of a flag."""


def lift(how: Callable[..., Any], *parts: Part) -> Part:
    """`how` of what the parts come to, each computed once."""
    if len(parts) == 1:
        (only,) = parts
        return lambda columns: how(only(columns))
    if len(parts) == 2:
        left, right = parts
        return lambda columns: how(left(columns), right(columns))
    return lambda columns: how(*[part(columns) for part in parts])


def constant(value: Any) -> Part:
    return lambda _: value


def cells(name: str) -> Part:
    return lambda columns: columns[name]
