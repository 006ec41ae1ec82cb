"""A chunk as runs of events that are taken in together, and what of them is not for this partition."""

from collections.abc import Generator, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from libs.events import Decoded, message_key
from libs.runtime.stream import Chunk, Lane, Output, Rows
from libs.runtime.stream.api import SourceRecord
from services.scoring.domain.decode import hashes
from services.scoring.moves import MovedEvent, Moves, send

ERASED, MERGED = "customer.erased", "customer.merged"


class Run(NamedTuple):
    """Events, and for each its record, type, customer's key and way so far."""

    chunk: Chunk
    records: Sequence[SourceRecord]  # their values are the events'
    events: Sequence[Any]
    types: Sequence[str]
    keys: Sequence[bytes]
    paths: Sequence[tuple[str, ...]] = ()  # of events that aliases forwarded

    def pick(self, chosen: Sequence[int]) -> "Run":
        return Run(
            self.chunk,
            [self.records[i] for i in chosen],
            [self.events[i] for i in chosen],
            [self.types[i] for i in chosen],
            [self.keys[i] for i in chosen],
            [self.paths[i] for i in chosen] if self.paths else (),
        )

    def path(self, i: int) -> tuple[str, ...]:
        return self.paths[i] if self.paths else ()


def cut(chunk: Chunk, decoded: Decoded) -> Iterator[Run]:
    """The chunk cut around each event that ends a customer: what came before it must have been taken in."""
    events, refused = decoded
    records = [r for place, r in enumerate(chunk.records) if place not in refused]
    types = [event.event_type for event in events]
    keys = [message_key(event.tenant, event.subject) for event in events]
    ends = [i for i, name in enumerate(types) if name in (MERGED, ERASED)]
    cuts = sorted({0, *ends, *(i + 1 for i in ends), len(events)})
    for low, high in pairwise(cuts):
        yield Run(chunk, records[low:high], events[low:high], types[low:high], keys[low:high])


def identity_of(event: Any) -> int:
    return int(hashes([event.id])[0])


def divert(run: Run, rows: Rows) -> Generator[Output, None, Sequence[int]]:
    """Events for customers who became somebody else go on to them; those for the erased go nowhere. Returns
    the others' places.
    """
    moves = Moves(rows)
    if not moves.any:
        return range(len(run.events))
    kept: list[int] = []
    for i, (key, event) in enumerate(zip(run.keys, run.events, strict=True)):
        alias = None if key in rows else moves.alias(key)
        if key not in rows and moves.marker(key, event.receivedat):
            _count(run, rows, "applied")
            rows.ledger.add("after_erasure")
        elif alias is None or settles(moves, key, run.path(i)):
            kept.append(i)
        elif alias.knows(identity_of(event)):
            _count(run, rows, "duplicate")
        else:
            if run.chunk.lane is Lane.EVENTS:
                rows.ledger.add("forwarded")
            move = MovedEvent((*run.path(i), key.decode()), run.records[i].value or b"")
            yield send(alias.into, move)
    return kept


def _count(run: Run, rows: Rows, what: str) -> None:
    rows.ledger.add(what)
    if run.chunk.lane is Lane.TRANSFERS:
        rows.ledger.add("arrived")


def settles(moves: Moves, key: bytes, path: tuple[str, ...]) -> bool:
    """Customers merged into each other in a ring would send for ever. What comes by for a second time
    settles at the first of the ring by name, wherever it began: so all of it ends in one row.
    """
    name = key.decode()
    if name not in path or min(path[path.index(name) :]) != name:
        return False
    moves.drop_alias(key)
    return True
