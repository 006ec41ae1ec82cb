"""What leaves ingest: bytes for a topic."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """An encoded record on its way to a topic; `value` None is a tombstone."""

    topic: str
    key: bytes
    value: bytes | None
