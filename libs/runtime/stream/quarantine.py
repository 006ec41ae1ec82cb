"""A record that makes `step` raise: found by bisection, so that the partition can go on without it. Pure.

The first raises end the worker, because most errors are of the moment; how often it happened in a row at
the same place is kept in the state topic (:class:`.state.Trouble`). Then the chunk is taken apart.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from libs.runtime.stream.api import Chunk, DeadLetter, SourceRecord
from libs.runtime.stream.rows import Rows

REASON = "quarantined"

# Runs `step` over a chunk and rows to its end; raises what it raises.
Trial = Callable[[Chunk, Rows], object]


class Part(NamedTuple):
    """A piece of a chunk: to be taken in, or to be buried with its one record."""

    chunk: Chunk
    letter: DeadLetter | None = None


def take_apart(chunk: Chunk, rows: Rows, trial: Trial) -> Iterator[Part]:
    """The chunk in pieces of which none raises. Take each in before asking for the next one."""
    rest = chunk
    while (error := _error_of(rest, rows, trial)) is not None and rest.records:
        index, error = _first_bad(rest, rows, trial, error)
        if index:
            yield Part(_between(rest, 0, index))
        bad = rest.records[index]
        yield Part(_between(rest, index, index + 1), DeadLetter(bad, REASON, _words(bad, error)))
        rest = _between(rest, index + 1, len(rest.records))
    yield Part(rest)


def _first_bad(chunk: Chunk, rows: Rows, trial: Trial, error: Exception) -> tuple[int, Exception]:
    """The first record with which the chunk raises, and what it raises then."""
    good, bad = 0, len(chunk.records)  # so many records pass; so many raise
    while bad - good > 1:
        middle = (good + bad) // 2
        found = _error_of(_between(chunk, 0, middle), rows, trial)
        if found is None:
            good = middle
        else:
            bad, error = middle, found
    return bad - 1, error


def _error_of(chunk: Chunk, rows: Rows, trial: Trial) -> Exception | None:
    """Tried on a copy: the rows themselves stay as they are."""
    try:
        trial(chunk, rows.copy())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this chunk's
        return error
    return None


def _between(chunk: Chunk, start: int, stop: int) -> Chunk:
    """Records start..stop-1, with the offsets up to the next record that is not in them."""
    records = chunk.records
    first = chunk.first if start == 0 else records[start].offset if start < len(records) else chunk.next
    after = records[stop].offset if stop < len(records) else chunk.next
    return msgspec.structs.replace(chunk, first=first, next=after, records=records[start:stop])


def _words(record: SourceRecord, error: Exception) -> str:
    """Never what the record held, which an error's text may repeat: the kind of error and where."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    code = place.tb_frame.f_code if place is not None else None
    where = f" in {code.co_name}" if code is not None else ""
    return f"step raises {type(error).__name__}{where} at offset {record.offset}, each time it is tried"
