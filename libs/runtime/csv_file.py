"""CSV files read in a stream, each row with its place, so that reading can stop anywhere and go on there."""

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from libs.runtime.errors import ConfigError
from libs.runtime.event_rows import START, Place, Problem

_TELL = 1 << 16  # bytes between two words of progress
_BUFFER = 1 << 20  # bytes; lines are read in half the time they take from the usual 8 KiB
NAMED = 20  # problems whose lines are kept; all are counted
Advance = Callable[[int], None]
"""Is told how many bytes were read."""


class Problems:
    """What could not be used: all counted, the first of them named."""

    def __init__(self) -> None:
        self.count = 0
        self.named: list[Problem] = []

    def add(self, line: int, what: str) -> None:
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append(Problem(line, what))

    def take(self, others: "Problems") -> None:
        """Theirs behind ours; they are left without."""
        self.count += others.count
        self.named += others.named[: NAMED - len(self.named)]
        others.count, others.named = 0, []


class Row(NamedTuple):
    """A row, the lines it begins on and the next one does, and the byte of that."""

    cells: list[str]
    line: int
    next_line: int
    next_byte: int

    @property
    def next(self) -> Place:
        return Place(self.next_byte, self.next_line)


class CsvFile:
    """A CSV with a header. Column names are compared without case."""

    def __init__(self, path: Path, problems: Problems) -> None:
        self._path, self._problems = path, problems
        with opened(path) as file:
            lines = _Lines(file, START, lambda _: None)
            try:
                header = next(csv.reader(lines), [])
            except csv.Error as error:
                raise ConfigError(f"{path}:1: {error}") from None
        self._first = lines.place
        self.columns: Mapping[str, int] = {name.strip().lower(): i for i, name in enumerate(header)}

    def rows(self, start: Place = START, advance: Advance = lambda _: None) -> Iterator[Row]:
        """From `start` on. A row that is no CSV is a problem; reading goes on with the next line."""
        with opened(self._path) as file:
            begin = max(start, self._first)
            advance(begin.byte)
            lines = _Lines(file, begin, advance)
            reader = csv.reader(lines)
            while True:
                line = lines.line
                try:
                    cells = next(reader, None)
                except csv.Error as error:
                    self._problems.add(line, f"no CSV from here to line {lines.line - 1}: {error}")
                    continue
                if cells is None:
                    return
                if cells:
                    yield Row(cells, line, lines.line, lines.byte)


class _Lines:
    """The file's lines as text; it stands behind the last one given. Bytes that are no UTF-8 are marked."""

    def __init__(self, file: BinaryIO, start: Place, advance: Advance) -> None:
        self.byte, self.line = start
        self._told, self._advance = start.byte, advance
        file.seek(start.byte)
        self._file = file

    @property
    def place(self) -> Place:
        return Place(self.byte, self.line)

    def __iter__(self) -> Iterator[str]:
        for raw in self._file:
            text = raw.decode("utf-8" if self.byte else "utf-8-sig", "replace")
            self.byte += len(raw)
            self.line += 1
            if self.byte - self._told > _TELL:
                self._tell()
            yield text
        self._tell()

    def _tell(self) -> None:
        self._advance(self.byte - self._told)
        self._told = self.byte


def opened(path: Path) -> BinaryIO:
    """Raises ConfigError."""
    try:
        return path.open("rb", buffering=_BUFFER)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
