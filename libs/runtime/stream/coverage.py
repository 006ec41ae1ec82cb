"""What a consumer has read of each partition without interruption, told from its own position. Pure.

Offsets cannot tell a lost chunk from a hole that transaction markers or compaction left. The consumer's
position can: it moves over holes by itself, and only a seek or a lost chunk breaks the line.
"""

from typing import NamedTuple


class Span(NamedTuple):
    """Read from ``start`` (the first offset not yet delivered) up to ``end`` (the next to be fetched)."""

    start: int
    end: int


class Coverage:
    """One line of reading for each partition number."""

    def __init__(self) -> None:
        self._spans: dict[int, Span] = {}

    def clear(self) -> None:
        self._spans.clear()

    def sought(self, partition: int, offset: int) -> None:
        """The position was set on purpose: a new line starts."""
        self._spans[partition] = Span(offset, offset)

    def before_fetch(self, partition: int, position: int) -> None:
        """A position that nobody told us of starts a new line."""
        span = self._spans.get(partition)
        if span is None or span.end != position:
            self._spans[partition] = Span(position, position)

    def read_nothing(self, partition: int, position: int) -> None:
        """Holes only: the line grows, nothing is delivered."""
        span = self._spans.get(partition)
        if span is not None and position >= span.end:
            self._spans[partition] = Span(span.start, position)

    def delivered(self, partition: int, first_record: int, position: int) -> Span:
        """Records were read: the span they stand for. It goes back when the broker's log did."""
        span = self._spans.get(partition)
        start = first_record if span is None else min(span.start, first_record)
        self._spans[partition] = Span(position, position)
        return Span(start, position)

    def span(self, partition: int) -> Span | None:
        return self._spans.get(partition)
