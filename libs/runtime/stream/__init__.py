"""The streaming core: services as two pure functions, exactly once. README.md tells how it works.

This package imports neither Faust nor Kafka; the worker is in :mod:`libs.runtime.stream.worker`.
"""

from libs.runtime.stream.api import (
    Chunk,
    DeadLetter,
    InputRecord,
    Output,
    Record,
    SourceRecord,
    StreamService,
)
from libs.runtime.stream.errors import (
    FencedError,
    LayoutError,
    PositionError,
    StateError,
    StepError,
    StreamError,
)
from libs.runtime.stream.local import LocalRunner
from libs.runtime.stream.rows import Ledger, Rows, SparseRecords

__all__ = [
    "Chunk",
    "DeadLetter",
    "FencedError",
    "InputRecord",
    "LayoutError",
    "Ledger",
    "LocalRunner",
    "Output",
    "PositionError",
    "Record",
    "Rows",
    "SourceRecord",
    "SparseRecords",
    "StateError",
    "StepError",
    "StreamError",
    "StreamService",
]
