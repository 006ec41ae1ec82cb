"""Where a delivered chunk stands against what the rows already hold. Pure."""

from bisect import bisect_left
from enum import Enum
from typing import NamedTuple

import msgspec

from libs.runtime.stream.api import Chunk, SourceRecord


class Verdict(Enum):
    """The values are the label of the metric that counts dropped chunks."""

    TAKE = "take"
    SEEN = "seen before"  # all of it is in the rows already
    GAP = "gap"  # records before it were never delivered


class Fit(NamedTuple):
    verdict: Verdict
    chunk: Chunk


def fit(chunk: Chunk, expected: int) -> Fit:
    """Compare a chunk with the next offset the rows expect; cut off what they already hold.

    ``chunk.first`` is where reading started, not the first record's offset: holes that transaction
    markers, compaction or retention leave inside what was read are no gap.
    """
    if chunk.next <= expected:
        return Fit(Verdict.SEEN, chunk)
    if chunk.first > expected:
        return Fit(Verdict.GAP, chunk)
    if chunk.first < expected:
        kept = chunk.records[bisect_left(chunk.records, expected, key=_offset) :]
        chunk = msgspec.structs.replace(chunk, first=expected, records=kept)
    return Fit(Verdict.TAKE, chunk)


def _offset(record: SourceRecord) -> int:
    return record.offset
