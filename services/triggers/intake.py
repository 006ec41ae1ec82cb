"""A chunk sorted out: what is unreadable, who is gone, what to evaluate in which order, what is asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from libs.events import DecodeError, decode_hot
from libs.events.ids import message_key
from libs.runtime.stream import DeadLetter, SourceRecord
from services.triggers.domain import requests
from services.triggers.domain.requests import Request


@dataclass(slots=True)
class Intake:
    """What a chunk holds. It is told of the records from the last one to the first.

    Rules look at levels, not at edges: of the snapshots of one customer in one chunk the last one counts.
    Only a run of backfill snapshots is kept apart from the live ones around it, because what was true
    in the import is armed silently and what came true after it fires.
    """

    letters: list[DeadLetter] = field(default_factory=list)
    gone: dict[bytes, None] = field(default_factory=dict)  # as a set that keeps its order
    applied: int = 0
    _runs: dict[bytes, list[Any]] = field(default_factory=dict)

    def rounds(self) -> Iterable[Sequence[tuple[bytes, Any]]]:
        """At most one snapshot a customer in each, the oldest first; nearly always there is one round."""
        depth = 1
        while True:
            found = [(key, runs[-depth]) for key, runs in reversed(self._runs.items()) if len(runs) >= depth]
            if not found:
                return
            yield found
            depth += 1

    def forget(self, key: bytes) -> None:
        """What came before it does not count any more."""
        self.gone[key] = None
        self.applied += 1

    def keep(self, key: bytes, event: Any) -> None:
        """One that does not count is let go at once, while it is still in the processor's cache."""
        self.applied += 1
        if key in self.gone:
            return
        runs = self._runs.setdefault(key, [])
        if not runs or runs[-1].backfill != event.backfill:
            runs.append(event)


def read(records: Sequence[SourceRecord]) -> Intake:
    """Decode a chunk. Nothing in it raises: what cannot be used is a dead letter with its reason."""
    intake = Intake()
    for record in reversed(records):
        key = record.key
        if not key:
            intake.letters.append(DeadLetter(record, "no_key", "a snapshot's key is tenant/customer"))
        elif record.value is None:
            intake.forget(key)
        else:
            _read_one(intake, record, key, record.value)
    intake.letters.reverse()
    return intake


def _read_one(intake: Intake, record: SourceRecord, key: bytes, value: bytes) -> None:
    try:
        event = decode_hot(value, "health.snapshot")
    except DecodeError as error:
        intake.letters.append(DeadLetter(record, "undecodable", str(error)))
        return
    if message_key(event.tenant, event.subject) != key:
        intake.letters.append(
            DeadLetter(record, "wrong_key", "the key is not the snapshot's tenant/customer")
        )
        return
    intake.keep(key, event)


def read_request(record: SourceRecord) -> Request | DeadLetter:
    try:
        return requests.decode(record.value or b"")
    except msgspec.DecodeError as error:
        return DeadLetter(record, "undecodable", f"not a request: {error}")
