"""A dead letter as it is written: reason and origin, never the record's content."""

import re
from datetime import datetime

import msgspec

from libs.runtime.stream.api import DeadLetter, Record

_DETAIL = 1_000  # characters, as in libs.events.deadletter
_NOT_A_LABEL = re.compile(r"[^A-Za-z0-9_.:+-]+")
_encode = msgspec.json.Encoder().encode


def dead_letter_record(topic: str, source: str, letter: DeadLetter, partition: int, at: datetime) -> Record:
    """In the shape of ``libs.events.deadletter.DeadLetter``; the key is kept, so that erasure finds it."""
    body = {
        "reason": _NOT_A_LABEL.sub("-", letter.reason)[:64] or "unknown",
        "detail": letter.detail[:_DETAIL],
        "origin": f"{source}/{partition}/{letter.record.offset}",
        "at": at,
    }
    return Record(topic, letter.record.key or b"", _encode(body))
