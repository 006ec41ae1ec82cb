"""Files of events: JSON Lines of our envelope, or CSV with a line an event. Read in a stream.

A line that cannot be used is counted and named; the others are used.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from libs.events import decode_many
from libs.runtime.csv_file import Advance, CsvFile, Problems, Row, opened
from libs.runtime.errors import ConfigError
from libs.runtime.event_rows import START, BadLineError, Origin, Place, Problem, RowReader

BLOCK = 300  # events at once: what the second-level cache holds; 1,000 took a third longer, 10,000 half


class Block(NamedTuple):
    """Some events, the line of each, and where the file is read on."""

    events: list[Any]
    lines: Sequence[int]
    next: Place


class EventFile:
    """``blocks`` yields events as the stream's hot structs; ``refused`` and ``problems`` fill meanwhile."""

    def __init__(self, path: Path, origin: Origin = Origin(), block: int | None = None) -> None:  # noqa: B008 (immutable)
        self.path = path
        self._origin, self._block = origin, block or BLOCK
        self.faults = Problems()
        try:
            self.size = path.stat().st_size
        except OSError as error:
            raise ConfigError(f"events {path}: {error.strerror}") from error

    @property
    def refused(self) -> int:
        return self.faults.count

    @property
    def problems(self) -> list[Problem]:
        return self.faults.named

    def blocks(self, advance: Advance = lambda _: None) -> Iterator[list[Any]]:
        """Up to BLOCK events at a time. `advance` is told the bytes read. Raises ConfigError."""
        return (block.events for block in self.read(START, advance))

    def read(self, start: Place, advance: Advance = lambda _: None) -> Iterator[Block]:
        """The same from any place on that a block named. Raises ConfigError."""
        with opened(self.path) as file:
            first = file.read(1)
        return self._json_lines(start, advance) if first == b"{" else self._csv(start, advance)

    # -- JSON Lines

    def _json_lines(self, start: Place, advance: Advance) -> Iterator[Block]:
        with opened(self.path) as file:
            file.seek(start.byte)
            advance(start.byte)
            while lines := list(islice(file, self._block)):
                size = sum(map(len, lines))
                advance(size)
                after = Place(start.byte + size, start.line + len(lines))
                yield self._decoded(lines, start.line, after)
                start = after

    def _decoded(self, lines: list[bytes], first: int, after: Place) -> Block:
        found = decode_many(lines)
        if not found.refused:
            return Block(found.events, range(first, first + len(lines)), after)
        for place, error in found.refused.items():
            if not lines[place].isspace():  # an empty line is no event and no fault
                self.faults.add(first + place, str(error))
        used = [first + place for place in range(len(lines)) if place not in found.refused]
        return Block(found.events, used, after)

    # -- CSV

    def _csv(self, start: Place, advance: Advance) -> Iterator[Block]:
        file = CsvFile(self.path, self.faults)
        try:
            read = RowReader(file.columns, self._origin)
        except BadLineError as error:
            raise ConfigError(f"{self.path}:1: {error}") from None
        rows = file.rows(start, advance)
        while some := list(islice(rows, self._block)):
            yield self._events(some, read)

    def _events(self, rows: list[Row], read: RowReader) -> Block:
        events: list[Any] = []
        lines: list[int] = []
        for row in rows:
            try:
                events.append(read(row.cells, row.line))
                lines.append(row.line)
            except BadLineError as error:
                self.faults.add(row.line, str(error))
        return Block(events, lines, rows[-1].next)
