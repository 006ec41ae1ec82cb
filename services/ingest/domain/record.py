"""What leaves ingest: bytes for a topic."""

import msgspec


class Record(msgspec.Struct, frozen=True):
    """An encoded record on its way to a topic; `value` None is a tombstone."""

    topic: str
    key: bytes
    value: bytes | None
