"""What a consumer has read of each partition without interruption, told from its own position. Pure.

Offsets cannot tell a lost chunk from a hole that transaction markers or compaction left. The consumer's
position can: it moves over holes by itself, and only a seek or a lost chunk breaks the line.
"""

from typing import NamedTuple

from libs.runtime.stream.api import Lane


class Span(NamedTuple):
    """Read from ``start`` (the first offset not yet delivered) up to ``end`` (the next to be fetched)."""

    start: int
    end: int


class Place(NamedTuple):
    """One partition of one of the two topics that are read."""

    lane: Lane
    partition: int


class Coverage:
    """One line of reading for each place."""

    def __init__(self) -> None:
        self._spans: dict[Place, Span] = {}

    def clear(self) -> None:
        self._spans.clear()

    def sought(self, place: Place, offset: int) -> None:
        """The position was set on purpose: a new line starts."""
        self._spans[place] = Span(offset, offset)

    def before_fetch(self, place: Place, position: int) -> None:
        """A position that nobody told us of starts a new line."""
        span = self._spans.get(place)
        if span is None or span.end != position:
            self._spans[place] = Span(position, position)

    def read_nothing(self, place: Place, position: int) -> None:
        """Holes only: the line grows, nothing is delivered."""
        span = self._spans.get(place)
        if span is not None and position >= span.end:
            self._spans[place] = Span(span.start, position)

    def delivered(self, place: Place, first_record: int, position: int) -> Span:
        """Records were read: the span they stand for. It goes back when the broker's log did."""
        span = self._spans.get(place)
        start = first_record if span is None else min(span.start, first_record)
        self._spans[place] = Span(position, position)
        return Span(start, position)

    def span(self, place: Place) -> Span | None:
        return self._spans.get(place)
